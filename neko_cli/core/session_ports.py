"""What a session is given from outside."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from neko_cli.core.devices import Remember
from neko_cli.core.links import Dial
from neko_cli.core.listening import MakeMicrophone
from neko_cli.core.moods import FeelingJudge
from neko_cli.core.own_turns import MakeDetector
from neko_cli.core.pictures import FitPicture
from neko_cli.core.ports import (
    Clock,
    Journal,
    Past,
    Route,
    Sound,
    Speaker,
    Summariser,
    Toolbox,
    Transport,
)
from neko_cli.core.ports_agents import AgentBus, ResultShelf
from neko_cli.core.ports_sound import EchoCare
from neko_cli.core.sight import FindDescriber, MakeEye
from neko_cli.core.tape import NoTape, Tape
from neko_cli.core.translations import MakeServices
from neko_cli.core.voicing import MakeVoice


@dataclass(frozen=True)
class SessionPorts:
    """Binds a session to the world; what is None is done without.

    ``microphone`` makes a new microphone each time it is switched on; ``speaker`` is opened with
    the session. ``sound`` makes others by their names, where devices can be changed, and
    ``remember_device`` keeps what was chosen. ``want_audio`` asks the provider for voice, even when
    nothing plays it here.
    ``detector`` makes our own detector for turns that no provider ends; None goes by loudness.
    ``fit_picture`` makes pictures such as a provider takes; None refuses those that it does not take.
    ``eye`` makes what sees the screen, when it is first shown; ``describer`` finds who puts pictures into
    words by the profile in use.
    ``past`` is what an earlier run has kept of the session ``session_id``. ``keep_standby`` allows a
    second link beside the live one. ``asks`` says that somebody reads ``ToolQuestion`` and can answer.
    ``echo`` keeps the loudspeaker out of the microphone; without it the profile's ``auto`` is half duplex.
    ``voice`` makes the voice of a profile that does not leave speaking to the model.
    ``tape`` keeps what is said and told, where it is recorded. ``random`` gives numbers in 0 … 1.
    """

    clock: Clock
    transport: Transport
    dial: Dial
    provider_title: str
    microphone: MakeMicrophone | None = None
    speaker: Speaker | None = None
    sound: Sound | None = None
    remember_device: Remember | None = None
    translators: MakeServices | None = None
    feeling: FeelingJudge | None = None
    agent_bus: AgentBus | None = None
    result_shelf: ResultShelf | None = None
    voice: MakeVoice | None = None
    echo: EchoCare | None = None
    want_audio: bool = True
    greet: bool = False
    journal: Journal | None = None
    session_id: str = ""
    profile_name: str = ""
    past: Past | None = None
    summariser: Summariser | None = None
    route: Route | None = None
    keep_standby: bool = True
    detector: MakeDetector | None = None
    fit_picture: FitPicture | None = None
    eye: MakeEye | None = None
    describer: FindDescriber | None = None
    toolbox: Toolbox | None = None
    asks: bool = False
    tape: Tape = field(default_factory=NoTape)
    random: Callable[[], float] = random.random
