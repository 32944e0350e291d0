"""Everything that the user can do: its keys, its command and its words, in one table."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec


class Act(msgspec.Struct, frozen=True):
    """One thing to do.

    ``action`` is a method of the chat screen, ``keys`` are Textual's names for keys, ``shown`` is
    how they are told to people. ``priority`` keys are taken before the input line sees them.
    ``argument`` says what may stand after the command; then the action takes it as a text, and ``choices``
    are beginnings of it that are offered.
    """

    action: str
    title: str
    about: str
    keys: str = ""
    shown: str = ""
    command: str = ""
    priority: bool = False
    argument: str = ""
    choices: tuple[str, ...] = ()


ON_OFF = ("on", "off")

FLAGS = ("computer_use", "browser_use", "mcp", "user_plugin")
"""What agents may use, as the profile's table ``[agents]`` calls it."""

ACTS: tuple[Act, ...] = (
    Act(
        "talk",
        "Microphone on or off",
        "mute or unmute; in push-to-talk mode: start and stop talking",
        # Ctrl+Space arrives as NUL from most terminals, as ctrl+space where they speak kitty's protocol.
        keys="ctrl+t,f4,ctrl+@,ctrl+space",
        shown="Ctrl+T, F4, Ctrl+Space",
        command="/mute",
    ),
    Act(
        "push_to_talk",
        "Push-to-talk mode",
        "you say when your turn is over, instead of a detector",
        keys="f2",
        shown="F2",
        command="/ptt",
    ),
    Act(
        "mute_voice",
        "Character's voice on or off",
        "its text goes on",
        keys="ctrl+s,f3",
        shown="Ctrl+S, F3",
        command="/voice",
    ),
    Act(
        "interrupt",
        "Interrupt",
        "stop the reply, or what you are saying",
        keys="escape",
        shown="Esc",
        command="/interrupt",
    ),
    Act(
        "edit_heard",
        "Edit what was heard",
        "put it in the input line",
        keys="ctrl+e",
        shown="Ctrl+E",
        command="/edit",
        priority=True,
    ),
    Act(
        "copy",
        "Copy",
        "the selected text, or the last reply",
        keys="ctrl+y",
        shown="Ctrl+Y",
        command="/copy",
        priority=True,
    ),
    Act(
        "allow_once",
        "Let a tool run this once",
        "when the character asks for it",
        # Not beside F4, which is pressed without looking; F10 and F11 belong to many terminals.
        keys="f6",
        shown="F6",
        command="/allow",
        priority=True,
    ),
    Act(
        "allow_always",
        "Let it run for this session",
        "this time and whenever it is called again",
        keys="f7",
        shown="F7",
        command="/allow always",
        priority=True,
    ),
    Act(
        "refuse",
        "Do not let it run",
        "the character is told so",
        keys="f8,escape",
        shown="F8, Esc",
        command="/deny",
        priority=True,
    ),
    Act(
        "refuse_always",
        "Never in this session",
        "neither this time nor when it is called again",
        keys="f9",
        shown="F9",
        command="/deny always",
        priority=True,
    ),
    Act(
        "agents",
        "Agents: tasks and results",
        "what they do and have found; on or off says whether they may act",
        # Both reach us as one byte from every terminal, and neither edits a line.
        keys="ctrl+g",
        shown="Ctrl+G",
        command="/agents",
        argument="on, off, tell N, dismiss N, or one of the flags with on or off",
        choices=("on", "off", "tell", "dismiss", *(f"{flag} " for flag in FLAGS)),
    ),
    Act("agents_allowed", "Agents may act, or not", "whether they see the last messages after each turn"),
    Act(
        "face",
        "Character's face on or off",
        "beside the conversation, where there is room",
        keys="ctrl+n",
        shown="Ctrl+N",
        command="/face",
        argument="on or off",
        choices=ON_OFF,
    ),
    Act(
        "emotion",
        "Emotions on or off",
        "of the character's words",
        command="/emotion",
        argument="on or off",
        choices=ON_OFF,
    ),
    Act(
        "translate",
        "Translation on or off",
        "into a language of yours, under the line",
        command="/translate",
        argument="on, off, or a language",
        choices=ON_OFF,
    ),
    Act(
        "screen",
        "Show your screen",
        "the character sees what you do; you are asked once",
        command="/screen",
        argument="a monitor, X,Y,WxH, window:TITLE, file:PICTURE, clipboard, off or pause",
        choices=("off", "pause", "1", "0", "window:", "file:", "clipboard"),
    ),
    Act(
        "screen_pause",
        "Pause or resume the screen",
        "nothing of it leaves meanwhile",
        keys="f5,ctrl+o",
        shown="F5, Ctrl+O",
    ),
    Act("screen_off", "Show the screen no longer", "the character sees nothing of it"),
    Act("clear", "Clear the screen", "the conversation goes on", "ctrl+l", "Ctrl+L", "/clear"),
    Act("follow", "Go to the end", "and follow new messages", "ctrl+end", "End", ""),
    Act("retry", "Start again", "after an error, or when the session ended", "", "", "/retry"),
    Act(
        "profile",
        "Another character",
        "from the next turn on; the conversation goes on",
        command="/profile",
        argument="the name of a profile, or its file",
    ),
    Act("swap", "Fresh connection", "from the next quiet moment on; nothing is lost", command="/swap"),
    Act("history", "Earlier conversations", "how to find, export and delete them", command="/history"),
    Act(
        "microphone",
        "Choose the microphone",
        "while you talk; remembered for the next start",
        command="/mic",
        argument="its name, number or part of it, or default; a list without",
        choices=("default",),
    ),
    Act(
        "speaker",
        "Choose the loudspeaker",
        "the reply goes on there; remembered for the next start",
        command="/speaker",
        argument="its name, number or part of it, or default; a list without",
        choices=("default",),
    ),
    Act("devices", "Sound devices", "how to list and test them", "", "", "/devices"),
    Act("help", "Help", "keys and commands", "f1", "F1", "/help"),
    Act(
        "suspend",
        "Back to the shell",
        "microphone and voice stop; fg brings the conversation back",
        keys="ctrl+z",
        shown="Ctrl+Z",
        priority=True,
    ),
    Act("leave", "Quit", "end the conversation", "ctrl+q", "Ctrl+Q", "/quit", priority=True),
)

GOING = frozenset(key for act in ACTS if act.action in ("leave", "suspend") for key in act.keys.split(","))
"""Keys of somebody who goes away."""

LOOK_AWAY = next(act.keys for act in ACTS if act.action == "screen_pause")
"""Keys that work wherever the user is."""

READING_KEYS = (
    ("PgUp, PgDn", "scroll the transcript"),
    ("Up, Down", "messages that you sent before"),
    ("Enter", "send; Ctrl+J begins a new line"),
    ("Tab", "complete a command; go to a question and back"),
    ("Ctrl+P", "all commands in a list"),
    ("Enter, Del, Esc", "among agents: open or do it, dismiss, back"),
)
"""Keys of the input line and of the agent pane, for the help screen."""

COMMANDS = tuple((act.command, act.title) for act in ACTS if act.command)
"""Slash commands and what they do."""

WITH_ARGUMENT = {act.command: act for act in ACTS if act.argument}
"""Commands after which something may stand."""

ANSWERS = frozenset(act.action for act in ACTS if act.command.startswith(("/allow", "/deny")))
"""What is done about a question, and means nothing without one."""

_FAMILIES = frozenset(command.split()[0] for command, _ in COMMANDS if " " in command)
"""First words of commands of two words: what else follows them is a slip, and not a message."""

_ALIASES = {"/exit": "/quit", "/q": "/quit", "/talk": "/mute", "/?": "/help"}
_COMMAND = re.compile(r"/(?:[a-z]+|\?)$", re.IGNORECASE)


class Typed(msgspec.Struct, frozen=True):
    """What a line that was typed means: one of the first three; ``argument`` goes with an action.

    ``argument`` is None where the action takes none.
    """

    message: str = ""
    action: str = ""
    unknown: str = ""
    argument: str | None = None


def understand(text: str) -> Typed:
    """A message, a command, or a command that does not exist.

    One word with a slash before it is a command, with what follows it where the command takes an
    argument, or where both words are one; ``//`` sends a message that begins with a slash, and so does
    any other text with more than the one word.
    """
    line = text.strip()
    if line.startswith("//"):
        return Typed(message=line[1:])
    first, _, rest = line.partition(" ")
    if not _COMMAND.match(first):
        return Typed(message=line)
    words = " ".join(line.lower().split())
    takes_rest = first.lower() in WITH_ARGUMENT
    word = first.lower() if takes_rest else _ALIASES.get(words, words)
    for act in ACTS:
        if act.command == word:
            return Typed(action=act.action, argument=rest.strip() if takes_rest else None)
    return Typed(message=line) if rest and first.lower() not in _FAMILIES else Typed(unknown=line)


def choices(command: str, names: Sequence[str]) -> Sequence[str]:
    """What is offered after a command; ``names`` are those of profiles."""
    return WITH_ARGUMENT[command].choices or names


def complete(text: str, names: Sequence[str] = ()) -> str:
    """What the typed beginning stands for, as far as it is certain: a command, or what may follow it."""
    if not text.startswith("/"):
        return text
    first, space, rest = text.partition(" ")
    if not space or first.lower() in _FAMILIES:
        return _extended(text, [command for command, _ in COMMANDS])
    known = first.lower()
    return f"{first} {_extended(rest, choices(known, names))}" if known in WITH_ARGUMENT else text


def _extended(text: str, names: Sequence[str]) -> str:
    """``text`` with what all names that begin with it go on with."""
    found = [name for name in names if name.lower().startswith(text.lower())]
    if not found:
        return text
    shortest = min(found, key=len)
    size = len(text)
    while size < len(shortest) and all(name[: size + 1] == shortest[: size + 1] for name in found):
        size += 1
    return shortest[:size]
