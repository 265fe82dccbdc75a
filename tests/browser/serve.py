"""Opens `metacascade serve` in a headless Chromium while a fit goes on.

Fails if the page does not say that nothing is complete yet, does not show the report by itself when something is, does not
load it again when there is more, loses the reader's place when it does, or has any console message of an error or a
warning, or any request to another place.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from reports import FLAGS, PROGRAM, ROOT, browser_path

FIT = ["datasets/sw620-switching", "--method", "abc-smc", "--population", "4000", "--max-simulations", "3000000", "--quiet"]


def wait(page, what, expression, argument=None, seconds=120):
    """Waits until an expression of the page holds; what the browser's own way to wait does, the page's policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression, argument):
        if time.monotonic() > end:
            sys.exit(f"{what} did not come")
        time.sleep(0.1)


def check(browser, folder):
    """What is wrong with the pages of a fit that goes on."""
    wrong, run = [], Path(folder) / "going"
    fit = subprocess.Popen([PROGRAM, "fit", *FIT, "-o", run], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = None
    try:
        while not (Path(folder) / ".going.partial" / "settings.toml").exists() and not run.exists():
            time.sleep(0.02)
        server = subprocess.Popen([PROGRAM, "serve", run], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        address = server.stdout.readline().strip()
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("console", lambda message: message.type in ("error", "warning") and wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
        page.on("request", lambda request: request.url.startswith(("data:", "blob:", address))
                or wrong.append(f"network: {request.url}"))
        page.goto(address)
        if "under way" not in page.locator(".words").inner_text():
            wrong.append(f"the page says {page.locator('.words').inner_text()}")
        if not page.locator(".wait").is_visible() and not page.locator("iframe").is_visible():
            wrong.append("the page shows neither that it waits nor a report")
        page.locator("iframe").wait_for(state="visible", timeout=120_000)
        drawn = "() => document.querySelector('iframe').contentDocument?.documentElement.dataset.figures === 'drawn'"
        wait(page, "the report", drawn)
        version = page.locator("header").get_attribute("data-version")
        page.evaluate("document.querySelector('iframe').contentWindow.scrollTo(0, 700)")
        wait(page, "a newer report", "(old) => document.querySelector('header').dataset.version !== old", version)
        page.wait_for_timeout(500)
        wait(page, "the newer report", drawn)
        page.wait_for_timeout(500)
        place = page.evaluate("document.querySelector('iframe').contentWindow.scrollY")
        if abs(place - 700) > 60:
            wrong.append(f"the reader was at 700 pixels, and is at {place} after the report was loaded again")
        if not page.locator(".progress").inner_text():
            wrong.append("nothing is said of the progress")
        if screenshot := os.environ.get("METACASCADE_SCREENSHOT"):
            page.screenshot(path=screenshot)
        fit.kill()
        fit.wait()
        wait(page, "word of the end", "() => document.querySelector('.words').textContent.includes('cut off')", seconds=20)
    finally:
        for process in filter(None, (fit, server)):
            process.kill()
            process.wait()
    return wrong


def main():
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        wrong = check(browser, folder)
        browser.close()
    if wrong:
        sys.exit("\n".join(wrong))
    print("served reports: the page waits, shows, and keeps the reader's place")


if __name__ == "__main__":
    main()
