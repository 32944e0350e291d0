"""What a server of the flat family says about the user's speech, with what it leaves out filled in.

Ids of utterances may be missing before the commit (Zhipu), times may be missing, and what was heard so
far may come as ``text`` + ``stash`` (DashScope: a part that stays, and one that may change) or as
``delta`` that holds all of it (StepFun).
"""

from __future__ import annotations

from neko_cli.core.codecs.decoder import Events
from neko_cli.core.codecs.json_fields import Fields, identifier, number, text
from neko_cli.core.codecs.openai_user_events import UserEvents
from neko_cli.core.codecs.timeline import Timeline
from neko_cli.core.provider_events import InputCommitted, InputTranscript, SpeechBegan, SpeechEnded

ALIASES = 64
"""Utterances whose ids are remembered as ours."""


class FlatUserEvents(UserEvents):
    """Decodes the same events; every utterance has one id from its beginning to its words."""

    def __init__(self, timeline: Timeline, *, so_far: bool, silence_ms: float) -> None:
        """What the server leaves to us.

        Args:
            timeline: the sound that was sent.
            so_far: whether a ``delta`` holds all that was heard so far.
            silence_ms: what the detector waits for at the end of an utterance, in ms.
        """
        super().__init__(timeline)
        self._so_far = so_far
        self._silence_ms = silence_ms
        self._open = ""
        self._made = 0
        self._made_open = False
        self._aliases: dict[str, str] = {}
        self._last = ""
        self.handlers["conversation.item.input_audio_transcription.text"] = self._heard_delta

    def _started(self, fields: Fields) -> Events:
        item = identifier(fields, "item_id")
        self._made_open = not item
        self._open = item or self._make()
        return [SpeechBegan(self._open, self._timeline.recorded(number(fields, "audio_start_ms")))]

    def _stopped(self, fields: Fields) -> Events:
        told = self._timeline.recorded(number(fields, "audio_end_ms"))
        # Without a time: all that was sent but the silence by which the detector knows.
        at = told if told is not None else max(0.0, self._timeline.recorded_ms - self._silence_ms)
        return [SpeechEnded(self._named(identifier(fields, "item_id")), at)]

    def _committed(self, fields: Fields) -> Events:
        item = identifier(fields, "item_id")
        if self._made_open and item:
            self._aliases[item] = self._open
            while len(self._aliases) > ALIASES:
                del self._aliases[next(iter(self._aliases))]
        name = self._aliases.get(item, item) or self._open or self._make()
        self._open, self._made_open, self._last = "", False, name
        return [InputCommitted(name)]

    def _heard_delta(self, fields: Fields) -> Events:
        item = self._named(identifier(fields, "item_id"))
        if "stash" in fields or "text" in fields:
            words = text(fields, "text") + text(fields, "stash")
            return [InputTranscript(item, words, whole=True, final=False)] if words else ()
        words = text(fields, "delta")
        return [InputTranscript(item, words, whole=self._so_far, final=False)] if words else ()

    def _heard(self, fields: Fields) -> Events:
        return super()._heard(self._with_name(fields))

    def _not_heard(self, fields: Fields) -> Events:
        return super()._not_heard(self._with_name(fields))

    def _with_name(self, fields: Fields) -> Fields:
        return {**fields, "item_id": self._named(identifier(fields, "item_id"))}

    def _named(self, item: str) -> str:
        """Our name of an utterance; without an id it is the one that goes on, or the last one."""
        return self._aliases.get(item, item) or self._open or self._last

    def _make(self) -> str:
        self._made += 1
        return f"utterance-{self._made}"
