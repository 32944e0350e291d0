"""What is translated for the user, and told under the original."""

from __future__ import annotations

from neko_cli.core.events import Notice, NoticeKind, TextOf, Translated, TurnEnded
from neko_cli.core.profile import parse
from neko_cli.core.translating import Service
from tests.fakes.staging import asks, profile, staged
from tests.fakes.virtual import virtual

GERMAN = profile(user={"language": "de"})
REPLY = "The weather is very fine today, and we could go out for a walk."


class Translator:
    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []

    async def translate(self, text, *, source, target):
        self.asked.append((text, source, target))
        return "Das Wetter ist heute sehr schön, und wir könnten spazieren gehen."


async def talk(stage, server) -> None:
    await asks(stage, server, "Wie ist das Wetter denn heute bei dir?")
    server.reply("r1", REPLY)
    await stage.until(TurnEnded)
    await stage.passes(1.0)


@virtual
async def test_a_reply_in_another_language_is_told_again_in_the_user_s():
    translator = Translator()
    services = [Service("fake", translator)]
    async with staged(GERMAN, translators=lambda profile: services) as stage:
        server = await stage.start()
        await talk(stage, server)
        (told,) = stage.told(Translated)
        assert (told.turn, told.original_of, told.original, told.language) == (1, TextOf.REPLY, REPLY, "de")
        assert told.text.startswith("Das Wetter")
        assert translator.asked == [(REPLY, "en", "de")], "what the user said is in the right language"
        assert await stage.session.translate_if_needed(REPLY) == told.text


@virtual
async def test_without_a_wish_or_a_service_nothing_is_translated():
    translator = Translator()
    async with staged(profile(), translators=lambda profile: [Service("fake", translator)]) as stage:
        await talk(stage, await stage.start())
        assert stage.told(Translated) == []
        assert await stage.session.translate_if_needed(REPLY) == REPLY
    async with staged(GERMAN) as stage:
        await talk(stage, await stage.start())
        assert stage.told(Translated) == []
    assert translator.asked == []


@virtual
async def test_only_what_the_profile_wants_is_translated():
    translator = Translator()
    tables = profile(user={"language": "de"}, translate={"what": ["notices"]})
    async with staged(tables, translators=lambda profile: [Service("fake", translator)]) as stage:
        server = await stage.start()
        await talk(stage, server)
        assert translator.asked == []
        stage.core.herald.notice(REPLY, NoticeKind.SESSION)
        told = await stage.until(Translated)
        assert (told.turn, told.original_of) == (0, TextOf.NOTICE)
        assert len(stage.told(Notice)) == 1


@virtual
async def test_another_profile_asks_others():
    one, other = Translator(), Translator()
    async with staged(
        GERMAN, translators=lambda p: [Service("x", other if p.translate.names else one)]
    ) as stage:
        server = await stage.start()
        await stage.session.switch_profile(parse({**GERMAN, "translate": {"names": ["Ulm"]}}, "x.toml"))
        await talk(stage, server)
        assert (len(one.asked), len(other.asked)) == (0, 1)
