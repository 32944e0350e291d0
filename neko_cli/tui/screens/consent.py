"""Asked once before the microphone's sound goes to a provider in the cloud."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from neko_cli.tui.fit import Part
from neko_cli.tui.widgets.parts import to_content


class ConsentScreen(ModalScreen[bool]):
    """Enter or y agrees; Escape or n does not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("enter,y", "answer(True)", "Agree"),
        ("escape,n", "answer(False)", "Not now"),
    ]

    def __init__(self, provider: str) -> None:
        super().__init__()
        self._provider = provider or "the provider"

    def compose(self) -> ComposeResult:
        """A small box."""
        with Vertical(id="consent") as box:
            box.border_title = "Microphone"
            yield Static(
                to_content(
                    [
                        Part("What your microphone hears will be sent to "),
                        Part(self._provider, "bold"),
                        Part(" while it is on. You are asked this once.\n\n"),
                        Part("Enter", "key"),
                        Part(" agree    ", "dim"),
                        Part("Esc", "key"),
                        Part(" not now", "dim"),
                    ]
                )
            )

    def action_answer(self, agreed: bool) -> None:
        """Close with the answer."""
        self.dismiss(agreed)
