"""Conversation about what was said: takes up its subject and asks on. Nothing is drawn by lot."""

from __future__ import annotations

import re

from neko_cli.local.responder.abilities import CONNECT
from neko_cli.local.responder.answer import Answer, Heard, Mood, Scene
from neko_cli.local.responder.wording import (
    STOP_WORDS,
    as_sentence,
    as_written,
    clean,
    flip,
    shortened,
    topic_words,
)

_FEELING = re.compile(
    r"\bi (?:am|feel|am feeling|was|have been|felt) (?:really |very |so |a bit |a little "
    r"|quite |pretty |feeling |too )*"
    r"(?P<how>sad|tired|happy|glad|excited|bored|angry|lonely|sick|ill|stressed|worried"
    r"|nervous|afraid|scared|hungry|thirsty|"
    r"exhausted|upset|great|fine|good|okay|proud|confused|annoyed|depressed|cold|hot|busy"
    r"|well)\b(?P<why> because .{1,100})?"
)
_DOWN = frozenset(
    "sad tired bored angry lonely sick ill stressed worried nervous afraid scared exhausted upset confused "
    "annoyed depressed cold hot busy hungry thirsty".split()
)
_PLAN = re.compile(
    r"\bi (?:am going to|will|plan to|want to|would like to|am planning to|hope to|have to"
    r"|need to|must) (?P<what>.{2,100})$"
)
_PAST = re.compile(
    r"\bi (?:just |already |also |once |have |finally )*(?P<verb>went|saw|ate|bought|met"
    r"|made|watched|read|played|visited|cooked|finished|"
    r"started|learned|heard|found|lost|broke|built|wrote|got|had|did|took|drank|slept"
    r"|walked|worked|studied|moved|called)\b ?(?P<what>.{0,100})$"
)
_THINK = re.compile(r"\bi (?:think|believe|guess|suppose|feel like|feel that) (?:that )?(?P<what>.{2,100})$")
_WISH = re.compile(r"\bi (?:want|need|would like|wish for|wish i had) (?P<what>.{2,80})$")
_YOU_LIKE = re.compile(
    r"^(?:do|would|can) you (?:like|love|enjoy|prefer|hate|want) (?P<what>.{1,80})$"
    r"|^what is your favou?rite (?P<kind>.{1,60})$"
)
_YOU_THINK = re.compile(
    r"^what (?:do|would) you (?:think|say)(?: (?:about|of) (?P<what>.{1,80}))?$"
    r"|^what is your opinion (?:on|about|of) (?P<other>.{1,80})$"
)
_WHY = re.compile(
    r"^(?:but |and )?(?:why|how come|why not|why is that|how so|really|what do you mean|is that so)$"
)
_YES = re.compile(
    r"^(?:oh |well )?(?:yes|yeah|yep|yup|sure|of course|certainly|absolutely|i do|i am"
    r"|okay|ok|right|exactly|true|maybe|perhaps)(?: i (?:do|am|did))?$"
)
_NO = re.compile(
    r"^(?:oh |well )?(?:no|nope|nah|not really|not at all|never|i do not|i am not|no thanks|no thank you)$"
)
_LET_US = re.compile(
    r"^(?:let us |shall we |can we )(?:talk|speak|chat)(?: about (?P<what>.{1,80}))?$"
    r"|^(?:i want to|i would like to)? ?talk(?: to me)? about (?P<that>.{1,80})$"
)
_BORED = re.compile(
    r"^(?:say something|talk to me|tell me something.*|entertain me|surprise me"
    r"|let us talk|go on|continue|tell me more|more|i do not know|ask me something|what (?:now|next))$"
)
_FILLER = re.compile(
    r"^(?:h+m+|u+h+m*|u+m+|a+h+|o+h+|e+r+m*|wow|lol|(?:ha)+|hehe|huh|well|so|and|but|then|mhm)$"
)
_SAD_NEWS = re.compile(
    r"\b(?:died|dead|death|funeral|cancer|accident|divorce|hospital|fired|stolen|broke up)\b"
)
_REQUEST = re.compile(
    r"^(?:please )?(?:(?:can|could|would|will) you )?(?:please )?(?:tell me|explain"
    r"|describe|give me|show me|find|list|name|recommend|suggest"
    r"|define|compare|summari[sz]e|draw|solve|teach me|advise|choose|pick"
    r"|guess)\b ?(?:to me |me )?(?:something |more |all )*(?:about )?(?P<what>.*)$"
)
_INDIRECT = (
    (
        re.compile(
            r"^(?P<wh>what|who|where|when|why|how|which [\w-]+|what [\w-]+|how [\w-]+) (?P<be>is"
            r"|are|was|were) (?P<rest>.+)$"
        ),
        "{wh} {rest} {be}",
    ),
    (
        re.compile(
            r"^(?P<wh>what|who|where|when|why|how|which [\w-]+|what [\w-]+|how [\w-]+) do (?P<rest>.+)$"
        ),
        "{wh} {rest}",
    ),
    (
        re.compile(
            r"^(?P<rest>(?:who|which|what|whose) (?!about|does|did|can|could|will|would|should|has|have"
            r"|had)[\w' -]+)$"
        ),
        "{rest}",
    ),
)
_NOUN = re.compile(
    r"\b(?P<the>my|our|the|an?|his|her|their|this|that|your) (?P<noun>[^\W\d_][\w'-]{2,30})"
    r"(?: (?P<second>[^\W\d_][\w'-]{2,30}))?",
    re.IGNORECASE,
)
_QUESTION_HEAD = re.compile(
    r"^(?:what|who|whom|whose|where|when|why|which|how)\b(?: (?:much|many|old|far|long|big"
    r"|tall|high|deep|fast))?(?: (?:is|are|was|were|do|does|did|can|could|will|would|has"
    r"|have)\b)?"
    r"|^(?:is|are|was|were|do|does|did|can|could|will|would|has|have|should)\b(?: there\b)?"
)


def chat(heard: Heard, scene: Scene) -> Answer:
    """Something sensible to nearly anything; uses the words that were said."""
    for part in (_short_reply, _self_opinion, _feelings, _doings):
        answer = part(heard, scene)
        if answer is not None:
            return answer
    request = _REQUEST.match(heard.plain)
    if heard.asks or request:
        return _unknown(heard, scene, request["what"] if request else "")
    return _on_topic(heard, scene)


def _short_reply(heard: Heard, scene: Scene) -> Answer | None:
    """Yes, no, why: they belong to what was said before."""
    core = heard.core
    before = _topic_before(scene)
    about = f" about {before}" if before else ""
    if _YES.match(core):
        return Answer(f"Good. Then tell me more{about}.", Mood.CURIOUS, (f"Go on{about}, I am listening.",))
    if _NO.match(core):
        return Answer(
            "All right. What shall we talk about instead?", Mood.NEUTRAL, ("Then you choose the subject.",)
        )
    if _WHY.match(core):
        if scene.previous:
            return Answer(
                "I can give no deeper reason: I am a small responder, and I only take up what you say.",
                Mood.NEUTRAL,
                ("That is really all there is behind it.",),
            )
        return Answer("Why what? Tell me what you are thinking of.", Mood.CURIOUS)
    if _BORED.match(core):
        return _suggestion(scene)
    if _FILLER.match(core):
        return Answer("Take your time, I am listening.", Mood.NEUTRAL, ("Yes? What is on your mind?",))
    let_us = _LET_US.match(core)
    if let_us:
        what = let_us["what"] or let_us["that"]
        if not what:
            return _suggestion(scene)
        return Answer(
            f"Gladly. What interests you about {flip(shortened(what))}?",
            Mood.HAPPY,
            (f"Then begin: what about {flip(shortened(what))}?",),
        )
    return None


def _self_opinion(heard: Heard, scene: Scene) -> Answer | None:
    liking = _YOU_LIKE.match(heard.core)
    if liking:
        if liking["kind"]:
            kind = shortened(liking["kind"])
            known = scene.facts.has.get(f"favourite {kind.replace('colour', 'color')}")
            yours = f" Yours {known}, you said." if known else " What is yours?"
            return Answer(f"I have no favourite {kind} of my own.{yours}", Mood.CURIOUS)
        what = flip(shortened(liking["what"]))
        mine = next((item for item in scene.facts.likes if liking["what"].lower() in item.lower()), "")
        if mine:
            return Answer(f"I have no taste of my own, but I know that you like {flip(mine)}.", Mood.HAPPY)
        return Answer(f"I have no taste of my own. Do you like {what}?", Mood.CURIOUS)
    opinion = _YOU_THINK.match(heard.core)
    if opinion:
        what = opinion["what"] or opinion["other"] or _topic_before(scene) or "that"
        return Answer(
            f"I am too small for opinions. What do you think about {flip(shortened(what))}?",
            Mood.CURIOUS,
            (f"I really have no opinion on {flip(shortened(what))}.",),
        )
    return None


def _feelings(heard: Heard, scene: Scene) -> Answer | None:
    feeling = _FEELING.search(heard.plain)
    if not feeling or re.search(r"\bnot\b", heard.plain):
        return None
    how = feeling["how"]
    name = f", {scene.facts.name}" if scene.facts.name else ""
    if how in _DOWN:
        if feeling["why"]:
            why = flip(feeling["why"].strip())
            return Answer(f"I am sorry{name}. So you are {how} {why}. What would help you?", Mood.SAD)
        return Answer(
            f"I am sorry that you are {how}{name}. What happened?",
            Mood.SAD,
            (f"Still {how}? What would help?",),
        )
    return Answer(
        f"I am glad that you are {how}{name}. What is the reason?",
        Mood.HAPPY,
        (f"{how.capitalize()}, good. Go on.",),
    )


def _doings(heard: Heard, scene: Scene) -> Answer | None:
    plain = heard.plain
    past = _PAST.search(plain)
    if past and not heard.asks:
        said = flip(shortened(f"I {past['verb']} {past['what']}".strip()))
        return Answer(
            f"{as_sentence(said)} {_ask_on(past['verb'], past['what'])}",
            Mood.CURIOUS,
            (as_sentence(said) + " What came next?",),
        )
    thought = _THINK.search(plain)
    if thought and not heard.asks:
        return Answer(
            f"What makes you think that {flip(shortened(thought['what']))}?",
            Mood.CURIOUS,
            (f"And what follows if {flip(shortened(thought['what']))}?",),
        )
    wish = _WISH.search(plain)
    plan = _PLAN.search(plain)
    if plan and not heard.asks:
        what = flip(shortened(plan["what"]))
        return Answer(
            f"You mean to {what}. When will that be?", Mood.CURIOUS, (f"What do you need to {what}?",)
        )
    if wish and not heard.asks:
        what = flip(shortened(wish["what"]))
        return Answer(f"What do you want {what} for?", Mood.CURIOUS, (f"And what if you had {what} now?",))
    return None


def _unknown(heard: Heard, scene: Scene, wanted: str = "") -> Answer:
    """A question that nobody here can answer; the advice is given once in a conversation."""
    what = f"about {shortened(flip(as_written(wanted, heard.text)), 60)}" if wanted else _indirect(heard)
    advised = any(line.role == "assistant" and CONNECT in line.text for line in scene.earlier)
    if advised:
        said = f"I do not know {what}; I am only the small built-in responder."
    else:
        said = (
            f"I am the small built-in responder, and I do not know {what}. {CONNECT} for questions like this."
        )
    return Answer(said, Mood.SAD, (f"I really do not know {what}. Do you?",))


def _indirect(heard: Heard) -> str:
    """The question as a part of a sentence: ``what is love`` becomes ``what love is``."""
    for pattern, shape in _INDIRECT:
        match = pattern.match(heard.core)
        if match and len(heard.core) <= 100:
            parts = {key: flip(as_written(value, heard.text)) for key, value in match.groupdict().items()}
            clause = shape.format(**parts)
            return clause[:1].lower() + clause[1:]
    rest = _QUESTION_HEAD.sub("", heard.core, count=1).strip()
    subject = _noun(rest) or next(iter(topic_words(rest)), "")
    return f"anything about {as_written(subject, heard.text)}" if subject else "the answer to that"


def _on_topic(heard: Heard, scene: Scene) -> Answer:
    """A statement: said back, with a question about the thing in it."""
    said = as_sentence(flip(shortened(heard.text, 80)))
    if _SAD_NEWS.search(heard.plain):
        return Answer(
            f"I am sorry to hear that. {said} How are you now?",
            Mood.SAD,
            ("That is sad. Go on, if you like.",),
        )
    topics = topic_words(heard.text)
    noun = _noun(heard.text) or next(
        (word for word in reversed(topics) if len(word) > 3 and word.endswith("s")), ""
    )
    again = _mentioned(topics, scene)
    if again:
        return Answer(
            f"You come back to {again}. What is it about {again} that matters to you?",
            Mood.CURIOUS,
            ("Go on with that, please.",),
        )
    if len(heard.plain.split()) >= 4:
        more = f"Tell me more about {noun}." if noun else "What else is there to say about it?"
        return Answer(f"{said} {more}", Mood.CURIOUS, (f"And what about {noun or 'the rest'}?",))
    if topics:
        main = as_written(topics[-1], heard.text)
        return Answer(
            f"{main[0].upper()}{main[1:]}: what about it?",
            Mood.CURIOUS,
            (f"What do you think about {main}?",),
        )
    return Answer(
        f"You said: {shortened(heard.plain, 80)}. What do you mean by that?",
        Mood.CURIOUS,
        ("Tell me a little more, please.",),
    )


def _ask_on(verb: str, what: str) -> str:
    if verb in ("went", "visited", "moved", "walked"):
        return "How was it there?"
    noun = _noun(what)
    return (
        f"How was {noun}?"
        if noun and verb in ("saw", "ate", "watched", "read", "played", "had", "drank")
        else "How was it?"
    )


def _noun(text: str) -> str:
    """The last thing named with an article or a possessive, seen from the other side: ``your cat``."""
    found = [match for match in _NOUN.finditer(text) if match["noun"].lower() not in STOP_WORDS]
    if not found:
        return ""
    word = found[-1]["the"].lower()
    thing, second = found[-1]["noun"], (found[-1]["second"] or "").lower()
    if second and second not in STOP_WORDS and not second.endswith(("s", "ed", "ing", "ly")):
        thing = f"{thing} {found[-1]['second']}"  # most likely an adjective and its noun
    return f"{'the' if word in ('a', 'an', 'this', 'that') else flip(word)} {thing}"


def _suggestion(scene: Scene) -> Answer:
    """A subject out of this conversation, else one that always works."""
    facts = scene.facts
    if facts.likes:
        thing = flip(facts.likes[-1])
        return Answer(
            f"You told me that you like {thing}. How did that begin?",
            Mood.CURIOUS,
            (f"What is new with {thing}?",),
        )
    if facts.has:
        key = list(facts.has)[-1]
        return Answer(f"Tell me more about your {key}.", Mood.CURIOUS, (f"What about your {key}?",))
    return Answer(
        "Tell me what you did today.", Mood.CURIOUS, ("What do you like to do?", "What is on your mind?")
    )


def _topic_before(scene: Scene) -> str:
    for line in reversed(scene.earlier):
        if line.role == "user":
            text = clean(line.text[:400])
            topics = topic_words(text)
            if topics:
                return _noun(text) or topics[-1]
    return ""


def _mentioned(topics: list[str], scene: Scene) -> str:
    before = {
        word for line in scene.earlier[-20:] if line.role == "user" for word in topic_words(line.text[:400])
    }
    return next((word for word in reversed(topics) if word in before), "")
