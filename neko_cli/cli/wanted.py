"""What the shared options ask for, and what every command does with it. Without Typer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from neko_cli.core.errors import ConfigError

if TYPE_CHECKING:
    from neko_cli.services.folders import Folders
    from neko_cli.wiring import Options


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The shared options as typed."""

    profile: str = ""
    provider: str = ""
    model: str = ""
    url: str = ""
    voice: str = ""
    microphone: str = ""
    speaker: str = ""
    aec: str = ""
    system: str = ""
    insecure: bool = False
    allow_tools: bool = False
    record: str = ""
    resume: bool = False
    session: str = ""
    want_audio: bool = True
    use_microphone: bool = False
    use_speaker: bool = False
    greet: bool = False
    asks: bool = False
    agents: bool = False


def to_options(wanted: Wanted) -> Options:
    """Options for the composition: what was typed, else what the environment says.

    A provider that was typed takes neither address nor model from the environment: they were meant
    for another one.

    Raises:
        ConfigError: --resume together with --session.
    """
    if wanted.resume and wanted.session:
        raise ConfigError("Use --resume for the last conversation, or --session for another one; not both.")
    from neko_cli.services.settings import from_environment
    from neko_cli.wiring import Options

    env = from_environment()
    own = bool(wanted.provider) and wanted.provider != env.provider
    fields = msgspec.structs.asdict(wanted)
    fields.update(
        profile=wanted.profile or env.profile,
        provider=wanted.provider or env.provider,
        url=wanted.url or ("" if own else env.url),
        model=wanted.model or ("" if own else env.model),
        record=Path(wanted.record).expanduser() if wanted.record else None,
    )
    return Options(**fields)


def start_log(folders: Folders, *, debug: bool) -> None:
    """Begin the log when it is wanted, and say where it is; otherwise keep ``logging`` silent."""
    from neko_cli.services import log

    if not debug:
        log.silence()
        return
    import os
    import sys

    from neko_cli.cli.exits import tell, write_quietly
    from neko_cli.core.codecs import PROVIDERS
    from neko_cli.core.text import one_line

    names = [name for provider in PROVIDERS.values() for name in provider.key_names]
    secrets = [os.environ.get(name, "") for name in (*names, "NEKO_TOKEN")]
    path = log.start(folders.log, secrets=secrets)
    if path is None:
        tell("The log cannot be written, so there is none.")
    else:
        write_quietly(f"Log: {one_line(str(path), 500)}\n", sys.stderr)


def tell_notice(folders: Folders, *, quiet: bool = False) -> None:
    """Say when a temporary folder stands in for the user's own."""
    import sys

    from neko_cli.cli.exits import write_quietly
    from neko_cli.core.text import sanitise

    if folders.notice and not quiet:
        write_quietly(f"neko: {sanitise(folders.notice)}\n", sys.stderr)
