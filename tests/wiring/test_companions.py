"""What goes with a conversation and may ask others, as it is bound."""

from __future__ import annotations

import msgspec

from neko_cli.core.ports import KeyStore
from neko_cli.core.profile import Profile
from neko_cli.core.tables_eyes import EyesTable
from neko_cli.wiring import parts
from neko_cli.wiring.companions import ProfileDescribers


class NoKeys:
    """A key store that must not be asked."""

    def find(self, names: object) -> str:
        raise AssertionError(f"nobody needs {names}")


def eyes(**fields: str) -> Profile:
    return Profile(eyes=EyesTable(**fields))


async def test_who_describes_is_found_by_the_profile_and_asked_for_nothing_yet() -> None:
    keys: KeyStore = NoKeys()  # type: ignore[assignment]
    describers = ProfileDescribers(keys)
    assert describers.find(Profile()) is None
    one = describers.find(eyes(describe_url="http://eyes.test/v1"))
    assert one is not None
    same = msgspec.structs.replace(eyes(describe_url="http://eyes.test/v1"), title="Another")
    assert describers.find(same) is one
    other = eyes(describe_url="http://eyes.test/v1", describe_model="large")
    assert describers.find(other) is not one
    await describers.aclose()
    await describers.aclose()
    assert describers.find(same) is not one, "a closed one describes nothing any more"


def test_the_eye_is_made_anew_for_each_session() -> None:
    assert parts.screen_eye() is not parts.screen_eye()
