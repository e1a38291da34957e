"""How nbgrader works in this course. Read by every `nbgrader` command, by the formgrader and by `course`.

An assignment of nbgrader is a part of the course, a notebook of it a chapter: `nbgrader autograde
transformers`, `nbgrader autograde transformers --notebook attention`. What belongs to one class is kept in
grading/, which git ignores.
"""

import functools
import os
import sys
from importlib.resources import files
from pathlib import Path

from course_utils.grading.journal import Journal

c = get_config()

ROOT = Path(__file__).resolve().parent
GRADING = ROOT / "grading"
GRADING.mkdir(exist_ok=True)
# nbgrader calls `alembic` by its name when it makes a gradebook; this finds it without an activated
# environment.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
JOURNAL = Journal(GRADING / "journal")

# --- Where things are ---------------------------------------------------------------------------------------
c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.course_id = os.environ.get("COURSE_ID", "course")
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.submitted_directory = "grading/submitted"
c.CourseDirectory.autograded_directory = "grading/autograded"
c.CourseDirectory.feedback_directory = "grading/feedback"

# The gradebook: a file, or any database that SQLAlchemy knows, say
# postgresql+psycopg://grader@localhost/course (with the extra `postgresql`).
c.CourseDirectory.db_url = os.environ.get("COURSE_GRADEBOOK", f"sqlite:///{GRADING / 'gradebook.db'}")

# For a class whose members share one machine: `nbgrader release_assignment`, `fetch_assignment`, `submit`,
# `collect`. The folder must exist and be writable to everyone (chmod 777); nbgrader itself hides each
# submission from the others.
c.Exchange.root = os.environ.get("COURSE_EXCHANGE", "/usr/local/share/nbgrader/exchange")

# `nbgrader zip_collect PART` takes what lies in grading/downloaded/PART/archive: Canvas's or Moodle's
# archive.
c.ZipCollectApp.downloaded_directory = "grading/downloaded"
c.ZipCollectApp.collector_plugin = "course_utils.grading.collector.CourseCollector"
c.ZipCollectApp.strict = True

# --- Limits -------------------------------------------------------------------------------------------------
# All of them, with what happens at each: course_utils/grading/sandbox/limits.py. Others than those go here.
c.PlayNotebook.limits = {}  # such as {"cell_seconds": 120, "memory_bytes": 4 << 30}

# --- How a submission is graded -----------------------------------------------------------------------------
# Reading: a file that is not a notebook is marked as one with no answers, and stops nobody else.
c.Autograde.exporter_class = "course_utils.grading.exporter.SubmissionExporter"
# Cleaning: graded cells as released, whatever happened to them; the rest is nbgrader's own, as a second look.
c.Autograde.sanitize_preprocessors = [
    "course_utils.grading.restore.RestoreCells",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
# Marking: the notebook runs shut in, in a process of its own, and the mark of a test cell is the judge's
# record of it. What the notebook prints, returns or raises changes nothing.
c.Autograde.autograde_preprocessors = [
    "course_utils.grading.play.PlayNotebook",
    "course_utils.grading.save.SaveMarks",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.PlayNotebook.course_root = str(ROOT)
c.PlayNotebook.trust_submissions = False  # where no walls hold: True runs submissions with all of your rights

# --- Looking at what students wrote -------------------------------------------------------------------------
# The formgrader and feedback show it in a browser that may be logged in as you: nothing in it may run there.
# nbconvert's own cleaner alone leaves Markdown cells as they are and takes the checks' cards apart.
c.HTMLExporter.sanitize_html = True
SHOWN = "course_utils.grading.reporting.shown"
c.HTMLExporter.filters = {name: f"{SHOWN}.{name}" for name in ("clean_html", "markdown2html", "latex2html")}
c.HTMLExporter.preprocessors = [f"{SHOWN}.ShowSafely"]
# Before nbgrader's own: the formgrader would load MathJax from another site, and stumble without a network.
c.HTMLExporter.extra_template_basedirs = [
    str(files("course_utils") / "grading" / "reporting" / "templates"),
    str(files("nbgrader") / "server_extensions" / "formgrader" / "templates"),
]
c.GenerateFeedback.exporter_class = "course_utils.grading.reporting.feedback_exporter.FeedbackExporter"

# --- After a run was cut off --------------------------------------------------------------------------------
c.SaveMarks.journal_folder = str(JOURNAL.folder)

# A run that was cut off is taken up again: what it left half done is cleared here, and graded anew by the
# next run.
# `begin` also clears the way: before nbgrader copies a submission's folder, links and what is too large are
# moved to grading/set_aside.
c.Autograde.pre_convert_hook = functools.partial(JOURNAL.begin, limits=c.PlayNotebook.limits)
c.Autograde.post_convert_hook = JOURNAL.finish
JOURNAL.recover(GRADING / "autograded")
