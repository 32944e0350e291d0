"""Silence everywhere: a spoken conversation goes on wherever its link falls silent, and nobody is told.

On virtual time: two turns of speech, and as many runs as the first link sends frames; in the i-th run
nothing arrives any more in either direction right after the i-th frame. How the other ways of dying go,
on real sockets, is in ``tests/core/test_cut_everywhere.py``.
"""

from __future__ import annotations

import msgspec
import pytest

from tests.simulation.run import run_scenario, run_world
from tests.simulation.silence import GHOSTS, STYLES, frames_of_a_whole_one, run_silent, silent_after
from tests.simulation.world import World


def whole_one(name: str, ghost: float) -> int:
    """How many frames there are, in a conversation that nothing cuts."""
    frames, problems = frames_of_a_whole_one(name, ghost)
    assert not problems, problems
    return frames


@pytest.mark.timeout(120)
@pytest.mark.parametrize("ghost", GHOSTS)
@pytest.mark.parametrize("name", STYLES)
def test_a_conversation_goes_on_wherever_its_link_falls_silent(name: str, ghost: float) -> None:
    frames = whole_one(name, ghost)
    assert frames > 20
    failed: list[str] = []
    for frame in range(1, frames + 1):
        problems = run_silent(name, ghost, frame).problems
        if problems:
            replay = (
                f'python -m tests.simulation.silence "{name}" --ghost {ghost:g} --frame {frame} --verbose'
            )
            told = problems[0].rstrip()[:1500]
            failed.append(f"silent after frame {frame} of {frames}: {told}\n  replay: {replay}")
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("name", STYLES)
def test_each_frame_is_a_silence_of_its_own(name: str) -> None:
    """The counted frames are those of the link that falls silent; none of them arrives after that."""
    frames = whole_one(name, 0.0)
    silences: set[float] = set()
    for frame in (1, frames // 2, frames):
        world = World(silent_after(name, 0.0, frame), keep_trace=False)
        run_world(world)
        first, *later = world.cloud.links
        assert first.vanished_at is not None
        arrived = [when for when, link, _ in world.decoded if link == first.number]
        assert len(arrived) < frame
        assert all(when <= first.vanished_at for when in arrived)
        assert later, "nobody has noticed"
        silences.add(first.vanished_at)
    assert len(silences) == 3
    assert run_silent(name, 0.0, frames + 1).problems == []


def test_an_answer_that_does_not_come_in_time_is_a_broken_promise() -> None:
    scenario = silent_after("tells of utterances", 0.0, 0)
    hasty = tuple(msgspec.structs.replace(action, seconds=0.1) for action in scenario.actions)
    problems = run_scenario(msgspec.structs.replace(scenario, actions=hasty)).problems
    assert "were not answered within 0.1 s" in problems[0]
