"""espeak-ng speaks: voices, languages, speed, stopping."""

from __future__ import annotations

import pytest

from neko_cli.core.errors import ConfigError, ServerFault
from neko_cli.core.pcm import level_dbfs
from neko_cli.speech.tts.base import Manner
from neko_cli.speech.tts.espeak import NORMAL_WPM, SLOWEST_WPM, load_espeak, pace
from neko_cli.speech.tts.espeak_voices import installed_voices
from tests.speech.sound import engine

SENTENCE = "The quick brown fox jumps over the lazy dog and then goes home to sleep."


def say(text: str, manner: Manner | None = None) -> bytes:
    chunks: list[bytes] = []

    def emit(pcm: bytes) -> bool:
        chunks.append(pcm)
        return True

    engine().synthesise(text, manner or Manner(), emit)
    return b"".join(chunks)


def test_it_delivers_small_audible_chunks() -> None:
    sizes: list[int] = []

    def emit(pcm: bytes) -> bool:
        sizes.append(len(pcm))
        return True

    engine().synthesise(SENTENCE, Manner(), emit)
    assert len(sizes) > 20
    assert max(sizes) <= engine().rate * 2 * 70 // 1000
    assert level_dbfs(say(SENTENCE)) > -35


@pytest.mark.parametrize("speed", [0.25, 0.35, 0.5, 0.75, 1.25, 1.5])
def test_speed_changes_the_length_by_its_factor(speed: float) -> None:
    normal = len(say(SENTENCE))
    assert normal / len(say(SENTENCE, Manner(speed=speed))) == pytest.approx(speed, rel=0.12)


def test_an_engine_that_is_closed_leaves_the_others_their_voice() -> None:
    length = len(say(SENTENCE))
    other = load_espeak()
    chunks: list[bytes] = []

    def emit(pcm: bytes) -> bool:
        chunks.append(pcm)
        return True

    other.synthesise("hello", Manner(voice="de"), emit)
    other.close()
    other.close()
    assert chunks
    with pytest.raises(ServerFault, match="could not speak"):
        other.synthesise("hello", Manner(), emit)
    assert len(say(SENTENCE)) == pytest.approx(length, rel=0.01)


def test_speed_beyond_the_range_is_bounded() -> None:
    assert pace(0.01) == pace(0.25)
    assert pace(99.0) == pace(1.5)
    assert pace(1.0) == (NORMAL_WPM, 0)
    assert pace(0.25)[0] == SLOWEST_WPM


def test_it_stops_at_the_callback_that_says_so() -> None:
    calls = 0

    def emit(_: bytes) -> bool:
        nonlocal calls
        calls += 1
        return calls < 3

    engine().synthesise(SENTENCE * 20, Manner(), emit)
    assert calls == 3
    assert say("And it still speaks.")


def test_an_error_in_the_callback_comes_out() -> None:
    def emit(_: bytes) -> bool:
        raise LookupError("from the callback")

    with pytest.raises(LookupError, match="from the callback"):
        engine().synthesise(SENTENCE, Manner(), emit)
    assert say("And it still speaks.")


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "hello"), ("de", "guten Tag"), ("fr", "bonjour"), ("es", "buenos días"), ("it", "ciao")]
    + [("zh", "你好"), ("ja", "こんにちは"), ("pt-BR", "bom dia"), ("ru", "привет"), ("zh-Hans-CN", "谢谢")],
)
def test_it_speaks_many_languages(language: str, text: str) -> None:
    assert len(say(text, Manner(language=language))) > engine().rate // 4


@pytest.mark.parametrize(
    ("voice", "language", "name"),
    [
        ("", "en", "en-us"),
        ("", "en-GB", "en"),
        ("", "zh-CN", "cmn"),
        ("", "pt_PT", "pt"),
        ("", "de-AT", "de"),
        ("en-us+f3", "de", "en-us+f3"),
        ("+f3", "de", "de+f3"),
        ("F3", "de", "de+f3"),
        ("en-us+nonsense", "de", "en-us"),
        ("marin", "fr", "fr"),
        ("ja", "en", "ja"),
    ],
)
def test_voices_are_found_by_name_and_language(voice: str, language: str, name: str) -> None:
    assert installed_voices().resolve(voice, language) == name


def test_every_voice_that_is_offered_can_be_selected() -> None:
    for name in installed_voices().offered("en"):
        say("a", Manner(name))


def test_variants_sound_different() -> None:
    assert say("hello there", Manner("en-us+f3")) != say("hello there", Manner("en-us+m3"))


def test_an_unknown_language_is_told() -> None:
    with pytest.raises(ConfigError, match="no voice for the language 'xx'"):
        say("hello", Manner(language="xx"))


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\x00\x01"])
def test_nothing_to_say_gives_no_sound(text: str) -> None:
    assert say(text) == b""


def test_markup_and_control_characters_are_only_text() -> None:
    assert say("<break time='60s'/> yes\x00 and [[w'ItS]] no")
    assert len(say("<break time='60s'/> yes")) < engine().rate * 2 * 10
