// Asks the server where the fits stand, and loads the report again when it has changed.
"use strict";
(() => {
  const EAGER = 2000;
  const CALM = 15000;
  const frame = document.querySelector("iframe");
  const wait = document.querySelector(".wait");

  // Loads the report and goes back to where the reader was, once the figures have their heights.
  function load() {
    const place = frame.contentWindow?.scrollY ?? 0;
    const back = (left) => {
      const inside = frame.contentWindow;
      if (inside.document.documentElement.dataset.figures !== "drawn" && left > 0) {
        setTimeout(back, 100, left - 1);
      } else {
        inside.scrollTo(0, place);
      }
    };
    frame.addEventListener("load", () => place > 0 && back(100), { once: true });
    if (frame.hasAttribute("src")) {
      frame.contentWindow.location.reload();
    } else {
      frame.src = "report.html";
    }
    frame.hidden = false;
    wait.hidden = true;
    document.querySelector(".aside a").hidden = false;
  }

  function show(runs) {
    for (const element of document.querySelectorAll("[data-run]")) {
      const run = runs[Number(element.dataset.run)];
      for (const part of ["words", "progress"]) {
        const line = element.querySelector("." + part);
        // Only what is new is read out by screen readers.
        if (line.textContent !== run[part]) line.textContent = run[part];
      }
      if (frame && run.is_readable && (frame.hidden || run.version !== element.dataset.version)) load();
      element.dataset.version = run.version;
    }
  }

  async function look() {
    let pause = EAGER;
    try {
      const answer = await fetch("state.json", { cache: "no-store" });
      const runs = await answer.json();
      show(runs);
      if (runs.every((run) => run.is_done)) pause = CALM;
    } catch {
      for (const line of document.querySelectorAll(".words")) {
        line.textContent = "The server does not answer any more; what is shown is the last that was known.";
      }
      for (const line of document.querySelectorAll(".progress")) line.textContent = "";
      pause = CALM;
    }
    setTimeout(look, pause);
  }

  setTimeout(look, EAGER);
})();
