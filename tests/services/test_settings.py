"""Settings from the environment, and what is remembered."""

from __future__ import annotations

import stat
from pathlib import Path

from neko_cli.services.settings import Memory, Settings, from_environment


def test_the_environment() -> None:
    env = {"NEKO_PROFILE": " mine ", "NEKO_PROVIDER": "openai", "NEKO_URL": "ws://x", "NEKO_MODEL": "m"}
    assert from_environment(env) == Settings(profile="mine", provider="openai", url="ws://x", model="m")
    assert from_environment({}) == Settings()


def test_consent_is_remembered_for_each_provider(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    assert memory.load().microphone_consent == ()
    assert memory.agree("openai")
    assert memory.agree("openai")
    assert memory.agree("other")
    assert Memory(tmp_path).load().microphone_consent == ("openai", "other")
    assert stat.S_IMODE((tmp_path / "state.json").stat().st_mode) == 0o600


def test_an_offer_is_made_once(tmp_path: Path) -> None:
    assert Memory(tmp_path).offer("key")
    assert not Memory(tmp_path).offer("key")
    assert Memory(tmp_path).offer("ears")


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{not json")
    assert Memory(tmp_path).load().offered == ()
    assert Memory(tmp_path).agree("openai")


def test_what_cannot_be_kept_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    memory = Memory(tmp_path / "file")
    assert not memory.agree("openai")
    assert memory.load().microphone_consent == ()


def test_who_may_hear_and_who_may_see_are_kept_apart(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    assert memory.agree_to_show("openai")
    assert memory.agree_to_show("openai")
    assert memory.agree_to_show("qwen cn")
    assert memory.load().screen_consent == ("openai", "qwen cn")
    assert memory.load().microphone_consent == ()
