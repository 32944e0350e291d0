"""A summary of the conversation's own sentences: what matters, in order, within bounds, always the same."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.extract import SENTENCE_LIMIT, split_sentences, summarise

texts = st.text(alphabet="ab cDé1.!?。 \n:我叫は「」'’", max_size=80)
talks = st.lists(st.tuples(st.sampled_from(["user", "assistant", "Mia", "A: b", ""]), texts), max_size=12)


def small_talk(lines: int) -> list[tuple[str, str]]:
    """Talk of no importance, always the same."""
    draw = random.Random(3)
    words = "river garden coffee music window letter autumn morning paper silver table cloud".split()
    return [
        ("assistant" if number % 2 else "user", f"The {' and the '.join(draw.sample(words, 4))} was there.")
        for number in range(lines)
    ]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Hello. How are you? Fine!", ["Hello.", "How are you?", "Fine!"]),
        ("It costs 3.5 euros at neko.example. Good.", ["It costs 3.5 euros at neko.example.", "Good."]),
        ("Dr. Kern met Mr. A. Beck. They left.", ["Dr. Kern met Mr. A. Beck.", "They left."]),
        ("Das ist z. B. so. Und nun?", ["Das ist z. B. so.", "Und nun?"]),
        ('She said "Go." He went.', ['She said "Go."', "He went."]),
        ("我叫小明。我住在北京！真的吗？", ["我叫小明。", "我住在北京！", "真的吗？"]),
        ("彼は「行く。」と言った。次の日です。", ["彼は「行く。」", "と言った。", "次の日です。"]),
        ("one\n\n  two  words ", ["one", "two words"]),
        ("Wait... what?! Yes", ["Wait...", "what?!", "Yes"]),
        ("", []),
    ],
)
def test_sentences_of_many_scripts_are_told_apart(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@given(texts)
def test_splitting_loses_no_character(text: str) -> None:
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


def test_short_talk_is_kept_whole_and_framed() -> None:
    assert (
        summarise("", [("user", "Hello! I am Mia."), ("user", "It rains."), ("assistant", "Take a coat.")])
        == "User: Hello! I am Mia. It rains.\nAssistant: Take a coat."
    )


@pytest.mark.parametrize(
    "fact",
    [
        "My name is Mia Weber.",
        "I live in a small house near Bremen.",
        "Please remember that I'm allergic to nuts.",
        "Ich heiße Jonas und wohne in Kiel.",
        "Vergiss nicht, dass meine Schwester am Montag kommt.",
        "我叫小明，住在北京。",
        "请记住我对花生过敏。",
        "私の名前は健太です。",
        "猫が好きなので、覚えておいてください。",
    ],
)
@pytest.mark.parametrize("place", [5, 100, 195])
def test_what_the_user_says_about_themselves_survives_small_talk(fact: str, place: int) -> None:
    lines = small_talk(200)
    lines.insert(place, ("user", fact))
    assert fact in summarise("", lines, limit_chars=400)


def test_a_fact_survives_being_summed_up_again_and_again() -> None:
    summary = summarise("", [("user", "My name is Mia."), *small_talk(60)])
    for _ in range(20):
        summary = summarise(summary, small_talk(60))
    assert "My name is Mia." in summary
    assert summary.count("My name is Mia.") == 1


def test_an_earlier_summary_in_prose_is_kept_as_such() -> None:
    assert (
        summarise("They met in Rome.", [("user", "And now?")]) == "Earlier: They met in Rome.\nUser: And now?"
    )


def test_a_question_is_no_fact() -> None:
    lines = [
        *small_talk(50),
        ("user", "Do you remember my name?"),
        ("user", "Row 7, seat 12."),
        *small_talk(49),
    ]
    assert summarise("", lines, limit_chars=35) == "User: Row 7, seat 12."


def test_what_is_said_twice_is_told_once_where_it_first_stood() -> None:
    lines = [("user", "I like tea."), ("assistant", "Good."), ("user", "i like TEA. I do.")]
    assert summarise("", lines) == "User: I like tea.\nAssistant: Good.\nUser: I do."


def test_facts_from_far_apart_keep_their_order() -> None:
    lines = small_talk(200)
    for at, name in ((1, "Ann"), (9, "Bob"), (64, "Cid"), (136, "Dan")):
        lines[at] = ("user", f"My brother {name} called.")
    summary = summarise("", lines, limit_chars=140)
    assert summary == "User: " + " ".join(
        f"My brother {name} called." for name in ("Ann", "Bob", "Cid", "Dan")
    )


@given(texts, talks, st.integers(0, 300))
def test_a_summary_is_bounded_and_made_of_what_was_said(earlier, lines, limit) -> None:
    summary = summarise(earlier, lines, limit_chars=limit)
    assert len(summary) <= limit
    assert summary == summarise(earlier, lines, limit_chars=limit)
    source = "".join("".join(text.split()) for text in [earlier, *(text for _, text in lines)])
    for line in summary.splitlines():
        assert all(word in source for word in line.partition(": ")[2].split())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["user", "assistant"]), st.lists(st.sampled_from("ab cd ef".split()), max_size=5)
        ),
        min_size=1,
        max_size=20,
    ),
    st.integers(40, 300),
)
def test_a_summary_keeps_the_order_and_who_said_it(lines, limit) -> None:
    said = [(who, f"{' '.join(words)} {number}.") for number, (who, words) in enumerate(lines)]
    found = []
    for line in summarise("", said, limit_chars=limit).splitlines():
        who, _, what = line.partition(": ")
        for sentence in split_sentences(what):
            found.append(int(sentence.removesuffix(".").split()[-1]))
            assert lines[found[-1]][0] == who.lower()
    assert found == sorted(set(found))
    assert found


def test_a_sentence_without_end_is_cut() -> None:
    summary = summarise("", [("user", "word " * 500)])
    assert summary.endswith("…")
    assert len(summary) <= len("User: ") + SENTENCE_LIMIT


def test_the_summary_does_not_hang_on_the_hash_seed() -> None:
    program = (
        "from tests.core.test_extract import small_talk\n"
        "from neko_cli.core.extract import summarise\n"
        "print(summarise('', small_talk(120)))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            check=True,
            timeout=30,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1
    assert outputs != {b""}


@pytest.mark.serial
def test_the_work_grows_with_the_lines_and_no_faster() -> None:
    lines = small_talk(400)

    def took(count: int) -> float:
        times = []
        for _ in range(20):
            begun = time.process_time()
            summarise("", lines[:count])
            times.append(time.process_time() - begun)
        return min(times)

    # Four times the lines; sixteen times the work would be each with each.
    assert took(400) < 9 * took(100)
