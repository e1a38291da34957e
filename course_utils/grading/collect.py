"""Collecting what students handed in: from a folder, or from the archive that Canvas or Moodle makes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from course_utils.grading.journal import write_whole
from course_utils.grading.places import Chapter, GradingError, Places
from course_utils.grading.reading import UnreadableError, grade_ids, parse_notebook
from course_utils.grading.senders import Sender, identify
from course_utils.grading.unpack import Found, find_files

# Systems and browsers rename what they take for plain data.
NOTEBOOK_ENDINGS = (".ipynb", ".json", ".txt")


@dataclass(frozen=True)
class Remark:
    """What is odd about a file, and what to do. An `urgent` remark needs the instructor."""

    file: str
    what: str
    do: str = "Nothing to do."
    urgent: bool = False


@dataclass
class Collection:
    """What was collected.

    `collected` names the notebooks that are new or changed, `unchanged` those that were there already, each
    as STUDENT/PART/CHAPTER.
    """

    collected: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


@dataclass(frozen=True)
class Candidate:
    """A file that a student handed in, the chapter it is taken for, and what is wrong with it."""

    found: Found
    sender: Sender
    chapter: Chapter | None
    fault: str = ""
    unreadable: bool = False

    @property
    def age(self) -> tuple[datetime, int]:
        """What the newest of several has most of; Canvas numbers what is handed in again."""
        version = re.search(r"-(\d+)\.\w+$", self.sender.file)
        return self.found.modified, int(version[1]) if version else 0


def collect(places: Places, chapters: Sequence[Chapter], source: Path) -> Collection:
    """Put what students handed in where nbgrader looks for it.

    A notebook is recognized by its cells, whatever its name. A file that cannot be read is taken too if
    nothing better came from the student, so that it appears in the gradebook; grading gives it nothing.

    Args:
        places: The course.
        chapters: The chapters to look for.
        source: A folder or a zip archive.

    Raises:
        GradingError: there is no such source, or a chapter is not released.
    """
    if not source.exists():
        raise GradingError(f"{source} does not exist; give a folder or a zip archive")
    if source.is_file() and source.suffix.lower() != ".zip":
        raise GradingError(f"{source.name} is neither a folder nor a zip archive (.zip)")
    known = known_cells(places)
    for chapter in chapters:
        if chapter not in known:
            raise GradingError(f"{chapter} is not released; run `course release {chapter}` first")
    result = Collection()
    by_student: dict[str, list[Candidate]] = {}
    try:
        for found in find_files(source):
            sender = identify(found.parts, [chapter.name for chapter in chapters])
            if sender is None:
                do = "Put it into a folder named after the student and collect again."
                result.remarks.append(
                    Remark(found.name, "its name does not say whose it is", do, urgent=True)
                )
            else:
                by_student.setdefault(sender.student, []).append(look_at(found, sender, chapters, known))
    except ValueError as error:
        raise GradingError(str(error)) from error
    for student, candidates in sorted(by_student.items()):
        if len({candidate.sender.number for candidate in candidates}) > 1:
            result.remarks += _namesakes(student, candidates)
            continue
        for chosen in _choose(candidates, chapters, result.remarks):
            assert chosen.chapter is not None
            remember_sender(places, chosen.chapter, chosen.sender)
            taken = _take(places, chosen.chapter, student, chosen.found.content or b"")
            (result.collected if taken else result.unchanged).append(f"{student}/{chosen.chapter}")
    return result


def known_cells(places: Places) -> dict[Chapter, set[str]]:
    """Return the names of the cells of each released chapter."""
    known = {}
    for path in sorted((places.root / "exercises").glob("*/*.ipynb")):
        try:
            known[Chapter(path.parent.name, path.stem)] = set(grade_ids(parse_notebook(path.read_bytes())))
        except UnreadableError as error:
            raise GradingError(f"{path} is damaged: {error}. Run `make exercises`.") from error
    return known


def look_at(
    found: Found, sender: Sender, chapters: Sequence[Chapter], known: Mapping[Chapter, set[str]]
) -> Candidate:
    """Say which chapter's notebook a file is, and if it is none, why not."""
    if found.content is None:
        return Candidate(found, sender, None, found.fault)
    if not sender.file.lower().endswith(NOTEBOOK_ENDINGS):
        return Candidate(found, sender, None, "it is not a notebook (.ipynb)")
    named = [chapter for chapter in chapters if chapter.name.lower() in sender.file.lower()]
    by_name = named[0] if named else chapters[0] if len(chapters) == 1 else None
    try:
        own = set(grade_ids(parse_notebook(found.content)))
    except UnreadableError as error:
        by_name = by_name if sender.file.lower().endswith(".ipynb") else None
        return Candidate(found, sender, by_name, f"it cannot be read: {error}", unreadable=True)
    shared = {chapter: len(own & cells) for chapter, cells in known.items()}
    best = max(shared, key=lambda chapter: (shared[chapter], chapter in chapters))
    if shared[best] and best in chapters:
        return Candidate(found, sender, best)
    if shared[best]:
        return Candidate(found, sender, None, f"it is the notebook of {best}, which is not collected now")
    if named:
        return Candidate(found, sender, named[0])
    wanted = " or ".join(map(str, chapters))
    return Candidate(found, sender, None, f"it is not the notebook of {wanted}: it has none of its cells")


def _namesakes(student: str, candidates: Sequence[Candidate]) -> list[Remark]:
    what = f"several people would be called {student}, so no file of theirs was taken"
    do = "Put each one's into a folder with a name that tells them apart, and collect that folder."
    return [Remark(candidate.found.name, what, do, urgent=True) for candidate in candidates]


def _choose(
    candidates: Sequence[Candidate], chapters: Sequence[Chapter], remarks: list[Remark]
) -> Iterator[Candidate]:
    """Yield the file to take for each chapter, the newest of several, and remark on every odd one."""
    good = False
    for chapter in chapters:
        own = [candidate for candidate in candidates if candidate.chapter == chapter]
        if not own:
            continue
        chosen = max(own, key=lambda candidate: (not candidate.fault, candidate.age))
        good = good or not chosen.fault
        for candidate in own:
            if remark := _remark(candidate, chosen, chapter):
                remarks.append(remark)
        yield chosen
    for candidate in candidates:
        if candidate.chapter is None:
            if good:
                remarks.append(Remark(candidate.found.name, candidate.fault))
            else:
                do = "Ask the student for the notebook, then collect again."
                remarks.append(Remark(candidate.found.name, candidate.fault, do, urgent=True))


def _remark(candidate: Candidate, chosen: Candidate, chapter: Chapter) -> Remark | None:
    name = candidate.found.name
    if candidate is not chosen:
        if candidate.fault:
            return Remark(name, f"{candidate.fault}; {chosen.found.name} was taken")
        what = f"the student handed in several notebooks; {chosen.found.name} was taken, as the newest"
        return Remark(name, what, "Nothing to do, unless the other one was meant.")
    if candidate.fault:
        do = "It was taken and will earn nothing: ask the student to hand in again, then collect again."
        return Remark(name, candidate.fault, do, urgent=True)
    if candidate.sender.file != f"{chapter.name}.ipynb":
        return Remark(name, f"it was taken as {chapter.name}.ipynb")
    return None


def _take(places: Places, chapter: Chapter, student: str, content: bytes) -> bool:
    """Put a notebook in its place; say whether it is new there."""
    path = places.submitted(chapter, student)
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
    # nbgrader grades a submission again when this is later than it was.
    stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC")
    write_whole(path.with_name("timestamp.txt"), stamp + "\n")
    return True


def _sender_path(places: Places, chapter: Chapter, student: str) -> Path:
    return places.grading / "senders" / chapter.part / chapter.name / f"{student}.json"


def remember_sender(places: Places, chapter: Chapter, sender: Sender) -> None:
    """Keep who sent a notebook, for the export of marks."""
    text = json.dumps(asdict(sender), indent=1, ensure_ascii=False)
    write_whole(_sender_path(places, chapter, sender.student), text)


def read_sender(places: Places, chapter: Chapter, student: str) -> Sender:
    """Return who sent a student's notebook; of one put in its place by hand, only the student."""
    try:
        return Sender(**json.loads(_sender_path(places, chapter, student).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Sender(student, "folder")
