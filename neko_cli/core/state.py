"""Both state tables, Link and Turn, and the status that is derived from them. Pure.

A table maps (state, input) to (next state, effects). Effects are words; a runner carries them out in
their order (``core/turns.py`` for turns, ``core/keeper.py`` for the link). An input that the table
does not list for a state changes nothing: the other side may send what it likes.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from neko_cli.core.events import LinkWord, Status

S = TypeVar("S", bound=StrEnum)
I = TypeVar("I", bound=StrEnum)  # noqa: E741 - the usual letter for an input symbol
E = TypeVar("E", bound=StrEnum)


class LinkState(StrEnum):
    """Where a session's connection stands."""

    DOWN = "down"
    CONNECTING = "connecting"
    CONFIGURING = "configuring"
    UP = "up"
    SWAPPING = "swapping"
    """The link is being replaced: the user's voice is held."""
    WAITING = "waiting"
    """The link was lost; the next attempt comes soon."""
    RECONNECTING = "reconnecting"
    PARKED = "parked"
    """Closed while nobody talks; the first sound or key brings it back."""
    FAILED = "failed"
    CLOSED = "closed"


class LinkInput(StrEnum):
    """What can happen to a connection."""

    START = "start"
    OPENED = "opened"
    CONFIGURED = "configured"
    LOST = "lost"
    REFUSED = "refused"
    """Lost, and trying again is pointless or was tried too often."""
    RETRY = "retry"
    HOLD = "hold"
    PARK = "park"
    WAKE = "wake"
    STOP = "stop"


class LinkEffect(StrEnum):
    """What the runner does about it; sockets live and end with their own link's TaskGroup."""

    CARRY_OVER = "carry over"
    """Decide what becomes of the turn, and hold what is not settled for the next link."""
    HAND_OVER = "hand over"
    """The link takes sound and asks: give it what was held."""
    TELL_CONNECTED = "tell connected"
    TELL_OUTAGE = "tell outage"
    TELL_BACK = "tell back"
    TELL_FAILURE = "tell failure"
    ABORT_TURN = "abort turn"


class TurnState(StrEnum):
    """Where the exchange stands."""

    IDLE = "idle"
    HEARING = "hearing"
    THINKING = "thinking"
    SPEAKING = "speaking"
    DRAINING = "draining"
    """The provider has sent all of its reply; the rest is still being played."""


class TurnInput(StrEnum):
    """What can happen in an exchange."""

    SPEECH_STARTED = "speech started"
    KEY_PRESSED = "key pressed"
    """The user speaks over everything, and the provider does not know it yet (push-to-talk)."""
    SPEECH_STOPPED = "speech stopped"
    SPEECH_DISCARDED = "speech discarded"
    TEXT_SENT = "text sent"
    REPLY_ASKED = "reply asked"
    """A greeting or news, without anything from the user."""
    REPLY_BEGAN = "reply began"
    REPLY_OUTPUT = "reply output"
    REPLY_ENDED = "reply ended"
    REPLY_CUT = "reply cut"
    TOOLS_CALLED = "tools called"
    """The reply is over, and the turn waits for the tools that it called."""
    DRAINED = "drained"
    INTERRUPT = "interrupt"
    NO_ANSWER = "no answer"
    SPOKEN_AGAIN = "spoken again"
    """What the user said goes to another link once more."""
    LINK_LOST = "link lost"
    """For good."""


class TurnEffect(StrEnum):
    """What the runner does about it, in the order given."""

    OPEN_TURN = "open turn"
    TELL_SPEECH_STARTED = "tell speech started"
    TELL_SPEECH_STOPPED = "tell speech stopped"
    STOP_SOUND = "stop sound"
    HUSH = "hush"
    """What is still played is of an earlier turn."""
    CANCEL_REPLY = "cancel reply"
    TRUNCATE_REPLY = "truncate reply"
    CLEAR_INPUT = "clear input"
    CLOSE_INTERRUPTED = "close turn interrupted"
    CLOSE_CANCELLED = "close turn cancelled"
    CLOSE_FAILED = "close turn failed"
    CLOSE_AS_TOLD = "close turn as the provider told"
    WAIT_DRAINED = "wait until played"
    MARK_OUTPUT = "mark first output"


Table = Mapping[tuple[S, I], tuple[S, tuple[E, ...]]]

_BEFORE_UP = (LinkState.CONNECTING, LinkState.CONFIGURING, LinkState.SWAPPING, LinkState.RECONNECTING)
_UP = (LinkEffect.TELL_CONNECTED, LinkEffect.HAND_OVER)

LINK: Table[LinkState, LinkInput, LinkEffect] = {
    **{
        (state, LinkInput.START): (LinkState.CONNECTING, ())
        for state in (LinkState.DOWN, LinkState.FAILED, LinkState.CLOSED)
    },
    (LinkState.CONNECTING, LinkInput.OPENED): (LinkState.CONFIGURING, ()),
    (LinkState.CONFIGURING, LinkInput.CONFIGURED): (LinkState.UP, _UP),
    (LinkState.UP, LinkInput.HOLD): (LinkState.SWAPPING, (LinkEffect.CARRY_OVER,)),
    (LinkState.SWAPPING, LinkInput.CONFIGURED): (LinkState.UP, _UP),
    (LinkState.UP, LinkInput.LOST): (
        LinkState.WAITING,
        (LinkEffect.CARRY_OVER, LinkEffect.TELL_OUTAGE),
    ),
    **{(state, LinkInput.LOST): (LinkState.WAITING, (LinkEffect.TELL_OUTAGE,)) for state in _BEFORE_UP},
    (LinkState.WAITING, LinkInput.RETRY): (LinkState.RECONNECTING, ()),
    **{
        (state, LinkInput.CONFIGURED): (LinkState.UP, (LinkEffect.TELL_BACK, *_UP))
        for state in (LinkState.WAITING, LinkState.RECONNECTING)
    },
    (LinkState.UP, LinkInput.PARK): (LinkState.PARKED, (LinkEffect.CARRY_OVER,)),
    (LinkState.PARKED, LinkInput.WAKE): (LinkState.RECONNECTING, ()),
    **{
        (state, LinkInput.REFUSED): (
            LinkState.FAILED,
            (LinkEffect.TELL_FAILURE, LinkEffect.ABORT_TURN),
        )
        for state in (*_BEFORE_UP, LinkState.UP, LinkState.WAITING, LinkState.PARKED)
    },
    **{
        (state, LinkInput.STOP): (LinkState.CLOSED, (LinkEffect.ABORT_TURN,))
        for state in LinkState
        if state is not LinkState.CLOSED
    },
}
"""The connection of a session: one live link after another, each with its own generation."""

_BARGE_IN = (TurnEffect.STOP_SOUND, TurnEffect.TRUNCATE_REPLY, TurnEffect.CLOSE_INTERRUPTED)
_OPEN_HEARING = (TurnEffect.OPEN_TURN, TurnEffect.TELL_SPEECH_STARTED)
_CUT = (
    TurnEffect.STOP_SOUND,
    TurnEffect.CANCEL_REPLY,
    TurnEffect.TRUNCATE_REPLY,
    TurnEffect.CLOSE_INTERRUPTED,
)

TURN: Table[TurnState, TurnInput, TurnEffect] = {
    (TurnState.IDLE, TurnInput.SPEECH_STARTED): (TurnState.HEARING, (TurnEffect.HUSH, *_OPEN_HEARING)),
    (TurnState.IDLE, TurnInput.TEXT_SENT): (TurnState.THINKING, (TurnEffect.HUSH, TurnEffect.OPEN_TURN)),
    (TurnState.IDLE, TurnInput.REPLY_ASKED): (TurnState.THINKING, (TurnEffect.OPEN_TURN,)),
    (TurnState.IDLE, TurnInput.REPLY_BEGAN): (TurnState.THINKING, (TurnEffect.OPEN_TURN,)),
    (TurnState.HEARING, TurnInput.SPEECH_STOPPED): (
        TurnState.THINKING,
        (TurnEffect.TELL_SPEECH_STOPPED,),
    ),
    (TurnState.HEARING, TurnInput.SPEECH_DISCARDED): (
        TurnState.IDLE,
        (TurnEffect.TELL_SPEECH_STOPPED, TurnEffect.CLOSE_CANCELLED),
    ),
    (TurnState.HEARING, TurnInput.TEXT_SENT): (
        TurnState.THINKING,
        (
            TurnEffect.TELL_SPEECH_STOPPED,
            TurnEffect.STOP_SOUND,
            TurnEffect.CLEAR_INPUT,
            TurnEffect.CLOSE_CANCELLED,
            TurnEffect.OPEN_TURN,
        ),
    ),
    (TurnState.HEARING, TurnInput.REPLY_BEGAN): (
        TurnState.THINKING,
        (TurnEffect.TELL_SPEECH_STOPPED,),
    ),
    (TurnState.HEARING, TurnInput.INTERRUPT): (
        TurnState.IDLE,
        (
            TurnEffect.TELL_SPEECH_STOPPED,
            TurnEffect.STOP_SOUND,
            TurnEffect.CLEAR_INPUT,
            TurnEffect.CLOSE_CANCELLED,
        ),
    ),
    (TurnState.THINKING, TurnInput.SPEECH_STARTED): (
        TurnState.HEARING,
        (TurnEffect.HUSH, TurnEffect.CANCEL_REPLY, TurnEffect.CLOSE_INTERRUPTED, *_OPEN_HEARING),
    ),
    (TurnState.THINKING, TurnInput.SPEECH_DISCARDED): (TurnState.IDLE, (TurnEffect.CLOSE_CANCELLED,)),
    (TurnState.THINKING, TurnInput.TEXT_SENT): (
        TurnState.THINKING,
        (TurnEffect.HUSH, TurnEffect.CANCEL_REPLY, TurnEffect.CLOSE_INTERRUPTED, TurnEffect.OPEN_TURN),
    ),
    (TurnState.THINKING, TurnInput.REPLY_OUTPUT): (TurnState.SPEAKING, (TurnEffect.MARK_OUTPUT,)),
    (TurnState.THINKING, TurnInput.REPLY_ENDED): (TurnState.IDLE, (TurnEffect.CLOSE_AS_TOLD,)),
    (TurnState.THINKING, TurnInput.REPLY_CUT): (TurnState.IDLE, (TurnEffect.CLOSE_AS_TOLD,)),
    (TurnState.THINKING, TurnInput.INTERRUPT): (
        TurnState.IDLE,
        (TurnEffect.HUSH, TurnEffect.CANCEL_REPLY, TurnEffect.CLOSE_CANCELLED),
    ),
    (TurnState.THINKING, TurnInput.NO_ANSWER): (
        TurnState.IDLE,
        (TurnEffect.CANCEL_REPLY, TurnEffect.CLOSE_FAILED),
    ),
    (TurnState.SPEAKING, TurnInput.SPEECH_STARTED): (
        TurnState.HEARING,
        (*_BARGE_IN, *_OPEN_HEARING),
    ),
    (TurnState.SPEAKING, TurnInput.TEXT_SENT): (TurnState.THINKING, (*_CUT, TurnEffect.OPEN_TURN)),
    (TurnState.SPEAKING, TurnInput.REPLY_ENDED): (TurnState.DRAINING, (TurnEffect.WAIT_DRAINED,)),
    (TurnState.SPEAKING, TurnInput.TOOLS_CALLED): (TurnState.SPEAKING, (TurnEffect.WAIT_DRAINED,)),
    (TurnState.SPEAKING, TurnInput.DRAINED): (TurnState.THINKING, ()),
    (TurnState.SPEAKING, TurnInput.REPLY_CUT): (
        TurnState.IDLE,
        (TurnEffect.STOP_SOUND, TurnEffect.TRUNCATE_REPLY, TurnEffect.CLOSE_AS_TOLD),
    ),
    (TurnState.SPEAKING, TurnInput.INTERRUPT): (TurnState.IDLE, _CUT),
    (TurnState.SPEAKING, TurnInput.NO_ANSWER): (
        TurnState.IDLE,
        (
            TurnEffect.STOP_SOUND,
            TurnEffect.CANCEL_REPLY,
            TurnEffect.TRUNCATE_REPLY,
            TurnEffect.CLOSE_FAILED,
        ),
    ),
    (TurnState.DRAINING, TurnInput.SPEECH_STARTED): (
        TurnState.HEARING,
        (*_BARGE_IN, *_OPEN_HEARING),
    ),
    (TurnState.DRAINING, TurnInput.TEXT_SENT): (
        TurnState.THINKING,
        (*_BARGE_IN, TurnEffect.OPEN_TURN),
    ),
    (TurnState.DRAINING, TurnInput.REPLY_BEGAN): (
        TurnState.THINKING,
        (TurnEffect.CLOSE_AS_TOLD, TurnEffect.OPEN_TURN),
    ),
    (TurnState.DRAINING, TurnInput.REPLY_CUT): (
        TurnState.IDLE,
        (TurnEffect.STOP_SOUND, TurnEffect.TRUNCATE_REPLY, TurnEffect.CLOSE_AS_TOLD),
    ),
    (TurnState.DRAINING, TurnInput.DRAINED): (TurnState.IDLE, (TurnEffect.CLOSE_AS_TOLD,)),
    (TurnState.DRAINING, TurnInput.INTERRUPT): (TurnState.IDLE, _BARGE_IN),
    (TurnState.IDLE, TurnInput.KEY_PRESSED): (TurnState.HEARING, (TurnEffect.HUSH, *_OPEN_HEARING)),
    (TurnState.HEARING, TurnInput.KEY_PRESSED): (
        TurnState.HEARING,
        (TurnEffect.TELL_SPEECH_STOPPED, TurnEffect.CLOSE_INTERRUPTED, *_OPEN_HEARING),
    ),
    (TurnState.THINKING, TurnInput.KEY_PRESSED): (
        TurnState.HEARING,
        (TurnEffect.HUSH, TurnEffect.CANCEL_REPLY, TurnEffect.CLOSE_INTERRUPTED, *_OPEN_HEARING),
    ),
    (TurnState.SPEAKING, TurnInput.KEY_PRESSED): (TurnState.HEARING, (*_CUT, *_OPEN_HEARING)),
    (TurnState.DRAINING, TurnInput.KEY_PRESSED): (TurnState.HEARING, (*_BARGE_IN, *_OPEN_HEARING)),
    **{
        (state, TurnInput.SPOKEN_AGAIN): (TurnState.HEARING, ())
        for state in (TurnState.THINKING, TurnState.SPEAKING)
    },
    **{
        (state, TurnInput.LINK_LOST): (
            TurnState.IDLE,
            (TurnEffect.STOP_SOUND, TurnEffect.CLOSE_FAILED),
        )
        for state in TurnState
        if state is not TurnState.IDLE
    },
}
"""One exchange. A reply is over when it is generated *and* played."""


def step(table: Table[S, I, E], state: S, given: I) -> tuple[S, tuple[E, ...]]:
    """The next state and what to do; an input not listed changes nothing."""
    return table.get((state, given), (state, ()))


LINK_WORDS: Mapping[LinkState, LinkWord] = {
    LinkState.DOWN: LinkWord.OFFLINE,
    LinkState.CONNECTING: LinkWord.CONNECTING,
    LinkState.CONFIGURING: LinkWord.CONNECTING,
    LinkState.UP: LinkWord.ONLINE,
    LinkState.SWAPPING: LinkWord.SWAPPING,
    LinkState.WAITING: LinkWord.RECONNECTING,
    LinkState.RECONNECTING: LinkWord.RECONNECTING,
    LinkState.PARKED: LinkWord.PARKED,
    LinkState.FAILED: LinkWord.OFFLINE,
    LinkState.CLOSED: LinkWord.CLOSED,
}


LISTENS = frozenset(
    {LinkState.UP, LinkState.SWAPPING, LinkState.WAITING, LinkState.RECONNECTING, LinkState.PARKED}
)
"""Where the user's voice is heard, or held for the next link."""


def status_of(link: LinkState, turn: TurnState, *, microphone_on: bool) -> Status:
    """The one word to show: speaking before processing before listening."""
    if link is LinkState.FAILED:
        return Status.ERROR
    if turn in (TurnState.SPEAKING, TurnState.DRAINING):
        return Status.SPEAKING
    if turn is TurnState.THINKING:
        return Status.PROCESSING
    if turn is TurnState.HEARING or (microphone_on and link in LISTENS):
        return Status.LISTENING
    return Status.IDLE
