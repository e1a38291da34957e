"""What an instructor does with nbgrader, and a learner's `check` and `progress`.

Loaded by `nbgrader_config.py` through nbgrader's own configuration points, so that plain `nbgrader` commands,
the formgrader and the `course` command all use the same code.
"""

import sys

# jsonschema, which nbformat needs, builds a parser of web addresses when it is imported, which takes seconds.
# It does without one where the library is not to be had, and no notebook's schema asks for it.
if "jsonschema" not in sys.modules:
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
