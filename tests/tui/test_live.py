"""What is changed of a profile while talking: what holds, and over what."""

from __future__ import annotations

from typing import Any

import pytest

from neko_cli.core.errors import ConfigError
from neko_cli.core.profile import Classify, Profile, parse
from neko_cli.tui.live import Live, can_translate, language_name, switched


def profile(**tables: Any) -> Profile:
    return parse(tables, "test")


@pytest.mark.parametrize(
    ("typed", "now", "after"),
    [("on", False, True), ("ON ", True, True), ("off", True, False), ("", True, False), ("", False, True)],
)
def test_on_off_or_the_other_one(typed: str, now: bool, after: bool) -> None:
    assert switched(typed, now) is after


def test_anything_else_is_refused() -> None:
    with pytest.raises(ConfigError, match="on or off, not per"):
        switched("per\x1b[2Jhaps", True)


@pytest.mark.parametrize(
    ("own", "typed", "after"),
    [
        ("local", "off", Classify.OFF),
        ("chat", "off", Classify.OFF),
        ("chat", "on", Classify.CHAT),
        ("off", "on", Classify.LOCAL),
        ("local", "on", Classify.LOCAL),
    ],
)
def test_emotions(own: str, typed: str, after: Classify) -> None:
    live, plain = Live(), profile(emotion={"classify": own})
    live.begin(plain)
    assert live.over(plain) == plain
    live.feel(typed)
    assert live.over(plain).emotion.classify is after
    assert live.over(plain).emotion.tags is plain.emotion.tags, (
        "the model's own tags are stripped all the same"
    )
    assert live.shows_emotion is (typed == "on")


def test_a_language_is_chosen_left_and_chosen_again() -> None:
    live, plain = Live(), profile(user={"language": "de"})
    live.begin(plain)
    now = plain.user.language
    for typed, wanted in (
        ("off", ""),
        ("on", "de"),
        ("Japanese", "ja"),
        ("", ""),
        ("", "ja"),
        ("zh-TW", "zh-Hant"),
    ):
        assert live.translate(typed, now) == wanted
        now = live.over(plain).user.language
        assert now == wanted


def test_what_was_chosen_holds_for_other_profiles() -> None:
    live = Live()
    live.begin(profile())
    live.translate("fr", "")
    live.feel("off")
    other = profile(user={"language": "de", "name": "Jo"})
    live.begin(other)
    laid = live.over(other)
    assert (laid.user.language, laid.user.name, laid.emotion.classify) == ("fr", "Jo", Classify.OFF)


@pytest.mark.parametrize(
    ("typed", "match"), [("on", "which language"), ("", "which language"), ("!!", "no language")]
)
def test_no_language_is_refused_and_changes_nothing(typed: str, match: str) -> None:
    live = Live()
    with pytest.raises(ConfigError, match=match):
        live.translate(typed, "")
    assert live == Live()


@pytest.mark.parametrize(
    ("table", "can"),
    [
        ({}, False),
        ({"url": "http://127.0.0.1:1/v1"}, True),
        ({"order": ["google"]}, True),
        ({"order": ["none", "google"]}, False),
        ({"order": ["chat", "translatepy"]}, True),
        ({"order": []}, False),
    ],
)
def test_who_may_translate(table: dict[str, Any], can: bool) -> None:
    assert can_translate(profile(translate=table)) is can


@pytest.mark.parametrize(
    ("tag", "name"), [("de", "German"), ("tlh", "tlh"), ("zh-TW", "Traditional Chinese")]
)
def test_languages_have_names(tag: str, name: str) -> None:
    assert language_name(tag) == name
