"""The chat's part for what stands beside the conversation: the character's face, and the agent pane.

Where there is no room for both, the pane stands in the place of the conversation while it is open.
"""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.containers import Vertical

from neko_cli.core.errors import NekoError
from neko_cli.core.events import Severity
from neko_cli.tui.agent_desk import ENABLED, understand
from neko_cli.tui.faces import LEAST, is_shown
from neko_cli.tui.live import switched
from neko_cli.tui.screens.asking import AskingScreen
from neko_cli.tui.widgets.agent_pane import AgentPane
from neko_cli.tui.widgets.face_view import FaceView

PANE_BESIDE = 100
"""Columns from which the agent pane stands beside the conversation."""

PANE_BELOW = 30
"""Rows from which it stands below the face, and not in its place."""


class BesideScreen(AskingScreen):
    """A screen with a column beside its conversation."""

    pane: AgentPane
    face: FaceView
    beside: Vertical
    talk: Vertical
    face_wanted: bool | None = None
    """What the user said about the face; None as long as nothing."""

    def bring_beside_up_to_date(self) -> None:
        """Redraw what looks different."""
        self.pane.bring_up_to_date()
        self.face.bring_up_to_date()

    def place_beside(self) -> None:
        """Give each its place in the room that there is."""
        width, height = self.app.size
        covers = self.pane.display and width < PANE_BESIDE
        room = not self.pane.display or (not covers and height >= PANE_BELOW)
        self.face.display = room and is_shown(self.face_wanted, width, height)
        self.talk.display = not covers
        self.beside.display = self.pane.display or self.face.display
        self.beside.set_class(covers, "-covers")
        self.beside.set_class(self.pane.display and not covers, "-pane")
        self.bring_beside_up_to_date()

    def on_resize(self) -> None:
        """Another size has other room."""
        self.place_beside()

    def take_typed(self, text: str) -> None:
        """What was typed in the pane belongs to the input line, and what comes of it is to be seen."""
        super().take_typed(text)
        self.uncover()

    def uncover(self) -> None:
        """The conversation is seen again where the pane stood in its place."""
        if self.beside.has_class("-covers"):
            self._close_pane()

    def tell_mistake(self, what: Callable[[], None]) -> None:
        """Do something, or tell the sentence with which it fails."""
        try:
            what()
        except NekoError as error:
            self.controller.tell(error.message, error.hint, Severity.WARNING)

    # -- the face ---------------------------------------------------------------------------

    def action_face(self, typed: str = "") -> None:
        """Show the face, or not."""
        self.tell_mistake(lambda: self._want_face(typed))

    def _want_face(self, typed: str) -> None:
        self.face_wanted = switched(typed, self.face.display)
        self.place_beside()
        if self.face_wanted and not self.face.display:
            columns, rows = LEAST
            self.controller.tell(
                f"The face is shown when the terminal has {columns} columns and {rows} rows."
            )

    # -- agents -----------------------------------------------------------------------------

    def action_agents(self, typed: str = "") -> None:
        """Open the pane, go to it, or close it; or what stands behind the command."""
        self.tell_mistake(lambda: self._about_agents(typed))

    def _about_agents(self, typed: str) -> None:
        desk, order = self.controller.agents, understand(typed)
        match order.what:
            case "allow":
                desk.allow(order.flag, order.on)
            case "tell":
                desk.tell_now(order.number)
            case "dismiss":
                desk.dismiss(order.number)
            case _ if self.pane.display and self.pane.has_focus:
                self._close_pane()
            case _:
                self.pane.display = True
                self.place_beside()
                self.set_focus(self.pane)
        self.controller.pane_changed()

    def action_agents_allowed(self) -> None:
        """Let agents act, or not."""
        self.tell_mistake(lambda: self.controller.agents.allow(ENABLED))
        self.bring_beside_up_to_date()

    def action_open_agent(self, number: int) -> None:
        """Show all of an item that was clicked."""
        self.pane.open_item(number)

    def action_agent_choice(self, name: str) -> None:
        """Do what was clicked about the item that is opened."""
        self.pane.do(name)

    @on(AgentPane.Chosen)
    def _chosen_in_pane(self, event: AgentPane.Chosen) -> None:
        if event.what == "tell":
            self.controller.agents.tell_now(event.number)
            self.uncover()  # what comes of it is to be seen
        else:
            self.controller.agents.dismiss(event.number)
        self.controller.pane_changed()

    @on(AgentPane.Left)
    def _left_pane(self, event: AgentPane.Left) -> None:
        if event.stays and not self.beside.has_class("-covers"):
            self.set_focus(self.prompt)
        else:
            self._close_pane()

    def _close_pane(self) -> None:
        self.pane.close_item()
        self.set_focus(self.prompt)
        self.pane.display = False
        self.place_beside()
