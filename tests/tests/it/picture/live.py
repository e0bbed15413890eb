"""Checks the live page of PROGRAM, a chain of five resources, from its start to its end, and while it is killed and
restarted.

Exits with a traceback if a check fails.
"""

import os
import signal
import subprocess

from playwright.sync_api import expect, sync_playwright

ADDRESS = os.environ["LIFECYCLE_ADMIN"]
PAGE = f"http://{ADDRESS}/"
C = ".row[aria-label^='c (']"


class Chain:
    """The program; its hooks leave their names on its standard input."""

    def __init__(self, *steps):
        read, write = os.pipe()
        self.process = subprocess.Popen([os.environ["PROGRAM"], *steps], stdin=write, stderr=subprocess.DEVNULL)
        os.close(write)
        self.lines = os.fdopen(read)

    def until(self, what):
        for line in self.lines:
            if line.rstrip("\n").endswith(" " + what):
                return
        raise AssertionError(f"it ended before {what}")


def look(browser):
    page = browser.new_page(viewport={"width": 1300, "height": 700})
    page.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    page.wrong = []
    page.asked = []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("console", lambda message: page.wrong.append(message.text))
    page.on("request", lambda request: page.asked.append(request.url))
    return page


def wide(page, part):
    return page.locator(part).evaluate("bar => bar.width.baseVal.value")


def point_at(page, part, what):
    """Again where a new picture has moved it away from below the pointer meanwhile."""
    said = []
    while len(said) < 20:
        page.locator(part).hover()
        said.append(page.locator("#details").inner_text())
        if said[-1].startswith(what):
            return
    raise AssertionError(f"not {what!r}: {said}")


with sync_playwright() as playwright:
    # The sandbox needs privileges that a container does not have.
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])

    page = look(browser)
    chain = Chain(
        "b.start=slow:500", "c.start=slow:4000", "main=asked,slow:1500", "e.stop=slow:3000", "c.stop=hang"
    )
    chain.until("c.start")
    page.goto(PAGE)
    details = page.locator("#details")
    state = page.locator("#live")
    expect(page).to_have_title("Chain: starting")
    expect(state).to_have_text("live: starting")
    # The details stay while pictures arrive.
    page.locator(f"{C} .starting").hover()
    expect(details).to_be_visible()
    first = details.inner_text()
    assert first.startswith("c: starting\n"), first
    expect(details).not_to_have_text(first)
    expect(details).to_be_visible()
    assert details.inner_text().startswith("c: starting\n"), details.inner_text()
    page.mouse.move(5, 5)
    expect(details).to_be_hidden()
    # The focus stays, too.
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert details.inner_text().startswith("b (resource)\n"), details.inner_text()

    expect(page).to_have_title("Chain: running")
    expect(page.locator(f"{C} .running")).to_have_count(1)
    assert details.inner_text().startswith("b (resource)\n"), details.inner_text()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()

    chain.process.send_signal(signal.SIGTERM)
    expect(page).to_have_title("Chain: draining")
    expect(page.locator(".row[aria-label^='main ('] .safe").first).to_be_visible()
    expect(page).to_have_title("Chain: stopping")
    point_at(page, ".row[aria-label^='e ('] .span:has(.safe)", "e: stopping\n")
    expect(state).to_have_text("the process has ended; this is the last picture of it")
    expect(page).to_have_title("Chain: ended")
    assert chain.process.wait() == 3
    # The final picture is complete and labeled.
    expect(page.locator("svg")).to_contain_text("stopped with exit code 3")
    point_at(page, f"{C} .span:has(.hook)", "c: emergency hook\n")
    expect(page.locator("#path")).to_contain_text("critical path of the shutdown")
    assert not page.wrong, page.wrong
    outside = [url for url in page.asked if not url.startswith("data:")]
    assert outside == [PAGE, PAGE + "live"], page.asked
    # A request would have been recorded, and the policy refuses it.
    page.evaluate("fetch('http://127.0.0.1:9/').catch(() => console.error('heard'))")
    assert "heard" in page.wrong and any("Content Security Policy" in text for text in page.wrong), page.wrong

    page = look(browser)
    chain = Chain()
    chain.until("main")
    page.goto(PAGE)
    state = page.locator("#live")
    expect(state).to_have_text("live: running")
    chain.process.kill()
    expect(state).to_contain_text("the connection is lost")
    expect(page.locator("svg")).to_contain_text("is running")
    chain = Chain()
    expect(state).to_have_text("live: running")
    chain.process.terminate()
    expect(state).to_contain_text("the process has ended")
    assert chain.process.wait() == 0
    assert all("net::ERR_" in text for text in page.wrong), page.wrong
    browser.close()
