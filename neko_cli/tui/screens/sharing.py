"""The chat's part that shows the screen to the character, and asks whether it may."""

from __future__ import annotations

from asyncio import Future, get_running_loop
from collections.abc import Callable

from neko_cli.tui.screens.asking import AskingScreen


class SharingScreen(AskingScreen):
    """A screen from which another one, the user's, can be shown."""

    _now: Callable[[], float]

    async def ask_to_show(self, source: str, whom: str) -> bool:
        """Ask once whether pictures of this source may go there."""
        # Imported when it is needed: the first frame does not wait for it.
        from neko_cli.tui.screens.consent import ShowConsentScreen

        answer: Future[bool] = get_running_loop().create_future()

        def closed(agreed: bool | None) -> None:
            answer.set_result(bool(agreed))

        self.app.push_screen(ShowConsentScreen(source, whom, self._now), closed)
        return await answer

    def action_screen(self, words: str = "") -> None:
        """Show the user's screen to the character."""
        self.run_worker(self.controller.share(words), group="action")

    def action_screen_pause(self) -> None:
        """Look away, or look again."""
        self.controller.look_away()

    def action_screen_off(self) -> None:
        """Show it no longer."""
        self.action_screen("off")
