"""What a notebook shows in a preloaded kernel is, to the byte, what it shows in an ordinary one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from course_utils.authoring.notebook_files import read_notebook
from course_utils.authoring.notebooks import UNREPEATABLE, execute

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = ROOT / "book" / "basics" / "data_with_pandas.ipynb"
# The place of a cell's source has the kernel's process number in it, and objects have other addresses.
VOLATILE = re.compile(r"ipykernel_\d+|0x[0-9a-f]{6,}")

CELLS = [
    "import sys, threading, time, warnings\nprint(sys.path, sys.argv[0], sys.orig_argv[1:3], sys.flags)",
    "print(threading.active_count(), threading.current_thread().name)",
    "__name__, sorted(name for name in globals() if not name.startswith('_')), __import__('os').getcwd()",
    "%matplotlib inline",
    "import matplotlib, matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\naxes.plot([1, 3, 2], 'o-')",
    "matplotlib.get_backend(), {k: v for k, v in matplotlib.rcParams.items() if k != 'backend'}",
    "import os\nos.environ['SOURCE_DATE_EPOCH'] = '0'\nmatplotlib.rcParams['svg.hashsalt'] = '1'",
    "%config InlineBackend.figure_formats = ['svg']\nplt.plot([1, 2]);",
    "%%capture said\nprint('kept')",
    "said.stdout",
    "!echo from the shell; echo to errors >&2",
    "%env OWN=3\n%env OWN",
    "from IPython.display import HTML, Markdown, display\ndisplay(HTML('<b>bold</b>'), Markdown('*text*'))",
    "handle = display('before', display_id='one')\nhandle.update('after')",
    "print('to errors', file=sys.stderr)",
    "warnings.warn('seen', UserWarning)\nwarnings.warn('seen, too', DeprecationWarning)",
    "def broken(number):\n    return 1 / number\nbroken(0)",
    "1 +",
    "%no_such_magic",
    "input('asked: ')",
    "import asyncio\nasync def late():\n    await asyncio.sleep(0.01)\n    return 'late'\nawait late()",
    "thread = threading.Thread(target=broken, args=[0])\nthread.start()\nthread.join()\ntime.sleep(0.3)",
    "_ = os.system('echo by descriptor'), os.write(1, b'written')\ntime.sleep(0.3)",
    "import numpy as np, pandas as pd\npd.DataFrame(np.arange(60).reshape(2, 30))",
    "pd.describe_option('display.max_columns')",
    "import torch\ntorch.manual_seed(3)\ntorch.rand(3), torch.get_num_threads(), torch.get_default_dtype()",
    "np.random.seed(3)\nnp.random.rand(2), np.get_printoptions()",
    "torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], lr=0.1)",
    "import logging\nlogging.getLogger('own').warning('logged')",
    "sorted(handler.__class__.__name__ for handler in logging.getLogger().handlers)",
    "import multiprocessing\nwith multiprocessing.get_context('fork').Pool(1) as pool:\n"
    "    print(pool.map(abs, [-7]))",
    "%timeit?",
    "print?",
    "%pwd",
    "_, get_ipython().__class__",
    "import signal\n[signal.getsignal(number) for number in (2, 13, 15, 17)], os.getsid(0) == os.getpid()",
    "os.environ['MPLBACKEND'], os.isatty(0), os.read(0, 10)",
    "exit()",
]


def shown(notebook: NotebookNode) -> list[list[dict]]:
    """Return the outputs of each code cell, without what always varies; streams in one piece."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type != "code" or UNREPEATABLE in cell.metadata.get("tags", []):
            continue
        whole: list[dict] = []
        for output in cell.outputs:
            if whole and output.get("name") and whole[-1].get("name") == output.name:
                whole[-1] = {**whole[-1], "text": whole[-1]["text"] + output.text}
            else:
                whole.append(dict(output))
        found.append([{k: VOLATILE.sub("*", str(v)) for k, v in output.items()} for output in whole])
    return found


def play(folder: Path) -> NotebookNode:
    """Run the cells above, also behind one that raises."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    options = ["--IPKernelApp.log_level=40"]
    client = NotebookClient(
        notebook, kernel_name="python3", allow_errors=True, timeout=60, extra_arguments=options
    )
    return client.execute(cwd=str(folder))


@pytest.mark.slow
def test_magics_figures_errors_and_streams_are_the_same(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("MPLBACKEND", raising=False)
    ordinary = shown(play(tmp_path))
    said = request.getfixturevalue("forked")
    preloaded = shown(play(tmp_path))
    for source, one, other in zip(CELLS, ordinary, preloaded, strict=True):
        assert other == one, source
    kinds = {output["output_type"] for outputs in ordinary for output in outputs}
    assert kinds == {"stream", "display_data", "execute_result", "error"}
    assert said == []


@pytest.mark.slow
def test_a_chapter_shows_the_same(request: pytest.FixtureRequest):
    ordinary = shown(execute(read_notebook(CHAPTER), CHAPTER.parent))
    said = request.getfixturevalue("forked")
    preloaded = shown(execute(read_notebook(CHAPTER), CHAPTER.parent))
    assert preloaded == ordinary
    assert any(output.get("data") for outputs in ordinary for output in outputs)
    assert said == []


@pytest.mark.slow
def test_workers_of_pytest_share_one_server(tmp_path: Path):
    """Two notebooks, two workers, and the process that both kernels come from."""
    for name in ("first", "second"):
        cell = nbformat.v4.new_code_cell(
            f"import os, pathlib\npathlib.Path('{name}').write_text(str(os.getppid()))"
        )
        notebook = nbformat.v4.new_notebook(cells=[cell])
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    command = ["-m", "pytest", "-q", "-n", "2", "--dist", "loadscope", "-p", "no:cacheprovider"]
    plugin = ["-p", "course_utils.kernels.pytest_plugin", "--nbval-lax"]
    run = subprocess.run(
        [sys.executable, *command, *plugin, "--rootdir", str(tmp_path), "-c", "/dev/null", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    parents = {(tmp_path / name).read_text() for name in ("first", "second")}
    assert len(parents) == 1
    assert "ordinary kernels" not in run.stdout + run.stderr
    assert not Path(f"/proc/{parents.pop()}").exists()
