"""A provider makes one reply at a time: who may ask for the next one, and when. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from neko_cli.core.commands import (
    AnswerTool,
    AskReply,
    CancelReply,
    Command,
    CommitAudio,
    SendText,
    TellHistory,
    TellSystem,
)

HELD_LIMIT = 32
"""Commands that may wait for the slot; a user cannot type faster than that."""

OVERDUE = 3.0
"""Seconds after which a cancelled reply is taken to be over: some providers never say so."""


class SlotState(StrEnum):
    """Where the one reply stands on the wire."""

    OFFLINE = "offline"
    """There is no link: what is asked for waits for the next one."""
    FREE = "free"
    ASKED = "asked"
    ACTIVE = "active"
    CANCELLING = "cancelling"
    """Cancelled before it began, or after; what comes of it is not wanted."""


class ReplySlot:
    """Sends commands that ask for a reply when the provider can take them, else holds them."""

    def __init__(self, send: Callable[[Command], None], now: Callable[[], float]) -> None:
        self._send = send
        self._now = now
        self._held: deque[Command] = deque(maxlen=HELD_LIMIT)
        self._since = 0.0
        self._asked: Command | None = None
        self.state = SlotState.FREE
        self._reply_id = ""
        self._wanted = False
        self._nudging = False
        self._instead: Command | None = None
        self._next: Command | None = None
        self._over: deque[str] = deque(maxlen=HELD_LIMIT)  # replies that another ask has taken the place of
        self._unbegun = 0  # asks of which no reply has begun when another took their place
        self.input_asks = False
        """Whether the provider answers each input by itself, and drops the reply that it is making."""
        self.commit_asks = False
        """Whether it answers what was committed though nobody asks."""
        self.takes_history = True
        """Whether it can be told what was said without being asked for a reply to it."""
        self._unsaid: deque[str] = deque(maxlen=HELD_LIMIT)  # untold so; told with the next text

    def wants(self, reply_id: str) -> bool:
        """Whether words and sound of that reply are to be shown and played."""
        return self._wanted and reply_id == self._reply_id

    def ask(self, command: Command) -> None:
        """Send a command that asks for a reply, now or when the slot is free.

        The end of an utterance does not wait, or what is said next would become a part of it.
        """
        offline = self.state is SlotState.OFFLINE
        if self.input_asks and not offline and not isinstance(command, AnswerTool):
            self._take_over()
        if self.state is SlotState.FREE:
            self._become(SlotState.ASKED)
            self._asked = command
            self._send(self._with_unsaid(command))
        elif isinstance(command, CommitAudio) and not offline:
            self._send(CommitAudio(ask_reply=False))
            if not self.commit_asks:
                self._held.append(AskReply())
        else:
            self._held.append(command)

    def commit(self) -> None:
        """An utterance is over to which nobody wants a reply any more."""
        if self.input_asks or (self.commit_asks and self.state is SlotState.FREE):
            self.ask(CommitAudio())
            self.cancel()
        else:
            self._send(CommitAudio(ask_reply=False))

    def _take_over(self) -> None:
        """What is asked now takes the place of the reply that is asked for, or made."""
        if self._reply_id:
            self._over.append(self._reply_id)
        elif self.state in (SlotState.ASKED, SlotState.CANCELLING):
            self._unbegun += 1
        self._reply_id = ""
        self._wanted = False
        self._become(SlotState.FREE)

    def was_taken_over(self, reply_id: str) -> bool:
        """Of a reply that was interrupted before it said anything: whether it answers an earlier ask.

        Then the slot waits for the next one.
        """
        if not self._unbegun or self.state is not SlotState.ACTIVE or reply_id != self._reply_id:
            return False
        self._unbegun -= 1
        self._over.append(reply_id)
        self._reply_id = ""
        self._wanted = False
        self._become(SlotState.ASKED)
        return True

    def expect_unwanted(self) -> None:
        """The provider is about to make a reply that nobody wants (``Capabilities.tools_continue``)."""
        if self.state is SlotState.FREE:
            self._become(SlotState.CANCELLING)

    def nudge(self) -> None:
        """The provider makes no reply though it should: ask for one."""
        if self.state is SlotState.FREE:
            self.ask(AskReply())
            self._nudging = True

    def began(self, reply_id: str, *, welcome: bool = True) -> bool:
        """A reply begins on the wire; returns whether it is wanted, which it is only when ``welcome``."""
        if not welcome:
            self._become(SlotState.CANCELLING)
        if self.state is SlotState.CANCELLING:
            self._reply_id = reply_id
            self._send(CancelReply(reply_id))
            return False
        self._reply_id = reply_id
        if self._instead is not None:
            self._next, self._instead = self._instead, None
            self._become(SlotState.CANCELLING)
            self._send(CancelReply(reply_id))
            return False
        self._nudging = False
        self._become(SlotState.ACTIVE)
        self._wanted = True
        return True

    def instead(self, command: Command) -> None:
        """The next reply that begins is cancelled, because it would begin afresh; this is asked for."""
        self._instead = command

    def cancel(self) -> None:
        """Nobody wants the current reply any more; tells the provider when it is being made.

        What waits was for the same turn: it is said to the provider, and no reply is asked for.
        """
        self._wanted = False
        self._instead = self._next = None
        held, self._held = self._held, deque(maxlen=HELD_LIMIT)
        if self.state is not SlotState.OFFLINE:
            for command in held:
                self._tell_only(command)
        if self.state is SlotState.ACTIVE:
            self._send(CancelReply(self._reply_id))
        if self.state in (SlotState.ACTIVE, SlotState.ASKED):
            self._become(SlotState.CANCELLING)

    def _tell_only(self, command: Command) -> None:
        match command:
            case SendText(text) if not self.takes_history:
                self._unsaid.append(text)
            case SendText(text):
                self._send(TellHistory("user", text))
            case TellSystem(text):
                self._send(TellSystem(text, ask_reply=False))
            case AnswerTool():
                self._send(msgspec.structs.replace(command, continue_reply=False))
            case _:
                pass

    def not_told(self, texts: Sequence[str]) -> None:
        """What the user said before this link, which it does not know: told with the next text."""
        self._unsaid.extend(texts)

    def _with_unsaid(self, command: Command) -> Command:
        if not isinstance(command, SendText) or not self._unsaid:
            return command
        texts = [*self._unsaid, command.text]
        self._unsaid.clear()
        return msgspec.structs.replace(command, text="\n".join(texts))

    def abandon(self) -> None:
        """The provider itself stops the current reply; what still comes of it is not wanted."""
        self._wanted = False

    def ended(self, reply_id: str) -> None:
        """A reply is over on the wire; one that is not ours changes nothing."""
        if reply_id in self._over:
            return
        if self._reply_id in ("", reply_id):
            self._free()

    def _free(self) -> None:
        self._unbegun = 0
        self._nudging = False
        self._asked = None
        self._reply_id = ""
        self._wanted = False
        self._become(SlotState.FREE)
        if self._next is not None:
            self._held.appendleft(self._next)
            self._next = None
        if self._held:
            self.ask(self._held.popleft())

    def refused(self) -> None:
        """The provider says that it is already making a reply: ask again when that one is over.

        The reply that is being made answers something else: what was typed, or said over a reply that
        may not be interrupted, comes next. An utterance that the provider's detector committed before
        we did is what it is answering.
        """
        if self._nudging:
            self._nudging = False
            self._free()  # it makes one after all
        elif self.state is SlotState.CANCELLING and not self._reply_id:
            self._free()  # what we cancelled was never begun; the reply that is made answers something else
        elif self.state is SlotState.ASKED:
            self._become(SlotState.ACTIVE)
            self._held.appendleft(AskReply())
        elif self.state is SlotState.ACTIVE and not self._held and not isinstance(self._asked, CommitAudio):
            self._held.append(AskReply())

    def utterance_taken(self) -> None:
        """An utterance was committed: an ask that was cancelled and has not begun by now never will."""
        ours = isinstance(self._asked, CommitAudio)  # then this is the utterance that it is about
        if self.state is SlotState.CANCELLING and not self._reply_id and not ours:
            self._free()

    @property
    def blocked_for(self) -> float:
        """Seconds for which what waits was kept from being asked by a reply that is not ours."""
        blocked = self.state is SlotState.ACTIVE and not self._reply_id and bool(self._held)
        return self._now() - self._since if blocked else 0.0

    def overdue(self) -> None:
        """Called from time to time: frees the slot when a cancelled reply never ends."""
        if self.state is SlotState.CANCELLING and self._now() - self._since >= OVERDUE:
            self._free()

    def suspend(self) -> Command | None:
        """The link is gone; what waits stays. Returns the ask whose reply is wanted and did not end.

        What could not be told to this link is in the memory that the next one is told of.
        """
        self._unsaid.clear()
        self._instead = self._next = None
        self._unbegun = 0
        self._over.clear()
        asked = self._asked if self.state in (SlotState.ASKED, SlotState.ACTIVE) else None
        if self.state is SlotState.ACTIVE and not self._wanted:
            asked = None
        self._asked = None
        self._reply_id = ""
        self._wanted = False
        self._become(SlotState.OFFLINE)
        return asked

    @property
    def is_calm(self) -> bool:
        """Whether nothing is asked for, and nothing waits."""
        return self.state in (SlotState.FREE, SlotState.OFFLINE) and not self._held

    @property
    def answers_speech(self) -> bool:
        """Whether a reply that begins now is to what the user said: nobody asked for another one."""
        asked = self.state in (SlotState.ASKED, SlotState.CANCELLING) and not self._reply_id
        return self.state is SlotState.FREE or (asked and isinstance(self._asked, CommitAudio))

    @property
    def texts(self) -> list[SendText]:
        """Texts that wait."""
        return [command for command in self._held if isinstance(command, SendText)]

    def carry(self, command: Command) -> None:
        """Ask for this before all else when there is a link again, unless it waits already."""
        if command not in self._held:
            self._held.appendleft(command)

    def resume(self) -> None:
        """There is a link again: ask for what waits."""
        if self.state is SlotState.OFFLINE:
            self._free()

    def reset(self) -> None:
        """The link is gone for good, and with it whatever was asked of it."""
        self._instead = self._next = None
        self._held.clear()
        self._unsaid.clear()
        self._over.clear()
        self._unbegun = 0
        self._asked = None
        self._reply_id = ""
        self._wanted = False
        self._become(SlotState.FREE)

    def _become(self, state: SlotState) -> None:
        self.state = state
        self._since = self._now()
