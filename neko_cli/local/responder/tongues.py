"""Which language a message is in, and a polite small set of answers in German, Chinese and Japanese."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from neko_cli.local.responder.answer import Answer, Mood, Scene
from neko_cli.local.responder.arithmetic import SumTrouble, evaluate
from neko_cli.local.responder.numbers import spoken
from neko_cli.local.responder.tongue_tables import DE, JA, ZH, Tongue, german_numbers, han_numbers

TONGUES: dict[str, Tongue] = {"de": DE, "zh": ZH, "ja": JA}

_GERMAN = frozenset(
    """ich du er wir ihr nicht und der die das ein eine ist bin bist sind wie wer warum wo wann mein meine
    dein deine heiße heisse heißt heisst danke bitte hallo guten tschüss tschüs ja nein uhr spät heute morgen
    kannst können mir mich dich auf mit für von zu auch aber schön grüß mal geteilt wieviel viel
    wiedersehen servus moin""".split()
)
_STRONG_GERMAN = frozenset(
    "hallo danke tschüss tschüs heiße nein bitte servus moin wiedersehen wieviel guten".split()
)
_COMMA = re.compile(r"(?<=\d),(?=\d)")
_NAME_SHAPE = re.compile(r"[\w'・-]{1,30}")


class Detected(msgspec.Struct, frozen=True):
    """A language tag (en, de, zh, ja, other) and whether the text shows it clearly."""

    tag: str
    clear: bool


def detect(text: str) -> Detected:
    """The language of a message, by its script and its small words."""
    letters = [char for char in text if char.isalpha()]
    if not letters:
        return Detected("en", clear=False)
    kana = sum("぀" <= char <= "ヿ" for char in letters)
    han = sum("一" <= char <= "鿿" or "㐀" <= char <= "䶿" for char in letters)
    if kana:
        return Detected("ja", clear=True)
    if han * 3 >= len(letters):
        return Detected("zh", clear=True)
    latin = sum(ord(char) < 0x250 for char in letters)
    if latin * 2 < len(letters):
        return Detected("other", clear=True)
    words = re.findall(r"[^\W\d_]+", text.lower())
    hits = sum(word in _GERMAN for word in words)
    umlauts = any(char in "äöüß" for char in text.lower())
    strong = any(word in _STRONG_GERMAN for word in words)
    if (
        (strong and len(words) <= 4)
        or hits * 2 >= len(words) > 1
        or (umlauts and hits)
        or (strong and hits * 3 >= len(words))
    ):
        return Detected("de", clear=True)
    return Detected("en", clear=len(words) > 1)


def answer_in(tag: str, text: str, scene: Scene) -> Answer:
    """An answer in German, Chinese or Japanese to the few things understood in it."""
    tongue = TONGUES[tag]
    persona, previous = scene.persona, scene.previous
    told = _told_name(tongue, text)
    if told:
        return Answer(tongue.say_met.format(name=told), Mood.HAPPY)
    if tongue.ask_my_name.search(text):
        name = known_name(tag, scene)
        return Answer(tongue.say_name.format(name=name) if name else tongue.say_no_name)
    if tongue.ask_time.search(text):
        return Answer(tongue.say_time.format(hour=scene.now.hour, minute=scene.now.minute))
    if tongue.ask_date.search(text):
        return Answer(_date(tongue, scene.now))
    counted = _sum(tag, tongue, text)
    if counted:
        return counted
    for pattern, said, mood in (
        (tongue.ask_who, tongue.say_who, Mood.HAPPY),
        (tongue.ask_can, tongue.say_can, Mood.NEUTRAL),
        (tongue.thanks, tongue.say_welcome, Mood.HAPPY),
        (tongue.bye, tongue.say_bye, Mood.HAPPY),
        (tongue.hello, tongue.say_hello, Mood.HAPPY),
    ):
        if pattern.search(text):
            return Answer(said.format(me=persona.name), mood, (tongue.say_again,))
    return Answer(
        tongue.say_little,
        Mood.SAD,
        (tongue.say_again if previous != tongue.say_again else tongue.say_little,),
    )


def known_name(tag: str, scene: Scene) -> str:
    """The user's name, as told in any of the languages, newest first."""
    for line in reversed(scene.earlier):
        if line.role == "user":
            told = _told_name(TONGUES[tag], line.text[:500])
            if told:
                return told
    return scene.facts.name


def _told_name(tongue: Tongue, text: str) -> str:
    if tongue.ask_my_name.search(text):
        return ""
    match = tongue.tell_name.search(text)
    if not match:
        return ""
    shape = _NAME_SHAPE.match(match.group(1).strip())
    name = shape.group() if shape else ""
    return "" if name.lower() in tongue.no_names else name


def _date(tongue: Tongue, now: datetime) -> str:
    return tongue.say_date.format(
        day=now.day,
        month=now.month,
        year=now.year,
        weekday=tongue.weekdays[now.weekday()],
        month_name=tongue.months[now.month - 1],
    )


def _sum(tag: str, tongue: Tongue, text: str) -> Answer | None:
    low = tongue.sum_frame.sub(" ", text.lower())
    low = german_numbers(_COMMA.sub(".", low)) if tag == "de" else han_numbers(low)
    for word, sign in tongue.sum_words:
        low = low.replace(word, sign)
    try:
        result = evaluate(low.strip(" =?!.。？＝"))
    except SumTrouble:
        return Answer(tongue.say_no_sum)
    if result is None:
        return None
    said, whole = spoken(result.value)
    if tag == "de":
        said = said.replace(",", "\u00a0").replace(".", ",").replace("\u00a0", ".")
    return Answer((tongue.say_sum if whole and result.exact else tongue.say_about).format(value=said))
