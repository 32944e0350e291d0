"""What of a conversation is translated for the user, and told under the original."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neko_cli.core.events import AnyEvent, Notice, TextOf, Translated, TurnEnded, UserText
from neko_cli.core.host import SessionHost
from neko_cli.core.ports import Clock
from neko_cli.core.profile import Profile
from neko_cli.core.tables_translate import TranslateWhat
from neko_cli.core.translating import Service, Translating, Wishes

MakeServices = Callable[[Profile], Sequence[Service]]
"""Who may translate for a profile, first one first; nothing is opened yet."""

_OURS = "en"
"""The language of the program's own notices."""

_Key = tuple[TextOf, int, str]


class Translations:
    """Sees what readers are told; returns at once, and tells a translation when there is one."""

    def __init__(self, host: SessionHost, make: MakeServices | None, clock: Clock) -> None:
        """Without ``make`` nothing is translated."""
        self._host = host
        self._make = make
        self._made: Profile | None = None
        self._work: Translating[_Key] = Translating(
            (), clock=clock, owner=host.owner, wishes=lambda: Wishes.of(host.profile), told=self._told
        )

    def published(self, event: AnyEvent) -> None:
        """Readers are told something."""
        if not self._ready():
            return
        what, user = self._host.profile.translate.what, self._host.profile.user.language
        match event:
            case TurnEnded() if event.text and TranslateWhat.REPLIES in what:
                self._work.submit((TextOf.REPLY, event.turn, event.text), event.text)
            case UserText(final=True) if event.text and TranslateWhat.CAPTIONS in what:
                self._work.submit((TextOf.USER, event.turn, event.text), event.text, spoken=user)
            case Notice() if TranslateWhat.NOTICES in what:
                self._work.submit((TextOf.NOTICE, 0, event.text), event.text, spoken=_OURS)
            case _:
                pass

    async def translate_if_needed(self, text: str) -> str:
        """The text in the user's language; the text itself when it is, or nobody can translate it."""
        return await self._work.translate_if_needed(text) if self._ready() else text

    def _ready(self) -> bool:
        profile = self._host.profile
        if self._make is None or not profile.user.language:
            return False
        if self._made is None or self._made.translate != profile.translate:
            self._work.replace(self._make(profile))
        self._made = profile
        return True

    def _told(self, key: _Key, text: str) -> None:
        kind, turn, original = key
        host = self._host
        host.publish(
            Translated(
                at=host.now(),
                turn=turn,
                original_of=kind,
                original=original,
                text=text,
                language=host.profile.user.language,
            )
        )
