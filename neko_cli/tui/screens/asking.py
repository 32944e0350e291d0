"""The chat's part that asks whether a tool may be used, and takes the answer.

By key, click or list an answer is for the question that was seen; by command for the one that was in
front when the line was begun. Either way nothing that was on its way to something else counts.
"""

from __future__ import annotations

from textual import on
from textual.screen import Screen

from neko_cli.core.companions.tools import Permission
from neko_cli.tui.actions import ANSWERS
from neko_cli.tui.controller import Controller
from neko_cli.tui.widgets.prompt import Prompt
from neko_cli.tui.widgets.question import Question

PERMISSIONS = {
    "allow_once": Permission.ONCE,
    "allow_always": Permission.SESSION,
    "refuse": Permission.NO,
    "refuse_always": Permission.NEVER,
}


class AskingScreen(Screen[None]):
    """A screen with an input line and a question above it."""

    controller: Controller
    prompt: Prompt
    question: Question
    begun_about = ""
    """The question in front when the line in the input was begun; empty for none."""

    def check_answer(self, action: str) -> bool:
        """Whether a key means an answer; Escape is that of no, once the question has been seen."""
        assert action in ANSWERS
        if action == "refuse":
            return self.controller.settled
        return self.controller.questions.front is not None

    def note_typing(self, text: str) -> None:
        """Remember what was asked when a line is begun."""
        if not text:
            self._at_start = True
        elif self._at_start:
            front = self.controller.questions.front
            self._at_start = False
            self.begun_about = front.call_id if front is not None else ""

    _at_start = True

    def on_screen_suspend(self) -> None:
        """Something stands over the chat: what is asked meanwhile is not seen."""
        self.controller.look(covered=True)

    def on_screen_resume(self) -> None:
        """The chat can be seen again."""
        self.controller.look(covered=False)

    def take_typed(self, text: str) -> None:
        """What was typed while the question had the focus belongs to the input line."""
        self.set_focus(self.prompt)
        self.prompt.put(text)

    @on(Prompt.Left)
    def _to_question(self) -> None:
        self.action_open_question()

    @on(Question.Left)
    def _to_prompt(self) -> None:
        self.set_focus(self.prompt)

    @on(Question.Chosen)
    def _chosen(self, event: Question.Chosen) -> None:
        self.controller.press_answer(PERMISSIONS[event.action])

    def action_open_question(self) -> None:
        """Show everything about what is asked."""
        if self.controller.questions.front is not None:
            self.set_focus(self.question)

    def action_allow_once(self) -> None:
        """This call may run."""
        self._press(Permission.ONCE)

    def action_allow_always(self) -> None:
        """This tool may run from now on."""
        self._press(Permission.SESSION)

    def action_refuse(self) -> None:
        """This call may not run."""
        self._press(Permission.NO)

    def action_refuse_always(self) -> None:
        """This tool may not run any more."""
        self._press(Permission.NEVER)

    def _press(self, permission: Permission) -> None:
        if self.controller.questions.front is None:
            self.controller.tell("Nothing is asked now.")
        else:
            self.controller.press_answer(permission)
