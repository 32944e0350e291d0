"""From a seed to a scenario: random, and the same every time."""

from __future__ import annotations

import random
from typing import Any

import msgspec

from neko_cli.core.capabilities import Capabilities, Resume
from tests.simulation.plan import Act, Action, Fault, FaultKind, Refusal, Scenario, Style

RATES = (1000, 1600, 2000)
"""Hz; low, so that every sample of a session has a number of its own."""

LENGTH = 30.0
"""Seconds within which timed faults strike."""

CLOSES = (
    (1000, ""),
    (1001, "going away"),
    (1006, ""),
    (1007, "invalid frame"),
    (1008, "policy"),
    (1011, "internal error"),
    (1012, "restart"),
    (1013, "try again later"),
)


ALOUD = 0.12
"""How many runs have a voice of ours that reads replies aloud."""


def make_scenario(seed: int) -> Scenario:
    """What happens under this seed."""
    rng = random.Random(f"{seed}/scenario")
    rate = rng.choice(RATES)
    mode = "text" if rng.random() < 0.12 else "audio"
    manual = mode == "audio" and rng.random() < 0.15
    styles = tuple(_style(rng, rate, manual) for _ in range(2))
    calm = rng.random() < 0.15
    faults = () if calm else _faults(rng, styles[0])
    return Scenario(
        seed=seed,
        styles=styles,
        profile=_profile(rng, manual),
        mode=mode,
        rate=rate,
        burst=rng.choice((1, 2, 4, 10)),
        line=rng.choice((0.0, 0.0, 0.0, 10.0, 3.0, 1.3)) if rng.random() < 0.97 else 0.8,
        latency=rng.choice((0.002, 0.02, 0.08, 0.25)),
        jitter=rng.choice((0.0, 0.01, 0.1)),
        speaker=rng.random() < 0.85,
        journal_delay=rng.choice((0.0, 0.005, 0.05, 0.5)),
        journal_fails=rng.choice((0.0, 0.0, 0.0, 0.2, 1.0)),
        summary_delay=rng.choice((0.1, 1.0, 20.0)),
        summary_fails=rng.choice((0.0, 0.0, 0.5)),
        actions=_actions(rng, mode, manual),
        faults=faults,
        refusals={} if calm else _refusals(rng),
        keep_standby=rng.random() < 0.8,
        greet=rng.random() < 0.15,
        # Of their own numbers, so that all else is as without them.
        aloud=random.Random(f"{seed}/aloud").random() < ALOUD,
        coughs=() if manual else _coughs(random.Random(f"{seed}/coughs"), mode, styles),
    )


def _style(rng: random.Random, rate: int, manual: bool) -> Style:
    family = rng.choice(("live", "live", "handles", "handles", "conversation", "flat", "flat"))
    limited = rng.random() < 0.4
    common: dict[str, Any] = {
        "input_rate": rate,
        "output_rate": rate,
        "captions": rng.random() < 0.85,
        "idle_is_free": rng.random() < 0.4,
        "max_session": rng.choice((12.0, 20.0, 40.0)) if limited else None,
        "renew_before": rng.choice((2.0, 5.0)),
        "idle_close": rng.choice((8.0, 15.0)) if rng.random() < 0.15 else None,
        "silence_limit": rng.choice((3.0, 6.0, 10.0)),
    }
    timing: dict[str, Any] = {
        "onset_ms": rng.choice((10, 30, 60)),
        "setup": rng.choice((0.02, 0.2, 1.0)),
        "think": rng.choice((0.1, 0.4, 1.0)),
        "transcript": rng.choice((0.05, 0.3, 0.8)),
        "transcript_late": rng.choice((0.0, 0.3)),
        "speed": rng.choice((1.5, 4.0, 10.0)),
        "ghost": rng.choice((0.0, 0.0, 2.0)),
        "captions_in_step": rng.random() < 0.7,
        "cancel_ends": rng.random() < 0.85,
        "tells_expiry": rng.random() < 0.5,
    }
    if family == "live":
        can = Capabilities(truncate=True, system_items=True, **common)
        return Style(name=family, capabilities=can, **timing)
    if family == "handles":
        common["captions"] = True if manual else common["captions"]
        can = Capabilities(
            cancel=False,
            clear_input=False,
            input_asks=True,
            resume=Resume.HANDLE,
            going_away=True,
            mid_session_instructions=False,
            seed_history=rng.random() < 0.7,
            **common,
        )
        return Style(
            name=family,
            capabilities=can,
            speech_events=False,
            asks_implicitly=True,
            refuses_old_audio=rng.random() < 0.5,
            handle_life=rng.choice((5.0, 7200.0)),
            **timing,
        )
    if family == "conversation":
        can = Capabilities(truncate=True, system_items=True, resume=Resume.CONVERSATION, **common)
        return Style(name=family, capabilities=can, **timing)
    can = Capabilities(
        truncate=False,
        seed_history=rng.random() < 0.7,
        system_items=rng.random() < 0.5,
        mid_session_instructions=rng.random() < 0.5,
        **common,
    )
    return Style(name=family, capabilities=can, at_ms=rng.random() < 0.6, **timing)


def _profile(rng: random.Random, manual: bool) -> dict[str, Any]:
    rungs = [{"model": f"rung{n}", "resumable": rng.random() < 0.7} for n in range(rng.choice((2, 3)))]
    return {
        "character": {"name": "Neko", "persona": "persona0"},
        "provider": {"name": "sim0", "model": "model0"},
        "emotion": {"tags": "angle"},
        "turns": {
            "detection": "manual" if manual else "server",
            "silence_ms": rng.choice((200, 400)),
            "prefix_ms": rng.choice((0, 100, 300)),
            "interrupt": rng.random() < 0.9,
        },
        "sound": {"duplex": "full" if rng.random() < 0.85 else "half"},
        "swap": {
            "turns": rng.choice((0, 0, 0, 0, 1, 3)),
            "tokens": rng.choice((0, 0, 24_000, 60)),
            "standby": rng.choice(("auto", "warm", "cold")),
        },
        "energy": {"call": rungs, "text": rungs[:2]} if rng.random() < 0.5 else {},
        "memory": {
            "messages": 1000 if rng.random() < 0.8 else 6,
            "summary_wait": rng.choice((0.5, 5.0)),
            "summary": rng.choice(("auto", "auto", "local", "off")),
        },
        "guard": {"park_minutes": rng.choice((0.0, 0.1, 0.2, 5.0))},
    }


def _coughs(rng: random.Random, mode: str, styles: tuple[Style, ...]) -> tuple[tuple[float, int], ...]:
    # Our own detector hears these better than the numbered samples, and would end a key's turn after one.
    # Who does not say where speech lies leaves us to guess which sound was meant; a cough is a wrong guess.
    tell = all(style.speech_events and style.at_ms for style in styles)
    if mode == "text" or not tell or rng.random() < 0.3:
        return ()
    return tuple((rng.choice((0.05, 0.3, 1.0)), rng.choice((100, 300, 600, 2500))) for _ in range(8))


def _parts(rng: random.Random) -> tuple[int, ...]:
    """An utterance in ms; short pauses inside."""
    parts = [rng.choice((150, 300, 600, 1200, 2500))]
    if rng.random() < 0.3:
        parts += [-rng.choice((50, 150)), rng.choice((100, 500))]
    return tuple(parts)


_SPOKEN = (
    (Act.SPEAK, 60),
    (Act.SPEAK_ON, 16),
    (Act.TYPE, 10),
    (Act.INTERRUPT, 6),
    (Act.UNLISTEN, 4),
    (Act.LISTEN, 4),
    (Act.PAUSE, 3),
    (Act.RESUME, 4),
    (Act.MUTE, 2),
    (Act.UNMUTE, 3),
    (Act.SWAP, 9),
    (Act.SWITCH, 5),
    (Act.WAIT, 12),
    (Act.SLEEP, 3),
    (Act.STOPPED, 2),
    (Act.ROUTE, 2),
    (Act.RESTART, 4),
    (Act.AGENT, 4),
    (Act.MICROPHONE_DIES, 1),
    (Act.SPEAKER_DIES, 1),
)
_MANUAL = (
    (Act.HOLD_KEY, 50),
    (Act.TAP_KEY, 5),
    (Act.DISCARD_KEY, 5),
    *(
        (act, weight)
        for act, weight in _SPOKEN
        if act not in (Act.SPEAK, Act.SPEAK_ON, Act.LISTEN, Act.UNLISTEN)
    ),
)
_TYPED = (
    (Act.TYPE, 60),
    (Act.INTERRUPT, 8),
    (Act.SWAP, 9),
    (Act.SWITCH, 5),
    (Act.WAIT, 12),
    (Act.SLEEP, 3),
    (Act.STOPPED, 2),
    (Act.ROUTE, 2),
    (Act.RESTART, 6),
    (Act.AGENT, 4),
)


def _actions(rng: random.Random, mode: str, manual: bool) -> tuple[Action, ...]:
    table = _TYPED if mode == "text" else _MANUAL if manual else _SPOKEN
    acts, weights = zip(*table, strict=True)
    actions: list[Action] = []
    for _ in range(rng.randint(3, 9)):
        act = rng.choices(acts, weights)[0]
        seconds = 0.0
        if act is Act.WAIT:
            seconds = rng.choice((0.3, 1.0, 3.0, 3.0, 9.0, 16.0))
        elif act in (Act.SLEEP, Act.STOPPED):
            seconds = rng.choice((8.0, 60.0, 4000.0)) if act is Act.SLEEP else rng.choice((3.0, 30.0))
        actions.append(Action(act=act, seconds=seconds, parts_ms=_parts(rng)))
        if act is Act.SPEAK_ON:
            actions.append(Action(act=Act.WAIT, seconds=rng.choice((0.1, 0.4, 1.0))))
        elif rng.random() < 0.6:
            actions.append(Action(act=Act.AWAIT_QUIET, seconds=rng.choice((2.0, 8.0))))
        else:
            actions.append(Action(act=Act.WAIT, seconds=rng.choice((0.05, 0.3, 1.0))))
    return tuple(actions)


def _faults(rng: random.Random, style: Style) -> tuple[Fault, ...]:
    kinds = [kind for kind in FaultKind for _ in range(_WEIGHTS.get(kind, 1))]
    if style.capabilities.resume is not Resume.HANDLE:
        kinds = [kind for kind in kinds if kind not in (FaultKind.EMPTY_HANDLE, FaultKind.GOING_AWAY)]
    faults = []
    for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
        kind = rng.choice(kinds)
        code, reason = rng.choice(CLOSES) if kind is FaultKind.CLOSE else (1006, "")
        if kind in (FaultKind.STALL, FaultKind.OUTAGE):
            code = rng.choice((0, 1, 2, 1006))
        if kind is FaultKind.GOING_AWAY:
            code = rng.choice((1001, 1008, 1011))
        fault = Fault(kind=kind, code=code, reason=reason, seconds=rng.choice((0.5, 2.0, 5.0, 12.0)))
        if kind is FaultKind.OUTAGE or rng.random() < 0.25:
            fault = msgspec.structs.replace(fault, at=round(rng.uniform(0.5, LENGTH), 2))
        else:
            event = rng.choice(_MOMENTS) if rng.random() < 0.8 else ""
            often = 12 if event in ("words", "sound") else 4
            frame = rng.randint(1, often) if event else rng.randint(1, 50)
            link = 0 if event else rng.choice((1, 1, 2, 2, 3, 4))
            fault = msgspec.structs.replace(fault, link=link, frame=frame, event=event)
        faults.append(fault)
    return tuple(faults)


_MOMENTS = (
    "ready",
    "handle",
    "speech_began",
    "speech_ended",
    "committed",
    "committed",
    "transcript",
    "reply_began",
    "reply_began",
    "words",
    "words",
    "sound",
    "sound_ended",
    "reply_ended",
)
"""Frames right after which a fault does most harm."""

_WEIGHTS = {
    FaultKind.RESET: 6,
    FaultKind.CLOSE: 8,
    FaultKind.HALF_OPEN: 5,
    FaultKind.STALL: 2,
    FaultKind.DUPLICATE: 2,
    FaultKind.GOING_AWAY: 4,
    FaultKind.OUTAGE: 2,
}


def _refusals(rng: random.Random) -> dict[int, Refusal]:
    if rng.random() < 0.03:
        return dict.fromkeys(range(2, 8), Refusal.RATE)  # down the ladder to its end
    if rng.random() < 0.6:
        return {}
    kinds = (*Refusal, Refusal.BUSY, Refusal.NO_ROUTE, Refusal.RATE)
    return {rng.randint(1, 5): rng.choice(kinds) for _ in range(rng.choice((1, 1, 2, 3)))}
