"""Scripted parts of the engine. They are strict: whatever the script does not foresee fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from neko_cli.core.pcm import level_dbfs
from neko_cli.local.ports import (
    EARS_RATE,
    VOICE_RATE,
    BrainPart,
    Detector,
    Hearing,
    Prompt,
    Recognised,
    SaidText,
    Speech,
)

CHUNK_MS = 100


def tone(ms: int, rate: int = VOICE_RATE, hz: float = 440.0) -> bytes:
    """Loud sound: what the scripted detector takes for speech."""
    t = np.arange(rate * ms // 1000) / rate
    return (np.sin(2 * np.pi * hz * t) * 12_000).astype("<i2").tobytes()


def quiet(ms: int, rate: int = VOICE_RATE) -> bytes:
    """Digital silence."""
    return bytes(rate * ms // 1000 * 2)


class LoudnessDetector:
    """Speech is what is loud."""

    frame_bytes = 1024

    def __init__(self) -> None:
        self.frames = 0

    def probability(self, frame: bytes) -> float:
        assert len(frame) == self.frame_bytes
        self.frames += 1
        return 1.0 if level_dbfs(frame) > -30 else 0.0

    def reset(self) -> None:
        pass


@dataclass
class Heard:
    """One utterance the ears expect: what they answer or raise, after a signal if there is one."""

    answer: Recognised | Exception
    after: asyncio.Event | None = None
    check: Callable[[bytes, Hearing], None] | None = None


class ScriptedEars:
    """Answers utterance for utterance."""

    def __init__(self) -> None:
        self.script: list[Heard] = []
        self.seconds: list[float] = []

    def hear(self, text: str, confidence: float = 0.9, **kwargs: object) -> None:
        words = tuple((word, confidence) for word in text.split())
        self.script.append(Heard(Recognised(text, confidence, words), **kwargs))  # type: ignore[arg-type]

    async def recognise(self, pcm: bytes, hearing: Hearing) -> Recognised:
        assert self.script, "the ears were asked more often than the script says"
        step = self.script.pop(0)
        self.seconds.append(len(pcm) / 2 / EARS_RATE)
        if step.check is not None:
            step.check(pcm, hearing)
        if step.after is not None:
            await step.after.wait()
        if isinstance(step.answer, Exception):
            raise step.answer
        return step.answer


@dataclass
class Said:
    """One reply the brain is asked for: its parts; an Event among them is waited for."""

    parts: Sequence[BrainPart | asyncio.Event | Exception]
    check: Callable[[Prompt], None] | None = None
    closed: asyncio.Event = field(default_factory=asyncio.Event)


class ScriptedBrain:
    """Answers prompt for prompt."""

    def __init__(self) -> None:
        self.script: list[Said] = []
        self.prompts: list[Prompt] = []

    def say(self, *parts: BrainPart | asyncio.Event | Exception | str, **kwargs: object) -> Said:
        step = Said([SaidText(p) if isinstance(p, str) else p for p in parts], **kwargs)  # type: ignore[arg-type]
        self.script.append(step)
        return step

    async def reply(self, prompt: Prompt) -> AsyncIterator[BrainPart]:
        assert self.script, "the brain was asked more often than the script says"
        step = self.script.pop(0)
        self.prompts.append(prompt)
        try:
            if step.check is not None:
                step.check(prompt)
            for part in step.parts:
                if isinstance(part, asyncio.Event):
                    await part.wait()
                elif isinstance(part, Exception):
                    raise part
                else:
                    yield part
        finally:
            step.closed.set()


class ScriptedVoice:
    """Speaks ``ms_per_char`` of tone for every character, in chunks of 100 ms.

    With ``gate`` it delivers one chunk for each release of the semaphore.
    """

    def __init__(self) -> None:
        self.ms_per_char = 20
        self.gate: asyncio.Semaphore | None = None
        self.spoken: list[tuple[str, Speech]] = []
        self.closed = 0
        self.fault: Exception | None = None

    async def speak(self, text: str, speech: Speech) -> AsyncIterator[bytes]:
        self.spoken.append((text, speech))
        try:
            if self.fault is not None:
                raise self.fault
            pcm = tone(len(text) * self.ms_per_char)
            size = VOICE_RATE * CHUNK_MS // 1000 * 2
            for at in range(0, len(pcm), size):
                if self.gate is not None:
                    await self.gate.acquire()
                yield pcm[at : at + size]
        finally:
            self.closed += 1


class ScriptedParts:
    """Everything an engine needs; ``done`` fails when the script was not followed to its end."""

    def __init__(self) -> None:
        self.ears = ScriptedEars()
        self.brain = ScriptedBrain()
        self.voice = ScriptedVoice()
        self.detectors: list[LoudnessDetector] = []
        self.warmed: list[str] = []
        self.closed = 0

    def detector(self) -> Detector:
        self.detectors.append(LoudnessDetector())
        return self.detectors[-1]

    def voices(self) -> Sequence[str]:
        return ("en-us", "en-gb")

    async def warm_up(self, *, hearing: bool, speaking: bool) -> None:
        self.warmed += ["hearing"] * hearing + ["speaking"] * speaking

    async def aclose(self) -> None:
        self.closed += 1

    def done(self) -> None:
        assert not self.ears.script, f"{len(self.ears.script)} utterances were never recognised"
        assert not self.brain.script, f"{len(self.brain.script)} replies were never asked for"
