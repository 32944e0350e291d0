"""Makes one reply: brain → sentences → voice → deltas."""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from neko_cli.core.errors import NekoError, ServerFault
from neko_cli.core.sentences import SentenceSplitter
from neko_cli.local.audio_format import FromVoice
from neko_cli.local.conversation import (
    HeardPart,
    Item,
    Message,
    PicturePart,
    Segment,
    SpokenPart,
    TextPart,
    ToolCall,
    lines_of,
)
from neko_cli.local.events import (
    CancelReason,
    Outcome,
    Outlet,
    OutputArguments,
    OutputDone,
    OutputSound,
    OutputStarted,
    OutputText,
    Reply,
    ReplyDone,
)
from neko_cli.local.listening import new_item_id
from neko_cli.local.ports import AskedTool, Brain, BrainUsage, Prompt, SaidText, Voice
from neko_cli.local.recognition import Recognition
from neko_cli.local.spoken import spoken_text

log = logging.getLogger(__name__)

STALL_S = 120.0
"""A brain or a voice that delivers nothing for so long has failed."""

CLOSE_S = 5.0
"""For a brain or a voice to stop."""

CHARS_PER_TOKEN = 4
INPUT_MS_PER_TOKEN = 100
OUTPUT_MS_PER_TOKEN = 50
PICTURE_TOKENS = 85
"""Estimates where the brain does not count: OpenAI's published rules of thumb for text, for sound
in and out, and for a picture at low detail."""

T = TypeVar("T")


class Shelf(Protocol):
    """Where the items of a reply go."""

    def place(self, reply: Reply, item: Item) -> str | None:
        """Put an item where it belongs; returns the id of the one before it."""
        ...


def text_tokens(text: str) -> int:
    """Estimated tokens of a text."""
    return math.ceil(len(text) / CHARS_PER_TOKEN)


class _OutOfTokens(Exception):
    """The reply reached its limit."""


@asynccontextmanager
async def _closing(source: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Close an iterator when we are done with it; a cancel must stop what feeds it."""
    try:
        yield source
    finally:
        if (aclose := getattr(source, "aclose", None)) is not None:
            try:
                async with asyncio.timeout(CLOSE_S):
                    await aclose()
            except TimeoutError:
                log.warning("a brain or a voice did not stop within %.0f s", CLOSE_S)


async def _next(source: AsyncIterator[T], what: str) -> T | None:
    """The next element, or None at the end; raises ServerFault when nothing comes for STALL_S."""
    try:
        async with asyncio.timeout(STALL_S):
            return await anext(source, None)
    except TimeoutError:
        raise ServerFault(f"The {what} delivered nothing for {STALL_S:.0f} s.") from None


class ReplyRunner:
    """Runs one reply. Whoever ends it, ``reply.outcome`` is set and ReplyDone emitted once."""

    def __init__(
        self,
        reply: Reply,
        context: tuple[Item, ...],
        *,
        brain: Brain,
        voice: Voice,
        recognition: Recognition,
        outlet: Outlet,
        shelf: Shelf,
        on_done: Callable[[Reply], None],
    ) -> None:
        self.reply = reply
        self._context = context
        self._brain = brain
        self._voice = voice
        self._recognition = recognition
        self._outlet = outlet
        self._shelf = shelf
        self._on_done = on_done
        self._message: Message | None = None
        self._previous: str | None = None
        self._splitter = SentenceSplitter()
        self._encoder = FromVoice(reply.settings.output_format)
        self._counted: BrainUsage | None = None

    async def run(self) -> None:
        """Make the reply; returns when it is done. Never raises but when cancelled."""
        try:
            await self._recognition.settled(self._context)
            self._raise_if_deaf()
            async with _closing(self._brain.reply(self._prompt())) as parts:
                while (part := await _next(parts, "brain")) is not None:
                    match part:
                        case SaidText(text=text):
                            await self._say(text)
                        case AskedTool():
                            await self._finish_words()
                            await self._ask_tool(part)
                        case BrainUsage():
                            self._counted = part
            await self._finish_words()
        except _OutOfTokens:
            self._end(Outcome.INCOMPLETE)
        except NekoError as error:
            self._fail(error)
        except Exception:
            log.exception("a reply failed")
            self._fail(ServerFault("The reply failed inside the engine."))
        else:
            self._end(Outcome.COMPLETED)

    def cancel(self, reason: CancelReason) -> None:
        """End the reply at once: its last events are emitted before this returns."""
        self.reply.reason = reason
        self._end(Outcome.CANCELLED)

    def _raise_if_deaf(self) -> None:
        """A reply to something that could not be heard fails with the reason of the ears."""
        newest = next(
            (i for i in reversed(self._context) if isinstance(i, Message) and i.role == "user"), None
        )
        for part in newest.parts if newest else ():
            if isinstance(part, HeardPart) and part.failure is not None:
                raise part.failure

    def _prompt(self) -> Prompt:
        settings = self.reply.settings
        return Prompt(
            instructions=settings.instructions,
            lines=lines_of(self._context),
            tools=settings.tools,
            tool_choice=settings.tool_choice,
            max_tokens=settings.max_tokens,
        )

    async def _say(self, text: str) -> None:
        if not text:
            return
        if self.reply.settings.speaking:
            for sentence in self._splitter.push(text):
                await self._speak(sentence)
        else:
            await self._write(text)

    async def _write(self, text: str) -> None:
        await self._outlet.room()
        message = self._open_message()
        text, cut = self._within_limit(text)
        part = message.parts[0]
        if text and isinstance(part, TextPart):
            part.text += text
            self._emit_text(message, text)
        if cut:
            raise _OutOfTokens

    async def _speak(self, sentence: str) -> None:
        """One sentence: its words go out just before the first of its sound."""
        message = self._open_message()
        sentence, cut = self._within_limit(sentence)
        segment: Segment | None = None
        if words := spoken_text(sentence):
            async with _closing(self._voice.speak(words, self.reply.settings.speech)) as chunks:
                while (chunk := await _next(chunks, "voice")) is not None:
                    await self._outlet.room()
                    segment = segment or self._begin_segment(message, sentence)
                    self._emit_sound(message, segment, self._encoder.push(chunk))
                    if self._spent() > self._limit():
                        raise _OutOfTokens
        if segment is None and sentence:
            await self._outlet.room()
            self._begin_segment(message, sentence)
        if cut:
            raise _OutOfTokens

    def _begin_segment(self, message: Message, sentence: str) -> Segment:
        segment = Segment(sentence)
        part = message.parts[0]
        if isinstance(part, SpokenPart):
            part.segments.append(segment)
        self._emit_text(message, sentence)
        return segment

    def _emit_text(self, message: Message, text: str) -> None:
        self.reply.usage.output_text += text_tokens(text)
        self._outlet.emit(OutputText(self.reply, len(self.reply.output) - 1, message, text))

    def _emit_sound(self, message: Message, segment: Segment, data: bytes) -> None:
        part = message.parts[0]
        if not data or not isinstance(part, SpokenPart):
            return
        ms = part.format.duration_ms(len(data))
        segment.ms += ms
        if part.heard_ms is None:
            part.data += data
        whole = sum(s.ms for s in part.segments)
        self.reply.usage.output_audio = math.ceil(whole / OUTPUT_MS_PER_TOKEN)
        self._outlet.emit(OutputSound(self.reply, len(self.reply.output) - 1, message, data))

    async def _finish_words(self) -> None:
        """Say what the splitter held back, and close the message."""
        for sentence in self._splitter.flush():
            await self._speak(sentence)
        if self._message is not None:
            self._drain_sound(self._message)
            self._close_message("completed")

    def _drain_sound(self, message: Message) -> None:
        part = message.parts[0]
        if isinstance(part, SpokenPart) and part.segments:
            self._emit_sound(message, part.segments[-1], self._encoder.drain())

    async def _ask_tool(self, asked: AskedTool) -> None:
        await self._outlet.room()
        call_id = asked.call_id or f"call_{secrets.token_hex(8)}"
        call = ToolCall(new_item_id(), call_id, asked.name, "", status="in_progress")
        index = self._open(call)
        call.arguments = asked.arguments
        self.reply.usage.output_text += text_tokens(asked.name + asked.arguments)
        self._outlet.emit(OutputArguments(self.reply, index, call, asked.arguments))
        call.status = "completed"
        self._outlet.emit(OutputDone(self.reply, index, call, self._previous))

    def _open_message(self) -> Message:
        if self._message is None:
            settings = self.reply.settings
            part = SpokenPart(settings.output_format) if settings.speaking else TextPart("")
            self._message = Message(new_item_id(), "assistant", [part], status="in_progress")
            self._open(self._message)
        return self._message

    def _open(self, item: Message | ToolCall) -> int:
        self._previous = self._shelf.place(self.reply, item)
        self.reply.output.append(item)
        index = len(self.reply.output) - 1
        self._outlet.emit(OutputStarted(self.reply, index, item, self._previous))
        return index

    def _close_message(self, status: str) -> None:
        message, self._message = self._message, None
        if message is not None:
            message.status = "completed" if status == "completed" else "incomplete"
            index = len(self.reply.output) - 1
            self._outlet.emit(OutputDone(self.reply, index, message, self._previous))

    def _limit(self) -> float:
        return self.reply.settings.max_tokens or math.inf

    def _spent(self) -> int:
        return self.reply.usage.output_text + self.reply.usage.output_audio

    def _within_limit(self, text: str) -> tuple[str, bool]:
        """As much of a text as the limit allows, and whether it had to be cut."""
        left = self._limit() - self._spent()
        if text_tokens(text) <= left:
            return text, False
        return text[: max(0, int(left)) * CHARS_PER_TOKEN], True

    def _fail(self, error: NekoError) -> None:
        self.reply.error = error
        self._end(Outcome.FAILED)

    def _end(self, outcome: Outcome) -> None:
        if self.reply.outcome is not Outcome.IN_PROGRESS:
            return
        self._close_message("completed" if outcome is Outcome.COMPLETED else "incomplete")
        self.reply.outcome = outcome
        self._count_input()
        self._on_done(self.reply)
        self._outlet.emit(ReplyDone(self.reply))

    def _count_input(self) -> None:
        usage = self.reply.usage
        heard_ms = 0.0
        usage.input_text = text_tokens(self.reply.settings.instructions)
        for item in self._context:
            for part in item.parts if isinstance(item, Message) else ():
                match part:
                    case HeardPart(duration_ms=ms):
                        heard_ms += ms
                    case PicturePart():
                        usage.input_image += PICTURE_TOKENS
                    case _:
                        usage.input_text += text_tokens(part.text)
            if not isinstance(item, Message):
                words = item.arguments if isinstance(item, ToolCall) else item.output
                usage.input_text += text_tokens(words)
        usage.input_audio = math.ceil(heard_ms / INPUT_MS_PER_TOKEN)
        if self._counted is not None:
            usage.input_text = self._counted.input_tokens
            usage.output_text = self._counted.output_tokens
