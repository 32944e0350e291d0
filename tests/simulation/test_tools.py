"""The simulation's own tools: a test that trusts a wrong clock or a deaf oracle proves nothing."""

from __future__ import annotations

import asyncio
import random

import pytest

from neko_cli.core.events import Outcome, TurnEnded, TurnStarted, UserText
from tests.simulation import numbers
from tests.simulation.devices import Mouth, SimSpeaker
from tests.simulation.ear import Ear
from tests.simulation.loop import SimulationError, VirtualLoop
from tests.simulation.oracle import check
from tests.simulation.run import _play
from tests.simulation.scenario import make_scenario
from tests.simulation.wire import Wire
from tests.simulation.world import Forgiven, Seen, World


def test_time_jumps_to_the_next_timer() -> None:
    loop = VirtualLoop()

    async def sleeps() -> float:
        await asyncio.gather(asyncio.sleep(3600.0), asyncio.sleep(1800.0))
        return loop.time()

    assert loop.run(sleeps()) == 3600.0


def test_a_deadlock_is_told_with_its_tasks() -> None:
    async def waits() -> None:
        await asyncio.Event().wait()

    with pytest.raises(SimulationError, match=r"(?s)deadlock.*Task"):
        VirtualLoop().run(waits())


def test_spinning_is_told() -> None:
    async def spins() -> None:
        loop = asyncio.get_running_loop()

        def again() -> None:
            loop.call_soon(again)

        again()
        await asyncio.sleep(1.0)

    with pytest.raises(SimulationError, match="spins"):
        VirtualLoop().run(spins())


def test_threads_are_refused() -> None:
    async def threads() -> None:
        await asyncio.to_thread(print)

    with pytest.raises(SimulationError, match="thread"):
        VirtualLoop().run(threads())


def test_runs_of_numbers_are_found_in_any_sound() -> None:
    rng = random.Random(4)
    for _ in range(200):
        pcm, wanted, at = b"", [], 0
        for _ in range(rng.randint(1, 4)):
            quiet = rng.randint(0, 5)
            first = rng.randrange(numbers.COUNT - 50)
            last = first + rng.randint(0, 40)
            pcm += bytes(2 * quiet) + numbers.sound(first, last)
            if wanted and not quiet and wanted[-1][2] + 1 == first:
                wanted[-1] = (wanted[-1][0], wanted[-1][1], last)
            else:
                wanted.append((at + quiet, first, last))
            at += quiet + last - first + 1
        assert numbers.runs_in(pcm) == wanted


def test_sets_of_runs() -> None:
    assert numbers.minus([(0, 9)], [(2, 3), (5, 5)]) == [(0, 1), (4, 4), (6, 9)]
    assert numbers.overlap([(0, 5), (4, 7), (9, 9)]) == [(4, 5)]
    assert numbers.union([(4, 7), (0, 3)]) == [(0, 7)]


@pytest.mark.parametrize("chunk", [1, 7, 20, 400])
def test_the_ear_hears_the_same_in_any_pieces(chunk: int) -> None:
    told: list[tuple[str, int]] = []
    taken: list[list[numbers.Run]] = []

    def ended(position: int) -> None:
        told.append(("ended", position))
        taken.append(ear.take())

    ear = Ear(
        1000,
        lambda position: told.append(("began", position)),
        ended,
        manual=False,
        silence_ms=100,
        prefix_ms=20,
        onset_ms=30,
    )
    pcm = bytes(2 * 50) + numbers.sound(0, 79) + bytes(2 * 60) + numbers.sound(80, 99) + bytes(2 * 150)
    pcm += numbers.sound(100, 149) + bytes(2 * 120)
    for start in range(0, len(pcm), 2 * chunk):
        ear.hear(pcm[start : start + 2 * chunk])
    assert told == [("began", 30), ("ended", 310), ("began", 340), ("ended", 510)]
    assert taken == [[(0, 99)], [(100, 149)]]


def test_the_loudspeaker_plays_in_real_time() -> None:
    loop = VirtualLoop()

    async def plays() -> tuple[int, int, float]:
        speaker = SimSpeaker(loop, 1000)
        await speaker.open()
        speaker.play(numbers.sound(0, 499))
        await asyncio.sleep(0.2)
        half = speaker.played
        await speaker.drained()
        return half, speaker.played, loop.time()

    half, whole, at = loop.run(plays())
    assert (half, whole) == (200, 500)
    assert at == pytest.approx(0.52, abs=0.001)


def test_a_mouth_numbers_what_is_heard() -> None:
    mouth = Mouth(1000)
    mouth.say(15, -10, 5)
    frames = [mouth.take(10) for _ in range(5)]
    assert [(first, last) for _, first, last in frames] == [(0, 9), (10, 14), (-1, -1), (15, 19), (-1, -1)]


def test_a_wire_that_vanished_answers_no_probe_and_lets_go_in_time() -> None:
    loop = VirtualLoop()

    async def vanishes() -> tuple[bool, bool, float]:
        wire = Wire(1, loop, lambda: 0.01)
        before = await wire.probe(1.0)
        wire.vanish()
        after = await wire.probe(1.0)
        await wire.close()
        return before, after, loop.time()

    before, after, at = loop.run(vanishes())
    assert (before, after) == (True, False)
    assert at <= 2.1


def _good_world() -> World:
    """A run in which the user spoke and every promise was kept."""
    for seed in range(500):
        scenario = make_scenario(seed)
        can = scenario.styles[0].capabilities
        if scenario.mode != "audio" or not can.captions or not scenario.is_faultless or not scenario.speaker:
            continue
        if scenario.profile["memory"]["messages"] < 1000 or scenario.journal_fails:
            continue
        world = World(scenario, keep_trace=False)
        world.loop.run(_play(world))
        if not check(world) and len(world.heard) and world.events_of(TurnEnded):
            return world
    raise AssertionError("no seed without faults keeps every promise")


def test_the_oracle_notices_what_is_wrong() -> None:
    world = _good_world()

    def broken(reason: str) -> None:
        assert any(reason in problem for problem in check(world)), (reason, check(world))

    heard = list(world.heard)
    world.heard.append((50_000, 50_100))
    broken("is missing")
    world.forgiven.append(Forgiven([(50_000, 50_100)], "told"))
    assert not check(world)
    world.heard[:] = heard

    spoken = next(e for e in world.events_of(UserText) if e.final and e.spoken)
    world.session.memory.add("user", spoken.text, spoken.turn + 50)
    broken("are there twice")
    world.session.memory.clear()
    broken("is missing")


def test_the_oracle_notices_turns_and_times_that_are_wrong() -> None:
    world = _good_world()
    events = list(world.seen)
    ended = next(at for at, seen in enumerate(events) if isinstance(seen.event, TurnEnded))

    def broken(reason: str) -> None:
        assert any(reason in problem for problem in check(world)), (reason, check(world))

    world.seen[:] = events[:ended] + events[ended + 1 :]
    broken("starts at")
    world.seen[:] = [*events[:ended], events[ended], *events[ended:]]
    broken("ends at")
    world.seen[:] = events[:-1]
    broken("the last event is")
    early = TurnStarted(at=-1.0, turn=99)
    world.seen[:] = [*events[:-1], Seen(events[-1].when, early, 0), events[-1]]
    broken("time runs backwards")
    world.seen[:] = events
    assert world.speaker is not None
    complete = [e for e in world.events_of(TurnEnded) if e.outcome is Outcome.COMPLETE and e.heard_ms]
    if complete and not world.was_muted:
        played = list(world.speaker.heard)
        world.speaker.heard[:] = [*played, played[-1]]
        broken("played twice")
