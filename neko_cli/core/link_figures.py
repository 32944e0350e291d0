"""The figures by which links live: pauses, patience with silence, and each provider's limits, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neko_cli.core import keeper, link, swap, swap_plan, vigil, wake
from neko_cli.core.capabilities import Resume
from neko_cli.core.codecs import PROVIDERS
from neko_cli.core.codecs.provider import Provider
from neko_cli.core.markdown import table
from neko_cli.core.profile import GuardTable, SwapTable
from neko_cli.core.retry import Backoff, RetryPolicy
from neko_cli.core.swap_plan import Situation, SwapReason
from neko_cli.core.transport import websocket

_RESUMES: Mapping[Resume, str] = {
    Resume.NONE: "fresh session, told what was said",
    Resume.HANDLE: "by handle",
    Resume.CONVERSATION: "by the conversation's id",
    Resume.FORK: "from the session before, where that was stored",
}


def retrying() -> str:
    """How often, and with what pauses, a lost link is tried again."""
    policy = RetryPolicy()
    backoff = Backoff(lambda: 0.5)
    delays = [delay for _ in range(policy.attempts) if (delay := backoff.next_delay()) is not None]
    first = ", ".join(f"{delay:g}" for delay in dict.fromkeys(delays))
    rows = [
        ("pauses", f"{first} s, each ±{policy.jitter:.0%}; never less than the provider asks for"),
        ("attempts", f"{len(delays)}, about {sum(delays) / 60:.0f} minutes; then it is given up"),
        ("attempts at the start", f"{keeper.START_ATTEMPTS}: who waits at a prompt wants to know soon"),
        ("stability", f"counted afresh once a link has lived {policy.stable_after:g} s"),
        ("a socket may take", f"{link.OPEN_TIMEOUT:g} s"),
        ("a session may take", f"{link.SETUP_TIMEOUT:g} s more, until the provider has configured it"),
        ("standby links", f"{swap.STANDBY_ATTEMPTS} failures at one provider, then the session does without"),
    ]
    return f"""
{table(("what", "how much"), rows)}

A certificate that cannot be trusted, and a server that does not speak WebSocket, are final. A name that
is not found, nothing that answers, no way to the network and a time-out are tried again.
"""


def silence() -> str:
    """When a link that says nothing counts as lost."""
    rows = [
        (
            provider.title,
            f"{can.silence_limit:g} s",
            f"{can.silence_limit * vigil.PROBE_PART:g} s",
            f"{_seconds(can.ping_interval)}, {_seconds(can.ping_timeout)}",
        )
        for provider in PROVIDERS.values()
        for can in (provider.capabilities,)
    ]
    signs = [
        ("silence, as above", f"looked for every {vigil.LOOK_EVERY:g} s"),
        ("the socket takes nothing", f"after {websocket.SEND_TIMEOUT:g} s the link is replaced"),
        (
            "the computer slept: the wall clock ran ahead",
            f"by {wake.SMALL_STEP:g} s or more: every link is replaced",
        ),
        ("the process was stopped", f"for more than {wake.SMALL_STEP:g} s: every link is replaced"),
        (
            "another network, looked for every " + _seconds(vigil.ROUTE_EVERY),
            f"the link is kept when it still answers within {vigil.WAY_PROBE:g} s, else it is replaced",
        ),
    ]
    columns = ("provider", "silence is a loss after", "asked by a ping after", "pings: every, answer within")
    return f"""
A connection can be dead without anybody having been told (*half open*). While an answer is expected, or
somebody speaks, a provider that sends nothing is asked whether it is there, and the link is replaced when
no answer comes:

{table(columns, rows)}

{table(("sign", "what neko does"), signs)}
"""


def limits() -> str:
    """When each provider's links are replaced on purpose, or closed."""
    rows = [_limits_of(provider) for provider in PROVIDERS.values()]
    columns = ("provider", "session", "replaced after", "goes on by", "standby link (`auto`)", "idle link")
    policy = SwapTable()
    return f"""
{table(columns, rows)}

- A planned swap prepares the next link beside the live one, waits for a quiet moment, and waits no longer
  than until {swap_plan.FLOOR:g} s before the limit. `[swap]` `before_limit` sets another time; of a short
  limit at least {swap_plan.SHORT_PART:.0%} is used.
- A context of more than {policy.tokens} tokens (`[swap]` `tokens`), or `turns` turns, makes a fresh link
  that is told a summary and the last turns.
- `[swap]` `standby` is `auto`, `warm` or `cold`. A standby link is made once the live one has lived
  {swap_plan.SETTLED:g} s, and anew when it is older than {swap_plan.STANDBY_PART:.0%} of its limit.
- An idle link that was closed comes back at the first sound or key.
"""


def _limits_of(provider: Provider) -> Sequence[str]:
    can = provider.capabilities
    now = Situation(
        policy=SwapTable(),
        link_age=swap_plan.SETTLED,
        limit=can.max_session,
        renew_before=can.renew_before,
        idle_is_free=can.idle_is_free,
        can_catch_up=can.seed_history,
        resume=can.resume,
    )
    ttl = f" (good for {_span(can.resume_ttl)})" if can.resume_ttl is not None else ""
    idle = "costs nothing, stays open"
    if not can.idle_is_free:
        idle = f"closed after {GuardTable().park_minutes:g} min (`[guard]` `park_minutes`)"
    if can.idle_close is not None:
        idle += f"; the provider closes it after {_span(can.idle_close)}"
    return (
        provider.title,
        _span(can.max_session) if can.max_session is not None else "no limit told",
        _span(_renewed_after(now)) + (", or when it says so" if can.going_away else ""),
        _RESUMES[can.resume] + ttl,
        "kept" if swap_plan.wants_standby(now) else "made when it is needed",
        idle,
    )


def _renewed_after(now: Situation) -> float | None:
    """The age in whole seconds at which a link of this provider is due to be replaced."""
    if now.limit is None:
        return None
    low, high = 0, int(now.limit)
    while low < high:
        age = (low + high) // 2
        at = Situation(policy=now.policy, link_age=age, limit=now.limit, renew_before=now.renew_before)
        if swap_plan.due(at) is SwapReason.LIMIT:
            high = age
        else:
            low = age + 1
    return low


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:g} s"


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    if seconds >= 2 * 86_400.0:
        return f"{seconds / 86_400:g} days"
    return f"{seconds:g} s" if seconds < 120 else f"{seconds / 60:g} min"
