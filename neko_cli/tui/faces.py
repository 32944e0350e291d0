"""The character's face in text cells: a table of expressions, and how one is put together. Pure.

Everything is ASCII, so that each sign is one cell wide in every terminal, whatever its font and its
settings for East Asian widths. Colour only repeats what the drawing and the word below it say.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
from rich.cells import cell_len

from neko_cli.core.events import LinkWord, Status
from neko_cli.tui.arguments import Row, clip
from neko_cli.tui.fit import Part
from neko_cli.tui.view import Phase, View

WIDTH = 15
HEIGHT = 9
"""Cells of a face, with the word below it."""

LEAST = (64, 18)
"""Columns and rows of a terminal in which it can be shown at all."""

UNASKED = (100, 24)
"""Columns and rows from which it is shown without being asked for."""

MOUTHS = 4
"""How far a mouth opens: closed, and three steps."""

_OPENS_AT = (-48.0, -30.0, -18.0)
"""Levels of the voice in dBFS from which it opens by another step."""


class Act(StrEnum):
    """What the character is doing."""

    IDLE = "idle"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"
    ASLEEP = "asleep"


class Expression(msgspec.Struct, frozen=True):
    """One emotion: brows and eyes (left and right, three cells each), and the mouth's steps (five cells)."""

    brows: tuple[str, str]
    eyes: tuple[str, str]
    mouths: tuple[str, str, str, str]
    style: str


EXPRESSIONS = {
    "neutral": Expression(("   ", "   "), (" o ", " o "), (" --- ", "  -  ", "  o  ", " (_) "), "character"),
    "happy": Expression(("   ", "   "), (" ^ ", " ^ "), ("\\___/", "\\_-_/", "\\_o_/", "\\(_)/"), "good"),
    "sad": Expression((" .-", "-. "), (" o ", " o "), (" .-. ", "  -  ", "  o  ", " (_) "), "you"),
    "angry": Expression((" \\.", "./ "), (" o ", " o "), (" /-\\ ", " === ", " [=] ", " [#] "), "bad"),
    "surprised": Expression((" - ", " - "), ("(o)", "(o)"), ("  o  ", "  O  ", " (_) ", " (O) "), "warn"),
}
"""By label. Others look like one of these (``ALIKE``), or neutral."""

ALIKE = {
    "happy": "joy joyful glad cheerful excited laughing playful proud love loving shy smile "
    "开心 高兴 快乐 嬉しい 喜び",
    "sad": "crying lonely tired sorry disappointed hurt worried afraid 伤心 难过 悲伤 悲しい 寂しい",
    "angry": "annoyed mad furious irritated disgusted jealous 生气 愤怒 怒り 怒る",
    "surprised": "shocked amazed scared fear curious confused 惊讶 吃惊 驚き 驚く",
}
_LIKE = {word: label for label, words in ALIKE.items() for word in words.split()}

_SLEEPS = Expression(("   ", "   "), (" - ", " - "), ("  .  ",) * 4, "dim")

_EARS = {
    Act.LISTENING: ("  /|       |\\  ", " / |_______| \\ "),
    Act.ASLEEP: ("               ", " /\\_________/\\ "),
}
_EARS_UP = ("  /\\       /\\  ", " /  \\_____/  \\ ")

_BESIDE = {
    Act.THINKING: ". . .",
    Act.ASLEEP: "z z Z",
}
"""Stands between the ears."""


def expression(label: str) -> Expression:
    """How an emotion looks; a label of the profile's own looks like the nearest of ours."""
    known = label.strip().casefold()
    return EXPRESSIONS.get(known) or EXPRESSIONS[_LIKE.get(known, "neutral")]


def doing(view: View) -> Act:
    """What the character is doing, as far as a face can show it."""
    if view.phase is not Phase.READY or view.link in (LinkWord.PARKED, LinkWord.OFFLINE, LinkWord.CLOSED):
        return Act.ASLEEP
    return {
        Status.LISTENING: Act.LISTENING,
        Status.PROCESSING: Act.THINKING,
        Status.SPEAKING: Act.SPEAKING,
        Status.ERROR: Act.ASLEEP,
    }.get(view.status, Act.IDLE)


def mouth_step(level: float) -> int:
    """How far the mouth opens for a voice of that level in dBFS."""
    return sum(level >= step for step in _OPENS_AT)


def is_shown(wanted: bool | None, width: int, height: int) -> bool:
    """Whether there is room; ``wanted`` is what the user said, None when nothing."""
    least = UNASKED if wanted is None else LEAST
    return wanted is not False and width >= least[0] and height >= least[1]


def face_rows(view: View) -> list[Row]:
    """The face and the word below it, ``HEIGHT`` rows of ``WIDTH`` cells at most."""
    act = doing(view)
    look = _SLEEPS if act is Act.ASLEEP else expression(view.emotion)
    step = mouth_step(view.speaker_level) if act is Act.SPEAKING and not view.voice_muted else 0
    tips, brim = _EARS.get(act, _EARS_UP)
    beside = _BESIDE.get(act, "")
    if beside:
        tips = tips[:5] + beside + tips[10:]
    left, right = look.eyes
    if act is Act.THINKING:  # looks up and to the side
        left, right = "  '", "  '"
    brows = f"|  {look.brows[0]}   {look.brows[1]}  |"
    eyes = f"|  {left}   {right}  |"
    drawn = (
        tips,
        brim,
        brows,
        eyes,
        "| =    v    = |",
        f"|    {look.mouths[step]}    |",
        " \\           / ",
        "  '---------'  ",
    )
    rows: list[Row] = [[Part(row, look.style)] for row in drawn]
    return [*rows, _word(view, act)]


def _word(view: View, act: Act) -> Row:
    """What the drawing says, as a word: asleep, or the emotion."""
    word = clip(act.value if act is Act.ASLEEP else view.emotion or act.value, WIDTH)
    return [Part(" " * ((WIDTH - cell_len(word)) // 2)), Part(word, "emotion")]
