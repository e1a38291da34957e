"""Somebody with a browser before JupyterLab, who works with the formgrader as an instructor does."""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, FrameLocator, Locator, Page, Route, expect

from tests.browsing import chromium
from tests.grading.classroom import CHAPTER, ROOT, Classroom, environment, exercises

SECONDS = 30_000  # in milliseconds, as Playwright counts: for a busy machine


@dataclass
class Instructor:
    """Somebody with a browser, before whom JupyterLab is open on the folder of a class."""

    classroom: Classroom
    browser: Browser
    page: Page
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def formgrader(self) -> FrameLocator:
        """The formgrader in its tab of JupyterLab."""
        return self.page.frame_locator("#formgrader-iframe iframe")

    def refuse(self, route: Route) -> None:
        """Take down and refuse a request to another site."""
        self.outside.append(route.request.url)
        route.abort()

    def open_submissions(self) -> None:
        """Click through to the table of submissions, anew, from whichever page."""
        self.formgrader.get_by_role("link", name="Manual Grading").click()
        self.formgrader.get_by_role("link", name="Manage Assignments").click()
        self.formgrader.locator("td.num-submissions a").click()
        expect(self.formgrader.locator("#main-table td.score").first).to_be_visible()

    def row(self, student: str) -> Locator:
        """Return a student's row of that table."""
        cell = self.formgrader.locator("td.student-id", has_text=student)
        return self.formgrader.locator("#main-table tr").filter(has=cell)

    def press(self, student: str, button: str) -> str:
        """Click a button of a student's row and wait for its end; return what was answered."""
        self.row(student).locator(f"td.{button} a").click()
        answer = self.formgrader.locator(".modal.in")
        answer.wait_for(timeout=4 * SECONDS)
        text = answer.inner_text()
        answer.get_by_role("button", name="OK").click()
        answer.wait_for(state="hidden")
        return text

    def scores(self) -> dict[str, str]:
        """Return what the table says of each student's score."""
        names = self.formgrader.locator("#main-table td.student-id").all_inner_texts()
        return {name: self.row(name).locator("td.score").inner_text() for name in names}

    def open_submission(self, score: str) -> None:
        """Click through to the page on which the submission with a score is marked by hand."""
        self.formgrader.get_by_role("link", name="Manual Grading").click()
        for name in (CHAPTER.part, CHAPTER.name):
            self.formgrader.locator("#main-table").get_by_role("link", name=name, exact=True).click()
        rows = self.formgrader.locator("#main-table tr")
        rows.filter(has_text=f"{score} / ").first.locator("a.name-hidden").click()
        # The grades have come when the field tells the automatic mark.
        expect(self.field(f"check_{exercises()[0]}")).to_have_attribute("placeholder", re.compile(r"\d"))

    def field(self, name: str) -> Locator:
        """Return an input of that page: a mark, by its cell, or with `-comment` a comment."""
        return self.formgrader.locator(f"[id='{name}']")

    def type(self, name: str, text: str) -> None:
        """Type into an input of that page, leave it, and wait until it is saved."""
        kind = "comment" if name.endswith("-comment") else "grade"
        self.field(name).click()
        self.field(name).press("Control+a")
        with self.page.expect_response(
            lambda answer: f"/formgrader/api/{kind}/" in answer.url and answer.request.method == "PUT"
        ) as saved:
            self.field(name).press_sequentially(text)
            self.field(name).press("Tab")
        assert saved.value.ok, saved.value.text()


@contextmanager
def jupyterlab(root: Path, home: Path) -> Iterator[str]:
    """Run JupyterLab in the folder of a class; give its address, with the token."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    command = [sys.executable, str(ROOT / "tools" / "lab.py"), "--no-browser", "--ServerApp.ip=127.0.0.1"]
    command += [f"--port={port}", "--ServerApp.port_retries=0", "--LabApp.news_url=None"]
    command += ["--allow-root"] if os.geteuid() == 0 else []
    folders = dict.fromkeys(("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR"), str(home))
    with home.with_suffix(".log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=root,
            env={**environment(), **folders, "JUPYTER_TOKEN": token},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        end = time.monotonic() + 120
        while not answers(f"http://127.0.0.1:{port}/api/status?token={token}"):
            assert time.monotonic() < end, home.with_suffix(".log").read_text()
            assert server.poll() is None, home.with_suffix(".log").read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/lab?token={token}"
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()


def answers(address: str) -> bool:
    """Say whether a server answers."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def at_the_formgrader(classroom: Classroom) -> Iterator[Instructor]:
    """Open the formgrader of a class from the menu of JupyterLab. Other sites cannot be reached."""
    with (
        jupyterlab(classroom.root, classroom.root.parent / "jupyter") as address,
        chromium() as browser,
    ):
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(SECONDS)
        expect.set_options(timeout=SECONDS)
        someone = Instructor(classroom, browser, page)
        own = address.split("/lab")[0]
        page.route(lambda url: not url.startswith((own, "data:", "blob:")), someone.refuse)
        page.on("pageerror", lambda error: someone.errors.append(str(error)))
        page.goto(address)
        page.locator(".lm-MenuBar-item", has_text="Nbgrader").click()
        page.locator(".lm-Menu-itemLabel").get_by_text("Formgrader", exact=True).click()
        yield someone
        expect.set_options(timeout=None)
