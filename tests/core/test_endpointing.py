"""Probabilities in, starts and ends of speech out."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.endpointing import Endpointer, SpeechBegan, SpeechEnded

FRAME = 512


def decisions(
    probabilities: list[float], *, threshold: float = 0.5, prefix_ms: int = 0, silence_ms: int = 128
) -> list[SpeechBegan | SpeechEnded]:
    ends = Endpointer(frame_samples=FRAME, threshold=threshold, prefix_ms=prefix_ms, silence_ms=silence_ms)
    return [decision for p in probabilities if (decision := ends.push(p)) is not None]


def test_speech_begins_with_its_first_frame_and_ends_after_the_silence() -> None:
    found = decisions([0.0] * 5 + [0.9] * 10 + [0.0] * 10)
    assert found == [SpeechBegan(5 * FRAME), SpeechEnded((15 + 4) * FRAME)]


def test_a_single_loud_frame_is_no_speech() -> None:
    assert decisions([0.0, 0.9, 0.0, 0.9, 0.0]) == []


def test_how_long_a_sound_must_last_can_be_set() -> None:
    def began(onset_ms: int, frames: int) -> bool:
        ends = Endpointer(frame_samples=FRAME, threshold=0.5, prefix_ms=0, silence_ms=128, onset_ms=onset_ms)
        return any(ends.push(0.9) is not None for _ in range(frames))

    assert began(0, 1)
    assert [began(100, frames) for frames in (3, 4)] == [False, True]  # frames of 32 ms


def test_the_padding_reaches_back_but_not_before_the_stream() -> None:
    assert decisions([0.0] * 20 + [0.9] * 2, prefix_ms=320)[0] == SpeechBegan(10 * FRAME)
    assert decisions([0.0] * 3 + [0.9] * 2, prefix_ms=320)[0] == SpeechBegan(0)


def test_the_padding_never_reaches_into_the_utterance_before() -> None:
    began, ended, again = decisions([0.9] * 5 + [0.0] * 5 + [0.9] * 5, prefix_ms=1000)
    assert isinstance(ended, SpeechEnded)
    assert isinstance(again, SpeechBegan)
    assert again.sample == ended.sample


def test_short_pauses_do_not_end_speech() -> None:
    found = decisions(([0.9] * 5 + [0.0] * 3) * 4 + [0.0] * 4)
    assert [type(decision) for decision in found] == [SpeechBegan, SpeechEnded]


def test_speech_goes_on_a_little_below_the_threshold() -> None:
    assert len(decisions([0.9] * 3 + [0.4] * 20)) == 1
    assert len(decisions([0.9] * 3 + [0.3] * 20)) == 2
    assert len(decisions([0.1] * 3 + [0.0] * 20, threshold=0.1)) == 2


def test_with_a_threshold_of_nothing_everything_is_speech() -> None:
    assert decisions([0.1] * 3 + [0.0] * 20, threshold=0.0) == [SpeechBegan(0)]


def test_after_a_restart_nothing_of_the_past_counts() -> None:
    ends = Endpointer(frame_samples=FRAME, threshold=0.5, prefix_ms=1000, silence_ms=100)
    for _ in range(3):
        ends.push(0.9)
    assert ends.speaking
    ends.restart(10_000)
    assert not ends.speaking
    assert ends.push(0.9) is None
    assert ends.push(0.9) == SpeechBegan(10_000)


@given(
    st.lists(st.floats(0, 1), max_size=300),
    st.floats(0, 1),
    st.integers(0, 2000),
    st.integers(0, 2000),
)
@settings(max_examples=150, deadline=None)
def test_starts_and_ends_alternate_and_never_overlap(
    probabilities: list[float], threshold: float, prefix_ms: int, silence_ms: int
) -> None:
    found = decisions(probabilities, threshold=threshold, prefix_ms=prefix_ms, silence_ms=silence_ms)
    assert [type(d) for d in found] == [SpeechBegan, SpeechEnded] * (len(found) // 2) + [SpeechBegan] * (
        len(found) % 2
    )
    places = [decision.sample for decision in found]
    assert places == sorted(places)
    assert all(0 <= place <= len(probabilities) * FRAME for place in places)


def test_how_long_speech_and_the_silence_since_have_lasted() -> None:
    ends = Endpointer(frame_samples=FRAME, threshold=0.5, prefix_ms=300, silence_ms=320)
    told = []
    for probability in [0.0] * 3 + [0.9] * 4 + [0.0] * 2 + [0.9] + [0.0] * 11:
        ends.push(probability)
        told.append((round(ends.speech_ms), round(ends.quiet_ms)))
    assert told[:4] == [(0, 0)] * 4, "one loud frame is nobody yet"
    assert told[4:10] == [(64, 0), (96, 0), (128, 0), (128, 32), (128, 64), (224, 0)]
    assert told[-2:] == [(0, 0), (0, 0)], "it is over"


def test_the_silence_that_ends_speech_can_change_under_way() -> None:
    ends = Endpointer(frame_samples=FRAME, threshold=0.5, prefix_ms=0, silence_ms=3_200)
    for probability in [0.9] * 4 + [0.0] * 5:
        assert not isinstance(ends.push(probability), SpeechEnded)
    ends.end_after(160)
    assert isinstance(ends.push(0.0), SpeechEnded)
