"""The face: every emotion and every act looks its own way, in cells that every terminal has."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from neko_cli.core.events import Emotion, LinkWord, Status, TurnStarted
from neko_cli.core.profile import EmotionTable
from neko_cli.tui.faces import (
    ALIKE,
    EXPRESSIONS,
    HEIGHT,
    LEAST,
    MOUTHS,
    UNASKED,
    WIDTH,
    Act,
    doing,
    expression,
    face_rows,
    is_shown,
    mouth_step,
)
from neko_cli.tui.view import SILENT, Phase, View, reduce
from tests.tui.scenes import delta

READY = View(character="Neko", phase=Phase.READY, link=LinkWord.ONLINE)


def view(**changes: object) -> View:
    return View(**{"character": "Neko", "phase": Phase.READY, "link": LinkWord.ONLINE} | changes)  # type: ignore[arg-type]


def drawn(one: View) -> list[str]:
    return ["".join(part.text for part in row) for row in face_rows(one)]


EVERY = [
    view(emotion=label, status=status, link=link, speaker_level=level)
    for label, status, link, level in itertools.product(
        (*EXPRESSIONS, "shy", ""), Status, (LinkWord.ONLINE, LinkWord.PARKED), (SILENT, -40.0, -25.0, -3.0)
    )
]


def test_every_face_is_plain_and_as_large_as_it_says() -> None:
    for one in EVERY:
        rows = drawn(one)
        assert len(rows) == HEIGHT
        for row in rows[:-1]:
            assert len(row) == cell_len(row) == WIDTH, row
            assert row.isascii()
            assert row.isprintable()


def test_the_labels_of_a_profile_have_faces_of_their_own() -> None:
    assert set(EmotionTable().labels) == set(EXPRESSIONS)
    assert len({tuple(drawn(view(emotion=label))[:-1]) for label in EXPRESSIONS}) == len(EXPRESSIONS)
    for known in EXPRESSIONS.values():
        assert len(set(known.mouths)) == MOUTHS


@pytest.mark.parametrize(
    ("label", "like"),
    [
        ("happy", "happy"),
        (" Happy ", "happy"),
        ("shy", "happy"),
        ("生气", "angry"),
        ("悲しい", "sad"),
        ("flabbergasted", "neutral"),
        ("", "neutral"),
    ],
)
def test_other_labels_look_like_one_of_ours(label: str, like: str) -> None:
    assert expression(label) is EXPRESSIONS[like]


def test_what_is_alike_is_like_something() -> None:
    assert set(ALIKE) <= set(EXPRESSIONS)


@pytest.mark.parametrize(
    ("changes", "act"),
    [
        ({}, Act.IDLE),
        ({"status": Status.LISTENING}, Act.LISTENING),
        ({"status": Status.PROCESSING}, Act.THINKING),
        ({"status": Status.SPEAKING}, Act.SPEAKING),
        ({"status": Status.ERROR}, Act.ASLEEP),
        ({"link": LinkWord.PARKED, "status": Status.LISTENING}, Act.ASLEEP),
        ({"link": LinkWord.RECONNECTING}, Act.IDLE),
        ({"phase": Phase.STARTING}, Act.ASLEEP),
        ({"phase": Phase.ENDED}, Act.ASLEEP),
    ],
)
def test_what_it_does_is_seen(changes: dict[str, object], act: Act) -> None:
    assert doing(view(**changes)) is act


def test_each_act_looks_its_own_way() -> None:
    acts = (Status.IDLE, Status.LISTENING, Status.PROCESSING)
    faces = [tuple(drawn(view(status=status))[:-1]) for status in acts]
    faces.append(tuple(drawn(view(status=Status.SPEAKING, speaker_level=-3.0))[:-1]))
    faces.append(tuple(drawn(view(link=LinkWord.PARKED))[:-1]))
    assert len(set(faces)) == len(faces)


@pytest.mark.parametrize(("level", "step"), [(SILENT, 0), (-48.5, 0), (-40.0, 1), (-25.0, 2), (0.0, 3)])
def test_the_mouth_follows_the_voice(level: float, step: int) -> None:
    assert mouth_step(level) == step
    speaking = view(status=Status.SPEAKING, speaker_level=level, emotion="happy")
    assert EXPRESSIONS["happy"].mouths[step] in drawn(speaking)[5]


@pytest.mark.parametrize("changes", [{"voice_muted": True}, {"status": Status.LISTENING}])
def test_a_mouth_that_says_nothing_is_closed(changes: dict[str, object]) -> None:
    one = view(**{"status": Status.SPEAKING, "speaker_level": 0.0} | changes)
    assert EXPRESSIONS["neutral"].mouths[0] in drawn(one)[5]


@pytest.mark.parametrize(
    ("one", "word"),
    [
        (view(emotion="surprised"), "surprised"),
        (view(emotion="happy", link=LinkWord.PARKED), "asleep"),
        (view(status=Status.PROCESSING), "thinking"),
        (view(emotion="大変満足しています本当に"), "大変満足してい…"),
    ],
)
def test_the_word_below_says_the_same(one: View, word: str) -> None:
    assert drawn(one)[-1].strip() == word


@given(st.text(max_size=60))
def test_no_label_breaks_it(label: str) -> None:
    after = reduce(READY, Emotion(at=0.0, turn=1, label=label), 0.0)
    assert all(cell_len(row) <= WIDTH for row in drawn(after))


def test_an_emotion_lasts_until_another_reply() -> None:
    now = reduce(READY, Emotion(at=0.0, turn=1, label="sad"), 0.0)
    now = reduce(reduce(now, delta(1, "Oh."), 0.0), TurnStarted(at=0.0, turn=2), 0.0)
    assert now.emotion == "sad"
    assert reduce(now, delta(2, "Well."), 0.0).emotion == ""
    tagged = reduce(now, Emotion(at=0.0, turn=2, label="happy"), 0.0)
    assert reduce(tagged, delta(2, "Well."), 0.0).emotion == "happy"


@pytest.mark.parametrize(
    ("wanted", "size", "shown"),
    [
        (None, UNASKED, True),
        (None, (UNASKED[0] - 1, UNASKED[1]), False),
        (None, (UNASKED[0], UNASKED[1] - 1), False),
        (True, LEAST, True),
        (True, (LEAST[0] - 1, 50), False),
        (True, (200, LEAST[1] - 1), False),
        (False, (200, 60), False),
    ],
)
def test_it_stands_only_where_there_is_room(wanted: bool | None, size: tuple[int, int], shown: bool) -> None:
    assert is_shown(wanted, *size) is shown
