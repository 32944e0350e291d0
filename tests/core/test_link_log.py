"""The debug log tells the life of each link, and nothing of the words, keys and handles; no time passes."""

from __future__ import annotations

import asyncio
import logging

import pytest

from neko_cli.core import link_log
from neko_cli.core.capabilities import Resume
from neko_cli.core.codecs import make_codec
from neko_cli.core.errors import CredentialsError, LinkError, RateLimited, ServerFault
from neko_cli.core.events import Failure, InputMode, LinkWord, StatusChanged, Swap
from tests.fakes.outlet import numbered
from tests.fakes.staging import COLD, exchange, profile, staged
from tests.fakes.virtual import virtual

KEY = "sk-KEYWORD1234567890"
SECRETS = ("PERSONAWORD", "USERWORD", "REPLYWORD", "REASONWORD", "HANDLEWORD", "KEYWORD")
TALKED = {**COLD, "character": {"persona": "PERSONAWORD"}}


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="neko_cli")
    return caplog


def lines(log: pytest.LogCaptureFixture) -> list[str]:
    """What the log says; never a secret."""
    text = log.text
    assert [word for word in SECRETS if word in text] == []
    return [record.getMessage() for record in log.records]


def in_order(log: pytest.LogCaptureFixture, *wanted: str) -> None:
    """Lines with these beginnings were written in this order, others between them."""
    told = lines(log)
    rest = iter(told)
    for beginning in wanted:
        assert any(line.startswith(beginning) for line in rest), f"no {beginning!r} in time in {told}"


def test_a_lost_link_and_the_next_one(log: pytest.LogCaptureFixture) -> None:
    @virtual
    async def run() -> None:
        async with staged(TALKED) as stage:

            async def dial(profile, spec):
                return make_codec("openai", spec, key=KEY)

            stage.core.links._dial = dial
            server = await stage.start(InputMode.AUDIO)
            await exchange(stage, server, "USERWORD one.", "REPLYWORD one.")
            await stage.session.start_listening()
            stage.microphones[-1].hear(numbered(1, 4800))
            await server.expect("input_audio_buffer.append")
            server.tell("input_audio_buffer.speech_started", audio_start_ms=0, item_id="i1")
            await stage.passes(60.0)
            server.drop(1011, "REASONWORD in an internal error")
            again = await stage.back()
            await stage.until(Swap)
            await stage.session.end_session()
            assert again.endpoint.headers["Authorization"].endswith(KEY)

    run()
    in_order(
        log,
        "DOWN → CONNECTING (start)",
        "link 1 opens (start, attempt 1): provider embedded, its usual model, call, fresh, told 0 lines",
        "link 1 is configured: 0.000 s to dial, 0.000 s to connect, 0.000 s to configure; model m",
        "link 1 is live, 0.000 s after it was configured",
        "handed over to link 1: 0 lines that it had missed, 0 ms of sound again",
        "link 1 ended: server, code 1011, closed by the provider with 1011, lived 60.",
        "no live link (server, code 1011): the next one in 0.30 s, 1 of 30 attempts used",
        "UP → WAITING (server)",
        "carried over from link 1: turn 2 is hearing, 0 ms had not left",
        "link 2 opens (reconnect, attempt 1): provider embedded, its usual model, call, fresh, told 2 lines",
        "link 2 is configured: ",
        "link 2 is live after link 1, ",
        "handed over to link 2: 0 lines that it had missed, 200 ms of sound again, 0 ms that were held",
        "swap from link 1 to link 2: lost, not planned, gap 300 ms, held 0 ms, sent again 200 ms",
        "UP → CLOSED (ended)",
        "link 2 is closed: closed by us with 1000, lived ",
    )


def test_a_standby_link_a_swap_and_a_sleep(log: pytest.LogCaptureFixture) -> None:
    tables = {
        **profile(swap={"standby": "warm"}, guard={"park_minutes": 5}),
        "character": TALKED["character"],
    }

    @virtual
    async def run() -> None:
        async with staged(tables) as stage:
            server = await stage.start()
            await stage.back()
            await exchange(stage, server, "USERWORD one.", "REPLYWORD one.")
            await stage.session.swap()
            await stage.until(Swap)
            await stage.back()
            await stage.until(StatusChanged, link=LinkWord.PARKED)
            stage.session.wake()
            await stage.back()
            await stage.until(Swap)

    run()
    in_order(
        log,
        "link 1 is live, ",
        "link 2 opens (standby): ",
        "standby ready: link 2, lived 0.0 s",
        "UP → SWAPPING (user)",
        "link 2 is live after link 1, ",
        "handed over to link 2: 2 lines that it had missed, ",
        "link 1 is retired, lived ",
        "swap from link 1 to link 2: user, planned, ",
        "link 3 opens (standby): ",
        "standby dropped: link 3, lived ",
        "UP → PARKED (idle)",
        "PARKED → RECONNECTING (awake)",
        "link 4 opens (woken): ",
        "swap from link 2 to link 4: user, not planned, ",
    )


def test_a_handle_and_a_silence(log: pytest.LogCaptureFixture) -> None:
    @virtual
    async def run() -> None:
        async with staged(TALKED, capabilities={"resume": Resume.HANDLE, "max_session": 600.0}) as stage:
            server = await stage.start()
            server.tell("conversation.created", conversation={"id": "HANDLEWORD"})
            await exchange(stage, server, "USERWORD one.", "REPLYWORD one.")
            server.answers_pings = False
            await stage.session.send_message("USERWORD two.")
            again = await stage.back()
            assert "HANDLEWORD" in again.endpoint.url

    run()
    in_order(
        log,
        "link 1 is given up as lost: link, code silent, by us, lived ",
        "link 1 is cut, lived ",
        "no live link (link, code silent): ",
        "carried over from link 1: turn 2 is thinking, SendText is asked again, ",
        "link 2 opens (reconnect, attempt 1): provider embedded, its usual model, text, resumes by a handle",
    )


def test_links_that_do_not_come_about(log: pytest.LogCaptureFixture) -> None:
    @virtual
    async def run() -> None:
        async with staged(TALKED) as stage:
            stage.transport.error = ServerFault("REASONWORD", code="503")
            with pytest.raises(ServerFault):
                await stage.session.start_session(InputMode.TEXT)
            stage.transport.error = CredentialsError("REASONWORD", code="REASONWORD with blanks")
            with pytest.raises(CredentialsError):
                await stage.session.start_session(InputMode.TEXT)

    run()
    in_order(
        log,
        "link 1 opens (start, attempt 1): ",
        "link 1 ended: server, code 503, nobody closed, never configured",
        "no live link (server, code 503): the next one in 0.30 s, 1 of 30 attempts used",
        "link 2 opens (start, attempt 2): ",
        "link 3 opens (start, attempt 3): ",
        "given up: server, code 503, not permanent",
        "link 4 opens (start, attempt 1): ",
        "given up: credentials, code (unprintable), permanent",
    )


def test_a_rate_limit_costs_energy(log: pytest.LogCaptureFixture) -> None:
    ladder = {"energy": {"text": [{"model": "m1"}, {"model": "m2"}]}}

    @virtual
    async def run() -> None:
        async with staged({**TALKED, **ladder}) as stage:
            server = await stage.start()
            stage.core.rate_limited(RateLimited("REASONWORD", code="rate_limit_exceeded"))
            await stage.back()
            assert server.closing is not None
            await stage.until(Swap)
            assert stage.told(Failure)

    run()
    in_order(
        log,
        "link 1 is given up as lost: rate_limit, code rate_limit_exceeded, by us, ",
        "energy of text 2 → 1 of 2 (rate_limit)",
        "no live link (rate_limit, code rate_limit_exceeded): the next one at once, 0 of 30 attempts used",
        "link 2 opens (reconnect at once): provider embedded, model m2, text, ",
        "swap from link 1 to link 2: energy, not planned, ",
    )


def test_nothing_is_written_where_nobody_asks_for_a_debug_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="neko_cli")

    @virtual
    async def run() -> None:
        async with staged(TALKED) as stage:
            await stage.start()

    run()
    assert caplog.records == []


def test_each_task_says_for_itself_why_it_opens_a_link() -> None:
    async def dials(why: str) -> str:
        link_log.because(why)
        await asyncio.sleep(1.0)
        return link_log._WHY.get()

    @virtual
    async def run() -> None:
        found = await asyncio.gather(dials("standby"), dials("reconnect, attempt 2"))
        assert found == ["standby", "reconnect, attempt 2"]

    run()
    assert link_log.why_again(None, 3) == "woken"
    assert link_log.why_again(LinkError("gone"), 0) == "reconnect at once"
