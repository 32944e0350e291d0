"""The character's emotion where its words carry no tags, and, apart from it, the user's mood."""

from __future__ import annotations

from typing import Protocol

from neko_cli.core.companions.feelings import FeelingClassifier, Feelings, Mood, MoodReading
from neko_cli.core.events import Emotion
from neko_cli.core.host import SessionHost
from neko_cli.core.profile import Classify, EmotionTable, Profile


class FeelingJudge(Protocol):
    """A second opinion on sentences."""

    async def classify(self, sentence: str, profile: Profile) -> tuple[str, float] | None:
        """Label and confidence, 0 … 1; None when there is none. Never raises."""
        ...


class Moods:
    """Follows one session's replies; every method returns at once."""

    def __init__(self, host: SessionHost, judge: FeelingJudge | None) -> None:
        """``judge`` is asked where the profile says ``chat``; what it says late is not told."""
        self._host = host
        self._judge = judge
        self._user = Mood()
        self._made: EmotionTable | None = None
        self._feelings: Feelings | None = None
        self._told = ""
        self._replies = 0

    @property
    def user(self) -> MoodReading:
        """The user's mood over the last utterances."""
        return self._user.now

    def begin(self) -> None:
        """A reply begins."""
        table = self._host.profile.emotion
        if table != self._made:
            self._made = table
            wanted = table.classify is not Classify.OFF and bool(table.labels)
            classifier = FeelingClassifier(table.labels, table.words) if wanted else None
            self._feelings = Feelings(classifier) if classifier is not None else None
            self._neutral = classifier.neutral if classifier is not None else ""
        if self._feelings is not None:
            self._feelings.start()
            self._told = self._neutral
        self._replies += 1

    def tagged(self, label: str) -> None:
        """The model has said itself how the character feels."""
        self._told = label
        if self._feelings is not None:
            self._feelings.tagged()

    def words(self, text: str) -> None:
        """Words of the reply, without tags."""
        if self._feelings is not None:
            self._judged(self._feelings.feed(text))

    def end(self) -> None:
        """All words of the reply have come."""
        if self._feelings is not None:
            self._judged(self._feelings.flush())

    def heard(self, text: str) -> None:
        """The user's final words."""
        self._user.heard(text)

    def _judged(self, found: list[tuple[str, float]]) -> None:
        for label, confidence in found:
            self._tell(label, confidence)
        chat = self._host.profile.emotion.classify is Classify.CHAT
        if found and chat and self._judge is not None and self._feelings is not None:
            work = self._ask(self._judge, self._feelings.last, self._replies)
            self._host.owner.spawn(work, "emotion")

    async def _ask(self, judge: FeelingJudge, sentence: str, reply: int) -> None:
        found = await judge.classify(sentence, self._host.profile)
        if found is not None and reply == self._replies:
            self._tell(*found)

    def _tell(self, label: str, confidence: float) -> None:
        if label == self._told:
            return
        self._told = label
        host = self._host
        host.publish(Emotion(at=host.now(), turn=host.turns.turn.number, label=label, confidence=confidence))
