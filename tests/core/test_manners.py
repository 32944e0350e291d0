"""Replies that repeat themselves, and a microphone that nobody speaks into."""

from __future__ import annotations

import pytest

from neko_cli.core.companions.repetition import INSTRUCTIONS
from neko_cli.core.events import InputMode, Notice, Status, StatusChanged, TurnEnded
from tests.fakes.staging import asks, profile, staged
from tests.fakes.virtual import virtual

SAME = "The weather is fine today, is it not?"


@pytest.mark.parametrize(("limit", "told"), [(3, True), (4, False), (0, False)])
@virtual
async def test_the_third_similar_reply_in_a_row_is_one_too_many(limit, told):
    async with staged(profile(guard={"repetition": limit})) as stage:
        server = await stage.start()
        for number in range(3):
            await asks(stage, server, f"Question {number}?")
            server.reply(f"r{number}", SAME)
            await stage.until(TurnEnded)
        await stage.passes(1.0)
        if told:
            item = (await server.expect("conversation.item.create"))["item"]
            assert (item["role"], item["content"][0]["text"]) == ("system", INSTRUCTIONS)
        server.nothing_more()


@virtual
async def test_an_open_microphone_is_switched_off_when_nobody_speaks():
    async with staged(profile(guard={"silence_minutes": 2})) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await stage.passes(100.0)
        await stage.session.send_message("Hello.")
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        server.reply("r1", "Hello you.")
        await stage.until(TurnEnded)
        await stage.passes(100.0)
        assert stage.session.state.is_listening, "somebody typed meanwhile"
        await stage.until(Notice, text="Nobody spoke for 2 minutes, so the microphone was switched off.")
        await stage.until(StatusChanged, new=Status.IDLE)
        assert not stage.session.state.is_listening


@virtual
async def test_without_a_limit_it_stays_open():
    async with staged(profile()) as stage:
        await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await stage.passes(3600.0)
        assert stage.session.state.is_listening
