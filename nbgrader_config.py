"""How nbgrader works in this course. Read by every `nbgrader` command, by the formgrader and by `course`.

An assignment of nbgrader is a part of the course, a notebook of it a chapter: `nbgrader autograde
transformers`, `nbgrader autograde transformers --notebook attention`. What belongs to one class is kept in
grading/, which git ignores.
"""

import os
import sys
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

# The gradebook: a file, or any database that SQLAlchemy knows, say postgresql://grader@localhost/course.
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
c.Execute.timeout = 60  # seconds for a cell; a check ends answers that run too long well before this
c.Execute.iopub_timeout = 20  # seconds for a cell's output to arrive when the cell is done
c.Execute.shutdown_kernel = "immediate"
c.RunNotebook.notebook_seconds = 600  # for a whole notebook; the cells behind that are not run
c.RunNotebook.most_restarts = 3  # new kernels for a notebook whose cells bring them down
c.RunNotebook.most_characters = 1_000_000  # of output kept of a cell while it runs
c.LimitOutput.max_lines = 1000  # of output kept in the marked notebook
c.LimitOutput.max_traceback = 100

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
# Marking: the mark of a test cell is the record that its check left. Prints and warnings (stderr) count for
# nothing.
c.Autograde.autograde_preprocessors = [
    "course_utils.grading.run.RunNotebook",
    "nbgrader.preprocessors.LimitOutput",
    "course_utils.grading.save.SaveMarks",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.RunNotebook.secret_seed_file = str(GRADING / "secret_seed")
c.SaveMarks.journal_folder = str(JOURNAL.folder)

# A run that was cut off is taken up again: what it left half done is cleared here, and graded anew by the
# next run.
c.Autograde.pre_convert_hook = JOURNAL.begin
c.Autograde.post_convert_hook = JOURNAL.finish
JOURNAL.recover(GRADING / "autograded")
