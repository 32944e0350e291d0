"""``neko serve``: the embedded engine as a local realtime API server."""

from __future__ import annotations

import asyncio
import json as json_lib
import os
import signal
import stat
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neko_cli.cli import groups, options
from neko_cli.cli import wanted as asking
from neko_cli.cli.exits import Exit, tell, write_quietly
from neko_cli.cli.interrupts import run_async
from neko_cli.core.errors import ConfigError, NekoError

if TYPE_CHECKING:
    import ssl

    from neko_cli.local.server import EngineServer
    from neko_cli.wiring import Composition

app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=groups.CONTEXT)

TOKEN_BYTES = 24
MIN_TOKEN = 8
LIMITS = (0.5, 3600.0)
"""What a test may set for the length of a session, in seconds; the longer one is OpenAI's own."""

TOKEN_VARIABLE = "NEKO_TOKEN"


@app.command(
    epilog=groups.examples(
        "neko serve --token-file token.txt",
        "neko serve --port 0 --json        # the address as JSON",
    )
)
def serve(
    host: Annotated[str, typer.Option("--host", metavar="H", help="A loopback address.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65_535, help="0 takes a free one.")
    ] = 8765,
    token: Annotated[
        str,
        typer.Option(
            "--token",
            metavar="T",
            help="What clients must send; other users can see it in the process list.",
            show_default=False,
        ),
    ] = "",
    token_file: Annotated[
        str,
        typer.Option(
            "--token-file",
            metavar="F",
            help=f"Read the token from a file (made when missing); or set {TOKEN_VARIABLE}.",
            show_default=False,
        ),
    ] = "",
    tls_cert: Annotated[
        str,
        typer.Option(
            "--tls-cert",
            metavar="F",
            help="Speak TLS with this certificate (PEM); needs --tls-key.",
            show_default=False,
        ),
    ] = "",
    tls_key: Annotated[
        str,
        typer.Option(
            "--tls-key", metavar="F", help="The certificate's private key (PEM).", show_default=False
        ),
    ] = "",
    session_limit: Annotated[
        float | None,
        typer.Option(
            "--session-limit",
            metavar="S",
            help="Test-only: end each session after S seconds.",
            show_default=False,
        ),
    ] = None,
    insecure_test: Annotated[
        bool, typer.Option("--insecure-test", help="Allow what is meant for tests alone.")
    ] = False,
    json: options.AsJson = False,
    profile: options.ProfileName = "",
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> int:
    """Run the embedded engine as a realtime API server on this machine.

    Programs written for OpenAI's realtime API, for Gemini Live or for Qwen-Omni-Realtime work with
    it: give them the address that is printed and the token as their key. Ctrl-C ends it.
    """
    from neko_cli.services.folders import Folders
    from neko_cli.wiring import compose

    limit = find_limit(session_limit, allowed=insecure_test)
    secret, made = find_token(token, token_file, os.environ.get(TOKEN_VARIABLE, ""))
    tls = find_tls(tls_cert, tls_key)
    folders = Folders.find()
    asking.start_log(folders, debug=debug)
    asking.tell_notice(folders, quiet=quiet)
    wanted = asking.Wanted(profile=profile, provider="embedded", use_microphone=True)
    composed = compose(asking.to_options(wanted), folders=folders)
    start = partial(composed.serve, host=host, port=port, token=secret, session_limit=limit, tls=tls)
    told = secret if made and not token_file else ""
    return run_async(_serve(composed, start, told=told, json=json, quiet=quiet))


def find_limit(seconds: float | None, *, allowed: bool) -> float:
    """How long a session may last, in seconds; raises ConfigError."""
    least, most = LIMITS
    if seconds is None:
        return most
    if not allowed:
        raise ConfigError(
            "--session-limit breaks conversations off and is meant for tests alone.",
            hint="Add --insecure-test if that is what you are doing.",
        )
    if not least <= seconds <= most:
        raise ConfigError(f"--session-limit is {seconds:g}; allowed: {least:g} to {most:g} seconds.")
    return seconds


def find_tls(certificate: str, key: str) -> ssl.SSLContext | None:
    """What the server needs to speak TLS, or None without; raises ConfigError."""
    if not certificate and not key:
        return None
    if not certificate or not key:
        raise ConfigError("--tls-cert and --tls-key are needed together.")
    from neko_cli.local.tls import server_context

    return server_context(Path(certificate).expanduser(), Path(key).expanduser())


def find_token(token: str, token_file: str, environment: str) -> tuple[str, bool]:
    """The token that clients must send, and whether it was made here.

    Raises:
        ConfigError: two sources, a short one, or a file that others can read.
    """
    if token and token_file:
        raise ConfigError("--token and --token-file cannot be used together.")
    given = token.strip() or ("" if token_file else environment.strip())
    if token_file:
        given, made = _from_file(Path(token_file).expanduser())
        if made:
            return given, True
    elif not given:
        import secrets

        return secrets.token_urlsafe(TOKEN_BYTES), True
    if len(given) < MIN_TOKEN or not given.isascii() or not given.isprintable() or " " in given:
        raise ConfigError(
            f"The token must be one word of at least {MIN_TOKEN} letters, digits and signs.",
            hint="Without one, `neko serve` makes a random token and shows it.",
        )
    return given, False


def _from_file(path: Path) -> tuple[str, bool]:
    try:
        if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(f"Others can read {path}.", hint=f"chmod 600 {path}")
        return path.read_text(encoding="utf-8").strip(), False
    except FileNotFoundError:
        import secrets

        from neko_cli.services.folders import write_private

        made = secrets.token_urlsafe(TOKEN_BYTES)
        write_private(path, f"{made}\n".encode())
        return made, True
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(f"The token file {path} cannot be read: {reason}.") from error


async def _serve(
    composed: Composition,
    start: Callable[[], Awaitable[EngineServer]],
    *,
    told: str,
    json: bool,
    quiet: bool,
) -> int:
    """Listen until a signal comes; then close in order. ``told`` is the token, where nobody knows it."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def end(number: int) -> None:
        if not ended.done():
            ended.set_result(Exit.INTERRUPTED if number == signal.SIGINT else Exit.OK)

    signals = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP"):
        signals.append(signal.SIGHUP)
    handled = _handle(loop, signals, end)
    try:
        server = await start()
        line = json_lib.dumps({"url": server.url, "port": server.port}) if json else server.url
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        if not quiet:
            write_quietly(hint(server.url, told), sys.stderr)
        async with asyncio.TaskGroup() as group:
            warming = group.create_task(_warm_up(composed, quiet=quiet))
            code = await ended
            warming.cancel()
        return code
    finally:
        await composed.aclose()
        for number in handled:
            loop.remove_signal_handler(number)


def _handle(
    loop: asyncio.AbstractEventLoop, signals: list[signal.Signals], end: object
) -> list[signal.Signals]:
    """Have signals end the server; Windows' loop has none, there Ctrl-C cancels the main task."""
    handled = []
    for number in signals:
        try:
            loop.add_signal_handler(number, end, number)  # type: ignore[arg-type]
        except (NotImplementedError, RuntimeError):
            continue
        handled.append(number)
    return handled


async def _warm_up(composed: Composition, *, quiet: bool) -> None:
    """Load ears and voice ahead of the first client."""
    missing = composed.missing()
    if missing:
        if not quiet:
            tell(missing)
        return
    try:
        await composed.warm_up()
    except NekoError as error:
        tell(str(error))


def hint(url: str, token: str) -> str:
    """How a client uses the server; the token is told only when nobody else knows it."""
    root = url.removesuffix("/v1/realtime")
    http = root.replace("ws", "http", 1)
    shown = f"  token    {token}\n" if token else ""
    key = "that token" if token else "your token"
    google = (
        f"GOOGLE_GEMINI_BASE_URL={http}  with {key} as GEMINI_API_KEY"
        if root.startswith("wss:")
        else "insists on TLS: --tls-cert and --tls-key"
    )
    return (
        f"The engine is listening; Ctrl-C ends it.\n{shown}"
        f"  OpenAI's library:  OPENAI_BASE_URL={http}/v1  with {key} as OPENAI_API_KEY\n"
        f"  Google's library:  {google}\n"
        f"  DashScope's:       url={root}/api-ws/v1/realtime  with {key} as DASHSCOPE_API_KEY\n"
        f"  neko:              {TOKEN_VARIABLE}=…  neko --provider embedded --url {url}\n"
    )
