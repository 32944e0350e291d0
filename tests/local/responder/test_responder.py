"""The responder as a whole: streaming, and that nothing it is given can harm it."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.local.ports import AskedTool, ImageFacts, Line, Prompt, SaidText
from neko_cli.local.responder.brain import Responder, local_now
from neko_cli.local.responder.decide import decide
from neko_cli.local.responder.pacing import limited, pieces
from tests.local.responder.conftest import MIO, NOW


async def test_the_text_is_streamed_in_groups_of_words() -> None:
    prompt = Prompt(MIO, (Line("user", "what can you do?"),))
    parts = [part async for part in Responder(lambda: NOW).reply(prompt)]
    assert all(isinstance(part, SaidText) for part in parts)
    texts = [part.text for part in parts if isinstance(part, SaidText)]
    assert len(texts) > 5
    assert max(len(text) for text in texts) < 60
    assert "".join(texts) == decide(prompt, NOW).text


async def test_a_tool_call_is_one_part() -> None:
    tool = {"name": "ping", "parameters": {"type": "object"}}
    prompt = Prompt("", (Line("user", "ping"),), tools=(tool,))
    assert [part async for part in Responder().reply(prompt)] == [AskedTool("ping", "{}")]


async def test_it_can_be_closed_in_the_middle() -> None:
    stream = Responder().reply(Prompt("", (Line("user", "what can you do?"),)))
    assert isinstance(await anext(stream), SaidText)
    await stream.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


def test_the_clock_knows_its_zone() -> None:
    assert local_now().tzinfo is not None


@given(st.text(max_size=300))
def test_pieces_give_back_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text
    assert all(pieces(text))


@given(st.text(min_size=1, max_size=100), st.integers(0, 30))
def test_a_limit_never_empties_a_text(text: str, limit: int) -> None:
    out = limited(text, limit)
    assert out or not text.strip()
    assert limit == 0 or len(out) <= limit * 4


_words = st.sampled_from(
    """what is my name i am like the time in tokyo convert 5 miles to km remember that you are how many days
    until call me say repeat after me: who why yes no thanks " ' 2 + ( ) % ^ / - . ? ! , ; : <happy> [sad]
    forget picture weather please Mio tell about ich heiße mal 我叫 几点 は です 何
    \u202e \x1b[31m \x00 \ud800 🙂""".split()
)
_texts = st.text(max_size=120) | st.lists(_words, max_size=25).map(" ".join)
_lines = st.lists(
    st.builds(
        Line,
        st.sampled_from(["user", "user", "assistant", "system", "tool"]),
        _texts,
        st.sampled_from([(), (ImageFacts("image/png", 2, 2, "data:"),)]),
        st.sampled_from(["", "c1"]),
        st.sampled_from(["", "", "get_it"]),
    ),
    max_size=8,
)
_prompts = st.builds(
    Prompt,
    _texts
    | st.sampled_from([MIO, "You are Mio. Tags: <happy> <sad>. Every sentence.", "Answer in German, short."]),
    _lines.map(tuple),
    st.sampled_from([(), ({"name": "get_it", "parameters": {"type": "object"}},)]),
    st.sampled_from(["auto", "none", "required", "get_it"]),
    st.sampled_from([0, 0, 1, 50]),
)


@settings(max_examples=300, deadline=None)
@given(_prompts)
def test_any_prompt_gets_a_clean_answer_quickly(prompt: Prompt) -> None:
    began = time.monotonic()
    decision = decide(prompt, NOW)
    assert time.monotonic() - began < 1.0
    if decision.tool is not None:
        assert prompt.tool_choice != "none"
        return
    assert decision.text.strip()
    strange = [char for char in decision.text if unicodedata.category(char)[0] == "C"]
    assert not strange, strange
    assert not set("*#`_|").intersection(decision.text) - set(
        "".join(line.text for line in prompt.lines) + prompt.instructions
    )


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        "my " * 30_000,
        "how many " * 10_000,
        "is " * 30_000,
        "?" * 100_000,
        "my a is " * 10_000,
        "what is " * 12_000,
        "i am " * 20_000,
        '"' * 50_000,
        "1 + " * 20_000,
        "remember that " * 9_000,
        "convert five six seven " * 5_000,
        "how many words in the " * 5000,
        "你" * 50_000,
        "a." * 40_000,
        "I'm I've " * 9000,
    ],
)
def test_long_and_repetitive_messages_are_answered_quickly(text: str) -> None:
    began = time.monotonic()
    assert decide(Prompt(text, (Line("user", text), Line("assistant", text), Line("user", text))), NOW).text
    assert time.monotonic() - began < 0.5


def test_a_long_conversation_is_answered_quickly() -> None:
    lines = [
        Line(role, f"I like number {n} and my pet {n} is a cat. I live in town {n}.")
        for n in range(1500)
        for role in ("user", "assistant")
    ]
    prompt = Prompt(MIO, (*lines, Line("user", "what do I like?")))
    began = time.monotonic()
    assert "number 1499" in decide(prompt, NOW).text
    assert time.monotonic() - began < 0.5
