"""Addresses, keys and defaults of the providers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from neko_cli.core.codecs import PROVIDERS, find_provider, make_codec
from neko_cli.core.codecs.base import SessionSpec
from neko_cli.core.codecs.endpoints import FAMILIES
from neko_cli.core.errors import ConfigError, CredentialsError

SPEC = SessionSpec()


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("", "wss://api.openai.com/v1/realtime?model=gpt-realtime"),
        ("https://host", "wss://host/v1/realtime?model=gpt-realtime"),
        ("http://localhost:8080/", "ws://localhost:8080/v1/realtime?model=gpt-realtime"),
        ("wss://host/own/path", "wss://host/own/path?model=gpt-realtime"),
        ("wss://host/own?model=theirs&x=1", "wss://host/own?model=theirs&x=1"),
        ("ws://[::1]:9/p", "ws://[::1]:9/p?model=gpt-realtime"),
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
        ("openai", "https://proxy.example/api.openai.com", False),
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


def test_an_unknown_provider_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="Did you mean openai"):
        find_provider("opanai")
    with pytest.raises(ConfigError, match="embedded, openai"):
        find_provider("\x1b[31mx")


def test_every_row_of_the_table_makes_a_codec() -> None:
    for name, provider in PROVIDERS.items():
        assert provider.name == name
        assert provider.family in FAMILIES
        assert make_codec(name, SPEC, url="ws://localhost:1", key="k").capabilities is provider.capabilities
        if provider.capabilities.key_required:
            assert provider.key_names
            assert provider.key_page.startswith("https://")
        assert bool(provider.chat_url) == bool(provider.chat_model)
        assert provider.chat_url.startswith("https://") or not provider.chat_url


def test_the_registry_loads_nothing_heavy() -> None:
    code = (
        "import sys; from neko_cli.core import codecs; codecs.find_provider('openai');"
        "heavy = {'websockets', 'numpy', 'soxr', 'httpx', 'neko_cli.core.codecs.openai_ga'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert run.stdout.strip() == "[]"
