"""What the debug log says about links: numbers, names, counts and times; never words, keys or handles.

Every function but ``because`` and ``say`` is pure and makes one line. What a server sent (a code, a
model's name) is told only where it has the form of a name.
"""

from __future__ import annotations

import logging
import re
from contextvars import ContextVar
from typing import TYPE_CHECKING

from neko_cli.core.errors import NekoError

if TYPE_CHECKING:
    from neko_cli.core.energy import Change
    from neko_cli.core.handover import Carried
    from neko_cli.core.links import LinkRun, Opening
    from neko_cli.core.ports import Closing
    from neko_cli.core.state import LinkState
    from neko_cli.core.turns import Turns
    from neko_cli.core.uplink import Attached, Uplink

log = logging.getLogger(__name__)

_WHY: ContextVar[str] = ContextVar("why a link is opened", default="asked for")

_NAME = re.compile(r"[\w.:/-]{1,60}")

NO_FRAME = 1006
"""Close code of a connection that ended without a close frame (RFC 6455 §7.1.5)."""


def because(why: str) -> None:
    """Say why the task that is running opens a link next."""
    _WHY.set(why)


def say(line: str) -> None:
    """Write one line."""
    log.debug("%s", line)


def why_again(lost: NekoError | None, attempts: int) -> str:
    """Why the next link is opened, once there was one; ``lost`` is None after a sleep of the session."""
    if lost is None:
        return "woken"
    return f"reconnect, attempt {attempts}" if attempts else "reconnect at once"


def opens(number: int, opening: Opening) -> str:
    """A link is being made."""
    spec = opening.spec
    how = "resumes by a handle" if opening.handle else "fresh"
    return (
        f"link {number} opens ({_WHY.get()}): provider {_name(opening.profile.provider.name)}, "
        f"{_model(spec.model)}, {opening.mode}, {how}, told {len(spec.history)} lines"
    )


def configured(run: LinkRun) -> str:
    """The provider has taken the configuration; with how long each step took."""
    dialled, connected = run.made_at - run.begun_at, run.opened_at - run.made_at
    model = _name(run.link.ready.model) if run.link.ready is not None else ""
    return (
        f"link {run.link.generation} is configured: {dialled:.3f} s to dial, {connected:.3f} s to connect, "
        f"{run.up_at - run.opened_at:.3f} s to configure; model {model or 'not told'}"
    )


def live(run: LinkRun, before: LinkRun | None, now: float) -> str:
    """A link is the live one from here on."""
    after = f" after link {before.link.generation}" if before is not None else ""
    return f"link {run.link.generation} is live{after}, {now - run.up_at:.3f} s after it was configured"


def ended(run: LinkRun, error: NekoError, now: float) -> str:
    """A link ended, and not because it was asked to; or it never came about."""
    return f"link {run.link.generation} ended: {_error(error)}, {_by(run.link.closing)}, {_lived(run, now)}"


def presumed_lost(run: LinkRun, error: NekoError, now: float) -> str:
    """A link is left, though nobody has closed it."""
    return f"link {run.link.generation} is given up as lost: {_error(error)}, by us, {_lived(run, now)}"


def retired(run: LinkRun, now: float) -> str:
    """A link is not wanted any more and ends in its own time."""
    words = ", waits for late words" if run.lingers else ""
    return f"link {run.link.generation} is retired, {_lived(run, now)}{words}"


def cut(run: LinkRun, now: float) -> str:
    """A link is ended at once."""
    return f"link {run.link.generation} is cut, {_lived(run, now)}"


def closed(run: LinkRun, now: float) -> str:
    """A link has ended as it was asked to."""
    return f"link {run.link.generation} is closed: {_by(run.link.closing)}, {_lived(run, now)}"


def next_attempt(error: NekoError, delay: float, attempts: int, most: int) -> str:
    """There is no live link; what follows."""
    when = f"in {delay:.2f} s" if delay > 0.0 else "at once"
    return f"no live link ({_error(error)}): the next one {when}, {attempts} of {most} attempts used"


def given_up(error: NekoError) -> str:
    """There will be no link."""
    return f"given up: {_error(error)}, {'permanent' if error.permanent else 'not permanent'}"


def state(before: LinkState, after: LinkState, reason: str) -> str:
    """The link machine went on."""
    return f"{before.name} → {after.name} ({reason})"


def carried_over(number: int, turns: Turns, carried: Carried, uplink: Uplink, unsent_ms: float) -> str:
    """What is taken along from a link that goes; before it is."""
    parts = [f"turn {turns.turn.number} is {turns.state}"]
    if carried.ask is not None:
        parts.append(f"{type(carried.ask).__name__} is asked again")
    if carried.again:
        parts.append(f"{uplink.utterance_ms:.0f} ms of an utterance are sent again")
    if carried.cut:
        parts.append("its reply was cut")
    parts.append(f"{unsent_ms:.0f} ms had not left")
    return f"carried over from link {number}: {', '.join(parts)}"


def handed_over(run: LinkRun, attached: Attached, missed: int) -> str:
    """What a link is given when it takes over; ``missed`` counts lines said since it was made."""
    return (
        f"handed over to link {run.link.generation}: {missed} lines that it had missed, "
        f"{attached.resent_ms:.0f} ms of sound again, {attached.cached_ms:.0f} ms that were held"
    )


def standby(what: str, run: LinkRun | None, now: float) -> str:
    """Something about the standby link."""
    which = f"link {run.link.generation}, {_lived(run, now)}" if run is not None else "none"
    return f"standby {what}: {which}"


def standby_put_off(delay: float, failures: int) -> str:
    """There is no standby link, and none is tried for a while."""
    return f"no standby link for {delay:.2f} s; {failures} failures counted"


def swapped(reason: str, before: int, number: int, gap_s: float, attached: Attached, *, planned: bool) -> str:
    """A change of links, with its figures; ``gap_s`` from holding the microphone to the first byte."""
    plan = "planned" if planned else "not planned"
    return (
        f"swap from link {before} to link {number}: {reason}, {plan}, gap {gap_s * 1000.0:.0f} ms, "
        f"held {attached.cached_ms:.0f} ms, sent again {attached.resent_ms:.0f} ms"
    )


def energy(change: Change) -> str:
    """A level changed."""
    return f"energy of {change.mode} {change.old} → {change.level} of {change.max} ({change.reason})"


def _error(error: NekoError) -> str:
    return f"{error.category}, code {_name(error.code) or 'none'}"


def _by(closing: Closing | None) -> str:
    if closing is None:
        return "nobody closed"
    if closing.by_us:
        return f"closed by us with {closing.code}"
    if closing.code == NO_FRAME:
        return "the connection broke"
    return f"closed by the provider with {closing.code}"


def _lived(run: LinkRun, now: float) -> str:
    return f"lived {now - run.up_at:.1f} s" if run.link.ready is not None else "never configured"


def _model(name: str) -> str:
    return f"model {_name(name)}" if name else "its usual model"


def _name(text: str) -> str:
    """A name, or that it is none: servers may send anything."""
    if not text or _NAME.fullmatch(text):
        return text
    return "(unprintable)"
