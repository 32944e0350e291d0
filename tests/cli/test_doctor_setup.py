"""Which providers are set up, and what is said about their keys."""

from __future__ import annotations

from neko_cli.cli.doctor_findings import Finding, Level
from neko_cli.cli.doctor_setup import Setup, judge_keys, set_up
from neko_cli.cli.key_owners import key_owners, listed
from neko_cli.core.profile import Profile, ProviderTable, VoiceTable


def profile(name: str, **provider: object) -> Profile:
    return Profile(provider=ProviderTable(name=name, **provider), voice=VoiceTable(name="cedar"))  # type: ignore[arg-type]


def names(setups: list[Setup]) -> list[str]:
    return [setup.table.name for setup in setups]


def test_wanted_named_and_keyed_in_this_order() -> None:
    found = set_up(profile("openai"), [profile("gemini"), profile("embedded")], ["openai-live", "openai"])
    assert names(found) == ["openai", "gemini", "openai-live"]
    assert [(one.wanted, one.named) for one in found] == [(True, True), (False, True), (False, False)]
    assert [one.voice for one in found] == ["cedar", "cedar", ""]


def test_each_address_is_looked_at_once() -> None:
    mine = profile("openai", url="wss://mine.example")
    found = set_up(profile("openai"), [profile("openai", model="another"), mine, mine], ["openai"])
    assert [(one.table.url, one.table.model) for one in found] == [("", ""), ("wss://mine.example", "")]


def test_a_key_of_another_region_is_not_tried_at_the_first() -> None:
    found = set_up(profile("embedded"), [profile("qwen", region="intl")], ["qwen"])
    assert [(one.table.name, one.table.region) for one in found[1:]] == [("qwen", "intl")]


def test_the_engine_inside_this_process_counts_only_where_it_is_wanted() -> None:
    assert names(set_up(profile("embedded"), [], ["embedded"])) == ["embedded"]
    assert names(set_up(None, [profile("embedded")], ["embedded"])) == []
    assert names(set_up(None, [profile("embedded", url="ws://127.0.0.1:1")], [])) == ["embedded"]


def keys(setups: list[Setup], places: dict[str, str] | None = None) -> dict[str, Finding]:
    return {finding.area: finding for finding in judge_keys(key_owners(), places or {}, setups)}


def test_a_missing_key_is_told_with_where_to_get_one_and_how_to_set_it() -> None:
    for name, level in (("openai-live", Level.PROBLEM), ("gemini", Level.WARNING), ("xai", Level.NOTE)):
        found = keys(set_up(profile("openai-live"), [profile("gemini")], []))[f"key: {name}"]
        assert found.level is level
        if level is not Level.NOTE:
            assert "Get one at https://" in found.hint
            assert f"neko keys set {name}" in found.hint
            assert found.code == 3


def test_a_key_of_a_region_has_a_page_of_its_own() -> None:
    found = keys(set_up(profile("qwen", region="intl"), [], []))["key: qwen"]
    assert "modelstudio" in found.hint


def test_a_server_of_ones_own_may_need_none() -> None:
    found = keys(set_up(profile("openai", url="ws://127.0.0.1:1"), [], []))["key: openai"]
    assert found.level is Level.NOTE
    # Every user of Azure has an address of Azure's: the key is needed all the same.
    for name in ("azure", "azure-preview"):
        url = "https://mine.openai.azure.com"
        assert keys(set_up(profile(name, url=url), [], []))[f"key: {name}"].level is Level.PROBLEM


def test_a_key_that_providers_share_is_one_finding() -> None:
    found = keys([], {"OPENAI_API_KEY": "environment"})
    assert found["key: openai"].text == "from the environment, also for openai-live and openai-chat"
    assert "key: openai-live" not in found
    assert "key: chat" not in found  # it needs none


def test_every_name_of_a_key_has_one_owner() -> None:
    variables = [owner.names for owner in key_owners()]
    assert len(variables) == len(set(variables)) > 5


def test_names_as_in_a_sentence() -> None:
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
