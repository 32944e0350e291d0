"""When to try again after a lost or failed link; pure.

Figures from the design: 0.3 s doubled each time up to 15 s, jitter of ±10 % so that many clients do
not come back together, 30 attempts, counted afresh after 10 s of a stable link.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from neko_cli.core.errors import NekoError


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait between attempts, in seconds, and how often to try."""

    first: float = 0.3
    factor: float = 2.0
    cap: float = 15.0
    jitter: float = 0.1
    """Part of a delay by which it is made shorter or longer, 0 … 1."""
    stable_after: float = 10.0
    """A link that lived this long counts as a success."""
    attempts: int = 30


class Backoff:
    """Counts attempts and tells how long to wait before the next one.

    ``random`` gives numbers in 0 … 1 (``random.random``; a fixed one in tests).
    """

    def __init__(self, random: Callable[[], float], policy: RetryPolicy | None = None) -> None:
        """Start with no failed attempt."""
        self.policy = policy if policy is not None else RetryPolicy()
        self._random = random
        self.attempts = 0

    def next_delay(self, error: NekoError | None = None) -> float | None:
        """Seconds to wait before the next attempt; None when there should be none.

        There is none after a permanent error or when all attempts are used up. A provider's
        ``retry_after`` is never undercut, and may be longer than the cap.
        """
        if (error is not None and error.permanent) or self.attempts >= self.policy.attempts:
            return None
        self.attempts += 1
        delay = self._delay(self.attempts)
        asked = error.retry_after if error is not None else None
        return delay if asked is None else max(delay, asked)

    def _delay(self, attempt: int) -> float:
        policy = self.policy
        # The exponent is bounded because a policy may allow more attempts than a float can double.
        plain = min(policy.cap, policy.first * policy.factor ** min(attempt - 1, 64))
        return plain * (1.0 + policy.jitter * (2.0 * self._random() - 1.0))

    def link_lived(self, seconds: float) -> None:
        """Tell how long a link lived that is now gone; a stable one resets the count."""
        if seconds >= self.policy.stable_after:
            self.reset()

    def reset(self) -> None:
        """Forget the failed attempts, as after an action of the user."""
        self.attempts = 0
