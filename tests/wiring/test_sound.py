"""The sound of one run is what its profile says."""

from __future__ import annotations

from typing import Any

import pytest

from neko_cli.audio import sound as sound_module
from neko_cli.core.ports_sound import Streams
from neko_cli.core.profile import Profile, parse
from neko_cli.wiring.options import Options
from neko_cli.wiring.sound import RunSound


@pytest.mark.parametrize(
    ("table", "streams"),
    [({}, Streams.AUTO), ({"streams": "one"}, Streams.ONE), ({"streams": "two"}, Streams.TWO)],
)
def test_one_stream_or_two_is_said_by_the_profile(
    table: dict[str, str], streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    monkeypatch.setattr(sound_module, "DeviceSound", lambda taps, **options: made.append(options))
    assert RunSound(parse({"sound": table}, "x.toml"), Options()).system is None
    assert [options["streams"] for options in made] == [streams]


def test_a_profile_that_says_nothing_leaves_it_to_the_device() -> None:
    assert Profile().sound.streams is Streams.AUTO
