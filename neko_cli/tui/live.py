"""What the user changes of a profile while talking, and what holds until he says otherwise. Pure.

It is laid over every profile that is taken from then on: one that was edited, or another character's.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

import msgspec

from neko_cli.core.companions.languages import ENGLISH_NAMES, normalise
from neko_cli.core.errors import ConfigError
from neko_cli.core.text import one_line

if TYPE_CHECKING:
    from neko_cli.core.profile import Profile

SWITCH = {"on": True, "off": False}


def switched(typed: str, now: bool) -> bool:
    """What ``on``, ``off`` or nothing (the other one) asks for; raises ConfigError for anything else."""
    word = typed.strip().casefold()
    if not word:
        return not now
    if word not in SWITCH:
        raise ConfigError(f"on or off, not {one_line(word, 40)}.")
    return SWITCH[word]


class Live(msgspec.Struct):
    """What was chosen, and what the profile itself says about it.

    ``emotion`` and ``language`` are None as long as nothing was chosen; an empty language is none.
    """

    emotion: bool | None = None
    language: str | None = None
    own_classify: str = "local"
    own_language: str = ""
    last_language: str = ""

    @property
    def shows_emotion(self) -> bool:
        """Whether emotions are shown."""
        return self.emotion is not False

    def begin(self, profile: Profile) -> None:
        """A profile as its file says it, before anything is laid over it."""
        self.own_classify = profile.emotion.classify
        self.own_language = profile.user.language

    def over(self, profile: Profile) -> Profile:
        """The profile with what was chosen laid over it."""
        replace = msgspec.structs.replace
        if self.emotion is not None:
            from neko_cli.core.profile import Classify  # loaded by whoever has made one

            own = Classify(self.own_classify)
            judged = Classify.LOCAL if own is Classify.OFF else own
            classify = judged if self.emotion else Classify.OFF
            profile = replace(profile, emotion=replace(profile.emotion, classify=classify))
        if self.language is not None:
            profile = replace(profile, user=replace(profile.user, language=self.language))
        return profile

    def feel(self, typed: str) -> bool:
        """Emotions on or off, by what was typed; returns which. Raises ConfigError."""
        self.emotion = switched(typed, self.shows_emotion)
        return self.emotion

    def translate(self, typed: str, now: str) -> str:
        """The language that is wanted from now on, empty for none; ``now`` is the one in use.

        Raises ConfigError where the word is no language, or none is known.
        """
        word = typed.strip().casefold()
        if word and word not in SWITCH:
            wanted = normalise(typed)
            if not wanted:
                raise ConfigError(f"{one_line(typed, 40)} is no language.", hint="/translate en")
        elif switched(word, bool(now)):
            wanted = now or self.last_language or self.own_language
            if not wanted:
                raise ConfigError("Into which language?", hint="/translate en, or its name")
        else:
            wanted = ""
        self.last_language = wanted or now or self.last_language
        self.language = wanted
        return wanted


def language_name(tag: str) -> str:
    """A language as people call it."""
    return ENGLISH_NAMES.get(normalise(tag), one_line(tag, 20))


def can_translate(profile: Profile) -> bool:
    """Whether a profile names anybody who may translate."""
    table = profile.translate
    asked = takewhile(lambda by: by != "none", table.order)  # compared as text, as it stands in the file
    return any(by != "chat" or bool(table.url) for by in asked)
