"""Where replies come from: a chat server, found or named, or the built-in responder."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from enum import StrEnum
from typing import Protocol

from neko_cli.core.codecs.chat_wire import ChatPart, ChatText, ChatTool, choose_model
from neko_cli.core.errors import (
    ConfigError,
    InvalidRequest,
    LinkError,
    NekoError,
    ProtocolSurprise,
    ServerFault,
)
from neko_cli.core.transport.chat_http import ChatTimeouts
from neko_cli.local.chat_probe import LOOK_S, USUAL_PORTS, find_chat_server
from neko_cli.local.chat_prompt import has_pictures, to_messages
from neko_cli.local.config import EngineConfig
from neko_cli.local.ports import AskedTool, BrainPart, BrainUsage, Prompt, SaidText
from neko_cli.local.responder.brain import Responder
from neko_cli.services.chat_model import ChatEndpoint, ChatModel

log = logging.getLogger(__name__)

BUILTIN_NAME = "the built-in responder"


class BrainState(StrEnum):
    """Which brain answers."""

    LOOKING = "looking"
    """Nobody has looked for a chat server yet."""
    CHAT = "chat"
    BUILTIN = "builtin"
    LOST = "lost"
    """A chat server was found and died; the built-in responder answers."""


class EngineBrain(Protocol):
    """A Brain that the engine can prepare, describe and close."""

    @property
    def state(self) -> BrainState:
        """Which brain answers now."""
        ...

    def reply(self, prompt: Prompt) -> AsyncGenerator[BrainPart, None]:
        """Parts of one reply; raises NekoError."""
        ...

    async def prepare(self) -> None:
        """Look for a chat server ahead of the first reply; never raises a NekoError."""
        ...

    def describe(self) -> str:
        """Which brain is in use, in a few words."""
        ...

    async def aclose(self) -> None:
        """Close the connections; idempotent."""
        ...


def make_brain(
    config: EngineConfig,
    *,
    api_key: str = "",
    insecure: bool = False,
    ports: Sequence[tuple[int, str]] = USUAL_PORTS,
    look_s: float = LOOK_S,
    timeouts: ChatTimeouts | None = None,
) -> EngineBrain:
    """The brain that ``config.brain`` names; raises ConfigError when it names none.

    ``api_key`` goes to an explicit address alone, never to a server that was found.
    """
    choice = config.brain.strip()
    times = timeouts or ChatTimeouts()
    if choice == "builtin":
        return BuiltinBrain()
    if choice in ("auto", ""):
        return AutoBrain(config.brain_model, ports=ports, look_s=look_s, timeouts=times)
    if "://" not in choice:
        raise ConfigError(
            f"{choice[:60]!r} is no brain.", hint='Use "auto", "builtin" or the address of a chat server.'
        )
    endpoint = ChatEndpoint(choice, api_key=api_key, insecure=insecure, timeouts=times)
    return ChatBrain(ChatModel(endpoint, config.brain_model))


class BuiltinBrain:
    """The built-in responder, always there."""

    state = BrainState.BUILTIN

    def __init__(self, responder: Responder | None = None) -> None:
        self._responder = responder or Responder()

    def reply(self, prompt: Prompt) -> AsyncGenerator[BrainPart, None]:
        """Parts of one reply; never fails."""
        return self._responder.reply(prompt)

    async def prepare(self) -> None:
        """Load the responder's patterns."""
        await self._responder.prepare()

    def describe(self) -> str:
        """What it is."""
        return BUILTIN_NAME

    async def aclose(self) -> None:
        """Nothing to close."""


class ChatBrain:
    """A chat server; an error is told, never replaced by another brain."""

    state = BrainState.CHAT

    def __init__(self, model: ChatModel, program: str = "") -> None:
        """``program`` is what is believed to listen there, for the description."""
        self._model = model
        self._program = program
        self._sees = True
        self._has_tools = True
        self._naming = asyncio.Lock()

    async def prepare(self) -> None:
        """Ask for the model's name; an error is kept for the first reply, which tells it."""
        try:
            await self._name_model()
        except NekoError as error:
            log.info("the chat server is not ready: %s", type(error).__name__)

    def describe(self) -> str:
        """Model, place and program."""
        program = f" ({self._program})" if self._program else ""
        return f"{self._model.model or 'a chat model'} at {self._model.where}{program}"

    async def aclose(self) -> None:
        """Close the connections."""
        await self._model.aclose()

    async def reply(self, prompt: Prompt) -> AsyncGenerator[BrainPart, None]:
        """Parts of one reply.

        A model that refuses pictures or tools is asked again without them, once, and not
        bothered with them afterwards.
        """
        await self._name_model()
        sees, has_tools = self._sees, self._has_tools
        while True:
            started = False
            try:
                async with aclosing(self._ask(prompt, sees=sees, has_tools=has_tools)) as parts:
                    async for part in parts:
                        started, self._sees, self._has_tools = True, sees, has_tools
                        yield _as_brain_part(part)
                return
            except (InvalidRequest, ServerFault) as error:
                if started:
                    raise
                optional = prompt.tool_choice in ("auto", "none")
                if has_tools and prompt.tools and optional and "tool" in error.message.lower():
                    has_tools = False
                elif sees and has_pictures(prompt.lines):
                    sees = False
                else:
                    raise

    def _ask(self, prompt: Prompt, *, sees: bool, has_tools: bool) -> AsyncGenerator[ChatPart, None]:
        return self._model.stream(
            to_messages(prompt, pictures=sees, tools=has_tools),
            tools=prompt.tools if has_tools else (),
            tool_choice=prompt.tool_choice,
            max_tokens=prompt.max_tokens,
        )

    async def _name_model(self) -> None:
        async with self._naming:
            if self._model.model:
                return
            name = choose_model(await self._model.models())
            if not name:
                raise ConfigError(
                    f"The chat server at {self._model.where} offers no chat model.",
                    hint="Load one there, or name it as brain_model.",
                )
            self._model.model = name


class AutoBrain:
    """A chat server on its usual port when there is one, else the built-in responder.

    The search runs once. When the server dies, that reply fails with a clear error; from the next
    one on the built-in responder answers, and says so in each conversation.
    """

    def __init__(
        self,
        model: str = "",
        *,
        ports: Sequence[tuple[int, str]] = USUAL_PORTS,
        look_s: float = LOOK_S,
        timeouts: ChatTimeouts | None = None,
    ) -> None:
        self.state = BrainState.LOOKING
        self._wanted = model
        self._ports = ports
        self._look_s = look_s
        self._timeouts = timeouts or ChatTimeouts()
        self._builtin = BuiltinBrain()
        self._chat: ChatBrain | None = None
        self._faults = 0
        self._looking = asyncio.Lock()

    async def prepare(self) -> None:
        """Look once; later calls return at once."""
        async with self._looking:
            if self.state is not BrainState.LOOKING:
                return
            server = await find_chat_server(self._wanted, ports=self._ports, budget_s=self._look_s)
            if server is None:
                await self._builtin.prepare()
                self.state = BrainState.BUILTIN
            else:
                endpoint = ChatEndpoint(server.url, timeouts=self._timeouts)
                model = ChatModel(endpoint, choose_model(server.models, self._wanted))
                self._chat = ChatBrain(model, server.program)
                self.state = BrainState.CHAT
            log.info("replies come from %s", self.describe())

    def describe(self) -> str:
        """Which brain is in use."""
        if self._chat is not None and self.state is BrainState.CHAT:
            return self._chat.describe()
        if self._chat is not None:
            return f"{BUILTIN_NAME}, since {self._chat.describe()} stopped answering"
        return BUILTIN_NAME if self.state is BrainState.BUILTIN else "not chosen yet"

    async def aclose(self) -> None:
        """Close the connections."""
        if self._chat is not None:
            await self._chat.aclose()

    async def reply(self, prompt: Prompt) -> AsyncGenerator[BrainPart, None]:
        """Parts of one reply from whichever brain is in use."""
        await self.prepare()
        chat = self._chat
        if chat is None or self.state is BrainState.LOST:
            async for part in self._from_builtin(prompt):
                yield part
            return
        try:
            async with aclosing(chat.reply(prompt)) as parts:
                async for part in parts:
                    yield part
            self._faults = 0
        except (LinkError, ProtocolSurprise, ServerFault) as error:
            self._faults += 1
            # A server that fails once may only be busy; one that is gone is gone.
            if isinstance(error, ServerFault) and self._faults < 2:
                raise
            self.state = BrainState.LOST
            hint = f"From the next answer on {BUILTIN_NAME} takes over."
            raise type(error)(error.message, hint=hint, code=error.code) from error

    async def _from_builtin(self, prompt: Prompt) -> AsyncGenerator[BrainPart, None]:
        notice = ""
        if self.state is BrainState.LOST:
            notice = "The chat model has stopped answering, so this is the small built-in responder. "
            if any(notice.strip() in line.text for line in prompt.lines if line.role == "assistant"):
                notice = ""
        async with aclosing(self._builtin.reply(prompt)) as parts:
            async for part in parts:
                if notice and isinstance(part, SaidText):
                    yield SaidText(notice)
                    notice = ""
                yield part


def _as_brain_part(part: ChatPart) -> BrainPart:
    if isinstance(part, ChatText):
        return SaidText(part.text)
    if isinstance(part, ChatTool):
        return AskedTool(part.name, part.arguments, part.call_id)
    return BrainUsage(part.input_tokens, part.output_tokens)
