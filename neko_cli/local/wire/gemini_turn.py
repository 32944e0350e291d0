"""The model's turn in Gemini Live, as a table: (phase, cue) → phase and what is to be done. Pure.

A turn is longer than its reply. The model is taken to speak in real time: when all sound has been
generated, the turn goes on until it has been played, and the user may still interrupt it; that is
the only word that a client gets about it. A call of a blocking function keeps the turn open as well.
(Live API reference, BidiGenerateContentServerContent: generationComplete, turnComplete, interrupted.)
"""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """What the model is at."""

    IDLE = "idle"
    GENERATING = "generating"
    PLAYING = "playing"
    """All is generated; the client is taken to play it still."""
    CALLING = "calling"
    """The client is to call functions, and the model waits for what they answer."""


class Cue(StrEnum):
    """What happens to it."""

    WANT = "want"
    """A reply is due."""
    DONE = "done"
    """The reply is complete and nothing of it is left to play."""
    DONE_ALOUD = "done_aloud"
    """The reply is complete; some of its sound is still being played."""
    CALLED = "called"
    """The reply ended with calls of blocking functions."""
    CUT = "cut"
    """The reply was cancelled."""
    PLAYED = "played"
    INTERRUPT = "interrupt"
    """The user is active, or sent content."""
    ANSWERED = "answered"
    """Every blocking function has answered."""


class Act(StrEnum):
    """What is to be done, in order."""

    REPLY = "reply"
    OWE = "owe"
    """Remember that a reply is due; it is made when the turn is over."""
    CANCEL = "cancel"
    """Stop the reply; CUT follows."""
    PLAY = "play"
    """Wait until all sound is played; PLAYED follows."""
    FORGET_UNHEARD = "forget_unheard"
    """Keep only what can have been heard."""
    REVOKE_CALLS = "revoke_calls"
    TELL_GENERATED = "tell_generated"
    TELL_INTERRUPTED = "tell_interrupted"
    TELL_COMPLETE = "tell_complete"


_CUT_OFF = (Act.FORGET_UNHEARD, Act.TELL_INTERRUPTED, Act.TELL_COMPLETE)

TABLE: dict[tuple[Phase, Cue], tuple[Phase, tuple[Act, ...]]] = {
    (Phase.IDLE, Cue.WANT): (Phase.GENERATING, (Act.REPLY,)),
    (Phase.GENERATING, Cue.WANT): (Phase.GENERATING, (Act.OWE,)),
    (Phase.GENERATING, Cue.DONE): (Phase.IDLE, (Act.TELL_GENERATED, Act.TELL_COMPLETE)),
    (Phase.GENERATING, Cue.DONE_ALOUD): (Phase.PLAYING, (Act.TELL_GENERATED, Act.PLAY)),
    (Phase.GENERATING, Cue.CALLED): (Phase.CALLING, ()),
    (Phase.GENERATING, Cue.INTERRUPT): (Phase.GENERATING, (Act.CANCEL,)),
    (Phase.GENERATING, Cue.CUT): (Phase.IDLE, _CUT_OFF),
    (Phase.PLAYING, Cue.WANT): (Phase.PLAYING, (Act.OWE,)),
    (Phase.PLAYING, Cue.PLAYED): (Phase.IDLE, (Act.TELL_COMPLETE,)),
    (Phase.PLAYING, Cue.INTERRUPT): (Phase.IDLE, _CUT_OFF),
    (Phase.CALLING, Cue.WANT): (Phase.CALLING, (Act.OWE,)),
    (Phase.CALLING, Cue.ANSWERED): (Phase.GENERATING, (Act.REPLY,)),
    (Phase.CALLING, Cue.INTERRUPT): (Phase.IDLE, (Act.REVOKE_CALLS, *_CUT_OFF)),
}
"""A cue that a phase does not know changes nothing: it came too late."""


def step(phase: Phase, cue: Cue) -> tuple[Phase, tuple[Act, ...]]:
    """The next phase and what is to be done."""
    return TABLE.get((phase, cue), (phase, ()))
