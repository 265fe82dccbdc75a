// Draws every figure from the specification that stands beside it, and offers its data.
"use strict";
(() => {
  const parsed = (element) => JSON.parse(element.textContent);

  // A cell of a CSV file (RFC 4180). Text that a spreadsheet would take for a formula stays text.
  function cell(value) {
    let text = String(value ?? "");
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = "'" + text;
    return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  }

  // All data of a figure; the first column tells the parts apart.
  function csv(specification) {
    const parts = Object.entries(specification.datasets ?? {});
    if (specification.data?.values) parts.push(["data", specification.data.values]);
    const names = specification.usermeta?.columns ?? {};
    const fields = [...new Set(parts.flatMap(([, rows]) => rows.flatMap((row) => Object.keys(row))))];
    const lines = [["part", ...fields.map((field) => names[field] ?? field)]];
    for (const [part, rows] of parts) {
      for (const row of rows) lines.push([part, ...fields.map((field) => row[field])]);
    }
    return lines.map((line) => line.map(cell).join(",") + "\r\n").join("");
  }

  function offerData(figure, specification) {
    const actions = figure.querySelector(".vega-actions");
    if (!actions) return;
    const link = document.createElement("a");
    link.textContent = "Save data as CSV";
    link.download = figure.dataset.file + ".csv";
    link.href = "#";
    link.addEventListener("click", () => {
      URL.revokeObjectURL(link.href);
      link.href = URL.createObjectURL(new Blob([csv(specification)], { type: "text/csv" }));
    });
    actions.append(link);
  }

  async function draw(figure, config) {
    const chart = figure.querySelector(".chart");
    try {
      const specification = parsed(figure.querySelector("script"));
      await vegaEmbed(chart, specification, {
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
      chart.querySelector("summary")?.setAttribute("aria-label", "Save this figure: " + figure.dataset.file);
      offerData(figure, specification);
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
