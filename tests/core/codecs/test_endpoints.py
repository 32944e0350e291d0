"""Addresses, keys and defaults of the providers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from neko_cli.core.capabilities import Resume
from neko_cli.core.codecs import PROVIDERS, find_provider, make_codec
from neko_cli.core.codecs.base import SessionSpec
from neko_cli.core.codecs.endpoints import FAMILIES
from neko_cli.core.errors import ConfigError, CredentialsError

SPEC = SessionSpec()


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("", "wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1"),
        ("https://host", "wss://host/v1/realtime?model=gpt-realtime-2.1"),
        ("http://localhost:8080/", "ws://localhost:8080/v1/realtime?model=gpt-realtime-2.1"),
        ("wss://host/own/path", "wss://host/own/path?model=gpt-realtime-2.1"),
        ("wss://host/own?model=theirs&x=1", "wss://host/own?model=theirs&x=1"),
        ("ws://[::1]:9/p", "ws://[::1]:9/p?model=gpt-realtime-2.1"),
    ],
)
def test_the_address(url: str, whole: str) -> None:
    assert make_codec("openai", SPEC, url=url, key="sk-x").endpoint().url == whole


def test_the_model_is_the_callers_then_the_specs_then_the_providers() -> None:
    spec = SessionSpec(model="a b")
    assert make_codec("openai", spec, key="k", model="own").endpoint().url.endswith("?model=own")
    assert make_codec("openai", spec, key="k").endpoint().url.endswith("?model=a%20b")


def test_the_key_goes_into_the_header_and_is_not_shown() -> None:
    endpoint = make_codec("openai", SPEC, key=" sk-secret \n").endpoint()
    assert endpoint.headers == {"Authorization": "Bearer sk-secret"}
    assert "sk-secret" not in f"{endpoint!r} {endpoint}"
    assert "sk-secret" not in str(list(endpoint.__rich_repr__()))


def test_a_missing_key_is_told_with_the_way_to_get_one() -> None:
    with pytest.raises(CredentialsError) as caught:
        make_codec("openai", SPEC)
    for words in ("OpenAI needs an API key", "platform.openai.com", "neko keys set openai", "OPENAI_API_KEY"):
        assert words in str(caught.value)


def test_a_server_of_ones_own_may_need_no_key() -> None:
    assert make_codec("openai", SPEC, url="ws://localhost:1").endpoint().headers == {}


@pytest.mark.parametrize(
    ("provider", "url", "demanded"),
    [
        ("openai", "", True),
        ("openai", "wss://eu.api.openai.com/v1/realtime", True),
        ("openai", "https://API.openai.com.", True),
        ("openai", "https://proxy.example/api.openai.com", False),
        ("openai", "https://evilapi.openai.com", False),
        ("openai", "https://api.openai.com.evil.example", False),
        ("xai", "https://evil-api.x.ai.example", False),
        ("vertex", "https://evilaiplatform.googleapis.com", False),
        ("vertex", "https://us-aiplatform.elsewhere.example", False),
        ("openai", "http://[::1", False),
        ("vertex", "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1", True),
        ("embedded", "", False),
        ("embedded", "ws://localhost:1", False),
    ],
)
def test_the_providers_own_servers_demand_a_key(provider: str, url: str, demanded: bool) -> None:
    assert find_provider(provider).needs_key(url) is demanded


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel", "bell\x07"])
def test_a_key_that_cannot_be_one_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(CredentialsError) as caught:
        make_codec("openai", SPEC, key=key)
    assert key not in str(caught.value)


def test_plain_connections_to_other_machines_need_insistence() -> None:
    with pytest.raises(ConfigError, match="not be encrypted"):
        make_codec("openai", SPEC, url="ws://example.com/x", key="k")
    endpoint = make_codec("openai", SPEC, url="http://example.com/x", key="k", insecure=True).endpoint()
    assert endpoint.insecure
    assert endpoint.url.startswith("ws://example.com/x")


def test_the_embedded_engine_needs_an_address_and_no_key() -> None:
    with pytest.raises(ConfigError, match="has no address"):
        make_codec("embedded", SPEC)
    endpoint = make_codec("embedded", SPEC, url="ws://127.0.0.1:5/v1/realtime", key="token").endpoint()
    assert endpoint.headers == {"Authorization": "Bearer token"}


@pytest.mark.parametrize(
    ("name", "region", "url", "whole"),
    [
        (
            "qwen",
            "",
            "",
            "wss://dashscope.aliyuncs.com/api-ws/v1/realtime?model=qwen3.5-omni-plus-realtime",
        ),
        ("qwen", "intl", "", "wss://dashscope-intl.aliyuncs.com/api-ws/v1/realtime?model=m"),
        ("qwen", "intl", "wss://ws-1.example", "wss://ws-1.example/api-ws/v1/realtime?model=m"),
        ("stepfun", "", "", "wss://api.stepfun.com/v1/realtime?model=m"),
        ("stepfun", "intl", "", "wss://api.stepfun.ai/v1/realtime?model=m"),
        ("glm", "", "", "wss://open.bigmodel.cn/api/paas/v4/realtime?model=m"),
        ("neko-free", "", "wss://mine.example", "wss://mine.example/core"),
        (
            "azure-preview",
            "",
            "https://mine.openai.azure.com/",
            "wss://mine.openai.azure.com/openai/realtime?api-version=2025-04-01-preview&deployment=m",
        ),
        (
            "azure-preview",
            "",
            "wss://mine.openai.azure.com/openai/realtime?api-version=2024-10-01-preview",
            "wss://mine.openai.azure.com/openai/realtime?api-version=2024-10-01-preview&deployment=m",
        ),
    ],
)
def test_the_addresses_of_the_flat_family(name: str, region: str, url: str, whole: str) -> None:
    model = "" if "plus" in whole else "m"
    assert make_codec(name, SPEC, region=region, url=url, key="k", model=model).endpoint().url == whole


def test_another_region_has_its_own_page_for_keys_and_its_own_chat_model() -> None:
    here, there = find_provider("qwen"), find_provider("qwen", "intl")
    assert {here.key_page, here.chat_url}.isdisjoint({there.key_page, there.chat_url})
    assert there.chat_model == here.chat_model
    with pytest.raises(CredentialsError, match=r"modelstudio.*DASHSCOPE_API_KEY"):
        make_codec("qwen", SPEC, region="intl")


@pytest.mark.parametrize(
    ("name", "words"),
    [("qwen", "Qwen-Omni has no region “mars”. Known are: intl."), ("openai", "It has none.")],
)
def test_an_unknown_region_names_the_known_ones(name: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_codec(name, SPEC, region="mars", key="k")
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["neko-free", "azure-preview"])
def test_who_has_no_address_of_its_own_says_which_one_to_give(name: str) -> None:
    with pytest.raises(ConfigError, match="--url"):
        make_codec(name, SPEC, key="k")


def test_azures_key_goes_into_a_header_of_its_own_and_is_needed_at_any_address() -> None:
    url = "https://mine.openai.azure.com"
    endpoint = make_codec("azure-preview", SPEC, url=url, key="secret").endpoint()
    assert endpoint.headers == {"api-key": "secret"}
    with pytest.raises(CredentialsError, match="AZURE_OPENAI_API_KEY"):
        make_codec("azure-preview", SPEC, url=url)


def test_a_server_of_nekos_kind_may_want_a_key_or_none() -> None:
    url = "wss://mine.example"
    assert make_codec("neko-free", SPEC, url=url).endpoint().headers == {}
    assert make_codec("neko-free", SPEC, url=url, key="k").endpoint().headers == {"Authorization": "Bearer k"}


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("https://mia.openai.azure.com", "wss://mia.openai.azure.com/openai/v1/realtime?model=mine"),
        ("https://mia.openai.azure.com/", "wss://mia.openai.azure.com/openai/v1/realtime?model=mine"),
        (
            "wss://mia.openai.azure.com/openai/v1/realtime?model=theirs",
            "wss://mia.openai.azure.com/openai/v1/realtime?model=theirs",
        ),
    ],
)
def test_azure_is_addressed_by_resource_and_deployment(url: str, whole: str) -> None:
    endpoint = make_codec("azure", SPEC, url=url, key="secret", model="mine").endpoint()
    assert endpoint.url == whole
    assert endpoint.headers == {"api-key": "secret"}


def test_azure_without_a_resource_says_what_one_looks_like() -> None:
    with pytest.raises(ConfigError, match="Azure OpenAI has no address") as caught:
        make_codec("azure", SPEC, key="secret")
    assert "[provider]" in caught.value.hint
    assert "https://NAME.openai.azure.com" in caught.value.hint


def test_azure_needs_a_key_at_an_address_of_azures() -> None:
    with pytest.raises(CredentialsError, match="AZURE_OPENAI_API_KEY"):
        make_codec("azure", SPEC, url="https://mia.openai.azure.com")
    assert make_codec("azure", SPEC, url="ws://127.0.0.1:1").endpoint().headers == {}


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1/chat/completions"),
        ("http://localhost:8080/v1/", "http://localhost:8080/v1/chat/completions"),
        ("https://host/api/v3/chat/completions", "https://host/api/v3/chat/completions"),
        ("wss://host/own", "https://host/own/chat/completions"),
    ],
)
def test_a_chat_server_is_asked_by_http(url: str, whole: str) -> None:
    endpoint = make_codec("chat", SessionSpec(model="m"), url=url).endpoint()
    assert endpoint.url == whole
    assert (endpoint.headers, endpoint.ping_interval) == ({}, None)
    with pytest.raises(ConfigError, match="not be encrypted"):
        make_codec("chat", SPEC, url="http://example.com/v1")
    with pytest.raises(ConfigError, match="127.0.0.1:11434"):
        make_codec("chat", SPEC)


def test_a_handle_stands_where_the_provider_wants_it() -> None:
    spec = SessionSpec(resume_handle="a b/c", store=True)
    assert make_codec("xai", spec, key="k").endpoint().url.endswith("&conversation_id=a%20b%2Fc")
    assert make_codec("openai-live", spec, key="k").endpoint().url.endswith("/live/sessions/a%20b%2Fc/fork")
    assert make_codec("openai-live", SPEC, key="k").endpoint().url == "wss://api.openai.com/v1/live/sessions"
    assert "a%20b" not in make_codec("openai", spec, key="k").endpoint().url


def test_what_is_not_stored_cannot_be_forked() -> None:
    assert make_codec("openai-live", SPEC, key="k").capabilities.resume is Resume.NONE
    stored = make_codec("openai-live", SessionSpec(store=True), key="k")
    assert stored.capabilities.resume is Resume.FORK


def test_an_unknown_provider_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="Did you mean openai"):
        find_provider("opanai")
    with pytest.raises(ConfigError, match="embedded, openai"):
        find_provider("\x1b[31mx")


def test_every_row_of_the_table_makes_a_codec() -> None:
    for name, provider in PROVIDERS.items():
        assert provider.name == name
        assert provider.family in FAMILIES
        # What is stored can be gone on with; who stores nothing cannot.
        spec = SessionSpec(store=True)
        assert make_codec(name, spec, url="ws://localhost:1", key="k").capabilities == provider.capabilities
        if provider.capabilities.key_required:
            assert provider.key_names
            assert provider.key_page.startswith("https://")
        assert bool(provider.chat_url) == bool(provider.chat_model)
        assert provider.chat_url.startswith("https://") or not provider.chat_url
        # An address that is to be given is described.
        assert provider.url or provider.runs_here or provider.address_hint
        for region in provider.regions:
            there = find_provider(name, region)
            assert there.url.startswith("wss://")
            assert there.url != provider.url
            assert bool(there.chat_url) == bool(there.chat_model)


def test_the_registry_loads_nothing_heavy() -> None:
    code = (
        "import sys; from neko_cli.core import codecs; codecs.find_provider('openai');"
        "heavy = {'websockets', 'numpy', 'soxr', 'httpx', 'neko_cli.core.codecs.openai_ga',"
        " 'neko_cli.core.codecs.openai_live', 'neko_cli.core.codecs.chat_completions'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert run.stdout.strip() == "[]"
