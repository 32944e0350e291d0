"""What becomes of a turn when its link is replaced in the middle of it. Pure.

An utterance that is not settled is sent again, a text is asked again, a reply that was cut is asked for
once more with what it had said already. What was settled is history, and is told to the next link.
"""

from __future__ import annotations

import msgspec

from neko_cli.core.commands import AnswerTool, AskReply, Command, SendText
from neko_cli.core.context import continue_instructions
from neko_cli.core.errors import LinkError
from neko_cli.core.provider_events import ReplyEnded, ReplyStatus
from neko_cli.core.state import TurnInput, TurnState


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a turn stands when its link goes."""

    state: TurnState
    number: int = 0
    asked: Command | None = None
    """The ask on the wire whose reply is wanted and did not end."""
    typed: str = ""
    spoken: bool = False
    transcript: str = ""
    """The final words of what was spoken, once they are known."""
    ended_by_us: bool = False
    """Whether a key, or a closed microphone, ended the utterance: it is told to the next link with it."""
    said: str = ""
    """What the reply has said so far."""
    sound_complete: bool = False
    """Whether all of the reply's sound had come."""
    cut_before: bool = False
    """Whether a lost link has cut this turn's reply once already, and this is another."""


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """What to do about it."""

    given: TurnInput | None = None
    """What the turn machine is told now."""
    ended: ReplyEnded | None = None
    """How the reply counts as ended, with ``REPLY_ENDED``."""
    again: bool = False
    """Send the turn's utterance to the next link again, even when it was committed."""
    ask: Command | None = None
    """What the next link is asked first."""
    cut: bool = False
    """Whether a reply was cut that is asked for again."""


_CUT_TWICE = LinkError("The answer was cut off twice by a lost connection.", code="cut_twice")


def carry_over(turn: Standing) -> Carried:
    """The decision for one turn."""
    match turn.state:
        case TurnState.IDLE:
            # A greeting or an agent's result opens its turn only when the reply begins.
            return Carried(ask=_portable(turn.asked))
        case TurnState.HEARING | TurnState.DRAINING:
            return Carried()
        case TurnState.THINKING:
            return _asked_again(turn)
        case TurnState.SPEAKING:
            return _cut(turn)


def _asked_again(turn: Standing) -> Carried:
    if turn.said.strip() and (turn.transcript or not turn.spoken):
        # Its reply was cut before, and the rest had not begun.
        return Carried(ask=AskReply(continue_instructions(turn.said)), cut=True)
    if turn.typed:
        return Carried(ask=SendText(turn.typed, turn.number))
    if not turn.spoken:
        return Carried(ask=_portable(turn.asked) or AskReply())
    if turn.transcript:
        return Carried(ask=SendText(turn.transcript, turn.number))
    if turn.ended_by_us:
        return Carried(again=True)
    return Carried(again=True, given=TurnInput.SPOKEN_AGAIN)


def _cut(turn: Standing) -> Carried:
    if turn.sound_complete:
        return Carried(given=TurnInput.REPLY_ENDED, ended=ReplyEnded("", ReplyStatus.COMPLETE))
    if turn.cut_before:
        failed = ReplyEnded("", ReplyStatus.FAILED, error=_CUT_TWICE)
        return Carried(given=TurnInput.REPLY_ENDED, ended=failed)
    if turn.spoken and not turn.transcript:
        if turn.ended_by_us:
            return Carried(again=True, cut=True)
        return Carried(again=True, given=TurnInput.SPOKEN_AGAIN, cut=True)
    return Carried(ask=AskReply(continue_instructions(turn.said)), cut=True)


def _portable(asked: Command | None) -> Command | None:
    """An ask as another link understands it: that one made no tool call, so it takes no answer to it."""
    return AskReply() if isinstance(asked, AnswerTool) else asked
