"""From a profile's table to a worker: who speaks, with which key, and what is told when that fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from neko_cli.core.errors import ConfigError, CredentialsError, LinkError
from neko_cli.core.profile import Profile, parse
from neko_cli.core.tables_speak import WORKERS
from neko_cli.speech.tts.choose import (
    _REMOTES,
    VoiceNeeds,
    get_tts_worker,
    is_at,
    make_voice,
    settings_of,
    speaks_itself,
)
from neko_cli.speech.tts.messages import Failed
from neko_cli.speech.tts.settings import VoiceSettings
from tests.fakes.voice_ear import TinySource, ear_of

NOTHING = "ws://127.0.0.1:9"


def profile_with(**speak: Any) -> Profile:
    return parse({"speak": speak, "voice": {"name": "marin", "speed": 1.2}}, "test.toml")


class Keys:
    """A key store that notes what it was asked for."""

    def __init__(self, **kept: str) -> None:
        self.kept = kept
        self.asked: list[str] = []

    def find(self, names: Sequence[str]) -> str:
        self.asked += names
        return next((self.kept[name] for name in names if name in self.kept), "")


async def failure_of(profile: Profile, keys: Keys) -> Failed:
    """What a worker tells that cannot start."""
    worker = get_tts_worker(profile, VoiceNeeds(keys.find))
    async with ear_of(worker._make, ready_within=5.0) as ear:
        return await ear.failed()


def test_every_worker_of_the_table_is_known() -> None:
    assert set(_REMOTES) == {name for name in WORKERS if name not in ("espeak", "piper:NAME")}


@pytest.mark.parametrize("worker", ["espeek", "piper:", "piper:NAME", "Espeak", "openai "])
def test_a_worker_that_does_not_exist_is_a_mistake_of_the_profile(worker: str) -> None:
    with pytest.raises(ConfigError, match="speak"):
        profile_with(worker=worker)


def test_a_profile_without_a_worker_leaves_speaking_to_the_model() -> None:
    profile = profile_with()
    assert speaks_itself(profile)
    assert make_voice(profile, VoiceNeeds(Keys().find), trouble=lambda _: None) is None
    with pytest.raises(ConfigError):
        get_tts_worker(profile, VoiceNeeds(Keys().find))


def test_the_voice_of_another_provider_is_not_asked_of_a_service() -> None:
    assert settings_of(profile_with(worker="espeak")).voice == "marin"
    assert settings_of(profile_with(worker="qwen")).voice == ""
    assert settings_of(profile_with(worker="qwen", voice="Cherry")).voice == "Cherry"
    assert settings_of(profile_with(worker="qwen")).speed == 1.2
    assert settings_of(profile_with(worker="qwen", speed=0.8)).speed == 0.8


@pytest.mark.parametrize("worker", [name for name in _REMOTES if name != "gptsovits"])
async def test_a_missing_key_is_told_by_its_name(worker: str) -> None:
    keys = Keys()
    failed = await failure_of(profile_with(worker=worker), keys)
    assert isinstance(failed.error, CredentialsError)
    assert keys.asked[0] in failed.error.hint


@pytest.mark.parametrize("worker", ["qwen", "cosyvoice", "stepfun", "gptsovits", "elevenlabs"])
async def test_the_usual_key_goes_to_its_own_service_alone(worker: str) -> None:
    keys = Keys()
    failed = await failure_of(profile_with(worker=worker, url=NOTHING), keys)
    assert isinstance(failed.error, LinkError)
    assert keys.asked == []
    named = Keys(MINE="sk-mine")
    failed = await failure_of(profile_with(worker=worker, url=NOTHING, key="MINE"), named)
    assert isinstance(failed.error, LinkError)
    assert named.asked == ["MINE"]
    failed = await failure_of(profile_with(worker=worker, url=NOTHING, key="GONE"), Keys())
    assert isinstance(failed.error, CredentialsError)


def test_whose_address_it_is() -> None:
    assert is_at("wss://dashscope-intl.aliyuncs.com/api", ("dashscope-intl.aliyuncs.com",))
    assert is_at("https://w-1.cn-beijing.maas.aliyuncs.com", ("maas.aliyuncs.com",))
    assert not is_at("https://evilopenai.com", ("openai.com",))
    assert not is_at("https://openai.com.evil.example", ("openai.com",))


async def test_a_voice_of_this_machine_comes_from_above() -> None:
    made: list[tuple[str, VoiceSettings]] = []

    class Local(TinySource):
        async def speak(self, text: str) -> AsyncGenerator[tuple[bytes, int], None]:
            async for chunk in super().speak(text):
                yield chunk

    def local(name: str, settings: VoiceSettings) -> Local:
        made.append((name, settings))
        return Local()

    for name in ("espeak", "piper:amy"):
        worker = get_tts_worker(profile_with(worker=name), VoiceNeeds(Keys().find, local))
        async with ear_of(worker._make) as ear:
            ear.say("one", "Hi.")
            await ear.rest("one")
    assert [name for name, _ in made] == ["espeak", "piper:amy"]
    assert isinstance((await failure_of(profile_with(worker="espeak"), Keys())).error, ConfigError)


def test_choosing_loads_neither_sockets_nor_http() -> None:
    program = (
        "import sys\nimport neko_cli.speech.tts.choose\n"
        "print(sorted({'websockets', 'httpx', 'numpy', 'soxr', 'espeakng_loader'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert run.stdout.strip() == "[]"
