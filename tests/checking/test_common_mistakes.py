"""The list of common mistakes in a chapter is what the checks know, and is shown as such."""

import markdown_it
import pytest
from bs4 import BeautifulSoup

from course_utils.checking.checker import chapters_with_checks, load_exercises
from course_utils.checking.common_mistakes import common_mistakes


@pytest.mark.parametrize("chapter", chapters_with_checks())
def test_every_mistake_is_listed_under_its_item(chapter):
    text = common_mistakes(chapter)._repr_markdown_()
    page = BeautifulSoup(markdown_it.MarkdownIt().render(text), "html.parser")
    boxes = {box.code.text: box for box in page.select("details")}
    exercises = load_exercises(chapter)
    assert list(boxes) == list(exercises)
    for name, exercise in exercises.items():
        explanations = {mistake.explanation for mistake in exercise.mistakes}
        listed = boxes[name].select("li")
        assert len(listed) == len(explanations)
        assert f"{len(explanations)} mistakes" in boxes[name].summary.text
        for item in listed:
            words = item.text.split()
            assert any(words[:3] == explanation.replace("`", "").split()[:3] for explanation in explanations)


def test_a_chapter_without_checks_is_said():
    with pytest.raises(Exception, match="basics/nothing"):
        common_mistakes("basics/nothing")
