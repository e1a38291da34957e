"""Somebody with a browser before JupyterLab, who works an exercise as a learner does."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browsing import chromium
from tests.grading.instructor import SECONDS, jupyterlab

TRIES = 3  # a busy machine's JupyterLab may not take keys yet when the notebook is there


@dataclass
class Student:
    """Somebody with a browser, before whom JupyterLab is open on a folder."""

    root: Path
    address: str
    browser: Browser
    page: Page
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def refuse(self, route: Route) -> None:
        """Take down and refuse a request to another site."""
        self.outside.append(route.request.url)
        route.abort()

    @property
    def notebook(self) -> Locator:
        """The notebook that is open."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    def open(self, path: str) -> None:
        """Open a notebook by its address and wait for its kernel."""
        self.page.goto(self.address.replace("/lab?", f"/lab/tree/{path}?"))
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        """Wait until the notebook's kernel is there and has nothing to do."""
        # On a busy machine it is called idle before it is chosen; a cell that is run then asks for a kernel.
        expect(self.notebook.locator(".jp-KernelName")).to_contain_text("Python", timeout=3 * SECONDS)
        idle = self.notebook.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']")
        expect(idle).to_be_visible(timeout=3 * SECONDS)

    def cell(self, beginning: str) -> Locator:
        """Return the code cell that begins with a text."""
        lines = self.page.locator(".cm-line:first-child", has_text=re.compile("^" + re.escape(beginning)))
        cell = self.notebook.locator(".jp-CodeCell").filter(has=lines)
        if not cell.count():  # a long notebook draws its cells when they come into sight
            self.notebook.locator(".jp-WindowedPanel-outer").evaluate("panel => panel.scrollTop += 600")
            self.page.wait_for_timeout(300)
        return cell.first

    def write(self, cell: Locator, source: str) -> None:
        """Replace what stands in a cell."""
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(source)

    def look_for_a_dialog(self) -> None:
        """Fail with the words of a dialog that lies over the page."""
        dialogs = self.page.locator("dialog.jp-Dialog")
        assert not dialogs.count(), f"a dialog is open: {dialogs.all_inner_texts()}"

    def run(self, cell: Locator) -> None:
        """Run a cell and wait for its end."""
        prompt = cell.locator(".jp-InputPrompt")
        number = prompt.inner_text()
        for _ in range(TRIES):
            self.look_for_a_dialog()
            cell.locator(".cm-content").click()
            self.page.keyboard.press("Control+Enter")
            with contextlib.suppress(AssertionError):
                expect(prompt).not_to_have_text(number, timeout=SECONDS / 3)
                break
        expect(prompt).to_have_text(re.compile(r"\[\d+\]"), timeout=3 * SECONDS)
        self.wait_for_kernel()

    def save(self) -> None:
        """Save the notebook."""
        with self.page.expect_response(
            lambda answer: "/api/contents/" in answer.url and answer.request.method == "PUT"
        ) as saved:
            self.page.keyboard.press("Control+s")
        assert saved.value.ok

    def choose(self, menu: str, *labels: str) -> None:
        """Choose from a menu."""
        self.page.locator(".lm-MenuBar-item").get_by_text(menu, exact=True).click()
        for label in labels:
            self.page.locator(".lm-Menu-itemLabel").get_by_text(label, exact=True).click()


@contextmanager
def at_jupyterlab(root: Path, home: Path) -> Iterator[Student]:
    """Open JupyterLab on a folder. Other sites cannot be reached.

    Args:
        root: The folder.
        home: JupyterLab's own files; settings for nbgrader in it are read.
    """
    with jupyterlab(root, home) as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.set_default_timeout(SECONDS)
        expect.set_options(timeout=SECONDS)
        student = Student(root, address, browser, page)
        own = address.split("/lab")[0]
        page.route(lambda url: not url.startswith((own, "data:", "blob:")), student.refuse)
        page.on("pageerror", lambda error: student.errors.append(str(error)))
        yield student
        expect.set_options(timeout=None)
