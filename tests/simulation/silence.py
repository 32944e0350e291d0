"""Two turns of speech over a link that falls silent: what happens, and how to look at one run.

python -m tests.simulation.silence "push-to-talk" --ghost 2 --frame 17 --verbose
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import msgspec

from neko_cli.core.capabilities import Capabilities, Resume
from tests.simulation.plan import Act, Action, Fault, FaultKind, Scenario, Style
from tests.simulation.run import Result, run_scenario, run_world
from tests.simulation.world import World

RATE = 2000
"""Hz; every sample has a number of its own."""

SILENCE_LIMIT = 10.0
"""Seconds, as providers have it (``core/capabilities``)."""

BUDGET = 20.0
"""Seconds for one turn: a dead link is noticed within 13, a handle may be refused for as long as the
provider believes in the old link, and then everything is said and answered again."""

SOCKET_BYTES = 4_000_000
"""What a socket takes: a system's buffer holds more sound than a conversation has, so that a sender
who hears nothing learns nothing from it."""

GHOSTS = (0.0, 2.0)
"""Seconds for which the provider believes in a link that is half open."""

_TIMING: dict[str, Any] = {"setup": 0.2, "think": 0.4, "transcript": 0.3, "speed": 2.0}
_SOUND: dict[str, Any] = {"input_rate": RATE, "output_rate": RATE, "silence_limit": SILENCE_LIMIT}
_LIVE = Capabilities(truncate=True, system_items=True, **_SOUND)
_HANDLES = Capabilities(
    cancel=False,
    clear_input=False,
    input_asks=True,
    resume=Resume.HANDLE,
    going_away=True,
    mid_session_instructions=False,
    **_SOUND,
)

STYLES: dict[str, Style] = {
    "tells of utterances": Style(name="live", capabilities=_LIVE, transcript_late=0.0, **_TIMING),
    "late words": Style(name="live", capabilities=_LIVE, transcript_late=1.0, at_ms=False, **_TIMING),
    "tells nothing": Style(
        name="handles", capabilities=_HANDLES, speech_events=False, asks_implicitly=True, **_TIMING
    ),
    "refuses old sound": Style(
        name="handles",
        capabilities=_HANDLES,
        speech_events=False,
        asks_implicitly=True,
        refuses_old_audio=True,
        **_TIMING,
    ),
    "push-to-talk": Style(name="live", capabilities=_LIVE, **_TIMING),
}
"""What is silent: providers that tell of utterances and ones that do not, a detector and a key."""


def silent_after(name: str, ghost: float, frame: int) -> Scenario:
    """Two turns; the first link is half open right after so many frames, and never with 0."""
    manual = name == "push-to-talk"
    style = msgspec.structs.replace(STYLES[name], ghost=ghost)
    speak = Act.HOLD_KEY if manual else Act.SPEAK
    turn = (
        Action(act=speak, parts_ms=(600, -100, 500)),
        Action(act=Act.AWAIT_ANSWER, seconds=BUDGET),
        Action(act=Act.AWAIT_QUIET, seconds=BUDGET),
    )
    silence = Fault(kind=FaultKind.HALF_OPEN, link=1, frame=frame)
    return Scenario(
        seed=20,
        styles=(style, style),
        profile={
            "emotion": {"tags": "angle"},
            "turns": {"detection": "manual" if manual else "server", "silence_ms": 200, "prefix_ms": 100},
            "sound": {"duplex": "full"},
            "swap": {"standby": "cold"},
            "memory": {"messages": 1000},
            "guard": {"park_minutes": 0.0},
        },
        mode="audio",
        rate=RATE,
        burst=2,
        line=0.0,
        latency=0.02,
        jitter=0.0,
        speaker=True,
        journal_delay=0.0,
        journal_fails=0.0,
        summary_delay=0.1,
        summary_fails=0.0,
        actions=(*turn, *turn),
        faults=(silence,) if frame else (),
        refusals={},
        socket_bytes=SOCKET_BYTES,
    )


def frames_of_a_whole_one(name: str, ghost: float) -> tuple[int, list[str]]:
    """How many frames the first link sends when nothing goes wrong, and what went wrong all the same."""
    world = World(silent_after(name, ghost, 0), keep_trace=False)
    result = run_world(world)
    return world.cloud.links[0].frames, result.problems


def run_silent(name: str, ghost: float, frame: int, *, keep_trace: bool = False) -> Result:
    """One run."""
    return run_scenario(silent_after(name, ghost, frame), keep_trace=keep_trace)


def main() -> int:
    """The exit code: 0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.silence", description=__doc__)
    parser.add_argument("style", choices=STYLES)
    parser.add_argument("--ghost", type=float, default=0.0, help="seconds for which the provider is deceived")
    parser.add_argument("--frame", type=int, default=0, help="after this frame nothing arrives; 0: never")
    parser.add_argument("--verbose", action="store_true", help="print everything that happens")
    options = parser.parse_args()
    result = run_silent(options.style, options.ghost, options.frame, keep_trace=options.verbose)
    for line in result.trace:
        print(line)
    for problem in result.problems:
        print(f"PROBLEM  {problem}")
    print(f"{'failed' if result.problems else 'ok'}, {result.seconds:.1f} virtual seconds")
    return 1 if result.problems else 0


if __name__ == "__main__":
    sys.exit(main())
