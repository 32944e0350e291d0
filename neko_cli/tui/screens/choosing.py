"""The chat's part that lets the user choose a microphone or a loudspeaker."""

from __future__ import annotations

from asyncio import Future, get_running_loop
from collections.abc import Awaitable, Callable, Sequence

from neko_cli.core.device_standing import DeviceKind
from neko_cli.tui.devices import Choice
from neko_cli.tui.screens.asking import AskingScreen


class ChoosingScreen(AskingScreen):
    """A screen over which a list can stand."""

    _do: Callable[[Callable[[], Awaitable[None]]], None]

    async def pick(self, title: str, rows: Sequence[Choice]) -> str | None:
        """Let the user choose one; None for nothing."""
        # Imported when it is needed: the first frame does not wait for it.
        from neko_cli.tui.screens.picker import PickerScreen

        answer: Future[str | None] = get_running_loop().create_future()
        self.app.push_screen(PickerScreen(title, rows), answer.set_result)
        return await answer

    def action_microphone(self, typed: str = "") -> None:
        """Another microphone."""
        self._do(lambda: self.controller.devices.choose(DeviceKind.MICROPHONE, typed))

    def action_speaker(self, typed: str = "") -> None:
        """Another loudspeaker."""
        self._do(lambda: self.controller.devices.choose(DeviceKind.SPEAKER, typed))
