"""Checks the page of a life at PAGE, by pointer and by keyboard.

Exits with a traceback if a check fails.
"""

import os

from playwright.sync_api import expect, sync_playwright


def shows(page, begin, says):
    details = page.locator("#details")
    expect(details).to_be_visible()
    expect(details).to_be_in_viewport(ratio=1)
    text = details.inner_text()
    assert text.startswith(begin) and says in text, text


with sync_playwright() as playwright:
    # The sandbox needs privileges that a container does not have.
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    page = browser.new_page(viewport={"width": 1300, "height": 700})
    page.set_default_timeout(20_000)
    wrong = []
    asked = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(os.environ["PAGE"])
    expect(page).to_have_title("Chain")
    details = page.locator("#details")
    expect(details).to_be_hidden()
    # The content security policy allows the styles of the page.
    expect(page.locator("svg .starting").last).to_have_css("fill", "rgb(0, 114, 178)")

    page.locator(".row[aria-label^='c ('] .span:has(.emergency)").first.hover()
    shows(page, "c: stopping\n", "did not end within")
    page.locator(".row[aria-label^='b ('] .span[aria-label^='b: waiting to stop']").hover()
    shows(page, "b: waiting to stop\n", "waited last for c")
    page.locator(".row[aria-label^='c ('] text").first.hover()
    shows(page, "c (resource)\n", "layer: emergency")
    page.locator(".phase").first.hover()
    shows(page, "startup: ", "s")
    page.get_by_role("heading", name="Critical path").hover()
    expect(details).to_be_hidden()

    for key, begin, says in [
        ("Tab", "a (resource)\n", "layer: safe"),
        ("ArrowDown", "b (resource)\n", "after a"),
        ("ArrowRight", "b: waiting to start\n", "waited last for a"),
        ("ArrowUp", "a (resource)\n", "layer: safe"),
    ]:
        page.keyboard.press(key)
        shows(page, begin, says)
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()

    assert not wrong, wrong
    outside = [url for url in asked if not url.startswith("data:")]
    assert outside == [os.environ["PAGE"]], asked

    # A request would have been recorded, and the policy refuses it.
    page.evaluate("fetch('http://127.0.0.1:9/').catch(() => console.error('heard'))")
    assert "heard" in wrong and any("Content Security Policy" in text for text in wrong), wrong
    browser.close()
