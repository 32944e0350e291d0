"""Pictures on their way to the model: of the kind and size that it takes, and not more than it wants."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from neko_cli.core.capabilities import Capabilities
from neko_cli.core.commands import ScreenFrame, SendImage
from neko_cli.core.errors import InvalidRequest, NekoError
from neko_cli.core.events import NoticeKind
from neko_cli.core.host import SessionHost
from neko_cli.core.links import LinkRun

WAITING = 4
"""Pictures that wait for a link, a newer one replaces the oldest; and that may come at once."""

FitPicture = Callable[[ScreenFrame, tuple[str, ...], int | None], ScreenFrame]
"""The picture as one of these media types, in at most so many bytes; slow; raises InvalidRequest."""


class Pace:
    """Lets a few pictures through at once, and then one in so many seconds. Pure."""

    def __init__(self, every: float, now: float) -> None:
        """``every`` and ``now`` in seconds; 0 sets no limit."""
        self._every = every
        self._left = float(WAITING)
        self._at = now

    def admits(self, now: float) -> bool:
        """Whether one more may go now; it is counted."""
        if self._every <= 0.0:
            return True
        self._left = min(float(WAITING), self._left + (now - self._at) / self._every)
        self._at = now
        # Adding up parts of seconds must not make a picture one look late.
        if self._left < 1.0 - 1e-6:
            return False
        self._left -= 1.0
        return True


class Pictures:
    """Shows pictures over the live link; of those that come too fast only the newest is kept."""

    def __init__(self, host: SessionHost, fit: FitPicture | None) -> None:
        self._host = host
        self._fit = fit
        self._waiting: deque[ScreenFrame] = deque(maxlen=WAITING)
        self._newest: ScreenFrame | None = None
        self._pace: tuple[LinkRun | None, Pace] = (None, Pace(0.0, 0.0))

    async def show(self, frame: ScreenFrame) -> None:
        """A picture, without asking for a reply; it waits while there is no link.

        Raises InvalidRequest where the provider takes none, or not this one.
        """
        live = self._live()
        if live is None:
            self._waiting.append(frame)
            return
        fitted = await self._fitted(frame, live)
        if live is self._live():
            self._send(live, fitted)
        else:
            self._waiting.append(frame)  # the next link may take another kind

    def link_up(self) -> None:
        """There is a link: show what waits, where it can be seen."""
        live = self._live()
        if live is None or not (can := live.link.codec.capabilities).images:
            self._waiting.clear()
            return
        while self._waiting and can.takes_picture(self._waiting[0].data, self._waiting[0].media_type):
            self._send(live, self._waiting.popleft())
        if self._waiting:
            self._host.owner.spawn(self._show_waiting(), "pictures that waited")

    def look(self) -> None:
        """Called from time to time: the newest of the pictures that came too fast may go now."""
        live, newest = self._live(), self._newest
        if live is not None and newest is not None:
            self._newest = None
            self._send(live, newest)

    def clear(self) -> None:
        """The session is over: nothing of it waits."""
        self._waiting.clear()
        self._newest = None

    def _live(self) -> LinkRun | None:
        return self._host.links.live if self._host.keeper.is_up else None

    async def _show_waiting(self) -> None:
        waiting = list(self._waiting)
        self._waiting.clear()
        for frame in waiting:
            try:
                await self.show(frame)
            except NekoError as error:
                self._host.herald.notice(error.message, NoticeKind.SESSION)

    def _send(self, live: LinkRun, frame: ScreenFrame) -> None:
        run, pace = self._pace
        if run is not live:
            pace = Pace(live.link.codec.capabilities.image_every, self._host.now())
            self._pace = (live, pace)
        if pace.admits(self._host.now()):
            live.link.send(SendImage(frame.data, frame.media_type))
        else:
            self._newest = frame

    async def _fitted(self, frame: ScreenFrame, live: LinkRun) -> ScreenFrame:
        can, title = live.link.codec.capabilities, live.opening.title
        if not can.images:
            raise InvalidRequest(f"{title} takes no pictures.")
        if can.takes_picture(frame.data, frame.media_type):
            return frame
        if self._fit is None:
            raise InvalidRequest(f"{title} does not take this picture: {unfit(frame, can)}.")
        return await asyncio.to_thread(self._fit, frame, can.image_types, can.image_limit)


def unfit(frame: ScreenFrame, can: Capabilities) -> str:
    """Why a provider does not take a picture. Pure."""
    if frame.media_type not in can.image_types:
        return f"it takes {', '.join(can.image_types)}, and this is {frame.media_type}"
    if can.image_limit is not None and len(frame.data) > can.image_limit:
        return f"it takes {can.image_limit // 1024} KiB, and this has {len(frame.data) / 1024:.0f}"
    return "it is empty"
