"""Parts of a session that are loaded only when one is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from neko_cli.core.commands import ScreenFrame
from neko_cli.core.errors import ConfigError
from neko_cli.core.ports import Eye, KeyStore, SpeechDetector, Toolbox
from neko_cli.core.voicing import has_own_voice

if TYPE_CHECKING:
    from neko_cli.core.ports_agents import AgentBus, ResultShelf
    from neko_cli.core.ports_voice import VoiceOver, VoiceTrouble
    from neko_cli.core.profile import Profile
    from neko_cli.core.voicing import MakeVoice
    from neko_cli.services.folders import Folders


def own_detector() -> SpeechDetector:
    """The best detector that is installed; without one, loudness decides."""
    from neko_cli.core.own_ear import LevelDetector
    from neko_cli.speech.vad.factory import make_detector

    try:
        return make_detector()
    except ConfigError:
        return LevelDetector()


def fit_picture(frame: ScreenFrame, types: tuple[str, ...], limit: int | None) -> ScreenFrame:
    """A picture such as a provider takes; raises InvalidRequest."""
    from neko_cli.vision.pictures import fit_picture as fit  # Pillow: only with a picture

    return fit(frame, types, limit)


def screen_eye() -> Eye:
    """What sees the screen; a picture library is loaded at the first look."""
    from neko_cli.vision.screen import ScreenEye

    return ScreenEye()


def toolbox(keys: KeyStore, folders: Folders) -> Toolbox:
    """What carries out the profile's tools; nothing is started before a profile names one."""
    from neko_cli.services.toolbox import SystemToolbox

    return SystemToolbox(keys, folders.config / "tools")


def voices(keys: KeyStore, folders: Folders) -> MakeVoice:
    """Makes the voice that a profile names; nothing is loaded for one that leaves speaking to the model."""

    def make(profile: Profile, trouble: Callable[[VoiceTrouble], None]) -> VoiceOver | None:
        if not has_own_voice(profile):
            return None
        from neko_cli.local.ports import Speech
        from neko_cli.local.voice_source import LocalSource
        from neko_cli.speech.tts.choose import VoiceNeeds, make_voice
        from neko_cli.speech.tts.settings import VoiceSettings

        def local(name: str, settings: VoiceSettings) -> LocalSource:
            speech = Speech(settings.voice, settings.language, settings.speed)
            log_path = folders.log / "engine.log"
            return LocalSource(name, speech, models_dir=folders.models, log_path=log_path)

        return make_voice(profile, VoiceNeeds(keys.find, local), trouble=trouble)

    return make


def agent_bus(folders: Folders) -> AgentBus:
    """How agents reach the session; nothing is opened yet."""
    from neko_cli.services.agent_bus import ZmqBus

    return ZmqBus(folders.run)


def result_shelf(folders: Folders) -> ResultShelf:
    """Where their results wait until they were told."""
    from neko_cli.services.agent_results import ResultFolder

    return ResultFolder(folders.state)
