"""espeak-ng through ctypes: small, fast, robotic, in more than a hundred languages.

The library comes with ``espeakng-loader`` (GPL-3, the extra `local`). It keeps global state: all engines
of a process share it, and are called from one thread. Measured: about 1,000 times faster than real time,
first chunk after 0.05 ms.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neko_cli.core.errors import ConfigError, ServerFault
from neko_cli.speech.tts.base import Emit, Manner
from neko_cli.speech.tts.espeak_voices import VoiceTable, read_voices

# Constants of espeak-ng's public header speak_lib.h.
_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_POSITION_CHARACTER = 1
_CHARS_UTF8 = 1
_OK = 0
_PARAMETER_RATE = 1
_PARAMETER_WORD_GAP = 7
_STOP, _CONTINUE = 1, 0

CHUNK_MS = 40
"""How much speech espeak renders between two callbacks, in ms: how soon it can be stopped."""

NORMAL_WPM = 175
"""espeak's own speaking rate at speed 1, in words a minute."""

SLOWEST_WPM, FASTEST_WPM = 80, 450
"""The range of espeak's rate parameter."""

MIN_SPEED, MAX_SPEED = 0.25, 1.5
"""OpenAI's range for ``speed``."""

_GAP_UNIT_MS = 36.0
"""Silence that one unit of the word-gap parameter adds at 80 words a minute (measured)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")

_AGAIN = "Run: pip install --force-reinstall espeakng-loader"

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def pace(speed: float) -> tuple[int, int]:
    """Words a minute and extra gap between words (espeak's units) for a speed factor.

    espeak does not articulate below 80 words a minute; what is missing below that (speed 0.46)
    becomes silence between the words, so that the whole still lasts about ``1 / speed``.
    """
    factor = min(MAX_SPEED, max(MIN_SPEED, speed))
    wanted = NORMAL_WPM * factor
    wpm = round(min(FASTEST_WPM, max(SLOWEST_WPM, wanted)))
    missing_ms = max(0.0, 60_000.0 / wanted - 60_000.0 / wpm)
    return wpm, round(missing_ms / _GAP_UNIT_MS)


class _Library:
    """The loaded library, from its first engine to its last one's end."""

    shared: _Library | None = None

    def __init__(self, library: Path, data_folder: Path) -> None:
        """Load and initialise it; raises ConfigError."""
        self.lib: Any = _load(library)
        rate = self.lib.espeak_Initialize(_SYNCHRONOUS, CHUNK_MS, str(data_folder).encode(), _DONT_EXIT)
        if rate <= 0:
            raise ConfigError("espeak-ng cannot read its voice data.", hint=_AGAIN)
        self.rate = int(rate)
        self.voice = ""
        self._engines = 0
        self._emit: Emit | None = None
        self._error: BaseException | None = None
        self._callback = _Callback(self._on_samples)
        self.lib.espeak_SetSynthCallback(self._callback)

    @classmethod
    def take(cls, library: Path, data_folder: Path) -> _Library:
        """For one more engine; raises ConfigError."""
        if cls.shared is None:
            cls.shared = cls(library, data_folder)
        cls.shared._engines += 1
        return cls.shared

    def give_back(self) -> None:
        """One engine less: after the last one its memory is freed."""
        self._engines -= 1
        if not self._engines:
            _Library.shared = None
            self.lib.espeak_Terminate()

    def speak(self, data: bytes, emit: Emit) -> int:
        """The library's status; raises what ``emit`` raised."""
        self._emit, self._error = emit, None
        try:
            status = self.lib.espeak_Synth(
                data, ctypes.c_size_t(len(data)), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None
            )
        finally:
            self._emit = None
        if self._error is not None:
            raise self._error
        return int(status)

    def _on_samples(self, samples: Any, count: int, _events: int | None) -> int:
        # Exceptions cannot cross the C frames: the first one is kept and raised after the call.
        if count <= 0 or not samples or self._emit is None:
            return _CONTINUE
        try:
            return _CONTINUE if self._emit(ctypes.string_at(samples, count * 2)) else _STOP
        except BaseException as error:
            self._error = error
            return _STOP


def _load(library: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(library))
    except OSError as error:
        raise ConfigError("The espeak-ng library cannot be loaded on this system.", hint=_AGAIN) from error


class EspeakEngine:
    """See :class:`~neko_cli.speech.tts.base.Engine`."""

    def __init__(self, library: Path, data_folder: Path) -> None:
        """Load and initialise espeak-ng; raises ConfigError when the library does not load."""
        self._table: VoiceTable = read_voices(data_folder)
        self._library: _Library | None = _Library.take(library, data_folder)
        self.rate = self._library.rate

    def synthesise(self, text: str, manner: Manner, emit: Emit) -> None:
        """Speak one piece of text; see :class:`~neko_cli.speech.tts.base.Engine`."""
        clean = _CONTROL.sub(" ", text).strip()
        if not clean:
            return
        library = self._library
        if library is None:
            raise ServerFault("The voice could not speak.", code="espeak closed")
        _select(library, self._table.resolve(manner.voice, manner.language))
        wpm, gap = pace(manner.speed)
        library.lib.espeak_SetParameter(_PARAMETER_RATE, wpm, 0)
        library.lib.espeak_SetParameter(_PARAMETER_WORD_GAP, gap, 0)
        status = library.speak(clean.encode("utf-8", errors="replace") + b"\0", emit)
        if status != _OK:
            raise ServerFault("The voice could not speak.", code=f"espeak {status}")

    def voices(self) -> Sequence[str]:
        """Every language voice, in order of its name."""
        return sorted(self._table.names)

    def close(self) -> None:
        """Free the library's memory, unless another engine uses it; idempotent."""
        library, self._library = self._library, None
        if library is not None:
            library.give_back()


def _select(library: _Library, name: str) -> None:
    if name == library.voice:
        return
    if library.lib.espeak_SetVoiceByName(name.encode()) != _OK:
        library.voice = ""
        raise ServerFault("espeak-ng refused a voice that its data names.", code=name)
    library.voice = name


def load_espeak() -> EspeakEngine:
    """The engine from the installed ``espeakng-loader``; raises ConfigError when it is missing."""
    from neko_cli.speech.tts.espeak_voices import installed_voices

    installed_voices()
    import espeakng_loader

    return EspeakEngine(Path(espeakng_loader.get_library_path()), Path(espeakng_loader.get_data_path()))
