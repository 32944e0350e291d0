"""How much of what was sent can have been heard."""

from __future__ import annotations

from neko_cli.local.wire.playback import Playback


def test_sound_is_played_as_it_comes() -> None:
    play = Playback()
    assert play.left(5.0) == 0
    play.add("a", 400, now=10.0)
    play.add("a", 600, now=10.1)
    assert abs(play.left(10.1) - 0.9) < 1e-9
    assert play.left(12.0) == 0
    assert play.heard_ms(10.25)["a"] == 250


def test_one_item_follows_the_other() -> None:
    play = Playback()
    play.add("a", 1000, now=0.0)
    play.add("b", 500, now=0.2)
    heard = play.heard_ms(1.1)
    assert heard["a"] >= 1000
    assert abs(heard["b"] - 100) < 1e-6
    assert play.heard_ms(0.5)["b"] == 0


def test_a_pause_is_not_played() -> None:
    play = Playback()
    play.add("a", 100, now=0.0)
    play.add("b", 100, now=5.0)
    assert abs(play.left(5.0) - 0.1) < 1e-9
    assert abs(play.heard_ms(5.05)["b"] - 50) < 1e-6


def test_the_end_of_a_turn_forgets() -> None:
    play = Playback()
    play.add("a", 1000, now=0.0)
    play.reset()
    assert (play.left(0.0), play.heard_ms(0.5)) == (0, {})
