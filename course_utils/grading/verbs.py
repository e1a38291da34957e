"""The instructor's verbs of the `course` command."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, ParamSpec

import typer
from rich.console import Console
from rich.markup import escape

from course_utils.grading.places import GradingError, Places

What = Annotated[
    str, typer.Argument(metavar="PART[/CHAPTER]", help="A chapter, or a part for all its chapters.")
]
Students = Annotated[
    list[str] | None,
    typer.Option("--student", metavar="STUDENT", help="Only this student; may be given several times."),
]
P = ParamSpec("P")


def _explained(verb: Callable[P, int]) -> Callable[P, int]:
    """Print what the caller must mend, without a traceback, and return 2."""

    @functools.wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            return verb(*args, **kwargs)
        except GradingError as error:
            print(error, file=sys.stderr)
            return 2
        except Exception as error:
            # SQLAlchemy is not imported where a verb does without it.
            if type(error).__module__.split(".")[0] not in ("sqlalchemy", "nbgrader"):
                raise
            reason = str(error).splitlines()[0]
            print(
                f"The gradebook could not be read or written: {reason}. Nothing that was graded is lost. "
                "Close what else is using it, or mend what it says, and run the same command again.",
                file=sys.stderr,
            )
            return 2

    return run


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def _list(console: Console, title: str, lines: Sequence[str]) -> None:
    if lines:
        console.print(f"\n[bold]{title}[/]")
        for line in lines:
            console.print(f"  {escape(line)}")


@_explained
def release(
    what: What,
    class_folder: Annotated[
        Path | None,
        typer.Option(
            "--class",
            metavar="DIR",
            help="Write what the class gets into this folder, which must not exist or be empty: exercises, "
            "checks without the answers, data, the book, and how to start them.",
            show_default=False,
        ),
    ] = None,
    withhold: Annotated[
        list[str] | None,
        typer.Option(
            "--withhold",
            metavar="PART[/CHAPTER]",
            help="With --class: an earlier part or chapter whose answers are not handed out either; may be "
            "given several times.",
        ),
    ] = None,
) -> int:
    """Make exercises from solutions and enter them into the gradebook.

    Writes exercises/PART/CHAPTER.ipynb without solutions and hidden checks, and makes the secret seed of
    graded runs (grading/secret_seed) the first time: keep a copy of it, and show it to nobody. Chapters of a
    part can be released one at a time; the others stay as they are. With --class it also writes a folder to
    hand out, in which no answer can be found: the checks there know the outcomes, not the code.

    Example: course release transformers --class ~/for_the_class
    """
    from course_utils.grading.release import release as make

    places = Places.find()
    chapters = places.chapters(what)
    for made in make(places, chapters):
        by_hand = f", {made.written_points:g} of them marked by hand" if made.written_points else ""
        print(f"exercises/{made.chapter}.ipynb: {made.points:g} points{by_hand}")
    if class_folder is None:
        print(f"Hand out what is in exercises/, then collect: course collect {what} FOLDER_OR_ZIP")
        return 0
    from course_utils.grading.edition.write import write_class_edition

    edition = write_class_edition(
        places, chapters, class_folder.resolve(), withhold=withhold or (), tell=print
    )
    print(f"{edition.folder}: {edition.files} files, {edition.size / 1e6:.0f} MB, in {edition.seconds:.0f} s")
    print(f"Hand it out, then collect: course collect {what} FOLDER_OR_ZIP")
    return 0


@_explained
def collect(
    what: What,
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A folder or a zip archive.")],
) -> int:
    """Take over what students handed in.

    SOURCE is the archive of Canvas ("Download Submissions") or of Moodle ("Download all submissions"),
    unpacked or not, or a folder with one folder for each student or with files named after them (ada.ipynb,
    ada_attention.ipynb). Archives inside are opened. A notebook is recognized by its cells, so a wrong file
    name does not matter; every file that is not taken is named, with what to do. Collecting again takes what
    is new or changed.

    Ends with 1 if a file needs your attention.

    Example: course collect transformers/attention ~/Downloads/submissions.zip
    """
    from course_utils.grading.collect import collect as take

    places = Places.find()
    result = take(places, places.chapters(what), source)
    console = _console()
    console.print(f"{len(result.collected)} collected, {len(result.unchanged)} already there")
    urgent = [f"{r.file}: {r.what}. {r.do}" for r in result.remarks if r.urgent]
    _list(console, "Needs your attention", urgent)
    _list(console, "Good to know", [f"{r.file}: {r.what}. {r.do}" for r in result.remarks if not r.urgent])
    if not result.collected and not result.unchanged and not urgent:
        raise GradingError(f"nothing to collect in {source}")
    console.print(f"\nNext: course grade {what}")
    return 1 if urgent else 0


@_explained
def grade(
    what: What,
    student: Students = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write the marks again of what is graded already.")
    ] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=0, help="How many at once; 0: one for each core.")
    ] = 0,
    scheduler: Annotated[
        str, typer.Option("--scheduler", metavar="ADDRESS", help="Have a Dask cluster do it.")
    ] = "",
    trust_submissions: Annotated[
        bool,
        typer.Option(
            "--trust-submissions", help="Run submissions with all of your rights, where no walls hold."
        ),
    ] = False,
) -> int:
    """Grade what was handed in and is not graded yet.

    Each submission runs shut in, in a process of its own, without network and without sight of anything
    else; the first lines say how strong the walls are on this machine. Grades several at once what is new or
    changed. Killed, or run again, it goes on where it was; nothing is graded twice. A table stands at the
    end, and by name every submission that is odd, with what to do.

    Ends with 0 if all marks can be relied on, 1 if something needs you, 2 if it could not start. Answers that
    a person marks do not count as needing you; the formgrader lists them.

    Example: course grade transformers/attention --student ada
    """
    from course_utils.grading.sandbox.tiers import announce
    from course_utils.grading.schedule import scheduler as scheduled
    from course_utils.grading.walls import find_tier

    places = Places.find()
    chapters = places.chapters(what)
    console = _console()
    with scheduled(jobs or os.cpu_count() or 1, scheduler) as workers:
        workers.warm_up()
        if scheduler:
            console.print(
                f"Submissions are played by the workers of {escape(scheduler)}, each behind its own walls."
            )
        else:
            console.print(announce(find_tier(trusted=trust_submissions)))
        # The gradebook takes a second to import, in which the workers do the same.
        from course_utils.grading.engine import grade_class
        from course_utils.grading.progress_bar import progress_bar
        from course_utils.grading.summary import show

        with progress_bar(console) as tell:
            run = grade_class(
                places,
                chapters,
                workers,
                students=student or (),
                force=force,
                trusted=trust_submissions,
                tell=tell,
            )
    show(console, run)
    return 1 if run.interrupted or run.needs_instructor else 0


@_explained
def regrade(
    what: What,
    student: Students = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=0, help="How many at once; 0: one for each core.")
    ] = 0,
    yes: Annotated[bool, typer.Option("--yes", help="Write the new marks without asking.")] = False,
    trust_submissions: Annotated[
        bool,
        typer.Option(
            "--trust-submissions", help="Run submissions with all of your rights, where no walls hold."
        ),
    ] = False,
) -> int:
    """Grade everybody again after an exercise was mended, and show whose marks change before writing them.

    Run `course release` first if the notebook itself has changed. Every submission is played again as things
    stand now; the table shows each mark that would be another one. Then you are asked, and only then it is
    written. The old marks are kept in grading/journal/replaced_marks.jsonl. Marks that a person gave stay.

    Ends with 0 if all is as it should be, 1 if marks would change and were not written or a submission could
    not be played, 2 if it could not start.

    Example: course regrade transformers/attention --yes
    """
    from course_utils.grading.sandbox.tiers import announce
    from course_utils.grading.schedule import scheduler as scheduled
    from course_utils.grading.walls import find_tier

    places = Places.find()
    chapters = places.chapters(what)
    console = _console()
    who = student or ()
    with scheduled(jobs or os.cpu_count() or 1) as workers:
        workers.warm_up()
        console.print(announce(find_tier(trusted=trust_submissions)))
        # The gradebook takes a second to import, in which the workers do the same.
        from course_utils.grading.engine import grade_class
        from course_utils.grading.progress_bar import progress_bar
        from course_utils.grading.regrade import keep_log
        from course_utils.grading.regrade import regrade as play_again
        from course_utils.grading.summary import show_changes

        with progress_bar(console) as tell:
            found = play_again(places, chapters, workers, students=who, trusted=trust_submissions, tell=tell)
        show_changes(console, found)
        if not found.changes:
            return 1 if found.failed else 0
        if not yes and not (sys.stdin.isatty() and typer.confirm("Write the new marks?")):
            console.print("Nothing was written. To write the new marks: the same command with --yes")
            return 1
        console.print(f"The old marks are kept in {keep_log(places, found.changes)}")
        failed = bool(found.failed)
        # Nobody else: the marks of who failed, or has handed in since, were neither shown nor logged.
        for chapter, compared in found.compared.items():
            run = grade_class(
                places, [chapter], workers, students=compared, force=True, trusted=trust_submissions
            )
            failed = failed or run.interrupted or bool(run.failed)
            if run.interrupted:
                break
    return 1 if failed else 0


@_explained
def feedback(what: What, student: Students = None) -> int:
    """Make a page of feedback for each graded notebook.

    Writes grading/feedback/STUDENT/PART/CHAPTER.html with the answers, the outcome of each case, the
    explanations, the points and your comments. Nothing of a hidden case's numbers is in it. Run it again
    after marking by hand.

    Ends with 1 if someone who handed in has no page.

    Example: course feedback transformers/attention
    """
    from course_utils.grading.feedback import make_feedback

    places = Places.find()
    made = make_feedback(places, places.chapters(what), student or ())
    console = _console()
    console.print(f"{len(made.pages)} pages in grading/feedback")
    _list(console, "No page", [f"{name}: {why}" for name, why in made.left_out.items()])
    title = "Made before all answers were marked by hand; make it again afterwards"
    _list(console, title, made.pending)
    return 1 if made.left_out else 0


@_explained
def report(
    what: What,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="FILE",
            help="The file to write; grading/report/PART/CHAPTER.html if left out.",
            show_default=False,
        ),
    ] = None,
    honesty: Annotated[bool, typer.Option(help="Look for near copies and for forbidden helpers too.")] = True,
) -> int:
    """Make a page about how a class did: marks, items, what to teach again, odd submissions.

    One HTML file for each chapter, which loads nothing from elsewhere and prints well. It counts the known
    mistakes that the class made, and it names near copies and answers that use what an exercise asks to
    build; no mark follows from these.

    Example: course report transformers/attention
    """
    from course_utils.grading.reporting import write_reports

    places = Places.find()
    for path in write_reports(places, places.chapters(what), to, honesty=honesty):
        print(path)
    return 0


@_explained
def export(
    what: What,
    form: Annotated[
        str,
        typer.Option(
            "--format", help="canvas, moodle or csv; if left out, where the notebooks were collected from."
        ),
    ] = "",
    to: Annotated[Path | None, typer.Option("--to", help="The file to write.", show_default=False)] = None,
    roster: Annotated[
        Path | None,
        typer.Option(
            "--roster", help="The table that Canvas or Moodle exported, to be filled in.", show_default=False
        ),
    ] = None,
    column: Annotated[
        str, typer.Option("--column", help="The assignment's name in Canvas; the chapter's name if left out.")
    ] = "",
    partial: Annotated[
        bool, typer.Option("--partial", help="Export marks too that still lack what is marked by hand.")
    ] = False,
) -> int:
    """Write the marks as a table that Canvas or Moodle imports.

    Canvas: import it in the gradebook. Moodle: upload it as the assignment's grading worksheet (one chapter
    for each). Safest is to export the table there, give it with --roster and import what comes out: it lists
    exactly the students and columns that the system knows. Marks that are not final are left blank and named.

    Ends with 1 if a mark was left out.

    Example: course export transformers/attention --format canvas --roster gradebook.csv --column "Attention
    (4711)"
    """
    from course_utils.grading.exporting import write_marks

    places = Places.find()
    written = write_marks(
        places, places.chapters(what), form=form, to=to, roster=roster, column=column, partial=partial
    )
    console = _console()
    for path in written.paths:
        console.print(f"{escape(str(path))}")
    _list(console, "Exported though not final" if partial else "Left blank", written.missing)
    _list(console, "Not in the table that was given", written.unlisted)
    return 1 if (written.missing and not partial) or written.unlisted else 0
