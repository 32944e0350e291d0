"""Colours: a dark and a light theme, both with their own background, and which one to begin with."""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import Theme

DARK = Theme(
    name="neko-dark",
    primary="#c4a7ff",
    secondary="#7cc7e8",
    accent="#f0b27a",
    success="#8fd19e",
    warning="#f2cc60",
    error="#ff8a8a",
    foreground="#e4e2ec",
    background="#16151d",
    surface="#1d1c26",
    panel="#262532",
    dark=True,
    variables={
        "text-primary": "#c4a7ff",
        "text-secondary": "#7cc7e8",
        "text-accent": "#f0b27a",
        "text-success": "#8fd19e",
        "text-warning": "#f2cc60",
        "text-error": "#ff8a8a",
        "text-muted": "#9f9cb3",
        "text-disabled": "#5d5a70",
        "line": "#3a3849",
    },
)

LIGHT = Theme(
    name="neko-light",
    primary="#6b3fc4",
    secondary="#0f6a94",
    accent="#a4530a",
    success="#1f7a3a",
    warning="#8a6100",
    error="#b3261e",
    foreground="#22202b",
    background="#faf9fc",
    surface="#f1eff6",
    panel="#e6e3ee",
    dark=False,
    variables={
        "text-primary": "#6b3fc4",
        "text-secondary": "#0f6a94",
        "text-accent": "#a4530a",
        "text-success": "#1f7a3a",
        "text-warning": "#8a6100",
        "text-error": "#b3261e",
        "text-muted": "#615d70",
        "text-disabled": "#9b97aa",
        "line": "#cfcadb",
    },
)

THEMES = (DARK, LIGHT)


def suited(environ: Mapping[str, str]) -> str:
    """The theme for this terminal: light where ``COLORFGBG`` says that the background is.

    rxvt, Konsole and others set it to ``foreground;background`` with ANSI numbers; 7 and 15 are white.
    """
    background = environ.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT.name if background in ("7", "15") else DARK.name
