"""Which texts read as finished, in many languages; when unsure, none does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.finished_text import reads_as_finished

FINISHED = [
    ("en", "What time is it?"),
    ("en", "I would like a coffee."),
    ("en", "Stop!"),
    ("en", 'She said "no."'),
    ("en", "And?"),
    ("en", "Come in."),
    ("en", "stop"),
    ("en", "thank you"),
    ("en", "what time is it"),
    ("en", "turn the light on please"),
    ("en", "I was born in 1990!"),
    ("de", "Wie spät ist es?"),
    ("de", "Mach das Licht an."),
    ("de", "Was ist das."),
    ("de", "danke"),
    ("de", "mach das licht an bitte"),
    ("fr", "Quelle heure est-il ?"),
    ("fr", "Je voudrais un café."),
    ("fr", "merci beaucoup"),
    ("es", "¿Qué hora es?"),
    ("es", "Quiero un café."),
    ("it", "Che ore sono?"),
    ("pt", "Quero um café."),
    ("ru", "Который час?"),
    ("ru", "Я хочу кофе."),
    ("ru", "спасибо"),
    ("zh", "现在几点？"),
    ("zh", "我想喝咖啡。"),
    ("zh", "你喜欢咖啡吗"),
    ("zh", "我们走吧"),
    ("zh-CN", "今年是2026。"),
    ("ja", "今何時ですか？"),
    ("ja", "コーヒーが飲みたいです。"),
    ("ja", "今何時ですか"),
    ("ja", "コーヒーをください"),
    ("ko", "지금 몇 시예요?"),
    ("ko", "커피를 마시고 싶습니다"),
    ("th", "กี่โมงแล้วครับ"),
    ("ar", "كم الساعة؟"),
    ("hi", "मुझे कॉफ़ी चाहिए।"),
    ("el", "Τι ώρα είναι;"),
    ("", "What time is it?"),
    ("en", "Wie spät ist es?"),
]

UNFINISHED = [
    ("en", ""),
    ("en", "   "),
    ("en", "."),
    ("en", "?"),
    ("en", "I would like"),
    ("en", "I would like a"),
    ("en", "I would like a."),
    ("en", "I want to go, but"),
    ("en", "I want to go, but."),
    ("en", "because"),
    ("en", "Well, I think,"),
    ("en", "I think..."),
    ("en", "I think…"),
    ("en", "I think –"),
    ("en", "Um."),
    ("en", "I want, uh."),
    ("en", "My number is 3."),
    ("en", "I live at No. 12."),
    ("en", "I spoke with Dr."),
    ("en", "My friend J."),
    ("en", "I'll come at 5 p.m."),
    ("en", "what is the weather in"),
    ("en", "yes"),
    ("en", "turn the light"),
    ("en", "please"),
    ("de", "Ich komme am 3."),
    ("de", "Ich möchte einen."),
    ("de", "Ich gehe nach Hause, weil"),
    ("de", "Ich gehe nach Hause, weil."),
    ("de", "Kaffee und"),
    ("de", "Äh."),
    ("de", "Das ist z.B."),
    ("de", "bitte"),
    ("en", "Kaffee und."),
    ("fr", "Je voudrais du."),
    ("fr", "parce que"),
    ("fr", "Euh."),
    ("es", "Quiero un café y"),
    ("es", "Este..."),
    ("it", "Vorrei un caffè ma"),
    ("ru", "Я хочу кофе и"),
    ("ru", "потому что."),
    ("zh", "我想喝咖啡，"),
    ("zh", "因为"),
    ("zh", "我想去但是。"),
    ("zh", "嗯。"),
    ("zh", "我想"),
    ("ja", "ええと"),
    ("ja", "ええと。"),
    ("ja", "私は。"),
    ("ja", "コーヒーが飲みたいけど"),
    ("ja", "コーヒーが飲みたいから。"),
    ("ja", "コーヒー、"),
    ("ko", "커피를 마시고"),
    ("ko", "그리고"),
    ("th", "กี่โมง"),
    ("", "so"),
]


@pytest.mark.parametrize(("language", "text"), FINISHED)
def test_it_reads_as_finished(language: str, text: str) -> None:
    assert reads_as_finished(text, language)


@pytest.mark.parametrize(("language", "text"), UNFINISHED)
def test_it_may_go_on(language: str, text: str) -> None:
    assert not reads_as_finished(text, language)


@given(st.text(max_size=40), st.sampled_from(["", "en", "de", "ja", "zh", "ko", "xx"]))
def test_any_text_has_an_answer_and_blanks_do_not_matter(text: str, language: str) -> None:
    assert reads_as_finished(text, language) is reads_as_finished(f"  {text}\n", language)


@given(st.sampled_from([text for _, text in FINISHED]), st.sampled_from([",", "...", " and", "、", "…"]))
def test_nothing_is_finished_that_has_something_behind_it(text: str, more: str) -> None:
    assert not reads_as_finished(text + more, "en")
