"""The promises about words: memory, what links are told, and what was heard."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from neko_cli.core.events import Notice, NoticeKind, Outcome, Swap, TurnEnded, UserText
from neko_cli.core.marks import RECOLLECTION
from neko_cli.core.memory import Remembered
from tests.simulation import numbers
from tests.simulation.ports import SUMMARY
from tests.simulation.provider import ServerLink
from tests.simulation.world import World

_SUMMED_UP = re.compile(r"^Before that, in short: .*$", re.MULTILINE)
_WORDS = re.compile(r"\b[wt]\d+\b")


def check_words(world: World) -> list[str]:
    """Every promise about words that was broken."""
    return [
        *_memory(world),
        *_typed(world),
        *_heard(world),
        *_links(world),
        *_whole(world),
        *_continued(world),
        *_known(world),
    ]


def _messages(world: World) -> list[Remembered]:
    return world.everything()


def _memory(world: World) -> list[str]:
    problems = []
    messages = _messages(world)
    counts = Counter(word for message in messages for word in _WORDS.findall(message.text))
    if twice := [word for word, n in counts.items() if n > 1]:
        problems.append(f"memory has words twice: {twice}")
    turns = [(message.turn, message.role != "user") for message in messages]
    if turns != sorted(turns):
        problems.append(f"memory is out of order: {turns}")
    for message in messages:
        if SUMMARY in message.text or "<<<" in message.text or "RESULT" in message.text:
            problems.append(f"memory has what nobody said: {message}")
        words = numbers.reply_words(message.text)
        if words != sorted(words):
            problems.append(f"words are out of order: {message}")
        if (message.role == "user" and words) or (message.role != "user" and numbers.spoken(message.text)):
            problems.append(f"words of somebody else: {message}")
    return problems


def _typed(world: World) -> list[str]:
    """What was accepted is remembered, and told once; what was refused is not."""
    problems = []
    if world.scenario.profile["memory"]["messages"] < 1000:
        return []
    sent = [call for call in world.calls if call.name == "send_message"]
    remembered = Counter(n for m in _messages(world) if m.role == "user" for n in numbers.typed_words(m.text))
    told = Counter(
        n
        for event in world.events_of(UserText)
        if event.final and not event.spoken
        for n in numbers.typed_words(event.text)
    )
    for n, call in enumerate(sent, start=1):
        wanted = 0 if call.error else 1
        if remembered[n] != wanted or told[n] != wanted:
            problems.append(
                f"t{n} (refused: {call.error!r}) is {remembered[n]} times in memory, "
                f"and was told {told[n]} times"
            )
    return problems


def _heard(world: World) -> list[str]:
    """Only what was heard is remembered; and all of it, up to the word that was cut."""
    if world.speaker is None or world.was_muted:
        return []
    problems = []
    played = [(first, last) for _, first, last in world.speaker.heard]
    # The next turn may begin, and be interrupted, while a reply is still heard.
    stopped = {e.turn for e in world.events_of(TurnEnded) if e.outcome is not Outcome.COMPLETE}
    kept = {
        n
        for m in _messages(world)
        if m.role != "user" and not (m.turn not in stopped and m.turn + 1 in stopped)
        for n in numbers.reply_words(m.text)
    }
    known = {n for m in _messages(world) for n in numbers.reply_words(m.text)}
    for link in world.cloud.links:
        for reply in link.replies:
            unheard = [
                word.text
                for word in reply.words
                if word.last >= word.first
                and int(word.text[1:]) in kept
                and numbers.minus([(word.first, word.first)], played)
            ]
            # How long a word is whose sound has not come can only be guessed.
            slack = 1 if link.style.captions_in_step else 2 + len(reply.words) // 3
            if len(unheard) > slack:
                problems.append(f"remembered, though it was not heard: {unheard} of {reply.id}")
            # A voice of ours is not the provider's, which would say them one after the other.
            early = [
                text
                for text in reply.early[len(reply.words) :]
                if int(text[1:]) in kept and not world.scenario.aloud
            ]
            if len(early) > slack + 2 * len(reply.words):  # how long an unheard word is can only be guessed
                problems.append(f"remembered, though it was never said: {early} of {reply.id}")
            lost = [
                word.text
                for word in reply.words
                if word.last >= word.first
                and int(word.text[1:]) not in known
                and not numbers.minus([(word.first, word.last)], played)
            ]
            trimmed = world.scenario.profile["memory"]["messages"] < 1000
            if len(lost) > slack and not trimmed and not reply.early:
                problems.append(f"heard, but not remembered: {lost} of {reply.id}")
    return problems


def _whole(world: World) -> list[str]:
    """A turn is complete only with the end of a reply that the provider has finished."""
    replies = {
        word.text: reply for link in world.cloud.links for reply in link.replies for word in reply.words
    }
    problems = []
    for event in world.events_of(TurnEnded):
        words = numbers.reply_words(event.text)
        if event.outcome is not Outcome.COMPLETE or not words:
            continue
        reply = replies.get(f"w{words[-1]}")
        if reply is None or reply.early:
            continue
        left = [word.text for word in reply.words if int(word.text[1:]) > words[-1]]
        if reply.over != "complete" or left:
            problems.append(f"turn {event.turn} is complete, but {reply.id} is {reply.over!r}; left: {left}")
    return problems


def _continued(world: World) -> list[str]:
    """The rest of a reply that was cut follows what was heard of it, or answers the same words again."""
    by_word = {
        word.text: reply for link in world.cloud.links for reply in link.replies for word in reply.words
    }
    links = {link.number: link for link in world.cloud.links}
    problems = []
    for event in world.events_of(TurnEnded):
        words = [f"w{n}" for n in numbers.reply_words(event.text) if f"w{n}" in by_word]
        for before, after in pairwise(words):
            old, new = by_word[before], by_word[after]
            if event.outcome is not Outcome.COMPLETE or old.link == new.link:
                continue
            link = links[new.link]
            asked = any(before in request.text for request in link.requests if request.kind == "ask")
            if not asked and not any(utterance.at <= new.at for utterance in link.utterances):
                problems.append(
                    f"link {link.number} was not asked to go on after {before}, in turn {event.turn}"
                )
    return problems


def _known(world: World) -> list[str]:
    """A fresh link knows, once it is live, everything that is remembered: told, or said over it."""
    swaps = world.events_of(Swap)
    # Told the summary and the last turns alone (design §4, energy and context).
    short = any(swap.reason in ("context", "energy") for swap in swaps)
    if not swaps or short or world.scenario.profile["memory"]["messages"] < 1000 or world.archived:
        return []
    link = next((link for link in world.cloud.links if link.number == swaps[-1].to_link), None)
    if link is None or link.resumed or world.session.memory.summary:
        return []
    if any(other.replies for other in world.cloud.links if other.number > link.number):
        return []  # a session that was started again: its first link is told of by no swap
    texts = [link.config.instructions, *(text for _, text in link.lines)]
    texts += [request.text for request in link.requests]
    known = {word for text in texts for word in _WORDS.findall(text)}
    known |= {word.text for reply in link.replies for word in reply.words}
    known |= {word for reply in link.replies for word in reply.early}
    heard = [run for text in texts for run in numbers.spoken(text)]
    problems = []
    for message in world.memory_now():
        if unknown := [word for word in _WORDS.findall(message.text) if word not in known]:
            problems.append(f"link {link.number} does not know {unknown} of turn {message.turn}")
        if missing := numbers.minus(numbers.spoken(message.text), heard):
            problems.append(f"link {link.number} does not know samples {missing} of turn {message.turn}")
    return problems


def _links(world: World) -> list[str]:
    """A fresh link is told the past once, and nothing that it is sent as well."""
    problems = []
    for link in world.cloud.links:
        blocks = link.config.instructions.count(f"<<<{RECOLLECTION}")
        if blocks > 1:
            problems.append(f"link {link.number} was told {blocks} recollections")
        if not link.resumed:
            problems += _told_twice(link)
        problems += _asked_again(world, link)
    return [*problems, *_character(world)]


def _character(world: World) -> list[str]:
    """The character that was chosen last is the one who answered last, unless it could not be used."""
    if any(notice.kind is NoticeKind.PROFILE for notice in world.events_of(Notice)):
        return []
    answered = [link for link in world.cloud.links if link.replies]
    if not answered:
        return []
    last = max(answered, key=lambda link: link.replies[-1].at)
    wanted = f"persona{world.profile_now}"
    later = [link for link in world.cloud.links if link.is_ready and link.number >= last.number]
    if not any(wanted in link.config.instructions for link in later):
        return [f"{wanted} was chosen, but link {last.number} is another character"]
    return []


def _asked_again(world: World, link: ServerLink) -> list[str]:
    """A reply that was cut is asked for again by what the user heard of it."""
    if world.speaker is None or world.was_muted or any(style_early(world)):
        return []
    played = [(first, last) for _, first, last in world.speaker.heard]
    words = {word.text: word for other in world.cloud.links for r in other.replies for word in r.words}
    problems = []
    for request in link.requests:
        said = (
            [word for word in _WORDS.findall(request.text) if word in words] if request.kind == "ask" else []
        )
        if said and _was_stopped(world, said[0], request.at):
            continue  # the user stopped what was still to be played, after it was asked
        unheard = [w for w in said if numbers.minus([(words[w].first, words[w].first)], played)]
        if len(unheard) > 1:
            problems.append(f"link {link.number} was told that the user heard {unheard}")
    return problems


def _was_stopped(world: World, word: str, since: float) -> bool:
    """Whether the turn that has this word was interrupted after that time."""
    for event in world.events_of(TurnEnded):
        if event.at >= since:  # the first turn to end is the one that runs
            return event.outcome is not Outcome.COMPLETE and (not event.text or word in event.text.split())
    return False


def style_early(world: World) -> list[bool]:
    """Which of the providers send words ahead of their sound."""
    return [not style.captions_in_step for style in world.scenario.styles]


def _told_twice(link: ServerLink) -> list[str]:
    problems = []
    # A summary may use the same words as the last turns, which are told beside it.
    told = [text for kind, text in link.lines if kind not in ("reply", "told system")]
    texts = [_SUMMED_UP.sub("", link.config.instructions), *told]
    counts = Counter(word for text in texts for word in _WORDS.findall(text))
    if twice := [word for word, n in counts.items() if n > 1]:
        problems.append(f"link {link.number} was told twice: {twice}")
    runs = [run for text in texts for run in numbers.spoken(text)]
    if overlap := numbers.overlap(runs):
        problems.append(f"link {link.number} was told samples twice: {overlap}")
    return problems
