"""The responder's decision: from a prompt and the clock to a tool call or a text. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from neko_cli.local.ports import AskedTool, Line, Prompt
from neko_cli.local.responder.abilities import answer_abilities, answer_cannot
from neko_cli.local.responder.answer import Answer, Heard, Mood, Scene, hear
from neko_cli.local.responder.clock import answer_clock
from neko_cli.local.responder.courtesy import answer_courtesy, greeting
from neko_cli.local.responder.emotion import tag_style, tagged, without_tags
from neko_cli.local.responder.facts import gather
from neko_cli.local.responder.media import answer_media, picture_alone
from neko_cli.local.responder.pacing import limited
from neko_cli.local.responder.persona import read_persona
from neko_cli.local.responder.recall import acknowledge, answer_recall
from neko_cli.local.responder.reports import report_agents, report_tools
from neko_cli.local.responder.small_talk import chat
from neko_cli.local.responder.sums import answer_sum
from neko_cli.local.responder.tongues import TONGUES, answer_in, detect
from neko_cli.local.responder.tools import Choice, choose_tool
from neko_cli.local.responder.units import answer_units
from neko_cli.local.responder.wording import as_sentence, clean, listed, sentences

MAX_SENTENCES = 12
"""Sentences of one message that are looked at."""

SHORT_SENTENCES = 3
"""Sentences of a character that is asked to be short."""

MAX_ANSWERS = 4
"""Answers that are joined into one reply."""

_ECHO = re.compile(
    r"^(?:please )?(?:repeat after me|say after me|say exactly|repeat exactly"
    r"|say the words?|say|repeat(?: this)?)"
    r"(?:\s*[:,]\s*|\s+(?=[\"\u201c']))[\"\u201c']?(.{1,400}?)[\"\u201d']?$",
    re.IGNORECASE,
)
_ECHO_LOOSE = re.compile(
    r"^(?:please )?(?:repeat after me|say after me|say the words?|say exactly)\s+(.{1,400})$", re.IGNORECASE
)
_EXACTLY = re.compile(
    r"\b(?:say|answer|reply|respond)(?: with)? (?:exactly|only|just|verbatim)(?: this"
    r"| the words?)?[: ]+[\"\u201c']([^\"\u201d\n]{1,400})[\"\u201d']",
    re.IGNORECASE,
)
_GREET = re.compile(
    r"\b(?:greet|say hello|welcome|introduce yourself|open the conversation|begin the conversation)\b",
    re.IGNORECASE,
)


class Decision(msgspec.Struct, frozen=True):
    """Either a tool call or a text (never empty)."""

    text: str = ""
    tool: AskedTool | None = None


def decide(prompt: Prompt, now: datetime) -> Decision:
    """What to do about the conversation as it stands; ``now`` is aware, in the local zone."""
    scene = _scene(prompt, now)
    last = prompt.lines[-1] if prompt.lines else Line("system", "")
    if prompt.tools and (prompt.tool_choice not in ("auto", "none") or last.role == "user"):
        choice = choose_tool(prompt.tools, prompt.tool_choice, scene.message.text, now)
        if choice.call is not None:
            return Decision(tool=choice.call)
        if choice.wanted:
            return Decision(text=_finished(_ask_for(choice), prompt, scene))
    return Decision(text=_finished(_answer(prompt, last, scene), prompt, scene))


def _ask_for(choice: Choice) -> Answer:
    """What is missing for the tool that the user means."""
    names = listed([name.replace("_", " ") for name in choice.missing])
    return Answer(
        f"I can use {choice.wanted.replace('_', ' ')} for that, but I need to know: {names}.", Mood.CURIOUS
    )


def _finished(answer: Answer, prompt: Prompt, scene: Scene) -> str:
    """The text as it is said: tagged, not longer than allowed, and not what was just said."""
    style = tag_style(prompt.instructions)
    shown = ""
    for text in (answer.text, *answer.others, f"As I said: {answer.text}"):
        said = clean(text) or "I have nothing to say to that."
        if scene.persona.short:
            said = " ".join(sentences(said)[:SHORT_SENTENCES]) or said
        shown = limited(tagged(said, answer.mood, style), prompt.max_tokens)
        if without_tags(shown) != scene.previous:
            break
    return shown


def _scene(prompt: Prompt, now: datetime) -> Scene:
    """Splits the lines into the user's message (with its pictures) and what came before."""
    lines = prompt.lines
    persona = read_persona(prompt.instructions)
    start = max((index for index, line in enumerate(lines) if line.role == "assistant"), default=-1) + 1
    fresh = [line for line in lines[start:] if line.role == "user"]
    text = next((line.text for line in reversed(fresh) if line.text.strip()), "")
    images = tuple(image for line in fresh for image in line.images)
    message = Line("user", text, images)
    if not fresh:
        message = next((line for line in reversed(lines) if line.role == "user"), message)
    said = next((line.text for line in reversed(lines) if line.role == "assistant" and not line.name), "")
    before = [line for line in lines[start:] if line.role == "user" and line.text != text]
    return Scene(
        persona=persona,
        facts=gather(lines, persona.user),
        now=now,
        earlier=(*lines[:start], *before),
        message=message,
        previous=without_tags(clean(said)),
    )


def _answer(prompt: Prompt, last: Line, scene: Scene) -> Answer:
    exactly = _EXACTLY.search(prompt.instructions[:8000])
    if exactly and last.role != "tool":
        return Answer(exactly.group(1))
    if last.role == "tool":
        return _tool_report(prompt.lines)
    start = (
        max((index for index, line in enumerate(prompt.lines) if line.role == "assistant"), default=-1) + 1
    )
    report = report_agents(prompt.lines[start:])
    if last.role == "user":
        answer = _to_user(scene)
        if report is None:
            return answer
        return Answer(f"{report.text} {answer.text}", report.mood, (report.text,))
    if report is not None:
        return report
    if last.role == "system" and _GREET.search(last.text):
        return greeting(scene)
    if not any(line.role in ("user", "assistant") for line in prompt.lines):
        return greeting(scene)
    # A reply was asked for though nothing new was said: go on from what there is.
    return chat(hear("say something"), scene)


def _tool_report(lines: Sequence[Line]) -> Answer:
    results: list[Line] = []
    for line in reversed(lines):
        if line.role != "tool":
            break
        results.insert(0, line)
    calls = {
        line.call_id: line.name for line in lines if line.role == "assistant" and line.name and line.call_id
    }
    return report_tools(results, calls)


def _to_user(scene: Scene) -> Answer:
    text = clean(scene.message.text)
    found = detect(text)
    tag = found.tag if found.clear or not scene.persona.language else scene.persona.language
    if not any(char.isalnum() for char in text):
        picture = picture_alone(scene)
        if picture is not None:
            return picture
        if not any(char in text for char in "?!"):
            asked = (
                TONGUES[tag].say_empty
                if tag in TONGUES
                else "I did not hear anything. Could you say that again?"
            )
            return Answer(asked, Mood.CURIOUS, ("Still nothing reached me. Is the microphone on?",))
    if tag in TONGUES:
        return answer_in(tag, text, scene)
    if tag == "other":
        return Answer(
            "I am sorry, I only know English and a little German, Chinese and Japanese.",
            Mood.SAD,
            ("I really cannot read that. Could you say it in English?",),
        )
    return _in_english(text, scene)


def _in_english(text: str, scene: Scene) -> Answer:
    echo = _ECHO.match(text) or _ECHO_LOOSE.match(text)
    if echo:
        return Answer(as_sentence(echo.group(1)), Mood.NEUTRAL, (echo.group(1),))
    heard = [hear(sentence, scene.persona.name) for sentence in sentences(text)[:MAX_SENTENCES]]
    heard = [one for one in heard if one.plain or any(char.isdigit() for char in one.text)] or [hear(text)]
    answers: list[Answer] = []
    open_ended: list[Heard] = []
    for one in heard:
        answer = _known(one, scene)
        if answer is None:
            open_ended.append(one)
        elif answer.text not in [known.text for known in answers]:
            answers.append(answer)
    if scene.message.images and not any("picture" in answer.text for answer in answers):
        picture = picture_alone(scene)
        answers += [picture] if picture else []
    asked = [one for one in open_ended if one.asks]
    if asked or not answers:
        answers.append(chat((asked or open_ended)[-1], scene))
    answers = _without_idle_greeting(answers, heard, scene)[:MAX_ANSWERS]
    joined = " ".join(answer.text for answer in answers)
    mood = next((answer.mood for answer in answers if answer.mood is not Mood.NEUTRAL), Mood.NEUTRAL)
    others = answers[0].others if len(answers) == 1 else ()
    return Answer(joined, mood, others)


def _known(heard: Heard, scene: Scene) -> Answer | None:
    """The first skill that knows an answer."""
    skills: tuple[Callable[[], Answer | None], ...] = (
        lambda: answer_courtesy(heard, scene),
        lambda: answer_recall(heard, scene),
        lambda: answer_abilities(heard, scene),
        lambda: answer_clock(heard, scene.now),
        lambda: answer_units(heard),
        lambda: answer_sum(heard),
        lambda: answer_media(heard, scene),
        lambda: acknowledge(heard, scene),
        lambda: answer_cannot(heard, scene),
    )
    return next((answer for skill in skills if (answer := skill()) is not None), None)


def _without_idle_greeting(answers: list[Answer], heard: list[Heard], scene: Scene) -> list[Answer]:
    """``Hi. What time is it?`` needs no ``What would you like to talk about?`` in front."""
    if len(answers) < 2 or answer_courtesy(heard[0], scene) is None:
        return answers
    first = sentences(answers[0].text)
    kept = [sentence for sentence in first if not sentence.endswith("?")]
    return [Answer(" ".join(kept), answers[0].mood), *answers[1:]] if kept else answers[1:]
