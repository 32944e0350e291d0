"""The eyes of a session: what leaves, when, and that nothing leaves which may not. Virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from neko_cli.core.capabilities import Capabilities
from neko_cli.core.codecs import PROVIDERS
from neko_cli.core.commands import ScreenFrame
from neko_cli.core.companions.eyes import DESCRIBE_EVERY, Consent, ScreenError
from neko_cli.core.companions.sources import parse_source
from neko_cli.core.errors import InvalidRequest, LinkError, NekoError
from neko_cli.core.events import ScreenShown, Severity
from neko_cli.core.tables_eyes import EyesTable
from neko_cli.core.watch_host import EyesState
from neko_cli.core.watching import (
    BLIND_EVERY,
    DESCRIBE_REST,
    DESCRIBE_WITHIN,
    LOOK_EVERY,
    NO_DESCRIBER,
    SEES_AGAIN,
    Watching,
)
from tests.fakes.eyes import FakeDescriber, FakeEye
from tests.fakes.virtual import VirtualClock, virtual

SEES = Capabilities(images=True)


class FakeHost:
    def __init__(self, can: Capabilities = SEES) -> None:
        self.capabilities: Capabilities | None = can
        self.link = 1
        self.is_talking = False
        self.table = EyesTable()
        self.language = "de"
        self.describer: FakeDescriber | None = None
        self.sent: list[tuple[float, int]] = []
        self.told: list[str] = []
        self.events: list[ScreenShown] = []
        self.notices: list[tuple[str, Severity]] = []
        self.refusal: NekoError | None = None
        self.stirred = asyncio.Event()
        """Set at everything that the eyes do."""

    async def until(self, true: Callable[[], object], within: float) -> None:
        """Wait until what the eyes did has made something true."""
        async with asyncio.timeout(within):
            while not true():
                self.stirred.clear()
                await self.stirred.wait()

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def show(self, frame: ScreenFrame) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.sent.append((self.now(), frame.data[0]))

    def tell(self, text: str) -> None:
        self.told.append(text)

    def publish(self, event: Any) -> None:
        self.events.append(event)
        self.stirred.set()

    def notice(self, text: str, severity: Severity) -> None:
        self.notices.append((text, severity))
        self.stirred.set()


class Scene:
    def __init__(self, host: FakeHost, describer: FakeDescriber | None) -> None:
        self.host, self.eye, self.describer = host, FakeEye(), describer
        host.describer = describer
        self.states: list[EyesState] = []
        self.eyes = Watching(host, self.eye, VirtualClock(), changed=self.states.append)

    async def passes(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def changing(self, seconds: float) -> None:
        """Let time pass while what is shown is another picture all the time."""
        for _ in range(round(seconds / 0.125)):
            self.eye.shows = (self.eye.shows + 100) % 256
            await asyncio.sleep(0.125)


@contextlib.asynccontextmanager
async def scene(
    host: FakeHost | None = None, describer: FakeDescriber | None = None, *, start: bool = True
) -> AsyncIterator[Scene]:
    made = Scene(host or FakeHost(), describer)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(made.eyes.run())
        if start:
            made.eyes.start(for_run=True)
        yield made
        task.cancel()
    assert made.eye.most_inside <= 1, "one picture at a time"


@virtual
async def test_an_unchanged_screen_is_sent_once_and_a_changed_one_again():
    async with scene() as at:
        await at.passes(60)
        assert [number for _, number in at.host.sent] == [0]
        assert len(at.eye.looks) == 8
        at.eye.shows = 200
        await at.passes(8)
        assert [number for _, number in at.host.sent] == [0, 200]
        assert at.eye.encoded == 2
        shown = at.host.events[-1]
        assert (shown.source, shown.width, shown.height, shown.bytes) == ("monitor 1", 64, 36, 1)
        assert (shown.sent, shown.description) == (True, "")


@pytest.mark.parametrize("name", sorted(PROVIDERS))
@virtual
async def test_every_provider_gets_its_own_kind_size_and_rate(name):
    can = PROVIDERS[name].capabilities
    async with scene(FakeHost(can)) as at:
        at.host.table = EyesTable(every_speaking=0.6, change=0)
        at.host.is_talking = True
        await at.changing(30)
        if not can.images:
            assert (at.eye.looks, at.host.sent) == ([], [])
            assert at.host.notices == [(NO_DESCRIBER, Severity.WARNING)]
            return
        look = at.eye.looks[0][1]
        assert (look.media_types, look.limit) == (can.image_types, can.image_limit)
        times = [time for time, _ in at.host.sent]
        least = max(0.6, can.image_every)
        gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
        assert least - 1e-6 <= min(gaps) <= max(gaps) <= least + LOOK_EVERY
        assert len(times) >= 30 / (least + LOOK_EVERY)


@virtual
async def test_it_looks_faster_while_somebody_speaks():
    async with scene() as at:
        await at.passes(1.0)
        at.host.is_talking = True
        await at.passes(6.2)
        at.host.is_talking = False
        await at.passes(20)
        times = [round(time - at.eye.looks[0][0], 2) for time, _ in at.eye.looks]
        assert times[:5] == [0.0, 1.5, 3.0, 4.5, 6.0]
        assert times[5] == 13.5


@pytest.mark.parametrize("gone", ["stopped", "paused", "refused", "link", "parked", "elsewhere"])
@virtual
async def test_what_is_on_its_way_does_not_leave_any_more(gone):
    async with scene(start=False) as at:
        at.eyes.start()
        at.eyes.answer(True)
        at.eye.gate = asyncio.Event()
        await at.passes(0.5)
        assert at.eye.inside == 1
        match gone:
            case "stopped":
                at.eyes.stop()
            case "paused":
                at.eyes.pause(True)
                at.eyes.pause(False)
                at.eyes.pause(True)
            case "refused":
                at.eyes.answer(False)
            case "elsewhere":
                at.eyes.went_elsewhere()
            case "link":
                at.host.link = 2
            case "parked":
                at.host.capabilities = None
        at.eye.gate.set()
        await at.passes(0.1)
        assert (at.host.sent, at.host.events) == ([], [])
        await at.passes(60)
        assert bool(at.host.sent) == (gone == "link")


@virtual
async def test_of_what_was_shown_before_nothing_leaves_once_something_else_is_chosen():
    async with scene() as at:
        at.eye.gate = asyncio.Event()
        await at.passes(0.5)
        assert [look.source.label for _, look in at.eye.looks] == ["monitor 1"]
        at.eyes.start(parse_source("window:Editor"), for_run=True)
        at.eye.gate.set()
        await at.passes(2)
        assert [shown.source for shown in at.host.events] == ["window “Editor”"]
        assert len(at.host.sent) == 1


@virtual
async def test_nobody_is_shown_anything_before_consent_and_the_question_is_asked_once():
    async with scene(start=False) as at:
        await at.passes(30)
        at.eyes.answer(True)
        assert at.eyes.state == EyesState()
        at.eyes.start()
        await at.passes(30)
        assert (at.eyes.state.consent, at.eyes.state.on) == (Consent.ASKING, False)
        assert at.eyes.state.source == "monitor 1"
        assert at.eye.looks == []
        at.eyes.answer(False)
        await at.passes(30)
        assert (at.eye.looks, at.eyes.state.consent) == ([], Consent.REFUSED)
        at.eyes.start()
        at.eyes.answer(True)
        await at.passes(1)
        assert len(at.host.sent) == 1
        at.eyes.stop()
        at.eyes.start()
        await at.passes(1)
        assert len(at.host.sent) == 2
        asked = [state for state in at.states if state.consent is Consent.ASKING]
        assert len(asked) == 2


@virtual
async def test_the_hot_key_pauses_and_the_indicator_says_so():
    async with scene() as at:
        await at.passes(1)
        at.eyes.pause(True)
        assert (at.eyes.state.on, at.eyes.state.paused) == (True, True)
        await at.changing(30)
        assert len(at.eye.looks) == 1
        at.eyes.pause(False)
        await at.passes(8)
        assert len(at.host.sent) == 2
        at.eyes.pause(True)
        at.eyes.start(for_run=True)
        assert not at.eyes.state.paused
        at.eyes.stop()
        at.eyes.pause(True)
        assert not at.eyes.state.paused


@virtual
async def test_the_next_link_sees_what_the_last_one_saw():
    async with scene() as at:
        await at.passes(1)
        at.host.capabilities = None
        await at.passes(60)
        assert len(at.eye.looks) == 1
        at.host.capabilities, at.host.link = SEES, 2
        await at.passes(1)
        assert len(at.host.sent) == 2


@virtual
async def test_a_lost_screen_is_told_once_and_so_is_its_return():
    async with scene() as at:
        await at.passes(1)
        at.host.is_talking = True
        at.eye.error = ScreenError("The display is gone.", hint="Look for it.")
        await at.passes(30)
        at.eye.error = ScreenError("There is none.")
        await at.passes(30)
        assert at.host.notices == [("The display is gone. Look for it.", Severity.WARNING)]
        assert at.eyes.state.trouble == "There is none."
        gaps = [b[0] - a[0] for a, b in zip(at.eye.looks[2:], at.eye.looks[3:], strict=False)]
        assert min(gaps) >= BLIND_EVERY - 1e-6
        at.eye.error, at.eye.shows = None, 90
        await at.passes(6)
        assert at.host.notices[1:] == [(SEES_AGAIN, Severity.SUCCESS)]
        assert at.eyes.state.trouble == ""
        assert at.host.sent[-1][1] == 90


@virtual
async def test_a_picture_that_is_refused_is_told_once_and_not_sent_again():
    async with scene() as at:
        at.host.refusal = InvalidRequest("Too large.")
        await at.passes(60)
        assert at.host.notices == [("Too large.", Severity.WARNING)]
        assert at.eye.encoded == 1
        assert at.host.events == []
        at.host.refusal, at.eye.shows = None, 50
        await at.passes(8)
        assert len(at.host.sent) == 1


# Models that cannot see


BLIND = Capabilities(images=False)


@virtual
async def test_a_model_that_cannot_see_is_told_a_description_marked_as_data():
    async with scene(FakeHost(BLIND), FakeDescriber()) as at:
        at.host.is_talking = True
        await at.changing(35)
        assert at.host.sent == []
        times = [time for time, _, _ in at.describer.asked]
        assert [round(b - a, 2) for a, b in zip(times, times[1:], strict=False)] == [DESCRIBE_EVERY] * 3
        assert {language for _, _, language in at.describer.asked} == {"de"}
        first = at.describer.asked[0][1]
        assert f"<<<screen\npicture {first}\nscreen>>>" in at.host.told[0]
        assert (at.host.events[0].sent, at.host.events[0].description) == (False, f"picture {first}")
        assert at.eye.looks[0][1].limit is None


@virtual
async def test_a_description_that_comes_too_late_is_not_told():
    async with scene(FakeHost(BLIND), FakeDescriber()) as at:
        at.describer.gate = asyncio.Event()
        await at.passes(1)
        at.eyes.pause(True)
        at.describer.gate.set()
        await at.passes(1)
        assert len(at.describer.asked) == 1
        assert (at.host.told, at.host.events) == ([], [])


@pytest.mark.parametrize(("error", "lasting"), [(LinkError("No."), False), (InvalidRequest("No."), True)])
@virtual
async def test_a_description_that_fails_is_told_once_and_asked_for_later_or_never(error, lasting):
    async with scene(FakeHost(BLIND), FakeDescriber()) as at:
        at.describer.error = error
        await at.passes(DESCRIBE_REST * 4.5)
        assert at.host.notices == [("The picture was not described: No.", Severity.WARNING)]
        assert len(at.describer.asked) == (1 if lasting else 5)
        at.describer.error = None
        await at.passes(DESCRIBE_REST + DESCRIBE_EVERY)
        assert bool(at.host.told) is not lasting
        at.eyes.start(for_run=True)
        await at.passes(1)
        assert at.host.told


@virtual
async def test_a_describer_that_hangs_is_left():
    async with scene(FakeHost(BLIND), FakeDescriber()) as at:
        at.describer.gate = asyncio.Event()
        await at.passes(DESCRIBE_WITHIN + 1)
        assert at.host.notices == [("No description of the picture within 30 s.", Severity.WARNING)]


def test_states_are_records() -> None:
    assert msgspec.to_builtins(EyesState())["consent"] == "unasked"
