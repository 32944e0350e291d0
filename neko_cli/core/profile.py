"""What a profile can say: the schema, its merge rule and its sentences for mistakes. No files here.

A profile is TOML: character, provider, turn taking, sound and the embedded engine. ``extends``
names another profile whose values stand where this one is silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from neko_cli.core.errors import ConfigError
from neko_cli.core.ports_sound import Streams
from neko_cli.core.profile_mistakes import explain
from neko_cli.core.tables import Table, ToolsTable
from neko_cli.core.tables_agents import AgentsTable
from neko_cli.core.tables_eyes import EyesTable, ProactiveTable
from neko_cli.core.tables_speak import SpeakTable
from neko_cli.core.tables_translate import TranslateTable
from neko_cli.core.tables_turns import Turns


class TagStyle(StrEnum):
    """How the character marks emotions in its words."""

    ANGLE = "angle"
    BRACKET = "bracket"
    BOTH = "both"
    OFF = "off"


class Echo(StrEnum):
    """Who keeps the loudspeaker's sound out of the microphone's."""

    AUTO = "auto"
    OFF = "off"


class Duplex(StrEnum):
    """Whether the microphone is heard while the character speaks."""

    AUTO = "auto"
    """``full`` while echo is cancelled, or none comes back; else ``half``."""
    HALF = "half"
    FULL = "full"


class Standby(StrEnum):
    """Whether a second link is kept ready."""

    WARM = "warm"
    COLD = "cold"
    AUTO = "auto"
    """Only where an idle link costs nothing, or shortly before a swap is due."""


class Summaries(StrEnum):
    """Who sums up what was said longer ago."""

    AUTO = "auto"
    """The character's own provider, else ``[memory] url``, else this machine."""
    LOCAL = "local"
    OFF = "off"


class Classify(StrEnum):
    """Who judges the emotion of a reply that has no tags."""

    OFF = "off"
    LOCAL = "local"
    """This machine, by words and signs; nothing leaves it."""
    CHAT = "chat"
    """``[emotion] url``; this machine until it answers, and where it does not."""


class Character(Table, frozen=True, kw_only=True):
    """Who you talk to."""

    name: str = "Neko"
    persona: str = ""
    """What the character is told about itself; goes into the model's instructions."""
    language: str = "en"
    """Language tag that the character speaks, for instance ``en``, ``de``, ``zh``, ``ja``."""
    greeting: str = ""
    """What it is asked to say first; empty waits for the user."""


class ProviderTable(Table, frozen=True, kw_only=True):
    """Which model answers."""

    name: str = "embedded"
    model: str = ""
    region: str = ""
    """Where a provider with servers in several places is reached; empty takes its first one."""
    url: str = ""
    insecure: bool = False
    """Allow ``ws://`` to a host that is not this machine."""
    transcription_model: str = ""
    max_output_tokens: Annotated[int, msgspec.Meta(ge=0, le=65_536)] = 0
    store: bool = False
    """Whether the provider may keep what was said, where a conversation can go on from that."""


class VoiceTable(Table, frozen=True, kw_only=True):
    """How the character sounds."""

    name: str = ""
    speed: Annotated[float, msgspec.Meta(ge=0.25, le=1.5)] = 1.0


class EmotionTable(Table, frozen=True, kw_only=True):
    """Emotion tags in the character's words, and who judges words without tags."""

    tags: TagStyle = TagStyle.ANGLE
    labels: tuple[str, ...] = ("happy", "sad", "angry", "neutral", "surprised")
    words: dict[str, tuple[str, ...]] = {}
    """More words, phrases or emoji that tell a label, by label; ``shy = ["blush", "脸红"]``."""
    classify: Classify = Classify.LOCAL
    url: str = ""
    """An OpenAI-compatible chat endpoint that judges sentences."""
    model: str = ""


class SoundTable(Table, frozen=True, kw_only=True):
    """Devices, by name, number or part of a name; empty takes the system's default."""

    microphone: str = ""
    speaker: str = ""
    echo: Echo = Echo.AUTO
    """With ``duplex = "auto"``: neko cancels the loudspeaker's echo where it can, unless the sound server
    does so already."""
    duplex: Duplex = Duplex.AUTO
    """``half``: what the microphone hears while the character speaks is not sent, because with open
    loudspeakers it is the character's own voice. ``full``: it is, as with headphones. ``auto``: it is as soon
    as the echo is cancelled, or none comes back."""
    streams: Streams = Streams.AUTO
    """For a device that is both microphone and loudspeaker. ``one``: one stream of it runs both ways.
    ``two``: each way has its own. ``auto``: one where the device has one clock for both, else two."""


class UserTable(Table, frozen=True, kw_only=True):
    """Who talks to the character."""

    name: str = ""
    language: str = ""
    """Language tag; empty means the character's."""


class LocalTable(Table, frozen=True, kw_only=True):
    """The embedded engine."""

    recogniser: str = "pocketsphinx"
    """``pocketsphinx``, ``whisper:NAME`` or ``sherpa:NAME``."""
    synthesiser: str = "espeak"
    """``espeak`` or ``piper:NAME``."""
    brain: str = "auto"
    """``auto``, ``builtin``, or the address of an OpenAI-compatible chat server."""
    brain_model: str = ""
    vocabulary: tuple[str, ...] = ()
    """Words or sentences to expect; makes the floor recogniser accurate for commands."""
    grammar: str = ""
    """A JSGF grammar, instead of a vocabulary."""


class SwapTable(Table, frozen=True, kw_only=True):
    """When the link is replaced by a fresh one, besides the provider's own limits."""

    turns: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    """After so many turns; 0 never."""
    tokens: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 24_000
    """When a reply's context is larger than this; 0 never."""
    before_limit: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0
    """Seconds before the provider's limit; 0 takes what suits the provider."""
    standby: Standby = Standby.AUTO


class Rung(Table, frozen=True, kw_only=True):
    """One step of a ladder of models."""

    model: str = ""
    """Empty takes the profile's."""
    title: str = ""
    resumable: bool = True
    """Whether a session of the rung above can be resumed with this model."""
    features: tuple[str, ...] = ()


class EnergyTable(Table, frozen=True, kw_only=True):
    """Models by falling cost; a rate limit goes one down. Newest first, level 0 is below the last."""

    call: tuple[Rung, ...] = ()
    text: tuple[Rung, ...] = ()
    call_prompts: tuple[str, ...] = ()
    """What the character's display says at level 0, 1, 2, …; missing ones take the default."""
    text_prompts: tuple[str, ...] = ()


class MemoryTable(Table, frozen=True, kw_only=True):
    """What is remembered."""

    messages: Annotated[int, msgspec.Meta(ge=4, le=1000)] = 50
    """Messages kept word by word; older ones go into the summary."""
    save: bool = True
    """Whether conversations are kept on disk."""
    summary: Summaries = Summaries.AUTO
    summary_wait: Annotated[float, msgspec.Meta(ge=0, le=60)] = 5.0
    """Seconds that a swap waits for a summary; then the last four turns must do."""
    url: str = ""
    """An OpenAI-compatible chat endpoint for summaries."""
    model: str = ""


class GuardTable(Table, frozen=True, kw_only=True):
    """Limits on what a forgotten session can cost; 0 sets none."""

    park_minutes: Annotated[float, msgspec.Meta(ge=0, le=1440)] = 5
    """Idle minutes after which the link is closed where idle links cost something."""
    max_minutes: Annotated[float, msgspec.Meta(ge=0, le=1440)] = 0
    """Minutes of connection that one session may use."""
    max_minutes_day: Annotated[float, msgspec.Meta(ge=0, le=1440)] = 0
    """Minutes of connection a day, all sessions of this profile together."""
    close_minutes: Annotated[float, msgspec.Meta(ge=0, le=1440)] = 60
    """Idle minutes after which a session of a pool is closed."""
    repetition: Annotated[int, msgspec.Meta(ge=0, le=20)] = 3
    """So many similar replies in a row are too many, and another one is asked for; 0 allows any."""
    silence_minutes: Annotated[float, msgspec.Meta(ge=0, le=1440)] = 0
    """Minutes without a word after which an open microphone is switched off."""


class Profile(Table, frozen=True, kw_only=True):
    """A whole profile, defaults filled in."""

    extends: str = ""
    title: str = ""
    """One line about this profile, for lists."""
    character: Character = Character()
    provider: ProviderTable = ProviderTable()
    voice: VoiceTable = VoiceTable()
    speak: SpeakTable = SpeakTable()
    turns: Turns = Turns()
    emotion: EmotionTable = EmotionTable()
    sound: SoundTable = SoundTable()
    user: UserTable = UserTable()
    local: LocalTable = LocalTable()
    swap: SwapTable = SwapTable()
    energy: EnergyTable = EnergyTable()
    memory: MemoryTable = MemoryTable()
    guard: GuardTable = GuardTable()
    tools: ToolsTable = ToolsTable()
    agents: AgentsTable = AgentsTable()
    eyes: EyesTable = EyesTable()
    proactive: ProactiveTable = ProactiveTable()
    translate: TranslateTable = TranslateTable()


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` laid on ``base``: tables are merged key by key, anything else is replaced."""
    out = dict(base)
    for key, value in over.items():
        below = out.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            out[key] = merge(below, value)
        else:
            out[key] = value
    return out


def parse(data: Mapping[str, Any], source: str) -> Profile:
    """Validate one profile's data.

    Args:
        data: the decoded TOML.
        source: the file's name, for the message.

    Raises:
        ConfigError: names the file, the key, what is wrong and what is allowed.
    """
    try:
        return msgspec.convert(data, Profile)
    except msgspec.ValidationError as error:
        raise ConfigError(explain(str(error), data, source, Profile), hint=_hint(source)) from None


def _hint(source: str) -> str:
    return f"Correct it with `neko profiles edit {source.rsplit('/', 1)[-1].removesuffix('.toml')}`."
