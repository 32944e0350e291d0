"""What a visit to a provider's server means, in sentences. Pure."""

from __future__ import annotations

from neko_cli.cli.doctor_findings import Finding, Level, StageSeen
from neko_cli.cli.doctor_setup import Setup
from neko_cli.cli.exits import Exit, code_for_category
from neko_cli.core.codecs import PROVIDERS
from neko_cli.core.errors import Category
from neko_cli.services.reach_records import Reach, Stage, Step, Why

RUNS_HERE = Finding("embedded", Level.OK, "The embedded engine runs on this machine.")
"""Said of the engine inside this process, which nobody has to reach."""

_NETWORK = "Is there a network, or a firewall? Is the address right?"
_CLOCK = "Check this machine's clock; if it is right, the server's owner has to renew the certificate."
_BETWEEN = "Something may read along: a company's proxy, a virus scanner, a network's login page."

_NO_TIME = {
    Stage.NAME: (
        "The name {host} was not found within {s} s.",
        "Is there a network? Does its name server work?",
    ),
    Stage.CONNECT: ("{place} does not answer within {s} s.", _NETWORK),
    Stage.TLS: ("{place} takes the connection, but does not encrypt it within {s} s.", _BETWEEN),
    Stage.HANDSHAKE: ("{place} takes the connection, but does not answer the request within {s} s.", ""),
    Stage.SESSION: (
        "{place} opens a connection, but no session within {s} s.",
        "Is it a realtime speech server? Check --url and the provider's name.",
    ),
    Stage.PROXY: ("The proxy {proxy} does not answer within {s} s.", "Check HTTPS_PROXY and NO_PROXY."),
}
"""What is said where a stage's time is up, and what to do."""

_SENTENCES = {
    Why.NOT_FOUND: ("The name {host} cannot be found.", "Check the address and the network."),
    Why.NO_RESOLVER: (
        "The name {host} cannot be looked up: no name server answers.",
        "Is there a network? Does its name server work?",
    ),
    Why.REFUSED: ("Nothing answers at {place}.", "Check the address and the port."),
    Why.UNREACHABLE: ("The network does not reach {place}.", "Is there a network, or a firewall?"),
    Why.NO_CONNECTION: ("The connection to {place} could not be made.", _NETWORK),
    Why.NOT_TLS: ("{place} does not answer by TLS.", "Check the port, and wss:// or ws://."),
    Why.NO_CIPHER: ("{place} does not agree with us on how to encrypt.", _BETWEEN),
    Why.EXPIRED: ("The certificate of {place} has expired.", _CLOCK),
    Why.NOT_YET: ("The certificate of {place} is not valid yet.", _CLOCK),
    Why.WRONG_HOST: (
        "The certificate that {place} shows is for another name.",
        f"Check the address. {_BETWEEN}",
    ),
    Why.UNKNOWN_ISSUER: (
        "The certificate of {place} is from an issuer that this machine does not know.",
        f"{_BETWEEN} SSL_CERT_FILE can name the issuer's certificate, if you trust it.",
    ),
    Why.UNTRUSTED: ("The certificate of {place} cannot be trusted.", _BETWEEN),
}
"""What is said of a server for each of our own findings, and what to do."""

_PROXY_SENTENCES = {
    Why.NOT_FOUND: "The name of the proxy {proxy} cannot be found.",
    Why.NO_RESOLVER: "The name of the proxy {proxy} cannot be looked up: no name server answers.",
    Why.REFUSED: "Nothing answers at the proxy {proxy}.",
    Why.UNREACHABLE: "The network does not reach the proxy {proxy}.",
    Why.BAD_PROXY: "The proxy's address cannot be used.",
}


def judge(reach: Reach, setup: Setup) -> Finding:
    """One line about a visit. Only what the wanted provider lacks is a problem, with its exit code."""
    failed = reach.failed
    stages = tuple(_seen(step) for step in reach.steps)
    if failed is None:
        level = Level.OK if reach.opened_ms is not None else Level.NOTE
        return Finding(reach.provider, level, _good(reach), stages=stages)
    text, hint, code = _bad(reach, failed, setup)
    level = Level.PROBLEM if setup.wanted else Level.WARNING
    if failed.stage is Stage.ADDRESS and not setup.named:
        level = Level.NOTE  # there is a key, but nobody has said where to go with it
    elif failed.error is not None and failed.error.code == "no_model":
        level = Level.WARNING  # the server is there, and says no more before it is told a model
    return Finding(reach.provider, level, text, hint, code, stages)


def _seen(step: Step) -> StageSeen:
    why = step.why.value if step.why is not None else step.error.code if step.error is not None else ""
    return StageSeen(step.stage.value, step.outcome.value, step.ms, why)


def _place(reach: Reach) -> str:
    host = f"[{reach.host}]" if ":" in reach.host else reach.host
    return f"{host}:{reach.port}" if reach.port is not None else host


def _good(reach: Reach) -> str:
    """All that went well, shortly."""
    if reach.proxy:
        way = [f"by the proxy {reach.proxy}"]
    else:
        plural = "" if reach.addresses == 1 else "es"
        way = [f"{reach.addresses} address{plural}"] if reach.addresses else []
        way.append(reach.tls if reach.encrypted else "not encrypted")
    if reach.opened_ms is None:
        last = "only the proxy was tried" if reach.proxy else "no session tried"
        return f"{_place(reach)}: {', '.join([*way, last])}, because there is no key"
    if not reach.key_sent:
        key = "no key sent"
    elif reach.http and reach.given:
        key = "key not refused"  # a list of models may be open to everybody
    else:
        key = "key accepted"
    opened = "answered" if reach.http else "session opened"
    model = f" (model {reach.model})" if reach.model else ""
    return f"{_place(reach)}: {', '.join([*way, key])}, {opened} in {reach.opened_ms:.0f} ms{model}"


def _bad(reach: Reach, failed: Step, setup: Setup) -> tuple[str, str, int]:
    """Sentence, what to do, and exit code of the stage that failed."""
    if failed.error is not None:
        error = failed.error
        hint = _key_hint(setup) if error.category == Category.CREDENTIALS else error.hint
        return error.message, hint, code_for_category(error.category)
    why = failed.why or Why.NO_CONNECTION
    if failed.stage is Stage.PROXY and why is not Why.TIMEOUT:
        sentence = _PROXY_SENTENCES.get(why, "The connection to the proxy {proxy} could not be made.")
        hint = "Check HTTPS_PROXY and NO_PROXY."
    else:
        sentence, hint = _NO_TIME[failed.stage] if why is Why.TIMEOUT else _SENTENCES[why]
    words = {
        "host": reach.host,
        "place": _place(reach),
        "proxy": reach.proxy,
        "s": _seconds(failed.ms / 1000.0),
    }
    return sentence.format_map(words), hint, Exit.NETWORK


def _seconds(spent: float) -> str:
    return f"{spent:.0f}" if spent >= 1.0 else f"{spent:.1g}"


def _key_hint(setup: Setup) -> str:
    """What to do about a key that was refused."""
    provider = PROVIDERS[setup.table.name]
    page = f", from {provider.key_page}" if provider.key_page else ""
    hint = f"`neko keys set {provider.name}` stores another one{page}."
    others = [name for name in provider.regions if name != setup.table.region]
    if others and not setup.table.region:
        hint += f' A key of another region needs region = "{others[0]}" in [provider].'
    return hint
