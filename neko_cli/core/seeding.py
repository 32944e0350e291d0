"""How the next link is to be made, and what it has missed when it becomes live. Pure."""

from __future__ import annotations

import msgspec

from neko_cli.core.codecs.base import HistoryLine
from neko_cli.core.commands import ToolSpec
from neko_cli.core.context import as_history, as_instructions, recollect, with_reply
from neko_cli.core.links import Opening
from neko_cli.core.memory import ASSISTANT, FALLBACK_TURNS, Memory, Remembered
from neko_cli.core.modes import Mode
from neko_cli.core.profile import Profile
from neko_cli.core.spec import spec_for
from neko_cli.core.text import paragraphs

HISTORY_BUDGET = 16_000
"""Characters of earlier messages that a fresh link is told: some 4,000 tokens."""


def opening_for(
    profile: Profile,
    memory: Memory,
    *,
    title: str,
    mode: Mode,
    model: str,
    want_audio: bool,
    push_to_talk: bool,
    handle: str = "",
    known: tuple[int, int] | None = None,
    left_out: int | None = None,
    cut: str = "",
    cut_turn: int | None = None,
    playing: str = "",
    short: bool = False,
    news: str = "",
    tools: tuple[ToolSpec, ...] = (),
) -> Opening:
    """The opening of a link that resumes by ``handle``, or is seeded from memory.

    Args:
        profile: character, provider and the rest.
        memory: what was said.
        title: the provider's name in sentences.
        mode: call or text.
        model: what energy leaves; empty takes the profile's.
        want_audio: whether replies are asked for as voice.
        push_to_talk: whether a key ends utterances.
        handle: goes on with the provider's own memory, and is told nothing.
        known: how far memory (its serial) and turns had come when the link of the handle went; None
            when nothing was said since.
        left_out: a turn whose input will be sent again, so that it is not told as well.
        cut: what a reply had said when its link was lost, in the turn ``cut_turn``.
        playing: what a reply says that came whole and is still being heard; where earlier messages cannot
            be told later, it is told now.
        short: tell only the summary and the last turns (a context that grew too large, a lower model).
        news: what agents found, to be told by the character.
        tools: what the model may call.
    """
    recollection = recollect("", ())
    if not handle:
        lines = _last_turns(memory) if short else memory.unsummarised(FALLBACK_TURNS)
        recollection = recollect(memory.summary, lines, before_turn=left_out, interrupted=cut)
    spec = spec_for(
        profile,
        want_audio=want_audio,
        push_to_talk=push_to_talk,
        tools=tools,
        model=model,
        handle=handle,
        history=as_history(recollection, HISTORY_BUDGET),
        recollection=as_instructions(
            with_reply(recollection, playing if not handle else ""),
            profile.character.name,
            profile.user.name,
        ),
    )
    if news:
        spec = msgspec.structs.replace(spec, instructions=paragraphs(spec.instructions, news))
    serial, known_turn = known if handle and known is not None else (memory.serial, -1)
    return Opening(
        profile=profile,
        title=title,
        spec=spec,
        mode=mode,
        push_to_talk=push_to_talk,
        serial=serial,
        known_turn=known_turn,
        left_out=left_out,
        cut=cut,
        cut_turn=cut_turn if cut else None,
        news=news,
    )


def _last_turns(memory: Memory) -> list[Remembered]:
    """What goes with the summary when little is to be told: the last turns.

    A summary takes its time, and leaves out the turns that came meanwhile: they are told too, unless
    it fell so far behind that nothing would be short about that.
    """
    untold = memory.unsummarised(FALLBACK_TURNS)
    near = bool(memory.summary) and len({message.turn for message in untold}) <= 2 * FALLBACK_TURNS
    return untold if near else memory.fallback()


def missed(memory: Memory, opening: Opening, *, left_out: int | None) -> list[HistoryLine]:
    """What was said since a link was seeded, without the turn whose input it is sent now."""
    since = [m for m in memory.since(opening.serial) if m.turn > opening.known_turn]
    if opening.left_out is not None:
        since += [m for m in memory.since(0) if m.turn >= opening.left_out]
    return [
        HistoryLine(m.role, m.text)
        for m in _in_order(since)
        if m.turn != left_out and (m.role, m.turn) != (ASSISTANT, opening.cut_turn)
    ]


def _in_order(messages: list[Remembered]) -> list[Remembered]:
    """Each message once, by turn, the user before the assistant."""
    once = {id(message): message for message in messages}.values()
    return sorted(once, key=lambda message: (message.turn, message.role != "user"))
