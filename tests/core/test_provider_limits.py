"""Each provider's longest session, with its own figures; hours pass at once."""

from __future__ import annotations

import pytest

from neko_cli.core import swap, vigil
from neko_cli.core.codecs import PROVIDERS
from tests.fakes.staging import COLD, TALK, exchange, staged, swapped, told, works
from tests.fakes.virtual import virtual

LEFT_AFTER = {
    "embedded": 55, "openai": 55, "azure": 55, "azure-preview": 25, "xai": 115, "qwen": 115, "stepfun": 28,
    "gemini": 55, "vertex": 55,
}  # fmt: skip
"""Minutes after which a session is replaced; others have no limit that is known beforehand."""


def test_every_provider_with_a_limit_is_looked_at() -> None:
    limited = {name for name, row in PROVIDERS.items() if row.capabilities.max_session is not None}
    assert limited == set(LEFT_AFTER)


@pytest.mark.parametrize("provider", LEFT_AFTER)
@virtual
async def test_a_session_is_replaced_before_it_is_too_old_and_loses_nothing(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for looking in (swap, vigil):  # in hours, the figure of a provider is met as well by rarer looks
        monkeypatch.setattr(looking, "LOOK_EVERY", 2.0)
    can = PROVIDERS[provider].capabilities
    limits = {"max_session": can.max_session, "renew_before": can.renew_before}
    async with staged(COLD, capabilities=limits) as stage:
        server = await stage.start()
        await exchange(stage, server)
        for lap in (1, 2):
            standby = await stage.back()
            assert stage.core.now() == pytest.approx(LEFT_AFTER[provider] * 60.0 * lap, abs=10.0)
            assert await told(standby, 2) == TALK
            await swapped(stage, "limit", server, standby)
            server = standby
        await works(stage, server)
