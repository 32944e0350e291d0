"""The language of a text, from the text alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.companions.detect import chinese_script, detect
from neko_cli.core.companions.detect_words import (
    CYRILLIC,
    LATIN,
    ONLY_JAPANESE,
    ONLY_SIMPLIFIED,
    ONLY_TRADITIONAL,
    SHARED_WITH_JAPANESE,
)

TOLD = {
    "en": [
        "Hello, how are you?",
        "The session has ended.",
        "The link was lost; trying again.",
        "Nice to meet you, Sam!",
        "Thanks a lot",
        "Type instead.",
        "I’m not sure that it works.",
    ],
    "de": [
        "Hallo, wie geht es dir?",
        "Ich bin heute sehr müde.",
        "Danke schön",
        "Das Wetter ist schön",
        "Die Verbindung ist weg.",
    ],
    "fr": ["Bonjour, comment ça va ?", "Je ne sais pas.", "C’est très gentil de ta part.", "Merci beaucoup"],
    "es": ["¿Cómo estás hoy?", "No sé qué hacer con esto.", "Muchas gracias", "La casa es muy bonita"],
    "pt": ["Você está bem? Não sei.", "Obrigado, tudo bem", "Eu não gosto disso"],
    "it": ["Ciao, come stai?", "Non lo so, mi dispiace.", "La casa è molto bella"],
    "ru": ["Привет, как дела?", "Я не знаю, что делать.", "Это очень хорошо", "Где ты был?"],
    "uk": ["Привіт, як справи?", "Я не знаю, що робити.", "Дуже дякую"],
    "zh": ["你好，今天怎么样？", "我喜欢你的声音。", "好的", "我在用 Python 写代码"],
    "zh-Hant": ["你好，今天過得怎麼樣？", "謝謝你，我很喜歡這個聲音。"],
    "ja": [
        "こんにちは、元気ですか？",
        "今日は天気がいいですね。",
        "東京駅",
        "コーヒーが好き",
        "Pythonでコードを書いています",
    ],
    "ko": ["안녕하세요, 오늘 어때요?", "파이썬을 Python으로 배워요"],
    "ar": ["مرحبا، كيف حالك اليوم؟", "شكرا"],
    "hi": ["नमस्ते, आप कैसे हैं?", "धन्यवाद"],
    "th": ["สวัสดีครับ"],
    "el": ["Καλημέρα, τι κάνεις;"],
    "he": ["שלום, מה שלומך?"],
    "nl": ["Ik heb geen idee wat hij bedoelt.", "Hoe gaat het met jou?"],
    "pl": ["Cześć, jak się masz?"],
    "sv": ["Hej, hur mår du?"],
    "tr": ["Merhaba, nasılsın?"],
    "vi": ["Xin chào, bạn có khỏe không?"],
}


@pytest.mark.parametrize(("tag", "text"), [(tag, text) for tag, texts in TOLD.items() for text in texts])
def test_a_language_is_told(tag: str, text: str) -> None:
    assert detect(text) == tag


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "12345 !!!",
        "😀",
        "Neko",
        "OK",
        "xyzzy plugh foo",
        "https://a.example/the/and/is",
        "`the and is are`",
        "Hello 你好 how 世界 are",
        "سلام، چطوری؟",
        "मी ठीक आहे आणि तू",
        "Добар дан, како сте? љ",
    ],
)
def test_silence_is_better_than_a_wrong_answer(text: str) -> None:
    assert detect(text) == ""


@pytest.mark.parametrize(
    ("text", "hint", "tag"),
    [
        ("了解", "", "zh"),
        ("了解", "ja", "ja"),
        ("这是什么", "ja", "zh"),
        ("東京駅", "zh", "ja"),
        ("No", "", ""),
        ("No", "es", "es"),
        ("No", "it", "it"),
        ("No", "de", ""),
        ("Hello, how are you?", "de", "en"),
        ("Привет", "uk", "ru"),
    ],
)
def test_what_is_expected_decides_only_between_equals(text: str, hint: str, tag: str) -> None:
    assert detect(text, hint) == tag


@pytest.mark.parametrize(
    ("text", "script"),
    [("你好吗", "Hans"), ("你好嗎", "Hant"), ("謝謝", "Hant"), ("你好", ""), ("说说說說", ""), ("hello", "")],
)
def test_the_two_scripts_of_chinese(text: str, script: str) -> None:
    assert chinese_script(text) == script


def test_the_lists_of_characters_do_not_contradict_each_other() -> None:
    assert not ONLY_SIMPLIFIED & ONLY_TRADITIONAL
    assert not ONLY_SIMPLIFIED & ONLY_JAPANESE
    assert not ONLY_TRADITIONAL & ONLY_JAPANESE
    assert SHARED_WITH_JAPANESE <= ONLY_SIMPLIFIED


@given(st.text(max_size=300), st.sampled_from(["", "en", "ja", "zh-TW"]))
def test_any_text_has_a_known_language_or_none(text: str, hint: str) -> None:
    known = {*LATIN, *CYRILLIC, "", "vi", "el", "he", "th", "ko", "ja", "zh", "zh-Hant", "ar", "hi"}
    assert detect(text, hint) in known
