"""The voices of this machine for the client's own voice workers: the engine's worker process, reused.

The synthesiser runs in a process of its own, so that it holds no interpreter lock that sound needs.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from neko_cli.core.tasks import TaskOwner
from neko_cli.local.parts import LocalVoice
from neko_cli.local.ports import VOICE_RATE, Speech
from neko_cli.local.worker_pool import make_seat
from neko_cli.local.worker_voice import WorkerVoice
from neko_cli.local.worker_wire import Setup
from neko_cli.speech.tts.factory import is_floor

log = logging.getLogger(__name__)

AT_ONCE = 2
"""Texts in the worker: one that is spoken, and one that was just interrupted."""


class LocalSource:
    """espeak or an installed piper voice; a :class:`~neko_cli.speech.tts.by_pieces.PieceSource`."""

    def __init__(self, name: str, speech: Speech, *, models_dir: Path, log_path: Path | None = None) -> None:
        """``name`` as in ``[local] synthesiser``; nothing is started yet."""
        self._name = name
        self._speech = speech
        self._models_dir = models_dir
        self._log_path = log_path
        self._tasks: TaskOwner | None = None
        self._voice: LocalVoice | None = None

    async def open(self) -> None:
        """Start the process; raises ConfigError when something is not installed, ServerFault."""
        floor = is_floor(self._name)
        self._tasks = TaskOwner(_report)
        setup = Setup(self._name, str(self._models_dir))
        seat = make_seat("voice", setup, self._tasks, log_path=self._log_path, with_model=not floor)
        self._voice = LocalVoice(WorkerVoice(seat, limit=AT_ONCE), floor=floor)
        await self._voice.warm_up()

    async def speak(self, text: str) -> AsyncGenerator[tuple[bytes, int], None]:
        """Chunks of at most 100 ms; raises ConfigError, ServerFault."""
        assert self._voice is not None
        async with aclosing(self._voice.speak(text, self._speech)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                yield chunk, VOICE_RATE

    async def aclose(self) -> None:
        """End the process; idempotent."""
        voice, self._voice = self._voice, None
        tasks, self._tasks = self._tasks, None
        try:
            if voice is not None:
                await voice.aclose()
        finally:
            if tasks is not None:
                await tasks.aclose()


def _report(error: BaseException) -> None:
    """The owner of the tasks has logged it; whoever waited is told through the request."""
