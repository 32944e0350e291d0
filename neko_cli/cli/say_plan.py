"""What ``neko say`` is asked to do: its options as one plan, or a usage error. Pure."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path

import msgspec

from neko_cli.core.errors import ConfigError

STANDARD_STREAM = "-"
"""The file name that means standard input or output."""

MAX_TIMEOUT_S = 86_400.0


class Source(StrEnum):
    """Where the user's words come from."""

    TEXT = "text"
    LINES = "lines"
    AUDIO = "audio"
    LISTEN = "listen"


class Input(StrEnum):
    """What standard input is to us."""

    IGNORED = "ignored"
    MESSAGE = "message"
    """Read to its end: it is the message."""
    APPENDED = "appended"
    """Follows the text given, when it is a file or a pipe that speaks up within a second."""
    LINES = "lines"
    SOUND = "sound"


class Pace(StrEnum):
    """How fast a sound file is sent."""

    REALTIME = "realtime"
    FAST = "fast"


class Format(StrEnum):
    """What standard output carries."""

    TEXT = "text"
    STREAMED = "streamed"
    """Text as it comes, for a terminal."""
    LINES = "lines"
    """One line for each input line."""
    JSON = "json"
    SOUND = "sound"


class SayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options as typed; ``timeout`` in seconds."""

    text: str | None = None
    lines: bool = False
    json: bool = False
    json_audio: bool = False
    audio: str = ""
    pace: Pace | None = None
    listen: bool = False
    image: str = ""
    screen: str | None = None
    out: str = ""
    play: bool = False
    timeout: float = 60.0
    no_stdin: bool = False
    quiet: bool = False


class SayPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do; ``timeout`` in seconds for each turn."""

    source: Source
    input: Input
    format: Format
    text: str = ""
    audio: str = ""
    pace: Pace = Pace.REALTIME
    image: Path | None = None
    screen: str | None = None
    """What of the screen is shown: a source, empty for the profile's; None for nothing."""
    out: str = ""
    play: bool = False
    samples: bool = False
    """Whether the reply's samples are needed, for a file or in JSON."""
    json_audio: bool = False
    """Whether the JSON lines carry them."""
    timeout: float = 60.0
    quiet: bool = False

    @property
    def want_audio(self) -> bool:
        """Whether the reply is asked for as voice."""
        return self.play or self.samples

    @property
    def spoken(self) -> bool:
        """Whether the user speaks (else types)."""
        return self.source in (Source.AUDIO, Source.LISTEN)


def make_plan(options: SayOptions, *, input_is_terminal: bool, output_is_terminal: bool) -> SayPlan:
    """Turn options into a plan.

    Args:
        options: as typed.
        input_is_terminal: whether a person sits at standard input.
        output_is_terminal: whether a person reads standard output.

    Raises:
        ConfigError: options that contradict one another, or nothing to say.
    """
    _check(options)
    source = _source(options)
    return SayPlan(
        source=source,
        input=_input(options, source, input_is_terminal),
        format=_format(options, output_is_terminal),
        text="" if options.text in (None, STANDARD_STREAM) else options.text or "",
        audio=options.audio,
        pace=options.pace or Pace.REALTIME,
        image=Path(options.image) if options.image else None,
        screen=options.screen,
        out=options.out,
        play=options.play,
        samples=bool(options.out) or options.json_audio,
        json_audio=options.json_audio,
        timeout=options.timeout,
        quiet=options.quiet,
    )


def _check(options: SayOptions) -> None:
    given = [
        name
        for name, there in (
            ("TEXT", options.text is not None),
            ("--lines", options.lines),
            ("--audio", bool(options.audio)),
            ("--listen", options.listen),
        )
        if there
    ]
    if given == ["TEXT", "--lines"] and options.text == STANDARD_STREAM:
        given = ["--lines"]
    if len(given) > 1:
        raise ConfigError(
            f"{given[0]} and {given[1]} cannot be used together.",
            hint="Say where your words come from: TEXT, standard input, --lines, --audio or --listen.",
        )
    if options.out == STANDARD_STREAM and (options.json or options.json_audio):
        raise ConfigError(
            "--out - and --json both want standard output.",
            hint="Write the sound to a file: --out reply.wav, or take it from --json-audio.",
        )
    if options.pace is not None and not options.audio:
        raise ConfigError("--pace says how fast a sound file is sent; it needs --audio FILE.")
    if options.no_stdin:
        _check_no_stdin(options)
    if not (math.isfinite(options.timeout) and 0 < options.timeout <= MAX_TIMEOUT_S):
        raise ConfigError(
            f"--timeout is a number of seconds above 0 and up to {MAX_TIMEOUT_S:.0f}, "
            f"not {options.timeout:g}."
        )


def _check_no_stdin(options: SayOptions) -> None:
    wanted = {
        "-": options.text == STANDARD_STREAM,
        "--lines": options.lines,
        "--audio -": options.audio == STANDARD_STREAM,
    }
    for name, there in wanted.items():
        if there:
            raise ConfigError(f"{name} reads standard input, which --no-stdin forbids.")


def _source(options: SayOptions) -> Source:
    if options.lines:
        return Source.LINES
    if options.audio:
        return Source.AUDIO
    return Source.LISTEN if options.listen else Source.TEXT


def _input(options: SayOptions, source: Source, is_terminal: bool) -> Input:
    if source is Source.LINES:
        return Input.LINES
    if source is Source.AUDIO and options.audio == STANDARD_STREAM:
        return Input.SOUND
    if source is not Source.TEXT:
        return Input.IGNORED
    if options.text == STANDARD_STREAM:
        return Input.MESSAGE
    if options.text is not None:
        if not options.text.strip() and (is_terminal or options.no_stdin):
            raise _nothing_to_say()
        return Input.IGNORED if is_terminal or options.no_stdin else Input.APPENDED
    if is_terminal or options.no_stdin:
        raise _nothing_to_say()
    return Input.MESSAGE


def _nothing_to_say() -> ConfigError:
    return ConfigError(
        "There is nothing to say.",
        hint='Give a text (neko say "hello"), pipe one in, or use --audio FILE or --listen.',
    )


def _format(options: SayOptions, is_terminal: bool) -> Format:
    if options.json or options.json_audio:
        return Format.JSON
    if options.out == STANDARD_STREAM:
        return Format.SOUND
    if options.lines:
        return Format.LINES
    return Format.STREAMED if is_terminal else Format.TEXT


def join_texts(given: str, read: str) -> str:
    """The message: the argument first, then what standard input held.

    Raises:
        ConfigError: when both are blank.
    """
    parts = [part.strip("\n") for part in (given, read) if part.strip()]
    if not parts:
        raise ConfigError(
            "There is nothing to say: standard input was empty.",
            hint='Give a text (neko say "hello") or pipe one in.',
        )
    return "\n\n".join(parts)
