"""Where servers of the flat family differ: data for one codec, nothing else.

The family speaks OpenAI's protocol of before its general release (beta): settings lie flat in the
session, and replies come as ``response.audio.*``, ``response.audio_transcript.*``, ``response.text.*``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from neko_cli.core.codecs.dialect import EventDialect


class VadForm(StrEnum):
    """How the server's own detector is described."""

    FULL = "full"
    """Threshold from 0 to 1, times, and whether it answers and interrupts by itself."""
    ENERGY = "energy"
    """A loudness from 0 to 5000, and times."""
    BARE = "bare"
    """Nothing but its type."""


class Told(StrEnum):
    """How a session is told what was said on another link."""

    ITEMS = "items"
    """As messages of its conversation."""
    INSTRUCTIONS = "instructions"
    """As a block of its instructions, which are sent again."""


class PictureEvent(StrEnum):
    """The event by which pictures are sent."""

    IMAGE_BUFFER = "input_image_buffer.append"
    """Beside the sound of the buffer: taken only when there is some, and committed together with it."""
    VIDEO_FRAME = "input_audio_buffer.append_video_frame"
    """In a mode of calls of its own, in which every turn needs one."""


class FlatDialect(EventDialect, frozen=True, kw_only=True):
    """Differences between servers of the flat family.

    The defaults are OpenAI's beta protocol; what a server can do stands in its ``Capabilities``.
    """

    input_format: str = "pcm16"
    output_format: str = "pcm16"
    model_in_session: bool = False
    """Whether the session names the model too, not the address alone."""
    transcription_language: bool = True
    """Whether the recogniser is told the language."""
    max_tokens: str = "max_response_output_tokens"
    """The setting that limits a reply; empty where there is none."""
    vad: VadForm = VadForm.FULL
    manual_detection: str = ""
    """The type of detection that leaves the end of turns to us; empty stands for ``null``."""
    whole_updates: bool = False
    """Whether what an update leaves out falls back to the server's default."""
    told: Told = Told.ITEMS
    pictures: PictureEvent = PictureEvent.IMAGE_BUFFER
    call_mode: str = ""
    """``beta_fields.chat_mode`` of a call without pictures; empty where there are no such modes."""
    picture_mode: str = ""
    """``beta_fields.chat_mode`` of a call with pictures."""
    reply_instructions: bool = True
    """Whether ``response.create`` takes instructions; else they are told as a message before it."""
    cancel_by_id: bool = True
    """Whether ``response.cancel`` takes the id of a reply."""
    silent_cancel: bool = False
    """Whether a reply that was cancelled, or interrupted, may end without ``response.done``."""
    interrupts: bool = True
    """Whether the server itself stops its reply when the user speaks."""
    heard_so_far: bool = False
    """Whether each delta of a transcript holds all that was heard so far."""
    text_beside_voice: bool = False
    """Whether the words of a voice come as ``response.text.*`` too, besides its captions."""
    finish: str = ""
    """The event that ends a session, answered by ``session.finished``; empty where closing is enough."""
    call_ids: bool = True
    """Whether tool calls have ids; else they are made here, and left out of the answers."""
    voice_told: Mapping[tuple[str, str], str] = {}
    """What the instructions must end with, by model and voice, where the voice is no setting alone."""
    fatal_types: frozenset[str] = frozenset()
    """Types of errors after which the server closes the connection."""
