"""The token in every place where a provider's programs send their key, and nowhere else."""

from __future__ import annotations

import pytest
from websockets.datastructures import Headers

from neko_cli.local.entrance import Tokens

TOKEN = "tést-token"
LATIN = TOKEN.encode().decode("iso-8859-1")


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        ({"Authorization": f"Bearer {LATIN}"}, "/"),
        ({"Authorization": f"bearer {TOKEN}"}, "/"),
        ({"x-goog-api-key": LATIN}, "/"),
        ({"X-Goog-Api-Key": TOKEN}, "/"),
        ({}, "/ws/x?key=t%C3%A9st-token"),
        ({}, "/ws/x?alt=json&key=tést-token"),
        ({"Authorization": "Bearer wrong", "x-goog-api-key": TOKEN}, "/"),
        ({"Authorization": "Bearer wrong"}, f"/?key={TOKEN}"),
    ],
)
def test_places_of_the_token(headers: dict[str, str], path: str) -> None:
    assert Tokens(TOKEN).admit(Headers(headers), path)


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        ({}, "/"),
        ({}, "/?key="),
        ({}, "/?key=wrong"),
        ({}, f"/?Key={TOKEN}"),
        ({}, f"/?token={TOKEN}"),
        ({}, f"/{TOKEN}"),
        ({}, f"/?key=a&key=b&key={TOKEN}"),
        ({"Authorization": TOKEN}, "/"),
        ({"Authorization": f"Basic {TOKEN}"}, "/"),
        ({"Authorization": "Bearer"}, "/"),
        ({"Authorization": "Bearer "}, "/"),
        ({"x-goog-api-key": ""}, "/"),
        ({"x-goog-api-key": f"Bearer {TOKEN}"}, "/"),
        ({"api-key": TOKEN}, "/"),
        ({}, "/?key=%FF%FE&key=%"),
        ({"x-goog-api-key": "\xff"}, "/"),
    ],
)
def test_what_opens_nothing(headers: dict[str, str], path: str) -> None:
    assert not Tokens(TOKEN).admit(Headers(headers), path)
