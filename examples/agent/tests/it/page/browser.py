"""What somebody sees in a browser while the agent at AGENT goes down and comes back.

Each time that an answer has begun it says so, and whoever started it stops the agent and starts it again. Ends with a
traceback if anything is not as it must be.
"""

import os
import re

from playwright.sync_api import expect, sync_playwright


def ask(page, question, words):
    page.get_by_label("Question").fill(question)
    page.get_by_label("Words at most").fill(str(words))
    page.get_by_role("button", name="Ask").click()
    return page.locator("article").last


def go_down_amid(page, which, reason, state):
    """Asks, waits for the end of the agent in the middle of the answer, and for what it has saved when it is back."""
    article = ask(page, f"What is the {which} drain?", 1000)
    expect(article.locator(".answer")).to_have_text(re.compile(r"(\S+ ){60}"))
    print(which, "under way", flush=True)
    expect(article.locator(".end")).to_have_attribute("data-reason", reason)
    read = article.locator(".answer").text_content()
    saved = article.locator(".saved")
    expect(saved).to_have_attribute("data-state", state)
    kept = saved.locator("q").text_content()
    # A kill loses what was written since it was kept last, or what was kept and had not been read yet.
    either = read.startswith(kept) or kept.startswith(read)
    assert kept == read if state == "shutdown" else kept and either, (read, kept)
    expect(page.get_by_role("status")).to_have_text("ready")
    return kept

with sync_playwright() as playwright:
    # Its sandbox wants rights that a container does not give.
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    page = browser.new_page()
    page.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(os.environ["AGENT"])

    article = ask(page, "What is a drain?", 20)
    expect(article.locator(".end")).to_have_attribute("data-reason", "complete")

    told = go_down_amid(page, "first", "shutdown", "shutdown")
    killed = go_down_amid(page, "second", "lost", "killed")

    article = ask(page, "Is all well again?", 20)
    expect(article.locator(".end")).to_have_attribute("data-reason", "complete")

    # The same conversation, after a reload.
    page.reload()
    expect(page.locator("article")).to_have_count(4)
    answers = page.locator(".answer").all_text_contents()
    assert answers[1:3] == [told, killed], answers
    assert not wrong, wrong
    browser.close()
