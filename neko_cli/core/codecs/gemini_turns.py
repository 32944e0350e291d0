"""What the Gemini codec remembers of replies, words and calls, which have no ids in this protocol.

The service says what it says, and that a turn is complete; which reply that is, and whether one has
begun at all, follows from what came before. Source: the Live API's reference (``turnComplete``,
``generationComplete``, ``interrupted``), and what clients have seen: output behind a tool call or behind
the end of a turn, interruptions with and without an end, ends without any content.
"""

from __future__ import annotations

from enum import StrEnum

CALLS_LIMIT = 64
"""Tool calls that are remembered."""


class Owed(StrEnum):
    """What may still come of a reply that counts as over already."""

    NOTHING = "nothing"
    END = "end"
    """Its ``turnComplete``; output begins another reply."""
    CUT_REST = "rest of a reply that we stopped by asking something else"
    """Output and an interruption too; none of it is news."""
    CALL_REST = "rest of a reply that called a tool"
    """Output and ``turnComplete`` too, until the call is answered."""


class Exchange:
    """Gives each reply one beginning and one end, and tells what is stale."""

    def __init__(self, *, detector_bytes: int | None, interrupts: bool) -> None:
        """``detector_bytes``: the silence after which the service's detector may let the model answer;
        None where we say when somebody speaks.
        """
        self._detector_bytes = detector_bytes
        self.interrupts = interrupts
        """Whether speech stops a reply."""
        self._made = 0
        self._sound = 0
        self._asked = False
        self._in_writing = False  # the next reply is to what was written, or to a tool's result
        self._owed = Owed.NOTHING
        self._unbegun = 0  # replies that had not begun when we asked something else
        self.spoken = True
        """Whether the current reply is to what was said."""
        self.current = ""
        """The reply that has begun and not ended; empty when there is none."""
        self.last = ""
        """The reply that ended last."""
        self.cancelled = False
        """We cancelled the current reply: what still comes of it is not wanted."""

    # -- what the client does ---------------------------------------------------------------

    def sound_sent(self, n_bytes: int) -> None:
        """Microphone sound went to the service."""
        self._sound += n_bytes

    def speech_told(self) -> None:
        """The user speaks, or an utterance of ours is complete: an answer may follow."""
        self._asked = True

    def asked(self) -> None:
        """Something was sent that asks for a reply, and stops the present one."""
        if self.current:
            self._over(Owed.CUT_REST)
        elif self.may_begin:
            self._unbegun += 1
        self._asked = self._in_writing = True

    def speaks_over(self) -> None:
        """The user begins to speak, which we tell the service: it stops what it is about to say."""
        if not self.current and self.may_begin:
            self._unbegun += 1
            self._asked = self._in_writing = False

    def answered(self) -> None:
        """A tool call was answered: what comes from now on is said about that."""
        if self._owed is Owed.CALL_REST:
            self._owed = Owed.END
        self._asked = self._in_writing = True

    def cancel(self, reply_id: str) -> None:
        """Nobody wants this reply (the current one without an id) any more."""
        if self.current and reply_id in ("", self.current):
            self.cancelled = True

    # -- what the service does --------------------------------------------------------------

    def output(self) -> tuple[str, bool]:
        """Which reply output belongs to, and whether it begins with it.

        Output that is too late belongs to the reply that ended last: nothing was said or asked since.
        """
        if self.current:
            return self.current, False
        late = bool(self.last) and not self.may_begin
        if late or self._owed in (Owed.CUT_REST, Owed.CALL_REST):
            return self.last, False
        return self.begin(), True

    def begin(self) -> str:
        """A reply begins, whatever was owed before."""
        self._made += 1
        self.current = f"reply-{self._made}"
        self.cancelled = False
        self._owed = Owed.NOTHING
        self._unbegun = 0
        self.spoken = not self._in_writing
        self._asked = self._in_writing = False
        if not self.interrupts:
            self._sound = 0  # what is said over this reply is answered as soon as it ends
        return self.current

    def called(self) -> None:
        """The current reply is over because it waits for a tool."""
        self._over(Owed.CALL_REST)

    def completed(self) -> bool:
        """``turnComplete``: whether it ends the current reply, or an empty one that begins with it."""
        if self.current:
            self._over(Owed.NOTHING)
            return True
        if self._owed is not Owed.NOTHING:
            self._owed = Owed.NOTHING
            return False
        if not self.may_begin:
            return False
        self.begin()
        self._over(Owed.NOTHING)
        return True

    def interrupted(self) -> bool:
        """``interrupted``: whether it is news; the current reply is over then, if there is one."""
        if self._owed is Owed.CUT_REST:
            self._owed = Owed.END  # by what we asked
            return False
        if self._unbegun and not self.current:
            self._unbegun -= 1
            self._owed = Owed.END
            return False
        self._over(Owed.END)
        self._asked, self._in_writing = True, False
        return True

    @property
    def may_begin(self) -> bool:
        """Whether something was asked or may have been said since the last reply."""
        heard = self._detector_bytes is not None and self._sound >= self._detector_bytes
        return self._asked or heard

    def _over(self, owed: Owed) -> None:
        self.last = self.current or self.last
        self.current = ""
        self.cancelled = False
        self._owed = owed
        self._asked = False
        if self.interrupts:
            self._sound = 0


class Calls:
    """Tool calls by our ids; Vertex gives none, and then answers by name are expected."""

    def __init__(self) -> None:
        """Nothing was called yet."""
        self._wire: dict[str, str] = {}
        self._cancelled: dict[str, None] = {}
        self._open: set[str] = set()
        self._made = 0

    @property
    def are_open(self) -> bool:
        """Whether a call was neither answered nor cancelled."""
        return bool(self._open)

    def new(self, wire_id: str) -> str:
        """Our id for a call; empty when it was told before."""
        self._made += 1
        call_id = wire_id or f"call-{self._made}"
        if call_id in self._wire:
            return ""
        self._wire[call_id] = wire_id
        self._open.add(call_id)
        while len(self._wire) > CALLS_LIMIT:
            oldest = next(iter(self._wire))
            del self._wire[oldest]
            self._open.discard(oldest)
        return call_id

    def cancel(self, call_id: str) -> None:
        """The result of a call is not wanted any more."""
        self._open.discard(call_id)
        self._cancelled[call_id] = None
        while len(self._cancelled) > CALLS_LIMIT:
            del self._cancelled[next(iter(self._cancelled))]

    def answer(self, call_id: str) -> str | None:
        """The service's id of a call (empty when it gave none) to answer by; None when nobody wants it."""
        self._open.discard(call_id)
        if call_id in self._cancelled:
            return None
        return self._wire.get(call_id, call_id)
