"""nbgrader's settings: an assignment is a part of the course, a notebook is a chapter."""

from pathlib import Path

c = get_config()

root = Path(__file__).resolve().parent
(root / "grading").mkdir(exist_ok=True)  # the database cannot make its own folder

c.CourseDirectory.root = str(root)
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.submitted_directory = "grading/submitted"
c.CourseDirectory.autograded_directory = "grading/autograded"
c.CourseDirectory.feedback_directory = "grading/feedback"
c.CourseDirectory.db_url = f"sqlite:///{root / 'grading' / 'gradebook.db'}"
