"""Where the pieces that are read aloud end in the text that was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.speech.speaker_text import SpeakerText
from neko_cli.speech.tts.places import Places


def ends(text: str) -> list[str]:
    """What of a text ends with each of its pieces."""
    places, speaker = Places(), SpeakerText()
    pieces = []
    for char in text:
        places.text(char)
        new = speaker.push(char)
        places.add(new)
        pieces += new
    last = speaker.flush()
    places.add(last)
    pieces += last
    found = []
    for _ in pieces:
        places.next()
        found.append(text[: places.reached])
    return found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One two. Three.", ["One two.", "One two. Three."]),
        ("**One** two! `x = 1` Three.", ["**One** two!", "**One** two! `x = 1` Three."]),
        ("你好。我是猫。", ["你好。", "你好。我是猫。"]),
        ("See https://example.org/a. Then go.", ["See", "See https://example.org/a. Then go."]),
        ("", []),
        ("...", []),
    ],
)
def test_a_piece_ends_where_its_last_letter_stands(text: str, found: list[str]) -> None:
    assert ends(text) == found


@given(st.text(alphabet="abAB .,!?`*_[]()<>\n你好。，1", max_size=200))
def test_places_grow_and_stay_within_the_text(text: str) -> None:
    found = [len(part) for part in ends(text)]
    assert found == sorted(found)
    assert all(0 < size <= len(text) for size in found)


def test_a_piece_that_is_not_spoken_leaves_no_place() -> None:
    places = Places()
    places.text("One. Two. Three.")
    places.add(["One.", "Two."])
    places.drop()
    places.add(["Three."])
    places.next()
    assert places.reached == 4
    places.next()
    places.next()
    assert places.reached == 16
