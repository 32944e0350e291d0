"""What a seed decides before anything runs: the provider's style, its faults, the user's actions."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from neko_cli.core.capabilities import Capabilities


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """How one provider behaves, beyond its capabilities; times in seconds."""

    name: str
    capabilities: Capabilities
    speech_events: bool = True
    """Whether it tells when it hears speech begin and end, and when it commits."""
    at_ms: bool = True
    """Whether speech events say where in the sound they are."""
    cancel_ends: bool = True
    """Whether a cancelled reply is told to be over."""
    asks_implicitly: bool = False
    """Whether every input is answered by itself, and a text stops the reply that is being made."""
    captions_in_step: bool = True
    """Whether a word comes with its own sound, or all words early."""
    refuses_old_audio: bool = False
    """Whether a resumed session is closed (1007) when sound comes faster than it can be spoken."""
    tells_expiry: bool = False
    onset_ms: int = 30
    """Speech that its detector needs before it believes in it."""
    setup: float = 0.1
    think: float = 0.3
    transcript: float = 0.3
    transcript_late: float = 0.2
    """Share of transcripts that come only after the reply."""
    speed: float = 4.0
    """How much faster than real time a reply is made."""
    ghost: float = 0.0
    """How long it believes in a connection that has silently died."""
    handle_life: float = 7200.0


class FaultKind(StrEnum):
    """Everything that can go wrong on a provider's side."""

    RESET = "reset"
    CLOSE = "close"
    HALF_OPEN = "half_open"
    STALL = "stall"
    GARBAGE = "garbage"
    DUPLICATE = "duplicate"
    RATE_LIMIT = "rate_limit"
    RATE_LIMIT_ENDS = "rate_limit_ends"
    GOING_AWAY = "going_away"
    REPLY_FAILS = "reply_fails"
    REPLY_RATE_LIMITED = "reply_rate_limited"
    REPLY_HANGS = "reply_hangs"
    REPLY_NEVER = "reply_never"
    REJECT_HANDLES = "reject_handles"
    EMPTY_HANDLE = "empty_handle"
    OUTAGE = "outage"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault: at a time, or when a link sends its n-th frame."""

    kind: FaultKind
    at: float = -1.0
    """Seconds after the start; -1 where a frame triggers it."""
    link: int = 0
    """Which of the links that were opened, from 1; 0 counts the frames of all together."""
    frame: int = 0
    """After so many frames of that link, or so many of one kind."""
    event: str = ""
    """The kind of frame; empty counts all."""
    code: int = 1006
    reason: str = ""
    seconds: float = 0.0


class Refusal(StrEnum):
    """How the opening of a link can fail."""

    KEY = "401"
    RATE = "429"
    RATE_LATER = "429 with retry-after"
    BUSY = "503"
    NO_ROUTE = "no route"
    HANGS = "hangs"
    NO_SETUP = "no setup"


class Act(StrEnum):
    """What a user can do."""

    SPEAK = "speak"
    SPEAK_ON = "speak_on"
    """Begin to speak, and do the next thing meanwhile."""
    TYPE = "type"
    WAIT = "wait"
    AWAIT_QUIET = "await_quiet"
    AWAIT_ANSWER = "await_answer"
    """Wait for the whole answer to what was said last; it is a broken promise when none comes in time."""
    INTERRUPT = "interrupt"
    LISTEN = "listen"
    UNLISTEN = "unlisten"
    HOLD_KEY = "hold_key"
    """Push-to-talk: press, speak, release."""
    TAP_KEY = "tap_key"
    DISCARD_KEY = "discard_key"
    PAUSE = "pause"
    RESUME = "resume"
    MUTE = "mute"
    UNMUTE = "unmute"
    SWAP = "swap"
    SWITCH = "switch"
    SLEEP = "sleep"
    """The laptop sleeps: wall time jumps, connections die silently."""
    STOPPED = "stopped"
    """The process is stopped: all time jumps."""
    ROUTE = "route"
    RESTART = "restart"
    AGENT = "agent"
    MICROPHONE_DIES = "microphone_dies"
    SPEAKER_DIES = "speaker_dies"


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One thing the user does."""

    act: Act
    seconds: float = 0.0
    parts_ms: tuple[int, ...] = ()
    text: str = ""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one run; made from the seed alone."""

    seed: int
    styles: tuple[Style, ...]
    """The first is the profile's provider; ``switch`` goes to the next."""
    profile: dict[str, Any]
    mode: str
    """``audio`` or ``text``."""
    rate: int
    burst: int
    line: float
    """How fast sound goes to the provider, as a multiple of real time; 0 takes no time."""
    latency: float
    jitter: float
    speaker: bool
    journal_delay: float
    journal_fails: float
    summary_delay: float
    summary_fails: float
    actions: tuple[Action, ...]
    faults: tuple[Fault, ...]
    refusals: dict[int, Refusal]
    """By the number of the attempt to open a link, from 1."""
    greet: bool = False
    coughs: tuple[tuple[float, int], ...] = ()
    """Somebody coughs, so many seconds after the character begins to speak and for so many ms: once a reply.

    It is loud, and no speech to any provider.
    """
    aloud: bool = False
    """Whether a voice of ours reads the replies."""
    keep_standby: bool = True
    socket_bytes: int = 4_096
    """What a socket takes before a sender has to wait: a second or two of the simulation's sound."""

    @property
    def is_faultless(self) -> bool:
        """Whether the provider and its network do nothing wrong."""
        return not self.faults and not self.refusals
