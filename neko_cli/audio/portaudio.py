"""PortAudio as this process has it: loaded late, called on one thread, its errors in plain words.

PortAudio is global to a process, so what this module keeps (the loaded module, the lane, how many
streams are open) is global too. Everything but ``LANE`` itself runs on the lane's thread.
"""

from __future__ import annotations

import atexit
import ctypes
import importlib
import logging
import sys
from typing import Any

from neko_cli.audio.lane import Lane
from neko_cli.core.errors import (
    AudioError,
    MicrophonePermissionError,
    NekoError,
    NoMicrophone,
    NoSpeaker,
)

log = logging.getLogger(__name__)

LANE = Lane("neko-sound")
"""Where every call into PortAudio is made."""

# PaErrorCode values of portaudio.h.
PA_DEVICE_UNAVAILABLE = -9985
PA_INVALID_SAMPLE_RATE = -9997

NOT_INSTALLED_HINTS = {
    "linux": "Install it, for example with: sudo apt install libportaudio2",
    "darwin": "Install it, for example with: brew install portaudio",
}
DENIED_HINTS = {
    "darwin": "Allow the terminal in System Settings, Privacy & Security, Microphone.",
    "win32": "Allow desktop apps in Settings, Privacy, Microphone.",
    "linux": "Check that your user may use sound (group audio).",
}
DENIED_WORDS = ("denied", "not permitted", "0x80070005", "-2147024891")
"""Signs of a refusal in a host's message; the last two are Windows' E_ACCESSDENIED."""

EXCLUSIVE_WORDS = ("exclusive", "device_in_use", "0x8889000a", "-2004287478", "resource busy")
"""Signs that somebody else has the device alone; the numbers are WASAPI's AUDCLNT_E_DEVICE_IN_USE."""

GONE_WORDS = ("no such device", "no such entity", "no such file", "input/output error", "device_invalidated")
"""Signs that a device of the list is not there now; sound servers say it as an input/output error."""

OTHER = "or choose another one (neko devices)"


class _State:
    """What is loaded and open."""

    def __init__(self) -> None:
        self.module: Any = None
        self.open_streams = 0
        self.stale = False


_state = _State()


def mark_stale() -> None:
    """The device list may have changed: read it again as soon as no stream is open."""
    _state.stale = True


def library() -> Any:
    """The ``sounddevice`` module with a fresh device list; on the lane only.

    Importing it initialises PortAudio (about 40 ms). PortAudio sees new devices only when it is
    initialised again, which is allowed only while no stream is open. Raises AudioError when the
    PortAudio library is missing.
    """
    if _state.module is None:
        try:
            _state.module = importlib.import_module("sounddevice")
        except OSError as error:
            hint = NOT_INSTALLED_HINTS.get(sys.platform, "Install the PortAudio library.")
            raise AudioError("Sound needs the PortAudio library, which is missing.", hint=hint) from error
    elif _state.stale and _state.open_streams == 0:
        _state.module._terminate()
        _state.module._initialize()
    _state.stale = False
    return _state.module


def streams_are_open() -> bool:
    """Whether the device list cannot be read anew, because a stream is open."""
    return _state.open_streams > 0


def stream_opened() -> None:
    """Count an open stream; on the lane only."""
    _state.open_streams += 1


def close_stream(stream: Any) -> None:
    """Stop a stream at once and close it; on the lane only."""
    _state.open_streams -= 1
    stream.abort()
    stream.close()


def leave_behind(stream: Any = None) -> None:
    """Let the process end although a call into PortAudio hangs, with ``stream`` perhaps still open.

    ``sounddevice`` terminates PortAudio at exit, which waits for streams that cannot be closed;
    and the interpreter unloads the library, under the feet of the threads that are still in it
    (a crash, seen). So neither is done any more.
    """
    module = _state.module or sys.modules.get("sounddevice")  # the import itself may hang
    handler = getattr(module, "_exit_handler", None)
    if handler is not None:
        atexit.unregister(handler)
    # One reference too many keeps the library loaded and the stream's callbacks in memory.
    for kept in (getattr(module, "_lib", None), stream):
        if kept is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))


def is_wrong_rate(error: Exception) -> bool:
    """Whether a device was refused only because of its sample rate."""
    return PA_INVALID_SAMPLE_RATE in error.args


def plain_error(error: Exception, device: str, *, microphone: bool) -> NekoError:
    """A failure to open ``device`` as an AudioError with one sentence."""
    words = str(error).lower()
    if any(sign in words for sign in DENIED_WORDS):
        hint = DENIED_HINTS.get(sys.platform, "")
        if microphone:
            return MicrophonePermissionError("The system does not let neko use the microphone.", hint=hint)
        return AudioError("The system does not let neko use the loudspeaker.", hint=hint)
    kind: type[AudioError] = NoMicrophone if microphone else NoSpeaker
    if any(sign in words for sign in EXCLUSIVE_WORDS):
        sentence = f"Another program uses the sound device {device!r} for itself alone."
        hint = "Close that program, or turn exclusive use off in the system's sound settings."
    elif PA_DEVICE_UNAVAILABLE in error.args:
        sentence = f"The sound device {device!r} is busy or was unplugged."
        hint = f"Close the program that uses it, {OTHER}."
    elif is_wrong_rate(error):
        sentence = f"The sound device {device!r} takes none of the sample rates that neko can use."
        hint = f"Set it to 48000 Hz in the system's sound settings, {OTHER}."
    elif any(sign in words for sign in GONE_WORDS):
        sentence = f"The sound device {device!r} is not there at the moment."
        hint = f"Plug it in or switch it on, {OTHER}."
    else:
        detail = str(error.args[0]) if error.args else type(error).__name__
        sentence = f"The sound device {device!r} cannot be used ({detail})."
        hint = "Choose another one (neko devices)."
    return kind(sentence, hint=hint, permanent=False)
