"""Runs one scenario from beginning to end and says which promises were not kept."""

from __future__ import annotations

import asyncio
import gc
import logging
import traceback
import warnings

import msgspec

from tests.simulation.loop import SimulationError
from tests.simulation.oracle import check
from tests.simulation.plan import Scenario
from tests.simulation.scenario import make_scenario
from tests.simulation.user import Failed, User
from tests.simulation.world import World

AFTERWARDS = 90.0
"""Virtual seconds after the end of a session in which everything that was left behind would show."""


class Result(msgspec.Struct, kw_only=True):
    """How a run went; ``problems`` is empty when every promise was kept."""

    scenario: Scenario
    problems: list[str]
    trace: list[str]
    digest: str
    seconds: float
    """Virtual seconds that it took."""


class _Complaints(logging.Handler):
    """Errors that the program only logs."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text += "\n" + "".join(traceback.format_exception(record.exc_info[1]))
        self.lines.append(text)


def run_seed(seed: int, *, keep_trace: bool = False) -> Result:
    """Run one seed."""
    return run_scenario(make_scenario(seed), keep_trace=keep_trace)


def run_scenario(scenario: Scenario, *, keep_trace: bool = False) -> Result:
    """Run one scenario."""
    return run_world(World(scenario, keep_trace=keep_trace))


def run_world(world: World) -> Result:
    """Run a world that was made for its scenario; what was seen stays in it."""
    complaints = _Complaints()
    logger = logging.getLogger("neko_cli")
    logger.addHandler(complaints)
    problems: list[str] = []
    collects = gc.isenabled()
    gc.disable()  # when it runs must not depend on what ran before
    warned = warnings.catch_warnings(record=True)
    caught = warned.__enter__()
    warnings.simplefilter("always")
    try:
        world.loop.run(_play(world))
    except (SimulationError, Failed) as error:
        problems.append(f"{type(error).__name__}: {error}")
    except BaseExceptionGroup as group:
        problems.extend(_lines_of(group))
    except Exception as error:  # whatever a session lets out is a finding
        problems.append("".join(traceback.format_exception(error)))
    finally:
        warned.__exit__(None, None, None)
        logger.removeHandler(complaints)
        if collects:
            gc.enable()
    if not problems:
        problems += check(world)
    problems += [f"logged: {line}" for line in complaints.lines]
    problems += [f"warned: {warning.message}" for warning in caught or ()]
    problems += [f"nobody caught: {line}" for line in world.loop.unhandled]
    return Result(
        scenario=world.scenario,
        problems=problems,
        trace=world.trace.lines,
        digest=world.trace.digest,
        seconds=world.loop.time(),
    )


async def _play(world: World) -> None:
    world.build()
    for fault in world.scenario.faults:
        if fault.at >= 0:
            world.loop.call_at(fault.at, world.cloud.strike_at, fault)
    async with asyncio.TaskGroup() as group:
        user = User(world, group)
        rest = group.create_task(world.watch_rest(), name="simulated rest")
        await user.play()
        world.cloud.calm_down()
        world.journal.calm = True
        await user.finish()
        rest.cancel()
    await asyncio.sleep(AFTERWARDS)
    _nothing_is_left(world)


def _nothing_is_left(world: World) -> None:
    me = asyncio.current_task()
    tasks = [task.get_name() for task in asyncio.all_tasks() if task is not me]
    if tasks:
        raise Failed(f"tasks are left: {tasks}\n{world.loop.describe()}")
    if timers := world.loop.timers():
        raise Failed(f"timers are left: {timers}")
    if open_ := [link.number for link in world.cloud.links if link.wire.is_open]:
        raise Failed(f"connections are left open: {open_}")
    if any(microphone.is_open for microphone in world.microphones):
        raise Failed("a microphone is left open")
    if world.speaker is not None and world.speaker.is_open:
        raise Failed("the loudspeaker is left open")


def _lines_of(group: BaseExceptionGroup[BaseException]) -> list[str]:
    lines: list[str] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            lines.extend(_lines_of(error))
        elif isinstance(error, SimulationError | Failed):
            lines.append(f"{type(error).__name__}: {error}")
        else:
            lines.append("".join(traceback.format_exception(error)))
    return lines
