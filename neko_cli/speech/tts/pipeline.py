"""The voice as a session uses it: text deltas in, sound out, a worker thread behind it that is replaced.

See ``core/ports_voice``. A worker that dies is started again with growing pauses; the user is told
once for each outage. Nothing is tried again after an error that trying cannot mend, such as a rejected
key.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import AsyncIterator, Callable

from neko_cli.core.errors import NekoError, ServerFault
from neko_cli.core.ports_voice import SpeechSpoken, SpokenSound, SpokenUpTo, VoiceTrouble
from neko_cli.core.retry import Backoff, RetryPolicy
from neko_cli.core.tasks import TaskOwner
from neko_cli.speech.tts.ledger import Ledger
from neko_cli.speech.tts.mailboxes import quietly
from neko_cli.speech.tts.messages import (
    EndOfSpeech,
    Failed,
    Handed,
    Interrupt,
    Ready,
    Response,
    Say,
    Shutdown,
    Sound,
    Spoken,
    Trouble,
)
from neko_cli.speech.tts.worker import END_S, TtsWorker

log = logging.getLogger(__name__)

VOICE_RETRY = RetryPolicy(attempts=8)
"""About a minute of trying; then the voice stays silent until the user starts it again."""

READY_GRACE_S = 2.0
"""Beyond a worker's own time to be ready: its thread may hang where nothing can be cancelled."""

REFUSALS = 3
"""Speeches refused one after the other, after which the voice itself counts as refused."""

Out = SpokenSound | SpokenUpTo | SpeechSpoken
MakeWorker = Callable[[Callable[[], None]], TtsWorker]
"""Makes a worker that is not started; what it is given is to be called when there is news."""


class VoiceWorker:
    """Implements :class:`~neko_cli.core.ports_voice.VoiceOver`; belongs to one event loop."""

    def __init__(
        self,
        make: MakeWorker,
        *,
        trouble: Callable[[VoiceTrouble], None],
        ready_within: float = 15.0,
        policy: RetryPolicy = VOICE_RETRY,
        random: Callable[[], float] = random.random,
    ) -> None:
        """``trouble`` is told what the user should know; it must not raise.

        ``ready_within``: the worker's own time to be ready, in seconds.
        """
        self._make = make
        self._trouble = trouble
        self._ready_within = ready_within + READY_GRACE_S
        self._backoff = Backoff(random, policy)
        self._ledger = Ledger()
        self._tasks = TaskOwner(self._broken)
        self._worker: TtsWorker | None = None
        self._ahead: deque[Out | Response] = deque()
        """What goes out before anything of the present worker."""
        self._news = asyncio.Event()
        self._states = asyncio.Event()
        self._settled = asyncio.Event()
        self._gone: NekoError | None = None
        self._told = False
        self._refusals = 0
        self._left_out = ""
        self._closed = False

    async def start(self) -> None:
        """See ``VoiceOver``; a voice that had given up is tried anew."""
        if self._closed or (self._tasks.is_open and self._gone is None):
            return
        self._gone, self._told, self._refusals = None, False, 0
        self._backoff.reset()
        self._settled.clear()
        await self._tasks.open()
        self._tasks.spawn(self._supervise(asyncio.get_running_loop()), "voice worker")
        await self._settled.wait()
        if self._gone is not None:
            raise self._gone

    def say(self, speech: str, delta: str) -> None:
        """See ``VoiceOver``."""
        if self._gone is None and not self._closed:
            self._send(speech, self._ledger.say(speech, delta))

    def finish(self, speech: str) -> None:
        """See ``VoiceOver``."""
        if self._closed:
            return
        pieces, known = self._ledger.finish(speech)
        self._send(speech, pieces)
        if known and self._gone is None:
            if self._worker is not None:
                self._worker.put(EndOfSpeech(speech))
        elif speech in self._ledger.speeches:
            self._over(speech, whole=self._gone is None)

    def interrupt(self) -> None:
        """See ``VoiceOver``."""
        self._ledger.interrupt()
        self._ahead.clear()
        if self._worker is not None:
            self._worker.put(Interrupt())

    async def sounds(self) -> AsyncIterator[Out]:
        """See ``VoiceOver``."""
        while not self._closed:
            self._news.clear()
            if (item := self._next()) is not None:
                yield item
            else:
                await self._news.wait()

    async def close(self) -> None:
        """See ``VoiceOver``."""
        self._closed = True
        self._news.set()
        self._settled.set()
        await self._tasks.aclose(timeout=END_S + 1.0)

    # -- sound ---------------------------------------------------------------------------------

    def _next(self) -> Out | None:
        """The next thing to give, without waiting."""
        while True:
            if self._ahead:
                item: Out | Response | None = self._ahead.popleft()
            else:
                item = self._worker.take() if self._worker is not None else None
            if item is None or isinstance(item, SpokenSound | SpokenUpTo | SpeechSpoken):
                return item
            if (out := self._booked(item)) is not None:
                return out

    def _booked(self, item: Response) -> Out | None:
        """Write down what a worker said; what of it goes out."""
        if isinstance(item, Sound):
            self._refusals, self._told = 0, False
            playable = self._ledger.sound(item.speech)
            return SpokenSound(item.speech, item.pcm, item.rate) if playable else None
        if isinstance(item, Handed):
            self._ledger.handed(item.speech, item.pieces)
        elif isinstance(item, Spoken):
            chars = self._ledger.spoken(item.speech, item.pieces)
            return SpokenUpTo(item.speech, chars) if chars is not None else None
        else:
            whole = self._ledger.done(item.speech)
            if whole is not None:
                return SpeechSpoken(item.speech, whole and item.whole)
        return None

    def _over(self, speech: str, *, whole: bool) -> None:
        kept = self._ledger.done(speech)
        if kept is not None:
            self._ahead.append(SpeechSpoken(speech, kept and whole))
            self._news.set()

    def _send(self, speech: str, pieces: list[str]) -> None:
        for piece in pieces:
            if self._worker is None or self._worker.put(Say(speech, piece)):
                continue
            self._ledger.refused(speech)
            if self._left_out != speech:
                self._left_out = speech
                error = ServerFault("The voice is far behind; a part of the reply is not read aloud.")
                self._trouble(VoiceTrouble(error, speech=speech))

    # -- the worker ----------------------------------------------------------------------------

    async def _supervise(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run one worker after the other until one fails for good."""
        wake = quietly(lambda: loop.call_soon_threadsafe(self._woken))
        while True:
            worker = self._make(wake)
            begun = loop.time()
            self._attach(worker)
            try:
                error = await self._watch(worker)
            finally:
                await self._bury(worker)
            self._backoff.link_lived(loop.time() - begun)
            delay = self._backoff.next_delay(error)
            if delay is None:
                self._give_up(error)
                return
            if not self._told:
                self._told = True
                self._trouble(VoiceTrouble(error, retry_in=delay))
            self._settled.set()
            await asyncio.sleep(delay)

    def _attach(self, worker: TtsWorker) -> None:
        """Start a worker, and give it what is still to be said."""
        self._worker = worker
        worker.start()
        for again in self._ledger.again():
            for piece in again.pieces:
                worker.put(Say(again.speech, piece))
            if again.finished and again.pieces:
                worker.put(EndOfSpeech(again.speech))
            elif again.finished:
                self._over(again.speech, whole=True)

    async def _watch(self, worker: TtsWorker) -> NekoError:
        """Follow what a worker tells of itself until it has failed."""
        try:
            async with asyncio.timeout(self._ready_within) as patience:
                while True:
                    self._states.clear()
                    while (state := worker.state()) is not None:
                        if isinstance(state, Failed):
                            return state.error
                        if isinstance(state, Ready):
                            patience.reschedule(None)
                            self._settled.set()
                        elif (error := self._refused(state)) is not None:
                            return error
                    if worker.ended:
                        return ServerFault("The voice stopped unexpectedly.")
                    await self._states.wait()
        except TimeoutError:
            return ServerFault("The voice does not start.", code="timeout")

    def _refused(self, state: Trouble) -> NekoError | None:
        """One speech was refused; after several in a row it is the voice that is wrong."""
        self._refusals += 1
        if self._refusals >= REFUSALS:
            return state.error
        self._trouble(VoiceTrouble(state.error, speech=state.speech))
        return None

    async def _bury(self, worker: TtsWorker) -> None:
        """Keep the sound that a worker has made, and let its thread end."""
        while (item := worker.take()) is not None:
            self._ahead.extend(out for out in [self._booked(item)] if out is not None)
        self._worker = None
        worker.put(Shutdown())
        try:
            async with asyncio.timeout(END_S):
                while not worker.ended:
                    self._states.clear()
                    if not worker.ended:
                        await self._states.wait()
        except TimeoutError:
            log.error("the thread %r does not end and is left behind", worker.name)
        else:
            worker.join(0.5)  # it has done everything already

    def _give_up(self, error: NekoError) -> None:
        self._gone = error
        for speech in self._ledger.speeches:
            self._over(speech, whole=False)
        if self._settled.is_set():  # else ``start`` raises it
            self._trouble(VoiceTrouble(error))
        self._settled.set()

    def _woken(self) -> None:
        self._news.set()
        self._states.set()

    def _broken(self, error: BaseException) -> None:
        """The supervisor itself failed, which it must not."""
        self._give_up(ServerFault(f"The voice stopped unexpectedly ({type(error).__name__})."))
