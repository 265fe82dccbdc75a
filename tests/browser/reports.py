"""Opens reports in a headless Chromium as a reader would.

Fails on any console message of an error or a warning, any page error, any network request but the file itself, a figure
that was not drawn, a page wider than its window, whatever axe-core finds inaccessible, or data that cannot be saved; and,
with scripts off, where the tables are not to be read.

Usage: reports.py [--screenshots FOLDER] [--kept FOLDER] [REPORT ...]; without reports it makes some of several kinds of
fits, predictions and comparisons, and that of the made-up run in crates/report/examples/sample.rs, and opens them. With
--kept it also opens the reports of all data sets, which the test of the data sets leaves in a folder.
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update"]
VIEWS = {"wide": (1280, "light"), "narrow": (390, "light"), "dark": (1280, "dark")}
FITS = {
    "abc-smc": ["datasets/hypoxia-fatemap", "--population", "100", "--max-simulations", "4000"],
    "mle": ["datasets/sw620-switching", "--method", "mle"],
    "again": ["datasets/sw620-switching", "--method", "mle", "--seed", "2"],
    "groups": ["datasets/pdx-resection", "--method", "mle"],
}
PROGRAM = os.environ.get("METACASCADE_BIN", ROOT / "target/release/metacascade")
ARMS = ["--arm", "datasets/pdx-resection/arms/anti-VEGF.toml", "--times", "0:200:10", "--method", "hybrid", "--draws", "40"]


def browser_path():
    """Where Chromium is."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    return found or sys.exit("there is no Chromium; scripts/python-environment installs it")


def fitted(folder):
    """Reports of quick fits."""
    program = PROGRAM
    for name, arguments in FITS.items():
        run = Path(folder) / name
        subprocess.run([program, "fit", *arguments, "-o", run], cwd=ROOT, check=True, capture_output=True)
        yield run / "report.html"
    groups, compared = Path(folder) / "groups", Path(folder) / "compared"
    subprocess.run([program, "predict", groups, *ARMS], cwd=ROOT, check=True, capture_output=True)
    yield groups / "predict" / "predict.html"
    compared.mkdir()
    runs = [Path(folder) / name for name in FITS if name != "abc-smc"]
    subprocess.run([program, "compare", *runs, "-o", compared / "compare.html"], cwd=ROOT, check=True, capture_output=True)
    yield compared / "compare.html"


def simulated(folder):
    """Pages of simulations: lines, intervals, and mean and standard deviation."""
    for name, arguments in {"lines": ["-n", "8"], "bands": ["-n", "80"], "moments": ["-n", "80", "--summary"]}.items():
        page = Path(folder) / name / "simulate.html"
        page.parent.mkdir()
        subprocess.run([PROGRAM, "simulate", "cascade-core", "--times", "0:45:0.5", *arguments, "--plot", page], cwd=ROOT,
                       check=True, capture_output=True)
        yield page


def sample(folder):
    """The report of a made-up run, with names in it that would be markup if they could."""
    report = Path(folder) / "sample" / "report.html"
    report.parent.mkdir()
    # `cargo test --workspace` has built it; a build of this package alone would build all dependencies anew.
    built = Path(PROGRAM).parent / "examples" / "sample"
    if not built.exists():
        subprocess.run(["cargo", "build", "--release", "--quiet", "--workspace", "--examples"], cwd=ROOT, check=True)
    subprocess.run([built, report], cwd=ROOT, check=True)
    return report


def kept(folder):
    """The reports of all data sets."""
    for problem in sorted((ROOT / "datasets").glob("*/problem.yaml")):
        report = folder / problem.parent.name / "report.html"
        yield report if report.exists() else sys.exit(f"there is no {report}: the test of the data sets writes it")


def undrawn(page):
    """Descriptions of figures without a drawing of some size."""
    return page.evaluate("""() => [...document.querySelectorAll('.figure')].filter(figure => {
        const drawing = figure.querySelector('.chart svg.marks, .chart canvas.marks');
        if (!drawing) return true;
        const {width, height} = drawing.getBoundingClientRect();
        return width < 50 || height < 50;
    }).map(figure => figure.dataset.file)""")


def saved(page):
    """What is wrong with the data of the first figure as a reader saves them."""
    figure = page.locator(".figure").first
    figure.locator(".chart > details > summary").click()
    with page.expect_download() as download:
        figure.locator("a", has_text="Save data as CSV").click()
    rows = list(csv.reader(Path(download.value.path()).read_text(encoding="utf-8").splitlines()))
    figure.locator(".chart > details > summary").click()
    if len(rows) < 2 or rows[0][0] != "part" or any(len(row) != len(rows[0]) for row in rows):
        yield f"the data of a figure are saved as {rows[:2]}"


def check(browser, report, screenshots, views):
    """What is wrong with a report, in these views."""
    wrong = []
    for view, (width, scheme) in views.items():
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        say = lambda text: wrong.append(f"{report} ({view}): {text}")
        page.on("console", lambda message: message.type in ("error", "warning") and say(f"console: {message.text}"))
        page.on("pageerror", lambda error: say(f"page error: {error}"))
        dialogs = []
        page.on("dialog", lambda dialog: (dialogs.append(dialog), dialog.dismiss()))
        page.on("request", lambda request: request.url.startswith(("data:", "blob:")) or request.url == report.as_uri()
                or say(f"network: {request.url}"))
        page.goto(report.as_uri())
        figures = page.locator(".figure").count()
        try:
            page.wait_for_function("""() => [...document.querySelectorAll('.figure')]
                .every(figure => figure.querySelector('.chart svg.marks, .chart canvas.marks'))""", timeout=20_000)
        except Exception:  # what is missing is told below
            pass
        if not figures:
            say("there are no figures")
        for figure in undrawn(page):
            say(f"the figure {figure} was not drawn")
        if dialogs:
            say("a name from a file ran as a script")
        for violation in Axe().run(page).response["violations"]:
            say(f"axe-core, {violation['id']}: {violation['help']}, as in {violation['nodes'][0]['html'][:100]}")
        if view == "wide" and figures:
            wrong += [f"{report}: {text}" for text in saved(page)]
        found = page.evaluate("document.documentElement.scrollWidth")
        if found > width:
            say(f"the page is {found} pixels wide in a window of {width}")
        if screenshots:
            page.screenshot(path=Path(screenshots) / f"{report.parent.name}-{view}.png", full_page=True)
            if view == "wide":
                page.pdf(path=Path(screenshots) / f"{report.parent.name}.pdf", format="A4", print_background=True)
        page.close()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    if not page.locator("#parameters table.cards, #events table.cards, #summary table.cards, #ends table").first.is_visible():
        wrong.append(f"{report}: without scripts the table of parameters, events, runs or values is not visible")
    if page.locator(".figure").first.is_visible():
        wrong.append(f"{report}: without scripts there are empty figures")
    context.close()
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reports", nargs="*", type=Path)
    parser.add_argument("--screenshots", type=Path)
    parser.add_argument("--kept", type=Path)
    arguments = parser.parse_args()
    chromium = browser_path()
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    wrong = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        reports = [(report, VIEWS) for report in arguments.reports or [*fitted(folder), *simulated(folder), sample(folder)]]
        # Dark colours are those of the other pages.
        light = {name: view for name, view in VIEWS.items() if name != "dark"}
        reports += [(report, light) for report in (kept(arguments.kept) if arguments.kept else [])]
        for report, views in reports:
            wrong += check(browser, report.resolve(), arguments.screenshots, views)
            print(f"{report.parent.name}: opened")
        browser.close()
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
