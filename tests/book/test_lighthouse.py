"""Every page as Lighthouse judges it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from tests.book import audit
from tests.browsing import chromium_path, served

pytestmark = [pytest.mark.built, pytest.mark.browser, pytest.mark.timeout(1200)]

LOWEST = {"accessibility": 1.0, "best-practices": 0.95}


def judge(pages: list[str]) -> dict[str, dict]:
    """Return what Lighthouse says of each page: an error or scores, and the audits that failed."""
    node = shutil.which("node")
    assert node, "Lighthouse needs Node.js: apt-get install nodejs npm"
    done = subprocess.run(
        [node, str(audit.LIGHTHOUSE), *pages],
        env={**os.environ, "CHROME_PATH": chromium_path()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def lacking(judged: dict[str, dict]) -> dict[str, dict]:
    """Return what is said of the pages that do not reach the lowest scores allowed."""
    return {
        page: result
        for page, result in judged.items()
        if result["error"]
        or any(result["scores"][name] is None or result["scores"][name] < LOWEST[name] for name in LOWEST)
    }


def test_lighthouse_gives_full_marks(book):
    audit.install()
    with served(book.html) as address:
        pages = [f"{address}/{name}" for name in book.names]
        judged = judge(pages)
    assert set(judged) == set(pages)
    assert not lacking(judged), json.dumps(lacking(judged), indent=1)


def test_lighthouse_would_find_something(tmp_path):
    audit.install()
    (tmp_path / "page.html").write_text('<html><body><img src="data:,"><p style="color:#ccc">pale</p>')
    with served(tmp_path) as address:
        (result,) = lacking(judge([f"{address}/page.html"])).values()
    assert {"image-alt", "html-has-lang", "doctype"} <= set(result["failed"])
