"""The third similar reply in a row, in any script; and a microphone that nobody speaks into."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.companions.repetition import Repetition, normal, similarity
from neko_cli.core.companions.silence import silence_due
from neko_cli.core.profile import GuardTable

SAME = [
    (
        "I am so glad that you came back to me!",
        "I'm so glad that you came back to me.",
        "I am so GLAD that you came back to me…",
    ),
    ("今天天气真好，我们出去玩吧！", "今天天气真好，我们出去玩吧~", "今天天气真好 我们出去玩吧"),
    ("今日はとてもいい天気ですね。", "今日はとてもいい天気ですね!", "今日は とてもいい天気ですね"),
    ("오늘 날씨가 정말 좋네요!", "오늘 날씨가 정말 좋네요.", "오늘 날씨가 정말 좋네요~"),
    ("Ｆｕｌｌ ｗｉｄｔｈ words", "full width words", "Full-width words!"),
]


@pytest.mark.parametrize("replies", SAME)
def test_the_third_in_a_row_is_one_too_many_and_counting_begins_anew(replies: tuple[str, ...]) -> None:
    watch = Repetition(3)
    assert [watch.replied(text) for text in (*replies, *replies)] == [False, False, True] * 2


@pytest.mark.parametrize("replies", SAME)
def test_another_reply_in_between_ends_the_row(replies: tuple[str, ...]) -> None:
    watch = Repetition(3)
    said = [replies[0], replies[1], "Something else altogether, 完全不同的一句话。", replies[2], replies[0]]
    assert not any(watch.replied(text) for text in said)
    assert watch.replied(replies[1])


@pytest.mark.parametrize("text", ["Yes.", "好。", "", "…!?", "はい"])
def test_what_says_little_may_be_said_again(text: str) -> None:
    watch = Repetition(2)
    assert not any(watch.replied(text) for _ in range(5))


@pytest.mark.parametrize("limit", [0, 1])
def test_it_can_be_switched_off(limit: int) -> None:
    watch = Repetition(limit)
    assert not any(watch.replied("Once upon a time there was a cat.") for _ in range(9))


def test_different_sentences_of_one_shape_are_different() -> None:
    watch = Repetition(3)
    said = ["我喜欢吃苹果和香蕉", "你昨天去哪里了呢", "他们正在打篮球比赛"]
    assert not any(watch.replied(text) for text in said)
    assert similarity(normal("Turn left at the church."), normal("Turn right after the bridge.")) < 0.5


@given(st.text(max_size=60), st.text(max_size=60))
def test_similarity_is_a_part_the_same_both_ways_and_one_for_the_same(one: str, other: str) -> None:
    first, second = normal(one), normal(other)
    assert 0.0 <= similarity(first, second) <= 1.0
    assert similarity(first, second) == similarity(second, first)
    assert similarity(first, first) == 1.0
    assert normal(first) == first


def test_silence_is_due_after_the_profiles_time_alone() -> None:
    guard = GuardTable(silence_minutes=1.5)
    assert silence_due(89.9, guard) == ""
    assert silence_due(90.0, guard) == "Nobody spoke for 1.5 minutes, so the microphone was switched off."
    assert "1 minute," in silence_due(60.0, GuardTable(silence_minutes=1))
    assert silence_due(1e9, GuardTable()) == ""
