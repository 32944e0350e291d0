"""Checks of a conversation: turns, interruptions, memory, and what cannot be sent."""

from __future__ import annotations

import asyncio

import msgspec

from neko_cli.core.commands import AudioChunk, TextMessage
from neko_cli.core.events import (
    Outcome,
    ReplyText,
    Status,
    TurnEnded,
    TurnStarted,
    UserText,
)
from neko_cli.testing.trial import Need, Trial, checks
from neko_cli.testing.witness import Witness, expect

SENTENCES = ("Hello.", "How are you?", "What can you do?", "Tell me more.", "Thank you.")


async def each_message_has_a_turn_of_its_own(trial: Trial) -> None:
    """Turn started, the user's words, the reply's words, turn ended: in this order."""
    witness = trial.witness()
    await trial.start()
    numbers = []
    for text in SENTENCES[:3]:
        ended = await trial.exchange(witness, text)
        numbers.append(ended.turn)
        said = [e.text for e in witness.told(UserText) if e.turn == ended.turn and e.final]
        expect(said == [text], f"the user said {text!r}, but told was {said}")
        reply = "".join(e.delta for e in witness.told(ReplyText) if e.turn == ended.turn)
        expect(reply.strip() == ended.text.strip(), "the pieces of the reply are not its text")
        expect(_order(witness, ended.turn), f"the events of turn {ended.turn} are out of order")
    expect(numbers == sorted(set(numbers)), f"the turns' numbers do not grow: {numbers}")
    trial.expect_up("after three turns")
    await _falls_idle(trial, witness)
    await trial.end(witness)


def _order(witness: Witness, turn: int) -> bool:
    """Whether a turn's events were told in order."""
    ranks = {TurnStarted: 0, UserText: 1, ReplyText: 2, TurnEnded: 3}
    found = [ranks[type(e)] for e in witness.seen if type(e) in ranks and getattr(e, "turn", None) == turn]
    return found == sorted(found) and found[0] == 0 and found[-1] == 3


async def _falls_idle(trial: Trial, witness: Witness) -> None:
    """The status comes back to idle once a turn is over."""
    while trial.session.state.status is not Status.IDLE:
        expect(await witness.next() is not None, "the events ended while the status was not idle")
    expect(not trial.session.state.is_speaking, "is_speaking is True when nothing goes on")


async def messages_at_once_become_turns_one_after_another(trial: Trial) -> None:
    """The last one is answered; each of them ends exactly once."""
    witness = trial.witness()
    await trial.start()
    numbers = await asyncio.gather(*(trial.session.send_message(text) for text in SENTENCES))
    last, last_text = max(zip(numbers, SENTENCES, strict=True))
    numbers.sort()
    expect(len(set(numbers)) == len(numbers), f"two messages have the same turn: {numbers}")
    trial.expect_answer(last_text, await witness.until(TurnEnded, turn=last))
    await _falls_idle(trial, witness)
    numbers.append((await trial.exchange(witness, SENTENCES[0])).turn)
    await trial.end(witness)
    for kind, happened in ((TurnStarted, "began"), (TurnEnded, "ended")):
        turns = [event.turn for event in witness.seen if isinstance(event, kind)]
        expect(turns == numbers, f"the messages' turns are {numbers}, but there {happened} {turns}")
    failed = [event.turn for event in witness.told(TurnEnded) if event.outcome is Outcome.FAILED]
    expect(not failed, f"the turns {failed} failed")


async def an_interrupted_reply_ends_once_and_the_next_is_whole(trial: Trial) -> None:
    """Whatever moment it is interrupted in."""
    witness = trial.witness()
    await trial.start()
    turn = await trial.session.send_message(SENTENCES[2])
    await witness.until(TurnStarted, turn=turn)
    for _ in range(2):
        await trial.session.interrupt()
    ended = await witness.until(TurnEnded, turn=turn)
    stopped = (Outcome.INTERRUPTED, Outcome.CANCELLED, Outcome.COMPLETE)
    expect(ended.outcome in stopped, f"the interrupted turn is {ended.outcome}")
    await trial.exchange(witness, SENTENCES[1])
    await trial.end(witness)


async def it_refuses_what_cannot_be_sent(trial: Trial) -> None:
    """With typed errors, and stays as it was."""
    session = trial.session
    sound = AudioChunk(bytes(480), 24_000)
    for moment in ("before the start", "after the end"):
        await trial.refuses(session.send_message("hello"), f"a message {moment}")
        await trial.refuses(session.stream_data(TextMessage("hello")), f"text {moment}")
        await trial.refuses(session.stream_data(sound), f"sound {moment}")
        trial.expect_off(moment)
        await trial.start()
        await trial.refuses(session.send_message(" \n"), "an empty message")
        trial.expect_up("after an empty message")
        await session.end_session()


async def it_remembers_what_was_said(trial: Trial) -> None:
    """Each word once; the user's before the reply; until it is started anew."""
    session, witness = trial.session, trial.witness()
    await trial.start()
    before = session.state.last_activity
    ended = [await trial.exchange(witness, text) for text in SENTENCES[:2]]
    remembered = [(m.role, m.text.strip(), m.turn) for m in session.memory.recent(4)]
    expected = [
        entry
        for text, turn in zip(SENTENCES, ended, strict=False)
        for entry in (("user", text, turn.turn), ("assistant", turn.text.strip(), turn.turn))
    ]
    expect(remembered == expected, f"it remembers {remembered}")
    expect(session.state.last_activity > before, "last_activity does not grow with a message")


async def it_goes_on_after_a_swap(trial: Trial) -> None:
    """With the next turn and the same memory."""
    session, witness = trial.session, trial.witness()
    await trial.start()
    first = await trial.exchange(witness, SENTENCES[0])
    await session.swap()
    second = await trial.exchange(witness, SENTENCES[1])
    expect(second.turn > first.turn, "the turns' numbers do not grow over a swap")
    users = [m.text for m in session.memory.recent(4) if m.role == "user"]
    expect(users == list(SENTENCES[:2]), f"after a swap it remembers {users}")
    await trial.end(witness)


async def it_takes_another_profile_while_it_runs(trial: Trial) -> None:
    """From the next turn on."""
    session, witness = trial.session, trial.witness()
    await trial.start()
    await trial.exchange(witness, SENTENCES[0])
    character = msgspec.structs.replace(session.profile.character, name="Another")
    other = msgspec.structs.replace(session.profile, character=character)
    await session.switch_profile(other)
    await trial.exchange(witness, SENTENCES[1])
    expect(session.profile == other, "profile is not the one it was switched to")
    await trial.end(witness)


TALK = checks(
    each_message_has_a_turn_of_its_own,
    messages_at_once_become_turns_one_after_another,
    an_interrupted_reply_ends_once_and_the_next_is_whole,
    it_refuses_what_cannot_be_sent,
    it_remembers_what_was_said,
    it_goes_on_after_a_swap,
    it_takes_another_profile_while_it_runs,
    needs=frozenset({Need.ANSWERS}),
)
"""Checks that need somebody who answers."""
