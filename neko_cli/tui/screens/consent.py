"""Asked once before sound, or pictures of the screen, go to a provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from neko_cli.tui.fit import Part
from neko_cli.tui.questions import QUIET
from neko_cli.tui.widgets.parts import to_content


class ConsentScreen(ModalScreen[bool]):
    """Enter or y agrees; Escape or n does not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("enter,y", "answer(True)", "Agree"),
        ("escape,n", "answer(False)", "Not now"),
    ]
    ABOUT = "Microphone"
    YES = "Enter"

    def __init__(self, provider: str) -> None:
        super().__init__()
        self._provider = provider or "the provider"

    def compose(self) -> ComposeResult:
        """A small box."""
        with Vertical(id="consent") as box:
            box.border_title = self.ABOUT
            answers = [Part(self.YES, "key"), Part(" agree    ", "dim"), Part("Esc", "key")]
            yield Static(to_content([*self._words(), Part("\n\n"), *answers, Part(" not now", "dim")]))

    def _words(self) -> list[Part]:
        return [
            Part("What your microphone hears will be sent to "),
            Part(self._provider, "bold"),
            Part(" while it is on. You are asked this once."),
        ]

    def action_answer(self, agreed: bool) -> None:
        """Close with the answer."""
        self.dismiss(agreed)


class ShowConsentScreen(ConsentScreen, inherit_bindings=False):
    """The same for the screen, which is asked for by a line: the Enter that ended it is no answer.

    Nor is a letter in the first moment, which was on its way to the input line.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("y", "answer(True)", "Agree"),
        ("escape,n", "answer(False)", "Not now"),
    ]
    ABOUT = "Your screen"
    YES = "y"

    def __init__(self, source: str, whom: str, now: Callable[[], float]) -> None:
        """``whom`` gets pictures of ``source``; ``now`` gives seconds."""
        super().__init__(whom)
        self._source = source
        self._now = now
        self._since = now()

    def _words(self) -> list[Part]:
        return [
            Part("Pictures of "),
            Part(self._source, "bold"),
            Part(" will be sent to "),
            Part(self._provider, "bold"),
            Part(": one now, and one when something has changed, as long as "),
            Part("◉ screen", "key"),
            Part(" is shown above. F5 pauses it. You are asked this once."),
        ]

    def action_answer(self, agreed: bool) -> None:
        """Close with the answer, unless it cannot have been meant."""
        if not agreed or self._now() - self._since >= QUIET:
            super().action_answer(agreed)
