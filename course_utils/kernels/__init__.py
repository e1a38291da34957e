"""Preloaded kernels: a process imports torch and its like once, and every notebook gets a fork of it.

They are real IPython kernels, spoken to as ever; only what happens before the first cell is quicker. Where a
fork would not be the same as a new process, an ordinary kernel is started instead, and a line says why.

    server.py         the preloaded process; it is run by itself and knows nothing of this package
    owner.py          starts it, and sees to it that it ends
    process.py        a forked kernel, as seen by the one who asked for it
    provisioner.py    what jupyter_client starts kernels by
    pytest_plugin.py  one preloaded process for all workers of a run of pytest
"""

from course_utils.kernels.provisioner import preloaded_kernels

__all__ = ["preloaded_kernels"]
