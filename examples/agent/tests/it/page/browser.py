"""Checks the page of the agent at AGENT while the agent is stopped and restarted.

Prints a line when an answer is under way, upon which the test stops and restarts the agent. Exits with a traceback if a
check fails.
"""

import os
import re

from playwright.sync_api import expect, sync_playwright


def ask(page, question, words):
    page.get_by_label("Question").fill(question)
    page.get_by_label("Words at most").fill(str(words))
    page.get_by_role("button", name="Ask").click()
    return page.locator("article").last


def stop_during_answer(page, which, reason, state):
    """Asks, waits until the agent ends in the middle of the answer, and for the saved answer when it is up again."""
    article = ask(page, f"What is the {which} drain?", 1000)
    expect(article.locator(".answer")).to_have_text(re.compile(r"(\S+ ){60}"))
    print(which, "under way", flush=True)
    expect(article.locator(".end")).to_have_attribute("data-reason", reason)
    read = article.locator(".answer").text_content()
    saved = article.locator(".saved")
    expect(saved).to_have_attribute("data-state", state)
    kept = saved.locator("q").text_content()
    # A kill loses the text since the last save; or the saved text was not read yet.
    either = read.startswith(kept) or kept.startswith(read)
    assert kept == read if state == "shutdown" else kept and either, (read, kept)
    expect(page.get_by_role("status")).to_have_text("ready")
    return kept

with sync_playwright() as playwright:
    # The sandbox needs privileges that a container does not have.
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    page = browser.new_page()
    page.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(os.environ["AGENT"])

    article = ask(page, "What is a drain?", 20)
    expect(article.locator(".end")).to_have_attribute("data-reason", "complete")

    stopped = stop_during_answer(page, "first", "shutdown", "shutdown")
    killed = stop_during_answer(page, "second", "lost", "killed")

    article = ask(page, "Is all well again?", 20)
    expect(article.locator(".end")).to_have_attribute("data-reason", "complete")

    # The same conversation, after a reload.
    page.reload()
    expect(page.locator("article")).to_have_count(4)
    answers = page.locator(".answer").all_text_contents()
    assert answers[1:3] == [stopped, killed], answers
    assert not wrong, wrong
    browser.close()
