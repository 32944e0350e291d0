"""What `neko doctor` says about a visit to a provider: one line, what to do, and the exit code."""

from __future__ import annotations

import pytest

from neko_cli.cli.doctor_findings import Finding, Level, StageSeen
from neko_cli.cli.doctor_reach import judge
from neko_cli.cli.doctor_setup import Setup
from neko_cli.core.profile import ProviderTable
from neko_cli.services.reach_records import Outcome, Reach, Stage, Step, Told, Why

OPENED = (
    Step(stage=Stage.HANDSHAKE, outcome=Outcome.OK, ms=300.2),
    Step(stage=Stage.SESSION, outcome=Outcome.OK, ms=12.1),
)


def setup(name: str = "openai", *, wanted: bool = True, named: bool = True, region: str = "") -> Setup:
    return Setup(table=ProviderTable(name=name, region=region), wanted=wanted, named=named)


def reach(*steps: Step, **changes: object) -> Reach:
    usual = {"provider": "openai", "host": "api.example", "addresses": 2, "tls": "TLS 1.3", "key_sent": True}
    return Reach(**{**usual, **changes, "steps": steps})  # type: ignore[arg-type]


def failed(stage: Stage, why: Why, ms: float = 3000.0) -> Step:
    return Step(stage=stage, outcome=Outcome.FAILED, ms=ms, why=why)


def told(category: str, code: str = "401", stage: Stage = Stage.HANDSHAKE) -> Step:
    error = Told(category=category, message="It says no.", hint="Do this.", code=code)
    return Step(stage=stage, outcome=Outcome.FAILED, ms=5, error=error)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (
            reach(*OPENED, model="m-1"),
            "api.example: 2 addresses, TLS 1.3, key accepted, session opened in 312 ms (model m-1)",
        ),
        (
            reach(*OPENED, addresses=1, port=8443),
            "api.example:8443: 1 address, TLS 1.3, key accepted, session opened in 312 ms",
        ),
        (
            reach(*OPENED, host="::1", port=1, addresses=0, encrypted=False, key_sent=False),
            "[::1]:1: not encrypted, no key sent, session opened in 312 ms",
        ),
        (
            reach(*OPENED, addresses=0, tls="", proxy="proxy.example:3128"),
            "api.example: by the proxy proxy.example:3128, key accepted, session opened in 312 ms",
        ),
        (
            reach(*OPENED, http=True, model="m"),
            "api.example: 2 addresses, TLS 1.3, key accepted, answered in 312 ms (model m)",
        ),
        # Whoever's server that is, its list of models may be open to everybody.
        (
            reach(*OPENED, http=True, given=True),
            "api.example: 2 addresses, TLS 1.3, key not refused, answered in 312 ms",
        ),
    ],
)
def test_all_is_well(found: Reach, text: str) -> None:
    assert judge(found, setup()).text == text
    assert judge(found, setup()).level is Level.OK


def test_without_a_key_it_is_neither_well_nor_a_problem() -> None:
    skipped = Step(stage=Stage.HANDSHAKE, outcome=Outcome.SKIPPED, why=Why.NO_KEY)
    found = judge(reach(skipped, key_sent=False), setup())
    assert found.level is Level.NOTE
    assert found.text == "api.example: 2 addresses, TLS 1.3, no session tried, because there is no key"
    found = judge(reach(skipped, key_sent=False, proxy="p.example:1"), setup())
    assert "only the proxy was tried" in found.text


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (failed(Stage.NAME, Why.NOT_FOUND), "The name api.example cannot be found."),
        (failed(Stage.NAME, Why.NO_RESOLVER), "no name server answers"),
        (failed(Stage.NAME, Why.TIMEOUT), "not found within 3 s"),
        (failed(Stage.CONNECT, Why.TIMEOUT, 250.0), "api.example does not answer within 0.2 s."),
        (failed(Stage.CONNECT, Why.REFUSED), "Nothing answers at api.example."),
        (failed(Stage.TLS, Why.TIMEOUT), "does not encrypt it within 3 s"),
        (failed(Stage.TLS, Why.EXPIRED), "The certificate of api.example has expired."),
        (failed(Stage.TLS, Why.NOT_YET), "not valid yet"),
        (failed(Stage.TLS, Why.WRONG_HOST), "The certificate that api.example shows is for another name."),
        (failed(Stage.TLS, Why.UNKNOWN_ISSUER), "from an issuer that this machine does not know"),
        (failed(Stage.HANDSHAKE, Why.TIMEOUT, 8000.0), "does not answer the request within 8 s"),
        (failed(Stage.SESSION, Why.TIMEOUT), "opens a connection, but no session within 3 s"),
        (failed(Stage.PROXY, Why.REFUSED), "Nothing answers at the proxy p.example:3128."),
        (failed(Stage.PROXY, Why.TIMEOUT), "The proxy p.example:3128 does not answer within 3 s."),
    ],
)
def test_each_failure_has_its_sentence(step: Step, words: str) -> None:
    found = judge(reach(step, proxy="p.example:3128" if step.stage is Stage.PROXY else ""), setup())
    assert words in found.text
    assert (found.level, found.code) == (Level.PROBLEM, 6)


def test_no_failure_is_without_a_sentence() -> None:
    """Every stage can run out of time, and every word that is no skipping can come from some stage."""
    skips = {Why.NO_KEY, Why.PROXIED, Why.PLAIN, Why.TIMEOUT}
    for stage in set(Stage) - {Stage.ADDRESS}:
        assert judge(reach(failed(stage, Why.TIMEOUT), proxy="p"), setup()).text.endswith(" s.")
    texts = [judge(reach(failed(Stage.PROXY, why), proxy="p"), setup()).text for why in set(Why) - skips]
    texts += [
        judge(reach(failed(Stage.TLS, why)), setup()).text for why in set(Why) - skips - {Why.BAD_PROXY}
    ]
    assert all(text.endswith(".") and "{" not in text for text in texts)


def test_the_faults_of_a_certificate_are_told_apart() -> None:
    faults = (Why.EXPIRED, Why.NOT_YET, Why.WRONG_HOST, Why.UNKNOWN_ISSUER, Why.UNTRUSTED, Why.NOT_TLS)
    assert len({judge(reach(failed(Stage.TLS, why)), setup()).text for why in faults}) == len(faults)


@pytest.mark.parametrize(
    ("category", "code"), [("credentials", 3), ("request", 4), ("quota", 5), ("server", 6), ("config", 2)]
)
def test_what_the_provider_says_decides_the_exit_code(category: str, code: int) -> None:
    found = judge(reach(told(category)), setup())
    assert (found.level, found.text, found.code) == (Level.PROBLEM, "It says no.", code)
    assert found.hint == "Do this." or category == "credentials"


def test_a_refused_key_is_told_with_the_way_to_another() -> None:
    found = judge(reach(told("credentials")), setup())
    assert found.hint == (
        "`neko keys set openai` stores another one, from https://platform.openai.com/api-keys."
    )
    assert 'region = "intl"' in judge(reach(told("credentials")), setup("qwen")).hint
    assert "region" not in judge(reach(told("credentials")), setup("qwen", region="intl")).hint


def test_only_the_wanted_provider_can_be_a_problem() -> None:
    for step in (failed(Stage.NAME, Why.NOT_FOUND), told("credentials"), told("config", stage=Stage.ADDRESS)):
        assert judge(reach(step), setup()).level is Level.PROBLEM
        assert judge(reach(step), setup(wanted=False)).level is Level.WARNING


def test_a_key_alone_is_not_yet_a_way_to_somewhere() -> None:
    step = told("config", stage=Stage.ADDRESS)
    assert judge(reach(step), setup("azure", wanted=False, named=False)).level is Level.NOTE


def test_a_server_that_wants_a_model_named_is_there() -> None:
    found = judge(reach(told("request", "no_model", Stage.SESSION)), setup("chat"))
    assert found.level is Level.WARNING


def test_the_stages_are_told_to_programs() -> None:
    found = judge(reach(Step(stage=Stage.NAME, outcome=Outcome.OK, ms=1.5), told("credentials")), setup())
    assert found.stages == (
        StageSeen("name", "ok", 1.5),
        StageSeen("handshake", "failed", 5, "401"),
    )
    assert isinstance(found, Finding)
