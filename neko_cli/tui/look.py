"""How a line of the transcript looks: its heading, its marks in words, and what was said. Pure."""

from __future__ import annotations

from neko_cli.core.events import Severity
from neko_cli.tui.fit import Part
from neko_cli.tui.lines import Line, Mark, Role

_SYMBOLS = {
    Severity.INFO: Part("· ", "dim"),
    Severity.SUCCESS: Part("✓ ", "good"),
    Severity.WARNING: Part("! ", "warn"),
    Severity.ERROR: Part("✕ ", "bad"),
}
_MARK_WORDS = {
    Mark.UNSURE: Part("unsure", "warn"),
    Mark.WAITING: Part("waiting for the connection", "dim"),
    Mark.INTERRUPTED: Part("interrupted", "warn"),
    Mark.FAILED: Part("failed", "bad"),
    Mark.CANCELLED: Part("cancelled", "dim"),
}


def line_parts(line: Line) -> list[Part]:
    """A transcript line as styled text: a heading with name and marks, then the words."""
    if line.role is Role.NOTICE:
        return _notice_parts(line)
    if line.role is Role.DIVIDER:
        return [Part("── ", "faint"), Part(line.text, "dim"), Part(" ──", "faint")]
    parts = [Part(line.name, "dim" if line.past else line.role.value)]
    if line.emotion:
        parts.append(Part(f"  {line.emotion}", "emotion"))
    if line.mark is not Mark.NONE:
        word = _MARK_WORDS[line.mark]
        parts.append(Part(f"  {word.text}", word.style))
    parts.append(Part("\n"))
    parts += _words(line)
    return parts


def _words(line: Line) -> list[Part]:
    """What was said, or a word in its place."""
    if line.text:
        cut = line.mark is Mark.INTERRUPTED and not line.text.endswith(("…", "—"))
        open_words = line.live and line.role is Role.YOU
        style = "dim" if line.past or open_words or line.mark is Mark.WAITING else "plain"
        parts = [Part(line.text, style)]
        if cut:
            parts.append(Part(" —", "warn"))
        if line.unheard:
            parts.append(Part(f" {line.unheard}", "dim"))
        if line.translated:
            parts.append(Part(f"\n→ {line.translated}", "emotion"))
        if line.aside:
            parts.append(Part(f"\n{line.aside}", "warn"))
        return parts
    if line.unheard:
        return [Part("— ", "warn"), Part(line.unheard, "dim")]
    if line.live:
        return [Part("…", "dim")]
    empty = {
        Mark.UNSURE: "Nothing was understood. Say it again, or type it.",
        Mark.INTERRUPTED: "Stopped before a word was heard.",
        Mark.FAILED: "There was no answer.",
    }
    return [Part(empty.get(line.mark, "(spoken)"), "dim")]


def _notice_parts(line: Line) -> list[Part]:
    symbol = _SYMBOLS[line.severity]
    loud = line.severity in (Severity.WARNING, Severity.ERROR)
    parts = [symbol, Part(line.text, "plain" if loud else "dim")]
    if line.aside:
        style = "command" if line.aside.startswith("neko ") else "dim"
        parts += [Part(" "), Part(line.aside, style)]
    return parts
