"""Answers about what was sent: the measures of pictures, the length and spelling of text."""

from __future__ import annotations

import re

from neko_cli.local.ports import ImageFacts
from neko_cli.local.responder.answer import Answer, Heard, Scene
from neko_cli.local.responder.wording import clean, listed, words_only

_PICTURE = re.compile(
    r"\b(?:picture|image|photo|photograph|screenshot|screen shot|drawing)s?\b"
    r"|\bwhat (?:did i|have i) (?:just )?(?:send|sent|show|shown)\b"
    r"|\b(?:what do you see|can you see (?:this|it|that)|look at (?:this|it|that)"
    r"|what is (?:on|in) (?:this|it))\b"
)
_LENGTH = re.compile(
    r"\bhow (?:long|many (?P<unit>words?|letters?|characters?|sentences?"
    r"|vowels?))\b.*?\b(?:is|are|has|have|does|do|in)\b ?(?:there )?(?:in )?"
    r"(?:the )?(?P<kind>text|word|sentence|phrase|message)?\b"
)
_COUNT = re.compile(r"^count (?:the )?(?P<unit>words|letters|characters|sentences|vowels)\b")
_QUOTED = re.compile(r"[\"\u201c\u201e\u300c](.+?)[\"\u201d\u201c\u300d]|(?<!\w)'(.+?)'(?!\w)|: ?(.+)$")
_LETTER = re.compile(
    r"^how many (?:times (?:does |is )?)?(?:the )?(?:letter )?([a-z])(?:'?s|es)? (?:are "
    r"|is |appear |occur |there |letters )*in (?:the )?(?:word )?([^\W\d_]{1,40})$"
)
_SPELL = re.compile(
    r"^(?:how do you |how is "
    r"|how do i )?spell(?:ed)? (?:out )?(?:the )?(?:word )?([^\W\d_][\w'-]{0,40})(?: spelled)?$"
)
_WORD = re.compile(r"\b(?:in|is|has|does|of) (?:the )?word ([^\W\d_][\w'-]{0,40})(?: have)?$")


def answer_media(heard: Heard, scene: Scene) -> Answer | None:
    """What can be said about a picture or a text that was sent, or None."""
    text = _about_text(heard, scene)
    if text is not None:
        return text
    images = scene.message.images or _last_images(scene)
    if _PICTURE.search(heard.plain) and (scene.message.images or heard.asks or "look" in heard.plain):
        if images:
            return Answer(_described(images, new=bool(scene.message.images)))
        return Answer("You have not sent me a picture in this conversation.")
    return None


def picture_alone(scene: Scene) -> Answer | None:
    """What to say when pictures came with no words that another part understands."""
    return Answer(_described(scene.message.images, new=True)) if scene.message.images else None


def _last_images(scene: Scene) -> tuple[ImageFacts, ...]:
    return next((line.images for line in reversed(scene.earlier) if line.images), ())


def _described(images: tuple[ImageFacts, ...], *, new: bool) -> str:
    said = [
        f"{_format(image)}, {image.width} by {image.height} pixels, {_shape(image)}" for image in images[:4]
    ]
    intro = "I got" if new else "The last thing you showed me was"
    if len(images) == 1:
        what = f"{intro} a picture: {said[0]}."
    else:
        numbered = [f"number {n}, {text}" for n, text in enumerate(said, 1)]
        what = f"{intro} {len(images)} pictures: {listed(numbered)}."
    return f"{what} I can measure it, but I cannot see what it shows; a chat model that takes pictures could."


def _format(image: ImageFacts) -> str:
    kind = clean(image.media_type).partition("/")[2].partition(";")[0].upper()[:12]
    return kind or "of unknown format"


def _shape(image: ImageFacts) -> str:
    if image.width == image.height:
        return "square"
    return "landscape" if image.width > image.height else "portrait"


def _about_text(heard: Heard, scene: Scene) -> Answer | None:
    spelt = _SPELL.match(heard.core)
    if spelt:
        word = spelt.group(1)
        return Answer(f"{word[0].upper()}{word[1:]} is spelled {', '.join(word.upper())}.")
    letter = _LETTER.match(heard.core)
    if letter:
        count = letter.group(2).lower().count(letter.group(1))
        times = "once" if count == 1 else f"{count} times" if count else "not at all"
        return Answer(f"The letter {letter.group(1).upper()} is in {letter.group(2)} {times}.")
    asked = _COUNT.match(heard.core) or _LENGTH.search(heard.core)
    if not asked:
        return None
    unit = (asked["unit"] or "").rstrip("s")
    subject = _subject(heard, scene)
    if subject is None:
        return None
    text, name = subject
    if unit:
        return Answer(f"{name} has {_counted(text, unit)}.")
    return Answer(f"{name} has {_counted(text, 'word')} and {_counted(text, 'character')}.")


def _subject(heard: Heard, scene: Scene) -> tuple[str, str] | None:
    """The text that is meant and how to call it."""
    quoted = _QUOTED.search(heard.text)
    if quoted:
        found = next(group for group in quoted.groups() if group).rstrip("?")
        return found, "That text" if " " in found.strip() else f"The word {clean(found).strip()}"
    word = _WORD.search(heard.core)
    if word:
        return word.group(1), f"The word {word.group(1)}"
    if re.search(r"\b(?:my|this|that) (?:text|message|sentence)\b", heard.core):
        # A question about "my message" means the one before, unless more came along with it.
        own = clean(scene.message.text)
        if len(words_only(own)) > len(heard.plain) + 20:
            return own, "Your message"
        before = next(
            (line.text for line in reversed(scene.earlier) if line.role == "user" and line.text.strip()), ""
        )
        return (before, "Your last message") if before else (own, "Your message")
    return None


def _counted(text: str, unit: str) -> str:
    if unit == "word":
        count = len(text.split())
    elif unit == "letter":
        count = sum(char.isalpha() for char in text)
    elif unit == "vowel":
        count = sum(char in "aeiou" for char in text.lower())
    elif unit == "sentence":
        count = max(1, len(re.findall(r"[.!?]+(?:\s|$)", text)))
    else:
        count = len(text)
    return f"{count} {unit if count == 1 else unit + 's'}"
