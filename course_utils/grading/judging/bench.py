"""What is made once for many submissions: the walls, the preloaded process, and what is right."""

from __future__ import annotations

import atexit
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbformat import NotebookNode

from course_utils.grading.judging.judge import Judge
from course_utils.grading.judging.notebook import NotebookRun, Playing
from course_utils.grading.judging.players import PreloadedServer, RunningPlayer
from course_utils.grading.judging.stage import Stage
from course_utils.grading.places import Chapter
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.sandbox.policy import Policy
from course_utils.grading.sandbox.tiers import TRUSTED, Tier
from course_utils.grading.sandbox.view import player_view


@dataclass
class Bench:
    """The judge's bench: everything that it takes to grade submissions.

    Made once in a process. The preloaded process of a chapter is started when the first of its submissions
    comes, and ended when one of another chapter does.

    Attributes:
        secret_seed: What graded runs draw their inputs from.
        limits: What one submission may use.
        tier: The walls around a submission.
        hidden: Folders that no submission may see, whatever is shown beside.
    """

    secret_seed: str
    limits: Limits = field(default_factory=Limits)
    tier: Tier = TRUSTED
    hidden: Sequence[Path] = ()
    _judges: dict[Chapter, Judge] = field(default_factory=dict)
    _servers: dict[Stage, PreloadedServer] = field(default_factory=dict)
    _owner: int = field(default_factory=os.getpid)

    def play(self, notebook: NotebookNode, stage: Stage) -> Playing:
        """Run a submission's notebook and judge its answers; the outputs of its cells are replaced.

        Args:
            notebook: The notebook, its graded cells as released.
            stage: The chapter whose exercise it is, and what its players are given.
        """

        def start() -> RunningPlayer:
            return self._start(stage)

        return NotebookRun(notebook, self._judge(stage.chapter), start, self.limits).run()

    def prepare(self, stage: Stage, jobs: int) -> None:
        """Do now what would be done when it is first needed, for processes that are forked from this one."""
        self._server(stage)
        self._judge(stage.chapter).prepare(jobs)

    def _judge(self, chapter: Chapter) -> Judge:
        if chapter not in self._judges:
            self._judges[chapter] = Judge(chapter, self.secret_seed)
        return self._judges[chapter]

    def _server(self, stage: Stage) -> PreloadedServer:
        server = self._servers.get(stage)
        if server is None or not server.alive:
            self.close()
            server = self._servers[stage] = PreloadedServer(stage)
        return server

    def _start(self, stage: Stage) -> RunningPlayer:
        server = self._server(stage)
        view = player_view([server.package], hidden=self.hidden)
        policy = Policy(self.tier.name, view, self.limits, change_user=self.tier.change_user)
        if not policy.own_namespaces:
            policy = replace(policy, home=tempfile.mkdtemp(prefix="course-home-"))
        return server.start(policy)

    def close(self) -> None:
        """End the preloaded processes, unless they are those of the process that this one was forked from."""
        if os.getpid() != self._owner:
            self._servers.clear()
            self._owner = os.getpid()
        while self._servers:
            self._servers.popitem()[1].close()


def open_bench(secret_seed: str, limits: Limits, tier: Tier, hidden: Sequence[Path] = ()) -> Bench:
    """Return a bench that is cleared away when the process ends."""
    bench = Bench(secret_seed, limits, tier, hidden)
    atexit.register(bench.close)
    return bench
