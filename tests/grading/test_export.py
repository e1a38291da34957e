"""The tables of marks have the columns that Canvas and Moodle import."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from course_utils.grading import export
from course_utils.grading.collect import remember_sender
from course_utils.grading.places import Chapter, GradingError, Places
from course_utils.grading.senders import Sender
from course_utils.grading.standing import Standing

FIRST, SECOND = Chapter("transformers", "attention"), Chapter("transformers", "decoder")
MOST = {FIRST: 20.0, SECOND: 7.5}
CANVAS = Sender("smithjane_12", "canvas", "smithjane", "12")
MOODLE = Sender("ann-lee", "moodle", "Ann, Lee", "99")
FOLDER = Sender("ada", "folder", "ada")
ROWS = [
    export.Row(CANVAS, {FIRST: 17.25, SECOND: 0.0}),
    export.Row(MOODLE, {FIRST: 3.0}),
    export.Row(FOLDER, {FIRST: None, SECOND: 7.5}),
]
COLUMNS = {FIRST: "Attention", SECOND: "Decoder (78)"}


def table(text: str) -> list[list[str]]:
    """Read a table."""
    return list(csv.reader(io.StringIO(text)))


def test_a_plain_table() -> None:
    assert table(export.to_csv(ROWS, MOST)) == [
        ["student", "name", "transformers/attention (of 20)", "transformers/decoder (of 7.5)"],
        ["smithjane_12", "smithjane", "17.25", "0"],
        ["ann-lee", "Ann, Lee", "3", ""],
        ["ada", "ada", "", "7.5"],
    ]


def test_the_table_of_canvas() -> None:
    # The columns that its importer looks for, in its order; "Points Possible" is its second row.
    assert table(export.to_canvas(ROWS, MOST, COLUMNS)) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Attention", "Decoder (78)"],
        ["    Points Possible", "", "", "", "", "20", "7.5"],
        ["smithjane", "12", "", "", "", "17.25", "0"],
        ["Ann, Lee", "", "", "ann-lee", "", "3", ""],
        ["ada", "", "", "ada", "", "", "7.5"],
    ]


def test_the_worksheet_of_moodle() -> None:
    assert table(export.to_moodle(ROWS, FIRST, 20.0)) == [
        ["Identifier", "Full name", "Status", "Grade", "Maximum Grade", "Last modified (grade)"],
        ["Participant 99", "Ann, Lee", "", "3", "20", "-"],
    ]


def test_canvas_own_table_is_filled_in() -> None:
    given = table(
        "Student,ID,SIS Login ID,Section,Attention (77),Essay (79),Decoder (78),Final Score\n"
        "    Points Possible,,,,20,5,7.5,(read only)\n"
        '"Smith, Jane",12,js1,One,,4,1,50\n'
        '"Lovelace, Ada",13,ada,One,8,,,60\n'
        '"Nobody, Here",14,nh,One,2,2,2,2\n'
    )
    text, unlisted = export.fill_canvas(given, ROWS, MOST, COLUMNS)
    assert table(text) == [
        ["Student", "ID", "SIS Login ID", "Section", "Attention (77)", "Decoder (78)"],
        ["    Points Possible", "", "", "", "20", "7.5"],
        ["Smith, Jane", "12", "js1", "One", "17.25", "0"],
        ["Lovelace, Ada", "13", "ada", "One", "8", "7.5"],
        ["Nobody, Here", "14", "nh", "One", "2", "2"],
    ]
    assert unlisted == ["ann-lee"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Name,Mark\nada,3\n", "not a gradebook of Canvas"),
        ("Student,ID,Section,Essay (7)\n", "no column 'Attention'.*Essay"),
        ("Student,ID,Section,Attention (7),Attention (8)\n", "several columns 'Attention'"),
    ],
)
def test_a_table_that_does_not_fit_canvas_is_refused(text: str, message: str) -> None:
    with pytest.raises(GradingError, match=message):
        export.fill_canvas(table(text), ROWS, {FIRST: 20.0}, {FIRST: "Attention"})


def test_moodles_own_worksheet_is_filled_in() -> None:
    given = table(
        "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Last modified (grade)\n"
        "Participant 99,Ann Lee,ann@x.org,Submitted,,20.00,-\n"
        "Participant 98,Ada,ada,Submitted,11,20.00,-\n"
        "Participant 97,Other,o@x.org,No submission,,20.00,-\n"
    )
    text, unlisted = export.fill_moodle(given, ROWS, FIRST)
    assert [row[4] for row in table(text)] == ["Grade", "3", "11", ""]
    assert unlisted == ["smithjane_12"]
    with pytest.raises(GradingError, match="not a grading worksheet of Moodle"):
        export.fill_moodle([["Name", "Grade"]], ROWS, FIRST)


def test_tables_are_read_with_either_separator(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("\ufeffStudent;ID;Section\nada;1;a,b\n", encoding="utf-8")
    assert export.read_table(path) == [["Student", "ID", "Section"], ["ada", "1", "a,b"]]
    path.write_text("")
    with pytest.raises(GradingError, match="empty"):
        export.read_table(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GradingError, match="UTF-8"):
        export.read_table(path)


def standing(student: str, points: float, *, graded: bool = True, pending: tuple[str, ...] = ()) -> Standing:
    """Return how a student stands; all are two points late."""
    return Standing(student, graded, points, 20.0, pending, penalty=2.0)


def test_marks_that_are_not_final_are_left_out_and_named(tmp_path: Path) -> None:
    places = Places(tmp_path)
    remember_sender(places, FIRST, CANVAS)
    found = {
        FIRST: [
            standing("smithjane_12", 12.346),
            standing("ada", 9.0, pending=("why",)),
            standing("bob", 1.0),
            standing("eve", 0.0, graded=False),
        ]
    }
    rows, missing = export.rows(places, found)
    marks = {row.sender.student: row.marks[FIRST] for row in rows}
    assert marks == {"smithjane_12": 10.35, "ada": None, "bob": 0.0, "eve": None}
    assert missing == [
        "ada (transformers/attention): to be marked by hand: why",
        "eve (transformers/attention): not graded",
    ]
    assert next(row for row in rows if row.sender.student == "smithjane_12").sender == CANVAS
    partial, missing = export.rows(places, found, partial=True)
    assert {row.sender.student: row.marks[FIRST] for row in partial}["ada"] == 7.0
    assert len(missing) == 2


def test_the_format_is_that_of_the_system_that_was_collected_from() -> None:
    assert export.usual_format(ROWS) == "canvas"
    assert export.usual_format(ROWS[1:]) == "moodle"
    assert export.usual_format(ROWS[2:]) == "csv"
