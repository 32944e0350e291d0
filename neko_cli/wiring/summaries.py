"""Which chat models may sum up a conversation, by the profile that is in use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from neko_cli.core.addresses import is_loopback
from neko_cli.core.codecs import PROVIDERS, find_provider
from neko_cli.core.errors import ConfigError
from neko_cli.core.ports import KeyStore
from neko_cli.core.profile import Profile, Summaries

if TYPE_CHECKING:
    from neko_cli.services.chat_model import ChatModel
    from neko_cli.services.summariser import ChainSummariser, Source

RESERVE = 0.25
"""Seconds of a profile's patience that are left for a summary without any model."""

CHAT_KEYS: Mapping[str, tuple[str, ...]] = {
    "generativelanguage.googleapis.com": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "aliyuncs.com": ("DASHSCOPE_API_KEY",),
    "api.deepseek.com": ("DEEPSEEK_API_KEY",),
    "api.groq.com": ("GROQ_API_KEY",),
    "api.mistral.ai": ("MISTRAL_API_KEY",),
    "api.stepfun.com": ("STEP_API_KEY",),
    "api.x.ai": ("XAI_API_KEY",),
    "bigmodel.cn": ("ZHIPU_API_KEY",),
    "openrouter.ai": ("OPENROUTER_API_KEY",),
}
"""The usual names of keys, by the host (or what it ends in) of a chat endpoint."""


def key_names(url: str) -> tuple[str, ...]:
    """The names under which the key for a chat endpoint is usually kept; none for this machine."""
    host = (urlsplit(url).hostname or "").lower()
    if is_loopback(host):
        return ()
    for provider in PROVIDERS.values():
        urls = (provider.chat_url, *(region.chat_url for region in provider.regions.values()))
        if any(url and urlsplit(url).hostname == host for url in urls):
            return provider.key_names
    for ending, names in CHAT_KEYS.items():
        if host == ending or host.endswith(f".{ending}"):
            return names
    return ()


def check_summaries(profile: Profile) -> None:
    """Refuse an address for summaries that cannot be used; raises ConfigError."""
    if not profile.memory.url:
        return
    from neko_cli.services.http_rules import checked_url

    try:
        checked_url(profile.memory.url)
    except ConfigError as error:
        raise ConfigError(f"[memory] url: {error.message}", hint=error.hint) from None


class ProfileSummariser:
    """Sums up by whatever the profile in use allows (core's ``Summariser``).

    What one provider was told goes to no other: after a switch of profiles, the new one decides who
    is asked. Which model failed is remembered for as long as this lives.
    """

    def __init__(self, current: Callable[[], Profile], keys: KeyStore) -> None:
        """``current`` gives the profile in use."""
        self._current = current
        self._keys = keys
        self._chains: dict[tuple[object, ...], ChainSummariser] = {}

    async def summarise(
        self,
        earlier: str,
        lines: Sequence[tuple[str, str]],
        *,
        language: str,
        within: float | None = None,
    ) -> str:
        """A short summary; raises ConfigError when the profile wants none.

        It comes within so many seconds, by default a little less than the profile's patience.
        """
        profile = self._current()
        if profile.memory.summary is Summaries.OFF:
            raise ConfigError("Summaries are switched off in the profile.")
        return await self._chain(profile).summarise(earlier, lines, language=language, within=within)

    async def aclose(self) -> None:
        """Close all connections; idempotent."""
        chains, self._chains = list(self._chains.values()), {}
        for chain in chains:
            await chain.aclose()

    def _chain(self, profile: Profile) -> ChainSummariser:
        from neko_cli.services.summariser import ChainSummariser

        brain = (profile.local.brain, profile.local.brain_model)
        wanted = profile.provider
        key = (wanted.name, wanted.region, wanted.url, profile.memory, *brain)
        chain = self._chains.get(key)
        if chain is None:
            limit = max(0.0, profile.memory.summary_wait - RESERVE)
            chain = self._chains[key] = ChainSummariser(sources_for(profile, self._keys), limit=limit)
        return chain


def sources_for(profile: Profile, keys: KeyStore) -> list[Source]:
    """Who may be asked, first one first; nothing is opened or looked up yet."""
    from neko_cli.services.summariser import Source

    if profile.memory.summary is not Summaries.AUTO:
        return []
    wanted = profile.provider
    provider, own = find_provider(wanted.name, wanted.region), not wanted.url
    sources = []
    # Somebody who talks to an address of their own did not ask us to tell the provider about it.
    if provider.chat_url and own:
        sources.append(Source(provider.title, lambda: _own_chat(profile, keys)))
    if profile.memory.url:
        sources.append(
            Source("[memory] url", lambda: named_chat(profile.memory.url, profile.memory.model, keys))
        )
    if provider.runs_here and own:
        sources.append(Source("the engine's chat server", lambda: _engine_chat(profile)))
    return sources


async def _own_chat(profile: Profile, keys: KeyStore) -> ChatModel | None:
    """The chat endpoint of the character's own provider; None without a key."""
    from neko_cli.services.chat_model import ChatEndpoint, ChatModel

    provider = find_provider(profile.provider.name, profile.provider.region)
    key = await asyncio.to_thread(keys.find, provider.key_names)
    if not key:
        return None
    model = "" if profile.memory.url else profile.memory.model
    return ChatModel(ChatEndpoint(provider.chat_url, api_key=key), model or provider.chat_model)


async def named_chat(url: str, model: str, keys: KeyStore) -> ChatModel:
    """An endpoint that the profile names, with its usual key; raises NekoError."""
    names = key_names(url)
    key = await asyncio.to_thread(keys.find, names) if names else ""
    return await _opened(url, model, key)


async def _engine_chat(profile: Profile) -> ChatModel | None:
    """The chat server that the embedded engine answers by, when there is one."""
    from neko_cli.core.codecs.chat_wire import choose_model
    from neko_cli.local.chat_probe import find_chat_server
    from neko_cli.services.chat_model import ChatEndpoint, ChatModel

    brain, wanted = profile.local.brain.strip(), profile.local.brain_model
    if "://" in brain:
        return await _opened(brain, wanted)
    if brain not in ("auto", ""):
        return None
    server = await find_chat_server(wanted)
    if server is None:
        return None
    return ChatModel(ChatEndpoint(server.url), choose_model(server.models, wanted))


async def _opened(url: str, model: str, key: str = "") -> ChatModel:
    """A chat model by address; without a name the first that the server lists. Raises NekoError."""
    from neko_cli.core.codecs.chat_wire import choose_model
    from neko_cli.services.chat_model import ChatEndpoint, ChatModel

    chat = ChatModel(ChatEndpoint(url, api_key=key), model)
    try:
        if not chat.model:
            chat.model = choose_model(await chat.models())
        if not chat.model:
            raise ConfigError(f"The chat server at {chat.where} offers no chat model.")
    except BaseException:
        await chat.aclose()
        raise
    return chat
