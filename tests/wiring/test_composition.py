"""The composition root: real profiles, keys, history and engine, put together."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.errors import ConfigError, CredentialsError, NekoError
from neko_cli.core.events import InputMode, TurnEnded
from neko_cli.core.profile import Profile
from neko_cli.services.folders import Folders
from neko_cli.services.store_reading import History
from neko_cli.wiring import Composition, Options, compose

PATIENCE = 20.0
KEYS = ("OPENAI_API_KEY", "NEKO_TOKEN", "GEMINI_API_KEY")
LOCAL = 'extends = "default"\n[local]\nbrain = "builtin"\n[memory]\nsummary = "local"\n'


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    found = Folders.find({"NEKO_HOME": str(tmp_path / "home")})
    found.profiles.mkdir(parents=True)
    write(found, "mine", LOCAL)
    return found


def write(folders: Folders, name: str, text: str) -> Path:
    path = folders.profiles / f"{name}.toml"
    path.write_text(text)
    return path


@asynccontextmanager
async def composed(folders: Folders, **options: object) -> AsyncIterator[Composition]:
    wanted = Options(**{"profile": "mine", "want_audio": False, **options})  # type: ignore[arg-type]
    made = compose(wanted, folders=folders)
    try:
        yield made
    finally:
        await made.aclose()
        await made.aclose()


async def say(composition: Composition, text: str) -> tuple[str, str]:
    """One turn in a session of its own; its id and the answer."""
    session = composition.session()
    try:
        async with asyncio.timeout(PATIENCE):
            events = session.events()
            await session.start_session(InputMode.TEXT)
            await session.send_message(text)
            async for event in events:
                if isinstance(event, TurnEnded):
                    return session.session_id, event.text
    finally:
        await session.cleanup()
    raise AssertionError("the session ended before the turn did")


async def open_link(codec: Codec) -> None:
    """What the codec leads to is a realtime server that accepts it."""
    endpoint = codec.endpoint()
    async with (
        asyncio.timeout(PATIENCE),
        connect(endpoint.url, additional_headers=dict(endpoint.headers), proxy=None) as socket,
    ):
        assert json.loads(await socket.recv())["type"] == "session.created"


# Dialling


async def test_a_profile_of_the_engine_is_answered_by_one_engine(folders: Folders) -> None:
    async with composed(folders) as made:
        assert made.runs_engine
        first, second = await asyncio.gather(*(made.dial(made.profile, SessionSpec()) for _ in range(2)))
        assert first.endpoint() == second.endpoint()
        await open_link(first)


async def test_a_switched_profile_finds_its_own_provider_and_key(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with composed(folders) as made:
        cloud = Profile(provider=made.profile.provider.__class__(name="openai"))
        with pytest.raises(CredentialsError, match="OpenAI needs an API key"):
            await made.dial(cloud, SessionSpec())
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test")
        endpoint = (await made.dial(cloud, SessionSpec())).endpoint()
        assert endpoint.url.startswith("wss://api.openai.com/v1/realtime?model=gpt-realtime")
        assert endpoint.headers["Authorization"] == "Bearer sk-of-the-test"
        # And back: the engine's token goes to the engine alone.
        own = (await made.dial(made.profile, SessionSpec())).endpoint()
        assert "sk-of-the-test" not in str(dict(own.headers))
        assert own.url.startswith("ws://127.0.0.1:")


async def test_the_region_of_a_profile_decides_where_it_is_dialled(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-of-the-test")
    write(folders, "there", '[provider]\nname = "qwen"\nregion = "intl"\n')
    async with composed(folders, profile="there") as made:
        endpoint = (await made.dial(made.profile, SessionSpec())).endpoint()
        assert endpoint.url.startswith("wss://dashscope-intl.aliyuncs.com/")
    # Another provider takes neither the region nor the key.
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    async with composed(folders, profile="there", provider="openai") as made:
        assert made.profile.provider.region == ""
        endpoint = (await made.dial(made.profile, SessionSpec())).endpoint()
        assert endpoint.headers["Authorization"] == "Bearer sk-other"


async def test_an_address_of_ones_own_needs_the_key_of_a_provider_that_has_no_other(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_OPENAI_API_KEY", raising=False)
    write(folders, "azure", '[provider]\nname = "azure-preview"\nurl = "https://mine.openai.azure.com"\n')
    with pytest.raises(CredentialsError, match="AZURE_OPENAI_API_KEY"):
        compose(Options(profile="azure"), folders=folders)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "of-the-test")
    async with composed(folders, profile="azure") as made:
        assert not made.runs_engine
        assert (await made.dial(made.profile, SessionSpec())).endpoint().headers == {"api-key": "of-the-test"}


async def test_the_engine_is_started_when_a_later_profile_needs_it(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test")
    write(folders, "cloud", 'extends = "openai"\n')
    async with composed(folders, profile="cloud") as made:
        assert not made.runs_engine
        mine = await made.switch("mine")
        await open_link(await made.dial(mine, SessionSpec()))


async def test_the_model_of_a_rung_goes_before_the_profile_s(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test")
    write(folders, "cloud", 'extends = "openai"\n[provider]\nname = "openai"\nmodel = "large"\n')
    async with composed(folders, profile="cloud") as made:
        codec = await made.dial(made.profile, SessionSpec(model="small"))
        assert codec.endpoint().url.endswith("?model=small")


# Mistakes that are told before anything begins


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[provider]\nname = "opanai"\n', "There is no provider"),
        ('[provider]\nname = "qwen"\nregion = "mars"\n', "has no region"),
        ('[memory]\nurl = "http://example.org/v1"\n', "in the clear"),
        ('[memory]\nsummary = "cloud"\n', "memory.summary"),
    ],
)
def test_a_profile_that_cannot_be_used(folders: Folders, text: str, words: str) -> None:
    write(folders, "bad", text)
    with pytest.raises(ConfigError, match=words):
        compose(Options(profile="bad"), folders=folders)


def test_a_key_that_is_missing(folders: Folders) -> None:
    with pytest.raises(CredentialsError):
        compose(Options(profile="openai"), folders=folders)


def test_a_past_that_is_missing(folders: Folders) -> None:
    with pytest.raises(ConfigError, match="no earlier conversation"):
        compose(Options(resume=True), folders=folders)
    with pytest.raises(ConfigError, match="no conversation 'x'"):
        compose(Options(session="x"), folders=folders)
    assert not folders.data.exists()


# Keeping and going on


async def test_what_was_said_is_kept_and_a_later_run_goes_on_with_it(folders: Folders) -> None:
    async with composed(folders) as made:
        first, answer = await say(made, "What is two plus three?")
        assert "5" in answer
        other, _ = await say(made, "What is ten minus one?")
        assert other != first
    history = History(folders.data / "history.db")
    assert {kept.record.id: kept.record.profile for kept in history.sessions()} == {
        first: "mine",
        other: "mine",
    }
    async with composed(folders, profile="", session=first) as made:
        # The profile that it was held with, although nobody named it.
        assert made.profile.local.brain == "builtin"
        session = made.session()
        assert session.session_id == first
        await session.start_session(InputMode.TEXT)
        texts = [message.text for message in session.memory.recent(10)]
        await session.cleanup()
        assert texts == ["What is two plus three?", answer]
        # A second session of the same run begins afresh.
        assert made.session().session_id not in (first, other)
    async with composed(folders, resume=True) as made:
        again, _ = await say(made, "What is one plus one?")
        assert again == other
    assert [message.turn for message in history.messages(other)] == [1, 1, 2, 2]


async def test_a_profile_that_saves_nothing_leaves_no_file(folders: Folders) -> None:
    write(folders, "mine", LOCAL + "save = false\n")
    async with composed(folders) as made:
        _, answer = await say(made, "What is two plus three?")
        assert "5" in answer
    assert not (folders.data / "history.db").exists()


async def test_nothing_is_opened_before_it_is_needed(folders: Folders) -> None:
    before = asyncio.all_tasks()
    async with composed(folders, record=folders.data / "never.jsonl") as made:
        assert made.provider_title == "The embedded engine"
    assert asyncio.all_tasks() == before
    assert not folders.data.exists()


# Switching and watching


class Told:
    """What a watch tells."""

    def __init__(self, made: Composition) -> None:
        self.queue: asyncio.Queue[Profile | NekoError] = asyncio.Queue()
        self._made = made

    async def watch(self) -> None:
        async def on_change(profile: Profile) -> None:
            self.queue.put_nowait(profile)

        await self._made.watch_profile(on_change, self.queue.put_nowait)

    async def next(self) -> Profile | NekoError:
        async with asyncio.timeout(PATIENCE):
            return await self.queue.get()


async def test_a_switch_lays_the_same_options_over_the_other_profile(folders: Folders) -> None:
    write(folders, "mio", LOCAL + '[character]\nname = "Mio"\n[voice]\nname = "low"\n')
    async with composed(folders, voice="high", microphone="usb") as made:
        profile = await made.switch("mio")
        assert (profile.character.name, profile.voice.name, profile.sound.microphone) == (
            "Mio",
            "high",
            "usb",
        )
        assert made.profile.character.name == "Neko"  # what the run began with


@pytest.mark.parametrize(("name", "kind"), [("nobody", ConfigError), ("openai", CredentialsError)])
async def test_a_switch_that_cannot_be_made_changes_nothing(
    folders: Folders, name: str, kind: type[NekoError]
) -> None:
    async with composed(folders) as made, asyncio.TaskGroup() as group:
        told = Told(made)
        watch = group.create_task(told.watch())
        with pytest.raises(kind):
            await made.switch(name)
        write(folders, "mine", LOCAL + '[character]\nname = "Ada"\n')
        profile = await told.next()
        assert isinstance(profile, Profile)
        assert profile.character.name == "Ada"
        watch.cancel()


async def test_edits_come_with_the_options_laid_over_and_follow_a_switch(folders: Folders) -> None:
    write(folders, "mio", LOCAL + '[character]\nname = "Mio"\n')
    async with composed(folders, voice="high") as made, asyncio.TaskGroup() as group:
        told = Told(made)
        watch = group.create_task(told.watch())
        write(folders, "mine", LOCAL + '[character]\nname = "Ada"\n[voice]\nname = "low"\n')
        profile = await told.next()
        assert isinstance(profile, Profile)
        assert (profile.character.name, profile.voice.name) == ("Ada", "high")
        write(folders, "mine", '[provider]\nname = "openai"\n')
        assert isinstance(await told.next(), CredentialsError)
        await made.switch("mio")
        write(folders, "mio", LOCAL + '[character]\nname = "Mia"\n')
        profile = await told.next()
        assert isinstance(profile, Profile)
        assert profile.character.name == "Mia"
        assert told.queue.empty()
        watch.cancel()


# Closing


async def test_the_history_is_closed_last_and_whatever_the_others_do(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neko_cli.local.server import EngineServer
    from neko_cli.services.store import Store

    order: list[str] = []
    real_engine, real_store = EngineServer.aclose, Store.aclose

    async def engine(self: EngineServer) -> None:
        await real_engine(self)
        order.append("engine")
        raise RuntimeError("the engine does not like to be closed")

    async def store(self: Store, timeout: float = 5.0) -> None:
        await real_store(self, timeout)
        order.append("history")

    monkeypatch.setattr(EngineServer, "aclose", engine)
    monkeypatch.setattr(Store, "aclose", store)
    made = compose(Options(profile="mine", want_audio=False), folders=folders)
    await say(made, "What is two plus three?")
    with pytest.raises(RuntimeError, match="does not like"):
        await made.aclose()
    assert order == ["engine", "history"]
