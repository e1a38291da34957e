"""What the instructor sees of a class, and what each student reads about a notebook.

`write_reports` makes the report on a chapter: one page of HTML. `feedback_exporter` makes the page of
feedback on one notebook, for nbgrader; `shown` keeps what students write from running where it is read.
"""

from course_utils.grading.reporting.page import make_report, write_reports

__all__ = ["make_report", "write_reports"]
