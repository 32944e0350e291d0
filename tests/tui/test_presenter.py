"""Labels, meters and what fits: everything that is said on the lines around the transcript."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from neko_cli.core.events import (
    Connected,
    Energy,
    Levels,
    LinkWord,
    SessionEnded,
    Severity,
    Status,
    StatusChanged,
)
from neko_cli.tui import theme
from neko_cli.tui.actions import COMMANDS
from neko_cli.tui.fit import Part, Segment, spread
from neko_cli.tui.lines import Line, Mark, Role
from neko_cli.tui.look import line_parts
from neko_cli.tui.presenter import (
    METER_CELLS,
    STYLES,
    elapsed,
    energy_parts,
    energy_tip,
    hint_line,
    meter_cells,
    sound_line,
    status_line,
    status_part,
)
from neko_cli.tui.view import Mic, Phase, Strength, View, mic_of, reduce
from tests.tui.scenes import failure, sound

READY = View(character="Neko", phase=Phase.READY, link=LinkWord.ONLINE, mic=Mic.OPEN)


def text(parts: list[Part]) -> str:
    return "".join(part.text for part in parts)


def change(view: View, **fields: object) -> View:
    return msgspec.structs.replace(view, **fields)


def test_every_status_has_its_own_word_and_symbol() -> None:
    labels = [status_part(change(READY, status=status)).text for status in Status]
    symbols = [label.split()[0] for label in labels]
    assert len(set(labels)) == len(set(symbols)) == len(Status)


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.FAILED, Phase.ENDED, Phase.CLOSING])
def test_before_and_after_the_session_the_phase_is_told(phase: Phase) -> None:
    assert status_part(change(READY, phase=phase)) != status_part(READY)


def test_the_link_word_shows_only_when_it_is_worth_one() -> None:
    assert "online" not in text(status_line(READY, 0.0, 80))
    assert "reconnecting" in text(status_line(change(READY, link=LinkWord.RECONNECTING), 0.0, 80))
    assert "offline" not in text(status_line(View(character="Neko"), 0.0, 80))


def test_a_parked_connection_says_what_wakes_it() -> None:
    parked = change(READY, link=LinkWord.PARKED)
    assert "asleep: speak or type" in text(status_line(parked, 0.0, 80))
    for mic in (Mic.MUTED, Mic.NONE):
        shown = text(status_line(change(parked, mic=mic), 0.0, 80))
        assert "type" in shown
        assert "speak" not in shown


@pytest.mark.parametrize(
    ("level", "most", "shown"),
    [(2, 3, "energy ▰▰▱ medium 2/3"), (1, 2, "energy ▰▱ low 1/2"), (0, 9, "energy exhausted 0/9")],
)
def test_a_lower_energy_is_told_by_bar_word_and_number(level: int, most: int, shown: str) -> None:
    assert text(list(energy_parts(Strength(level=level, max=most)))) == shown
    view = change(READY, energy=Strength(level=level, max=most))
    assert shown in text(status_line(view, 0.0, 80))


def test_a_full_energy_is_told_only_where_somebody_asks() -> None:
    full = Strength(level=3, max=3, model="big")
    assert energy_parts(full) == energy_parts(None) == ()
    assert energy_tip(full) == "Energy 3 of 3 (full): now with big"
    assert energy_tip(None) == ""


@pytest.mark.parametrize(
    ("running", "to_tell", "width", "shown"),
    [
        (0, 0, 80, "Neko · ○ idle"),
        (2, 0, 80, "Neko · ○ idle · 2 running"),
        (0, 1, 80, "Neko · ○ idle · 1 to tell"),
        (2, 31, 80, "Neko · ○ idle · 2 running · 31 to tell"),
        (2, 31, 36, "Neko · ○ idle · 31 to tell"),
    ],
)
def test_what_agents_do_is_counted(running: int, to_tell: int, width: int, shown: str) -> None:
    view = change(READY, running=running, to_tell=to_tell)
    assert text(status_line(view, 0.0, width)).rstrip() == shown


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("/face ", "on  off"),
        ("/face o", "on  off"),
        ("/face of", "off"),
        ("/translate jap", "on, off, or a language"),
        ("/agents tell 3", "on, off, tell N, dismiss N, or one of the flags with on or off"),
        ("/agents c", "computer_use"),
        ("/profile m", "mio"),
    ],
)
def test_what_may_follow_a_command_is_offered(typed: str, shown: str) -> None:
    assert text(hint_line(READY, typed, COMMANDS, 100, ("mio", "zoe"))) == shown


def test_energy_is_that_of_the_mode_in_use() -> None:
    def told(mode: str, level: int) -> Energy:
        return Energy(at=0.0, mode=mode, level=level, max=3, model="m", reason="rate_limit")

    view = reduce(READY, told("text", 1), 0.0)
    assert view.energy is None
    assert reduce(view, told("call", 2), 0.0).energy == Strength(level=2, max=3, model="m")
    assert reduce(view, told("call", 9), 0.0).energy == Strength(level=3, max=3, model="m")


def test_the_status_line_tells_model_and_time_as_far_as_they_fit() -> None:
    view = change(READY, provider="OpenAI", model="a-realtime-model", connected_at=10.0)
    assert text(status_line(view, 75.0, 80)).endswith("OpenAI · a-realtime-model · 1:05")
    narrow = text(status_line(view, 75.0, 30))
    assert "1:05" in narrow
    assert "a-realtime-model" not in narrow
    assert text(status_line(view, 75.0, 12)).startswith("○ idle")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1.0, "0:00"),
        (0.9, "0:00"),
        (61.0, "1:01"),
        (3599.0, "59:59"),
        (3600.0, "1:00:00"),
        (36061.0, "10:01:01"),
    ],
)
def test_elapsed(seconds: float, shown: str) -> None:
    assert elapsed(seconds) == shown


@pytest.mark.parametrize(
    ("level", "cells"),
    [
        (-120.0, 0),
        (-54.0, 0),
        (-53.9, 1),
        (-27.0, 5),
        (0.0, METER_CELLS),
        (6.0, METER_CELLS),
        (float("nan"), 0),
    ],
)
def test_meter_cells(level: float, cells: int) -> None:
    assert meter_cells(level) == cells


def test_the_sound_line_tells_the_microphones_state_in_words() -> None:
    shown = {mic: text(sound_line(change(READY, mic=mic), 60)) for mic in Mic}
    assert "text only" in shown[Mic.NONE]
    assert "muted" in shown[Mic.MUTED]
    assert "hands-free" in shown[Mic.OPEN]
    assert "F4 to talk" in shown[Mic.HELD]
    assert "F4 to stop" in shown[Mic.TALKING]


def test_a_microphone_that_is_open_between_two_keys_is_told_and_shows_no_level() -> None:
    ready = change(READY, mic=Mic.HELD, mic_ready=True, microphone_level=-3.0)
    assert "open, nothing sent" in text(sound_line(ready, 60))
    assert "F4 to talk" in text(sound_line(ready, 60))
    assert sound_line(ready, 60) == sound_line(change(ready, microphone_level=-120.0), 60)
    for mic in (Mic.TALKING, Mic.OPEN, Mic.MUTED):
        assert sound_line(change(ready, mic=mic), 60) == sound_line(
            change(ready, mic=mic, mic_ready=False), 60
        )


def test_a_muted_microphone_shows_no_level() -> None:
    muted = change(READY, mic=Mic.MUTED, microphone_level=-3.0)
    assert sound_line(muted, 60) == sound_line(change(muted, microphone_level=-120.0), 60)


def test_levels_that_light_the_same_cells_look_the_same() -> None:
    one, other = (change(READY, microphone_level=level) for level in (-30.0, -30.4))
    assert sound_line(one, 80) == sound_line(other, 80)


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        ({}, ""),
        ({"late": 3, "buffer_ms": 19.0}, ""),
        ({"underruns": 1}, "ran dry once"),
        ({"underruns": 2, "buffer_ms": 180.4, "late": 31}, "ran dry 2 times, waits 180 ms, 31 late"),
        ({"buffer_ms": 40.0, "late": 2}, "waits 40 ms, 2 late"),
    ],
)
def test_what_the_network_costs_is_told_where_it_costs_anything(figures: dict[str, Any], told: str) -> None:
    view = reduce(READY, msgspec.structs.replace(sound(), **figures), 0.0)
    line = text(sound_line(view, 100))
    assert told in line
    assert bool(told) == any(word in line for word in ("dry", "waits", "late"))


def test_hints_follow_what_can_be_done_now() -> None:
    def hints(**fields: object) -> str:
        return text(hint_line(change(READY, **fields), "", COMMANDS, 100))

    assert "Esc interrupt" in hints(status=Status.SPEAKING)
    assert "Esc" not in hints(status=Status.IDLE)
    assert "^T unmute" in hints(mic=Mic.MUTED)
    assert "F4 send" in hints(mic=Mic.TALKING)
    assert "^E" in hints(unsure=True)
    assert "/retry" in hints(phase=Phase.FAILED)
    assert "^T" not in hints(phase=Phase.FAILED)
    assert "/retry" not in hints(phase=Phase.FAILED, worth_retry=False)
    assert "voice on" in hints(voice_muted=True)


def test_the_main_hints_fit_at_60_columns() -> None:
    line = text(hint_line(change(READY, status=Status.SPEAKING), "", COMMANDS, 58))
    for needed in ("Esc", "^T", "F1", "^Q"):
        assert needed in line


def test_a_slash_lists_the_commands_that_match() -> None:
    assert "/quit" in text(hint_line(READY, "/", COMMANDS, 60))
    assert text(hint_line(READY, "/vo", COMMANDS, 80)).startswith("/voice Character")
    assert "no such command" in text(hint_line(READY, "/xyz", COMMANDS, 80))


def test_after_the_command_the_names_that_match_are_listed() -> None:
    names = ("default", "mio", "mira")
    assert text(hint_line(READY, "/profile ", COMMANDS, 80, names)) == "default  mio  mira"
    assert text(hint_line(READY, "/profile MI", COMMANDS, 80, names)) == "mio  mira"
    assert "file" in text(hint_line(READY, "/profile x", COMMANDS, 80, names))


@pytest.mark.parametrize("mark", [mark for mark in Mark if mark is not Mark.NONE])
def test_every_mark_is_told_in_words(mark: Mark) -> None:
    line = Line(key="k", role=Role.CHARACTER, name="Neko", text="words", mark=mark)
    plain = text(line_parts(msgspec.structs.replace(line, mark=Mark.NONE)))
    assert len(text(line_parts(line))) > len(plain) + 4


def test_notices_differ_by_symbol_not_by_colour_alone() -> None:
    shown = {text(line_parts(Line(key="k", role=Role.NOTICE, text="t", severity=s)))[0] for s in Severity}
    assert len(shown) == len(Severity)


def test_every_style_that_is_used_exists() -> None:
    views = [change(READY, mic=mic, phase=phase, status=s) for mic in Mic for phase in Phase for s in Status]
    for view in views:
        for parts in (status_line(view, 0, 90), sound_line(view, 90), hint_line(view, "", COMMANDS, 90)):
            assert all(part.style in STYLES for part in parts)


WORDS = st.text(st.sampled_from("ab 字🙂é"), min_size=1, max_size=12)
SEGMENTS = st.lists(
    st.builds(lambda word, rank: Segment((Part(word),), rank), WORDS, st.integers(0, 9)), max_size=6
)


@settings(max_examples=200, deadline=None)
@given(SEGMENTS, SEGMENTS, st.integers(1, 60))
def test_a_line_never_exceeds_its_width(left: list[Segment], right: list[Segment], width: int) -> None:
    assert cell_len(text(spread(left, right, width))) <= width


def test_the_right_side_ends_at_the_edge() -> None:
    line = text(spread([Segment((Part("ab"),), 0)], [Segment((Part("cd"),), 1)], 20))
    assert line == "ab" + " " * 16 + "cd"


@pytest.mark.parametrize(
    ("available", "push_to_talk", "listening", "mic"),
    [
        (False, True, True, Mic.NONE),
        (True, False, False, Mic.MUTED),
        (True, False, True, Mic.OPEN),
        (True, True, False, Mic.HELD),
        (True, True, True, Mic.TALKING),
    ],
)
def test_mic_of(available: bool, push_to_talk: bool, listening: bool, mic: Mic) -> None:
    assert mic_of(available=available, push_to_talk=push_to_talk, listening=listening) is mic


def test_reduce_follows_status_connection_and_levels() -> None:
    view = View(character="Neko")
    status = StatusChanged(
        at=0.0, old=Status.IDLE, new=Status.SPEAKING, reason="", link=LinkWord.RECONNECTING
    )
    view = reduce(view, status, 1.0)
    assert (view.status, view.link) == (Status.SPEAKING, LinkWord.RECONNECTING)
    view = reduce(view, Connected(at=0.0, provider="P\x1b[1m", model="m"), 5.0)
    view = reduce(view, Connected(at=0.0, provider="P", model="m"), 9.0)
    assert (view.provider, view.connected_at) == ("P", 5.0)
    view = reduce(view, Levels(at=0.0, microphone=-10.0, speaker=-20.0), 9.0)
    assert (view.microphone_level, view.speaker_level) == (-10.0, -20.0)


def test_reduce_ends_in_failed_or_ended_and_never_leaves_closing() -> None:
    over = SessionEnded(at=0.0, reason="")
    fatal = failure("x", fatal=True)
    assert reduce(READY, over, 0.0).phase is Phase.ENDED
    assert reduce(reduce(READY, fatal, 0.0), over, 0.0).phase is Phase.FAILED
    assert reduce(READY, failure("x", retry_in=1.0), 0.0).phase is Phase.READY
    closing = change(READY, phase=Phase.CLOSING)
    assert {reduce(closing, event, 0.0).phase for event in (over, fatal)} == {Phase.CLOSING}


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, "neko-dark"),
        ({"COLORFGBG": "15;0"}, "neko-dark"),
        ({"COLORFGBG": "0;15"}, "neko-light"),
        ({"COLORFGBG": "0;default;7"}, "neko-light"),
        ({"COLORFGBG": "rubbish"}, "neko-dark"),
    ],
)
def test_the_theme_suits_the_terminal(environ: dict[str, str], name: str) -> None:
    assert theme.suited(environ) == name


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("name", ["primary", "secondary", "accent", "success", "warning", "error", "muted"])
@pytest.mark.parametrize("look", theme.THEMES, ids=lambda look: look.name)
def test_text_colours_have_contrast(look: theme.Theme, name: str) -> None:
    """WCAG 2.1, 1.4.3: at least 4.5 to 1 for text."""
    assert look.background is not None
    dark, light = sorted((luminance(look.variables[f"text-{name}"]), luminance(look.background)))
    assert (light + 0.05) / (dark + 0.05) >= 4.5
