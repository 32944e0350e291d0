"""Where Gemini's models and its two services differ: data, and the names of models and places.

Sources: the model pages and migration notes of gemini-3.8-live and gemini-3.1-flash-live-preview, the
Live API capabilities guide (ai.google.dev), the google-genai SDK 3.6.1.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

import msgspec

from neko_cli.core.codecs.dialect import AnyDialect
from neko_cli.core.errors import ConfigError


class GeminiDialect(AnyDialect, frozen=True, kw_only=True):
    """Differences between AI Studio and Vertex; the defaults are AI Studio's."""

    key_header: str = "x-goog-api-key"
    key_prefix: str = ""
    model_query: str = ""
    model_prefix: str = "models/"
    """Stands before the bare name of a model."""
    initial_history: bool = True
    """Whether a session can be told to wait for its history (``historyConfig``)."""
    stream_end: bool = True
    """Whether ``audioStreamEnd`` is known; else silence ends what was said."""
    by_place: bool = False
    """Whether a given address names a project and a location: see ``vertex_place``."""


AI_STUDIO = GeminiDialect()

VERTEX = GeminiDialect(
    key_header="Authorization",
    key_prefix="Bearer ",
    model_prefix="publishers/google/models/",
    initial_history=False,
    # The SDK's own converter and Google's .NET client say that Vertex has no audioStreamEnd.
    stream_end=False,
    by_place=True,
)


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What one model does differently; the defaults are those of gemini-3.8-live and newer ones."""

    client_content: bool = True
    """Whether ``clientContent`` is taken at any time, so also earlier messages and what is told by the way.

    gemini-3.1 closes with 1007 on it once the conversation has begun. The 2.5 models take it and then
    answer the next speech as if they had not, or close with 1007 when sound is on its way. For both,
    earlier messages stand in the instructions, and a typed turn is realtime input.
    """
    declare_blocking: bool = False
    """Whether tools are asynchronous unless declared BLOCKING (gemini-3.8-live)."""
    asynchronous: bool = False
    """Whether the model talks on while a tool runs, and cannot be told otherwise (extended thinking)."""
    takes_language: bool = False
    """Whether a language may be set: native audio models choose it themselves, and refuse to be told."""


_VERSION = re.compile(r"gemini-(?:live-)?(\d{1,3})\.(\d{1,3})")


def traits_of(model: str) -> Traits:
    """What a model does differently, by its name; an unknown one counts as a new one."""
    name = model.rpartition("/")[2].lower()
    found = _VERSION.match(name)
    if found is None:
        return Traits()
    version = (int(found[1]), int(found[2]))
    if version < (3, 0):
        return Traits(client_content=False, takes_language="native-audio" not in name)
    if version < (3, 2):
        return Traits(client_content=False)
    extended = "extended-thinking" in name
    return Traits(declare_blocking=not extended, asynchronous=extended)


class Place(msgspec.Struct, frozen=True):
    """A Google Cloud project and a location in it; both empty for a server that needs neither."""

    project: str = ""
    location: str = ""


NOWHERE = Place()

_RESOURCE = re.compile(
    r"(?:/v[0-9a-z]{1,12})?/projects/(?P<project>[\w.:-]{1,100})/locations/(?P<location>[\w-]{1,60})/?"
)
_REGIONAL = ".googleapis.com"
_MULTI_REGIONS = ("us", "eu")


def vertex_place(url: str, path: str) -> tuple[str, Place]:
    """The address of a Vertex link, and its place, from an address that names the place.

    ``https://HOST/v1/projects/P/locations/L`` is how Google itself writes a place; a bare Google host is
    replaced by that of the location. Any other server's address is used as it is. ``path`` is the Live
    API's own, which names its version. Raises ConfigError for a Google address that names no project.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    found = _RESOURCE.fullmatch(parts.path)
    if found is None:
        if host.endswith(_REGIONAL):
            raise ConfigError(
                "Google Vertex AI needs to know your project and a location.",
                hint='Set url in [provider], or --url: "https://us-central1-aiplatform.googleapis.com'
                '/v1/projects/YOUR-PROJECT/locations/us-central1".',
                code="missing_project",
            )
        return url, NOWHERE
    place = Place(found["project"], found["location"])
    netloc = _host_of(place.location) if host == f"aiplatform{_REGIONAL}" else parts.netloc
    return urlunsplit((parts.scheme, netloc, path, parts.query, "")), place


def _host_of(location: str) -> str:
    """Vertex's host for a location (google-genai, ``_api_client``)."""
    if location == "global":
        return f"aiplatform{_REGIONAL}"
    if location in _MULTI_REGIONS:
        return f"aiplatform.{location}.rep{_REGIONAL}"
    return f"{location}-aiplatform{_REGIONAL}"


def model_path(model: str, dialect: GeminiDialect, place: Place = NOWHERE) -> str:
    """The name of a model as the service wants it; a whole one is left alone."""
    path = model if "/" in model else dialect.model_prefix + model
    if place.project and path.startswith("publishers/"):
        path = f"projects/{place.project}/locations/{place.location}/{path}"
    return path
