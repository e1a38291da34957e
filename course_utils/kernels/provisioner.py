"""jupyter_client's way to a preloaded kernel.

A kernel provisioner is what a kernel manager starts kernels by. This one asks the preloaded process for a
fork. It is made the default within this process only: notebooks and kernel specifications stay as they are,
and nothing is installed that other programs could stumble over.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

from course_utils.kernels.owner import PreloadedServer, unsupported
from course_utils.kernels.process import ForkedKernel, NotForkedError, ServerEndedError

NAME = "course-preloaded"
ORDINARY = "Notebooks run in ordinary kernels, which only start more slowly, instead of preloaded ones: {}."
UNDERSTOOD = frozenset({"cwd", "env", "stdin", "stdout", "stderr", "kernel_id", "extra_arguments"})


def say_to_stderr(line: str) -> None:
    """Say a line where it is seen."""
    print(line, file=sys.stderr, flush=True)


@dataclass
class Source:
    """Where this process's kernels are forked, and who is told when an ordinary one has to do."""

    address: str
    say: Callable[[str], None] = say_to_stderr
    last_words: Callable[[], str] = str
    """Returns what the preloaded process said when it ended by itself, where that is known."""
    said: set[str] = field(default_factory=set)

    def explain(self, error: NotForkedError) -> None:
        """Say why a kernel was not forked, once for each reason."""
        words = self.last_words() if isinstance(error, ServerEndedError) else ""
        line = ORDINARY.format(words or error)
        if line not in self.said:
            self.said.add(line)
            self.say(line)


class PreloadedProvisioner(LocalProvisioner):
    """Starts kernels by forking them; what cannot be forked is started as an ordinary kernel."""

    source: ClassVar[Source]

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork a kernel, or start an ordinary one and say why."""
        try:
            kernel = fork(self.source.address, cmd, **kwargs)
        except NotForkedError as error:
            self.source.explain(error)
            return await super().launch_kernel(cmd, **kwargs)
        self.process = kernel  # type: ignore[assignment]
        # The kernel leads a session of its own, as an ordinary one does.
        self.pid = self.pgid = kernel.pid
        self.cwd = kwargs.get("cwd") or os.getcwd()
        return self.connection_info


def fork(address: str, command: list[str], **options: Any) -> ForkedKernel:
    """Have a kernel forked that is to be started with options of `subprocess.Popen`.

    Raises:
        NotForkedError: It cannot be forked.
    """
    unknown = sorted(name for name in options.keys() - UNDERSTOOD if options[name])
    if unknown or options.get("stdin") is not None:
        raise NotForkedError(f"a kernel with {', '.join(unknown) or 'stdin'} cannot be forked")
    env = dict(os.environ if options.get("env") is None else options["env"])
    env["JPY_PARENT_PID"] = str(os.getpid())  # as an ordinary kernel has it
    with contextlib.ExitStack() as opened:
        streams = [
            descriptor(options.get(name), inherited, opened)
            for inherited, name in ((1, "stdout"), (2, "stderr"))
        ]
        cwd = os.path.abspath(options.get("cwd") or os.getcwd())
        return ForkedKernel(address, command, cwd=cwd, env=env, streams=streams)


def descriptor(stream: Any, inherited: int, opened: contextlib.ExitStack) -> int:
    """Return the descriptor that `subprocess.Popen` would give a process for a stream.

    Raises:
        NotForkedError: It would make a pipe.
    """
    if stream is None:
        return inherited
    if stream == subprocess.DEVNULL:
        return opened.enter_context(open(os.devnull, "w")).fileno()
    if isinstance(stream, int) and stream < 0:
        raise NotForkedError("a kernel with pipes cannot be forked")
    return stream if isinstance(stream, int) else stream.fileno()


@contextlib.contextmanager
def forked_by_default(source: Source) -> Iterator[None]:
    """Have the kernels that this process starts forked."""
    factory = KernelProvisionerFactory.instance()
    before = factory.default_provisioner_name
    place = f"{__name__}:{PreloadedProvisioner.__name__}"
    factory.provisioners[NAME] = EntryPoint(NAME, place, KernelProvisionerFactory.GROUP_NAME)
    factory.default_provisioner_name = NAME
    PreloadedProvisioner.source = source
    try:
        yield
    finally:
        factory.default_provisioner_name = before


@contextlib.contextmanager
def preloaded_kernels(say: Callable[[str], None] = say_to_stderr) -> Iterator[str | None]:
    """Run a preloaded process, and have the kernels that this process starts forked from it.

    Args:
        say: Told why, where ordinary kernels have to do.

    Yields:
        The process's address, for other processes of the same run; None where there are no preloaded kernels.
    """
    reason = unsupported()
    if reason is not None:
        say(ORDINARY.format(reason))
        yield None
        return
    with (
        PreloadedServer() as server,
        forked_by_default(Source(server.address, say, server.last_words)),
    ):
        yield server.address
