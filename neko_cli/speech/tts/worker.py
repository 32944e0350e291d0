"""A voice worker: a thread with an event loop of its own, between two bounded queues.

Everything that a voice does with sockets, processes and JSON happens here, away from the loop that
moves sound. Speeches are spoken in the order in which they were begun.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable

from neko_cli.core.errors import InvalidRequest, NekoError, ServerFault, our_mistake
from neko_cli.speech.tts.mailboxes import RequestQueue, ResponseQueue, quietly
from neko_cli.speech.tts.messages import (
    EndOfSpeech,
    Failed,
    Interrupt,
    Ready,
    Request,
    Response,
    Say,
    Shutdown,
    Sound,
    SpeechDone,
    State,
    Trouble,
)
from neko_cli.speech.tts.script import Outlet, Script, VoiceEngine

log = logging.getLogger(__name__)

RELEASE_S = 2.0
"""For an engine to let go of a speech that was interrupted, before it is told again."""

CLOSE_S = 3.0
"""For an engine to free what it has."""

END_S = CLOSE_S + 1.0
"""For the thread to end after a Shutdown."""


class TtsWorker(threading.Thread):
    """The thread. ``put`` and ``take`` may be called from any thread; neither blocks."""

    def __init__(
        self,
        make: Callable[[], VoiceEngine],
        *,
        name: str,
        ready_within: float = 15.0,
        notify: Callable[[], None] = lambda: None,
    ) -> None:
        """``make`` runs in the thread and may raise NekoError.

        ``ready_within``: seconds until it is ready or has failed. ``notify`` is called, from any
        thread, when something may be there to be taken, and when the thread has ended.
        """
        super().__init__(name=f"voice {name}", daemon=True)
        self._make = make
        self._ready_within = ready_within
        self._requests = RequestQueue()
        self._responses = ResponseQueue(notify)
        self._notify = notify
        self._scripts: OrderedDict[str, Script] = OrderedDict()
        self._speaking: tuple[str, asyncio.Task[None]] | None = None
        self.ended = False
        """Whether it is through with everything; the thread is gone a moment later."""

    def put(self, request: Request) -> bool:
        """Ask for something; False for text that there is no room for.

        When an Interrupt was put, ``take`` gives nothing of the speech any more.
        """
        if isinstance(request, Say) and not self._responses.expect(request.speech):
            return True
        if isinstance(request, Interrupt):
            self._responses.mute(request.speech)
        return self._requests.put(request)

    def take(self) -> Response | None:
        """The next sound or mark of a speech; None when there is none now."""
        return self._responses.take()

    def state(self) -> State | None:
        """What there is to know of the worker itself; None when nothing is new."""
        return self._responses.state()

    def close(self, timeout: float = END_S) -> bool:
        """End the thread and wait for it, so many seconds; whether it has ended. Blocks."""
        self.put(Shutdown())
        if self.ident is not None:
            self.join(timeout)
        if self.is_alive():
            log.error("the thread %r does not end and is left behind", self.name)
        return not self.is_alive()

    # -- in the thread -------------------------------------------------------------------------

    def run(self) -> None:
        """Make the engine and serve until the Shutdown, or until the engine fails."""
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(self._main(loop))
        except NekoError as error:
            self._responses.tell(Failed(error))
        except BaseException as error:
            log.error("the thread %r failed: %s", self.name, type(error).__name__)
            log.debug("%s", self.name, exc_info=error)
            mistake = our_mistake(error)
            mistake.permanent = False  # it may have been the text, or the moment
            self._responses.tell(Failed(mistake))
        finally:
            loop.run_until_complete(_sweep(loop))
            loop.close()  # a look-up of a name that hangs is not waited for
            self.ended = True
            self._notify()

    async def _main(self, loop: asyncio.AbstractEventLoop) -> None:
        self._news, self._begun, self._room = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._requests.attach(quietly(lambda: loop.call_soon_threadsafe(self._news.set)))
        self._responses.attach(quietly(lambda: loop.call_soon_threadsafe(self._room.set)))
        engine = self._make()
        try:
            try:
                async with asyncio.timeout(self._ready_within):
                    await engine.open()
            except TimeoutError:
                raise ServerFault(
                    f"The voice was not ready within {self._ready_within:g} s.", code="timeout"
                ) from None
            self._responses.tell(Ready())
            await self._serve(engine)
        finally:
            await _within(CLOSE_S, engine.aclose)

    async def _serve(self, engine: VoiceEngine) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                turns = group.create_task(self._turns(engine))
                await self._follow()
                turns.cancel()
        except BaseExceptionGroup as found:
            raise first_of(found) from None

    async def _follow(self) -> None:
        """Carry out requests until the Shutdown."""
        while True:
            request = self._requests.take()
            if request is None:
                self._news.clear()
                await self._news.wait()
                continue
            if isinstance(request, Shutdown):
                return
            if isinstance(request, Interrupt):
                self._interrupt(request.speech)
            else:
                self._write(request)

    def _write(self, request: Say | EndOfSpeech) -> None:
        script = self._scripts.get(request.speech)
        if script is None:
            if isinstance(request, EndOfSpeech):
                return
            script = Script(request.speech, self._responses.offer, self._requests.free)
            self._scripts[request.speech] = script
            self._begun.set()
        if isinstance(request, Say):
            script.add(request.text)
        else:
            script.end()

    def _interrupt(self, speech: str | None) -> None:
        for one in [speech] if speech is not None else [*self._scripts]:
            script = self._scripts.pop(one, None)
            if script is not None:
                script.stop()
        if self._speaking is not None and speech in (None, self._speaking[0]):
            task = self._speaking[1]
            task.cancel()
            asyncio.get_running_loop().call_later(RELEASE_S, task.cancel)

    async def _turns(self, engine: VoiceEngine) -> None:
        """Speak one script after the other."""
        while True:
            script = next(iter(self._scripts.values()), None)
            if script is None:
                self._begun.clear()
                await self._begun.wait()
                continue
            async with asyncio.TaskGroup() as group:
                task = group.create_task(self._speak(engine, script))
                self._speaking = script.speech, task
            self._speaking = None
            if self._scripts.pop(script.speech, None) is not None:
                script.stop()  # refused before its last text

    async def _speak(self, engine: VoiceEngine, script: Script) -> None:
        def put(pcm: bytes, rate: int) -> bool:
            return script.stopped or self._responses.offer(Sound(script.speech, pcm, rate))

        try:
            await engine.speak(script, Outlet(put, self._room))
        except InvalidRequest as error:
            if not script.stopped:
                self._responses.tell(Trouble(script.speech, error))
                self._responses.offer(SpeechDone(script.speech, whole=False))
        else:
            self._responses.offer(SpeechDone(script.speech))


def first_of(found: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first plain exception in a group of groups; what follows it is mostly its consequence."""
    first: BaseException = found
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


async def _within(seconds: float, close: Callable[[], Awaitable[None]]) -> None:
    """Await a closing that must not fail or hang."""
    try:
        async with asyncio.timeout(seconds):
            await close()
    except TimeoutError:
        log.error("a voice did not free what it has within %g s", seconds)
    except NekoError as error:
        log.info("a voice ended with: %s", type(error).__name__)


async def _sweep(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is still running, and let it end."""
    me = asyncio.current_task()
    tasks: Iterable[asyncio.Task[object]] = [task for task in asyncio.all_tasks(loop) if task is not me]
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CLOSE_S)
    await loop.shutdown_asyncgens()
