"""What is lost is told: sound for which there was no link, no room, or no loudspeaker fast enough."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.commands import AudioChunk
from neko_cli.core.events import InputMode, LinkWord, Notice, NoticeKind, Severity, StatusChanged
from neko_cli.core.link import AUDIO_WAITING_MS
from neko_cli.core.uplink import UNSENT_S
from tests.fakes.sound import FakeSpeaker
from tests.fakes.staging import COLD, staged
from tests.fakes.virtual import virtual

RATE = 24_000
SECOND = AudioChunk(b"\x08\x00" * RATE, RATE)
LOST = 3


async def spoken(stage, seconds: int) -> None:
    """So much speech from a microphone that waits for nobody."""
    for _ in range(seconds):
        stage.microphones[-1].hear(SECOND.pcm)
        await stage.passes(0.01)


async def told(stage) -> str:
    """The one notice of a loss."""
    notice = await stage.until(Notice, kind=NoticeKind.SOUND)
    assert notice.severity is Severity.WARNING
    await stage.passes(5.0)
    assert len(stage.told(Notice, kind=NoticeKind.SOUND)) == 1
    return notice.text


@virtual
async def test_speech_that_found_no_link_for_too_long():
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        server.drop(1006)
        await stage.until(StatusChanged, link=LinkWord.RECONNECTING)
        await spoken(stage, UNSENT_S + LOST)
        assert f"{LOST}.0 s of your voice were lost while there was no connection" in await told(stage)


@virtual
async def test_speech_that_a_slow_link_did_not_take():
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        server.send = lambda frame: asyncio.Event().wait()
        await spoken(stage, 30)
        text = await told(stage)
        assert "of your voice were lost" in text
        kept = stage.core.uplink.waiting_ms + stage.core.links.live.link.waiting_ms
        assert kept <= AUDIO_WAITING_MS + UNSENT_S * 1000.0
        lost = float(text.split()[0]) * 1000.0
        on_its_way = 1000.0
        assert lost + kept + on_its_way == pytest.approx(30_000.0, abs=100.0)


@virtual
async def test_a_reply_that_a_slow_loudspeaker_did_not_take():
    class Full(FakeSpeaker):
        """Takes a second and no more."""

        def play(self, pcm: bytes) -> int:
            return super().play(pcm[: max(0, 2 * RATE - len(self.queue))])

    speaker = Full(RATE)
    async with staged(COLD, speaker=speaker) as stage:
        server = await stage.start()
        await stage.session.send_message("speak")
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        server.begin("r1")
        for _ in range(1 + LOST):
            server.sound("r1", 1000)
        assert f"{LOST}.0 s of the answer's sound were lost" in await told(stage)
