"""Greetings, thanks, goodbyes and apologies, in the character's manner."""

from __future__ import annotations

import re
from datetime import datetime

from neko_cli.local.responder.answer import Answer, Heard, Mood, Scene

_HELLO = re.compile(
    r"^(?:(?:well |oh )?(?:hello|hi|hey|hiya|howdy|greetings|good (?:morning|afternoon"
    r"|evening|day)|morning|evening)"
    r"(?: there| again| everyone| to you| you| my friend)?(?: and)?(?: (?:hello|hi"
    r"|good (?:morning|afternoon|evening|day)))?)$"
)
_THANKS = re.compile(
    r"^(?:(?:ok|okay|great|good|perfect|oh|well|many|no) )*(?:thank you|thanks|cheers"
    r"|thank you very much)(?: (?:so much|very much|a lot|for .{1,60}|you|again|indeed))*$"
)
_BYE = re.compile(
    r"^(?:(?:ok|okay|well|and|thanks|thank you) )*(?:good ?bye|bye(?: bye)?|see you(?: later| soon"
    r"| tomorrow| around)?|good night|farewell"
    r"|i (?:have to|must|need to) go(?: now)?|talk to you later|until (?:later|tomorrow"
    r"|next time)|take care)(?: for now| now| then)?$"
)
_FINE = re.compile(
    r"^(?:i am )?(?:fine|good|great|not bad|very well|well|all right|alright|okay)(?: too)?"
    r"(?: thanks| thank you)(?: and you| and how are you)?$"
)
_SORRY = re.compile(
    r"^(?:oh )?(?:i am |am )?(?:so |very )?(?:sorry|apologies|my bad|excuse me)(?: (?:about|for) .{1,60})?$"
)
_PRAISE = re.compile(
    r"^(?:(?:that is|that was|you are|you did|this is|it is|very|so|really"
    r"|well) )*(?:great|good|nice|cool|awesome|amazing|perfect|clever|smart|"
    r"wonderful|excellent|funny|well done|good job|correct|right|impressive|cute|sweet"
    r"|good (?:girl|boy|bot|cat))$"
)
_BLAME = re.compile(
    r"^(?:(?:that is|that was|you are|this is|it is|very|so|really|no) )*(?:wrong|stupid"
    r"|dumb|bad|terrible|useless|boring|not (?:right|true|correct)|incorrect|nonsense)$"
)


def greeting(scene: Scene) -> Answer:
    """Words to open a conversation with, as the persona asks for."""
    persona = scene.persona
    if persona.greeting:
        return Answer(persona.greeting, Mood.HAPPY)
    name = f", {scene.facts.name}" if scene.facts.name else ""
    if persona.formal:
        return Answer(f"{_daytime(scene.now)}{name}. I am {persona.name}. How may I help you?", Mood.HAPPY)
    if persona.playful:
        return Answer(f"Hi{name}! {persona.name} here. What are we up to?", Mood.HAPPY)
    if persona.short:
        return Answer(f"Hello{name}. I am {persona.name}.", Mood.HAPPY)
    return Answer(f"Hello{name}, I am {persona.name}. What would you like to talk about?", Mood.HAPPY)


def answer_courtesy(heard: Heard, scene: Scene) -> Answer | None:
    """A reply in kind when the sentence is nothing but politeness, or None."""
    core, persona = heard.core, scene.persona
    plain = heard.plain.removesuffix(f" {persona.name.lower()}") if persona.name else heard.plain
    if _HELLO.match(plain) or _HELLO.match(core):
        if any(line.role == "assistant" and line.text.strip() for line in scene.earlier):
            name = f", {scene.facts.name}" if scene.facts.name else ""
            return Answer(f"Hello again{name}. What can I do?", Mood.HAPPY, ("Yes, I am still here.",))
        return greeting(scene)
    if _FINE.match(plain):
        return Answer("I am glad to hear that.", Mood.HAPPY, ("Good, that is settled.",))
    if _THANKS.match(plain):
        said = (
            "It was my pleasure."
            if persona.formal
            else "Any time!"
            if persona.playful
            else "You are welcome."
        )
        return Answer(said, Mood.HAPPY, ("Gladly.",))
    if _BYE.match(plain):
        name = f", {scene.facts.name}" if scene.facts.name else ""
        night = "Good night" if "night" in plain else "Goodbye"
        said = f"{night}{name}. It was good to talk with you." if not persona.short else f"{night}{name}."
        return Answer(said, Mood.HAPPY, (f"See you{name}.",))
    if _SORRY.match(plain):
        return Answer("No harm done.", Mood.HAPPY, ("It is all right.",))
    if _PRAISE.match(plain):
        return Answer("Thank you, I am glad to hear that.", Mood.HAPPY, ("You are kind.",))
    if _BLAME.match(plain):
        return Answer(
            "I am sorry. I am only a small responder; tell me what is right and I will remember it here.",
            Mood.SAD,
            ("Then please tell me how it is.",),
        )
    return None


def _daytime(now: datetime) -> str:
    if 5 <= now.hour < 12:
        return "Good morning"
    return "Good afternoon" if 12 <= now.hour < 18 else "Good evening"
