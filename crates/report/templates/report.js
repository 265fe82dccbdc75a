// Draws every figure from the specification that stands beside it.
"use strict";
(() => {
  const parsed = (element) => JSON.parse(element.textContent);

  async function draw(figure, config) {
    const chart = figure.querySelector(".chart");
    try {
      await vegaEmbed(chart, parsed(figure.querySelector("script")), {
        mode: "vega-lite",
        config,
        // Interpreted expressions: the page's policy forbids evaluating text as code.
        ast: true,
        renderer: figure.dataset.renderer,
        actions: { export: { png: true, svg: true }, source: false, compiled: false, editor: false },
        i18n: { CLICK_TO_VIEW_ACTIONS: "Save this figure", PNG_ACTION: "Save as PNG", SVG_ACTION: "Save as SVG" },
        scaleFactor: { png: 3, svg: 1 },
        downloadFileName: figure.dataset.file,
        defaultStyle: false,
        forceActionsMenu: true,
        tooltip: { disableDefaultStyle: true },
      });
    } catch (error) {
      chart.textContent = "This figure could not be drawn: " + error.message;
      console.error(error);
    }
  }

  async function drawAll() {
    const config = parsed(document.getElementById("chart-config"));
    for (const figure of document.querySelectorAll(".figure")) {
      await draw(figure, config);
    }
    document.documentElement.dataset.figures = "drawn";
  }

  document.addEventListener("DOMContentLoaded", drawAll);
})();
