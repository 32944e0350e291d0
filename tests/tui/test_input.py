"""What was typed: history, commands, completion."""

from __future__ import annotations

from collections import Counter

import pytest

from neko_cli.tui.actions import ACTS, COMMANDS, Typed, complete, understand
from neko_cli.tui.history import History
from neko_cli.tui.screens.chat import ChatScreen


def test_history_walks_back_and_forth_and_keeps_the_draft() -> None:
    history = History()
    history.add("one")
    history.add("two")
    assert history.older("draft") == "two"
    assert history.older("two, edited") == "one"
    assert history.older("one") is None
    assert history.newer("one") == "two, edited"
    assert history.newer("two, edited") == "draft"
    assert history.newer("draft") is None


def test_history_is_bounded_and_counts_a_repetition_once() -> None:
    history = History(kept=3)
    for text in ("a", "b", "b", " ", "c", "d"):
        history.add(text)
    found = []
    text: str | None = ""
    while (text := history.older(text or "")) is not None:
        found.append(text)
    assert found == ["d", "c", "b"]


def test_sending_forgets_the_edits() -> None:
    history = History()
    history.add("one")
    assert history.older("") == "one"
    history.add("one!")
    assert history.older("") == "one!"
    assert history.older("one!") == "one"


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("hello", Typed(message="hello")),
        ("  hello\n", Typed(message="hello")),
        ("/mute", Typed(action="talk")),
        (" /MUTE ", Typed(action="talk")),
        ("/q", Typed(action="leave")),
        ("/?", Typed(action="help")),
        ("/nothing", Typed(unknown="/nothing")),
        ("//mute", Typed(message="/mute")),
        ("/etc/hosts is a file", Typed(message="/etc/hosts is a file")),
        ("/mute or not", Typed(message="/mute or not")),
        ("/", Typed(message="/")),
        ("/profile", Typed(action="profile", argument="")),
        ("/Profile  mio ", Typed(action="profile", argument="mio")),
        ("/profile ~/my cat.toml", Typed(action="profile", argument="~/my cat.toml")),
        ("//profile mio", Typed(message="/profile mio")),
        ("/swap", Typed(action="swap")),
        ("/swap it", Typed(message="/swap it")),
        ("/allow", Typed(action="allow_once")),
        ("/Allow  Always", Typed(action="allow_always")),
        ("/deny always ", Typed(action="refuse_always")),
        ("/allow me to speak", Typed(unknown="/allow me to speak")),
        ("//allow me", Typed(message="/allow me")),
    ],
)
def test_understand(text: str, typed: Typed) -> None:
    assert understand(text) == typed


@pytest.mark.parametrize(
    ("text", "completed"),
    [("/vo", "/voice"), ("/c", "/c"), ("/cl", "/clear"), ("/x", "/x"), ("hi", "hi"), ("/MU", "/mute")]
    + [("/al", "/allow"), ("/allow a", "/allow always"), ("/deny", "/deny"), ("/deny n", "/deny n")],
)
def test_complete(text: str, completed: str) -> None:
    assert complete(text) == completed


@pytest.mark.parametrize(
    ("text", "completed"),
    [
        ("/profile ", "/profile mi"),
        ("/profile m", "/profile mi"),
        ("/profile mir", "/profile mira"),
        ("/profile MIO", "/profile mio"),
        ("/profile z", "/profile z"),
        ("/profile", "/profile"),
        ("/swap m", "/swap m"),
        ("/agents t", "/agents tell"),
        ("/agents o", "/agents o"),
        ("/agents c", "/agents computer_use "),
        ("/face of", "/face off"),
        ("profile m", "profile m"),
    ],
)
def test_complete_a_name(text: str, completed: str) -> None:
    assert complete(text, ("mio", "mira")) == completed


def test_every_act_has_its_method_and_a_way_to_reach_it() -> None:
    for act in ACTS:
        assert callable(getattr(ChatScreen, f"action_{act.action}"))
        assert act.about, "the palette shows it, if nothing else does"


def test_no_key_is_bound_twice_and_none_is_one_that_terminals_confuse() -> None:
    keys = Counter(key for act in ACTS for key in act.keys.split(",") if key)
    # Escape says no while something is asked, and is taken before what it does else.
    assert [key for key, times in keys.items() if times > 1] == ["escape"]
    assert [act.action for act in ACTS if "escape" in act.keys and act.priority] == ["refuse"]
    # In terminals Ctrl+M is Enter, Ctrl+I is Tab, Ctrl+H is Backspace and Ctrl+[ is Escape.
    assert not {"ctrl+m", "ctrl+i", "ctrl+h", "ctrl+left_square_bracket"} & set(keys)


def test_the_commands_that_the_help_promises_exist() -> None:
    assert {"/help", "/mute", "/voice", "/ptt", "/interrupt", "/clear", "/quit", "/devices"} <= {
        command for command, _ in COMMANDS
    }
