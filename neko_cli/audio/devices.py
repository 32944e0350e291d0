"""Which sound devices there are, and which one is meant. Decisions here are pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from neko_cli.core.errors import AudioError, NoMicrophone, NoSpeaker
from neko_cli.core.ports import UNKNOWN_DEVICE, DeviceInfo

STUDIO_RATES = (48_000, 44_100)
"""Tried when a device does not take its own default rate, in Hz."""


class Kind(StrEnum):
    """What a device is wanted for."""

    MICROPHONE = "microphone"
    SPEAKER = "loudspeaker"

    def error(self, message: str, hint: str = "", code: str = "") -> AudioError:
        """A NoMicrophone or NoSpeaker."""
        return (NoMicrophone if self is Kind.MICROPHONE else NoSpeaker)(message, hint=hint, code=code)

    def fits(self, device: DeviceInfo) -> bool:
        """Whether a device can do this."""
        return (device.inputs if self is Kind.MICROPHONE else device.outputs) > 0

    def is_default(self, device: DeviceInfo) -> bool:
        """Whether a device is the system's choice for this."""
        return device.default_input if self is Kind.MICROPHONE else device.default_output


def describe(
    devices: Sequence[Mapping[str, Any]], host_apis: Sequence[Mapping[str, Any]], defaults: Sequence[int]
) -> tuple[DeviceInfo, ...]:
    """PortAudio's device tables as records; ``defaults`` are the indices for input and output.

    Names come from drivers and plugged-in hardware: what cannot be printed is left out.
    """
    return tuple(
        DeviceInfo(
            index=number,
            name="".join(c for c in str(device["name"]) if c.isprintable()).strip() or f"device {number}",
            host_api=str(host_apis[int(device["hostapi"])]["name"]),
            inputs=int(device["max_input_channels"]),
            outputs=int(device["max_output_channels"]),
            default_rate=round(float(device["default_samplerate"])),
            default_input=number == defaults[0],
            default_output=number == defaults[1],
        )
        for number, device in enumerate(devices)
    )


def pick(devices: Sequence[DeviceInfo], wanted: str, kind: Kind) -> DeviceInfo:
    """The device that ``wanted`` means: a number, a name, part of a name, or empty for the default.

    Raises NoMicrophone or NoSpeaker with a sentence that names what there is.
    """
    able = [device for device in devices if kind.fits(device)]
    if not able:
        hint = "Plug one in, or check the sound system (neko doctor)."
        raise kind.error(f"No {kind} was found.", hint, UNKNOWN_DEVICE)
    wanted = wanted.strip()
    if not wanted:
        return next((device for device in able if kind.is_default(device)), able[0])
    if wanted.isdecimal():
        for device in able:
            if device.index == int(wanted):
                return device
    folded = wanted.casefold()
    for matches in (
        [device for device in able if device.name.casefold() == folded],
        [device for device in able if device.name.casefold().startswith(folded)],
        [device for device in able if folded in device.name.casefold()],
    ):
        names = {device.name for device in matches}
        if len(names) == 1:  # the same device under several host APIs: the system's order decides
            return matches[0]
        if names:
            raise kind.error(f"{wanted!r} means more than one {kind}: {_listed(sorted(names))}.")
    names = {device.name for device in able}
    by_folded = {name.casefold(): name for name in names}
    near = [by_folded[name] for name in difflib.get_close_matches(folded, by_folded, n=3, cutoff=0.4)]
    hint = f"There is: {_listed(near or sorted(names))}."
    raise kind.error(f"There is no {kind} called {wanted!r}.", hint, UNKNOWN_DEVICE)


def _listed(names: Sequence[str], limit: int = 6) -> str:
    """Names for a sentence, not too many."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def rates_to_try(device: DeviceInfo) -> tuple[int, ...]:
    """Sample rates in Hz for opening a device, best first; each has whole samples in 10 ms.

    PortAudio reports 44100 for every ALSA device that can do it, also for plugins whose sound
    server runs at 48000; so on ALSA 48000 is asked for first. Above 96 kHz speech gains nothing.
    """
    own = device.default_rate
    guessed = device.host_api == "ALSA" and own == 44_100
    ordered = STUDIO_RATES if guessed or own > 96_000 else (own, *STUDIO_RATES)
    fallback = (*ordered, own, 16_000)
    return tuple(dict.fromkeys(rate for rate in fallback if rate >= 8_000 and rate % 100 == 0))
