"""Draws the main figure of each dataset's report: the first one that holds data against predictions.

Usage: thumbnails.py [NAME ...]; without names, of every dataset with a run in runs/NAME.
"""

import sys

from playwright.sync_api import sync_playwright

from reports import FLAGS, ROOT, browser_path

WIDTH, HIGHEST = 900, 700
# The figure alone, as wide as the picture.
STYLE = """
main, header { max-width: none; padding: 0; margin: 0; }
.observables > * { grid-column: 1 / -1; }
.panels .figure, .whole .panels .figure { max-width: none; }
.figures.panels { padding: 12px 16px; gap: 8px 20px; }
"""


def draw(browser, name):
    report = ROOT / "runs" / name / "report.html"
    picture = ROOT / "datasets" / name / "figure.png"
    page = browser.new_page(viewport={"width": WIDTH, "height": HIGHEST}, color_scheme="light")
    page.goto(report.as_uri())
    page.add_style_tag(content=STYLE)
    page.wait_for_function("document.documentElement.dataset.figures === 'drawn'", timeout=60_000)
    # Figures are drawn as wide as their place is when the window changes.
    page.set_viewport_size({"width": WIDTH, "height": HIGHEST + 1})
    page.wait_for_timeout(500)
    panels = page.locator("#data .panels").first
    panels.scroll_into_view_if_needed()
    box = panels.bounding_box()
    rows = page.evaluate("""() => [...document.querySelector('#data .panels').children]
        .map(figure => figure.getBoundingClientRect().bottom + window.scrollY)""")
    top = box["y"] + page.evaluate("window.scrollY")
    # As many whole rows of panels as there is room for.
    end = max([bottom for bottom in rows if bottom - top <= HIGHEST] or [top + HIGHEST]) + 12
    page.screenshot(path=picture, full_page=True,
                    clip={"x": 0, "y": top, "width": WIDTH, "height": min(end - top, box["height"])})
    page.close()
    print(picture.relative_to(ROOT))


def main():
    names = sys.argv[1:] or sorted(path.parent.name for path in (ROOT / "runs").glob("*/report.html")
                                   if (ROOT / "datasets" / path.parent.name).is_dir())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        for name in names:
            draw(browser, name)
        browser.close()


if __name__ == "__main__":
    main()
