"""Who is asked for summaries: by profile, by what is there, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import pytest

from neko_cli.core.codecs import PROVIDERS
from neko_cli.core.codecs import endpoints as registry
from neko_cli.core.errors import ConfigError
from neko_cli.core.profile import LocalTable, MemoryTable, Profile, ProviderTable, Summaries
from neko_cli.local import chat_probe
from neko_cli.wiring import summaries
from neko_cli.wiring.summaries import ProfileSummariser, check_summaries, key_names, sources_for
from tests.fakes.http_box import HttpBox, delta, http_box

CHAT = "/v1/chat/completions"
LINES = [("Sam", "My name is Sam and I live in Rome."), ("Neko", "Nice to meet you, Sam!")]


class FakeKeys:
    """Keys by name; notes what was looked for."""

    def __init__(self, keys: Mapping[str, str] | None = None) -> None:
        self.keys = dict(keys or {})
        self.asked: list[str] = []

    def find(self, names: Sequence[str]) -> str:
        self.asked += names
        return next((self.keys[name] for name in names if name in self.keys), "")


@pytest.fixture
def box() -> Iterator[HttpBox]:
    with http_box() as running:
        running.script[CHAT] = says("From the box.")
        yield running


def says(text: str):
    return lambda request: request.events(delta(text), delta(finish="stop"))


@pytest.fixture
def openai_at(monkeypatch: pytest.MonkeyPatch):
    """OpenAI's chat endpoint is somewhere else for this test."""

    def move(url: str) -> None:
        moved = msgspec.structs.replace(PROVIDERS["openai"], chat_url=url)
        providers = {**PROVIDERS, "openai": moved}
        monkeypatch.setattr(registry, "PROVIDERS", providers)
        monkeypatch.setattr(summaries, "PROVIDERS", providers)

    return move


def profile(provider: str = "openai", *, url: str = "", brain: str = "builtin", **memory) -> Profile:
    return Profile(
        provider=ProviderTable(name=provider, url=url),
        local=LocalTable(brain=brain),
        memory=MemoryTable(**memory),
    )


async def summary(used: Profile, keys: FakeKeys | None = None) -> str:
    summariser = ProfileSummariser(lambda: used, keys or FakeKeys())
    try:
        return await summariser.summarise("", LINES, language="en")
    finally:
        await summariser.aclose()


def made_here(text: str) -> bool:
    return "Rome" in text and text != "From the box."


async def test_the_own_provider_is_asked_with_its_key(box: HttpBox, openai_at) -> None:
    openai_at(f"{box.url}/v1")
    assert await summary(profile(), FakeKeys({"OPENAI_API_KEY": "sk-own"})) == "From the box."
    assert box.requests[0].headers["authorization"] == "Bearer sk-own"
    assert box.requests[0].json["model"] == PROVIDERS["openai"].chat_model
    await summary(profile(model="mine"), FakeKeys({"OPENAI_API_KEY": "sk-own"}))
    assert box.requests[1].json["model"] == "mine"


async def test_without_a_key_or_at_another_address_the_own_provider_is_not_told(
    box: HttpBox, openai_at
) -> None:
    openai_at(f"{box.url}/v1")
    assert made_here(await summary(profile()))
    keys = FakeKeys({"OPENAI_API_KEY": "sk-own"})
    assert made_here(await summary(profile(url="ws://localhost:1/v1/realtime"), keys))
    assert box.requests == []


def test_another_region_asks_the_chat_model_of_that_region() -> None:
    assert key_names(PROVIDERS["qwen"].regions["intl"].chat_url) == ("DASHSCOPE_API_KEY",)
    assert key_names(PROVIDERS["stepfun"].regions["intl"].chat_url) == ("STEP_API_KEY",)


async def test_the_region_of_the_profile_decides_who_is_asked(
    box: HttpBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    qwen = PROVIDERS["qwen"]
    there = msgspec.structs.replace(qwen.regions["intl"], chat_url=f"{box.url}/v1")
    moved = msgspec.structs.replace(qwen, regions={"intl": there})
    monkeypatch.setattr(registry, "PROVIDERS", {**PROVIDERS, "qwen": moved})
    wanted = ProviderTable(name="qwen", region="intl")
    used = msgspec.structs.replace(profile(), provider=wanted)
    assert await summary(used, FakeKeys({"DASHSCOPE_API_KEY": "sk-there"})) == "From the box."
    assert box.requests[0].headers["authorization"] == "Bearer sk-there"


async def test_an_address_in_the_profile_needs_no_key_on_this_machine(box: HttpBox) -> None:
    box.script["/v1/models"] = lambda request: request.answer_json(
        200, {"data": [{"id": "nomic-embed-text"}, {"id": "llama3"}]}
    )
    keys = FakeKeys({"OPENAI_API_KEY": "sk-own"})
    used = msgspec.structs.replace(profile("embedded"), memory=MemoryTable(url=box.url))
    assert await summary(used, keys) == "From the box."
    assert keys.asked == []
    assert [request.path for request in box.requests] == ["/v1/models", CHAT]
    assert box.requests[1].json["model"] == "llama3"
    assert all("authorization" not in request.headers for request in box.requests)


async def test_the_own_provider_goes_before_the_address_and_the_address_follows(
    box: HttpBox, openai_at
) -> None:
    with http_box() as own:
        openai_at(f"{own.url}/v1")
        keys = FakeKeys({"OPENAI_API_KEY": "sk-own"})
        own.script[CHAT] = says("From OpenAI.")
        used = profile()
        used = msgspec.structs.replace(used, memory=MemoryTable(url=box.url, model="small"))
        assert await summary(used, keys) == "From OpenAI."
        assert own.requests[0].json["model"] != "small"
        own.script[CHAT] = lambda request: request.answer_json(401, {})
        assert await summary(used, keys) == "From the box."
        assert box.requests[0].json["model"] == "small"


async def test_the_engine_s_chat_server_is_found(box: HttpBox, monkeypatch: pytest.MonkeyPatch) -> None:
    box.script["/v1/models"] = lambda request: request.answer_json(200, {"data": [{"id": "llama3"}]})
    real = chat_probe.find_chat_server

    async def find(wanted: str = "", **options: object) -> chat_probe.FoundServer | None:
        return await real(wanted, ports=((box.port, "Ollama"),), budget_s=5)

    monkeypatch.setattr(chat_probe, "find_chat_server", find)
    assert await summary(profile("embedded", brain="auto")) == "From the box."
    assert box.requests[-1].json["model"] == "llama3"
    box.requests.clear()
    assert await summary(profile("embedded", brain=box.url)) == "From the box."
    box.requests.clear()
    # Another program's engine, or a cloud provider, does not answer by the server of this machine.
    assert made_here(await summary(profile("embedded", brain="auto", url="ws://localhost:1/x")))
    assert made_here(await summary(profile("openai", brain="auto")))
    assert made_here(await summary(profile("embedded", brain="builtin")))
    assert box.requests == []


async def test_local_asks_nobody_and_off_is_refused(box: HttpBox, openai_at) -> None:
    openai_at(f"{box.url}/v1")
    keys = FakeKeys({"OPENAI_API_KEY": "sk-own"})
    assert made_here(await summary(profile(summary=Summaries.LOCAL), keys))
    assert sources_for(profile(summary=Summaries.OFF), keys) == []
    with pytest.raises(ConfigError, match="switched off"):
        await summary(profile(summary=Summaries.OFF), keys)
    assert (box.requests, keys.asked) == ([], [])


async def test_after_a_switch_the_new_profile_decides_and_what_failed_is_remembered(
    box: HttpBox, openai_at
) -> None:
    openai_at(f"{box.url}/v1")
    box.script[CHAT] = lambda request: request.answer_json(401, {})
    used = profile()
    summariser = ProfileSummariser(lambda: used, FakeKeys({"OPENAI_API_KEY": "sk-own"}))
    assert made_here(await summariser.summarise("", LINES, language="en"))
    used = profile("embedded")
    assert made_here(await summariser.summarise("", LINES, language="en"))
    assert len(box.requests) == 1
    used = profile()
    assert made_here(await summariser.summarise("", LINES, language="en"))
    assert len(box.requests) == 1
    await summariser.aclose()
    await summariser.aclose()


async def test_it_keeps_within_the_profile_s_patience(box: HttpBox) -> None:
    box.script[CHAT] = lambda request: box.released.wait(20)
    used = msgspec.structs.replace(
        profile("embedded"), memory=MemoryTable(url=box.url, model="m", summary_wait=0.5)
    )
    async with asyncio.timeout(2):
        assert made_here(await summary(used))
    assert len(box.requests) == 1
    box.released.set()


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("http://127.0.0.1:11434", ()),
        ("http://localhost/v1", ()),
        ("https://api.openai.com/v1", ("OPENAI_API_KEY",)),
        ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", ("DASHSCOPE_API_KEY",)),
        ("https://api.groq.com/openai/v1", ("GROQ_API_KEY",)),
        ("https://notapi.groq.com.example.org/v1", ()),
        ("https://evilopenrouter.ai/v1", ()),
        ("https://chat.example.org/v1", ()),
    ],
)
def test_which_key_goes_to_which_host(url: str, names: tuple[str, ...]) -> None:
    assert key_names(url) == names


@pytest.mark.parametrize("url", ["ftp://x", "http://example.org/v1", "https://me:pw@example.org", "no"])
def test_an_address_that_cannot_be_used_is_told_before_anything_begins(url: str) -> None:
    with pytest.raises(ConfigError, match=r"\[memory\] url"):
        check_summaries(msgspec.structs.replace(profile(), memory=MemoryTable(url=url)))


def test_good_addresses_pass() -> None:
    for url in ("", "http://localhost:11434", "https://example.org/v1"):
        check_summaries(msgspec.structs.replace(profile(), memory=MemoryTable(url=url)))
