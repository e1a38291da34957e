"""The same recognition of files for nbgrader's own `nbgrader zip_collect`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbgrader.plugins.zipcollect import FileNameCollectorPlugin

from course_utils.grading.collect import known_cells, look_at, remember_sender
from course_utils.grading.places import Places
from course_utils.grading.senders import identify
from course_utils.grading.unpack import Found


class CourseCollector(FileNameCollectorPlugin):
    """Tells `nbgrader zip_collect` whose a file is and which chapter it holds.

    It looks at the files one by one; `course collect` also compares a student's files with one another.
    """

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """Return the student, the chapter and the date of a file; None if it is not to be collected."""
        app: Any = self.parent
        path = Path(submitted_file)
        places = Places(Path(app.coursedir.root))
        known = known_cells(places)
        chapters = [chapter for chapter in known if chapter.part == app.coursedir.assignment_id]
        parts = self._parts(app, path)
        sender = identify(parts, [chapter.name for chapter in chapters])
        if sender is None or not chapters:
            self.log.error("%s: its name does not say whose it is; use `course collect`", path.name)
            return None
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        found = look_at(Found(parts, path.read_bytes(), modified), sender, chapters, known)
        if found.fault:
            self.log.error("%s: %s. Ask the student for the notebook.", "/".join(parts), found.fault)
        if found.chapter is None or path.suffix != ".ipynb":
            return None
        remember_sender(places, found.chapter, sender)
        stamp = modified.strftime("%Y-%m-%d %H:%M:%S.%f UTC")
        return {"student_id": sender.student, "file_id": found.chapter.name, "timestamp": stamp}

    @staticmethod
    def _parts(app: Any, path: Path) -> tuple[str, ...]:
        """Return the path below the folder unpacked into, without the archive's own folder."""
        downloaded = Path(app.coursedir.root, app.downloaded_directory, app.coursedir.assignment_id)
        parts = path.relative_to(downloaded / app.extracted_directory).parts
        archives = {archive.stem for archive in (downloaded / app.archive_directory).glob("*.zip")}
        return parts[1:] if len(parts) > 1 and parts[0] in archives else parts
