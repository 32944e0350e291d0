"""How a link is to be configured, from the profile. Pure."""

from __future__ import annotations

from neko_cli.core.codecs.base import Detection, HistoryLine, SessionSpec
from neko_cli.core.commands import ToolSpec
from neko_cli.core.companions.emotion import tag_instructions
from neko_cli.core.profile import Profile, TagStyle


def spec_for(
    profile: Profile,
    *,
    want_audio: bool,
    push_to_talk: bool,
    model: str = "",
    handle: str = "",
    history: tuple[HistoryLine, ...] = (),
    recollection: str = "",
    tools: tuple[ToolSpec, ...] = (),
) -> SessionSpec:
    """The next link's configuration; a key that ends turns goes before the profile's detector.

    ``model`` goes before the profile's. What was said before is told as ``history`` or, where a
    provider takes none, as the block ``recollection``; a link that resumes by ``handle`` knows it.
    """
    turns = profile.turns
    detection = turns.detection
    if push_to_talk:
        detection = Detection.MANUAL
    elif detection in (Detection.MANUAL, Detection.LOCAL):
        detection = Detection.SERVER
    return SessionSpec(
        model=model or profile.provider.model,
        instructions=instructions_for(profile),
        voice=profile.voice.name,
        speed=profile.voice.speed,
        language=profile.character.language,
        want_audio=want_audio,
        transcription_model=profile.provider.transcription_model,
        detection=detection,
        threshold=turns.threshold,
        prefix_padding_ms=turns.prefix_ms,
        silence_ms=turns.silence_ms,
        interrupt_reply=turns.interrupt,
        max_output_tokens=profile.provider.max_output_tokens,
        store=profile.provider.store,
        tools=tools,
        history=history,
        recollection=recollection,
        resume_handle=handle,
    )


def instructions_for(profile: Profile) -> str:
    """The persona, the user's name, and how to mark emotions."""
    parts = [profile.character.persona]
    if profile.user.name:
        parts.append(f"The user's name is {profile.user.name}.")
    if profile.emotion.tags is not TagStyle.OFF:
        parts.append(tag_instructions(profile.emotion.labels, profile.emotion.tags))
    return "\n\n".join(filter(None, parts))
