"""The settings of one link of the flat family, and how a change of them is told."""

from __future__ import annotations

from collections import deque
from typing import Any

from neko_cli.core.capabilities import Capabilities
from neko_cli.core.codecs import flat_frames as frames
from neko_cli.core.codecs.base import Detection, Frame, HistoryLine, SessionSpec
from neko_cli.core.codecs.flat_dialect import FlatDialect, Told
from neko_cli.core.context import Recollection, as_instructions

TOLD_LINES = 64
"""Messages that are told in the instructions; the oldest go beyond that."""


class FlatSession:
    """Instructions, detection and mode of calls; every change is given as frames."""

    def __init__(self, spec: SessionSpec, capabilities: Capabilities, dialect: FlatDialect) -> None:
        """Begin as the spec says."""
        self._spec = spec
        self._can = capabilities
        self._dialect = dialect
        self._base = spec.instructions
        self._told: deque[HistoryLine] = deque(maxlen=TOLD_LINES)
        self._chat_mode = dialect.call_mode
        self.manual = spec.detection is Detection.MANUAL or not capabilities.server_vad
        """Whether we end the user's turns."""

    @property
    def instructions(self) -> str:
        """All that the character is told: persona, and what was said, as far as no message tells it."""
        by = self._dialect.voice_told.get((self._spec.model, self._spec.voice), "")
        return "\n\n".join(filter(None, (self._base, self._before(), self._said(), by)))

    def opening(self) -> list[Frame]:
        """The configuration, then what is told as messages."""
        lines = self._spec.history if self._dialect.told is Told.ITEMS and self._can.seed_history else ()
        told = [line for line in lines if line.text and (line.role != "system" or self._can.system_items)]
        return [
            frames.update(self._whole(), setup=True),
            *(frames.message(self._role(line.role), line.text) for line in told),
        ]

    def reconfigure(self, instructions: str) -> list[Frame]:
        """Another persona; what was said is still known."""
        self._base = instructions
        return self._change("instructions")

    def detect(self, *, manual: bool) -> list[Frame]:
        """Who ends the user's turns from now on."""
        self.manual = manual
        return self._change("turn_detection")

    def tell(self, role: str, text: str) -> list[Frame]:
        """What was said on another link."""
        if not text or not self._can.seed_history:
            return []
        if self._dialect.told is Told.ITEMS:
            return [frames.message(self._role(role), text)]
        self._told.append(HistoryLine(role, text))
        return self._change("instructions")

    def with_pictures(self) -> list[Frame]:
        """Change to the mode of calls that takes pictures, where there is one; once.

        There is no way back: leaving it would make the server forget what was said.
        """
        if self._chat_mode == self._dialect.picture_mode:
            return []
        self._chat_mode = self._dialect.picture_mode
        return self._change("beta_fields")

    def _role(self, role: str) -> str:
        """The role by which a message is told; unknown ones count as the system's."""
        usual = role if role in ("user", "assistant") else "system"
        return usual if usual != "system" or self._can.system_items else "user"

    def _change(self, name: str) -> list[Frame]:
        session = self._whole()
        if not self._dialect.whole_updates:
            session = {name: session.get(name, "")}
        return [frames.update(session)]

    def _whole(self) -> dict[str, Any]:
        session = frames.settings(
            self._spec, self._can, self._dialect, manual=self.manual, chat_mode=self._chat_mode
        )
        instructions = self.instructions
        return {**session, "instructions": instructions} if instructions else session

    def _before(self) -> str:
        """What the session knows of the time before this link, where no message can tell it."""
        if not self._can.seed_history:
            return self._spec.recollection
        if self._can.system_items and self._dialect.told is Told.ITEMS:
            return ""
        return "\n\n".join(line.text for line in self._spec.history if line.role == "system")

    def _said(self) -> str:
        """What was said on other links, as one block."""
        if self._dialect.told is Told.ITEMS or not self._can.seed_history:
            return ""
        earlier = (line for line in self._spec.history if line.role != "system" and line.text)
        return as_instructions(Recollection(lines=(*earlier, *self._told)), "", "")
