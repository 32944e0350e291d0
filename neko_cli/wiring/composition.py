"""Binds profile, provider, keys, sound and engine into sessions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neko_cli.core.clock import RealClock
from neko_cli.core.codecs import Provider, find_provider, make_codec, missing_key
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.ports import KeyStore, Microphone, Sound, Speaker, Transport
from neko_cli.core.profile import Profile
from neko_cli.wiring.engine import EngineHost
from neko_cli.wiring.options import Options, apply

if TYPE_CHECKING:
    from neko_cli.core.manager import SessionManager
    from neko_cli.core.transport.recording import RecordingTransport
    from neko_cli.local.server import EngineServer
    from neko_cli.services.folders import Folders


def compose(options: Options, *, folders: Folders | None = None) -> Composition:
    """Find the profile and the provider, and check what can be checked without connecting.

    Raises:
        ConfigError: a missing or broken profile, an unknown provider, a bad address.
        CredentialsError: the provider needs a key and there is none.
    """
    from neko_cli.services.folders import Folders as Found
    from neko_cli.services.profile_files import ProfileFiles
    from neko_cli.services.secrets import Keys

    found = folders or Found.find()
    profile = apply(options, ProfileFiles(found.profiles).load(options.profile or "default"))
    return Composition(options, profile, found, Keys(found.config))


class Composition:
    """What one run of the program shares: devices, the engine, the recording."""

    def __init__(self, options: Options, profile: Profile, folders: Folders, keys: KeyStore) -> None:
        self.profile = profile
        self.folders = folders
        self.provider: Provider = find_provider(profile.provider.name)
        self._options = options
        self._key = self._find_key(keys)
        self._engine: EngineHost | None = None
        self._recording: RecordingTransport | None = None
        self._sound: Sound | None = None

    @property
    def provider_title(self) -> str:
        """The provider's name in sentences."""
        return self.provider.title

    @property
    def runs_engine(self) -> bool:
        """Whether the embedded engine answers, inside this process."""
        return self.provider.runs_here and not self.profile.provider.url

    @property
    def sound(self) -> Sound:
        """The sound system; nothing is loaded before a device is used."""
        if self._sound is None:
            from neko_cli.audio.sound import DeviceSound

            self._sound = DeviceSound()
        return self._sound

    def session(self) -> SessionManager:
        """A session that is not started yet."""
        from neko_cli.core.manager import SessionManager
        from neko_cli.core.session_core import SessionPorts

        options = self._options
        return SessionManager(
            self.profile,
            SessionPorts(
                clock=RealClock(),
                transport=self._transport(),
                dial=self.dial,
                provider_title=self.provider.title,
                microphone=self._microphone if options.use_microphone else None,
                speaker=self._speaker() if options.use_speaker else None,
                want_audio=options.want_audio,
                greet=options.greet,
            ),
        )

    async def dial(self, spec: SessionSpec) -> Codec:
        """A codec for one link; starts the embedded engine when it is to answer."""
        wanted = self.profile.provider
        url, key = wanted.url, self._key
        if self.runs_engine:
            server = await self.engine().start()
            url, key = server.url, self.engine().token
        return make_codec(wanted.name, spec, url=url, key=key, model=wanted.model, insecure=wanted.insecure)

    def engine(self) -> EngineHost:
        """The embedded engine of this run; not started yet."""
        if self._engine is None:
            self._engine = EngineHost(self.profile, self.folders.models, self._engine_log())
        return self._engine

    async def serve(self, *, host: str, port: int, token: str) -> EngineServer:
        """Start the embedded engine as a server of its own; raises ConfigError, LinkError."""
        return await self.engine().start(host=host, port=port, token=token)

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
        """Close the recording and the engine; idempotent. Sessions are closed by their users."""
        recording, self._recording = self._recording, None
        try:
            if recording is not None:
                await recording.aclose()
        finally:
            if self._engine is not None:
                await self._engine.aclose()

    def _find_key(self, keys: KeyStore) -> str:
        if self.runs_engine or not self.provider.key_names:
            return ""
        key = keys.find(self.provider.key_names)
        needed = self.provider.capabilities.key_required and not self.profile.provider.url
        if not key and needed:
            raise missing_key(self.provider)
        return key

    def _transport(self) -> Transport:
        from neko_cli.core.transport.websocket import WebSocketTransport

        transport = WebSocketTransport()
        if self._options.record is None:
            return transport
        if self._recording is None:
            from neko_cli.core.transport.recording import RecordingTransport

            self._recording = RecordingTransport(
                transport,
                self._options.record,
                clock=RealClock(),
                provider=self.provider.name,
                model=self.profile.provider.model or self.provider.model,
            )
        return self._recording

    def _microphone(self) -> Microphone:
        return self.sound.microphone(self.profile.sound.microphone)

    def _speaker(self) -> Speaker:
        return self.sound.speaker(self.profile.sound.speaker)

    def _engine_log(self) -> Path | None:
        return self.folders.log / "engine.log"
