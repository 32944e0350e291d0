"""Parts of a session that are loaded only when one is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neko_cli.core.commands import ScreenFrame
from neko_cli.core.errors import ConfigError
from neko_cli.core.ports import KeyStore, SpeechDetector, Toolbox

if TYPE_CHECKING:
    from neko_cli.core.ports_agents import AgentBus, ResultShelf
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


def toolbox(keys: KeyStore, folders: Folders) -> Toolbox:
    """What carries out the profile's tools; nothing is started before a profile names one."""
    from neko_cli.services.toolbox import SystemToolbox

    return SystemToolbox(keys, folders.config / "tools")


def agent_bus(folders: Folders) -> AgentBus:
    """How agents reach the session; nothing is opened yet."""
    from neko_cli.services.agent_bus import ZmqBus

    return ZmqBus(folders.run)


def result_shelf(folders: Folders) -> ResultShelf:
    """Where their results wait until they were told."""
    from neko_cli.services.agent_results import ResultFolder

    return ResultFolder(folders.state)
