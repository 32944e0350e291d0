"""The promises about replies that are read aloud: the text is what was heard, and all of it is heard."""

from __future__ import annotations

from neko_cli.core.events import Outcome, TurnEnded
from tests.simulation import numbers
from tests.simulation.world import World

GUESSED = 3
"""Words that may be off where a word was being spoken: how much of it was heard is an estimate."""


def check_aloud(world: World) -> list[str]:
    """Every such promise that was broken; nothing where no voice of ours speaks."""
    if not world.scenario.aloud or world.speaker is None or world.was_muted:
        return []
    return [*_remembered(world), *_whole(world)]


def _fully(run: numbers.Run, played: list[numbers.Run]) -> bool:
    return not numbers.minus([run], played)


def _remembered(world: World) -> list[str]:
    """Of a reply that was stopped the words that were heard are remembered, and no others."""
    problems = []
    played = _played(world)
    ended = world.events_of(TurnEnded)
    stopped = {event.turn for event in ended if event.outcome is not Outcome.COMPLETE}
    for message in world.everything():
        # The next turn may begin, and be interrupted, while this one is still heard.
        if message.role == "user" or (message.turn not in stopped and message.turn + 1 in stopped):
            continue
        words = numbers.reply_words(message.text)
        unheard = [
            n
            for n in words
            if n not in world.read_aloud
            or (_has_sound(world, n) and numbers.minus([(world.read_aloud[n][0],) * 2], played))
        ]
        if message.turn in stopped and len(unheard) > GUESSED:
            problems.append(f"turn {message.turn}: remembered, though it was not heard: {unheard}")
    if world.scenario.profile["memory"]["messages"] < 1000:
        return problems
    known = {n for message in world.everything() for n in numbers.reply_words(message.text)}
    lost = [
        n
        for n, run in world.read_aloud.items()
        if n not in known and _has_sound(world, n) and _fully(run, played)
    ]
    if len(lost) > len(stopped):
        problems.append(f"heard, but not remembered: {lost}, in {len(stopped)} turns that were stopped")
    return problems


def _whole(world: World) -> list[str]:
    """Every word of a complete turn was read aloud and heard."""
    problems = []
    played = _played(world)
    ended = world.events_of(TurnEnded)
    stopped = {event.turn for event in ended if event.outcome is not Outcome.COMPLETE}
    for event in ended:
        if event.turn in stopped or event.turn + 1 in stopped:
            continue
        words = numbers.reply_words(event.text)
        if unread := [n for n in words if n not in world.read_aloud]:
            problems.append(f"turn {event.turn} is complete, but {unread} was never read aloud")
        gone = [
            n
            for n in words
            if n in world.read_aloud and _has_sound(world, n) and not _fully(world.read_aloud[n], played)
        ]
        if gone:
            problems.append(f"turn {event.turn} is complete, but {gone} was not heard")
    return problems


def _has_sound(world: World, word: int) -> bool:
    first, last = world.read_aloud[word]
    return last >= first


def _played(world: World) -> list[numbers.Run]:
    assert world.speaker is not None
    return [(first, last) for _, first, last in world.speaker.heard]
