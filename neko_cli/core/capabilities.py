"""What a provider can do: the record that drives every branch outside the codecs."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class ToolForm(StrEnum):
    """How a provider wants tools described."""

    NONE = "none"
    FLAT = "flat"
    NESTED = "nested"
    DECLARATIONS = "declarations"


class Resume(StrEnum):
    """How a provider goes on with an earlier session."""

    NONE = "none"
    HANDLE = "handle"
    """By the newest handle, once the old link is closed (Gemini; with both open it is refused)."""
    CONVERSATION = "conversation"
    """By the conversation's id in the address (xAI)."""
    FORK = "fork"
    """As a new session that begins where a stored one ended, once that one is closed (OpenAI Live)."""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What one provider's wire offers; rates in Hz, times in seconds."""

    input_rate: int = 24_000
    output_rate: int = 24_000
    audio_input: bool = True
    """Whether it hears; else it only reads."""
    needs_sound: bool = False
    """Whether its time goes on only with the sound that it is sent: silence fills every gap."""
    audio_output: bool = True
    text_output: bool = True
    """Whether replies can be asked for as text alone."""
    server_vad: bool = True
    semantic_vad: bool = False
    captions: bool = True
    """Whether the user's speech comes back as text."""
    confidence: bool = False
    """Whether transcripts carry a confidence."""
    cancel: bool = True
    truncate: bool = False
    keeps_words: bool = False
    """Whether we keep the conversation for it, so that what was heard can take a reply's place."""
    clear_input: bool = True
    input_asks: bool = False
    """Whether each input is answered by itself, and stops the reply that is being made."""
    commit_asks: bool = False
    """Whether committed speech is answered though nobody asks for it, also where other input is not."""
    images: bool = False
    image_types: tuple[str, ...] = ("image/jpeg", "image/png")
    """Media types of pictures that can be sent."""
    image_limit: int | None = None
    """Bytes of an encoded picture that are taken at most; None where the provider names no limit."""
    image_every: float = 0.0
    """Seconds between pictures that the provider recommends at least."""
    tools: ToolForm = ToolForm.NONE
    tools_continue: bool = False
    """Whether the model goes on by itself once its calls are answered, also where nobody wants it to."""
    mid_session_instructions: bool = True
    resume: Resume = Resume.NONE
    resume_ttl: float | None = None
    """How long a handle is good, in seconds; None where the provider does not say."""
    going_away: bool = False
    seed_history: bool = True
    """Whether earlier messages can be put into a fresh session."""
    system_items: bool = False
    """Whether a system message can be added in mid-session."""
    speed: bool = False
    key_required: bool = True
    idle_is_free: bool = False
    max_session: float | None = None
    renew_before: float = 300.0
    """How long before ``max_session`` a link is replaced, in seconds (protocols.md §13)."""
    idle_close: float | None = None
    """After how many idle seconds the provider closes a link."""
    silence_limit: float = 10.0
    """Seconds without a byte, while one is expected, after which a link counts as lost."""
    leave_within: float = 0.0
    """Seconds that the provider may take to end a session in order."""
    ping_interval: float | None = 20.0
    ping_timeout: float | None = 20.0

    def takes_picture(self, data: bytes, media_type: str) -> bool:
        """Whether this encoded picture can be sent."""
        small = self.image_limit is None or len(data) <= self.image_limit
        return self.images and bool(data) and media_type in self.image_types and small
