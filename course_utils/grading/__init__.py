"""What an instructor does with nbgrader, and a learner's `check` and `progress`.

Loaded by `nbgrader_config.py` through nbgrader's own configuration points, so that plain `nbgrader` commands,
the formgrader and the `course` command all use the same code.
"""
