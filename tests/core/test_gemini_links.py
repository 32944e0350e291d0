"""Links of a session with a strict Gemini Live service on real sockets: they go away, and are lost."""

from __future__ import annotations

import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from neko_cli.core.events import (
    Failure,
    InputMode,
    LinkWord,
    Notice,
    NoticeKind,
    StatusChanged,
    Swap,
    TurnEnded,
)
from tests.fakes.gemini_talk import talking
from tests.fakes.strict_gemini import KEY, PATH


async def test_a_connection_that_goes_away_is_left_and_the_session_goes_on_by_its_handle() -> None:
    async with talking() as talk:
        link = await talk.start()
        await talk.turn(link, "I am Ann.", "Hello Ann.")
        handle = list(talk.service.handles)[-1]
        await link.go_away("9s")
        again = await talk.service.accepted()
        assert link.ended.is_set()  # else the service would have refused with 1011
        assert again.resumed == handle
        assert "historyConfig" not in again.setup
        swap = await talk.until(Swap)
        assert (swap.reason, swap.planned) == ("limit", True)
        assert again.session == link.session
        assert again.known == [("user", "I am Ann."), ("model", "Hello Ann.")]  # told once
        await talk.turn(again, "Who am I?", "Ann.")
        assert len(talk.service.links) == 2
        assert talk.told(Failure) == []


async def test_a_session_is_resumed_by_one_connection_at_a_time() -> None:
    """The service as it was seen, which the next test relies on."""
    async with talking() as talk:
        link = await talk.start()
        await talk.turn(link, "Hello", "Hi.")
        handle = list(talk.service.handles)[-1]
        headers = {"x-goog-api-key": KEY}
        async with connect(talk.service.url + PATH, additional_headers=headers) as other:
            await other.send(json.dumps({"setup": {**link.setup, "sessionResumption": {"handle": handle}}}))
            with pytest.raises(ConnectionClosed) as caught:
                await other.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1011
        await talk.turn(link, "Still there?", "Yes.")


async def test_a_session_whose_lost_connection_counts_as_open_is_resumed_a_little_later() -> None:
    async with talking() as talk:
        link = await talk.start()
        await talk.turn(link, "I am Ann.", "Hello Ann.")
        await link.vanish()
        refused = await talk.service.accepted()
        assert refused.resumed
        await refused.ended.wait()
        talk.service.claimed.clear()
        again = await talk.service.accepted()
        assert again.resumed == refused.resumed
        await talk.until(Swap)
        await talk.turn(again, "Who am I?", "Ann.")
        assert again.known[:2] == [("user", "I am Ann."), ("model", "Hello Ann.")]


async def test_a_handle_that_is_refused_leads_to_one_fresh_session_that_is_told_what_was_said() -> None:
    async with talking() as talk:
        link = await talk.start()
        await talk.turn(link, "I am Ann.", "Hello Ann.")
        talk.service.rejects = True
        await link.go_away("9.5s")
        refused = await talk.service.accepted()
        assert refused.resumed
        fresh = await talk.service.accepted()
        assert fresh.resumed == ""
        assert fresh.session != link.session
        assert fresh.setup["historyConfig"] == {"initialHistoryInClientContent": True}
        await talk.until(Swap)
        await talk.turn(fresh, "Who am I?", "Ann.")
        assert fresh.known == [
            ("user", "I am Ann."), ("model", "Hello Ann."), ("user", "Who am I?"), ("model", "Ann."),
        ]  # fmt: skip
        assert len(talk.service.links) == 3
        notices = [n.text for n in talk.told(Notice, kind=NoticeKind.SESSION) if "own session" in n.text]
        assert len(notices) == 1
        assert talk.told(Failure, fatal=True) == []


async def test_a_fresh_session_that_nothing_was_said_over_is_not_gone_on_with() -> None:
    """It is told what was said when something is said next, so its handle stands for an empty one."""
    async with talking() as talk:
        link = await talk.start()
        await talk.turn(link, "I am Ann.", "Hello Ann.")
        talk.service.rejects = True
        await link.drop(1011, "Internal error encountered.")
        assert (await talk.service.accepted()).resumed
        fresh = await talk.service.accepted()
        await talk.until(Swap)
        talk.service.rejects = False
        await fresh.go_away("9s")
        another = await talk.service.accepted()
        assert another.resumed == ""
        await talk.until(Swap)
        await talk.turn(another, "Who am I?", "Ann.")
        assert another.known[:2] == [("user", "I am Ann."), ("model", "Hello Ann.")]


async def test_speech_goes_on_over_a_connection_that_goes_away() -> None:
    async with talking() as talk:
        link = await talk.start(InputMode.AUDIO)
        await talk.turn(link, "Hello", "Hi.")
        await link.go_away("9s")
        again = await talk.service.accepted()
        await talk.speak(1)
        said = await again.asked("speech")
        assert said == "u1-4800"
        await again.heard_words(said)
        await again.reply("Yes.")
        assert (await talk.until(TurnEnded)).text == "Yes."
        assert [e.link for e in talk.told(StatusChanged) if e.link is LinkWord.RECONNECTING] == []
