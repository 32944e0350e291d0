"""How the simulated provider answers: numbered words and samples, faster than real time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tests.simulation import numbers
from tests.simulation.codec import sound_frame
from tests.simulation.plan import FaultKind

if TYPE_CHECKING:
    from tests.simulation.provider import ServerLink


class Word(msgspec.Struct, frozen=True):
    """One word of a reply and its samples; ``last`` is below ``first`` where it has no sound."""

    text: str
    first: int
    last: int


class Reply(msgspec.Struct):
    """One reply, as the provider knows it."""

    id: str
    link: int
    at: float
    words: list[Word] = []
    """Those that were sent."""
    planned: int = 0
    early: list[str] = []
    """Words whose captions were sent before any sound."""
    began: bool = False
    over: str = ""
    """How it ended; empty while it is being made."""
    line: int = -1
    """Where it stands in the conversation."""


class Voice:
    """Makes one reply at a time."""

    def __init__(self, link: ServerLink) -> None:
        self._link = link
        self._trouble: FaultKind | None = None
        self.current: Reply | None = None

    def plan_trouble(self, kind: FaultKind) -> None:
        """The present reply, else the next one, comes to grief."""
        self._trouble = kind

    def ask(self, *, implicit: bool = False) -> None:
        """A reply is wanted."""
        link, cloud = self._link, self._link.cloud
        if self.current is not None:
            if not implicit and not link.style.asks_implicitly:
                code = "conversation_already_has_active_response"
                link.tell("fault", code, "one at a time", None, False)
            return
        rng = cloud.random
        words = rng.choice((1, 2, 5, 8, 12, 16)) if cloud.sound_left > 0.3 else 2
        reply = Reply(cloud.new_id("reply"), link.number, cloud.loop.time(), planned=words)
        self.current = reply
        link.replies.append(reply)
        if self._trouble is FaultKind.REPLY_NEVER and not cloud.calm:
            self._trouble = None
            return
        link.after(link.style.think * rng.uniform(0.05, 0.3), self._begin, reply)

    def _begin(self, reply: Reply) -> None:
        if reply is not self.current or reply.over:
            return
        link, cloud = self._link, self._link.cloud
        reply.began = True
        reply.line = len(link.lines)
        link.lines.append(("reply", ""))
        link.tell("reply_began", reply.id)
        if not link.style.captions_in_step:
            reply.early = [cloud.new_word() for _ in range(reply.planned)]
            for text in reply.early:
                link.tell("words", reply.id, f"{text} ")
        link.after(link.style.think, self._next, reply)

    def _next(self, reply: Reply) -> None:
        """One word more, or the end."""
        link, cloud = self._link, self._link.cloud
        if reply is not self.current or reply.over:
            return
        if self._trouble is not None and reply.words and not cloud.calm:
            trouble, self._trouble = self._trouble, None
            if trouble is FaultKind.REPLY_HANGS:
                return
            code = "rate_limit_exceeded" if trouble is FaultKind.REPLY_RATE_LIMITED else "server_error"
            self._end("failed", "", code)
            return
        if len(reply.words) >= reply.planned:
            if link.config.want_audio:
                link.tell("sound_ended", reply.id)
            self._end("complete", "")
            return
        rng, rate = cloud.random, link.codec.capabilities.output_rate
        seconds = rng.choice((0.1, 0.2, 0.3)) if cloud.sound_left > 0.3 else 0.05
        text = reply.early[len(reply.words)] if reply.early else cloud.new_word()
        first, last = cloud.new_sound(int(seconds * rate)) if link.config.want_audio else (0, -1)
        reply.words.append(Word(text, first, last))
        kind, line = link.lines[reply.line]
        link.lines[reply.line] = (kind, f"{line} {text}".strip())
        if not reply.early:
            link.tell("words", reply.id, f"{text} ")
        pcm = numbers.sound(first, last)
        half = len(pcm) // 4 * 2
        for piece in (pcm[:half], pcm[half:]):
            if piece and link.is_alive:
                link.send_sound(sound_frame(reply.id, piece))
        link.after(seconds / link.style.speed, self._next, reply)

    def _end(self, status: str, reason: str, code: str = "") -> None:
        link, reply = self._link, self.current
        if reply is None:
            return
        self.current = None
        reply.over = status
        if not reply.began:
            link.tell("reply_began", reply.id)
        size = sum(len(text.split()) for _, text in link.lines) * 10
        link.tell("reply_ended", reply.id, status, reason, code, size)
        link.tell_handle()

    def interrupt(self) -> None:
        """The user speaks, or types where that stops a reply."""
        if self.current is None:
            return
        link = self._link
        if link.style.asks_implicitly and self.current.began:
            link.tell("interrupted", self.current.id)
        self._end("interrupted", "turn_detected")

    def cancel(self, reply_id: str) -> None:
        """The client wants no more of it."""
        link, reply = self._link, self.current
        if reply is None or (reply_id and reply.id != reply_id):
            link.tell("fault", "response_cancel_not_active", "nothing to cancel", None, False)
        elif link.style.cancel_ends:
            self._end("cancelled", "client_cancelled")
        else:
            reply.over = "cancelled"
            self.current = None

    def truncate(self, item: str, heard_ms: int) -> None:
        """Forget what the user has not heard."""
        link = self._link
        reply = next((reply for reply in link.replies if reply.id == item), None)
        if reply is None or reply.line < 0:
            return
        left = heard_ms * link.codec.capabilities.output_rate / 1000.0
        kept = []
        for word in reply.words:
            left -= word.last - word.first + 1
            if left < 0:
                break
            kept.append(word.text)
        kind, _ = link.lines[reply.line]
        link.lines[reply.line] = (kind, " ".join(kept))
