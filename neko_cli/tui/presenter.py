"""How things are said around the transcript: labels, symbols, colours, what fits in a width. Pure.

A piece of a line is a ``Part``: text with the name of a style (``STYLES``), never markup.
Meaning is in a word or a symbol; colour only repeats it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from neko_cli.core.events import LinkWord, Status
from neko_cli.tui.actions import WITH_ARGUMENT, choices
from neko_cli.tui.fit import Part, Segment, spread
from neko_cli.tui.view import Mic, Phase, Showing, Strength, View

STYLES = {
    "plain": "",
    "dim": "$text-muted",
    "faint": "$text-disabled",
    "bold": "bold",
    "key": "bold $text-accent",
    "you": "bold $text-secondary",
    "character": "bold $text-primary",
    "emotion": "italic $text-muted",
    "good": "$text-success",
    "busy": "$text-accent",
    "warn": "$text-warning",
    "bad": "bold $text-error",
    "command": "$text-accent",
}
"""Style names and what they are in the theme's terms."""


_STATUS = {
    Status.IDLE: Part("○ idle", "dim"),
    Status.LISTENING: Part("● listening", "good"),
    Status.PROCESSING: Part("◐ thinking", "busy"),
    Status.SPEAKING: Part("▶ speaking", "character"),
    Status.ERROR: Part("✕ error", "bad"),
}
_PHASES = {
    Phase.STARTING: Part("◌ starting", "busy"),
    Phase.FAILED: Part("✕ error", "bad"),
    Phase.ENDED: Part("○ ended", "dim"),
    Phase.CLOSING: Part("○ closing", "dim"),
}
_LINKS = {
    LinkWord.OFFLINE: Part("offline", "warn"),
    LinkWord.CONNECTING: Part("connecting", "busy"),
    LinkWord.RECONNECTING: Part("reconnecting…", "warn"),
    LinkWord.SWAPPING: Part("renewing", "busy"),
    LinkWord.PARKED: Part("asleep: speak or type", "dim"),
    LinkWord.CLOSED: Part("closed", "dim"),
}


NAMES_TOOL = 38
"""Cells from which the status line tells what a turn waits for, and not only that it does."""


def status_part(view: View, width: int = 0) -> Part:
    """The word for what the session is doing; what it waits for where there is room."""
    if view.phase in _PHASES:
        return _PHASES[view.phase]
    if view.status is Status.PROCESSING and width >= NAMES_TOOL:
        if view.asked:
            return Part("◐ asking you", "warn")
        if view.using:
            return Part(f"◐ using {view.using[-1].name}", "busy")
    return _STATUS[view.status]


def link_part(view: View) -> Part | None:
    """The word for the connection, when it is worth a word."""
    if view.phase in (Phase.STARTING, Phase.FAILED) and view.link is LinkWord.OFFLINE:
        return None
    if view.phase in (Phase.ENDED, Phase.CLOSING):
        return None
    if view.link is LinkWord.PARKED and view.mic is not Mic.OPEN:
        return Part("asleep: type to go on", "dim")
    return _LINKS.get(view.link)


_SHOWING = {
    Showing.ON: Part("◉ screen", "key", "screen.screen_pause"),
    Showing.PAUSED: Part("◌ screen paused", "dim", "screen.screen_pause"),
    Showing.UNSEEN: Part("◉ screen unseen", "warn", "screen.screen_pause"),
}


def showing_part(view: View) -> Part | None:
    """Whether pictures of the screen may leave; without a session none can."""
    return _SHOWING.get(view.showing) if view.phase not in (Phase.FAILED, Phase.ENDED) else None


LADDER_CELLS = 6
"""A longer ladder than this is told by its numbers alone."""

_ENERGY_STYLES = {"exhausted": "bad", "low": "warn", "medium": "busy"}


def energy_parts(energy: Strength | None) -> tuple[Part, ...]:
    """Bar, word and numbers, when the best model is not the one in use; nothing when it is."""
    if energy is None or energy.full:
        return ()
    style = _ENERGY_STYLES[energy.word]
    parts = [Part("energy ", "dim")]
    if energy.max <= LADDER_CELLS:
        parts += [Part("▰" * energy.level, style), Part("▱" * (energy.max - energy.level) + " ", "faint")]
    return (*parts, Part(f"{energy.word} {energy.level}/{energy.max}", style))


def energy_tip(energy: Strength | None) -> str:
    """What is told where the pointer rests on the status line; empty when there is nothing."""
    if energy is None or not energy.max:
        return ""
    model = f": now with {energy.model}" if energy.model else ""
    return f"Energy {energy.level} of {energy.max} ({energy.word}){model}"


def news_segments(view: View) -> list[Segment]:
    """What agents do and have found, by its number; nothing when that is nothing."""
    found = ((view.running, "running", "busy", 4), (view.to_tell, "to tell", "warn", 2))
    return [
        Segment((Part(f"{count} {word}", style, "screen.agents"),), rank)
        for count, word, style, rank in found
        if count
    ]


def elapsed(seconds: float) -> str:
    """Minutes and seconds, with hours from the first one on."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{second:02}" if hours else f"{minutes}:{second:02}"


def status_line(view: View, now: float, width: int) -> list[Part]:
    """The top line: who, what it is doing, with which model, for how long."""
    left = [
        Segment((Part(view.character, "character"),), 1),
        Segment((status_part(view, width),), 0),
    ]
    showing = showing_part(view)
    if showing is not None:
        left.append(Segment((showing,), 0))
    link = link_part(view)
    if link is not None:
        left.append(Segment((link,), 2))
    energy = energy_parts(view.energy)
    if energy:
        left.append(Segment(energy, 3))
    left += news_segments(view)
    right = []
    if view.provider:
        right.append(Segment((Part(view.provider, "dim"),), 5))
    if view.model and view.model != view.provider:
        right.append(Segment((Part(view.model, "dim"),), 6))
    if view.connected_at is not None:
        right.append(Segment((Part(elapsed(now - view.connected_at), "dim"),), 4))
    return spread(left, right, width, gap=2, joint=Part(" · ", "faint"))


_MICS = {
    Mic.MUTED: Part("muted", "warn"),
    Mic.OPEN: Part("hands-free", "good"),
    Mic.HELD: Part("push-to-talk", "dim"),
    Mic.TALKING: Part("talking", "good"),
}


_HELD_BACK = Part("waits (half duplex)", "dim")
"""Hands-free, while the character speaks: its own voice must not come back as the user's."""


_READY = Part("open, nothing sent", "dim")
"""Push-to-talk, not talking: the device is open, for what is said just before the key."""


def _mic_part(view: View) -> Part:
    if view.mic is Mic.HELD and view.mic_ready:
        return _READY
    return _HELD_BACK if _is_held_back(view) else _MICS[view.mic]


def _is_held_back(view: View) -> bool:
    speaks = view.status is Status.SPEAKING and not view.voice_muted
    return view.half_duplex and speaks and view.mic is Mic.OPEN


def sound_line(view: View, width: int) -> list[Part]:
    """The line above the input: both meters, and what state each side is in."""
    if view.mic is Mic.NONE:
        left = [Segment((Part("text only", "dim"),), 0)]
    else:
        meter = _meter(view.microphone_level, live=view.mic in (Mic.OPEN, Mic.TALKING))
        left = [
            Segment((Part("mic ", "dim", "screen.talk"), *meter), 3),
            Segment((msgspec.structs.replace(_mic_part(view), action="screen.talk"),), 0),
        ]
        if view.mic is Mic.HELD:
            left.append(Segment((Part("F4", "key"), Part(" to talk", "dim")), 2))
        elif view.mic is Mic.TALKING:
            left.append(Segment((Part("F4", "key"), Part(" to stop", "dim")), 2))
    if (echo := _echo(view)) is not None and view.mic in (Mic.OPEN, Mic.TALKING):
        left.append(Segment((echo,), 5))
    voice = _meter(view.speaker_level, live=not view.voice_muted)
    right = [Segment((Part("voice ", "dim", "screen.mute_voice"), *voice), 4)]
    if view.voice_muted:
        right.append(Segment((Part("voice muted" if width < 50 else "muted", "warn"),), 1))
    if late := _network(view):
        right.append(Segment((Part(late, "dim"),), 6))
    return spread(left, right, width, gap=2, joint=Part("  "))


def _echo(view: View) -> Part | None:
    """What becomes of the loudspeaker's echo, where that is worth a word."""
    match view.echo:
        case "working":
            return Part(f"echo −{view.erle_db:.0f} dB", "dim")
        case "server":
            return Part("echo cancelled", "dim")
        case "failing":
            return Part("echo comes through", "warn")
    return None


def _network(view: View) -> str:
    """What the network's lateness costs: replies that ran dry, what the next one waits, late pieces."""
    told = []
    if view.underruns:
        told.append("ran dry once" if view.underruns == 1 else f"ran dry {view.underruns} times")
    if view.buffer_ms >= WORTH_TELLING_MS:
        told.append(f"waits {view.buffer_ms:.0f} ms")
    if told and view.late:
        told.append(f"{view.late} late")
    return ", ".join(told)


WORTH_TELLING_MS = 20.0
"""What a reply waits before it begins is said from here on: less is the rule."""

METER_CELLS = 8
_FLOOR = -54.0
_LOUD = -6.0


def meter_cells(level: float) -> int:
    """How many of the meter's cells a level in dBFS lights: none at the floor, all at 0 dBFS."""
    if not level > _FLOOR:
        return 0
    return min(METER_CELLS, 1 + int((level - _FLOOR) / -_FLOOR * METER_CELLS))


def _meter(level: float, *, live: bool) -> tuple[Part, ...]:
    lit = meter_cells(level) if live else 0
    if not live:
        return (Part("╌" * METER_CELLS, "faint"),)
    return (
        Part("━" * lit, "warn" if level > _LOUD else "good"),
        Part("─" * (METER_CELLS - lit), "faint"),
    )


def hint_line(
    view: View, typed: str, commands: Sequence[tuple[str, str]], width: int, profiles: Sequence[str] = ()
) -> list[Part]:
    """The last line: what the keys do now, or the commands that begin with what was typed.

    ``commands`` are pairs of name and meaning; ``profiles`` can stand after the one that takes them.
    """
    if typed.startswith("/"):
        first, space, rest = typed.partition(" ")
        if space and first.lower() in WITH_ARGUMENT:
            return _names(rest.strip(), first.lower(), profiles, width)
        return _matching(typed, commands, width)
    segments: list[Segment] = []
    if view.phase in (Phase.FAILED, Phase.ENDED) and view.worth_retry:
        segments.append(_hint("/retry", "start again", "screen.retry", 0))
    if view.unsure:
        segments.append(_hint("^E", "edit what was heard", "screen.edit_heard", 0))
    if view.asked:
        segments.append(_hint("Esc", "no", "screen.refuse", 1))
    elif view.status in (Status.SPEAKING, Status.PROCESSING) and view.phase is Phase.READY:
        segments.append(_hint("Esc", "interrupt", "screen.interrupt", 1))
    talk = {
        Mic.MUTED: ("^T", "unmute"),
        Mic.OPEN: ("^T", "mute"),
        Mic.HELD: ("F4", "talk"),
        Mic.TALKING: ("F4", "send"),
    }.get(view.mic)
    if talk is not None and view.phase is Phase.READY:
        segments.append(_hint(*talk, "screen.talk", 2))
        mode = "hands-free" if view.mic in (Mic.HELD, Mic.TALKING) else "push-to-talk"
        segments.append(_hint("F2", mode, "screen.push_to_talk", 5))
    segments.append(_hint("^S", "voice on" if view.voice_muted else "voice off", "screen.mute_voice", 6))
    segments.append(_hint("F1", "help", "screen.help", 4))
    segments.append(_hint("^Q", "quit", "screen.leave", 3))
    return spread(segments, [], width, gap=2, joint=Part("  "))


def _hint(key: str, text: str, action: str, rank: int) -> Segment:
    return Segment((Part(key, "key", action), Part(f" {text}", "dim", action)), rank)


def _names(typed: str, command: str, profiles: Sequence[str], width: int) -> list[Part]:
    """What is offered and begins with what was typed; something else may be as good."""
    names = [name.strip() for name in choices(command, profiles)]
    found = [name for name in names if name.lower().startswith(typed.lower())]
    if not found:
        return [Part(WITH_ARGUMENT[command].argument, "dim")]
    return spread([Segment((Part(name, "key"),), rank) for rank, name in enumerate(found)], [], width)


def _matching(typed: str, commands: Sequence[tuple[str, str]], width: int) -> list[Part]:
    words = typed.lower().split()
    found = [(name, meaning) for name, meaning in commands if name.startswith(" ".join(words))]
    if not found:  # it may be a message that begins like a command
        found = [(name, meaning) for name, meaning in commands if name.startswith(words[0])]
    if not found:
        return [Part("no such command; ", "dim"), Part("/help", "key"), Part(" lists them", "dim")]
    if len(found) == 1:
        name, meaning = found[0]
        return spread([Segment((Part(name, "key"), Part(f" {meaning}", "dim")), 0)], [], width)
    first = ("/help", "/quit")
    segments = [
        Segment((Part(name, "key"),), 0 if name in first else rank) for rank, (name, _) in enumerate(found, 1)
    ]
    return spread(segments, [], width, joint=Part("  "))
