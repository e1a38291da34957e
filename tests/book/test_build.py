"""The book builds, without a warning, and holds every page that it lists."""

import re

import pytest
import yaml

pytestmark = pytest.mark.built


def test_builds_without_a_warning(book):
    colors = re.compile(r"\x1b\[[0-9;]*m")
    warnings = [line for line in book.log.splitlines() if "WARNING" in line or "ERROR" in line]
    assert not warnings, "\n".join(colors.sub("", line) for line in warnings)
    assert book.status == 0, book.log[-2000:]


def test_holds_every_page_of_the_table_of_contents(book, root):
    toc = yaml.safe_load((root / "_toc.yml").read_text())
    listed = [toc["root"], *(page["file"] for part in toc["parts"] for page in part["chapters"])]
    missing = [page for page in listed if not (book.html / f"{page}.html").is_file()]
    assert not missing


def test_repository_address_is_the_one_of_the_course_map(book, course, root):
    assert course.repository not in (root / "_config.yml").read_text(), (
        "the address belongs in course.yml only"
    )
    home = (book.html / "book" / "index.html").read_text()
    assert f'href="{course.repository}"' in home
    assert f"{course.repository}/edit/{course.branch}/book/index.md" in home


def test_license_is_said_on_every_page(book):
    silent = [
        page.name for page in book.pages if "CC BY 4.0" not in page.read_text() and page.stat().st_size > 2000
    ]
    assert not silent
