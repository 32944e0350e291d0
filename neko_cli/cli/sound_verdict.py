"""What the sound test found, and what it means in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from neko_cli.core.text import one_line

SILENT_DBFS = -80.0
"""Real microphones are noisier than this; below it one is muted or not connected."""

FAINT_DB = -40.0
"""An echo fainter than this, relative to what was played, no detector takes for a voice."""

LOUD_DBFS = -45.0
"""A noise floor above this makes it hard to hear where somebody stops speaking."""

CLIPPED_SAMPLES = 10
TELEPHONE_HZ = 16_000
"""Below this rate consonants are missing."""


class Result(msgspec.Struct, kw_only=True):
    """What the test found; levels in dBFS, times in ms, None where there was nothing to measure."""

    microphone: str = ""
    microphone_rate: int | None = None
    loudest: float | None = None
    """While the meter ran."""
    noise_floor: float | None = None
    clipped: int | None = None
    """Samples at full scale."""
    overflows: int | None = None
    """Times that sound of the microphone was lost."""
    speaker: str = ""
    speaker_rate: int | None = None
    underruns: int | None = None
    """Times that the loudspeaker ran out of sound."""
    hears_itself: bool | None = None
    """Whether the microphone hears the loudspeaker."""
    delay_ms: float | None = None
    """From the loudspeaker's sound, by its device's own account, to where neko has it from the microphone."""
    round_trip_ms: float | None = None
    """The same from where neko hands it to the loudspeaker."""
    echo_db: float | None = None
    """How loud the loudspeaker comes back, relative to what was played."""
    verdict: list[str] = []
    problems: list[str] = []


def is_silent(result: Result) -> bool:
    """Whether the microphone gave nothing at all, not even noise."""
    return result.loudest is not None and result.loudest < SILENT_DBFS and not result.hears_itself


def verdict(result: Result) -> list[str]:
    """What it means, the weightiest first; nothing about what could not be tested."""
    return list(_sentences(result))


def _sentences(result: Result) -> Iterator[str]:
    if is_silent(result):
        yield "The microphone hears nothing at all: it is muted, not connected or not allowed."
    elif result.hears_itself is not None:
        yield _duplex(result)
    if (result.clipped or 0) >= CLIPPED_SAMPLES:
        yield f"The microphone is overdriven ({result.clipped} samples at full scale): turn it down."
    if result.noise_floor is not None and result.noise_floor > LOUD_DBFS:
        yield (
            f"It is loud around the microphone ({result.noise_floor:.0f} dBFS): "
            "a headset or a quieter place helps to hear where you stop speaking."
        )
    if result.microphone_rate is not None and result.microphone_rate < TELEPHONE_HZ:
        yield (
            f"The microphone runs at {result.microphone_rate} Hz, as Bluetooth headsets do in calls: "
            "another one is understood better."
        )
    for count, what in ((result.underruns, "The loudspeaker ran out of sound"), (result.overflows, _LOST)):
        if count:
            yield f"{what} {_times(count)}: the machine was too busy."


_LOST = "Sound of the microphone was lost"


def _duplex(result: Result) -> str:
    if result.echo_db is None:
        return "Full duplex is fine: the microphone does not hear the loudspeaker."
    off = abs(round(result.echo_db))
    level = f"{off} dB {'below' if result.echo_db < 0 else 'above'}" if off else "as loud as"
    back = f"your loudspeaker comes back {level} what is played"
    if result.echo_db < FAINT_DB:
        return f"Full duplex is fine: {back}, too faint to be taken for you."
    late = f", after {result.delay_ms:.0f} ms" if result.delay_ms is not None else ""
    return f"Use headphones or echo cancelling: {back}{late}."


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def summary(result: Result) -> str:
    """The findings as lines, and the verdict under them."""
    lines = []
    if result.loudest is not None:
        floor = f", noise floor {result.noise_floor:.1f} dBFS" if result.noise_floor is not None else ""
        lines.append(
            f"microphone   {_device(result.microphone, result.microphone_rate)}: "
            f"loudest {result.loudest:.1f} dBFS{floor}"
        )
    if result.speaker:
        lines.append(
            f"loudspeaker  {_device(result.speaker, result.speaker_rate)}: the test sound was played"
        )
    if result.delay_ms is not None and result.echo_db is not None:
        lines.append(
            f"loop-back    {result.delay_ms:.0f} ms (round trip {result.round_trip_ms or 0.0:.0f} ms), "
            f"{result.echo_db:.1f} dB relative to what was played"
        )
    elif result.hears_itself is False:
        lines.append("loop-back    the microphone does not hear the loudspeaker")
    return "\n".join([*lines, *result.verdict]) or "No sound could be tested."


def _device(name: str, rate: int | None) -> str:
    return f"{one_line(name, 60)} ({rate} Hz)" if rate else one_line(name, 60)
