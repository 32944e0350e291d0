"""The profile's table of translations: who may translate, what, and which words stay as they are."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from neko_cli.core.tables import Table


class TranslateBy(StrEnum):
    """Who can translate. All but ``none`` are told the text."""

    GOOGLE = "google"
    """Google's public page, through the package googletrans; no key."""
    TRANSLATEPY = "translatepy"
    """Free services, through the package translatepy; no key."""
    CHAT = "chat"
    """The chat endpoint of ``url``; left out without one."""
    NONE = "none"
    """Nobody: what stands behind it in the order is not asked."""


class TranslateWhat(StrEnum):
    """What is translated when it is not in the user's language."""

    NOTICES = "notices"
    CAPTIONS = "captions"
    """What the user said."""
    REPLIES = "replies"


class TranslateTable(Table, frozen=True, kw_only=True):
    """Translations of what is shown, wanted when ``[user] language`` is set; the voice never waits."""

    order: tuple[TranslateBy, ...] = (TranslateBy.CHAT,)
    """Who is asked, first one first; the next one when one fails. Only who is named here is told a text."""
    url: str = ""
    """An OpenAI-compatible chat endpoint."""
    model: str = ""
    time_limit: Annotated[float, msgspec.Meta(gt=0, le=120)] = 10.0
    """Seconds that each of them may take for one text."""
    names: Annotated[tuple[str, ...], msgspec.Meta(max_length=100)] = ()
    """Words that stay as they are, besides the character's and the user's name."""
    what: tuple[TranslateWhat, ...] = (TranslateWhat.NOTICES, TranslateWhat.CAPTIONS, TranslateWhat.REPLIES)
