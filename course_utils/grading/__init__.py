"""The instructor's engine on nbgrader: release, collect, grade, feedback, export; and the learner's check and progress.

Loaded by `nbgrader_config.py` through nbgrader's own configuration points, so that plain `nbgrader` commands, the
formgrader and the `course` command all use the same code.
"""
