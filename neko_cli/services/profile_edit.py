"""New profiles and edits: validated before they replace anything, and never lost.

An edit happens on a draft beside the profile. Only a draft that is right replaces it; one with a
mistake stays, and the next edit goes on with it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from neko_cli.core.errors import ConfigError
from neko_cli.core.profile import parse
from neko_cli.services.folders import prepare, write_private
from neko_cli.services.profile_files import (
    SUFFIX,
    Loaded,
    ProfileFile,
    ProfileFiles,
    check_name,
    decode,
)

DRAFT_SUFFIX = ".draft"
_EDITORS = ("nano", "vim", "vi", "notepad")

_TEMPLATE = """\
# {name}: a profile for neko. What it does not say is taken from "{base}".
# `neko profiles show {base}` shows every key there is; `neko chat --profile {name}` uses this one.
extends = "{base}"
title = ""

[character]
# name = "Neko"
# language = "en"
# greeting = ""                 # what the character is asked to say first; empty waits for you
# persona = \"\"\"
# You are Neko, …
# \"\"\"

[provider]
# name = "embedded"             # or openai; `neko doctor` shows which have a key
# model = ""
# url = ""

[voice]
# name = ""
# speed = 1.0                   # 0.25 to 1.5

[turns]
# detection = "server"          # server, semantic or manual
# silence_ms = 700              # how long a pause ends your turn
# key_prefix_ms = 300           # push-to-talk: sound from before the key; 0 closes the microphone between
# interrupt = true              # whether speaking over the character stops it
# duck = true                   # whether it falls silent at your first sound
# false_alarm = "resume"        # when that was a cough: resume, or stop

[swap]
# turns = 0                     # a fresh link after so many turns; 0 leaves it to size and limits
# standby = "auto"              # warm, cold, or auto: a second link only where it costs nothing

[memory]
# save = true                   # whether conversations are kept on this machine
# summary = "auto"              # auto, local or off

[guard]
# park_minutes = 5              # idle minutes after which a link that costs something is closed
# max_minutes_day = 0           # minutes of connection a day; 0 sets no limit
"""


def template(name: str, base: str) -> str:
    """The text of a new profile."""
    return _TEMPLATE.format(name=name, base=base)


def create(files: ProfileFiles, name: str, base: str, *, text: str = "") -> Path:
    """Write a new profile that extends ``base``; returns its path.

    Raises:
        ConfigError: a bad name, one that is there already, an unknown base, a folder that cannot be
            written.
    """
    check_name(name)
    files.find(base, skip_own=base == name)
    path = files.folder / f"{name}{SUFFIX}"
    if path.exists():
        raise ConfigError(f"There is a profile {name!r} already.", hint=f"neko profiles edit {name}")
    write_private(path, (text or template(name, base)).encode())
    return path


def editor_command(environment: Mapping[str, str] | None = None) -> list[str]:
    """The editor: ``$VISUAL``, ``$EDITOR``, else a usual one that is installed.

    Raises:
        ConfigError: there is none.
    """
    env = os.environ if environment is None else environment
    for name in ("VISUAL", "EDITOR"):
        if value := env.get(name, "").strip():
            try:
                command = shlex.split(value, posix=os.name == "posix")
            except ValueError:
                raise ConfigError(f"${name} is not a command: a quote is missing.") from None
            if shutil.which(command[0], path=env.get("PATH")):
                return command
            raise ConfigError(f"${name} names {command[0]!r}, which is not installed.")
    for name in _EDITORS:
        if found := shutil.which(name, path=env.get("PATH")):
            return [found]
    raise ConfigError("There is no editor.", hint="Set $EDITOR, for instance: EDITOR=nano")


def edit(files: ProfileFiles, file: ProfileFile, command: list[str]) -> Loaded:
    """Let the user edit a profile of their own; returns it as it is afterwards.

    Raises:
        ConfigError: the editor failed, or the draft has a mistake (it is kept, and named).
    """
    path = Path(file.path)
    draft = path.with_name(path.name + DRAFT_SUFFIX)
    prepare(path.parent)
    if not draft.exists():
        write_private(draft, path.read_bytes())
    try:
        done = subprocess.run([*command, str(draft)], check=False)
    except OSError as error:
        raise ConfigError(f"The editor {command[0]} cannot be started: {error.strerror}.") from error
    if done.returncode != 0:
        raise ConfigError(
            f"The editor ended with code {done.returncode}, so {path.name} was left as it is.",
            hint=f"Your draft is kept as {draft}.",
        )
    try:
        text = draft.read_text(encoding="utf-8-sig")
        parse(decode(text, path.name), path.name)
    except UnicodeDecodeError:
        raise ConfigError(f"{path.name} is not UTF-8 text.", hint=_kept(draft)) from None
    except FileNotFoundError:
        raise ConfigError(f"The editor removed its file, so {path.name} was left as it is.") from None
    except ConfigError as error:
        raise ConfigError(error.message, hint=_kept(draft)) from None
    before = path.read_bytes()
    write_private(path, text.encode())
    try:
        loaded = files.resolve(str(path))
    except ConfigError:  # right in itself, but what it extends is not there
        write_private(path, before)
        raise
    draft.unlink(missing_ok=True)
    return loaded


def _kept(draft: Path) -> str:
    return f"The profile is unchanged; your draft is kept as {draft.name} and the next edit goes on with it."
