"""The user's voice on its way to the provider: what is kept, what is sent again, and when it ends."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core import uplink as module
from neko_cli.core.errors import LinkError
from neko_cli.core.kept_sound import SENT_S, TICKS
from neko_cli.core.uplink import LEAD_MS, UNSENT_S, UNSURE_MS, Uplink
from tests.fakes.outlet import FakeLink, attach, loud, numbered, spoken

RATES = (8_000, 16_000, 24_000, 44_100, 48_000)


# -- the real bounds ----------------------------------------------------------------------------


def test_what_is_sent_again_to_a_slow_link_is_not_pushed_out_by_what_comes_meanwhile():
    uplink, first, second = Uplink(), FakeLink(), FakeLink(room_ms=2000.0)
    uplink.attach(first, again=False)
    spoken(uplink, 25_000)
    uplink.detach()
    attached = uplink.attach(second, again=False)
    assert attached.resent_ms == 25_000.0
    spoken(uplink, 1_000)  # the first seconds of the new link
    assert uplink.dropped_ms == 0.0
    for _ in range(40):
        second.flow()
        uplink.pump()
    assert len(second.got) == 2 * 26 * 24_000


def test_a_second_lost_link_loses_nothing_of_what_the_first_had():
    uplink = Uplink()
    uplink.attach(FakeLink(), again=False)
    spoken(uplink, 20_000)
    uplink.detach()
    uplink.attach(FakeLink(room_ms=2000.0), again=False)
    uplink.detach()
    spoken(uplink, 7_000)
    third = FakeLink()
    attached = uplink.attach(third, again=False)
    assert uplink.dropped_ms == 0.0
    assert len(third.got) == 2 * 27 * 24_000
    assert attached.resent_ms + attached.cached_ms == 27_000.0


@pytest.mark.parametrize("rate", RATES)
def test_without_a_link_the_newest_8_s_are_kept_and_the_rest_is_counted(rate):
    uplink, link = Uplink(), FakeLink(rate)
    spoken(uplink, 20_000, rate)
    assert uplink.dropped_ms == 12_000.0
    assert uplink.waiting_ms == UNSENT_S * 1000.0
    assert uplink.attach(link, again=False) == (0.0, 8000.0)
    assert len(link.got) == 2 * 8 * rate


def test_sound_that_comes_in_one_piece_is_bounded_as_well():
    uplink, link = Uplink(), FakeLink()
    uplink.push(b"\x01\x00" * (24_000 * 20), 24_000)
    assert uplink.dropped_ms == 12_000.0
    uplink.attach(link, again=False)
    assert len(link.got) == 2 * 8 * 24_000


@pytest.mark.parametrize("rate", RATES)
def test_the_newest_30_s_of_what_was_sent_are_sent_again(rate):
    uplink, second = Uplink(), FakeLink(rate)
    uplink.attach(FakeLink(rate), again=False)
    spoken(uplink, 40_000, rate)
    uplink.detach()
    assert uplink.attach(second, again=False) == (SENT_S * 1000.0, 0.0)
    assert len(second.got) == 2 * SENT_S * rate
    assert uplink.dropped_ms == 0.0


def test_parked_only_the_last_moments_are_kept_and_nothing_is_told():
    uplink, link = Uplink(), FakeLink()
    uplink.idle = True
    spoken(uplink, 60_000)
    assert uplink.waiting_ms == 2000.0
    assert uplink.dropped_ms == 0.0
    uplink.attach(link, again=False)
    assert len(link.got) == 2 * 2 * 24_000


def test_empty_chunks_are_not_kept():
    uplink = Uplink()
    for _ in range(1000):
        uplink.push(b"", 24_000)
    assert len(uplink._sound) == 0


@pytest.mark.parametrize("again", [False, True])
def test_samples_that_chunks_cut_in_two_are_whole_for_each_link(again):
    """A reader of a pipe gives chunks of any length; half a sample of the old one would be noise."""
    uplink, first, second = Uplink(), FakeLink(), FakeLink()
    uplink.attach(first, again=False)
    sound = numbered(1, 900)
    for at in range(0, len(sound), 37):
        uplink.push(sound[at : at + 37], 24_000)
    assert bytes(first.got) == sound
    uplink.commit("u1", 1, 10.0)  # 240 samples
    if again:
        uplink.settle("u1")
    uplink.detach()
    attached = uplink.attach(second, again=again)
    assert bytes(second.got) == numbered(241, 660)
    assert attached.resent_ms == 27.5


def test_after_a_committed_utterance_is_gone_the_oldest_still_goes_first():
    uplink, third = Uplink(), FakeLink(8_000)
    uplink.attach(FakeLink(8_000), again=False)
    for n in range(10):
        uplink.push(numbered(100 * n, 100), 8_000)
    uplink.commit("u1", 1, None)
    uplink.detach()
    uplink.attach(FakeLink(8_000, room_ms=-1.0), again=False)
    uplink.push(numbered(1_000, 8 * 8_000), 8_000)
    uplink.push(numbered(65_000, 500), 8_000)
    uplink.detach()
    uplink.attach(third, again=False)
    assert third.samples == [*range(1_500, 65_000), *range(65_000, 65_500)]


# -- utterances ---------------------------------------------------------------------------------


def test_what_is_settled_is_never_sent_again_and_what_is_committed_only_when_asked():
    for again, expected in ((False, range(701, 901)), (True, range(301, 901))):
        uplink, second = Uplink(), FakeLink()
        uplink.attach(FakeLink(), again=False)
        uplink.push(numbered(1, 900), 24_000)
        uplink.commit("u1", 1, 12.5)  # 300 samples
        uplink.settle("u1")
        uplink.commit("u2", 2, 700 / 24)
        uplink.detach()
        uplink.attach(second, again=again)
        assert second.samples == list(expected)


@pytest.mark.parametrize("at_ms", [-1.0, -1e300, 1e9, 1e300, 1.7e308])
def test_a_time_that_makes_no_sense_is_taken_as_the_nearest_that_does(at_ms):
    uplink, second = Uplink(), FakeLink()
    uplink.attach(FakeLink(), again=False)
    uplink.push(numbered(1, 240), 24_000)
    uplink.commit("u1", 1, at_ms)
    uplink.speech_began(at_ms)
    uplink.detach()
    uplink.attach(second, again=False)
    assert second.samples == ([] if at_ms > 0 else list(range(1, 241)))


def test_sound_before_speech_is_kept_only_as_far_as_a_detector_needs_it():
    uplink, second = Uplink(), FakeLink()
    uplink.attach(FakeLink(), again=False)
    spoken(uplink, 10_000)
    uplink.speech_began(9_000.0)
    uplink.detach()
    assert uplink.attach(second, again=False).resent_ms == 1_000.0 + LEAD_MS


def test_speech_does_not_settle_an_utterance_whose_words_are_due():
    uplink, second = Uplink(), FakeLink()
    uplink.attach(FakeLink(), again=False)
    spoken(uplink, 10_000)
    uplink.commit("u1", 1, 5_000.0)
    uplink.speech_began(9_000.0)  # but what lies between them was silence
    uplink.detach()
    assert uplink.attach(second, again=True).resent_ms == 5_000.0 + LEAD_MS + 1_000.0


def test_words_that_never_come_do_not_keep_marks_for_ever():
    uplink = Uplink()
    uplink.attach(FakeLink(), again=False)
    for n in range(1000):
        spoken(uplink, 100)
        uplink.commit(f"u{n}", n, None)
    assert len(uplink._taken) <= module.MARKS
    uplink.detach()
    assert uplink.attach(FakeLink(), again=True).resent_ms <= SENT_S * 1000.0


def test_an_utterance_whose_words_are_known_is_left_out_between_two_whose_words_are_due():
    """Words come in any order."""
    uplink, second = Uplink(), FakeLink()
    uplink.attach(FakeLink(), again=False)
    uplink.push(numbered(1, 900), 24_000)
    for name, turn, until in (("u1", 1, 300), ("u2", 2, 500), ("u3", 3, 800)):
        uplink.commit(name, turn, until / 24)
    uplink.settle("u2")
    attached = attach(uplink, second, again=True)
    assert second.samples == [*range(1, 301), *range(501, 901)]
    assert attached.resent_ms == pytest.approx(700 / 24)


def test_turns_that_are_over_settle_all_that_was_said_in_them():
    uplink, second = Uplink(), FakeLink()
    uplink.attach(FakeLink(), again=False)
    uplink.push(numbered(1, 900), 24_000)
    for name, turn, until in (("u1", 1, 100), ("u2", 3, 500), ("u3", 2, 600), ("u4", 2, 800)):
        uplink.commit(name, turn, until / 24)
    uplink.settle_turns(2)
    attach(uplink, second, again=True)
    assert second.samples == [*range(101, 501), *range(801, 901)]


def test_what_was_sent_again_is_committed_and_settled_by_the_names_of_the_new_link():
    uplink, second, third = Uplink(), FakeLink(), FakeLink()
    uplink.attach(FakeLink(), again=False)
    uplink.push(numbered(1, 900), 24_000)
    uplink.commit("u1", 1, 300 / 24)
    uplink.commit("u2", 2, 600 / 24)
    attach(uplink, second, again=True)
    uplink.settle("u1")  # of the link before: means nothing here
    uplink.commit("u1", 2, 600 / 24)
    uplink.settle("u1")
    attach(uplink, third, again=True)
    assert second.samples == list(range(1, 901))
    assert third.samples == list(range(601, 901))


def test_times_of_a_provider_count_from_its_own_first_sample():
    uplink, second, third = Uplink(), FakeLink(), FakeLink()
    uplink.attach(FakeLink(), again=False)
    uplink.push(numbered(1, 900), 24_000)
    uplink.commit("u1", 1, 300 / 24)
    attach(uplink, second)
    uplink.commit("u2", 2, 300 / 24)
    attach(uplink, third)
    assert third.samples == list(range(601, 901))


def test_a_fresh_link_that_goes_on_by_a_handle_is_sent_only_what_the_one_before_did_not_get():
    uplink, first, second = Uplink(), FakeLink(), FakeLink()
    uplink.detects = False  # nobody is heard
    uplink.attach(first, again=False)
    uplink.push(numbered(1, 900), 24_000)
    uplink.commit("u1", 1, 300 / 24)
    attached = attach(uplink, second, again=True, unsent_ms=100 / 24, silence_ms=0.0)
    # What words are due of is no silence.
    assert second.samples == [*range(1, 301), *range(801, 901)]
    assert attached == (pytest.approx(300 / 24), pytest.approx(100 / 24))


# -- other rates, and memory --------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(RATES),
    st.lists(st.tuples(st.sampled_from(RATES), st.integers(1, 4_000)), min_size=1, max_size=30),
)
def test_sound_of_any_rate_lasts_as_long_on_the_link(target, chunks):
    uplink, link = Uplink(), FakeLink(target)
    uplink.attach(link, again=False)
    for rate, count in chunks:
        uplink.push(b"\x01\x00" * count, rate)
    uplink.on_end = link.ended
    uplink.finish(1)
    assert link.ends == [(1, len(link.got) // 2)]
    expected = sum(count * target / rate for rate, count in chunks)
    # Each change of rates, and the end, may round by a sample or two.
    assert len(link.got) // 2 == pytest.approx(expected, abs=3 * len(chunks))
    assert uplink.utterance_ms == pytest.approx(sum(1000 * count / rate for rate, count in chunks))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 300_000)), max_size=40))
def test_memory_is_bounded_whatever_comes(pushes):
    uplink = Uplink()
    for attached, count in pushes:
        if attached:
            uplink.attach(FakeLink(8_000, room_ms=1_000.0), again=True)
        uplink.push(bytes(2 * count), 8_000)
        kept = sum(len(chunk.pcm) for chunk in uplink._sound._chunks)
        assert kept <= 2 * 8_000 * (SENT_S + UNSENT_S) + 2 * count


def test_old_silence_is_not_kept_and_a_voice_in_it_is():
    uplink, link, quiet = Uplink(), FakeLink(), bytes(2 * 24_000)
    uplink.attach(link, again=False)
    for _ in range(20):
        uplink.push(quiet, 24_000)
        uplink.forget_quiet(1_000.0)
    assert uplink._sound.end - uplink._sound.first == 9 * TICKS, "what a lost link may be sent again"
    voice = loud(1_000)
    for sound in (voice, *[quiet] * 20):
        uplink.push(sound, 24_000)
        uplink.forget_quiet(0.0)
    second = FakeLink()
    attached = uplink.attach(second, again=True, silence_ms=UNSURE_MS)
    assert attached.resent_ms == pytest.approx(LEAD_MS + 21_000.0)
    assert voice in bytes(second.got)


# -- a sender that is faster than real time -----------------------------------------------------


async def test_a_fast_sender_waits_for_room_and_goes_on():
    uplink, link = Uplink(), FakeLink(room_ms=2_000.0)
    uplink.attach(link, again=False)
    spoken(uplink, 10_000)
    with pytest.raises(LinkError):
        await uplink.room(0.01)
    waiting = asyncio.ensure_future(uplink.room(5.0))
    while not waiting.done():
        link.flow()
        uplink.pump()
        await asyncio.sleep(0)
    await waiting
    assert uplink.dropped_ms == 0.0


@pytest.mark.parametrize(("heard_ms", "resent_ms"), [(500, 500.0), (10_000, module.SILENT_MS)])
def test_of_what_was_silence_over_a_healthy_link_only_the_newest_is_sent_again(heard_ms, resent_ms):
    uplink, second = Uplink(), FakeLink()
    uplink.attach(FakeLink(), again=False)
    spoken(uplink, heard_ms)
    uplink.detach()
    spoken(uplink, 300)  # held, and never left out
    attached = uplink.attach(second, again=False, silence_ms=module.SILENT_MS)
    assert attached == (resent_ms, 300.0)
    assert len(second.got) == 2 * 24 * (resent_ms + 300)


def test_sound_that_waited_goes_in_pieces_and_whole():
    uplink, link = Uplink(), FakeLink()
    sizes: list[int] = []
    whole = numbered(1, 24_000)
    for at in range(0, len(whole), 480):
        uplink.push(whole[at : at + 480], 24_000)
    send = link.send
    link.send = lambda command: (sizes.append(len(command.pcm)), send(command))  # type: ignore[method-assign]
    uplink.attach(link, again=False)
    assert sizes == [4800] * 10
    assert bytes(link.got) == whole
