"""The figure on k-means and EM shows what the course's own functions compute, step by step."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from course_utils.basics.clustering_and_em import e_step, em, kmeans, kmeans_step
from course_utils.data import load_penguins
from tests.figures.touch import pages

pytestmark = pytest.mark.browser

METHODS = {"kmeans": "k-means", "em": "EM"}
STARTS = ["spread out", "in the middle", "among small birds"]


@pytest.fixture(scope="module")
def figure():
    return pages.figure_of("clustering")


@pytest.fixture
def page(opened, figure):
    return opened(figure)


def press(page, name: str, times: int = 1, place: int = 0) -> None:
    button = page.locator("figure.touch").nth(place).get_by_role("button", name=name, exact=True)
    for _ in range(times):
        # By script, since Playwright waits for a button that is switched off.
        button.evaluate("(node) => node.click()")


def expected_mixture(figure, start: int, steps: int):
    """The mixture after some steps, by the package."""
    centers = torch.tensor(figure.data["starts"][start]["centers"], dtype=torch.float64)
    weights = torch.full((3,), 1 / 3, dtype=torch.float64)
    ball = figure.data["variance"] * torch.eye(2, dtype=torch.float64)
    return em(
        torch.tensor(figure.data["points"], dtype=torch.float64), weights, centers, ball.repeat(3, 1, 1),
        steps=steps, tolerance=figure.data["tolerance"], ridge=figure.data["ridge"],
    )  # fmt: skip


def test_the_points_are_penguins(figure):
    birds = load_penguins().dropna(subset=["bill_length_mm", "flipper_length_mm"])
    sizes = birds[["bill_length_mm", "flipper_length_mm"]].to_numpy()
    expected = ((sizes - sizes.mean(0)) / sizes.std(0))[::2]
    np.testing.assert_allclose(figure.data["points"], expected, atol=0.00501)


@pytest.mark.parametrize("start", range(3))
def test_kmeans_is_that_of_the_package(page, figure, start):
    pages.choose(page, "Start", STARTS[start])
    points = torch.tensor(figure.data["points"], dtype=torch.float64)
    centers = torch.tensor(figure.data["starts"][start]["centers"], dtype=torch.float64)
    whole = kmeans(points, centers)
    assert pages.values(page)["history"] == pytest.approx(whole.history, rel=1e-9)
    for step in range(len(whole.history)):
        shown = pages.values(page)
        labels, moved = kmeans_step(points, centers)
        assert shown["step"] == step
        assert shown["labels"] == labels.tolist()
        np.testing.assert_allclose(shown["centers"], centers, atol=1e-9)
        loss = (points - centers[labels]).square().sum().item()
        assert shown["value"] == pytest.approx(loss, rel=1e-9)
        centers = moved
        press(page, "Step")
    assert pages.values(page)["step"] == len(whole.history) - 1


@pytest.mark.parametrize("start", range(3))
def test_em_is_that_of_the_package(page, figure, start):
    pages.choose(page, "Method", "EM")
    pages.choose(page, "Start", STARTS[start])
    points = torch.tensor(figure.data["points"], dtype=torch.float64)
    whole = expected_mixture(figure, start, figure.data["most_steps"])
    assert pages.values(page)["history"] == pytest.approx(whole.history, rel=1e-8)
    for step, pressed in ((0, 0), (1, 1), (2, 1), (7, 5), (len(whole.history) - 1, 90)):
        press(page, "Step", min(pressed, len(whole.history)))
        shown = pages.values(page)
        weights, means, matrices, history = expected_mixture(figure, start, step)
        shares = e_step(points, weights, means, matrices)[0]
        assert shown["step"] == step == len(history) - 1
        np.testing.assert_allclose(shown["weights"], weights, atol=1e-6)
        np.testing.assert_allclose(shown["centers"], means, atol=1e-6)
        covariances = matrices.flatten(1)[:, [0, 1, 3]]
        np.testing.assert_allclose(shown["covariances"], covariances, atol=1e-6)
        np.testing.assert_allclose(shown["sure"], shares.max(1).values, atol=1e-5)
        certain = shares.max(1).values > 0.501
        assert np.array_equal(np.array(shown["labels"])[certain], shares.argmax(1)[certain])


def test_what_the_chapter_says_is_so(page):
    """One start deceives k-means and not EM, another EM and not k-means; no step makes things worse."""
    ends = {}
    for (method, name), start in itertools.product(METHODS.items(), STARTS):
        pages.choose(page, "Method", name)
        pages.choose(page, "Start", start)
        shown = pages.values(page)
        ends[method, start] = round(shown["history"][-1], 1)
        gains = np.diff(shown["history"])
        assert (gains <= 1e-9).all() if method == "kmeans" else (gains >= -1e-3).all()
    kmeans_ends, em_ends = ([ends[method, start] for start in STARTS] for method in METHODS)
    assert kmeans_ends == [70.2, 96.7, 70.2]
    assert em_ends[0] - em_ends[1] < 0.5
    assert em_ends[0] - em_ends[2] > 25


def test_it_begins_where_kmeans_is_deceived(page):
    shown = pages.values(page)
    assert (shown["method"], shown["start"], shown["step"], shown["steps"]) == ("kmeans", 1, 0, 4)
    press(page, "Step", 4)
    assert pages.values(page)["told"].endswith("A better start ends at 70.2: this is a local optimum.")


def test_back_and_start_over(page):
    press(page, "Step", 3)
    press(page, "Back")
    assert pages.values(page)["step"] == 2
    press(page, "Back", 4)
    assert pages.values(page)["step"] == 0
    press(page, "Step", 9)
    assert pages.values(page)["step"] == 4
    press(page, "Start over")
    assert pages.values(page)["step"] == 0


def test_play_goes_step_by_step_to_the_end_and_stops(page):
    press(page, "Play")
    assert pages.values(page)["step"] == 0
    page.get_by_role("button", name="Pause", exact=True).wait_for()
    page.get_by_role("button", name="Play", exact=True).wait_for(timeout=10_000)
    assert (pages.values(page)["step"], pages.values(page)["playing"]) == (4, False)


def test_pause_holds(page):
    pages.choose(page, "Method", "EM")
    press(page, "Play")
    page.wait_for_timeout(700)
    press(page, "Pause")
    held = pages.values(page)["step"]
    assert held > 0
    page.wait_for_timeout(700)
    assert pages.values(page)["step"] == held


def test_who_asks_for_less_motion_sees_the_end_at_once(page):
    page.emulate_media(reduced_motion="reduce")
    press(page, "Play")
    assert (pages.values(page)["step"], pages.values(page)["playing"]) == (4, False)


def places(page, marks: str) -> np.ndarray:
    """Where the marks of a kind are drawn."""
    moved = """(marks) => [...document.querySelectorAll(`figure.touch svg ${marks}`)]
        .map((mark) => mark.getAttribute("transform").match(/[-0-9.]+/g).map(Number))"""
    return np.array(page.evaluate(moved, marks))


def test_marks_stand_where_the_numbers_are(page, figure):
    drawn = places(page, "path[transform]")
    points = np.array(figure.data["points"])
    assert len(drawn) == len(points) == 171
    lines = []
    for axis in (0, 1):
        lines.append(np.polyfit(points[:, axis], drawn[:, axis], 1))
        assert np.abs(np.polyval(lines[axis], points[:, axis]) - drawn[:, axis]).max() < 0.02
    pages.choose(page, "Method", "EM")
    press(page, "Step", 3)
    crosses = places(page, "g[data-center]")
    for axis in (0, 1):
        expected = np.polyval(lines[axis], np.array(pages.values(page)["centers"])[:, axis])
        np.testing.assert_allclose(crosses[:, axis], expected, atol=0.02)


def test_the_ellipses_lie_at_two_deviations(page, figure):
    """In the ruler of its covariance, each place of an ellipse is two away from the mean."""
    pages.choose(page, "Method", "EM")
    press(page, "Step", 6)
    shown = pages.values(page)
    points = np.array(figure.data["points"])
    drawn = places(page, "path[transform]")
    back = [np.polyfit(drawn[:, axis], points[:, axis], 1) for axis in (0, 1)]
    for group in range(3):
        path = page.locator(f"path[data-ellipse='{group}']").get_attribute("d")
        pairs = np.array([part.split() for part in path.strip("MZ").split("L")], dtype=float)
        place = np.stack([np.polyval(back[axis], pairs[:, axis]) for axis in (0, 1)], axis=1)
        a, b, c = shown["covariances"][group]
        away = place - shown["centers"][group]
        ruler = np.einsum("nd,de,ne->n", away, np.linalg.inv([[a, b], [b, c]]), away)
        np.testing.assert_allclose(np.sqrt(ruler), 2, atol=0.03)


def test_keys_alone_do_everything(page):
    for key in ("Tab", "ArrowRight", "Tab", "ArrowLeft", "Tab", "Tab", "Tab", "Enter", "Enter"):
        page.keyboard.press(key)
    shown = pages.values(page)
    assert (shown["method"], shown["start"], shown["step"]) == ("em", 0, 2)


def test_it_is_told_to_those_who_do_not_see_it(page):
    press(page, "Step")
    told = f"Step 1 of 4: sum of squared distances {pages.values(page)['value']:.1f}."
    label = page.locator("figure.touch svg[role='img']").first.get_attribute("aria-label")
    assert told in label
    shown = pages.values(page)
    for group, center in enumerate(shown["centers"]):
        place = ", ".join(f"{number:.1f}".replace("-", "−") for number in center)
        assert f"{shown['labels'].count(group)} points around {place}" in label
    page.locator(".touch-said", has_text=told).wait_for(state="attached")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_can_be_read(opened, figure, theme):
    page = opened(figure, theme=theme)
    for name in METHODS.values():
        pages.choose(page, "Method", name)
        press(page, "Step", 2)
        assert not pages.faint_texts(page)


@pytest.mark.parametrize("width", [345, 360, 700, 1300])
def test_nothing_sticks_out(opened, figure, width):
    page = opened(figure, width=width)
    for name, start in itertools.product(METHODS.values(), STARTS):
        pages.choose(page, "Method", name)
        pages.choose(page, "Start", start)
        press(page, "Step", 5)
        assert not pages.what_sticks_out(page, of=".touch-stage")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_two_on_a_page_do_not_disturb_each_other(opened, figure):
    page = opened(figure, figure)
    press(page, "Step", 2, place=1)
    assert (pages.values(page, 0)["step"], pages.values(page, 1)["step"]) == (0, 2)


@pytest.mark.built
def test_in_the_chapter_it_works(in_its_chapter, figure):
    with in_its_chapter("clustering") as page:
        pages.choose(page, "Method", "EM")
        press(page, "Step", 3)
        _, means, _, history = expected_mixture(figure, 1, 3)
        np.testing.assert_allclose(pages.values(page)["centers"], means, atol=1e-6)
        assert pages.values(page)["value"] == pytest.approx(history[-1], rel=1e-8)
