"""The promises about sound: what the user said, and what was played."""

from __future__ import annotations

import re

from neko_cli.core.barge_in import SURE_WITHIN
from neko_cli.core.events import Notice, Outcome, Swap, TurnEnded, UserText
from neko_cli.core.provider_events import (
    InputCommitted,
    InputTranscript,
    ReplyBegan,
    ReplyEnded,
    ReplySound,
    ReplySoundEnded,
    ReplyStatus,
    ReplyWords,
)
from tests.simulation import numbers
from tests.simulation.numbers import Run
from tests.simulation.plan import FaultKind
from tests.simulation.provider import ServerLink
from tests.simulation.replies import Reply
from tests.simulation.world import World

_LOST = re.compile(r"([\d.]+) s of your voice")

WORDS_WITHIN = 4.0
"""Seconds after a commit by which every transcript has come."""

ROUNDING = 1e-4
"""Seconds by which a swap's own figures are rounded."""

UNTOLD_S = 0.1
"""A loss shorter than this is not told."""


def check_sound(world: World) -> list[str]:
    """Every promise about sound that was broken."""
    return [*_voice(world), *_played(world), *_held(world)]


def _voice(world: World) -> list[str]:
    """Every sample is in exactly one utterance that the session was told of, in order."""
    scenario = world.scenario
    if scenario.mode != "audio":
        return []
    told = all(style.capabilities.captions for style in scenario.styles)
    runs = _remembered(world) if told else _committed(world)
    problems = []
    if told:
        if twice := numbers.overlap(runs):
            problems.append(f"samples that the user said once are there twice: {twice}")
        if [first for first, _ in runs] != sorted(first for first, _ in runs):
            problems.append(f"what the user said is out of order: {runs}")
    else:
        problems += _answered_twice(world)
    missing = numbers.minus(world.heard, runs)
    for entry in world.forgiven:
        missing = numbers.minus(missing, entry.runs)
    missing = numbers.minus(missing, owed(world))
    for link in world.cloud.links:
        missing = numbers.minus(missing, link.ear.noises)
    if scenario.profile["sound"]["duplex"] == "half":
        missing = numbers.minus(missing, world.held_back)
    lost = sum(float(seconds) for event in world.events_of(Notice) for seconds in _LOST.findall(event.text))
    allowed = (lost + UNTOLD_S * (lost > 0)) * scenario.rate + 1
    if lost and numbers.size(missing) <= allowed:
        return problems
    if missing:
        problems.append(
            f"what the user said is missing: {missing} ({numbers.size(missing) / scenario.rate:.2f} s; "
            f"told as lost: {lost} s)"
        )
    return problems


def _remembered(world: World) -> list[Run]:
    """What was said, in the order of memory; of its events where memory is too short to hold it."""
    if world.scenario.profile["memory"]["messages"] >= 1000:
        return world.remembered_samples()
    finals: dict[str, int] = {}
    for event in world.events_of(UserText):
        if event.final and event.spoken:
            finals.setdefault(event.text, event.turn)
    in_order = sorted(finals, key=lambda text: finals[text])
    return [run for text in in_order for run in numbers.spoken(text)]


def _committed(world: World) -> list[Run]:
    """Utterances that a session without captions was told of: committed, or answered.

    One that came during a reply which nobody may interrupt is in the conversation, without an answer of
    its own, once that reply has come to its end over the same link.
    """
    told = {
        (link, event.item_id)
        for _, link, event in world.decoded
        if isinstance(event, InputCommitted | InputTranscript)
    }
    answered: dict[int, list[float]] = {}
    for when, link, event in world.decoded:
        if isinstance(event, ReplyBegan):
            answered.setdefault(link, []).append(when)
    ended = {
        (link, event.reply_id): when
        for when, link, event in world.decoded
        if isinstance(event, ReplyEnded) and event.status is ReplyStatus.COMPLETE
    }
    runs: list[Run] = []
    for link in world.cloud.links:
        for utterance in link.utterances:
            replied = any(when >= utterance.at for when in answered.get(link.number, ()))
            over = not link.config.interrupt_reply and any(
                reply.at <= utterance.at <= ended.get((link.number, reply.id), 0.0) for reply in link.replies
            )
            if replied or over or (link.number, utterance.item) in told:
                runs += utterance.runs
    return runs


def owed(world: World) -> list[Run]:
    """Utterances whose whole answer had come, and whose words the link could not tell any more.

    They are committed (design §4), so they are not sent again; only their words are lost.
    """
    ended = {
        (link, event.reply_id)
        for _, link, event in world.decoded
        if isinstance(event, ReplySoundEnded)
        or (isinstance(event, ReplyEnded) and event.status is ReplyStatus.COMPLETE)
    }
    told = {
        (link, event.item_id)
        for _, link, event in world.decoded
        if isinstance(event, InputTranscript) and event.final
    }
    stalls = [fault.seconds for fault in world.scenario.faults if fault.kind is FaultKind.STALL]
    latest = WORDS_WITHIN + world.loop.jumped + max(stalls, default=0.0)
    runs: list[Run] = []
    for link in world.cloud.links:
        ended_at = link.wire.ended_at if link.vanished_at is None else link.vanished_at
        for utterance in link.utterances:
            if (link.number, utterance.item) in told:
                continue
            answered = any(r.at >= utterance.at and (link.number, r.id) in ended for r in link.replies)
            if answered and ended_at < utterance.at + latest:
                runs += utterance.runs
    return runs


def _answered_twice(world: World) -> list[str]:
    """Without words to go by, an utterance is settled by its answer: it is not sent again."""
    ended = {
        (link, event.reply_id): when
        for when, link, event in world.decoded
        if isinstance(event, ReplyEnded) and event.status is ReplyStatus.COMPLETE
    }
    told = {
        n
        for e in world.events_of(TurnEnded)
        if e.outcome is Outcome.COMPLETE
        for n in numbers.reply_words(e.text)
    }
    problems = []
    cut = _cut_replies(world)
    answered: list[Run] = []
    for link in world.cloud.links:
        for utterance in link.utterances:
            if again := numbers.minus(utterance.runs, numbers.minus(utterance.runs, answered)):
                problems.append(f"link {link.number} was sent what was answered already: {again}")
        if not link.style.speech_events:
            continue  # which reply answers which utterance can only be guessed
        for utterance in link.utterances:
            replies = [reply for reply in link.replies if reply.at >= utterance.at]
            if not replies or replies[0].id in cut or _goes_on(link, replies[0]):
                continue
            wanted = any(int(word.text[1:]) in told for word in replies[0].words)
            if wanted and (link.number, replies[0].id) in ended:
                answered += utterance.runs
    return problems


def _goes_on(link: ServerLink, reply: Reply) -> bool:
    """Whether a reply was asked for as the rest of another, so that it answers nothing that was said."""
    return any(request.kind == "ask" and request.text and request.at == reply.at for request in link.requests)


def _played(world: World) -> list[str]:
    """What was played is in order, nothing twice, and whole for a reply that was not interrupted."""
    if world.speaker is None:
        return []
    problems = []
    played = [(first, last) for _, first, last in world.speaker.heard]
    if twice := numbers.overlap(played):
        problems.append(f"samples were played twice: {twice}")
    came: dict[str, list[Run]] = {}
    for _, _, event in world.decoded:
        if isinstance(event, ReplySound):
            for _, first, last in numbers.runs_in(event.pcm):
                numbers.append(came.setdefault(event.reply_id, []), first, last)
    if not world.was_muted:
        for reply_id, runs in came.items():
            missing = numbers.minus(runs, played)
            heard = numbers.minus(runs, missing)
            if heard and missing and missing[0][0] < heard[-1][1]:
                problems.append(f"{reply_id} has holes: of {runs} were played {heard}")
    order = [_reply_of(first, came) for first, _ in played]
    firsts = list(dict.fromkeys(order))
    collapsed = [name for at, name in enumerate(order) if at == 0 or order[at - 1] != name]
    if collapsed != firsts:
        problems.append(f"replies were played in pieces: {collapsed}")
    problems += _complete(world, came, played)
    return problems


def _held(world: World) -> list[str]:
    """The character falls silent for what may be speech, and never for longer than it takes to be sure.

    That nothing is lost or repeated by it is what ``_played`` sees.
    """
    if world.speaker is None:
        return []
    longest = SURE_WITHIN + ROUNDING + world.loop.jumped
    problems = [
        f"the loudspeaker was held from {begin:.2f} to {end:.2f}"
        for begin, end in world.speaker.holds
        if end - begin > longest
    ]
    return problems + ["the loudspeaker is still held"] * world.speaker.is_held


def _reply_of(sample: int, came: dict[str, list[Run]]) -> str:
    return next((name for name, runs in came.items() if runs[0][0] <= sample <= runs[-1][1]), "nobody")


def _complete(world: World, came: dict[str, list[Run]], played: list[Run]) -> list[str]:
    """All sound of a reply was played whose turn is complete."""
    if world.was_muted:
        return []
    by_word = {
        word.text: reply.id for link in world.cloud.links for reply in link.replies for word in reply.words
    }
    cut = _cut_replies(world)
    stopped = {event.turn for event in world.events_of(TurnEnded) if event.outcome is not Outcome.COMPLETE}
    problems = []
    for event in world.events_of(TurnEnded):
        # The next turn may begin, and be interrupted, while this one is still heard.
        if event.outcome is not Outcome.COMPLETE or event.turn + 1 in stopped:
            continue
        for name in dict.fromkeys(by_word.get(f"w{n}", "") for n in numbers.reply_words(event.text)):
            if name not in cut and (gone := numbers.minus(came.get(name, []), played)):
                problems.append(f"turn {event.turn} is complete, but of {name} {gone} was not played")
    return problems


def _cut_replies(world: World) -> set[str]:
    """Replies whose link was replaced before all of their sound, or of their words, had come."""
    piece, end = (ReplyWords, ReplyEnded) if world.scenario.aloud else (ReplySound, ReplySoundEnded)
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for when, _, event in world.decoded:
        if isinstance(event, piece):
            first.setdefault(event.reply_id, when)
        elif isinstance(event, end):
            last[event.reply_id] = when
    swaps = [e.at - e.gap_ms / 1000.0 for e in world.events_of(Swap)]
    return {
        name
        for name, begun in first.items()
        if name not in last or any(begun - ROUNDING <= when <= last[name] + ROUNDING for when in swaps)
    }
