"""A session's devices are changed while talking, and others stand in for those that are unplugged."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from neko_cli.core.device_standing import DeviceKind
from neko_cli.core.errors import AudioError, NoMicrophone, NoSpeaker
from neko_cli.core.events import InputMode, Notice, NoticeKind, ReplyAudio, Severity, TurnEnded
from tests.fakes.sound import FakeMicrophone, FakeSound, FakeSpeaker
from tests.fakes.staging import COLD, staged
from tests.fakes.staging import sound as sent
from tests.fakes.virtual import virtual

NOISE = b"\x08\x00" * 240


def named(microphone: str = "", speaker: str = "") -> dict[str, Any]:
    return {**COLD, "sound": {"microphone": microphone, "speaker": speaker}}


class Asked:
    """A session with devices; ``kept`` is what was remembered."""

    def __init__(self, sound: FakeSound, profile: dict[str, Any]) -> None:
        self.sound = sound
        self.kept: list[tuple[DeviceKind, str]] = []
        self.cast = staged(
            profile,
            speaker=sound.speaker(profile["sound"]["speaker"]),
            sound=sound,
            remember_device=lambda kind, name: self.kept.append((kind, name)),
        )


def sounds(stage: Any) -> list[str]:
    return [notice.text for notice in stage.told(Notice, kind=NoticeKind.SOUND)]


async def hears(microphone: FakeMicrophone) -> None:
    """Time for what it has captured to be taken."""
    microphone.hear(NOISE)
    await asyncio.sleep(0.1)


# -- the loudspeaker ------------------------------------------------------------------------


@virtual
async def test_a_reply_goes_on_at_another_loudspeaker_and_is_heard_whole():
    sound = FakeSound(builtin=48_000, headset=44_100)
    asked = Asked(sound, named())
    async with asked.cast as stage:
        server = await stage.start()
        await stage.session.send_message("speak")
        server.reply("r1", "One two three.", sound_ms=1000)
        await stage.until(ReplyAudio)
        [one] = sound.speaker_open
        one.advance(400)
        async with asyncio.TaskGroup() as group:
            group.create_task(stage.session.use_speaker("head"))
            await asyncio.sleep(0.1)
            assert len(sound.speaker_open) == 2, "the one before still plays what it keeps"
            one.advance(1000)
        [two] = sound.speaker_open
        assert (two.name, two.rate) == ("headset", 44_100)
        two.advance(2000)
        ended = await stage.until(TurnEnded)
        assert ended.heard_ms == pytest.approx(1000, abs=2)
        assert asked.kept == [(DeviceKind.SPEAKER, "headset")]
        assert stage.session.profile.sound.speaker == "headset"
        assert stage.session.devices.in_use(DeviceKind.SPEAKER) == "headset"
    assert sound.speaker_open == []


@virtual
async def test_what_cannot_be_used_is_refused_and_the_old_one_goes_on():
    sound = FakeSound(builtin=48_000, headset=48_000)
    asked = Asked(sound, named())
    async with asked.cast as stage:
        await stage.start()
        await stage.passes(0.1)
        with pytest.raises(AudioError):
            await stage.session.use_speaker("no such thing")
        assert [speaker.name for speaker in sound.speaker_open] == ["builtin"]
        assert asked.kept == []


@virtual
async def test_an_unplugged_loudspeaker_is_replaced_at_once_and_comes_back():
    sound = FakeSound(builtin=48_000, headset=44_100)
    async with Asked(sound, named(speaker="headset")).cast as stage:
        server = await stage.start()
        await stage.passes(10.0)
        await stage.session.send_message("speak")
        server.reply("r1", "One two three.", sound_ms=1000)
        await stage.until(ReplyAudio)
        [one] = sound.speaker_open
        one.advance(400)
        sound.unplug("headset")
        notice = await stage.until(Notice, within=0.5, kind=NoticeKind.SOUND)
        assert "'builtin' is used until 'headset' is there" in notice.text
        [two] = sound.speaker_open
        assert two.name == "builtin"
        assert two.queued_ms == pytest.approx(600, abs=1), "the rest of the reply"
        two.advance(2000)
        assert (await stage.until(TurnEnded)).heard_ms == pytest.approx(1000, abs=2)
        await stage.passes(60.0)
        sound.plug("headset")
        notice = await stage.until(Notice, within=31.0, kind=NoticeKind.SOUND)
        assert (notice.text, notice.severity) == ("The loudspeaker 'headset' is back.", Severity.SUCCESS)
        await stage.passes(1.0)
        assert [speaker.name for speaker in sound.speaker_open] == ["headset"]
        assert len(sounds(stage)) == 2


@virtual
async def test_a_device_that_is_looked_for_costs_little():
    sound = FakeSound(builtin=48_000, headset=48_000)
    async with Asked(sound, named(speaker="headset")).cast as stage:
        await stage.start()
        await stage.passes(10.0)
        sound.unplug("headset")
        await stage.passes(3600.0)
        assert len(sound.speakers) < 3600 / 20


@virtual
async def test_a_headset_that_changes_its_rate_is_started_again():
    sound = FakeSound(headset=48_000, builtin=48_000)
    async with Asked(sound, named(speaker="headset")).cast as stage:
        server = await stage.start()
        await stage.passes(10.0)
        await stage.session.send_message("speak")
        server.reply("r1", "One two three.", sound_ms=1000)
        await stage.until(ReplyAudio)
        [one] = sound.speaker_open
        one.advance(400)
        sound.rates["headset"] = 16_000  # its microphone was opened: the hands-free profile
        one.die(NoSpeaker("stopped", permanent=False))
        notice = await stage.until(Notice, within=0.5, kind=NoticeKind.SOUND)
        assert notice.severity is Severity.INFO
        [two] = sound.speaker_open
        assert (two.name, two.rate) == ("headset", 16_000)
        two.advance(2000)
        assert (await stage.until(TurnEnded)).heard_ms == pytest.approx(1000, abs=2)


@virtual
async def test_without_any_loudspeaker_replies_are_text_until_there_is_one():
    sound = FakeSound(builtin=48_000)
    async with Asked(sound, named()).cast as stage:
        server = await stage.start()
        await stage.passes(10.0)
        sound.unplug("builtin")
        await stage.session.send_message("speak")
        server.reply("r1", "One two three.", sound_ms=1000)
        await stage.until(TurnEnded)
        assert "Replies come as text" in sounds(stage)[0]
        sound.plug("builtin")
        notice = await stage.until(Notice, within=31.0, kind=NoticeKind.SOUND)
        assert notice.text == "The loudspeaker 'builtin' is back."
        await stage.session.send_message("again")
        server.reply("r2", "Four.", sound_ms=100)
        await stage.until(ReplyAudio)
        [speaker] = sound.speaker_open
        speaker.advance(1000)
        assert (await stage.until(TurnEnded)).text == "Four."


@virtual
async def test_a_loudspeaker_that_is_missing_at_the_start_is_taken_when_it_is_there():
    sound = FakeSound(builtin=48_000, headset=48_000)
    sound.plugged.discard("headset")
    async with Asked(sound, named(speaker="headset")).cast as stage:
        await stage.start()
        await stage.passes(0.5)
        assert sounds(stage) == ["There is no 'headset'. 'builtin' is used until 'headset' is there."]
        sound.plug("headset")
        sound.known.add("headset")
        assert (await stage.until(Notice, within=31.0)).text == "The loudspeaker 'headset' is back."


@virtual
async def test_what_was_plugged_in_a_moment_ago_is_used_after_all_were_closed():
    sound = FakeSound(builtin=48_000, headset=44_100)
    sound.plugged.discard("headset")
    async with Asked(sound, named()).cast as stage:
        await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await stage.passes(1.0)
        sound.plug("headset")  # which the sound library has not read
        async with asyncio.TaskGroup() as group:
            group.create_task(stage.session.use_speaker("headset"))
            await asyncio.sleep(0.01)
            sound.microphones[-1].hear(NOISE)
        assert [speaker.name for speaker in sound.speaker_open] == ["headset"]
        assert [microphone.name for microphone in sound.microphone_open] == ["builtin"]
        assert stage.session.state.is_listening


# -- the microphone -------------------------------------------------------------------------


@virtual
async def test_another_microphone_takes_over_and_is_remembered():
    sound = FakeSound(builtin=48_000, headset=16_000)
    asked = Asked(sound, named())
    async with asked.cast as stage:
        await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        [one] = sound.microphone_open
        async with asyncio.TaskGroup() as group:
            group.create_task(stage.session.use_microphone("headset"))
            await asyncio.sleep(0.01)
            await hears(one)
            assert one.taken == 1, "read until the new one delivers"
            sound.microphones[-1].hear(NOISE)
        [two] = sound.microphone_open
        assert two.name == "headset"
        await hears(two)
        assert stage.session.state.is_listening
        assert asked.kept == [(DeviceKind.MICROPHONE, "headset")]
        await stage.session.stop_listening()
        assert sound.microphone_open == []
        await stage.session.start_listening()
        assert [microphone.name for microphone in sound.microphone_open] == ["headset"]


@virtual
async def test_a_microphone_that_is_off_is_only_remembered():
    sound = FakeSound(builtin=48_000, headset=16_000)
    asked = Asked(sound, named())
    async with asked.cast as stage:
        await stage.start(InputMode.AUDIO)
        await stage.session.use_microphone("headset")
        assert sound.microphones == []
        assert asked.kept == [(DeviceKind.MICROPHONE, "headset")]


@virtual
async def test_an_unplugged_microphone_is_replaced_and_comes_back():
    sound = FakeSound(builtin=48_000, headset=16_000)
    async with Asked(sound, named(microphone="headset")).cast as stage:
        await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await stage.passes(10.0)
        sound.unplug("headset")
        notice = await stage.until(Notice, within=0.5, kind=NoticeKind.SOUND)
        assert "'builtin' is used until 'headset' is there" in notice.text
        assert stage.session.state.is_listening
        sound.plug("headset")
        await stage.passes(2.5)
        sound.microphones[-1].hear(NOISE)
        notice = await stage.until(Notice, within=31.0, kind=NoticeKind.SOUND)
        assert notice.text == "The microphone 'headset' is back."
        assert [microphone.name for microphone in sound.microphone_open] == ["headset"]


@virtual
async def test_with_no_microphone_left_it_is_switched_on_again_when_there_is_one():
    sound = FakeSound(builtin=48_000)
    async with Asked(sound, named()).cast as stage:
        await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await stage.passes(10.0)
        sound.unplug("builtin")
        notice = await stage.until(Notice, within=0.5, kind=NoticeKind.SOUND)
        while "goes on as text" not in notice.text:  # the loudspeaker is gone as well
            notice = await stage.until(Notice, within=0.5, kind=NoticeKind.SOUND)
        assert not stage.session.state.is_listening
        sound.plug("builtin")
        await stage.passes(31.0)
        assert stage.session.state.is_listening
        assert "The microphone 'builtin' is back." in sounds(stage)


@pytest.mark.parametrize("how", ["switched off", "another provider"])
def test_one_that_nobody_wants_on_stays_off(how: str) -> None:
    @virtual
    async def run() -> None:
        sound = FakeSound(builtin=48_000)
        async with Asked(sound, named()).cast as stage:
            await stage.start(InputMode.AUDIO)
            await stage.session.start_listening()
            await stage.passes(10.0)
            sound.unplug("builtin")
            await stage.passes(1.5)
            if how == "switched off":
                await stage.session.stop_listening()
            else:
                profile = stage.session.profile
                provider = msgspec.structs.replace(profile.provider, name="openai", model="another")
                await stage.session.switch_profile(msgspec.structs.replace(profile, provider=provider))
            sound.plug("builtin")
            await stage.passes(100.0)
            assert not stage.session.state.is_listening
            assert sound.microphone_open == []

    run()


async def told_of_ten_silent_seconds() -> list[str]:
    sound = FakeSound(builtin=48_000)
    async with Asked(sound, named()).cast as stage:
        await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        [microphone] = sound.microphone_open
        for _ in range(1000):
            microphone.hear(bytes(960))
        await stage.passes(1.0)
        return sounds(stage)


@virtual
async def test_a_microphone_that_gives_nothing_is_told_once():
    [text] = await told_of_ten_silent_seconds()
    assert "gives no sound at all" in text
    assert "/mic" in text


@virtual
async def test_a_microphone_of_which_all_is_echo_is_not_taken_for_a_dead_one(monkeypatch):
    monkeypatch.setattr(FakeMicrophone, "raw_level", -40.0)
    assert await told_of_ten_silent_seconds() == [], "its frames are what is left of it"


@virtual
async def test_an_edited_profile_changes_the_device():
    sound = FakeSound(builtin=48_000, headset=48_000)
    async with Asked(sound, named()).cast as stage:
        await stage.start()
        await stage.passes(0.1)
        profile = stage.session.profile
        edited = msgspec.structs.replace(
            profile, sound=msgspec.structs.replace(profile.sound, speaker="headset")
        )
        await stage.session.switch_profile(edited)
        await stage.passes(1.0)
        assert [speaker.name for speaker in sound.speaker_open] == ["headset"]
        wrong = msgspec.structs.replace(edited, sound=msgspec.structs.replace(edited.sound, speaker="none"))
        await stage.session.switch_profile(wrong)
        await stage.passes(1.0)
        assert "The loudspeaker stays as it is" in sounds(stage)[-1]
        assert [speaker.name for speaker in sound.speaker_open] == ["headset"]


async def test_a_session_without_devices_to_choose_from_says_so(make_stage):
    stage = make_stage(speaker=FakeSpeaker())
    await stage.start()
    for use in (stage.session.use_speaker, stage.session.use_microphone):
        with pytest.raises((NoSpeaker, NoMicrophone)):
            await use("anything")
    with pytest.raises(AudioError):
        await stage.session.devices.all()


@virtual
async def test_a_microphone_that_changes_its_rate_in_mid_sentence_is_heard_on():
    sound_system = FakeSound(headset=48_000, builtin=48_000)
    async with Asked(sound_system, named(microphone="headset")).cast as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await stage.passes(10.0)
        [one] = sound_system.microphone_open
        for _ in range(20):
            one.hear(b"\x11\x22" * 480)
        await sent(server, 8_800)
        sound_system.rates["headset"] = 16_000
        one.hear(NoMicrophone("stopped", permanent=False))
        notice = await stage.until(Notice, within=0.5, kind=NoticeKind.SOUND)
        assert (notice.text, notice.severity) == (
            "The microphone 'headset' had stopped and was started again.",
            Severity.INFO,
        )
        [two] = sound_system.microphone_open
        assert two.rate == 16_000
        for _ in range(20):
            two.hear(b"\x11\x22" * 160)
        await sent(server, 8_800)
        assert stage.session.state.is_listening
