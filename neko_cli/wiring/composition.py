"""Binds profile, provider, keys, sound and engine into sessions."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from neko_cli.core.clock import RealClock
from neko_cli.core.codecs import Provider, find_provider, make_codec
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.errors import NekoError
from neko_cli.core.ports import Journal, KeyStore, Past, Sound, Transport
from neko_cli.core.profile import Profile, Summaries
from neko_cli.wiring import parts
from neko_cli.wiring.companions import ProfileDescribers, ProfileFeelings, ProfileTranslators
from neko_cli.wiring.engine import SESSION_LIMIT, EngineHost
from neko_cli.wiring.options import Options
from neko_cli.wiring.past import find_past, new_session_id
from neko_cli.wiring.profiles import Profiles
from neko_cli.wiring.provider_keys import find_key, runs_here
from neko_cli.wiring.sound import RunSound
from neko_cli.wiring.summaries import ProfileSummariser

if TYPE_CHECKING:
    import ssl

    from neko_cli.core.manager import SessionManager
    from neko_cli.core.transport.websocket import WebSocketTransport
    from neko_cli.local.server import EngineServer
    from neko_cli.services.folders import Folders
    from neko_cli.services.store import Store
    from neko_cli.wiring.recording import Recording


def compose(options: Options, *, folders: Folders | None = None) -> Composition:
    """Find the profile, the provider and the past, and check what can be checked without connecting.

    Raises:
        ConfigError: a missing or broken profile, an unknown provider, a bad address, no such past.
        CredentialsError: the provider needs a key and there is none.
        StoreError: the past cannot be read.
    """
    from neko_cli.services.folders import Folders as Found
    from neko_cli.services.secrets import Keys

    found = folders or Found.find()
    profiles = Profiles(found.profiles, options, found.state)
    past = None
    if options.resume or options.session:
        from neko_cli.services.store_file import FILE
        from neko_cli.services.store_reading import History

        past = find_past(options, History(found.data / FILE), profiles.name if options.profile else "")
        if past is not None and past.session.profile and not options.profile:
            profiles.name = past.session.profile
    return Composition(options, profiles, found, Keys(found.config), past)


class Composition:
    """What one run of the program shares: devices, the engine, the history, the recording."""

    def __init__(
        self, options: Options, profiles: Profiles, folders: Folders, keys: KeyStore, past: Past | None = None
    ) -> None:
        """Load the profile and look for its key; see ``compose`` for what is raised."""
        self.profile = profiles.start()
        self.folders = folders
        self.provider: Provider = find_provider(self.profile.provider.name, self.profile.provider.region)
        self.past = past
        self._profiles = profiles
        self._options = options
        self._keys = keys
        self._current = self.profile
        if not runs_here(self.profile):
            find_key(self.profile, keys)
        self._engine: EngineHost | None = None
        self._recording: Recording | None = None
        self._sockets: WebSocketTransport | None = None
        self._sound = RunSound(self.profile, options)
        self._store: Store | None = None
        self._summaries: list[ProfileSummariser] = []
        self._translators = ProfileTranslators(keys)
        self._feelings = ProfileFeelings(keys)
        self._describers = ProfileDescribers(keys)

    @property
    def provider_title(self) -> str:
        """The provider's name in sentences."""
        return self.provider.title

    @property
    def runs_engine(self) -> bool:
        """Whether the embedded engine answers, inside this process."""
        return runs_here(self.profile)

    @property
    def sound(self) -> Sound:
        """The sound system; nothing is loaded before a device is used."""
        return self._sound.system

    def session(self) -> SessionManager:
        """A session that is not started yet; the first one goes on with the past that was asked for."""
        from neko_cli.core.manager import SessionManager
        from neko_cli.core.session_ports import SessionPorts
        from neko_cli.core.tape import NoTape
        from neko_cli.services.route import SystemRoute

        options, clock = self._options, RealClock()
        past, self.past = self.past, None
        sockets = self._websockets()
        transport = self._transport(sockets)
        recording = self._record(transport)
        return SessionManager(
            self.profile,
            SessionPorts(
                clock=clock,
                transport=recording.transport if recording else transport,
                dial=self.dial,
                provider_title=self.provider.title,
                microphone=self._sound.microphone if options.use_microphone else None,
                speaker=self._sound.speaker() if options.use_speaker else None,
                sound=self.sound if options.use_microphone or options.use_speaker else None,
                remember_device=self._profiles.remember_device,
                echo=self._sound.echo(),
                voice=parts.voices(self._keys, self.folders),
                want_audio=options.want_audio,
                greet=options.greet,
                journal=self._journal(),
                summariser=self._summariser(),
                session_id=past.session.id if past is not None else new_session_id(clock.time()),
                profile_name=self._profiles.name,
                past=past,
                route=SystemRoute(sockets.peer_of),
                keep_standby=options.keep_standby,
                asks=options.asks,
                translators=self._translators.services,
                feeling=self._feelings,
                agent_bus=parts.agent_bus(self.folders) if options.agents else None,
                result_shelf=parts.result_shelf(self.folders) if options.agents else None,
                detector=parts.own_detector,
                fit_picture=parts.fit_picture,
                eye=parts.screen_eye,
                describer=self._describers.find,
                toolbox=parts.toolbox(self._keys, self.folders),
                tape=recording or NoTape(),
            ),
        )

    async def dial(self, profile: Profile, spec: SessionSpec) -> Codec:
        """A codec for one link of a profile; starts the embedded engine when it is to answer.

        Raises ConfigError for an unknown provider or a bad address, CredentialsError for a missing key.
        """
        wanted = profile.provider
        url, key = wanted.url, ""
        if runs_here(profile):
            engine = self.engine(profile)
            url, key = (await engine.start()).url, engine.token
        else:
            # A keyring may ask its daemon, which takes its time.
            key = await asyncio.to_thread(find_key, profile, self._keys)
        codec = make_codec(
            wanted.name, spec, region=wanted.region, url=url, key=key, insecure=wanted.insecure
        )
        self._current = profile
        return codec

    async def switch(self, name: str) -> Profile:
        """Another profile by name or path, with the same options laid over it; it is watched from now on.

        Raises ConfigError, CredentialsError; then nothing has changed.
        """
        return await self._profiles.switch(name, self._check)

    async def watch_profile(
        self, on_change: Callable[[Profile], Awaitable[None]], on_error: Callable[[NekoError], None]
    ) -> None:
        """Tell each edit of the profile in use, and of what it extends; runs until it is cancelled."""
        await self._profiles.watch(on_change, on_error, self._check)

    def engine(self, profile: Profile | None = None) -> EngineHost:
        """The embedded engine of this run, with the ears and voice of the first profile that needs it."""
        if self._engine is None:
            self._engine = EngineHost(profile or self.profile, self.folders.models, self._engine_log())
        return self._engine

    async def serve(
        self,
        *,
        host: str,
        port: int,
        token: str,
        session_limit: float = SESSION_LIMIT,
        tls: ssl.SSLContext | None = None,
    ) -> EngineServer:
        """Start the embedded engine as a server of its own; raises ConfigError, LinkError.

        ``session_limit`` is how long a session may last, in seconds.
        """
        return await self.engine().start(
            host=host, port=port, token=token, session_limit=session_limit, tls=tls
        )

    async def warm_up(self) -> None:
        """Start what the first turn will need, ahead of it; nothing for other providers."""
        if self.runs_engine:
            await self.engine().start()
            parts = self.engine().parts
            if parts is not None:
                await parts.warm_up(hearing=self._options.use_microphone, speaking=self._options.want_audio)

    def missing(self) -> str:
        """What the embedded engine lacks for ears and a voice, as a sentence; empty when nothing."""
        if not self.runs_engine:
            return ""
        from neko_cli.local.parts import missing_extras

        return missing_extras()

    async def aclose(self) -> None:
        """Close summaries, recording, engine and, last, the history; idempotent.

        Sessions are closed by their users, before.
        """
        summaries, self._summaries = self._summaries, []
        recording, self._recording = self._recording, None
        store, self._store = self._store, None
        async with contextlib.AsyncExitStack() as stack:  # closes in reverse, each whatever the others do
            if store is not None:
                stack.push_async_callback(store.aclose)
            if self._engine is not None:
                stack.push_async_callback(self._engine.aclose)
            if recording is not None:
                stack.push_async_callback(recording.aclose)
            stack.push_async_callback(self._translators.aclose)
            stack.push_async_callback(self._feelings.aclose)
            stack.push_async_callback(self._describers.aclose)
            for summariser in summaries:
                stack.push_async_callback(summariser.aclose)

    def _check(self, profile: Profile) -> None:
        """Refuse a profile that could not be talked to; blocks, and raises NekoError."""
        if not runs_here(profile):
            find_key(profile, self._keys)

    def _journal(self) -> Journal | None:
        """Where conversations are kept, when the profile wants that; nothing is opened yet."""
        if not self.profile.memory.save:
            return None
        if self._store is None:
            from neko_cli.services.store import Store
            from neko_cli.services.store_file import FILE

            self._store = Store(self.folders.data / FILE)
        return self._store

    def _summariser(self) -> ProfileSummariser | None:
        if self.profile.memory.summary is Summaries.OFF:
            return None
        summariser = ProfileSummariser(lambda: self._current, self._keys)
        self._summaries.append(summariser)
        return summariser

    def _websockets(self) -> WebSocketTransport:
        if self._sockets is None:
            from neko_cli.core.transport.websocket import WebSocketTransport

            self._sockets = WebSocketTransport()
        return self._sockets

    def _transport(self, sockets: WebSocketTransport) -> Transport:
        from neko_cli.core.transport.by_scheme import SchemeTransport
        from neko_cli.core.transport.chat_http import ChatTransport

        return SchemeTransport(sockets, ChatTransport())

    def _record(self, transport: Transport) -> Recording | None:
        """The run's recording, where one is wanted; raises ConfigError when it cannot be begun."""
        if self._options.record is not None and self._recording is None:
            from neko_cli.wiring.recording import Recording

            self._recording = Recording(
                self._options.record,
                transport,
                provider=self.provider.name,
                model=self.profile.provider.model or self.provider.model,
                character=self.profile.character.name,
            )
            if self._recording.sound is not None:
                self._sound.tap(self._recording.sound.loudspeaker)
        return self._recording

    def _engine_log(self) -> Path | None:
        return self.folders.log / "engine.log"
