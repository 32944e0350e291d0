"""Patterns and sentences for the languages of which the responder knows a little."""

from __future__ import annotations

import re

import msgspec


class Tongue(msgspec.Struct, frozen=True, kw_only=True):
    """One language: what is recognised (``ask_``, ``tell_``) and what is said (``say_``)."""

    hello: re.Pattern[str]
    thanks: re.Pattern[str]
    bye: re.Pattern[str]
    tell_name: re.Pattern[str]
    ask_my_name: re.Pattern[str]
    ask_who: re.Pattern[str]
    ask_can: re.Pattern[str]
    ask_time: re.Pattern[str]
    ask_date: re.Pattern[str]
    sum_frame: re.Pattern[str]
    sum_words: tuple[tuple[str, str], ...]
    no_names: frozenset[str]
    say_hello: str
    say_welcome: str
    say_bye: str
    say_met: str
    say_name: str
    say_no_name: str
    say_who: str
    say_can: str
    say_time: str
    say_date: str
    say_sum: str
    say_about: str
    say_no_sum: str
    say_little: str
    say_again: str
    say_empty: str
    weekdays: tuple[str, ...]
    months: tuple[str, ...]


def _p(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_NUMBERS = tuple(str(month) for month in range(1, 13))

DE = Tongue(
    hello=_p(r"\b(?:hallo|guten (?:tag|morgen|abend)|moin|servus|grüß|hi|hey|hello)\b"),
    thanks=_p(r"\b(?:danke|vielen dank)\b"),
    bye=_p(r"\b(?:tschüss|tschüs|auf wiedersehen|bis (?:bald|später|morgen)|gute nacht)\b"),
    tell_name=_p(r"\b(?:ich hei(?:ß|ss)e|mein name ist|nenn mich)\s+([^\W\d_][\w'-]{0,30})"),
    ask_my_name=_p(
        r"\bwie (?:hei(?:ß|ss)e ich|ist mein name)\b|\bwer bin ich\b"
        r"|\bmein(?:en)? namen?\b.*\?"
    ),
    ask_who=_p(
        r"\bwer bist du\b|\bwie hei(?:ß|ss)t du\b|\bwas bist du\b|\bdein name\b"
        r"|\bbist du (?:eine? )?(?:ki|mensch|roboter)\b"
    ),
    ask_can=_p(r"\bwas kannst du\b|\bhilfe\b|\bkannst du mir helfen\b"),
    ask_time=_p(r"\bwie spät\b|\bwie ?viel uhr\b|\buhrzeit\b"),
    ask_date=_p(r"\bwelche[rsn]? (?:tag|datum|wochentag)\b|\bder wievielte\b|\bdatum\b"),
    sum_frame=_p(
        r"\b(?:was (?:ist|sind|ergibt)|wie ?viel (?:ist|sind|ergibt|macht)|rechne|berechne"
        r"|bitte)\b"
    ),
    sum_words=(
        ("geteilt durch", "/"),
        ("durch", "/"),
        ("mal", "*"),
        ("hoch", "^"),
        ("wurzel aus", "square root of"),
        ("die wurzel", "square root"),
        ("und", "+"),
        ("prozent von", "percent of"),
        ("prozent", "percent"),
    ),
    no_names=frozenset("nicht auch so wie".split()),
    say_hello="Hallo, ich bin {me}. Worum geht es?",
    say_welcome="Gern geschehen.",
    say_bye="Auf Wiedersehen, bis bald.",
    say_met="Freut mich, {name}.",
    say_name="Du heißt {name}.",
    say_no_name="Du hast mir deinen Namen noch nicht gesagt.",
    say_who="Ich bin {me}. Dahinter steht ein kleines eingebautes Programm, das ohne Netz antwortet.",
    say_can="Auf Deutsch kann ich wenig: grüßen, Uhrzeit und Datum sagen, rechnen und "
    "mir deinen Namen merken. Auf Englisch etwas mehr.",
    say_time="Es ist {hour}:{minute:02d} Uhr.",
    say_date="Heute ist {weekday}, der {day}. {month_name} {year}.",
    say_sum="Das ergibt {value}.",
    say_about="Das ergibt ungefähr {value}.",
    say_no_sum="Das lässt sich nicht berechnen.",
    say_little="Das verstehe ich leider nicht, ich kann nur ein wenig Deutsch. Ein Chatmodell, etwa "
    "mit Ollama, kann mehr.",
    say_again="Ich kann wirklich nur wenig Deutsch. Frag mich nach der Uhrzeit, dem Datum oder "
    "einer Rechnung.",
    say_empty="Ich habe nichts gehört. Kannst du das bitte wiederholen?",
    weekdays=("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    months=(
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ),
)

ZH = Tongue(
    hello=_p(
        r"你好|您好|早上好|晚上好|嗨|哈喽"
        r"|早安|\bhello\b|\bhi\b"
    ),
    thanks=_p(r"谢谢|感谢|多谢|謝謝"),
    bye=_p(r"再见|再見|拜拜|晚安"),
    tell_name=_p(r"(?:我叫|我的名字(?:叫|是))\s*([\w·]{1,12})"),
    ask_my_name=_p(
        r"我叫(?:什么|啥|什麼)|我是谁"
        r"|我的名字(?:是|叫)(?:什么|啥)"
    ),
    ask_who=_p(
        r"你(?:是谁|叫什么|叫啥|的名字"
        r"|是(?:人|机器|AI|什么))"
    ),
    ask_can=_p(r"你(?:会|能)(?:做|干)?(?:什么|啥)|帮助"),
    ask_time=_p(r"几点|什么时间|现在时间|幾點"),
    ask_date=_p(
        r"几号|星期几|周几|礼拜几"
        r"|什么日子|几月|日期"
    ),
    sum_frame=_p(
        r"等于(?:几|多少)?|是多少|多少|请问"
        r"|计算|算一下|呢"
    ),
    sum_words=(
        ("加上", "+"),
        ("加", "+"),
        ("减去", "-"),
        ("减", "-"),
        ("乘以", "*"),
        ("乘", "*"),
        ("除以", "/"),
        ("的平方", "^2"),
        ("＋", "+"),
        ("－", "-"),
    ),
    no_names=frozenset({"什么", "啥"}),
    say_hello="你好，我是{me}。想聊什么？",
    say_welcome="不客气。",
    say_bye="再见，下次聊。",
    say_met="很高兴认识你，{name}。",
    say_name="你叫{name}。",
    say_no_name="你还没有告诉我你的名字。",
    say_who="我是{me}。回答来自一个小的内置程序，不需要网络。",
    say_can="我只会一点中文：问好、报时间和日期、算数、记住你的名字。用英语会多一些。",
    say_time="现在是{hour}点{minute:02d}分。",
    say_date="今天是{year}年{month}月{day}日，{weekday}。",
    say_sum="答案是{value}。",
    say_about="答案大约是{value}。",
    say_no_sum="这个算不出来。",
    say_little="抱歉，我只会一点中文，没有听懂。接上聊天模型（比如 Ollama）会更好。",
    say_again="我真的只会一点中文。你可以问我时间、日期或者算术。",
    say_empty="我没有听到，请再说一遍。",
    weekdays=(
        "星期一",
        "星期二",
        "星期三",
        "星期四",
        "星期五",
        "星期六",
        "星期日",
    ),
    months=_NUMBERS,
)

JA = Tongue(
    hello=_p(
        r"こんにちは|おはよう"
        r"|こんばんは|はじめまして|やあ"
        r"|\bhello\b|\bhi\b"
    ),
    thanks=_p(r"ありがとう|どうも"),
    bye=_p(
        r"さようなら|またね|じゃあね"
        r"|おやすみ|バイバイ"
    ),
    tell_name=_p(
        r"(?:(?:私|僕|俺|わたし|ぼく)(?:の名前)?"
        r"|名前)は\s*([\w・]{1,16}?)(?:です"
        r"|といいます|と申します|だよ)"
    ),
    ask_my_name=_p(
        r"(?:私|僕|俺|わたし"
        r"|ぼく)(?:の名前)?(?:は|の名前を)(?:何"
        r"|だれ|誰|覚え|知っ)"
    ),
    ask_who=_p(
        r"(?:あなた|君|きみ)(?:の名前)?は"
        r"|お名前は|名前は何|誰ですか"
    ),
    ask_can=_p(r"何ができ|なにができ|助けて"),
    ask_time=_p(r"何時|なんじ|時間は"),
    ask_date=_p(r"何日|何曜日|日付|何月"),
    sum_frame=_p(
        r"は(?:いくつ|何)?(?:ですか"
        r"|になりますか)?[?？。]?$|計算して"
        r"|はいくつ"
    ),
    sum_words=(
        ("足す", "+"),
        ("たす", "+"),
        ("プラス", "+"),
        ("引く", "-"),
        ("ひく", "-"),
        ("マイナス", "-"),
        ("かける", "*"),
        ("掛ける", "*"),
        ("割る", "/"),
        ("わる", "/"),
    ),
    no_names=frozenset({"何", "いくつ", "誰", "だれ", "元気", "今日"}),
    say_hello="こんにちは、{me}です。何を話しましょうか。",
    say_welcome="どういたしまして。",
    say_bye="さようなら、また今度。",
    say_met="はじめまして、{name}さん。",
    say_name="あなたのお名前は{name}です。",
    say_no_name="まだお名前を聞いていません。",
    say_who="{me}です。ネットワークなしで動く小さな内蔵プログラムが答えています。",
    say_can="日本語は少しだけです。挨拶、時刻、日付、計算、お名前を覚えることができます。",
    say_time="{hour}時{minute:02d}分です。",
    say_date="今日は{year}年{month}月{day}日、{weekday}です。",
    say_sum="答えは{value}です。",
    say_about="答えはだいたい{value}です。",
    say_no_sum="それは計算できません。",
    say_little="すみません、日本語は少ししか分かりません。Ollama "
    ""
    "などのチャットモデルをつなぐともっと話せます。",
    say_again="本当に少しだけです。時刻、日付、計算なら答えられます。",
    say_empty="聞こえませんでした。もう一度お願いします。",
    weekdays=(
        "月曜日",
        "火曜日",
        "水曜日",
        "木曜日",
        "金曜日",
        "土曜日",
        "日曜日",
    ),
    months=_NUMBERS,
)

_GERMAN_ONES = dict(
    zip(
        "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf "
        "dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn".split(),
        range(20),
        strict=True,
    )
) | {"eins": 1, "eine": 1, "einen": 1}
_GERMAN_TENS = dict(
    zip(
        "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig".split(),
        range(20, 100, 10),
        strict=True,
    )
)
_HAN_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_HAN_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
_HAN_RUN = re.compile(f"[{''.join([*_HAN_DIGITS, *_HAN_SCALES])}]{{1,12}}")


def german_numbers(text: str) -> str:
    """German number words up to 999 as digits; other words stay."""
    return re.sub(r"[a-zäöüß]{3,40}", lambda match: _german_number(match.group()), text)


def _german_number(word: str) -> str:
    head, hundred, tail = word.partition("hundert")
    if hundred and (head == "" or head in _GERMAN_ONES):
        rest = _german_small(tail) if tail else 0
        return word if rest is None else str(_GERMAN_ONES.get(head, 1) * 100 + rest)
    small = _german_small(word)
    return word if small is None else str(small)


def _german_small(word: str) -> int | None:
    if word in _GERMAN_ONES:
        return _GERMAN_ONES[word]
    if word in _GERMAN_TENS:
        return _GERMAN_TENS[word]
    for tens, value in _GERMAN_TENS.items():
        ones = word.removesuffix(f"und{tens}")
        if ones != word and 0 < _GERMAN_ONES.get(ones, 0) < 10:
            return value + _GERMAN_ONES[ones]
    return None


def han_numbers(text: str) -> str:
    """Chinese numerals (also used in Japanese) as digits; full-width digits are made plain."""
    plain = text.translate({0xFF10 + digit: 0x30 + digit for digit in range(10)})
    return _HAN_RUN.sub(lambda match: str(_han_number(match.group())), plain)


def _han_number(run: str) -> int:
    if not any(char in _HAN_SCALES for char in run):
        return int("".join(str(_HAN_DIGITS[char]) for char in run))
    total = group = digit = 0
    for char in run:
        if char in _HAN_DIGITS:
            digit = _HAN_DIGITS[char]
        elif char == "万":
            total, group, digit = (total + group + digit) * 10_000, 0, 0
        else:
            group, digit = group + (digit or 1) * _HAN_SCALES[char], 0
    return total + group + digit
