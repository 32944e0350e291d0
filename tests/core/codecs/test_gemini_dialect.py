"""Models, places and keys of Google's two services."""

from __future__ import annotations

import pytest

from neko_cli.core.codecs import make_codec
from neko_cli.core.codecs.base import SessionSpec
from neko_cli.core.codecs.gemini_dialect import AI_STUDIO, VERTEX, Place, Traits, model_path, traits_of
from neko_cli.core.errors import ConfigError, CredentialsError
from tests.core.codecs import gem

STUDIO = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
SERVICE = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
PLACE = Place("my-project", "us-central1")


@pytest.mark.parametrize(
    ("model", "traits"),
    [
        ("gemini-3.8-live", Traits(declare_blocking=True)),
        ("models/gemini-3.8-live", Traits(declare_blocking=True)),
        ("gemini-3.8-live-extended-thinking", Traits(asynchronous=True)),
        ("gemini-4.0-live", Traits(declare_blocking=True)),
        ("gemini-3.1-flash-live-preview", Traits(client_content=False)),
        ("gemini-2.5-flash-native-audio-preview-12-2025", Traits(client_content=False)),
        ("gemini-live-2.5-flash-native-audio", Traits(client_content=False)),
        ("publishers/google/models/gemini-live-2.5-flash", Traits(client_content=False, takes_language=True)),
        ("gemini-2.0-flash-live-001", Traits(client_content=False, takes_language=True)),
        ("something-else", Traits()),
        ("", Traits()),
    ],
)
def test_what_a_model_does_differently(model: str, traits: Traits) -> None:
    assert traits_of(model) == traits


@pytest.mark.parametrize(
    ("model", "studio", "vertex"),
    [
        (
            "gemini-x",
            "models/gemini-x",
            "projects/my-project/locations/us-central1/publishers/google/models/gemini-x",
        ),
        ("models/gemini-x", "models/gemini-x", "models/gemini-x"),
        (
            "publishers/google/models/gemini-x",
            "publishers/google/models/gemini-x",
            "projects/my-project/locations/us-central1/publishers/google/models/gemini-x",
        ),
        ("projects/p/locations/l/x", "projects/p/locations/l/x", "projects/p/locations/l/x"),
    ],
)
def test_the_name_of_a_model(model: str, studio: str, vertex: str) -> None:
    assert model_path(model, AI_STUDIO) == studio
    assert model_path(model, VERTEX, PLACE) == vertex


def test_without_a_project_a_model_is_googles_own() -> None:
    assert model_path("gemini-x", VERTEX) == "publishers/google/models/gemini-x"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("", f"wss://generativelanguage.googleapis.com{STUDIO}"),
        ("http://localhost:8080", f"ws://localhost:8080{STUDIO}"),
        ("wss://proxy.example/live?x=1", "wss://proxy.example/live?x=1"),
    ],
)
def test_the_address_of_ai_studio(url: str, address: str) -> None:
    assert make_codec("gemini", SessionSpec(), url=url, key="secret").endpoint().url == address


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (
            "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1",
            "us-central1-aiplatform.googleapis.com",
        ),
        (
            "https://aiplatform.googleapis.com/v1beta1/projects/p/locations/europe-west4/",
            "europe-west4-aiplatform.googleapis.com",
        ),
        ("https://aiplatform.googleapis.com/projects/p/locations/global", "aiplatform.googleapis.com"),
        ("https://aiplatform.googleapis.com/projects/p/locations/eu", "aiplatform.eu.rep.googleapis.com"),
        ("https://proxy.example:8443/projects/p/locations/us", "proxy.example:8443"),
    ],
)
def test_the_address_of_vertex_is_made_from_a_project_and_a_location(url: str, host: str) -> None:
    made = gem.codec("vertex", url, model="gemini-x")
    assert made.endpoint().url == f"wss://{host}{SERVICE}"
    location = url.rstrip("/").rpartition("/")[2]
    assert gem.setup(made)["model"] == f"projects/p/locations/{location}/publishers/google/models/gemini-x"


@pytest.mark.parametrize(
    "url", ["", "https://us-central1-aiplatform.googleapis.com", "https://aiplatform.googleapis.com/v1"]
)
def test_vertex_without_a_project_is_told_where_it_goes(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_codec("vertex", SessionSpec(), url=url, key="token")
    assert caught.value.code == "missing_project"
    assert "--url" in str(caught.value)
    assert "locations/us-central1" in str(caught.value)


def test_vertex_behind_a_server_of_ones_own_needs_no_project() -> None:
    assert gem.codec("vertex", "ws://localhost:1").endpoint().url == f"ws://localhost:1{SERVICE}"


@pytest.mark.parametrize(
    ("provider", "url", "headers"),
    [
        ("gemini", "", {"x-goog-api-key": "AIza-secret"}),
        (
            "vertex",
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global",
            {"Authorization": "Bearer AIza-secret"},
        ),
    ],
)
def test_the_key_stands_in_a_header_and_nowhere_else(
    provider: str, url: str, headers: dict[str, str]
) -> None:
    made = make_codec(provider, SessionSpec(resume_handle="handle"), url=url, key="AIza-secret\n")
    endpoint = made.endpoint()
    assert endpoint.headers == headers
    assert "secret" not in f"{endpoint.url} {endpoint!r} {endpoint} {list(made.hello())}"
    assert "handle" not in endpoint.url


@pytest.mark.parametrize(
    ("provider", "name", "kind"),
    [
        ("gemini", "GEMINI_API_KEY", "Google Gemini needs an API key"),
        ("vertex", "GOOGLE_OAUTH_ACCESS_TOKEN", "Google Vertex AI needs an access token"),
    ],
)
def test_a_missing_key_is_told_with_the_way_to_get_one(provider: str, name: str, kind: str) -> None:
    with pytest.raises(CredentialsError) as caught:
        make_codec(provider, SessionSpec())
    for words in (f"neko keys set {provider}", name, kind, "https://"):
        assert words in str(caught.value)
