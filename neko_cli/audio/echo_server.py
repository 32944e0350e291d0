"""Sources of a sound server that cancel echo themselves: recognised by name. Pure.

What they are called by default:

- PulseAudio's module-echo-cancel: ``<source>.echo-cancel``, described as "… (echo cancelled with …)"
  (module-echo-cancel.c; seen with PulseAudio 16.1);
- PipeWire's: ``echo-cancel-source``, described as "Echo-Cancel Source" (module-echo-cancel.c).

PortAudio lists descriptions or names, whichever its host API has; where it goes through ALSA's plugin it
lists neither, and the name of the default source has to come from the server (``pactl get-default-source``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from neko_cli.core.ports import DeviceInfo

_CANCELS = re.compile(r"echo[\s._-]*cancel", re.IGNORECASE)
"""Also what people call theirs: echocancel, Echo Cancellation, echo_cancelled_mic."""

_NOT_A_MICROPHONE = re.compile(
    r"\.monitor\b|\bmonitor of\b|echo[\s._-]*cancel[\s._-]*(sink|playback|capture)\b", re.I
)
"""The monitor of the sink that belongs to it, and the ends that it uses itself."""


def cancels_echo(source: str) -> bool:
    """Whether a source of this name or description has its echo cancelled already."""
    return bool(_CANCELS.search(source)) and not _NOT_A_MICROPHONE.search(source)


def own_echo_source(devices: Sequence[DeviceInfo], wanted: str = "") -> DeviceInfo | None:
    """The device that cancels echo itself, when there is one to be used.

    With a ``wanted`` microphone only that one counts (its number, or a part of its name); else the
    default comes first, and then the first in the list.
    """
    able = [one for one in devices if one.inputs > 0 and cancels_echo(one.name)]
    wanted = wanted.strip().casefold()
    if wanted:
        able = [one for one in able if wanted in one.name.casefold() or wanted == str(one.index)]
    return next((one for one in able if one.default_input), able[0] if able else None)
