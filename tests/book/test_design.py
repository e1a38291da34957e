"""What every page carries beside its text: part, version, way to try it, definitions, preview, paper."""

import html
import re
import struct
import subprocess
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from course_utils.authoring.notebook_files import read_notebook
from course_utils.authoring.versions import PageVersion, page_version
from course_utils.checking.released import COLAB_CELL
from tests.browsing import Quiet, served
from tests.contrast import contrast

PARTS = ("basics", "training", "cnn_rnn", "generative", "rl", "transformers", "deepseek")
built = pytest.mark.built
in_browser = [pytest.mark.built, pytest.mark.browser]


def soup(book, page: str) -> BeautifulSoup:
    return BeautifulSoup((book.html / f"{page}.html").read_text(encoding="utf-8"), "html.parser")


def test_colors_of_the_parts_can_be_read_in_both_themes(root):
    style = (root / "book" / "_static" / "course.css").read_text()
    for block, grounds in (
        (":root", ("#ffffff", "#f4f5f7")),
        ('html[data-theme="dark"]', ("#14171c", "#1d222a")),
    ):
        text = style.split(f"\n{block} {{\n  --part-")[1].split("}")[0]
        colors = dict(re.findall(r"(?:--part-)?(\w+): (#[0-9a-f]{6})", text))
        assert set(colors) == set(PARTS)
        assert len(set(colors.values())) == len(PARTS)
        for part, color in colors.items():
            assert min(contrast(color, ground) for ground in grounds) >= 4.5, f"{part} in {block}"


@built
def test_pages_of_a_part_carry_its_name(book, course, root):
    pages = {f"book/{part.name}/index": part.name for part in course.parts}
    pages |= {f"book/{chapter.key}": chapter.part for chapter in course.existing(root)}
    assert {page: soup(book, page).body.get("data-part") for page in pages} == pages
    assert soup(book, "book/index").body.get("data-part") is None
    assert soup(book, "book/index").body["data-kind"] == "home"


@built
def test_home_shows_the_parts_with_what_stands(book, course, root):
    cards = soup(book, "book/index").select("li.part-card")
    assert [card["data-part"] for card in cards] == list(PARTS)
    for card, part in zip(cards, course.parts, strict=True):
        written = sum(chapter.part == part.name for chapter in course.existing(root))
        assert f"{written} of {len(part.chapters)} chapters written" in card.text
        assert card.a["href"] == f"{part.name}/index.html"
        assert card.svg is not None


@built
def test_home_shows_what_the_check_says(book):
    card = soup(book, "book/index").select_one(".shown-answer .course-check")
    assert "causal_mask" in card.text
    assert "Why" in card.text


@built
def test_a_chapter_says_its_place_its_time_and_its_version(book, course, root):
    for chapter in course.existing(root):
        page = soup(book, f"book/{chapter.key}")
        facts = page.select_one("h1 + .chapter-facts").get_text(" ")
        part = next(part for part in course.parts if part.name == chapter.part)
        assert part.title in facts
        assert f"of {len(part.chapters)}" in facts
        assert "minutes to read" in facts
        version = page.select_one(".page-version").text
        assert re.search(r"version ([0-9a-f]{8,} of \d{4}-\d\d-\d\d|\d+\.\d+)", version), version


@built
def test_a_chapter_can_be_tried(book, course, root):
    for chapter in course.existing(root):
        block = soup(book, f"book/{chapter.key}").select_one("section.course-try")
        path = f"exercises/{chapter.key}.ipynb"
        assert f".venv/bin/jupyter lab {path}" in block.text
        links = [link["href"] for link in block.select("a.try-button")]
        project = course.repository.removeprefix("https://github.com/")
        assert links == [
            f"https://colab.research.google.com/github/{project}/blob/{course.branch}/{path}",
            f"https://mybinder.org/v2/gh/{project}/{course.branch}?urlpath=lab/tree/{path}",
        ]


def test_an_exercise_begins_with_the_cell_for_colab(course, root):
    for chapter in course.existing(root):
        cells = read_notebook(chapter.files(root)["exercises"]).cells
        first = next(cell for cell in cells if cell.cell_type == "code")
        assert first.id == COLAB_CELL
        assert f"git+{course.repository}@{course.branch}" in first.source
        # Nothing is installed anywhere else, and nothing is left behind that a later cell could meet.
        names: dict[str, object] = {}
        exec(first.source, names)
        assert set(names) == {"__builtins__", "sys"}


@built
def test_definitions_at_hand_are_those_of_the_glossary(book, root):
    glossary = soup(book, "book/glossary")
    found = 0
    for path in book.pages:
        page = soup(book, path.relative_to(book.html).with_suffix("").as_posix())
        for card in page.select(".term-card"):
            found += 1
            name = card["id"].removeprefix("definition-")
            term = glossary.find(id=name)
            definition = term.find_next_sibling("dd")
            assert card.get_text(" ", strip=True).split() == definition.get_text(" ", strip=True).split(), (
                name
            )
            assert card.a is None
    assert found > 20
    assert not glossary.select(".term-card")


@built
def test_a_source_says_where_it_is_cited(book):
    sources = soup(book, "book/bibliography").select("div.citation")
    source = next(source for source in sources if "Attention is all you need" in source.text)
    link = source.select_one(".cited-in").find("a", string="Attention")
    assert link["href"] == "transformers/attention.html"


@built
def test_every_page_has_a_preview(book, course, root):
    for path in book.pages:
        page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        if page.body is None or not page.body.get("data-kind"):
            continue  # the page for wrong addresses, and redirections
        properties = {tag["property"]: tag["content"] for tag in page.find_all("meta", property=True)}
        assert {"og:title", "og:description", "og:image", "og:type"} <= set(properties), path.name
        assert (path.parent / properties["og:image"]).resolve().is_file()
    attention = soup(book, "book/transformers/attention").find("meta", property="og:description")["content"]
    assert attention == html.unescape(course.chapter("transformers/attention").delivers)
    head = (root / "book" / "_static" / "social.png").read_bytes()[:24]
    assert struct.unpack(">II", head[16:24]) == (1200, 630)


class TestVersion:
    @pytest.fixture
    def files(self, tmp_path):
        for name in ("one", "two"):
            (tmp_path / name).write_text(name)
        return tmp_path

    def git(self, folder, *arguments):
        settings = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        date = {"GIT_COMMITTER_DATE": "2025-02-03T04:05:06+00:00", "PATH": "/usr/bin:/bin:/usr/local/bin"}
        subprocess.run(["git", *settings, *arguments], cwd=folder, check=True, capture_output=True, env=date)

    def test_is_the_last_commit_of_the_files(self, files):
        self.git(files, "init")
        self.git(files, "add", "one")
        self.git(files, "commit", "-m", "first")
        version = page_version([files / "one", files / "missing"], files)
        assert re.fullmatch("[0-9a-f]{8,}", version.name)
        assert (version.date, version.changed) == ("2025-02-03", False)
        self.git(files, "add", "two")
        self.git(files, "commit", "-m", "second")
        assert page_version([files / "one"], files) == version, "another file's commit is not ours"
        (files / "one").write_text("changed")
        assert page_version([files / "one"], files) == PageVersion(version.name, version.date, changed=True)

    def test_is_that_of_the_package_without_git(self, files, monkeypatch):
        without = page_version([files / "one"], files)
        assert re.match(r"\d+\.\d+", without.name)
        assert without.date == ""
        monkeypatch.setenv("PATH", "")
        assert page_version([files / "one"], files) == without


class WithMissingPage(Quiet):
    """A server that answers a wrong address with 404.html, as others do."""

    def send_error(self, code, message=None, explain=None):
        if code != 404 or self.command != "GET" or "/_static/" in self.path:
            return super().send_error(code, message, explain)
        body = (Path(self.directory) / "course" / "404.html").read_bytes()
        self.send_response(404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None


@pytest.fixture(scope="module")
def address(book, tmp_path_factory):
    # As on a server that holds several books: this one is in a folder.
    folder = tmp_path_factory.mktemp("server")
    (folder / "course").symlink_to(book.html)
    with served(folder, WithMissingPage) as address:
        yield f"{address}/course"


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    yield context.new_page()
    context.close()


class TestInTheBrowser:
    pytestmark = in_browser

    def test_a_definition_shows_on_hover_and_on_focus_and_escape_closes_it(self, page, address):
        page.goto(f"{address}/book/transformers/attention.html")
        link = page.locator("a.term-link").first
        card = page.locator(f"#{link.get_attribute('aria-describedby')}")
        assert not card.is_visible()
        link.hover()
        card.wait_for(state="visible")
        card.hover()  # it stays while the pointer is on it
        page.wait_for_timeout(400)
        assert card.is_visible()
        page.mouse.move(5, 5)
        card.wait_for(state="hidden")
        link.focus()
        card.wait_for(state="visible")
        page.keyboard.press("Escape")
        card.wait_for(state="hidden")

    def test_a_definition_stays_inside_a_phone(self, page, address):
        page.set_viewport_size({"width": 360, "height": 740})
        page.goto(f"{address}/book/transformers/attention.html")
        for link in page.locator("a.term-link").all()[:12]:
            link.focus()
            box = page.locator(f"#{link.get_attribute('aria-describedby')}").bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 360
        assert page.evaluate("document.documentElement.scrollWidth") == 360

    @pytest.mark.parametrize("path", ["nothing.html", "book/a/b/c/nothing.html"])
    def test_a_wrong_address_leads_back_into_the_book(self, page, address, path):
        page.goto(f"{address}/{path}")
        page.wait_for_function("document.querySelector('main a').getAttribute('href').startsWith('/course/')")
        page.get_by_label("Search the book").fill("softmax")
        page.keyboard.press("Enter")
        page.wait_for_selector("#search-results li")
        page.go_back()
        page.wait_for_function("document.querySelector('main a').getAttribute('href').startsWith('/course/')")
        page.get_by_role("link", name="Basics").click()
        assert page.locator("article h1").inner_text().startswith("Basics")

    def test_the_search_has_a_bold_title_and_finds_a_term_of_the_glossary(self, page, address):
        page.goto(f"{address}/search.html?q=causal+mask")
        page.wait_for_selector('#search-results a[href*="glossary.html#term-causal-mask"]')
        assert page.evaluate("getComputedStyle(document.querySelector('h1')).fontWeight") == "750"

    def test_paper_shows_the_text_alone_and_what_was_folded(self, page, address):
        page.goto(f"{address}/book/transformers/attention.html")
        sidebars = [".bd-sidebar-primary", ".bd-sidebar-secondary", ".bd-header-article", ".prev-next-footer"]
        answer = page.locator("article details:not(.hide):not(.admonition) > p").first
        assert page.locator(sidebars[0]).is_visible()
        assert not answer.is_visible()
        page.emulate_media(media="print")
        assert [name for name in (*sidebars, ".course-try") if page.locator(name).first.is_visible()] == []
        answer.wait_for(state="visible")
        reference = page.locator(".admonition.toggle-hidden div.highlight").first
        assert reference.bounding_box()["height"] > 50
        assert page.locator("article h1").is_visible()
        page.emulate_media(media="screen")
        answer.wait_for(state="hidden")

    def test_a_link_on_paper_says_where_it_leads(self, page, address):
        page.goto(f"{address}/book/basics/data_with_pandas.html")
        shown = "getComputedStyle(document.querySelector('article a.reference.external'), '::after').content"
        assert page.evaluate(shown) == "none"
        page.emulate_media(media="print")
        assert "https://" in page.evaluate(shown)

    def test_a_dark_page_on_paper_is_white(self, browser, address):
        page = browser.new_context(color_scheme="dark").new_page()
        page.goto(f"{address}/book/transformers/attention.html")
        ground = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(ground) == "rgb(20, 23, 28)"
        page.emulate_media(media="print")
        assert page.evaluate(ground) == "rgb(255, 255, 255)"
        page.wait_for_function("document.documentElement.dataset.theme === 'light'")
        page.emulate_media(media="screen")
        page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
        # Where no theme was set, none is set afterwards.
        page.evaluate("delete document.documentElement.dataset.theme")
        page.emulate_media(media="print")
        page.wait_for_function("document.documentElement.dataset.theme === 'light'")
        page.emulate_media(media="screen")
        page.wait_for_function("document.documentElement.dataset.theme === undefined")
        page.context.close()

    def test_links_of_a_part_have_its_color(self, page, address):
        page.goto(f"{address}/book/transformers/index.html")
        color = "getComputedStyle(document.querySelector('.part-chapters a')).color"
        assert page.evaluate(color) == "rgb(74, 76, 184)"

    def test_a_table_has_no_frame(self, page, address):
        page.goto(f"{address}/book/basics/data_with_pandas.html")
        frames = page.eval_on_selector_all(
            "article table:is(.table, .dataframe)",
            "tables => tables.map((table) => [table.className, getComputedStyle(table).borderLeftWidth])",
        )
        assert {tuple(frame) for frame in frames} == {("table", "0px"), ("dataframe", "0px")}
