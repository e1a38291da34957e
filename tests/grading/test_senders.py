"""Who sent a file, from the names that Canvas, Moodle and people give."""

from __future__ import annotations

import pytest

from course_utils.grading.senders import identify, slug

CHAPTERS = ["attention", "data_with_pandas"]


@pytest.mark.parametrize(
    ("path", "student", "system", "number", "late", "file"),
    [
        (
            "smithjane_1234_567890_attention.ipynb",
            "smithjane_1234",
            "canvas",
            "1234",
            False,
            "attention.ipynb",
        ),
        (
            "smithjane_LATE_1234_567_attention-2.ipynb",
            "smithjane_1234",
            "canvas",
            "1234",
            True,
            "attention-2.ipynb",
        ),
        ("o'neillzoë_7_8_my_own_work.ipynb", "o-neillzoe_7", "canvas", "7", False, "my_own_work.ipynb"),
        ("李明_77_8_attention.ipynb", "student_77", "canvas", "77", False, "attention.ipynb"),
        ("submissions/smithjane_1234_5_a.ipynb", "smithjane_1234", "canvas", "1234", False, "a.ipynb"),
        ("smithjane_1_2_work.zip/inner/a.ipynb", "smithjane_1", "canvas", "1", False, "a.ipynb"),
        ("Jane Smith_123_assignsubmission_file_/a.ipynb", "jane-smith", "moodle", "123", False, "a.ipynb"),
        ("Jane Smith_123_assignsubmission_file/a.ipynb", "jane-smith", "moodle", "123", False, "a.ipynb"),
        ("Jane Smith_123_assignsubmission_file_a b.ipynb", "jane-smith", "moodle", "123", False, "a b.ipynb"),
        ("Jane_Smith_9_assignsubmission_file_/x/a.ipynb", "jane-smith", "moodle", "9", False, "a.ipynb"),
        ("Participant_55_assignsubmission_file_/a.ipynb", "participant-55", "moodle", "55", False, "a.ipynb"),
        ("李明_66_assignsubmission_file_/a.ipynb", "participant-66", "moodle", "66", False, "a.ipynb"),
        ("ada/attention.ipynb", "ada", "folder", "", False, "attention.ipynb"),
        ("ada/transformers/attention.ipynb", "ada", "folder", "", False, "attention.ipynb"),
        ("Ada Lovelace/attention.ipynb", "ada-lovelace", "folder", "", False, "attention.ipynb"),
        ("ada@example.org/attention.ipynb", "ada@example.org", "folder", "", False, "attention.ipynb"),
        ("ada_attention.ipynb", "ada", "folder", "", False, "ada_attention.ipynb"),
        ("ada-data_with_pandas (1).ipynb", "ada", "folder", "", False, "ada-data_with_pandas (1).ipynb"),
        ("ada.ipynb", "ada", "folder", "", False, "ada.ipynb"),
    ],
)
def test_the_sender_is_read_from_the_name(
    path: str, student: str, system: str, number: str, late: bool, file: str
) -> None:
    sender = identify(path.split("/"), CHAPTERS)
    assert sender is not None
    found = (sender.student, sender.system, sender.number, sender.late, sender.file)
    assert found == (student, system, number, late, file)


@pytest.mark.parametrize("path", ["attention.ipynb", "attention (3).ipynb", "---.ipynb", "!!!/a.ipynb"])
def test_a_name_that_says_nothing_is_nobodys(path: str) -> None:
    assert identify(path.split("/"), CHAPTERS) is None


@pytest.mark.parametrize("name", ["../../etc", "..", ".", "a/b", "-x", " "])
def test_a_student_is_never_a_path(name: str) -> None:
    for path in (
        [name, "a.ipynb"],
        [f"{name}_12_assignsubmission_file_", "a.ipynb"],
        [f"{name}_1_2_a.ipynb"],
    ):
        sender = identify(path, CHAPTERS)
        if sender is not None:
            assert "/" not in sender.student
            assert sender.student.strip(".") == sender.student
            assert not sender.student.startswith("-")


def test_a_slug_keeps_letters_and_digits() -> None:
    assert slug("  Ångström, K. (2) ") == "angstrom-k-2"
