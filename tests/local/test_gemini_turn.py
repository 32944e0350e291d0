"""The table of the model's turn: total, reachable, and nothing is told twice or forgotten."""

from __future__ import annotations

from itertools import product

import pytest

from neko_cli.local.wire.gemini_turn import TABLE, Act, Cue, Phase, step

TOLD_AT_THE_END = {Act.TELL_COMPLETE}


def test_every_cue_has_an_answer_in_every_phase() -> None:
    for phase, cue in product(Phase, Cue):
        after, acts = step(phase, cue)
        assert after in Phase
        assert all(act in Act for act in acts)


def test_every_phase_can_be_reached_and_left() -> None:
    assert {after for (before, _), (after, _) in TABLE.items() if before is not after} == set(Phase)
    assert {before for (before, _), (after, _) in TABLE.items() if before is not after} == set(Phase)


def test_a_turn_that_ends_is_told_complete_and_no_other() -> None:
    for (before, cue), (after, acts) in TABLE.items():
        ends = before is not Phase.IDLE and after is Phase.IDLE
        assert (Act.TELL_COMPLETE in acts) is ends, (before, cue)
        assert not ends or acts[-1] is Act.TELL_COMPLETE


def test_a_cut_turn_is_told_interrupted_and_never_generated() -> None:
    for (before, cue), (_, acts) in TABLE.items():
        assert not {Act.TELL_INTERRUPTED, Act.TELL_GENERATED} <= set(acts), (before, cue)
        if Act.TELL_INTERRUPTED in acts:
            assert acts.index(Act.FORGET_UNHEARD) < acts.index(Act.TELL_INTERRUPTED)


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.IDLE])
def test_a_reply_that_is_due_during_a_turn_waits(phase: Phase) -> None:
    assert step(phase, Cue.WANT) == (phase, (Act.OWE,))


@pytest.mark.parametrize("cue", [Cue.PLAYED, Cue.ANSWERED, Cue.CUT, Cue.DONE, Cue.INTERRUPT])
def test_what_comes_too_late_changes_nothing(cue: Cue) -> None:
    assert step(Phase.IDLE, cue) == (Phase.IDLE, ())
