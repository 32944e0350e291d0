"""The way to agents: the last messages after a turn, and what agents may do."""

from __future__ import annotations

from neko_cli.core.companions.agent_events import AgentFlags, AnalyzeRequest, Trigger, analyze_request
from neko_cli.core.errors import ConfigError
from neko_cli.core.host import SessionHost
from neko_cli.core.memory import USER
from neko_cli.core.ports_agents import AgentBus
from neko_cli.core.profile import Profile
from neko_cli.core.tasks import TaskOwner
from neko_cli.core.text import one_line

ENABLED = "agent_enabled"
"""The flag without which no agent is shown anything."""

ON_THEIR_WAY = 4
"""Requests that may wait for their acknowledgement; a turn that ends meanwhile asks for nothing."""

LOOKED_AT = 20
"""Messages among which the last ones are looked for."""


class AgentRequests:
    """Asks agents that listen, where the flags allow it; all but ``last`` returns at once."""

    def __init__(self, host: SessionHost, bus: AgentBus | None, owner: TaskOwner) -> None:
        self._host = host
        self._bus = bus
        self._owner = owner
        self._count = 0
        self._shown = 0  # turn of the last user message that was shown
        self.flags = dict(host.profile.agents.flags)

    def turn_ended(self) -> None:
        """A turn is over: agents see what was said, when the user has said something new."""
        newest = max((one.turn for one in self._host.memory.recent(LOOKED_AT) if one.role == USER), default=0)
        if newest <= self._shown or self._count >= ON_THEIR_WAY or not self._owner.is_open:
            return
        event = self._made(Trigger.TURN_END)
        if event is not None:
            self._shown = newest
            self._count += 1
            self._owner.spawn(self._send(event), "analyze request")

    async def last(self) -> None:
        """The session ends; takes a second at most."""
        event = self._made(Trigger.SESSION_END)
        if event is not None and self._bus is not None:
            await self._bus.request(event)

    def profile_changed(self, old: Profile) -> None:
        """Flags of the profile count when they were changed there; else those set live stay."""
        wanted = self._host.profile.agents.flags
        if wanted != old.agents.flags:
            self.flags = dict(wanted)
            self.tell_flags()

    def set_flag(self, name: str, on: bool) -> None:
        """Let agents do something, or not, from now on; raises ConfigError for an unknown name."""
        if name not in self.flags:
            raise ConfigError(f"There is no agent flag {one_line(name, 40)}: {', '.join(self.flags)}.")
        self.flags[name] = on
        self.tell_flags()

    def tell_flags(self) -> None:
        """Agents that listen are told what they may do."""
        if self._bus is not None:
            name = self._host.profile.character.name
            self._bus.publish(AgentFlags(lanlan_name=name, flags=dict(self.flags)))

    def _made(self, trigger: Trigger) -> AnalyzeRequest | None:
        if self._bus is None or not self.flags[ENABLED]:
            return None
        told = [(one.role, one.text) for one in self._host.memory.recent(LOOKED_AT)]
        return analyze_request(self._host.profile.character.name, told, trigger) if told else None

    async def _send(self, event: AnalyzeRequest) -> None:
        try:
            if self._bus is not None:
                await self._bus.request(event)
        finally:
            self._count -= 1
