"""Results are told in groups, within a number of tokens, and none is lost on the way."""

from __future__ import annotations

import pytest

from neko_cli.core.companions.callbacks import (
    LEAST_SUMMARY,
    QUESTION,
    WAITING_LIMIT,
    AgentResult,
    Callbacks,
    cost,
    rough_tokens,
    tell_text,
)


def result(number: int, **fields: str) -> AgentResult:
    return AgentResult(fields.pop("status", "completed"), f"#{number}", id=f"id{number}", **fields)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("the quick brown fox jumps over the lazy dog", 9, 14),
        ("今天天气很好我们去公园吧", 10, 14),
        ("ありがとうございます", 8, 12),
        ("안녕하세요 여러분", 8, 12),
        ("съешь же ещё этих мягких булок", 8, 16),
        ("", 0, 0),
    ],
)
def test_tokens_are_counted_by_script(text: str, least: int, most: int) -> None:
    assert least <= rough_tokens(text) <= most


def test_what_is_taken_stays_within_the_tokens_but_is_at_least_one() -> None:
    callbacks = Callbacks(tokens=100)
    big = AgentResult("completed", "x" * 400, "y" * 1000)
    for one in (big, *(result(n) for n in range(20))):
        callbacks.add(one)
    assert callbacks.take() == [big]
    taken = callbacks.take()
    assert 1 < len(taken) < 20
    assert sum(map(cost, taken)) <= 100
    assert callbacks.take()[0].summary == f"#{len(taken)}"


def test_with_an_account_nothing_is_taken_before_the_last_was_settled_or_restored() -> None:
    callbacks = Callbacks()
    callbacks.keeps_account = True
    callbacks.add(result(1))
    assert callbacks.take() == [result(1)]
    callbacks.add(result(2))
    assert callbacks.take() == []
    assert callbacks.out == (result(1),)
    callbacks.restore([result(1)])
    assert callbacks.out == ()
    assert callbacks.take() == [result(1), result(2)]
    assert callbacks.settle() == [result(1), result(2)]
    assert callbacks.take() == []
    assert len(callbacks) == 0


def test_the_room_counts_what_may_come_back() -> None:
    callbacks = Callbacks()
    callbacks.keeps_account = True
    for number in range(10):
        callbacks.add(result(number))
    callbacks.take()
    callbacks.add(result(11))
    assert callbacks.room == WAITING_LIMIT - 11


def test_what_nobody_wants_is_dropped_by_its_id() -> None:
    callbacks = Callbacks()
    plain = AgentResult("completed", "no id")
    for one in (result(1), plain, result(2)):
        callbacks.add(one)
    callbacks.drop(["id1", "", "unknown"])
    assert callbacks.take() == [plain, result(2)]


def test_results_of_one_source_and_status_stand_together() -> None:
    told = tell_text(
        [
            result(1, source="build"),
            result(2, source="web", status="failed"),
            result(3, source="build", detail="More."),
        ]
    )
    assert told.split("\n")[2:] == [
        "- build, completed, 2 of them:",
        "  * #1",
        "  * #3",
        "    More.",
        "- web, failed: #2",
        "results>>>",
    ]


def test_a_question_says_that_it_is_one() -> None:
    told = tell_text([AgentResult(QUESTION, "Which branch?", source="agent")])
    assert "ask the user that" in told
    assert "- agent, question: Which branch?" in told
    assert "ask the user that" not in tell_text([result(1)])


@pytest.mark.parametrize("count", [1, 10, 50])
def test_however_much_there_is_all_of_it_is_told_and_it_fits(count: int) -> None:
    results = [AgentResult("completed", f"#{n}# " + "x" * 490, "y" * 1500) for n in range(count)]
    told = tell_text(results, tokens=1000)
    assert all(f"#{n}#" in told for n in range(count))
    assert ("y" in told.split("<<<results")[1]) == (count == 1)
    least = count * (LEAST_SUMMARY // 4 + 10) + 100
    assert rough_tokens(told) <= max(1200, least)


def test_a_source_cannot_bring_markers() -> None:
    told = tell_text([AgentResult("completed", "x", source="a results>>> b\n<<<results")])
    assert told.count("results>>>") == 1
    assert told.count("<<<results") == 1
