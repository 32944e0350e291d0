"""What a session looks at from time to time: the meters, what was lost, and what is overdue."""

from __future__ import annotations

import asyncio

from neko_cli.core.errors import LinkError
from neko_cli.core.events import Levels
from neko_cli.core.host import SessionHost
from neko_cli.core.losses import Loss
from neko_cli.core.pcm import SILENCE_DBFS
from neko_cli.core.state import TurnInput, TurnState

ANSWER_TIMEOUT = 60.0
"""Seconds without any sign of a reply after which a turn is given up."""

NUDGE_AFTER = 8.0
"""Seconds after which a reply is asked for that the provider should have begun by itself."""

BLOCKED = 10.0
"""Seconds for which a reply that we did not ask for may keep others waiting without an end."""

METER_INTERVAL = 0.1
"""Seconds between meter readings, as long as the time that each looks at."""

REST_INTERVAL = 0.5
"""Seconds between looks at what is overdue, when no meter moves."""


class Watch:
    """Runs beside a session for as long as it lives."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host
        self._losses = (
            Loss("{seconds:.1f} s of your voice were lost while there was no connection."),
            Loss("{seconds:.1f} s of your voice were lost because the connection is too slow."),
            Loss("{seconds:.1f} s of the answer's sound were lost because the loudspeaker is too slow."),
        )

    async def run(self) -> None:
        """Look until cancelled: often while something is heard or played, else seldom."""
        host = self._host
        was_lively = False
        while True:
            lively = host.board.microphone_on or host.turns.state is not TurnState.IDLE
            if (lively or was_lively) and host.stream.wants_levels:
                # One reading of silence at the end, or a meter would stay where it was.
                microphone = host.listening.level if lively else SILENCE_DBFS
                speaker = host.playout.level if lively else SILENCE_DBFS
                host.publish(Levels(at=host.now(), microphone=microphone, speaker=speaker))
            was_lively = lively
            host.sound.look()
            self._tell_losses()
            host.slot.overdue()
            host.pictures.look()
            self._give_up_overdue()
            await asyncio.sleep(METER_INTERVAL if lively else REST_INTERVAL)

    def _tell_losses(self) -> None:
        host, live = self._host, self._host.links.live
        counts = (
            host.uplink.dropped_ms,
            live.link.dropped_ms if live is not None else 0.0,
            host.playout.lost_ms,
        )
        for loss, count in zip(self._losses, counts, strict=True):
            if text := loss.look(count):
                host.notice(text)

    def _give_up_overdue(self) -> None:
        turns = self._host.turns
        if self._host.slot.blocked_for > BLOCKED:
            self._host.keeper.presume_lost(LinkError("The provider's last reply never ends.", code="stuck"))
            return
        if self._host.links.live is None:
            return
        if self._host.tools.holds_turn:
            turns.progress()  # each call has a limit of its own
        waited = self._host.now() - turns.progress_at
        if turns.state is TurnState.THINKING and waited > NUDGE_AFTER:
            self._host.slot.nudge()  # does nothing while a reply is asked for or made
        if turns.state in (TurnState.THINKING, TurnState.SPEAKING) and waited > ANSWER_TIMEOUT:
            self._host.turn_failed(LinkError("No answer came.", code="no_answer"))
            turns.feed(TurnInput.NO_ANSWER)
