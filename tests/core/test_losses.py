"""A loss is told once, whole, and when it is over."""

from __future__ import annotations

from neko_cli.core.losses import Loss


def told(*counts: float) -> list[str]:
    loss = Loss("{seconds:.1f} s")
    return [text for count in counts if (text := loss.look(count))]


def test_a_loss_is_told_once_when_it_has_stopped():
    assert told(0, 500, 900, 900, 900) == ["0.9 s"]


def test_two_losses_are_told_apart():
    assert told(1000, 1000, 3000, 3000) == ["1.0 s", "2.0 s"]


def test_a_counter_that_begins_anew_is_not_a_gain():
    assert told(1000, 1000, 0, 0, 500, 500) == ["1.0 s", "0.5 s"]


def test_what_nobody_hears_is_not_told():
    assert told(20, 20, 20) == []
