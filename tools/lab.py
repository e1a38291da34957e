"""Run JupyterLab, started in half the time.

Half of JupyterLab's start goes into one import: jsonschema loads `rfc3987_syntax`, which builds the grammar
of internationalized web addresses. jsonschema does without it where it is missing, and JupyterLab checks no
such address.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    from jupyterlab.labapp import main

    sys.exit(main())
