"""What goes with a conversation and may ask others: translations, emotions, descriptions of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from neko_cli.core.ports import KeyStore
from neko_cli.core.profile import EmotionTable, Profile
from neko_cli.core.tables_translate import TranslateTable
from neko_cli.wiring.summaries import named_chat

if TYPE_CHECKING:
    from neko_cli.core.ports import Describer
    from neko_cli.core.translating import Service
    from neko_cli.services.describe import ChatDescriber
    from neko_cli.services.emotion_model import EmotionModel
    from neko_cli.services.translators import Translators


class ProfileTranslators:
    """Who may translate, by the profile that is in use; nothing is loaded before it is asked."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self._made: list[tuple[TranslateTable, Translators]] = []

    def services(self, profile: Profile) -> Sequence[Service]:
        """Those of a profile, first one first."""
        from neko_cli.services.summariser import Source
        from neko_cli.services.translators import Translators

        table = profile.translate
        for known, translators in self._made:
            if known == table:
                return translators.services
        chat = None
        if table.url:
            chat = Source("[translate] url", lambda: named_chat(table.url, table.model, self._keys))
        translators = Translators(table, chat)
        self._made.append((table, translators))
        return translators.services

    async def aclose(self) -> None:
        """Close all connections; idempotent."""
        made, self._made = self._made, []
        for _, translators in made:
            await translators.aclose()


class ProfileFeelings:
    """A second opinion on emotions, by the chat endpoint of the profile that is in use."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self._made: tuple[EmotionTable, EmotionModel] | None = None

    async def classify(self, sentence: str, profile: Profile) -> tuple[str, float] | None:
        """Label and confidence; None when nobody is named, or nobody answers. Never raises."""
        table = profile.emotion
        if not table.url:
            return None
        if self._made is None or self._made[0] != table:
            from neko_cli.services.emotion_model import EmotionModel
            from neko_cli.services.summariser import Source

            await self.aclose()
            source = Source("[emotion] url", lambda: named_chat(table.url, table.model, self._keys))
            self._made = table, EmotionModel(source, table.labels)
        return await self._made[1].classify(sentence)

    async def aclose(self) -> None:
        """Close its connection; idempotent."""
        made, self._made = self._made, None
        if made is not None:
            await made[1].aclose()


class ProfileDescribers:
    """Who puts pictures into words, by the profile that is in use; nothing is opened before it is asked."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self._made: dict[tuple[str, str], ChatDescriber] = {}

    def find(self, profile: Profile) -> Describer | None:
        """The one that a profile names; None when it names nobody."""
        url, model = profile.eyes.describe_url, profile.eyes.describe_model
        if not url:
            return None
        if (url, model) not in self._made:
            from neko_cli.services.describe import ChatDescriber

            self._made[url, model] = ChatDescriber(lambda: named_chat(url, model, self._keys))
        return self._made[url, model]

    async def aclose(self) -> None:
        """Close all connections; idempotent."""
        made, self._made = list(self._made.values()), {}
        for describer in made:
            await describer.aclose()
