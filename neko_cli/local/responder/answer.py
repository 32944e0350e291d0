"""The records that the responder's parts share: what was heard, what is known, what is said."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum

import msgspec

from neko_cli.local.ports import Line
from neko_cli.local.responder.facts import Facts
from neko_cli.local.responder.persona import Persona
from neko_cli.local.responder.wording import expand, words_only

_POLITE = re.compile(
    r"^(?:(?:hey|hi|hello|ok|okay|so|well|um|uh|oh|and|please|now|then|also|alright|right)\s+)*"
    r"(?:(?:can|could|would|will) you (?:please )?(?:tell me|say|give me)\s+|please tell me\s+|tell me\s+"
    r"|do you (?:happen to )?know\s+|i (?:want|would like|need) to know\s+|i wonder\s+"
    r"|(?:can|could|would|will) you (?:please )?|please\s+)?"
)
_ASKING = (
    "what who whom whose where when why which how is are am was were do does did can could will would "
    "shall should may might has have had"
).split()


class Mood(StrEnum):
    """The colour of an answer, for emotion tags."""

    NEUTRAL = "neutral"
    HAPPY = "happy"
    SAD = "sad"
    SURPRISED = "surprised"
    CURIOUS = "curious"


class Answer(msgspec.Struct, frozen=True):
    """What to say to one sentence; ``others`` are used when ``text`` was just said."""

    text: str
    mood: Mood = Mood.NEUTRAL
    others: tuple[str, ...] = ()


class Heard(msgspec.Struct, frozen=True):
    """One sentence of the user.

    ``text`` is as it was written with contractions expanded, ``plain`` lower-case words only,
    ``core`` the same without address and politeness (``mio, could you tell me …``), ``asks``
    whether it is a question.
    """

    text: str
    plain: str
    core: str
    asks: bool


class Scene(msgspec.Struct, frozen=True):
    """What the answer may depend on besides the sentence itself."""

    persona: Persona
    facts: Facts
    now: datetime
    earlier: tuple[Line, ...] = ()
    """Lines before the user's last message."""
    message: Line = Line("user", "")
    """The user's last message, whole."""
    previous: str = ""
    """What was said last, without tags."""


def hear(sentence: str, name: str = "") -> Heard:
    """Prepare a sentence; ``name`` is the character's, so that being addressed is recognised."""
    text = expand(sentence)
    plain = words_only(text)
    core = plain
    called = re.escape(name.lower())
    if called:
        core = re.sub(rf"^(?:(?:hey|hi|hello|ok|okay) )?{called}\b ?", "", core)
        core = re.sub(rf" {called}$", "", core)
    core = core.removesuffix(" please")
    core = _POLITE.sub("", core, count=1).strip() or core or plain
    first = core.split(" ", 1)[0]
    begins = {first, plain.split(" ", 1)[0]}
    asks = sentence.rstrip().endswith(("?", "？")) or not begins.isdisjoint(_ASKING)
    return Heard(text, plain, core, asks)
