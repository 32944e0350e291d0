"""The user's words as Gemini tells them: pieces without ids, whose end is seldom told.

The reference says of ``inputTranscription`` that it comes independently of everything else. The session
wants one end of words for each utterance that was answered, in order, so:

- words before a reply are what it answers, and final when it begins;
- words while it is made are what it answers, where none came before, else an utterance of their own;
- words right behind a reply that had none are what it answered, and come whole;
- where an utterance that was answered has no words at all, that is told by an empty text.
"""

from __future__ import annotations

from neko_cli.core.provider_events import (
    InputCommitted,
    InputTranscript,
    ProviderEvent,
    SpeechBegan,
    SpeechEnded,
)

TEXT_LIMIT = 20_000
"""Characters of one utterance: more than half an hour of speech."""


class Hearing:
    """Makes utterances of pieces; one at a time is open."""

    def __init__(self, *, captions: bool) -> None:
        """``captions``: whether words were asked for."""
        self._captions = captions
        self._made = 0
        self._item = ""
        self._text = ""
        self._told = False
        self._due = False  # what the last reply answered has no words yet
        self._worded = False  # final words came that no reply has answered yet

    def words(self, piece: str, *, finished: bool, in_reply: bool, anew: bool) -> list[ProviderEvent]:
        """A piece of what the user says.

        ``in_reply``: a reply is being made. ``anew``: the user may have spoken since the last one.
        """
        events: list[ProviderEvent] = []
        if not piece.strip() and not self._text:
            return events
        if self._due and not in_reply and anew:
            events += self._without_words()
        late = self._due and not in_reply
        self._text = (self._text + (piece if self._text else piece.lstrip()))[:TEXT_LIMIT]
        if finished or late:
            return [*events, *self.close()]
        return [*events, InputTranscript(self._open(), self._text, whole=True, final=False)]

    def guess(self, text: str) -> list[ProviderEvent]:
        """What the service makes of the newest sound; other words may take their place."""
        so_far = f"{self._text}{text if self._text else text.lstrip()}"[:TEXT_LIMIT]
        return [InputTranscript(self._open(), so_far, whole=True, final=False)] if text.strip() else []

    def close(self) -> list[ProviderEvent]:
        """The open utterance is over: its words are final."""
        text, item = self._text, self._open() if self._text else ""
        self._text = self._item = ""
        self._told = False
        if not text:
            return []
        self._worded, self._due = not self._due, False
        return [InputTranscript(item, text, whole=True, final=True)]

    def reply_begins(self, *, spoken: bool) -> list[ProviderEvent]:
        """A reply begins; ``spoken``: to what was said. Of a told utterance, words may come later."""
        if self._told:
            return []
        events = self._without_words() if self._due and spoken else []
        events += self.close()
        if spoken:
            self._due = self._captions and not self._worded
        self._worded = False
        return events

    def turn_ends(self, *, keep: bool) -> list[ProviderEvent]:
        """A reply was made to its end; ``keep``: what is being said over it goes on."""
        if self._told or (keep and not self._due):
            return []
        return self.close()

    def cut(self, *, in_reply: bool) -> list[ProviderEvent]:
        """The user speaks, and a reply (or what was to become one) is over.

        Words over a reply are the beginning of what cut it, unless it had none before.
        """
        if self._told or (in_reply and not self._due):
            return []
        return self.close()

    def began(self) -> list[ProviderEvent]:
        """The service's detector hears the user begin (only where it says so)."""
        events = self.close()
        events.append(SpeechBegan(self._open()))
        self._told = True
        self._due = self._worded = False
        return events

    def ended(self) -> list[ProviderEvent]:
        """The service's detector hears the user end."""
        return [SpeechEnded(self._item), InputCommitted(self._item)] if self._told else []

    def _without_words(self) -> list[ProviderEvent]:
        self._due = False
        self._made += 1
        return [InputTranscript(f"utterance-{self._made}", "", whole=True, final=True)]

    def _open(self) -> str:
        if not self._item:
            self._made += 1
            self._item = f"utterance-{self._made}"
        return self._item
