"""What a provider tells of utterances, without a provider: a turn machine, a slot, and notes of the rest."""

from __future__ import annotations

from neko_cli.core.events import UserText
from neko_cli.core.memory import Memory
from neko_cli.core.playout import Playout
from neko_cli.core.profile import parse
from neko_cli.core.provider_events import InputCommitted, InputTranscript, SpeechBegan, SpeechEnded
from neko_cli.core.reply_slot import ReplySlot
from neko_cli.core.state import TurnInput
from neko_cli.core.turns import Turns
from neko_cli.core.utterances import Utterances

SILENCE_MS = 400


class FakeUplink:
    """Notes what it is told; no name is committed twice."""

    def __init__(self) -> None:
        self.commits: list[tuple[str, int, float | None, float]] = []
        self.settled: list[str] = []
        self.began: list[float | None] = []

    def speech_began(self, at_ms: float | None) -> None:
        self.began.append(at_ms)

    def commit(self, name: str, turn: int, at_ms: float | None, *, silence_ms: float = 0.0) -> None:
        assert name not in [known for known, *_ in self.commits], f"{name} is committed twice"
        self.commits.append((name, turn, at_ms, silence_ms))

    def settle(self, name: str) -> None:
        self.settled.append(name)

    def is_settled(self, name: str) -> bool:
        return name in self.settled or name not in [known for known, *_ in self.commits]

    @property
    def turns(self) -> list[int]:
        """Turns of all that was committed, in order."""
        return [turn for _, turn, *_ in self.commits]

    @property
    def known(self) -> list[int]:
        """Turns of all whose words are known, in the order of the words."""
        turns = {name: turn for name, turn, *_ in self.commits}
        return [turns[name] for name in self.settled]


class Bench:
    """Utterances with a turn machine and a slot, and everything else noted."""

    def __init__(self, *, manual: bool = False, interrupt: bool = True) -> None:
        self.profile = parse({"turns": {"silence_ms": SILENCE_MS, "interrupt": interrupt}}, "test.toml")
        self.push_to_talk = manual
        self.uplink = FakeUplink()
        self.memory = Memory()
        self.time = 0.0
        self.told: list[object] = []
        self.sent: list[object] = []
        self.slot = ReplySlot(self.sent.append, self.now)
        self.turns = Turns(self, Playout(None), self.slot)
        self.utterances = Utterances(self, self.turns, self.slot)

    # -- what the parts ask for -------------------------------------------------------------

    def now(self) -> float:
        return self.time

    def publish(self, event: object) -> None:
        self.told.append(event)

    def send(self, command: object) -> None:
        self.sent.append(command)

    def turn_ended(self, turn: int, outcome: object, text: str) -> None:
        """Told to the rest of the session."""

    def clear_input(self) -> None:
        """Told to the rest of the session."""

    def wait_drained(self, turn: int) -> None:
        """Told to the rest of the session."""

    def turn_changed(self, reason: str) -> None:
        """Told to the rest of the session."""

    # -- what happens -----------------------------------------------------------------------

    @property
    def texts(self) -> list[tuple[int, str, bool]]:
        """Turn, text and whether it is final of all words that were shown."""
        return [(e.turn, e.text, e.final) for e in self.told if isinstance(e, UserText)]

    def words(self, item: str, text: str, *, final: bool = True) -> None:
        self.utterances.take(InputTranscript(item, text, whole=True, final=final))

    def reply(self, reply_id: str = "r") -> None:
        """A reply begins that nobody asked for but the user's speech."""
        spoken = self.slot.answers_speech
        if self.slot.began(reply_id):
            self.turns.feed(TurnInput.REPLY_BEGAN)
        if spoken:
            self.utterances.reply_began()

    def answer(self, reply_id: str = "r") -> None:
        """A reply comes, and is heard to the end."""
        self.reply(reply_id)
        self.turns.feed(TurnInput.REPLY_OUTPUT)
        self.over(reply_id)

    def over(self, reply_id: str = "r") -> None:
        self.turns.feed(TurnInput.REPLY_ENDED)
        self.slot.ended(reply_id)
        self.turns.feed(TurnInput.DRAINED)

    def key(self) -> int:
        """A key begins an utterance and ends it; returns its turn. Its sound may still wait."""
        self.turns.feed(TurnInput.KEY_PRESSED)
        self.turns.feed(TurnInput.SPEECH_STOPPED)
        return self.turns.turn.number

    def say(self) -> int:
        """The same, and all of its sound goes."""
        turn = self.key()
        self.utterances.sent(turn)
        return turn

    def speaks(self, item: str, end_ms: float = 900.0) -> None:
        """A provider that tells everything hears an utterance and commits it."""
        self.utterances.take(SpeechBegan(item, 100.0))
        self.utterances.take(SpeechEnded(item, end_ms))
        self.utterances.take(InputCommitted(item))
