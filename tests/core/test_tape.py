"""What a session gives to a recorder: sound as it leaves, and events as readers get them."""

from __future__ import annotations

from collections.abc import Callable

from neko_cli.core.commands import AudioChunk
from neko_cli.core.events import AnyEvent, InputMode, Notice, NoticeKind, StatusChanged, TurnEnded, UserText
from tests.fakes.sound import FakeSpeaker

FRAME = b"\x01\x02" * 240


class FakeTape:
    """Keeps everything, and can have trouble."""

    def __init__(self) -> None:
        self.sound: list[tuple[bytes, int, bool]] = []
        self.events: list[AnyEvent] = []
        self.trouble: Callable[[str], None] = lambda text: None

    def heard(self, sound: bytes, rate: int, *, live: bool) -> None:
        self.sound.append((sound, rate, live))

    def told(self, event: AnyEvent) -> None:
        self.events.append(event)

    def watch(self, trouble: Callable[[str], None]) -> None:
        self.trouble = trouble


async def test_the_microphones_sound_is_kept_as_it_goes_to_the_provider(make_stage) -> None:
    tape = FakeTape()
    stage = make_stage(tape=tape)
    server = await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    stage.microphones[0].hear(FRAME)
    await server.expect("input_audio_buffer.append")
    assert tape.sound == [(FRAME, 24_000, True)]


async def test_what_the_half_duplex_guard_holds_back_is_silence(make_stage) -> None:
    tape = FakeTape()
    stage = make_stage({"sound": {"duplex": "half"}}, speaker=FakeSpeaker(), tape=tape)
    server = await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    server.begin("r1")
    server.sound("r1", 100)
    await stage.until(StatusChanged, new="speaking")
    stage.microphones[0].hear(FRAME)
    stage.microphones[0].hear(FRAME)
    await stage.heard(1)
    assert tape.sound[0] == (bytes(len(FRAME)), 24_000, True)


async def test_streamed_sound_is_kept_as_no_devices(make_stage) -> None:
    tape = FakeTape()
    stage = make_stage(tape=tape)
    await stage.start(InputMode.AUDIO)
    await stage.session.stream_data(AudioChunk(pcm=FRAME, rate=16_000))
    assert tape.sound == [(FRAME, 16_000, False)]


async def test_every_event_is_kept_in_the_order_of_the_readers(make_stage) -> None:
    tape = FakeTape()
    stage = make_stage(tape=tape)
    server = await stage.start()
    await stage.session.send_message("hello")
    server.reply("r1", "Hello yourself.")
    await stage.until(TurnEnded)
    told = [event for event in tape.events if isinstance(event, UserText | TurnEnded)]
    assert told == [event for event in stage.seen if isinstance(event, UserText | TurnEnded)]
    assert [event.text for event in told] == ["hello", "Hello yourself."]


async def test_trouble_is_a_notice_and_the_conversation_goes_on(make_stage) -> None:
    tape = FakeTape()
    stage = make_stage(tape=tape)
    server = await stage.start()
    tape.trouble("The disk is full.")
    notice = await stage.until(Notice)
    assert (notice.text, notice.kind) == ("The disk is full.", NoticeKind.SOUND)
    await stage.session.send_message("hello")
    server.reply("r1", "Still here.")
    assert (await stage.until(TurnEnded)).text == "Still here."
