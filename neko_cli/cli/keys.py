"""``neko keys``: API keys of the providers. A key is never an argument and never shown whole."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neko_cli.cli.exits import tell
from neko_cli.cli.groups import CONTEXT, examples, with_default
from neko_cli.cli.interrupts import interruptible
from neko_cli.cli.options import AsJson
from neko_cli.core.errors import ConfigError

if TYPE_CHECKING:
    from neko_cli.services.secrets import Keys

app = typer.Typer(
    cls=with_default("list"),
    rich_markup_mode=None,
    add_completion=False,
    context_settings=CONTEXT,
    help="API keys: the environment comes first, then the system's keyring.",
    epilog=examples("neko keys set openai", "neko keys list"),
)

MAX_INPUT = 16_384


def complete_provider(incomplete: str) -> list[str]:
    """Names of providers that need a key, for the shell's completion."""
    from neko_cli.core.codecs import PROVIDERS

    return [
        name
        for name, entry in PROVIDERS.items()
        if entry.capabilities.key_required and name.startswith(incomplete)
    ]


Provider = Annotated[
    str, typer.Argument(metavar="PROVIDER", help="For instance openai.", autocompletion=complete_provider)
]


@app.command("list")
def list_keys(json: AsJson = False) -> None:
    """Which providers have a key, and where it comes from; each key once."""
    from neko_cli.cli.key_owners import key_owners

    keys = _keys()
    rows: list[dict[str, Any]] = []
    for owner in key_owners():
        found = keys.where(owner.names)
        if found or owner.required:
            rows.append(
                {
                    "provider": owner.first.name,
                    "providers": [provider.name for provider in owner.providers],
                    "variable": found.name if found else owner.names[0],
                    "place": found.place.value if found else None,
                    "tail": found.tail if found else None,
                    "page": owner.first.key_page,
                }
            )
    if json:
        from neko_cli.core.text import to_json

        sys.stdout.write(to_json(rows) + "\n")
        return
    width = max(len(str(row["provider"])) for row in rows)
    for row in rows:
        sys.stdout.write(f"{row['provider']:<{width}}  {_state(row)}\n")


def _state(row: dict[str, Any]) -> str:
    """Where a key is, or how to get it."""
    from neko_cli.cli.key_owners import listed

    also = f"; also for {listed(row['providers'][1:])}" if row["providers"][1:] else ""
    if row["place"]:
        ending = f", ends in …{row['tail']}" if row["tail"] else ""
        return f"from the {row['place']} ({row['variable']}{ending}){also}"
    return f"no key: neko keys set {row['provider']}, or {row['variable']} (get one at {row['page']}){also}"


@app.command("set")
def set_key(provider: Provider) -> None:
    """Store a key: asked for without echo, or read from standard input."""
    from neko_cli.services.secrets import Place

    name = variable(provider)
    keys = _keys()
    if keys.place is Place.FILE:
        tell(
            f"This system has no keyring that neko can use, so the key goes into {keys.file}, "
            "which you alone can read.\n"
            f"pip install 'neko-cli[keyring]' may bring one; {name} in the environment works as well."
        )
    place = keys.set(name, _ask(provider))
    where = "the system's keyring" if place is Place.KEYRING else str(keys.file)
    tell(f"The key for {provider} is kept in {where}.")
    found = keys.where((name,))
    if found is not None and found.place is Place.ENVIRONMENT:
        tell(f"{name} is set in the environment and goes before it.")


@app.command()
def remove(provider: Provider) -> None:
    """Forget a stored key."""
    name = variable(provider)
    keys = _keys()
    places = keys.remove(name)
    if not places:
        raise ConfigError(
            f"There is no stored key for {provider}.", hint="`neko keys list` shows what there is."
        )
    tell(f"The key for {provider} is removed from the {' and the '.join(place.value for place in places)}.")
    left = keys.where((name,))
    if left is not None:
        tell(f"{name} in the {left.place.value} is still there.")


def variable(provider: str) -> str:
    """The environment variable that stands for a provider's key; raises ConfigError."""
    from neko_cli.core.codecs import find_provider

    entry = find_provider(provider)
    if not entry.key_names:
        raise ConfigError(f"{entry.title} needs no key.")
    return entry.key_names[0]


def _ask(provider: str) -> str:
    """The key, from the terminal without echo or from a pipe; raises ConfigError when none comes."""
    from neko_cli.cli.stdin import is_terminal

    if not is_terminal():
        return sys.stdin.read(MAX_INPUT).strip() if sys.stdin is not None else ""
    import getpass

    try:
        with interruptible():  # so that the terminal's echo comes back
            return getpass.getpass(f"Key for {provider} (not shown): ", stream=sys.stderr)
    except EOFError:
        raise ConfigError("No key was given.") from None


def _keys() -> Keys:
    from neko_cli.services.folders import Folders
    from neko_cli.services.secrets import Keys

    return Keys(Folders.find().config)
