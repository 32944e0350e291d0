"""From profile to link configuration."""

from __future__ import annotations

import pytest

from neko_cli.core.codecs.base import Detection
from neko_cli.core.profile import parse
from neko_cli.core.spec import instructions_for, spec_for


@pytest.mark.parametrize(
    ("written", "key", "detection"),
    [
        ("server", False, Detection.SERVER),
        ("semantic", False, Detection.SEMANTIC),
        ("manual", False, Detection.SERVER),
        ("semantic", True, Detection.MANUAL),
    ],
)
def test_the_key_goes_before_the_detector(written, key, detection):
    profile = parse({"turns": {"detection": written}}, "x.toml")
    assert spec_for(profile, want_audio=True, push_to_talk=key).detection is detection


def test_instructions_hold_persona_user_and_tags():
    profile = parse({"character": {"persona": "You are Mio."}, "user": {"name": "Ada"}}, "x.toml")
    text = instructions_for(profile)
    assert text.startswith("You are Mio.")
    assert "Ada" in text
    assert "<happy>" in text


def test_no_tags_are_asked_for_when_they_are_off():
    profile = parse({"emotion": {"tags": "off"}, "character": {"persona": "P"}}, "x.toml")
    assert instructions_for(profile) == "P"
