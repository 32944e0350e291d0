"""Answers about what was told earlier in this conversation, and acknowledges what is told now."""

from __future__ import annotations

import re

from neko_cli.local.responder.answer import Answer, Heard, Mood, Scene
from neko_cli.local.responder.facts import Facts, Told, key_of, told_in
from neko_cli.local.responder.wording import (
    as_sentence,
    clean,
    flip,
    listed,
    sentences,
    shortened,
    topic_words,
)

_MY_NAME = re.compile(
    r"^(?:what is my name|who am i|what am i called|(?:do you )?(?:know|remember"
    r"|say) my name|what my name is|my name)$"
)
_IS_MY_NAME = re.compile(r"^is my name ([\w' -]{1,60})$")
_LIKES = re.compile(
    r"^what (?:all )?(?:do i|i) (?:like|love|enjoy|prefer)$|^what are my (?:likes|favourite things|hobbies)$"
)
_DISLIKES = re.compile(
    r"^what (?:do i|i) (?:hate|dislike|do not like|not like)$|^what do i not (?:like"
    r"|enjoy)$|^what do not i like$"
)
_DO_I_LIKE = re.compile(r"^do i (?:like|love|enjoy|hate|dislike) ([\w' -]{1,80})$")
_MY = re.compile(
    r"^(?:what|who|when|where|how old) (?:is|are|was|were) my ([\w' -]{1,60}?)(?: called| named| again)?$"
    r"|^what is the name of my ([\w' -]{1,60})$|^(?:what )?my ([\w' -]{1,60}) (?:is|are)$"
)
_ABOUT = (
    (
        re.compile(r"^where (?:do i|i) live$|^(?:which|what) (?:city|town|country|place) do i live in$"),
        ("live",),
    ),
    (re.compile(r"^where (?:am i|i am|do i come) from$"), ("from", "born", "live")),
    (re.compile(r"^where was i born$|^when was i born$"), ("born",)),
    (re.compile(r"^how old am i$|^what is my age$"), ("age",)),
    (
        re.compile(
            r"^what do i do(?: for a living| for work)?$|^what is my (?:job|work|profession)$"
            r"|^where do i work$"
        ),
        ("work", "job"),
    ),
    (re.compile(r"^what (?:do i|i) study$"), ("study",)),
    (re.compile(r"^(?:what|which) languages? do i speak$"), ("speak",)),
)
_HAVE = re.compile(r"^do i have (?:an? |any )?([\w' -]{1,40})$|^what (?:pets?|animals?|things?)? ?do i have$")
_NOTES = re.compile(
    r"^what (?:did i ask you to|should you|were you (?:supposed|asked) to|do you have to) (?:remember|note)"
    r"|^what (?:do you|can you) remember$|^what are my notes$|^what did i want you to remember$"
)
_KNOW_ME = re.compile(
    r"^what (?:do|did) you (?:know|remember|learn) about me$"
    r"|^what have you learned about me$|^(?:tell me |and |what )?about me$"
)
_SAID_ABOUT = re.compile(
    r"^what (?:did i|have i|i) (?:just )?(?:say|said|tell you|told you|mention"
    r"|mentioned) about ([\w' -]{1,80})$"
    r"|^(?:do you remember )?what i (?:said|told you) about ([\w' -]{1,80})$"
)
_I_SAID = re.compile(
    r"^what (?:did i|have i) (?:just |last )?(?:say|said|ask|tell you)(?: (?:just now"
    r"|before|last|earlier|you))?$"
    r"|^what was my (?:last )?(?:question|message)$"
)
_FIRST = re.compile(r"^what (?:was|is) the first thing i (?:said|asked|told you)$|^what did i say first$")
_YOU_SAID = re.compile(
    r"^(?:what did you (?:just )?say|say (?:that|it) again|repeat (?:that|it|yourself)"
    r"|repeat|again|pardon|pardon me"
    r"|come again|what was that|i (?:did not|do not) (?:hear|understand|get|catch) (?:that"
    r"|you|it)|sorry what|what)$"
)


def answer_recall(heard: Heard, scene: Scene) -> Answer | None:
    """The answer to a question about this conversation, or None when it is about something else."""
    core = heard.core
    if _YOU_SAID.match(core):
        if scene.previous:
            return Answer(f"I said: {scene.previous[:400].removeprefix('I said: ')}")
        return Answer("I have not said anything yet.")
    for pattern, finder in ((_FIRST, 0), (_I_SAID, -1)):
        if pattern.match(core):
            return _said(scene, finder)
    about = _SAID_ABOUT.match(core)
    if about:
        return _said_about(about.group(1) or about.group(2), scene)
    return _about_name(core, scene.facts) or _about_taste(core, scene.facts) or _about_rest(core, scene.facts)


def acknowledge(heard: Heard, scene: Scene) -> Answer | None:
    """Says in own words what was understood, when the sentence told something to remember."""
    told = told_in(heard.text)
    if not told or heard.asks:
        return None
    answers = [_taken(told[-1], scene)]
    if told[0].kind == "name" and len(told) > 1:
        answers.insert(0, _taken(told[0], scene))
    return Answer(" ".join(answer.text for answer in answers), answers[0].mood, answers[-1].others)


def _about_name(core: str, facts: Facts) -> Answer | None:
    if _MY_NAME.match(core):
        if facts.name:
            return Answer(f"Your name is {facts.name}.", Mood.HAPPY)
        return Answer("You have not told me your name yet. What is it?", Mood.CURIOUS)
    asked = _IS_MY_NAME.match(core)
    if asked and facts.name:
        same = asked.group(1).lower() == facts.name.lower()
        return Answer(
            "Yes, that is what you told me." if same else f"No, you told me that it is {facts.name}."
        )
    return None


def _about_taste(core: str, facts: Facts) -> Answer | None:
    for pattern, items, word in ((_LIKES, facts.likes, "like"), (_DISLIKES, facts.dislikes, "do not like")):
        if pattern.match(core):
            if items:
                return Answer(f"You told me that you {word} {listed([flip(item) for item in items[-6:]])}.")
            return Answer(f"You have not told me yet what you {word}.", Mood.CURIOUS)
    asked = _DO_I_LIKE.match(core)
    if asked:
        thing = asked.group(1)
        if any(thing in item.lower() for item in facts.likes):
            return Answer(f"Yes, you told me that you like {flip(thing)}.")
        if any(thing in item.lower() for item in facts.dislikes):
            return Answer(f"No, you told me that you do not like {flip(thing)}.")
        return Answer(f"You have not told me whether you like {flip(thing)}. Do you?", Mood.CURIOUS)
    return None


def _about_rest(core: str, facts: Facts) -> Answer | None:
    for pattern, keys in _ABOUT:
        if pattern.match(core):
            said = next((facts.about[key] for key in keys if key in facts.about), "")
            if said:
                return Answer(as_sentence(f"You told me that {flip('I ' + said)}"))
            if keys[0] != "work" or "job" not in facts.has:
                return Answer("You have not told me that yet.", Mood.CURIOUS)
    have = _HAVE.match(core)
    if have:
        return _owned(have.group(1) or "", facts)
    if _KNOW_ME.match(core):
        return _all_known(facts)
    if _NOTES.match(core):
        if facts.notes:
            return Answer(
                f"You asked me to remember that {listed([flip(note) for note in facts.notes[-5:]])}."
            )
        return _all_known(facts)
    mine = _MY.match(core)
    if mine:
        return _attribute(next(group for group in mine.groups() if group), facts)
    return None


def _attribute(subject: str, facts: Facts) -> Answer:
    key = key_of(subject)
    if key in facts.has:
        return Answer(as_sentence(f"Your {_shown(key)} {flip(facts.has[key])}"))
    if key == "name":
        return _about_name("what is my name", facts) or Answer("You have not told me your name yet.")
    for thing, name in facts.owns.items():
        if name and thing.lower().split()[-1] == key.split()[-1]:
            return Answer(f"Your {_shown(key)} is called {name}.")
    near = [known for known in facts.has if set(known.split()) & set(key.split())]
    if near:
        return Answer(as_sentence(f"I only know that your {_shown(near[-1])} {flip(facts.has[near[-1]])}"))
    return Answer(f"You have not told me about your {_shown(key)} yet.", Mood.CURIOUS)


def _owned(thing: str, facts: Facts) -> Answer:
    if not thing and facts.owns:
        return Answer(f"You told me that you have {listed(list(facts.owns)[-6:])}.")
    single = thing.removesuffix("s")
    for owned, name in facts.owns.items():
        if single and single in owned.lower():
            return Answer(f"Yes, you told me that you have {owned}{f' called {name}' if name else ''}.")
    if single and any(single in key for key in facts.has):
        return _attribute(single, facts)
    return Answer(f"You have not told me {f'whether you have {thing}' if thing else 'what you have'}.")


def _all_known(facts: Facts) -> Answer:
    said: list[str] = []
    if facts.name:
        said.append(f"your name is {facts.name}")
    said += [flip(f"I {text}") for text in list(facts.about.values())[-3:]]
    said += [f"your {_shown(key)} {flip(value)}" for key, value in list(facts.has.items())[-3:]]
    if facts.owns:
        said.append(f"you have {listed(list(facts.owns)[-3:])}")
    if facts.likes:
        said.append(f"you like {listed([flip(item) for item in facts.likes[-3:]])}")
    if facts.dislikes:
        said.append(f"you do not like {listed([flip(item) for item in facts.dislikes[-3:]])}")
    if facts.notes:
        said.append(f"I should remember that {listed([flip(note) for note in facts.notes[-3:]])}")
    if not said:
        return Answer("Nothing yet. I only know what you tell me in this conversation.", Mood.CURIOUS)
    return Answer(as_sentence(f"I know that {listed(said)}"), Mood.HAPPY)


def _shown(key: str) -> str:
    return key.replace("favourite color", "favourite colour")


def _said(scene: Scene, which: int) -> Answer:
    lines = [clean(line.text) for line in scene.earlier if line.role == "user" and line.text.strip()]
    if not lines:
        return Answer("This is the first thing that you have said to me.")
    return Answer(f"You said: {shortened(lines[which], 300)}.")


def _said_about(topic: str, scene: Scene) -> Answer:
    wanted = {word.removesuffix("s") for word in topic_words(flip(topic)) or topic.split()}
    for line in reversed([line for line in scene.earlier if line.role == "user"]):
        for sentence in reversed(sentences(clean(line.text))):
            found = {word.removesuffix("s") for word in topic_words(sentence) or sentence.lower().split()}
            if wanted & found and not sentence.endswith("?"):
                return Answer(f"You said: {shortened(sentence, 300)}.")
    return Answer(f"You have not said anything about {flip(topic)} in this conversation.")


def _taken(told: Told, scene: Scene) -> Answer:
    if told.kind == "name":
        again = any(
            fact.kind == "name"
            for line in scene.earlier
            if line.role == "user"
            for fact in told_in(line.text)
        )
        if again:
            return Answer(f"All right, I will call you {told.value}.", Mood.HAPPY)
        return Answer(
            f"Nice to meet you, {told.value}.", Mood.HAPPY, (f"Yes, I know: you are {told.value}.",)
        )
    value = flip(told.value)
    if told.kind == "like":
        return Answer(
            f"You like {value}, I will remember that. What do you like most about it?",
            Mood.HAPPY,
            (f"Yes, {value}. When did you begin to like it?",),
        )
    if told.kind == "dislike":
        return Answer(
            f"So you do not like {value}, noted. What bothers you about it?",
            Mood.CURIOUS,
            (f"I have it: {value} is not for you. What would you rather have?",),
        )
    if told.kind == "has":
        said = f"your {_shown(told.key)} {value}"
        return Answer(f"I will remember that {said}.", Mood.NEUTRAL, (f"Yes, {said}; I have that.",))
    if told.kind == "owns":
        called = f" called {told.value}" if told.value else ""
        thing = told.key
        return Answer(
            f"You have {thing}{called}. Tell me more about that, if you like.",
            Mood.CURIOUS,
            (f"I remember that you have {thing}{called}.",),
        )
    if told.kind == "note":
        return Answer(as_sentence(f"I will remember that {value}"), Mood.NEUTRAL, ("Yes, I have noted it.",))
    if told.kind == "forget":
        what = f"your {_shown(told.key)}" if told.key else "what you told me about yourself"
        return Answer(f"All right, I have put {what} out of my mind.")
    return Answer(
        as_sentence(f"{flip('I ' + told.value)}, I will remember that"),
        Mood.CURIOUS,
        (as_sentence(f"Yes, {flip('I ' + told.value)}"),),
    )
