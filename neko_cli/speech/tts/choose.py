"""Who speaks for a profile: from its table ``[speak]`` to a worker, or to the whole pipeline.

Engines are imported when one of them is made, in its own thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from neko_cli.core.addresses import split_address
from neko_cli.core.errors import ConfigError, CredentialsError
from neko_cli.core.ports_voice import VoiceTrouble
from neko_cli.core.profile import Profile
from neko_cli.speech.tts.by_pieces import ByPieces, PieceSource
from neko_cli.speech.tts.by_socket import SocketEngine, Wire
from neko_cli.speech.tts.factory import KIND, is_floor
from neko_cli.speech.tts.pipeline import VoiceWorker
from neko_cli.speech.tts.script import VoiceEngine
from neko_cli.speech.tts.settings import VoiceSettings
from neko_cli.speech.tts.worker import TtsWorker

FindKey = Callable[[Sequence[str]], str]
"""The first key under one of these names, empty when there is none; may block, raises NekoError."""

MakeLocal = Callable[[str, VoiceSettings], PieceSource]
"""Makes a voice of this machine, ``espeak`` or ``piper:NAME``, which runs in a process of its own."""


class VoiceNeeds(msgspec.Struct, frozen=True):
    """What a voice takes from above."""

    find_key: FindKey
    local: MakeLocal | None = None
    """None where no voice of this machine can be had."""


class Remote(msgspec.Struct, frozen=True):
    """A service that speaks."""

    title: str
    key_names: tuple[str, ...]
    """Its usual ones; empty for a service that takes no key."""
    homes: tuple[str, ...]
    """Its own hosts and domains: the usual key is sent nowhere else."""
    make: Callable[[VoiceSettings], VoiceEngine]


def speaks_itself(profile: Profile) -> bool:
    """Whether the profile leaves speaking to the model's own voice."""
    return not profile.speak.worker


def settings_of(profile: Profile) -> VoiceSettings:
    """How the profile's voice speaks, without its key."""
    speak = profile.speak
    local = is_local(speak.worker)
    return VoiceSettings(
        url=speak.url,
        model=speak.model,
        # Another provider's voice would mean nothing to a service; espeak takes its language's own then.
        voice=speak.voice or (profile.voice.name if local else ""),
        language=profile.character.language,
        speed=speak.speed or profile.voice.speed,
        insecure=speak.insecure,
        silence_s=speak.silence_seconds,
    )


def is_local(worker: str) -> bool:
    """Whether a worker is a voice of this machine."""
    return bool(worker) and (is_floor(worker) or worker.startswith(f"{KIND}:"))


def get_tts_worker(
    profile: Profile, needs: VoiceNeeds, *, notify: Callable[[], None] = lambda: None
) -> TtsWorker:
    """A worker thread for a profile, not started yet; raises ConfigError when it names no worker.

    ``notify`` is called, from any thread, when the worker has something to be taken. What is wrong with
    the key, the address or the installation is told by the worker itself, as Failed.
    """
    speak = profile.speak
    if speaks_itself(profile):
        raise ConfigError("The profile names no voice worker.", hint="Set worker in its table [speak].")
    settings = settings_of(profile)

    def make() -> VoiceEngine:
        if is_local(speak.worker):
            return _local(speak.worker, settings, needs)
        return _remote(speak.worker, settings, speak.key, needs.find_key)

    return TtsWorker(make, name=speak.worker, ready_within=speak.ready_seconds, notify=notify)


def make_voice(
    profile: Profile, needs: VoiceNeeds, *, trouble: Callable[[VoiceTrouble], None]
) -> VoiceWorker | None:
    """The voice for a profile, not started yet; None where the model speaks itself."""
    if speaks_itself(profile):
        return None
    return VoiceWorker(
        lambda wake: get_tts_worker(profile, needs, notify=wake),
        trouble=trouble,
        ready_within=profile.speak.ready_seconds,
    )


def _local(name: str, settings: VoiceSettings, needs: VoiceNeeds) -> VoiceEngine:
    if needs.local is None:
        raise ConfigError(f"The voice {name!r} is not to be had here.")
    return ByPieces(needs.local(name, settings), together=0)


def _remote(name: str, settings: VoiceSettings, key_name: str, find_key: FindKey) -> VoiceEngine:
    remote = _REMOTES[name]()
    at_home = not settings.url or is_at(settings.url, remote.homes)
    names = (key_name,) if key_name else remote.key_names if at_home else ()
    key = find_key(names) if names else ""
    if names and not key:
        raise CredentialsError(
            f"There is no key for {remote.title}.", hint=f"Set {names[0]}, or: neko keys set {names[0]}"
        )
    return remote.make(msgspec.structs.replace(settings, key=key))


def is_at(url: str, homes: Sequence[str]) -> bool:
    """Whether an address is one of these hosts, or below one of these domains; raises ConfigError."""
    host = (split_address(url).hostname or "").lower()
    return any(host == home or host.endswith(f".{home}") for home in homes)


def _openai() -> Remote:
    from neko_cli.speech.tts import openai_speech as engine

    def make(settings: VoiceSettings) -> VoiceEngine:
        return ByPieces(engine.OpenAiSpeech(settings))

    return Remote("OpenAI's speech endpoint", engine.KEY_NAMES, ("openai.com",), make)


def _gemini() -> Remote:
    from neko_cli.speech.tts import gemini_tts as engine

    def make(settings: VoiceSettings) -> VoiceEngine:
        return ByPieces(engine.GeminiSpeech(settings))

    return Remote("Gemini", engine.KEY_NAMES, ("googleapis.com",), make)


def _qwen() -> Remote:
    from neko_cli.speech.tts import qwen_realtime as engine

    return Remote("Qwen", engine.KEY_NAMES, _DASHSCOPE, _by_socket(engine.qwen_wire))


def _cosyvoice() -> Remote:
    from neko_cli.speech.tts import cosyvoice as engine

    return Remote("CosyVoice", engine.KEY_NAMES, _DASHSCOPE, _by_socket(engine.cosyvoice_wire))


def _stepfun() -> Remote:
    from neko_cli.speech.tts import stepfun_realtime as engine

    homes = ("api.stepfun.com", "api.stepfun.ai")
    return Remote("StepFun", engine.KEY_NAMES, homes, _by_socket(engine.stepfun_wire))


def _gptsovits() -> Remote:
    from neko_cli.speech.tts import gptsovits as engine

    return Remote("GPT-SoVITS", (), (), _by_socket(engine.gptsovits_wire))


def _elevenlabs() -> Remote:
    from neko_cli.speech.tts import elevenlabs as engine

    return Remote("ElevenLabs", engine.KEY_NAMES, ("elevenlabs.io",), _by_socket(engine.elevenlabs_wire))


def _by_socket(wire: Callable[[VoiceSettings], Wire]) -> Callable[[VoiceSettings], VoiceEngine]:
    return lambda settings: SocketEngine(wire(settings))


_DASHSCOPE = ("dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com", "maas.aliyuncs.com")

_REMOTES: dict[str, Callable[[], Remote]] = {
    "openai": _openai,
    "gemini": _gemini,
    "qwen": _qwen,
    "cosyvoice": _cosyvoice,
    "stepfun": _stepfun,
    "gptsovits": _gptsovits,
    "elevenlabs": _elevenlabs,
}
