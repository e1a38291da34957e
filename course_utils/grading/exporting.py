"""Writing the marks of a class into files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from course_utils.grading import export
from course_utils.grading.journal import write_whole
from course_utils.grading.nbgrader_run import NbGrader
from course_utils.grading.places import Chapter, GradingError, Places
from course_utils.grading.standing import standings


@dataclass
class Written:
    """The files, the marks that are not final, and the students that the given table does not list."""

    paths: list[Path] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)


def write_marks(
    places: Places,
    chapters: Sequence[Chapter],
    *,
    form: str = "",
    to: Path | None = None,
    roster: Path | None = None,
    column: str = "",
    partial: bool = False,
) -> Written:
    """Write the marks of some chapters.

    Args:
        places: The course.
        chapters: The chapters, of one part.
        form: "canvas", "moodle" or "csv"; that of the system the notebooks came from if empty.
        to: The file; one under grading/export if left out.
        roster: A table of Canvas or Moodle to fill in.
        column: The name of the assignment in Canvas; the chapters' own names if empty.
        partial: Export marks that are not final.

    Raises:
        GradingError: a format is unknown, a chapter is not released, or a given table does not fit.
    """
    nbgrader = NbGrader(places)
    # A part may have chapters that are not released yet.
    released = [chapter for chapter in chapters if nbgrader.is_released(chapter)]
    if not released:
        nbgrader.require_released(chapters[0])
    found, missing = export.rows(places, {c: standings(nbgrader, c) for c in released}, partial=partial)
    most = {chapter: nbgrader.most_points(chapter) for chapter in released}
    form = form or export.usual_format(found)
    if form not in export.FORMATS:
        raise GradingError(f"there is no format {form!r}; the formats are {', '.join(export.FORMATS)}")
    if form == "csv" and roster is not None:
        raise GradingError(
            "--roster fills in a table of Canvas or Moodle; add --format canvas or --format moodle"
        )
    if column and len(released) > 1:
        raise GradingError("--column names one assignment; name one chapter, as in transformers/attention")
    if form == "moodle" and len(released) > 1 and (to or roster):
        raise GradingError(
            "Moodle has a worksheet for each assignment; name one chapter, as in transformers/attention"
        )
    written = Written(missing=missing)
    for group in [[chapter] for chapter in released] if form == "moodle" else [released]:
        points = {chapter: most[chapter] for chapter in group}
        text, unlisted = _table(form, found, points, roster, column)
        written.unlisted = unlisted
        name = group[0].part if len(chapters) > 1 and form != "moodle" else f"{group[0].part}-{group[0].name}"
        path = to or places.grading / "export" / f"{name}-{form}.csv"
        write_whole(path, text)
        written.paths.append(path)
    return written


def _table(
    form: str, found: Sequence[export.Row], most: dict[Chapter, float], roster: Path | None, column: str
) -> tuple[str, list[str]]:
    """Return the table and who is not in the given one."""
    columns = {chapter: column or chapter.name.replace("_", " ").capitalize() for chapter in most}
    first = next(iter(most))
    if form == "canvas" and roster:
        return export.fill_canvas(export.read_table(roster), found, most, columns)
    if form == "canvas":
        return export.to_canvas(found, most, columns), []
    if form == "moodle" and roster:
        return export.fill_moodle(export.read_table(roster), found, first)
    if form == "moodle":
        absent = [row.sender.student for row in found if row.sender.system != "moodle"]
        return export.to_moodle(found, first, most[first]), absent
    return export.to_csv(found, most), []
