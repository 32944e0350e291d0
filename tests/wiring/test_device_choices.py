"""Which device is used: chosen while talking, by option, in an earlier run, or by the profile."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from neko_cli.core.device_standing import DeviceKind
from neko_cli.core.profile import Profile, SoundTable
from neko_cli.services.settings import Memory
from neko_cli.wiring.device_choices import DeviceChoices
from neko_cli.wiring.options import Options


def saying(speaker: str) -> Profile:
    return msgspec.structs.replace(Profile(), sound=SoundTable(speaker=speaker))


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path)


def test_the_profile_is_asked_last_and_the_option_before_what_is_remembered(memory: Memory) -> None:
    assert DeviceChoices(memory, Options()).over(saying("a")).sound.speaker == "a"
    memory.use_device("speaker", "b", instead_of="a")
    assert DeviceChoices(memory, Options()).over(saying("a")).sound.speaker == "b"
    assert DeviceChoices(memory, Options(speaker="c")).over(saying("a")).sound.speaker == "c"


def test_what_was_chosen_while_talking_holds_now_and_at_the_next_start(memory: Memory) -> None:
    choices = DeviceChoices(memory, Options(speaker="c"))
    choices.over(saying("a"))
    choices.choose(DeviceKind.SPEAKER, "d")
    assert choices.over(saying("a")).sound.speaker == "d", "also where the profile is read again"
    assert DeviceChoices(memory, Options()).over(saying("a")).sound.speaker == "d"
    assert DeviceChoices(memory, Options()).over(saying("a")).sound.microphone == ""


def test_the_default_can_be_chosen_over_a_profile(memory: Memory) -> None:
    choices = DeviceChoices(memory, Options())
    choices.over(saying("a"))
    choices.choose(DeviceKind.SPEAKER, "")
    assert choices.over(saying("a")).sound.speaker == ""
    assert DeviceChoices(memory, Options()).over(saying("a")).sound.speaker == ""


def test_who_edits_the_profile_means_it(memory: Memory) -> None:
    choices = DeviceChoices(memory, Options())
    choices.over(saying("a"))
    choices.choose(DeviceKind.SPEAKER, "d")
    assert choices.over(saying("e")).sound.speaker == "e"
    assert DeviceChoices(memory, Options()).over(saying("e")).sound.speaker == "e", "also between two runs"


def test_a_home_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    choices = DeviceChoices(Memory(tmp_path / "state" / "below"), Options())
    choices.over(saying("a"))
    choices.choose(DeviceKind.SPEAKER, "d")
    assert choices.over(saying("a")).sound.speaker == "d"
