"""For tests of programs that are built on ``neko_cli``.

``ScriptedSession`` stands where a real session would, and ``SessionTester`` tries any implementation
of a session. How to use them is told in ``docs/testing.md``.
"""

from neko_cli.testing.lifecycle import CHECKS, Report, SessionTester, check_lifecycle, check_names
from neko_cli.testing.scripted import Call, ScriptedSession, Step

__all__ = [
    "CHECKS",
    "Call",
    "Report",
    "ScriptedSession",
    "SessionTester",
    "Step",
    "check_lifecycle",
    "check_names",
]
