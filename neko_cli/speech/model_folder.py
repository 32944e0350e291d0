"""Where an installed model lies: a path of its own, or ``MODELS/KIND/NAME``."""

from __future__ import annotations

import os
from pathlib import Path

from neko_cli.core.errors import ConfigError


def find_model_folder(models_dir: Path, kind: str, name: str) -> Path:
    """The folder of a model, for a name such as ``base`` or a path; raises ConfigError.

    A name that is no path must not leave the models folder.
    """
    wanted = name.strip()
    is_path = wanted.startswith((".", "~")) or "/" in wanted or os.sep in wanted
    folder = Path(wanted).expanduser() if is_path else models_dir / kind / wanted
    if not wanted or folder.name in ("", "..") or not folder.exists():
        raise ConfigError(
            f"The {kind} model {wanted!r} is not installed.",
            hint=f"Run: neko local install {kind}:{wanted if wanted and not is_path else 'NAME'}",
        )
    return folder if folder.is_dir() else folder.parent


def need_package(package: str, kind: str) -> ConfigError:
    """What to say when the package that loads a kind of model is not installed."""
    return ConfigError(
        f"{kind} models need the package {package}, which is not installed.",
        hint=f"Run: pip install 'neko-cli[{kind}]'",
    )
