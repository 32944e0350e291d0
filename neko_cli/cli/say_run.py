"""Carries out a plan of ``neko say``: one session, its turns, the exit code."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from neko_cli.cli.exits import Exit, code_for_category, exit_code, sentence, tell
from neko_cli.cli.output import Output, Writer
from neko_cli.cli.printer import Printer
from neko_cli.cli.say_plan import Format, Input, SayPlan, Source, join_texts
from neko_cli.cli.say_sound import WavSink, check_target
from neko_cli.cli.say_track import Tracker, worst
from neko_cli.cli.stdin import WAIT_S, InputReader
from neko_cli.core.errors import Category, ConfigError, LinkError, NekoError
from neko_cli.core.events import Failure, InputMode, Notice, NoticeKind, ReplyAudio, TurnEnded
from neko_cli.core.session import Session, Subscription

END_TIMEOUT_S = 8.0
"""How long ending may take before it is left to the process's end."""

DRAIN_S = 0.1
"""For what is queued to be printed when a session was never started."""

FAILURE_GRACE_S = 0.3
"""A turn's end can be told just before the failure that caused it."""

OVER = "over"
"""The code of the error for a session that ended before its turn did."""

PICTURE_WITHIN_S = 45.0
"""For the first picture of the screen: the desktop may ask, or somebody describes it."""

LIMITS = (Category.QUOTA, Category.RATE_LIMIT)
"""What trying again right away does not help against."""

LOST_LINES = 3
"""Lines in a row without a connection after which ``--lines`` gives up."""


class SaySession(Session, Protocol):
    """A session that is also told when streamed sound is complete."""

    def finish_input(self) -> None:
        """The utterance that was streamed is complete (manual turns)."""
        ...


class Composed(Protocol):
    """What ``neko_cli.wiring.compose`` makes of the options."""

    def session(self) -> SaySession:
        """A session that is not started yet."""
        ...

    async def aclose(self) -> None:
        """Release everything that the sessions used."""
        ...


class SayRun:
    """One run. ``feed_sound`` and ``listen`` in ``say_voice`` do the spoken part."""

    def __init__(
        self, plan: SayPlan, session: SaySession, printer: Printer, tracker: Tracker, *, writer: Writer
    ) -> None:
        """The plan and the parts that it needs."""
        self.plan = plan
        self.session = session
        self.printer = printer
        self.tracker = tracker
        self._writer = writer
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        self._timer: asyncio.Timeout | None = None
        self._codes: list[Exit] = []
        self._device = Exit.OK
        self._started = False
        self._last: Failure | None = None
        self._turn: int | None = None

    # -- the event stream -------------------------------------------------------------------

    async def read(self, events: Subscription) -> None:
        """Print and track every event until the session ends."""
        stream = aiter(events)
        while True:
            self._idle.set()
            event = await anext(stream, None)
            self._idle.clear()
            if event is None:
                return
            self.tracker.note(event)
            self._changed.set()
            if isinstance(event, Failure):
                self._last = event
            if isinstance(event, Notice) and event.kind is NoticeKind.SOUND and self.plan.play:
                self._device = Exit.SOUND  # the answer is printed, but nobody hears it
            if isinstance(event, ReplyAudio) and self.plan.play:
                self._extend(event.ms / 1000.0)
            await self.printer.show(event)
            self._changed.set()

    async def caught_up(self) -> None:
        """Wait until the events told so far are printed; not for ever, should the output be stuck."""
        await asyncio.sleep(0)  # the reader hears of an event in the loop's next round
        await asyncio.sleep(0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                while not self._idle.is_set():
                    await self._idle.wait()  # it may be busy again by the time we run

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until ``done()``, which is looked at after every event."""
        while not done():
            self._changed.clear()
            await self._changed.wait()

    async def until_within(self, done: Callable[[], bool], seconds: float) -> bool:
        """Wait likewise, but not longer; returns whether it is done."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.until(done)
        return done()

    def _extend(self, seconds: float) -> None:
        """Hearing a reply takes as long as it takes: that time is not the provider's."""
        timer = self._timer
        if timer is not None and not timer.expired():
            when = timer.when()
            if when is not None:
                timer.reschedule(when + seconds)

    # -- turns ------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def limit(self) -> AsyncIterator[None]:
        """The time limit of one turn; raises LinkError when it is over."""
        try:
            async with asyncio.timeout(self.plan.timeout) as self._timer:
                yield
        except TimeoutError:
            raise LinkError(
                f"No complete answer came within {self.plan.timeout:g} s.",
                hint="--timeout S waits longer.",
                code="timeout",
            ) from None
        finally:
            self._timer = None

    async def start(self, mode: InputMode) -> None:
        """Connect, and show the picture, and the screen as it is now; raises NekoError."""
        self._started = True
        await self.session.start_session(mode)
        if self.plan.image is not None:
            from neko_cli.vision.pictures import read_picture  # Pillow: only with a picture

            await self.session.stream_data(await asyncio.to_thread(read_picture, self.plan.image))
        if self.plan.screen is not None:
            self.session.screen.show(self.plan.screen, for_run=True)
            await self._seen()

    async def _seen(self) -> None:
        """The question is about the screen, so a picture of it goes first; raises NekoError."""
        told = ""
        self.printer.hold_notices()
        try:
            async with asyncio.timeout(PICTURE_WITHIN_S):
                await self.session.screen.shown()
        except TimeoutError:
            raise ConfigError(f"No picture of the screen came within {PICTURE_WITHIN_S:g} s.") from None
        except NekoError as error:
            told = str(error)
            raise
        finally:
            await self.caught_up()
            self.printer.release_notices(told)

    async def text_turn(self, text: str) -> None:
        """Send one message and wait for the end of its turn; raises NekoError for a time-out."""
        self._turn = None
        self._turn = turn = await self.session.send_message(text)
        await self.printer.own(turn)
        await self.until(lambda: turn in self.tracker.ended or self.tracker.over is not None)
        # A failure that ends the session is told just before the turn that it ends.
        await self.until_within(lambda: turn in self.tracker.ended, FAILURE_GRACE_S)
        ended = self.tracker.ended.get(turn)
        if ended is None:
            raise self.lost()
        await self.count(ended)

    async def count(self, ended: TurnEnded) -> None:
        """Take a turn's end into the exit code."""
        if self.tracker.turn_code(ended) is not Exit.OK and self.tracker.failure is None:
            await self.until_within(lambda: self.tracker.failure is not None, FAILURE_GRACE_S)
        self._codes.append(self.tracker.turn_code(ended))

    def lost(self) -> NekoError:
        """The error for a session that ended before its turn did."""
        reason = (self.tracker.over or "the connection was lost").removesuffix(".")
        return LinkError(f"The session ended before the answer was complete: {reason}.", code=OVER)

    # -- sources ----------------------------------------------------------------------------

    async def talk(self, reader: InputReader | None) -> None:
        """Hold the conversation that the plan describes."""
        plan = self.plan
        if plan.source is Source.TEXT:
            read = ""
            if reader is not None:
                read = await reader.text(wait=WAIT_S if plan.input is Input.APPENDED else None)
            message = join_texts(plan.text, read)
            async with self.limit():
                await self.start(InputMode.TEXT)
                await self.text_turn(message)
        elif plan.source is Source.LINES and reader is not None:
            await self._lines(reader)
        else:
            from neko_cli.cli import say_voice  # sound handling: only for spoken turns

            await (say_voice.send_file(self) if plan.source is Source.AUDIO else say_voice.listen(self))

    async def _lines(self, reader: InputReader) -> None:
        """One turn for each line; a failed one is an empty line, and the rest go on.

        They do not when a limit ended the session: every further line would only reach it again.
        """
        started = False
        lost = 0
        async for line in reader.lines():
            if not line.strip():
                await self.printer.missing_line()
                continue
            if self._limited():
                return
            self._turn = None
            before = len(self._codes)
            try:
                async with self.limit():
                    if not started or self.tracker.over is not None:
                        self.tracker.over = None
                        await self.start(InputMode.TEXT)
                        started = True
                    await self.text_turn(line)
                lost = 0
            except NekoError as error:
                if not started:
                    raise
                await self.caught_up()
                limited = self._limited()
                spent = error.category in LIMITS and error.permanent
                await self._fill_line()
                if spent and not limited:
                    raise  # refused before anything was opened: no event tells it
                if len(self._codes) == before:
                    self._codes.append(self.tracker.failure_code if limited else self.code_of(error))
                if limited:
                    return
                self.report(error)
                await self._give_up_turn()
                lost = lost + 1 if self.tracker.over is not None else 0
                if lost >= LOST_LINES:
                    raise LinkError("The connection does not come back.") from error

    def _limited(self) -> bool:
        """Whether a limit ended the session for good; its failure event was told then."""
        last = self._last
        return last is not None and last.fatal and last.category in LIMITS

    async def _fill_line(self) -> None:
        """The line of a turn that failed; one that has ended has it, though not counted in time."""
        if self._turn is None or self._turn not in self.tracker.ended:
            await self.printer.missing_line(self._turn)

    async def _give_up_turn(self) -> None:
        with contextlib.suppress(NekoError, TimeoutError):
            async with asyncio.timeout(2.0):
                await self.session.interrupt()
                await self.until(lambda: self.tracker.settled or self.tracker.over is not None)

    # -- outcome ----------------------------------------------------------------------------

    def report(self, error: NekoError) -> None:
        """Tell about an error, unless its failure event was told already."""
        told = error.message if error.code != OVER else self.tracker.over or ""
        if not self.printer.was_told(told):
            tell(sentence(error))

    def code_of(self, error: NekoError) -> Exit:
        """An error's exit code; after a time-out or the session's end that of the last failure seen."""
        if error.code in ("timeout", OVER) and self._last is not None:
            return code_for_category(self._last.category)
        return exit_code(error)

    async def run(self, reader: InputReader | None) -> Exit:
        """Talk, end the session, let the output be written; returns the exit code."""
        events = self.session.events(samples=self.plan.samples)
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(self.read(events), name="say reader")
            try:
                await self.talk(reader)
            except NekoError as error:
                await self._failed(error)
            await self._end(reading)
        return worst([*self._codes, self._device])

    async def _failed(self, error: NekoError) -> None:
        await self.caught_up()
        self._codes.append(self.code_of(error))
        await self.printer.close_line()
        if self.plan.format is Format.JSON and not self.printer.was_told(error.message):
            await self.printer.show(Failure.of(error, at=self.tracker.at, fatal=True))
        self.report(error)

    async def _end(self, reading: asyncio.Task[None]) -> None:
        """End the session; its last event ends the reader, which a slow output may hold up."""
        try:
            async with asyncio.timeout(END_TIMEOUT_S):
                await self.session.end_session()
        except TimeoutError:
            reading.cancel()
        if not self._started:
            # Nothing was begun, so nothing ends: there is only the first status to be printed.
            await asyncio.wait({reading}, timeout=DRAIN_S)
        seen = -1
        while self._started and not reading.done() and (seen != self.tracker.count or self._writer.busy):
            seen = self.tracker.count
            await asyncio.wait({reading}, timeout=1.0)
        reading.cancel()


async def say(plan: SayPlan, compose: Callable[[], Composed], reader: InputReader | None) -> Exit:
    """Carry out the plan.

    Args:
        plan: what to do.
        compose: binds the parts; called here, so that standard input is read meanwhile.
        reader: standard input, when the plan reads it as text.

    Raises:
        NekoError: nothing could be started.
    """
    check_target(plan.out)
    if plan.image is not None and not plan.image.is_file():
        raise ConfigError(f"There is no picture {plan.image}.")
    composed = compose()
    writer = Writer()
    sink = WavSink(plan.out, writer) if plan.out else None
    try:
        session = composed.session()
        printer = Printer(
            Output(writer),
            plan.format,
            samples=plan.json_audio,
            quiet=plan.quiet,
            every_turn=plan.spoken,
            sound=sink,
            errors=sys.stderr,
        )
        run = SayRun(plan, session, printer, Tracker(), writer=writer)
        try:
            code = await run.run(reader)
        finally:
            await session.cleanup()
        if sink is not None:
            code = await _finish_sound(sink, code)
        return code
    finally:
        if sink is not None:
            sink.abandon()
        writer.close()
        await composed.aclose()


async def _finish_sound(sink: WavSink, code: Exit) -> Exit:
    """Complete the WAV; that no sound came is an error of its own only after a good turn."""
    try:
        await sink.finish()
    except NekoError as error:
        if code is Exit.OK:
            tell(sentence(error))
            return exit_code(error)
    return code
