"""What a session promises (design §4), checked on what was seen of a whole run."""

from __future__ import annotations

from collections import Counter

from neko_cli.core.errors import Category
from neko_cli.core.events import (
    Energy,
    Failure,
    LinkWord,
    Notice,
    SessionEnded,
    Status,
    StatusChanged,
    Swap,
    TurnEnded,
    TurnStarted,
    UserText,
)
from neko_cli.core.provider_events import ProviderFault, ReplyEnded
from neko_cli.core.uplink import TAIL_MS
from tests.simulation.oracle_aloud import check_aloud
from tests.simulation.oracle_sound import check_sound
from tests.simulation.oracle_words import check_words
from tests.simulation.plan import Act, FaultKind, Refusal
from tests.simulation.world import World

LONGEST = {
    "start_session": 45.0,
    "end_session": 12.0,
    "cleanup": 12.0,
    "start_listening": 2.0,
    "stop_listening": 3.0,
    "pause": 3.0,
    "resume": 3.0,
    "swap": 1.0,
    "switch_profile": 1.0,
    "send_message": 0.5,
    "interrupt": 0.5,
    "mute_voice": 0.5,
    "trigger_agent_callbacks": 0.5,
}
"""Seconds that each call may take; the user waits for it."""


ROUNDING = 1e-6
"""Seconds between what happens at one moment."""

NOTICED_WITHIN = 3.0
"""Seconds beyond the limit on silence: looks, and the time that a probe takes."""


def check(world: World) -> list[str]:
    """Every promise that was broken, in words."""
    problems: list[str] = list(world.unanswered)
    for part in (
        _silence,
        _parking,
        _calls,
        _statuses,
        _turns,
        _saved_first,
        _failures,
        _energy,
        _swaps,
        check_sound,
        check_words,
        check_aloud,
    ):
        problems += part(world)
    return problems


def _calls(world: World) -> list[str]:
    return [
        f"{call.name} at {call.at:.3f} took {call.took:.3f} s"
        for call in world.calls
        if call.took > LONGEST[call.name] + 1e-6
    ]


def _statuses(world: World) -> list[str]:
    problems = []
    at = 0.0
    shown: Status | None = None
    fresh = True
    for seen in world.seen:
        event = seen.event
        if event.at < at - 1e-9:
            problems.append(f"time runs backwards at {seen.when:.3f}: {event}")
        at = max(at, event.at)
        if event.at > seen.when + 1e-9:
            problems.append(f"an event from the future at {seen.when:.3f}: {event}")
        if isinstance(event, StatusChanged):
            if not isinstance(event.new, Status) or not event.reason:
                problems.append(f"a status that is none, or has no reason: {event}")
            if shown is not None and not fresh and event.old is not shown:
                problems.append(f"the status was {shown}, but {event} says {event.old}")
            shown, fresh = event.new, False
        elif isinstance(event, SessionEnded):
            fresh = True
    if not isinstance(world.seen[-1].event, SessionEnded):
        problems.append(f"the last event is {world.seen[-1].event}")
    return problems


def _turns(world: World) -> list[str]:
    problems = []
    running: int | None = None
    last = 0
    for seen in world.seen:
        event = seen.event
        if isinstance(event, TurnStarted):
            if running is not None:
                problems.append(f"turn {event.turn} starts at {seen.when:.3f} while {running} runs")
            if event.turn <= last:
                problems.append(f"turn {event.turn} starts after turn {last}")
            running = last = event.turn
        elif isinstance(event, TurnEnded):
            if event.turn != running:
                problems.append(f"turn {event.turn} ends at {seen.when:.3f}, but {running} runs")
            running = None
        elif isinstance(event, SessionEnded) and running is not None:
            problems.append(f"the session ends and turn {running} does not")
            running = None
    return problems


def _saved_first(world: World) -> list[str]:
    """A final line is kept, or known not to be, before it is shown; a slow disk gets a second."""
    problems = []
    if not world.journal.settled:
        return []
    given_up = [notice.at for notice in world.events_of(Notice) if "not being saved" in notice.text]
    for seen in world.seen:
        event = seen.event
        if any(at <= seen.when + ROUNDING for at in given_up):
            break  # told that the disk is too slow, with the lines that waited for it
        if isinstance(event, TurnEnded):
            line = ("turn", event.turn, event.text)
        elif isinstance(event, UserText) and event.final:
            line = ("user", event.turn, event.text)
        else:
            continue
        if world.scenario.journal_fails == 0.0 and line not in world.journal.settled[: seen.settled]:
            problems.append(f"shown before it was kept, at {seen.when:.3f}: {event}")
    return problems


def _failures(world: World) -> list[str]:
    problems = []
    for event in world.events_of(Failure):
        if event.category == Category.UNEXPECTED:
            problems.append(f"a mistake of ours: {event}")
        if event.fatal and not (event.hint or event.message):
            problems.append(f"a terminal failure without advice: {event}")
    return problems


def _silence(world: World) -> list[str]:
    """A connection that has silently died is left soon, when something was expected of it."""
    problems = []
    for link in world.cloud.links:
        if link.vanished_at is None or link.wire.closing is None:
            continue
        waited = _longest_wait(world, link.vanished_at, link.wire.ended_at)
        if waited > link.codec.capabilities.silence_limit + NOTICED_WITHIN + world.loop.jumped:
            problems.append(
                f"link {link.number} was dead at {link.vanished_at:.3f}; {waited:.1f} s were waited"
            )
    hangs = {FaultKind.REPLY_HANGS, FaultKind.REPLY_NEVER}
    if not any(fault.kind in hangs for fault in world.scenario.faults):
        problems += [f"given up: {e}" for e in world.events_of(Failure) if e.code == "no_answer"]
    return problems


def _longest_wait(world: World, since: float, until: float) -> float:
    """The longest time in which a reply was expected over a link that was up, in seconds."""
    longest, begun = 0.0, None
    for event in (*world.events_of(StatusChanged), None):
        waits = event is not None and event.new is Status.PROCESSING and event.link is LinkWord.ONLINE
        at = min(until, event.at if event is not None else until)
        if begun is not None and not waits:
            longest = max(longest, at - max(begun, since))
            begun = None
        elif begun is None and waits and at < until:
            begun = at
    return longest


def _parking(world: World) -> list[str]:
    """A session that nobody uses closes its link in time, where idle links cost something."""
    limit = world.scenario.profile["guard"]["park_minutes"] * 60.0
    if not limit or any(style.capabilities.idle_is_free for style in world.scenario.styles):
        return []
    moments: list[tuple[float, StatusChanged | None]] = [(call.at, None) for call in world.calls]
    moments += [(s.when, None) for s in world.seen if isinstance(s.event, TurnEnded | UserText | Swap)]
    moments += [(s.when, s.event) for s in world.seen if isinstance(s.event, StatusChanged)]
    problems = []
    before, idle = 0.0, False
    for at, event in sorted(moments, key=lambda moment: moment[0]):
        if idle and at - before > limit + world.loop.jumped + NOTICED_WITHIN:
            problems.append(f"nobody used the link from {before:.3f} to {at:.3f}, and it was not parked")
        before = at
        if event is not None:
            idle = event.new is Status.IDLE and event.link is LinkWord.ONLINE
    return problems


def _energy(world: World) -> list[str]:
    problems = []
    limits = sum(
        attempt.refused in (Refusal.RATE, Refusal.RATE_LATER) for attempt in world.cloud.attempts
    ) + sum(
        (isinstance(event, ProviderFault) and event.error.category is Category.RATE_LIMIT)
        or (
            isinstance(event, ReplyEnded)
            and event.error is not None
            and event.error.category is Category.RATE_LIMIT
        )
        for _, _, event in world.decoded
    )
    limits += sum(
        link.wire.closing is not None and "rate" in link.wire.closing.reason for link in world.cloud.links
    )
    down = 0
    level: int | None = None
    mode = "call" if world.scenario.mode == "audio" else "text"
    for seen in world.seen:
        event = seen.event
        if not isinstance(event, Energy):
            continue
        if event.mode != mode:
            problems.append(f"energy of another mode: {event}")
        if level is None:
            level = event.max
        if event.reason != "profile":  # another character, or the one before it, has a ladder of its own
            down += max(0, level - event.level)
        level = event.level
        if event.level == 0:
            problems += _opened_while_exhausted(world, seen.when)
    told = [
        seen.when
        for seen in world.seen
        if isinstance(seen.event, Failure)
        and seen.event.category == Category.RATE_LIMIT
        and seen.event.code != "exhausted"
    ]
    if any(not _chosen_meanwhile(world, when) for when in told) and not down:
        problems.append("a rate limit was told, and cost no energy")
    if down > limits:
        problems.append(f"energy fell {down} times by {limits} rate limits")
    return problems


def _chosen_meanwhile(world: World, told: float) -> bool:
    """Whether another profile was chosen while a link was refused: then its limit costs nothing."""
    tried = [a.at for a in world.cloud.attempts if a.at < told]
    since = max(tried, default=told)
    return any(call.name == "switch_profile" and since <= call.at <= told for call in world.calls)


def _opened_while_exhausted(world: World, since: float) -> list[str]:
    starts = [
        call.at
        for call in world.calls
        if call.at >= since and call.name in ("start_session", "switch_profile")
    ]
    until = min(starts, default=float("inf"))
    opened = [attempt.at for attempt in world.cloud.attempts if since < attempt.at < until]
    return [f"links were opened at {opened}, though energy is exhausted since {since:.3f}"] if opened else []


def _swaps(world: World) -> list[str]:
    problems = []
    swaps = world.events_of(Swap)
    for swap in swaps:
        if not swap.reason or swap.to_link == swap.from_link:
            problems.append(f"a swap that leads nowhere: {swap}")
        if swap.planned and swap.reason == "lost":
            problems.append(f"planned, and lost: {swap}")
        if not swap.planned and swap.reason not in ("lost", "energy", "user"):
            problems.append(f"not planned: {swap}")
        if min(swap.gap_ms, swap.cached_ms, swap.resent_ms) < 0:
            problems.append(f"less than nothing: {swap}")
    pairs = Counter((swap.from_link, swap.to_link) for swap in swaps)
    problems += [f"swap {pair} was told {n} times" for pair, n in pairs.items() if n > 1]
    problems += _samples_add_up(world, swaps)
    return problems


_DISTURBS = {
    Act.INTERRUPT,
    Act.TYPE,
    Act.UNLISTEN,
    Act.PAUSE,
    Act.SLEEP,
    Act.STOPPED,
    Act.ROUTE,
    Act.RESTART,
    Act.MICROPHONE_DIES,
    Act.TAP_KEY,
    Act.DISCARD_KEY,
}


def _samples_add_up(world: World, swaps: list[Swap]) -> list[str]:
    """What all links were sent is what the microphone heard, plus what was sent again.

    A noise at the end is followed by silence once, when the microphone is switched off.
    """
    scenario = world.scenario
    quiet = 0.0 < scenario.profile["guard"]["park_minutes"] < 1.0
    disturbed = any(action.act in _DISTURBS for action in scenario.actions)
    if not scenario.is_faultless or disturbed or quiet or world.events_of(Notice) or world.events_of(Failure):
        return []
    if scenario.profile["turns"]["detection"] == "manual" or scenario.styles[0].capabilities.idle_close:
        return []
    if scenario.styles[1].capabilities.idle_close:
        return []
    resent = sum(round(swap.resent_ms * scenario.rate / 1000.0) for swap in swaps)
    sent, wanted = sum(world.sent_sound.values()), world.heard_samples + resent
    silence = round((scenario.profile["turns"]["silence_ms"] + TAIL_MS) * scenario.rate / 1000.0)
    if not any(whole - scenario.rate // 2 <= sent <= whole for whole in (wanted, wanted + silence)):
        heard = world.heard_samples
        return [f"the links were sent {sent} samples, but {heard} were heard and {resent} sent again"]
    return []
