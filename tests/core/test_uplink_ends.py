"""Where utterances end: by a key, by the provider's commit, by silence; and what each next link is told."""

from __future__ import annotations

import pytest

from neko_cli.core import uplink as module
from neko_cli.core.uplink import LEAD_MS, Uplink
from tests.fakes.outlet import FakeLink, attach, loud, numbered, quiet, spoken


def of_ours() -> Uplink:
    """One whose utterances a key ends."""
    uplink = Uplink()
    uplink.detects = False
    return uplink


def say(uplink: Uplink, first: int, count: int, turn: int) -> None:
    """An utterance that a key begins and ends."""
    uplink.begin()
    uplink.push(numbered(first, count), 24_000)
    uplink.finish(turn)


def drain(uplink: Uplink, link: FakeLink) -> None:
    """Let all that waits go over a slow link."""
    while uplink.waiting_ms:
        link.flow()
        uplink.pump()


# -- commits without a time ---------------------------------------------------------------------


def test_a_commit_without_a_time_is_the_oldest_utterance_that_is_over():
    """Speech of 500 ms and the silence that ends it, twice; then the provider answers both."""
    uplink, second, third = Uplink(), FakeLink(), FakeLink()
    uplink.attach(FakeLink(), again=False)
    uplink.stretches.silence_ms = 700.0
    for _ in range(2):
        uplink.push(loud(500) + quiet(1_000), 24_000)
    uplink.push(loud(300), 24_000)
    uplink.commit("u1", 1, None, silence_ms=700.0)
    assert attach(uplink, second).resent_ms == 1_500.0 + 300.0 + 300.0
    uplink.commit("u2", 2, None, silence_ms=700.0)
    assert attach(uplink, third).resent_ms == 300.0 + 300.0
    assert uplink.has_speech


def test_what_is_committed_thrown_away_or_ended_by_us_is_no_speech_that_waits():
    uplink, link = Uplink(), FakeLink()
    attach(uplink, link)
    uplink.push(loud(500) + quiet(1_000), 24_000)
    assert uplink.has_speech
    uplink.commit("u1", 1, 600.0)
    assert not uplink.has_speech
    uplink.push(loud(500), 24_000)
    assert uplink.stretches.open
    uplink.finish(2)
    assert uplink.has_speech
    assert not uplink.stretches.open
    uplink.commit("u2", 2, None)
    assert not uplink.has_speech
    uplink.push(loud(500), 24_000)
    uplink.discard()
    assert not uplink.has_speech


def test_speech_is_found_where_it_is_when_sound_before_it_was_lost():
    """The link has stood still for so long that the oldest sound went; then it takes all."""
    uplink, link, second = Uplink(), FakeLink(room_ms=-1.0), FakeLink()
    attach(uplink, link)
    uplink.push(quiet(4_000), 24_000)
    uplink.push(loud(500) + quiet(1_000), 24_000)
    uplink.push(quiet(5_500), 24_000)
    assert uplink.dropped_ms == 3_000.0
    link.room_ms = 1e9
    uplink.pump()
    uplink.commit("u1", 1, None, silence_ms=700.0)
    assert attach(uplink, second).resent_ms == 8_000.0 - 1_000.0 - 500.0 - 700.0


def test_a_commit_of_what_we_do_not_hear_as_over_leaves_the_silence_that_a_detector_needs():
    uplink, second = Uplink(), FakeLink()
    uplink.attach(FakeLink(), again=False)
    uplink.push(loud(2_000), 24_000)
    uplink.commit("u1", 1, None, silence_ms=700.0)
    assert attach(uplink, second).resent_ms == 700.0


def test_speech_that_is_told_without_a_time_began_where_we_heard_it():
    uplink, second = Uplink(), FakeLink()
    uplink.attach(FakeLink(), again=False)
    uplink.push(quiet(5_000) + loud(400), 24_000)
    uplink.speech_began(None)
    assert attach(uplink, second).resent_ms == LEAD_MS + 400.0
    uplink.commit("u1", 1, 5_400.0)
    uplink.speech_began(None)  # nothing is heard: nothing is known
    assert attach(uplink, FakeLink(), again=True).resent_ms == LEAD_MS + 400.0


def test_what_the_provider_took_for_no_speech_is_let_go_of_and_what_came_since_is_not():
    uplink, second = Uplink(), FakeLink()
    uplink.attach(FakeLink(), again=False)
    uplink.push(loud(500) + quiet(1_000), 24_000)
    position = uplink.sent
    uplink.push(loud(500), 24_000)
    uplink.rest(position)
    assert uplink.has_speech
    assert attach(uplink, second).resent_ms == 300.0 + 500.0
    uplink.push(quiet(1_000), 24_000)
    uplink.rest(uplink.sent)
    assert not uplink.has_speech
    assert attach(uplink, FakeLink()).resent_ms == 300.0


def test_nothing_is_let_go_of_while_somebody_still_speaks():
    uplink = Uplink()
    uplink.attach(FakeLink(), again=False)
    uplink.push(loud(500), 24_000)
    uplink.rest(uplink.sent)
    assert uplink.has_speech
    assert attach(uplink, FakeLink()).resent_ms == 500.0


def test_speech_is_told_with_each_piece_that_has_some_and_only_where_a_detector_is():
    uplink, told = Uplink(), []
    uplink.on_speech = lambda: told.append(uplink.stretches.is_sure)
    uplink.push(quiet(500), 24_000)
    assert told == []
    for _ in range(10):
        uplink.push(loud(20), 24_000)
    assert len(told) == 10
    assert (told[0], told[-1]) == (False, True)
    uplink.detects = False
    uplink.push(loud(100), 24_000)
    assert len(told) == 10


# -- the end of an utterance --------------------------------------------------------------------


def test_an_utterance_ends_after_its_last_sound():
    uplink, link = Uplink(), FakeLink(room_ms=100.0)
    attach(uplink, link)
    spoken(uplink, 1_000)
    uplink.finish(1)
    assert link.ends == []
    for _ in range(20):
        link.flow()
        uplink.pump()
    assert link.ends == [(1, 24_000)]


def test_an_utterance_ends_before_the_first_sound_of_the_next():
    uplink, link = of_ours(), FakeLink(room_ms=10.0)
    attach(uplink, link)
    for turn in range(1, 4):
        uplink.begin()
        for at in range(5):
            uplink.push(numbered(500 * turn + 100 * at, 100), 24_000)
        uplink.finish(turn)
    uplink.push(numbered(2_000, 50), 24_000)
    drain(uplink, link)
    assert link.ends == [(1, 500), (2, 1_000), (3, 1_500)]
    assert link.samples == list(range(500, 2_050))


def test_an_utterance_ends_after_the_rest_of_the_resampler():
    uplink, link = Uplink(), FakeLink(24_000)
    attach(uplink, link)
    spoken(uplink, 1_000, 44_100)
    held_back = len(link.got) // 2
    uplink.finish(1)
    assert held_back < link.ends[0][1]
    assert link.ends == [(1, pytest.approx(24_000, abs=50))]
    spoken(uplink, 1_000, 44_100)
    uplink.finish(2)
    assert link.ends[1] == (2, pytest.approx(48_000, abs=100))


def test_an_utterance_that_ends_without_a_link_ends_on_the_next():
    uplink, link = Uplink(), FakeLink()
    spoken(uplink, 1_000)
    uplink.finish(1)
    attach(uplink, link)
    assert link.ends == [(1, 24_000)]


def test_an_end_is_told_to_each_link_that_is_sent_the_sound_until_it_is_taken():
    uplink, links = of_ours(), [FakeLink(), FakeLink(), FakeLink(), FakeLink()]
    attach(uplink, links[0])
    say(uplink, 1, 300, 1)
    say(uplink, 301, 300, 2)
    attach(uplink, links[1])
    uplink.commit("u1", 1, None)
    attach(uplink, links[2])
    say(uplink, 601, 300, 3)
    uplink.commit("u2", 2, None)
    uplink.commit("u3", 3, None)
    attach(uplink, links[3])
    assert [link.ends for link in links] == [
        [(1, 300), (2, 600)],
        [(1, 300), (2, 600)],
        [(2, 300), (3, 600)],
        [],
    ]
    assert links[2].samples == list(range(301, 901))
    assert links[3].samples == []


def test_an_end_goes_with_its_sound_when_words_are_due():
    """What was taken and is sent again is ended again; what was settled is neither."""
    uplink, second = of_ours(), FakeLink()
    attach(uplink, FakeLink())
    for turn in range(1, 4):
        say(uplink, 300 * turn, 300, turn)
        uplink.commit(f"u{turn}", turn, None)
    assert uplink.ended_by_us(2)
    uplink.settle("u1")
    assert not uplink.ended_by_us(1)
    uplink.settle("u3")
    attach(uplink, second, again=True)
    assert second.samples == list(range(600, 900))
    assert second.ends == [(2, 300)]
    assert [turn for turn in range(1, 5) if uplink.ended_by_us(turn)] == [2]
    uplink.settle_turns(2)  # the new link has not taken it
    assert uplink.ended_by_us(2)
    uplink.commit("again", 2, None)
    uplink.settle_turns(2)
    assert not uplink.ended_by_us(2)


def test_commits_come_in_the_order_of_the_ends_one_for_each():
    """Both were told before the provider has answered the first; what came since belongs to neither."""
    uplink, second = of_ours(), FakeLink()
    attach(uplink, FakeLink())
    say(uplink, 1, 300, 1)
    say(uplink, 301, 300, 2)
    uplink.begin()
    uplink.push(numbered(601, 300), 24_000)
    uplink.commit("u1", 1, None)
    uplink.commit("u2", 2, None)
    uplink.settle("u1")
    attach(uplink, second, again=True)
    assert second.samples == list(range(301, 901))
    assert second.ends == [(2, 300)]


def test_a_time_that_the_provider_tells_takes_all_that_we_ended_before_it():
    uplink, second = of_ours(), FakeLink()
    attach(uplink, FakeLink())
    for turn in range(1, 4):
        say(uplink, 300 * turn, 300, turn)
    uplink.commit("u2", 2, 600 / 24)
    attach(uplink, second)
    assert second.ends == [(3, 300)]
    assert second.samples == list(range(900, 1_200))


def test_the_provider_s_detector_does_not_make_silence_of_what_we_ended():
    """It was on until a moment ago, and hears the next utterance before it has taken the last."""
    uplink, second = of_ours(), FakeLink()
    attach(uplink, FakeLink())
    say(uplink, 1, 24_000, 1)
    say(uplink, 1, 24_000, 2)
    uplink.speech_began(1_900.0)
    attach(uplink, second)
    assert second.ends == [(1, 24_000), (2, 48_000)]


def test_only_the_open_utterance_is_thrown_away():
    uplink, link, second = of_ours(), FakeLink(), FakeLink()
    attach(uplink, link)
    say(uplink, 1, 300, 1)
    uplink.begin()
    uplink.push(numbered(1_001, 300), 24_000)
    assert uplink.discard()
    say(uplink, 301, 300, 2)
    uplink.commit("u1", 1, None)
    attach(uplink, second, again=True)
    assert link.samples == [*range(1, 301), *range(1_001, 1_301), *range(301, 601)]
    assert second.samples == list(range(1, 601))
    assert second.ends == [(1, 300), (2, 600)]


def test_what_was_not_given_to_the_provider_is_thrown_away_without_a_word():
    uplink, link = of_ours(), FakeLink()
    uplink.begin()
    uplink.push(numbered(1_001, 300), 24_000)
    assert not uplink.discard()
    assert not uplink.discard()
    say(uplink, 1, 300, 1)
    attach(uplink, link)
    assert link.samples == list(range(1, 301))
    assert not uplink.discard()


def test_a_finished_utterance_that_still_waits_is_not_thrown_away_with_the_next():
    uplink, link = of_ours(), FakeLink(room_ms=5.0)
    attach(uplink, link)
    uplink.begin()
    for at in range(10):
        uplink.push(numbered(1 + 100 * at, 100), 24_000)
    uplink.finish(1)
    uplink.begin()
    uplink.push(numbered(2_001, 100), 24_000)
    assert not uplink.discard()
    drain(uplink, link)
    assert link.samples == list(range(1, 1_001))
    assert link.ends == [(1, 1_000)]


def test_a_session_that_ends_forgets_all_ends():
    uplink, link = of_ours(), FakeLink()
    attach(uplink, FakeLink(room_ms=-1.0))
    say(uplink, 1, 300, 1)
    uplink.reset()
    attach(uplink, link, again=True)
    assert (link.samples, link.ends, uplink.ended_by_us(1)) == ([], [], False)
    assert len(uplink._sound) == 0


def test_an_end_keeps_its_place_when_what_came_before_it_is_lost():
    uplink, link = of_ours(), FakeLink(8_000)
    uplink.begin()
    spoken(uplink, 5_000, 8_000)
    uplink.finish(1)
    uplink.begin()
    spoken(uplink, 6_000, 8_000)
    assert uplink.dropped_ms == 3_000.0
    assert uplink.utterance_ms == 6_000.0
    attach(uplink, link)
    assert link.ends == [(1, 2 * 8_000)]
    assert len(link.got) == 2 * 8 * 8_000


def test_a_key_begins_an_utterance_without_what_came_before():
    uplink, link = Uplink(), FakeLink()
    spoken(uplink, 3_000)
    uplink.begin()
    assert uplink.utterance_ms == 0.0
    spoken(uplink, 500)
    assert uplink.utterance_ms == 500.0
    assert uplink.attach(link, again=False) == (0.0, 500.0)


def test_a_key_begins_an_utterance_behind_those_that_are_finished():
    uplink, link = of_ours(), FakeLink()
    say(uplink, 1, 300, 1)
    say(uplink, 301, 300, 2)
    uplink.begin()
    assert uplink.utterance_ms == 0.0
    attach(uplink, link)
    assert link.samples == list(range(1, 601))
    assert link.ends == [(1, 300), (2, 600)]


def test_how_long_the_open_utterance_is_does_not_change_with_the_link():
    uplink = of_ours()
    attach(uplink, FakeLink())
    say(uplink, 1, 300, 1)
    uplink.commit("u1", 1, None)
    say(uplink, 301, 300, 2)
    uplink.begin()
    uplink.push(numbered(601, 240), 24_000)
    for again in (True, False):
        attach(uplink, FakeLink(), again=again)
        assert uplink.utterance_ms == 10.0


# -- the end of the sound -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sound", "heard", "follows"),
    [
        (loud(500), False, True),
        (loud(500), True, True),
        (quiet(500), True, True),
        (quiet(500), False, False),
        (loud(500) + quiet(2_000), False, False),
    ],
)
def test_silence_follows_where_a_detector_is_to_hear_an_end(sound, heard, follows):
    uplink, link = Uplink(), FakeLink()
    uplink.stretches.silence_ms = 500.0
    attach(uplink, link)
    uplink.push(sound, 24_000)
    uplink.fall_silent(heard=heard)
    rest = quiet(500.0 + module.TAIL_MS) if follows else b""
    assert bytes(link.got) == sound + rest
    assert not uplink.stretches.open


def test_nothing_follows_where_there_was_no_sound():
    uplink, link = Uplink(), FakeLink()
    attach(uplink, link)
    uplink.fall_silent(heard=True)
    assert link.samples == []
