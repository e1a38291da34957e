"""Forked kernels live, are interrupted, die, and start anew as ordinary ones do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from course_utils.kernels import provisioner
from course_utils.kernels.owner import PreloadedServer
from course_utils.kernels.process import ForkedKernel, NotForkedError, ServerEndedError
from course_utils.kernels.provisioner import Source, forked_by_default, preloaded_kernels
from tests.kernels.conftest import Kernel, gone

Start = Callable[..., Kernel]


def parent_of(kernel: Kernel) -> int:
    return int(kernel.run("import os; print(os.getppid())"))


def test_a_kernel_is_forked_and_ends(forked: list[str], start: Start, server: PreloadedServer):
    kernel = start()
    assert parent_of(kernel) == server.process.pid
    pid = int(kernel.run("print(os.getpid())"))
    assert pid == kernel.manager.provisioner.pid == os.getpgid(pid) == os.getsid(pid)
    kernel.manager.shutdown_kernel()
    assert not kernel.manager.has_kernel
    assert gone(pid)
    assert forked == []


def test_kernels_draw_their_own_numbers(forked: list[str], start: Start):
    draw = "import numpy, random, torch; print(random.random(), numpy.random.rand(), torch.rand(1).item())"
    first, second = (start().run(draw).split() for _ in range(2))
    assert len(first) == 3
    assert not set(first) & set(second)


def test_a_kernel_has_its_own_folder_and_variables(forked: list[str], start: Start, tmp_path: Path):
    kernel = start(cwd=str(tmp_path), env={**os.environ, "OWN": "7"})
    assert kernel.run("import os, sys; print(os.getcwd(), os.environ['OWN'])").split() == [str(tmp_path), "7"]
    (tmp_path / "beside.py").write_text("value = 'found'")
    assert kernel.run("import beside; print(beside.value)").strip() == "found"
    assert kernel.run("!echo $OWN").strip() == "7"
    assert start().run("import os; print(os.environ.get('OWN'), os.environ['JPY_PARENT_PID'])").split() == [
        "None",
        str(os.getpid()),
    ]
    assert forked == []


def test_nothing_of_the_course_is_loaded_before(forked: list[str], start: Start):
    kernel = start()
    loaded = kernel.run("import sys; print(*{name.split('.')[0] for name in sys.modules})").split()
    assert "torch" in loaded
    assert "course_utils" not in loaded
    assert kernel.run("print(sys.argv[0].endswith('ipykernel_launcher.py'), sys.argv[1])") == "True -f\n"
    assert kernel.run("print(get_ipython().history_manager.hist_file)") == ":memory:\n"


def test_a_kernel_is_interrupted(forked: list[str], start: Start):
    kernel = start()
    kernel.client.execute("import time; time.sleep(60)")
    time.sleep(0.3)
    began = time.monotonic()
    kernel.manager.interrupt_kernel()
    assert kernel.run("print('on')") in ("on\n", "")
    assert kernel.run("print('on')") == "on\n"
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(("ending", "status"), [("os._exit(3)", 3), ("os.kill(os.getpid(), 9)", -9)])
def test_its_death_is_noticed_and_it_starts_anew(
    forked: list[str], start: Start, server: PreloadedServer, ending: str, status: int
):
    kernel = start()
    process = kernel.manager.provisioner.process
    kernel.client.execute(f"import os; {ending}")
    assert process.wait(10) == status
    assert not kernel.manager.is_alive()
    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=30)
    assert parent_of(kernel) == server.process.pid
    assert kernel.run("print('ending' in dir())") == "False\n"


def test_a_kernel_that_runs_is_waited_for(forked: list[str], start: Start):
    process = start().manager.provisioner.process
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.05)
    process.terminate()
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) in (-signal.SIGTERM, -signal.SIGKILL)
    process.kill()  # an ended one is left alone


def test_who_hangs_up_ends_the_kernel_and_what_it_started(forked: list[str], start: Start):
    kernel = start()
    child = int(kernel.run("import subprocess; print(subprocess.Popen(['sleep', '600']).pid)"))
    process = kernel.manager.provisioner.process
    process._connection.close()
    assert gone(process.pid)
    assert gone(child)
    process.returncode = -9


def test_threads_are_as_many_as_in_a_new_process(forked: list[str], start: Start):
    count = "import torch; print(torch.get_num_threads(), torch.get_num_interop_threads())"
    new = subprocess.run([sys.executable, "-c", count], capture_output=True, text=True, check=True)
    assert start().run(count) == new.stdout


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"env": {**os.environ, "OMP_NUM_THREADS": "17"}}, "OMP_NUM_THREADS is not that of"),
        ({"env": {**os.environ, "HOME": "/nowhere"}}, "HOME is not that of"),
        ({"cwd": "/no such folder"}, "no folder /no such folder"),
        ({"stdin": subprocess.PIPE}, "a kernel with stdin"),
        ({"stderr": subprocess.PIPE}, "a kernel with pipes"),
        ({"independent": True}, "a kernel with independent"),
        ({"command": ["python", "-m", "other"]}, "another command: python -m other"),
    ],
)
def test_what_would_not_be_the_same_is_not_forked(
    server: PreloadedServer, change: dict[str, Any], reason: str
):
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "unused.json"]
    options = {"command": command, **change}
    with pytest.raises(NotForkedError, match=reason):
        provisioner.fork(server.address, **options)


def test_settings_for_matplotlib_are_read_by_an_ordinary_kernel(server: PreloadedServer, tmp_path: Path):
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 7\n")
    with pytest.raises(NotForkedError, match="settings for matplotlib"):
        provisioner.fork(
            server.address, [sys.executable, "-m", "ipykernel_launcher"], cwd=str(tmp_path), stdout=2
        )


def test_where_there_is_no_server_an_ordinary_kernel_starts_and_a_line_says_so(
    start: Start, lines: list[str]
):
    with forked_by_default(Source("\0nobody", lines.append)):
        for _ in range(2):
            assert parent_of(start()) == os.getpid()
    (line,) = lines
    assert line.startswith("Notebooks run in ordinary kernels, which only start more slowly, instead of")


def test_other_systems_have_ordinary_kernels(monkeypatch: pytest.MonkeyPatch, lines: list[str]):
    monkeypatch.setattr(sys, "platform", "darwin")
    with preloaded_kernels(lines.append) as address:
        assert address is None
    assert lines == [provisioner.ORDINARY.format("they need Linux")]


def test_the_last_words_of_a_server_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "ipykernel").mkdir()
    (tmp_path / "ipykernel" / "__init__.py").write_text("raise RuntimeError('broken by hand')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with PreloadedServer() as server:
        with pytest.raises(ServerEndedError):
            ForkedKernel(server.address, ["python"], cwd="/", env={}, streams=[1, 2])
        assert server.last_words() == "RuntimeError: broken by hand"
        assert server.last_words() == "RuntimeError: broken by hand"


OWNER = """
import json, time
from jupyter_client.manager import KernelManager
from course_utils.kernels import preloaded_kernels

with preloaded_kernels():
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    print(json.dumps(manager.provisioner.pid), flush=True)
    {ending}
"""


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["time.sleep(600)", "manager.is_alive()"])
def test_everything_ends_with_the_owner(ending: str, tmp_path: Path):
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER.replace("{ending}", ending)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert owner.stdout is not None
    kernel = json.loads(owner.stdout.readline())
    try:
        server = psutil.Process(kernel).ppid()
    except psutil.NoSuchProcess:
        server = kernel
    if "sleep" in ending:
        owner.kill()  # otherwise it ends by itself, with its kernel still there
    owner.wait(30)
    assert gone(kernel)
    assert gone(server)
    assert [path.name for path in tmp_path.iterdir() if "kernel" in path.name and path.is_dir()] == []


@pytest.mark.slow
def test_kernels_end_with_a_killed_server(start: Start, lines: list[str]):
    with PreloadedServer() as server, forked_by_default(Source(server.address, lines.append)):
        kernel = start()
        process = kernel.manager.provisioner.process
        server.process.kill()
        assert process.wait(10) == -signal.SIGKILL
        assert gone(process.pid)
        kernel.manager.restart_kernel(now=True)
        kernel.client.wait_for_ready(timeout=60)
        assert parent_of(kernel) == os.getpid()
    assert len(lines) == 1
