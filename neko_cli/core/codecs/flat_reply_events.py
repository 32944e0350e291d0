"""What a server of the flat family says about its replies, with what it leaves out filled in.

Replies may have no beginning, no end after a cancel, no ids; words may come by two kinds of events;
tool calls may have no ids. The ledger gives each reply one beginning and one end all the same.
"""

from __future__ import annotations

from neko_cli.core.codecs.decoder import Events
from neko_cli.core.codecs.flat_dialect import FlatDialect
from neko_cli.core.codecs.json_fields import Fields, identifier, mapping, text
from neko_cli.core.codecs.openai_reply_events import BETA_NAMES, ReplyEvents
from neko_cli.core.provider_events import ProviderEvent, ReplyEnded, ReplyStatus
from neko_cli.core.text import to_json

CALLS = 64
"""Tool calls whose ids were made here and are remembered."""


class FlatReplyEvents(ReplyEvents):
    """Decodes ``response.*`` events of the flat family."""

    def __init__(self, title: str, dialect: FlatDialect, *, voiced: bool, want_sound: bool) -> None:
        """What was asked for.

        Args:
            title: names the provider in sentences about failed replies.
            dialect: where this server differs.
            voiced: whether replies come as voice.
            want_sound: whether anybody wants to have it; some servers send it in any case.
        """
        super().__init__(title, BETA_NAMES)
        self._dialect = dialect
        self._want_sound = want_sound
        self._ignored = "text" if voiced and dialect.text_beside_voice else ""
        self._made_calls: dict[str, None] = {}
        self._made_count = 0
        # A finished part repeats the words of one kind of events or the other, and does not say of which.
        del self.handlers["response.content_part.done"]
        self.handlers["response.cancelled"] = self._cancelled

    def wire_call_id(self, call_id: str) -> str:
        """The id by which the server knows a call; empty where it was made here."""
        return "" if call_id in self._made_calls else call_id

    def interrupted(self) -> list[ProviderEvent]:
        """The user speaks, and the server stops its reply without a word."""
        current = self.ledger.current
        return self._over(current, ReplyStatus.INTERRUPTED, "turn_detected") if current else []

    def sound(self, reply_id: str, item_id: str, content_index: int, pcm: bytes) -> Events:
        """A piece of a reply's sound; nothing but the reply's beginning where nobody wants it."""
        return super().sound(reply_id, item_id, content_index, pcm if self._want_sound else b"")

    def _sound_done(self, fields: Fields) -> Events:
        return super()._sound_done(fields) if self._want_sound else ()

    def _created(self, fields: Fields) -> Events:
        reply_id = identifier(mapping(fields, "response"), "id")
        current = self.ledger.current
        if not current or current == reply_id:
            return super()._created(fields)
        # There is one at a time: the end of the other one was not told.
        return [*self._over(current, ReplyStatus.CANCELLED, "superseded"), *super()._created(fields)]

    def _words_done(self, fields: Fields) -> Events:
        """The whole text of a part; where a server names no item, it is that of the words before."""
        reply = self.ledger.wanted(self.ledger.resolve(identifier(fields, "response_id")))
        nameless = reply is not None and any(part.startswith("/") for part in reply.worded)
        if reply is not None and reply.worded and (nameless or not identifier(fields, "item_id")):
            return ()
        return super()._words_done(fields)

    def _item_done(self, fields: Fields) -> Events:
        reply_id = self.ledger.resolve(identifier(fields, "response_id"))
        if self._dialect.silent_cancel and self.ledger.is_cancelled(reply_id):
            return self._over(reply_id, ReplyStatus.CANCELLED, "client_cancelled")
        return super()._item_done(fields) if self._dialect.call_ids else self.begin(reply_id)

    def _call(self, reply_id: str, fields: Fields, name: str) -> Events:
        if isinstance(fields.get("arguments"), dict):
            fields = {**fields, "arguments": to_json(fields["arguments"])}
        if self._dialect.call_ids or identifier(fields, "call_id"):
            return super()._call(reply_id, fields, name)
        self._made_count += 1
        call_id = f"call-{self._made_count}"
        self._made_calls[call_id] = None
        while len(self._made_calls) > CALLS:
            del self._made_calls[next(iter(self._made_calls))]
        return super()._call(reply_id, {**fields, "call_id": call_id}, name)

    def _cancelled(self, fields: Fields) -> Events:
        told = identifier(mapping(fields, "response"), "id") or identifier(fields, "response_id")
        reply_id = told or self.ledger.current
        return self._over(reply_id, ReplyStatus.CANCELLED, "client_cancelled") if reply_id else ()

    def _done(self, fields: Fields) -> Events:
        response = mapping(fields, "response")
        if text(response, "status") == "in_progress":
            return self._created(fields)  # Zhipu's document shows the beginning under this name
        if not identifier(response, "id"):
            if not self.ledger.current:
                return ()  # an end without a reply: the user spoke before it had begun
            fields = {**fields, "response": {**response, "id": self.ledger.current}}
        if not self._dialect.call_ids:
            # What it lists was told before, and could not be told from another call.
            fields = {**fields, "response": {**mapping(fields, "response"), "output": []}}
        return super()._done(fields)

    def _over(self, reply_id: str, status: ReplyStatus, reason: str) -> list[ProviderEvent]:
        """A reply ends here, unless it has ended before."""
        began = self.begin(reply_id)
        if not self.ledger.end(reply_id):
            return []
        return [*began, ReplyEnded(reply_id, status, reason=reason)]
