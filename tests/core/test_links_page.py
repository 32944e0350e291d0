"""The page about links is that of the code, and sessions do what it says."""

from __future__ import annotations

import re

import msgspec
import pytest

from neko_cli.core import classify, link_figures
from neko_cli.core.capabilities import Resume
from neko_cli.core.codecs import PROVIDERS
from neko_cli.core.error_tables import CODES, DECISIVE_CLOSES, FALLBACK_CLOSES, STATUSES, TYPES
from neko_cli.core.errors import RateLimited
from neko_cli.core.events import Failure, LinkWord, StatusChanged
from neko_cli.core.keeper import AfterLoss
from neko_cli.core.link_ends import DOES, LADDER, in_words, samples, what_follows
from neko_cli.core.links_page import MEANINGS, as_text
from neko_cli.core.ports import Closing
from neko_cli.core.retry import RetryPolicy
from tests.fakes.staging import COLD, staged
from tests.fakes.virtual import virtual
from tests.hygiene.tree import ROOT

CLOSES = sorted({*DECISIVE_CLOSES, *FALLBACK_CLOSES})


def rows(title: str) -> dict[str, list[str]]:
    """The cells of a part's table, by the first of them."""
    part = as_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    cells = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return {first: rest for first, *rest in cells}


def test_the_page_in_the_docs_is_that_of_the_code() -> None:
    held = (ROOT / "docs" / "links.md").read_text(encoding="utf-8")
    assert held == as_text(), "run: python -m neko_cli.core.links_page > docs/links.md"


def test_nothing_of_the_tables_is_left_out() -> None:
    text = as_text()
    assert set(CLOSES) == set(MEANINGS)
    assert {str(code) for code in CLOSES} < set(rows("Close codes"))
    assert {str(status) for status in STATUSES} < set(rows("Statuses of the handshake"))
    assert [name for name in (*CODES, *TYPES) if f"`{name}`" not in text] == []
    assert {f"`{category}`" for category in samples()} < set(rows("What follows"))
    for title in ("Silence", "Before the provider's limit"):
        assert {provider.title for provider in PROVIDERS.values()} < set(rows(title))


@pytest.mark.parametrize(
    ("code", "in_turn", "between"),
    [
        ("1000", "tries again", "waits until you speak or type"),
        ("1006", "tries again", "tries again"),
        ("1008", "gives up", "gives up"),
        ("1011", "tries again", "tries again"),
        ("3000", "gives up: `neko keys set`", "gives up"),
        ("3008", "goes on at once", "goes on at once"),
        ("any other", "tries again", "tries again"),
    ],
)
def test_what_the_page_says_of_close_codes(code: str, in_turn: str, between: str) -> None:
    *_, first, second = rows("Close codes")[code]
    assert first.startswith(in_turn)
    assert second.startswith(between)


@pytest.mark.parametrize(
    ("status", "does"),
    [("401", "gives up"), ("408", "tries again"), ("429", LADDER), ("any 5xx", "tries again")],
)
def test_what_the_page_says_of_statuses(status: str, does: str) -> None:
    assert rows("Statuses of the handshake")[status][-1].startswith(does)


@pytest.mark.parametrize("in_turn", [True, False])
@pytest.mark.parametrize("code", CLOSES)
def test_a_session_does_what_the_page_says(code: int, in_turn: bool) -> None:
    """Not the same question asked twice: here a link really closes so."""
    wanted = what_follows(classify.from_close(Closing(code)), in_turn=in_turn)
    found: list[AfterLoss] = []

    @virtual
    async def run() -> None:
        async with staged(COLD) as stage:
            server = await stage.start()
            await stage.passes(60.0)
            if in_turn:
                await stage.session.send_message("Hello?")
                await stage.passes(0.1)
            server.drop(code)
            await stage.until(StatusChanged)
            await stage.passes(0.1)
            waits = [event.retry_in for event in stage.told(Failure) if event.retry_in is not None]
            match stage.session.state.link:
                case LinkWord.PARKED:
                    found.append(AfterLoss.PARK)
                case LinkWord.OFFLINE:
                    assert stage.told(Failure, fatal=True)[0].hint in in_words(
                        classify.from_close(Closing(code))
                    )
                    found.append(AfterLoss.GIVE_UP)
                case LinkWord.RECONNECTING:
                    found.append(AfterLoss.RETRY if waits[0] else AfterLoss.AT_ONCE)

    run()
    assert found == [wanted]


def test_a_rate_limit_is_no_loss_like_others() -> None:
    assert what_follows(RateLimited("Slow down.")) is None
    assert in_words(RateLimited("Slow down.")) == LADDER
    assert set(DOES) == set(AfterLoss)


def test_the_figures_are_those_of_the_policy() -> None:
    found = rows("Trying again")
    policy = RetryPolicy()
    pauses = [float(number) for number in re.findall(r"[\d.]+(?=,| s,)", found["pauses"][0])]
    assert (pauses[0], pauses[-1]) == (policy.first, policy.cap)
    assert all(after <= before * policy.factor for before, after in zip(pauses, pauses[1:], strict=False))
    assert found["attempts"][0].startswith(f"{policy.attempts}, ")


def test_what_is_kept_for_long_is_told_in_days() -> None:
    (line,) = [line for line in link_figures.limits().splitlines() if line.startswith("| OpenAI Live |")]
    assert "| from the session before, where that was stored (good for 30 days) |" in line


def test_what_a_provider_can_do_is_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    known = PROVIDERS["openai"]
    can = msgspec.structs.replace(
        known.capabilities,
        resume=Resume.HANDLE,
        resume_ttl=7200.0,
        going_away=True,
        max_session=900.0,
        renew_before=60.0,
        idle_close=600.0,
        ping_interval=None,
        silence_limit=4.0,
    )
    other = msgspec.structs.replace(known, title="Other", capabilities=can)
    endless = msgspec.structs.replace(known.capabilities, max_session=None, idle_is_free=True)
    third = msgspec.structs.replace(known, title="Third", capabilities=endless)
    monkeypatch.setattr(link_figures, "PROVIDERS", {"other": other, "third": third})
    first, second = [line for line in link_figures.limits().splitlines() if line.startswith(("| Ot", "| Th"))]
    for words in ("15 min", "14 min, or when it says so", "by handle (good for 120 min)", "after 10 min"):
        assert words in first
    assert "| no limit told | never |" in second
    assert "| kept | costs nothing, stays open |" in second
    assert "| Other | 4 s | 2 s | never, 20 s |" in link_figures.silence()
