"""Emotions of replies without tags, and of the user."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.events import Emotion, TurnEnded
from tests.fakes.staging import asks, profile, staged
from tests.fakes.virtual import virtual


async def emotions(stage, server, *deltas: str) -> list[tuple[str, float]]:
    """What is told of a reply that comes in these pieces."""
    await asks(stage, server, "And?")
    server.begin("r1")
    for delta in deltas:
        server.words("r1", delta)
    server.done("r1")
    await stage.until(TurnEnded)
    return [(event.label, event.confidence) for event in stage.told(Emotion)]


@virtual
async def test_words_without_tags_are_judged_sentence_by_sentence():
    async with staged(profile()) as stage:
        server = await stage.start()
        found = await emotions(
            stage, server, "I am so happy for ", "you! It is a table. ", "I hate that, damn it!"
        )
        assert [label for label, _ in found] == ["happy", "neutral", "angry"]
        assert all(0.5 <= confidence < 1.0 for _, confidence in found)


@virtual
async def test_what_the_model_says_itself_goes_before():
    async with staged(profile()) as stage:
        server = await stage.start()
        found = await emotions(stage, server, "<sad> I am so happy for you!")
        assert found == [("sad", 1.0)]


@pytest.mark.parametrize("words", ["A table stands there.", "The sum is 4."])
@virtual
async def test_a_reply_without_a_feeling_tells_none(words):
    async with staged(profile()) as stage:
        assert await emotions(stage, await stage.start(), words) == []


@virtual
async def test_it_can_be_switched_off():
    async with staged(profile(emotion={"classify": "off"})) as stage:
        assert await emotions(stage, await stage.start(), "I am so happy for you!") == []


class Judge:
    """A second opinion that comes when the test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: asyncio.Future = asyncio.get_running_loop().create_future()

    async def classify(self, sentence, profile):
        self.asked.append(sentence)
        return await self.answer if len(self.asked) == 1 else None


@virtual
async def test_a_second_opinion_is_told_when_it_comes():
    judge = Judge()
    async with staged(profile(emotion={"classify": "chat"}), feeling=judge) as stage:
        server = await stage.start()
        assert await emotions(stage, server, "A table stands there.") == []
        await stage.passes(0.1)
        assert judge.asked == ["A table stands there."]
        judge.answer.set_result(("surprised", 0.9))
        told = await stage.until(Emotion)
        assert (told.label, told.confidence) == ("surprised", 0.9)


@virtual
async def test_a_second_opinion_on_a_reply_that_is_over_is_told_to_nobody():
    judge = Judge()
    async with staged(profile(emotion={"classify": "chat"}), feeling=judge) as stage:
        server = await stage.start()
        await emotions(stage, server, "A table stands there.")
        await asks(stage, server, "And now?")
        server.reply("r2", "4")
        await stage.until(TurnEnded)
        judge.answer.set_result(("surprised", 0.9))
        await stage.passes(1.0)
        assert stage.told(Emotion) == []


@virtual
async def test_the_user_s_mood_is_kept_apart():
    async with staged(profile()) as stage:
        server = await stage.start()
        await asks(stage, server, "I hate this, it makes me furious!")
        server.reply("r1", "I see.")
        await stage.until(TurnEnded)
        assert stage.core.moods.user.valence < 0
        assert stage.told(Emotion) == []
