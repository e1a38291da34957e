"""Layers that shut a forked child in, and the watchdog that guards it from outside.

Knows nothing of notebooks, of torch or of the judge. Linux only; importing it works elsewhere.

    tier = choose_tier()                                       # once for a run, by trying
    policy = Policy(tier.name, player_view(), Limits(), ...)   # data: goes to the preloaded server
    pid = fork_player(policy, run, keep=[channel])             # in the server, which has one thread
    Watchdog(policy, pid, pidfd).start()                       # in the judge
"""

from course_utils.grading.sandbox.enter import enter, environment
from course_utils.grading.sandbox.fork import EXIT_LAYER_FAILED, EXIT_RUN_FAILED, fork_player
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.sandbox.policy import PLAYER_HOME, TIERS, Policy
from course_utils.grading.sandbox.processes import cpu_seconds
from course_utils.grading.sandbox.system import LayerError
from course_utils.grading.sandbox.tiers import TRUSTED, Tier, announce, choose_tier, policy_for
from course_utils.grading.sandbox.view import View, ViewError, player_view
from course_utils.grading.sandbox.watch import Watchdog, death_in_words, host_pid

__all__ = [
    "EXIT_LAYER_FAILED",
    "EXIT_RUN_FAILED",
    "PLAYER_HOME",
    "TIERS",
    "TRUSTED",
    "LayerError",
    "Limits",
    "Policy",
    "Tier",
    "View",
    "ViewError",
    "Watchdog",
    "announce",
    "choose_tier",
    "cpu_seconds",
    "death_in_words",
    "enter",
    "environment",
    "fork_player",
    "host_pid",
    "player_view",
    "policy_for",
]
