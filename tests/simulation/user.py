"""What the simulated user does, one action after another, and how a run ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from neko_cli.core.companions.callbacks import AgentResult
from neko_cli.core.errors import AudioError, NekoError
from neko_cli.core.events import InputMode, LinkWord, Notice, Outcome, Status, TurnEnded, UserText
from tests.simulation.oracle_sound import owed
from tests.simulation.plan import Act, Action
from tests.simulation.world import World

PATIENCE = 90.0
"""Seconds that the user waits for an answer once nothing goes wrong any more: the session gives up a
turn after 60 s without a sign of life, and waits up to 15 s between attempts to connect."""

REST = 14.0
"""Seconds of quiet in which a dead connection is noticed, and all is settled that was said over it."""

RECOVERY = 150.0
"""Seconds within which everything that a fault has left behind is over."""


class Failed(AssertionError):
    """A promise that was not kept."""


class User:
    """Plays a scenario's actions."""

    def __init__(self, world: World, group: asyncio.TaskGroup) -> None:
        self._world = world
        self._group = group
        self._typed = 0
        self._spoke_from = 0
        """How many events had been seen when the user began to speak."""
        self._acts: dict[Act, Callable[[Action], Awaitable[None]]] = {
            act: getattr(self, f"_{act.value}") for act in Act
        }
        self.is_push_to_talk = world.profiles[0].turns.detection.value == "manual"

    async def play(self) -> None:
        """All actions in order."""
        await self._begin()
        for action in self._world.scenario.actions:
            self._world.trace("user", action.act, action.seconds or "", action.parts_ms)
            await self._acts[action.act](action)

    async def _begin(self) -> None:
        world = self._world
        await world.read(self._group)
        before = world.memory_now()
        await world.call("start_session", world.session.start_session(world.mode))
        world.archive(before)
        if world.mode is InputMode.AUDIO and not self.is_push_to_talk:
            await self._listen(None)

    async def finish(self) -> None:
        """Once nothing goes wrong any more, the conversation works; then it ends in order."""
        world = self._world
        world.mouth.hush()
        await self._recover()
        while not await self._quiet(RECOVERY, REST):
            await self._recover()
        await self._ask_in_text()
        if world.mode is InputMode.AUDIO:
            await self._ask_aloud()
        await self._quiet(PATIENCE)
        await self.end()

    async def end(self) -> None:
        """End the session; everything is released."""
        world = self._world
        await world.call("end_session", world.session.end_session())
        await world.read_to_end()
        await world.call("cleanup", world.session.cleanup())

    async def _recover(self) -> None:
        world = self._world
        quiet = (LinkWord.ONLINE, LinkWord.PARKED, LinkWord.OFFLINE, LinkWord.CLOSED)
        settled = await self._until(lambda: world.session.state.link in quiet, RECOVERY)
        if not settled:
            raise Failed(f"the link is still {world.session.state.link} {RECOVERY} s after the last fault")
        for _ in range(3):
            if world.session.state.link in (LinkWord.ONLINE, LinkWord.PARKED):
                return
            before = world.memory_now()
            error = await world.call("start_session", world.session.start_session(world.mode))
            world.archive(before)
            if isinstance(error, NekoError):
                if error.retry_after is None:
                    raise Failed(f"the session does not start again: {error}")
                await asyncio.sleep(error.retry_after + 1.0)
        if world.session.state.link is not LinkWord.ONLINE:
            raise Failed("the session does not start again once its energy is back")

    async def _ask_in_text(self) -> None:
        for _ in range(3):
            if await self._text_is_answered():
                return
            # What was said before a link was lost may come after the text, and then stops its answer.
            await self._quiet(PATIENCE)
        raise Failed("the final text is interrupted again and again")

    async def _text_is_answered(self) -> bool:
        world = self._world
        self._typed += 1
        self._discard("typed")
        words = f"t{self._typed} final"
        turn = await world.call("send_message", world.session.send_message(words))
        if isinstance(turn, NekoError):
            raise Failed(f"the final text is refused: {turn}")
        done = await self._until(lambda: bool(self._ended(turn)), PATIENCE)
        if not done:
            raise Failed(f"the final text, turn {turn}, is never answered")
        outcome = self._ended(turn)[0].outcome
        if outcome not in (Outcome.COMPLETE, Outcome.INTERRUPTED):
            raise Failed(f"the final text, turn {turn}, is {outcome}")
        return outcome is Outcome.COMPLETE

    async def _ask_aloud(self) -> None:
        for _ in range(3):
            lost = self._losses()
            if await self._words_are_answered():
                return
            if self._losses() == lost:
                break
            # Told as lost: a good user says it again.
        world = self._world
        raise Failed(f"the final words, up to sample {world.mouth.spoken - 1}, are never answered")

    def _losses(self) -> int:
        return sum("of your voice were lost" in e.text for e in self._world.events_of(Notice))

    async def _words_are_answered(self) -> bool:
        world = self._world
        await self._quiet(PATIENCE)
        self._spoke_from = len(world.seen)
        if world.mouth.room < world.scenario.rate:
            return True
        if self.is_push_to_talk:
            await self._hold_key(Action(act=Act.HOLD_KEY, parts_ms=(600,)))
        else:
            await self._listen(None)
            await asyncio.sleep(0.3)
            world.mouth.say(600)
            await world.mouth.silent()
        return await self._until(self._is_answered, PATIENCE)

    def _is_answered(self) -> bool:
        """Whether there was a whole answer since the user began to speak, and to the last sample."""
        world = self._world
        events = [seen.event for seen in world.seen[self._spoke_from :]]
        words = "".join(e.text for e in events if isinstance(e, UserText) and e.final and e.spoken)
        captions = all(style.capabilities.captions for style in world.scenario.styles)
        over = any(isinstance(e, TurnEnded) and e.outcome is Outcome.COMPLETE for e in events)
        last = world.mouth.spoken - 1
        told = f"-{last}" in words or not captions
        return over and (told or any(run[0] <= last <= run[1] for run in owed(world)))

    async def _quiet(self, seconds: float, rest: float = 1.5) -> bool:
        """Wait until nobody has talked for ``rest`` seconds; False when the link has failed."""
        world = self._world
        deadline = world.loop.time() + seconds
        since = world.loop.time()
        while world.loop.time() < since + rest:
            if world.session.state.status is Status.ERROR:
                return False
            if world.session.state.status not in (Status.IDLE, Status.LISTENING):
                since = world.loop.time()
            if since > deadline:
                raise Failed(f"the session is still {world.session.state.status} after {seconds} s")
            await asyncio.sleep(0.05)
        return True

    def _ended(self, turn: int) -> list[TurnEnded]:
        return [e for e in self._world.events_of(TurnEnded) if e.turn == turn]

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Look 20 times a second; False when it does not come true in time."""
        world = self._world
        deadline = world.loop.time() + seconds
        while not condition():
            if world.loop.time() >= deadline:
                return False
            await asyncio.sleep(0.05)
        return True

    # -- actions ----------------------------------------------------------------------------

    async def _speak(self, action: Action) -> None:
        await self._speak_on(action)
        await self._world.mouth.silent()

    async def _speak_on(self, action: Action) -> None:
        world = self._world
        if world.microphones and world.microphones[-1].is_open:
            await world.mouth.silent()
            if world.session.state.is_listening:
                self._spoke_from = len(world.seen)
                world.mouth.say(*action.parts_ms)
        else:
            await self._listen(action)

    async def _type(self, action: Action) -> None:
        world = self._world
        self._typed += 1
        if world.mouth.is_speaking or world.scenario.mode == "audio":
            # Typing throws away an utterance that is still open.
            self._discard("typed")
        await world.call("send_message", world.session.send_message(f"t{self._typed}"))

    async def _wait(self, action: Action) -> None:
        await asyncio.sleep(action.seconds)

    async def _await_quiet(self, action: Action) -> None:
        world = self._world
        await asyncio.sleep(0.3)
        await self._until(
            lambda: world.session.state.status in (Status.IDLE, Status.LISTENING), action.seconds
        )

    async def _await_answer(self, action: Action) -> None:
        if not await self._until(self._is_answered, action.seconds):
            last = self._world.mouth.spoken - 1
            late = f"the words up to sample {last} were not answered within {action.seconds:g} s"
            self._world.unanswered.append(late)

    async def _interrupt(self, action: Action) -> None:
        world = self._world
        self._discard("interrupted")
        world.interruptions.append(world.loop.time())
        await world.call("interrupt", world.session.interrupt())

    async def _listen(self, action: Action | None) -> None:
        world = self._world
        if not self.is_push_to_talk:
            await world.call("start_listening", world.session.start_listening())

    async def _unlisten(self, action: Action) -> None:
        world = self._world
        world.mouth.hush()
        await world.call("stop_listening", world.session.stop_listening())

    async def _hold_key(self, action: Action) -> None:
        await self._press(action.parts_ms, commit=True)

    async def _tap_key(self, action: Action) -> None:
        await self._press((40,), commit=True)
        self._world.forgive("too short")

    async def _discard_key(self, action: Action) -> None:
        await self._press(action.parts_ms, commit=False)
        self._world.forgive("discarded")

    async def _press(self, parts_ms: tuple[int, ...], *, commit: bool) -> None:
        world = self._world
        error = await world.call("start_listening", world.session.start_listening())
        if isinstance(error, NekoError):
            return
        self._spoke_from = len(world.seen)
        world.mouth.say(*parts_ms)
        await world.mouth.silent()
        await asyncio.sleep(0.12)
        await world.call("stop_listening", world.session.stop_listening(commit=commit))

    async def _pause(self, action: Action) -> None:
        world = self._world
        self._discard("paused")
        world.interruptions.append(world.loop.time())
        await world.call("pause", world.session.pause())

    async def _resume(self, action: Action) -> None:
        await self._world.call("resume", self._world.session.resume())

    async def _mute(self, action: Action) -> None:
        self._world.muted = self._world.was_muted = True
        await self._world.call("mute_voice", self._world.session.mute_voice(True))

    async def _unmute(self, action: Action) -> None:
        self._world.muted = False
        await self._world.call("mute_voice", self._world.session.mute_voice(False))

    async def _swap(self, action: Action) -> None:
        if self._world.is_new_core:
            await self._world.call("swap", self._world.session.swap())

    async def _switch(self, action: Action) -> None:
        world = self._world
        if world.is_new_core:
            world.profile_now = 1 - world.profile_now
            profile = world.profiles[world.profile_now]
            await world.call("switch_profile", world.session.switch_profile(profile))

    async def _sleep(self, action: Action) -> None:
        """Wall time runs on while the machine stands still, and its connections are gone."""
        world = self._world
        world.cloud.wall_offset += action.seconds
        for link in world.cloud.links:
            if link.is_alive:
                link.vanish()
        await asyncio.sleep(0.5)

    async def _stopped(self, action: Action) -> None:
        self._world.loop.jump(action.seconds)
        await asyncio.sleep(0.5)

    async def _route(self, action: Action) -> None:
        world = self._world
        world.route.change()
        for link in world.cloud.links:
            if link.is_alive:
                link.vanish()

    async def _restart(self, action: Action) -> None:
        world = self._world
        world.mouth.hush()
        world.forgive("ended")
        await world.call("end_session", world.session.end_session())
        await world.read_to_end()
        await self._begin()

    async def _agent(self, action: Action) -> None:
        world = self._world
        world.session.enqueue_agent_callback(AgentResult("completed", "RESULT of an agent"))
        await world.call("trigger_agent_callbacks", world.session.trigger_agent_callbacks())

    async def _microphone_dies(self, action: Action) -> None:
        world = self._world
        world.mouth.hush()
        world.forgive("microphone died")
        world.die(AudioError("The microphone was unplugged.", hint="Plug it in again.", permanent=False))
        await asyncio.sleep(0.2)

    async def _speaker_dies(self, action: Action) -> None:
        if self._world.speaker is not None:
            self._world.speaker.die(AudioError("The loudspeaker was unplugged.", permanent=False))
            self._world.was_muted = True  # nothing can be said any more of what is heard
        await asyncio.sleep(0.2)

    def _discard(self, why: str) -> None:
        """The user stops speaking, and what is not settled is not wanted any more."""
        self._world.mouth.hush()
        self._world.forgive(why)
