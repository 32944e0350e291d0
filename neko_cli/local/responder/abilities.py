"""Who and what the responder is, what it can do, and what it honestly cannot."""

from __future__ import annotations

import re

from neko_cli.local.responder.answer import Answer, Heard, Mood, Scene
from neko_cli.local.responder.wording import as_sentence, listed

CONNECT = "Start Ollama or LM Studio on this machine, or name a chat server as brain in your profile"
"""What to do for more than the built-in responder can say."""

_NAME = re.compile(
    r"^(?:what is your name|who are you(?: then| anyway)?|what are you called|your name"
    r"|how (?:should|can|do) i call you"
    r"|introduce yourself|(?:tell me |something |a bit |a little |more )*about (?:you|yourself)"
    r"|what should i call you|tell me your name|who am i (?:talking"
    r"|speaking) (?:to|with)|say your name)$"
)
_WHAT = re.compile(
    r"^(?:what are you|are you (?:an? )?(?:ai|a i|artificial intelligence|human|person"
    r"|real|robot|bot|computer|program|machine"
    r"|chatbot|language model|llm|alive|conscious|chatgpt|gpt|real person|real human).*"
    r"|(?:what|which) (?:model|llm|ai|engine|version) (?:are you|do you use|is this)|am i talking to an? .*)$"
)
_CAN = re.compile(
    r"^(?:(?:tell me |show me )?what (?:can |could )?you (?:can |could )?do(?: for me)?"
    r"|what are you (?:able to do|capable of|good at)|help|help me|how can you help(?: me)?"
    r"|what can i (?:ask|say|do)(?: you)?|what do you know|what are your (?:abilities"
    r"|skills)|how do you work|what else can you do)$"
)
_MADE = re.compile(
    r"^who (?:made|created|built|wrote|programmed) you$|^where (?:are you from|do you come from|do you live)$"
)
_AGE = re.compile(r"^how old are you$|^when were you (?:born|made|created)$|^when is your birthday$")
_FEEL = re.compile(
    r"^(?:how are you(?: doing| today| feeling)*|how do you (?:do|feel)|how is it going"
    r"|what is up|are you (?:ok|okay|well|happy|sad|tired))$"
)
_THERE = re.compile(r"^are you (?:still )?(?:there|here|listening|awake|online)$")
_HEAR = re.compile(
    r"^(?:can|do) you (?:hear|understand|see) me(?: well| now)?$|^(?:is|are) (?:this|you"
    r"|it) (?:on|working)$|^testing?(?: one two(?: three)?)?$"
)
_SEE = re.compile(r"^(?:can you see|do you see|can you look at)\b")
_MEMORY = re.compile(
    r"^(?:will|do|can) you remember (?:me|this|that|it|things|what i (?:say|tell you))\b"
    r"|^do you have (?:a )?memory$"
)
_SMARTER = re.compile(
    r"\b(?:be|become|get|make you) (?:smarter|better|more intelligent)\b|\bconnect (?:a|an"
    r"|another) (?:chat )?(?:model|server|brain)\b"
)
_CANNOT = (
    (
        re.compile(r"\bweather\b|\b(?:rain|snow|sunny|forecast)\b.*\b(?:today|tomorrow|outside|now)\b"),
        "look at the weather",
    ),
    (re.compile(r"\b(?:news|headlines)\b"), "read the news"),
    (re.compile(r"\b(?:search|google|look up|browse|internet|website)\b"), "search the internet"),
    (
        re.compile(
            r"\b(?:set|start|make) (?:an? |the )?(?:alarm|timer|reminder|appointment)\b"
            r"|\bremind me\b|\bwake me\b"
        ),
        "set timers or reminders",
    ),
    (re.compile(r"^translate\b|\bhow do you say\b"), "translate"),
    (
        re.compile(
            r"\b(?:write|compose|make up|invent|tell me|tell us|sing)\b.*\b(?:poem|story|essay"
            r"|song|letter|email|code|program|haiku)\b|^sing\b"
        ),
        "write or invent things",
    ),
    (re.compile(r"\bjokes?\b"), "make up a joke that is worth your time"),
    (
        re.compile(r"^(?:play|put on|open|turn on|turn off|switch|call|send|buy|order|book)\b"),
        "do things outside this conversation",
    ),
)


def introduce(scene: Scene) -> str:
    """Name and nature in one sentence, honest about being small."""
    persona = scene.persona
    who = f"I am {persona.name}"
    if persona.nature:
        who += f", {persona.nature}"
    return f"{who}."


def answer_abilities(heard: Heard, scene: Scene) -> Answer | None:
    """The answer to a question about the responder itself, or None."""
    return _about_self(heard.core, heard, scene) or _about_self(heard.plain, heard, scene)


def _about_self(core: str, heard: Heard, scene: Scene) -> Answer | None:
    if _NAME.match(core):
        more = " My answers come from a small built-in responder." if core.startswith("who") else ""
        return Answer(introduce(scene) + more, Mood.HAPPY, (f"My name is {scene.persona.name}.",))
    if _WHAT.match(core):
        return Answer(
            f"I am a program, not a person. {scene.persona.name} is the role I play; behind it is "
            f"a small built-in "
            "responder that works without a network and is no large language model.",
            Mood.NEUTRAL,
            ("A program: a small built-in responder, no large language model.",),
        )
    if _CAN.match(core):
        return Answer(_abilities(scene), Mood.HAPPY, (f"Only small things, as I said. {CONNECT} for more.",))
    if _MADE.match(core):
        return Answer("I am part of neko, and I run on your own machine, without a network.")
    if _AGE.match(core):
        return Answer("I have no age: I begin anew with every conversation.")
    if _FEEL.match(core):
        name = f", {scene.facts.name}" if scene.facts.name else ""
        thing = "Very well, thank you" if scene.persona.formal else "I am fine, thank you"
        return Answer(f"{thing}{name}. And how are you?", Mood.HAPPY, ("Still fine. And you?",))
    if _THERE.match(core):
        return Answer("Yes, I am here.", Mood.HAPPY, ("Still here, and listening.",))
    if _HEAR.match(core):
        return Answer(f"Yes, what reached me was: {heard.plain}.")
    if _SEE.match(core) and not scene.message.images:
        return Answer("I cannot see. When you send a picture I can tell its size and format, no more.")
    if _MEMORY.match(core):
        return Answer(
            "I remember what you tell me for as long as this conversation is in front of me, not longer."
        )
    if _SMARTER.search(core):
        return Answer(f"{CONNECT}, and the answers come from there.")
    return None


def answer_cannot(heard: Heard, scene: Scene) -> Answer | None:
    """An honest refusal of what is known to be out of reach, or None."""
    wish = (
        heard.asks
        or heard.plain != heard.core
        or bool(re.match(r"(?:[a-z]+ )?(?:me|a|an|the|on|up|for|to)\b", heard.core[-200:]))
    )
    for pattern, what in _CANNOT:
        if (pattern.search(heard.core) or pattern.search(heard.plain)) and (
            wish or pattern.match(heard.core)
        ):
            return Answer(
                f"I cannot {what}: I am the small built-in responder and work without a network. "
                f"{CONNECT} for that.",
                Mood.SAD,
                (f"I still cannot {what}.", as_sentence(f"That is beyond me: {what}")),
            )
    return None


def _abilities(scene: Scene) -> str:
    able = [
        "tell the time and date, here and elsewhere",
        "do arithmetic",
        "convert units",
        "remember what you tell me in this conversation",
        "measure pictures and texts that you send",
    ]
    if scene.persona.short:
        short = ["tell time and date", "calculate", "convert units", "remember what you tell me"]
        return f"I can {listed(short)}. I am small; {CONNECT[0].lower()}{CONNECT[1:]} for more."
    small = "I am small and know nothing about the world."
    return f"I can {listed(able)}, and chat a little. {small} {CONNECT} for more."
