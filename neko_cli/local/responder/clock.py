"""Answers about time and date, from the clock of the machine."""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime, timedelta

from neko_cli.local.responder.answer import Answer, Heard
from neko_cli.local.responder.numbers import read_words
from neko_cli.local.responder.zones import find_zone

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december",
)  # fmt: skip
_SHORT = {name[:3]: index for index, name in enumerate(MONTHS, start=1)} | {
    name: index for index, name in enumerate(MONTHS, start=1)
}
_MONTH = "|".join(sorted(_SHORT, key=len, reverse=True))

_TIME = re.compile(
    r"^(?:what time (?:is it|it is|do we have|do you have)|what is the (?:current "
    r"|exact )?(?:time|hour)|the time"
    r"|time|current time|do you have the time|how late is it|what the time is|what hour is it|what time)"
    r"(?: right now| now| currently)?(?: (?:in|at"
    r"|for) (?P<place>[a-z' -]{2,40}?))?(?: right now| now| currently)?$"
)
_TIME_IN = re.compile(
    r"^what is the time (?:difference )?in (?P<place>[a-z' -]{2,40})$|^(?P<other>[a-z' -]{2,40}) time$"
)
_WHEN = r"(?P<when>today|tomorrow|yesterday|the day after tomorrow|the day before yesterday|now)"
_DAY = re.compile(
    rf"^(?:what|which) (?:day|date|weekday|day of the week)(?: of the week)? (?:is|was|will"
    rf"|do we have)(?: it| be| it be)*(?: {_WHEN})?$"
    rf"|^what is (?:the |today's )?(?:current )?(?:date|day)(?: (?P<when2>today|tomorrow|yesterday))?$"
    r"|^what is (?P<when3>today|tomorrow)$|^(?:the )?date$|^(?P<when4>today)'s date$"
    r"|^what is (?P<when5>today|tomorrow)'s date$"
    r"|^what day (?P<when6>today|tomorrow) is$|^what day (?:it is|is today)$|^is (?:it"
    r"|today) (?P<isday>[a-z]+day)(?: today)?$"
)
_YEAR = re.compile(
    r"^(?:what|which) (?P<unit>year|month|week)(?: number)? (?:is (?:it|this)|do we have|are we in)(?: now)?$"
)
_AFTER = re.compile(
    r"^(?:what|which) (?:day|date|weekday) (?:is|was|will)(?: it)?(?: be)? (?:in )?(?P<n>[\w -]{1,30}?) "
    r"(?P<unit>days?|weeks?)(?P<ago> ago| from now| from today| later)?$"
)
_UNTIL = re.compile(
    r"^(?:how (?:many days|long)(?: is it| are there| is left| are left| left)?|when is"
    r"|days) (?:until |till |to )?(?P<what>.+)$"
)
_WEEKDAY_OF = re.compile(
    r"^(?:what|which) (?:day|weekday|day of the week) (?:is|was|will be) (?P<what>.+?)(?: on)?$"
)
_LEAP = re.compile(r"^is (?:it|this|(?P<year>\d{4})) a leap year$|^is this year a leap year$")
_HOLIDAYS = {
    "christmas": (12, 25), "christmas day": (12, 25), "christmas eve": (12, 24), "new year": (1, 1),
    "new year's eve": (12, 31), "new years eve": (12, 31), "new year's day": (1, 1), "new years": (1, 1),
    "the new year": (1, 1), "halloween": (10, 31), "valentine's day": (2, 14), "valentines day": (2, 14),
}  # fmt: skip


def answer_clock(heard: Heard, now: datetime) -> Answer | None:
    """The answer to a question about time or date, or None; ``now`` is aware and local."""
    core = heard.core
    time = _TIME.match(core) or _TIME_IN.match(core)
    if time:
        groups = time.groupdict()
        return _time(groups.get("place") or groups.get("other") or "", now)
    return _date_question(core, now) or _counting(core, now.date())


def clock_words(now: datetime) -> str:
    """``3:05 PM``."""
    return f"{now.hour % 12 or 12}:{now.minute:02d} {'AM' if now.hour < 12 else 'PM'}"


def date_words(day: date) -> str:
    """``Friday, 21 November 2025``."""
    return f"{DAYS[day.weekday()].capitalize()}, {day.day} {MONTHS[day.month - 1].capitalize()} {day.year}"


def _time(place: str, now: datetime) -> Answer | None:
    if not place or place in ("here", "the moment", "our place", "this moment"):
        return Answer(f"It is {clock_words(now)}.")
    zone = find_zone(place)
    name = " ".join(
        word.upper() if word in ("uk", "utc", "gmt", "nyc") else word.capitalize() for word in place.split()
    )
    if zone is None:
        if place in ("good", "long", "free", "first", "last", "half", "some", "any", "no"):
            return None
        return Answer(f"I do not know the time zone of {name}. Here it is {clock_words(now)}.")
    there = now.astimezone(zone)
    other = "" if there.date() == now.date() else f" on {DAYS[there.weekday()].capitalize()}"
    return Answer(f"In {name} it is {clock_words(there)}{other}.")


def _date_question(core: str, now: datetime) -> Answer | None:
    today = now.date()
    day = _DAY.match(core)
    if day:
        groups = day.groupdict()
        if groups["isday"]:
            return _is_day(groups["isday"], today)
        when = next((value for key, value in groups.items() if key.startswith("when") and value), "today")
        return _named_day(when, today)
    year = _YEAR.match(core)
    if year:
        unit = year["unit"]
        if unit == "year":
            return Answer(f"It is the year {today.year}.")
        if unit == "month":
            return Answer(f"It is {MONTHS[today.month - 1].capitalize()} {today.year}.")
        return Answer(f"It is week {today.isocalendar().week} of {today.isocalendar().year}.")
    leap = _LEAP.match(core)
    if leap:
        which = int(leap["year"] or today.year)
        return Answer(
            f"{'Yes' if calendar.isleap(which) else 'No'}, {which} is "
            f"{'' if calendar.isleap(which) else 'not '}a leap year."
        )
    return None


def _is_day(name: str, today: date) -> Answer | None:
    if name not in DAYS:
        return None
    right = DAYS[today.weekday()] == name
    return Answer(f"{'Yes' if right else 'No'}, today is {date_words(today)}.")


def _named_day(when: str, today: date) -> Answer:
    offset = {
        "tomorrow": 1,
        "yesterday": -1,
        "the day after tomorrow": 2,
        "the day before yesterday": -2,
    }.get(when, 0)
    day = today + timedelta(days=offset)
    verb = {0: "is"}.get(offset, "will be" if offset > 0 else "was")
    name = when if offset else "today"
    return Answer(f"{name[0].upper()}{name[1:]} {verb} {date_words(day)}.")


def _counting(core: str, today: date) -> Answer | None:
    after = _AFTER.match(core)
    if after:
        number = read_words(after["n"].replace("-", " ").removeprefix("in ").split())
        if number and number[0].denominator == 1 and abs(number[0]) <= 40_000:
            days = int(number[0]) * (7 if after["unit"].startswith("week") else 1)
            ago = (after["ago"] or "").strip() == "ago"
            day = today + timedelta(days=-days if ago else days)
            return Answer(f"That {'was' if ago else 'will be'} {date_words(day)}.")
    until = _UNTIL.match(core)
    if until:
        day_or_none = _target(until["what"], today)
        if day_or_none is not None:
            return _distance(day_or_none, today)
    weekday = _WEEKDAY_OF.match(core)
    if weekday:
        found = _target(weekday["what"], today)
        if found is not None:
            return Answer(f"That {'is' if found >= today else 'was'} {date_words(found)}.")
    return None


def _distance(day: date, today: date) -> Answer:
    days = (day - today).days
    if days == 0:
        return Answer("That is today.")
    if days < 0:
        return Answer(f"{date_words(day)} was {-days} {'day' if days == -1 else 'days'} ago.")
    return Answer(f"{date_words(day)} is in {days} {'day' if days == 1 else 'days'}.")


def _target(what: str, today: date) -> date | None:
    """The day that is meant: a holiday, a weekday, or a date in words or numbers."""
    words = what.replace(" of ", " ").removeprefix("the ").removeprefix("next ").removeprefix("on ").strip()
    if what in _HOLIDAYS or words in _HOLIDAYS:
        return _next(*_HOLIDAYS.get(what) or _HOLIDAYS[words], today)
    if words in DAYS:
        return today + timedelta(days=(DAYS.index(words) - today.weekday() - 1) % 7 + 1)
    if words == "tomorrow":
        return today + timedelta(days=1)
    match = re.fullmatch(rf"(\d{{1,2}})(?:st|nd|rd|th)? ({_MONTH})(?: (\d{{4}}))?", words)
    if match:
        day, month, year = match.group(1), match.group(2), match.group(3)
    else:
        match = re.fullmatch(rf"({_MONTH}) (?:the )?(\d{{1,2}})(?:st|nd|rd|th)?(?: (\d{{4}}))?", words)
        if not match:
            iso = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", words)
            return _date(int(iso[1]), int(iso[2]), int(iso[3])) if iso else None
        month, day, year = match.group(1), match.group(2), match.group(3)
    if year:
        return _date(int(year), _SHORT[month], int(day))
    return _next(_SHORT[month], int(day), today)


def _next(month: int, day: int, today: date) -> date | None:
    """The next such day, today included; 29 February may be years away."""
    years = range(today.year, min(today.year + 9, date.max.year + 1))
    return next((found for year in years if (found := _date(year, month, day)) and found >= today), None)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
