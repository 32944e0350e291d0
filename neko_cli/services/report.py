"""A bundle for a bug report: findings, versions and the end of the log, without keys or content."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from neko_cli.core.errors import ConfigError
from neko_cli.core.redaction import redact
from neko_cli.core.text import to_json
from neko_cli.services import log
from neko_cli.services.folders import write_private

_README = """\
A report of `neko doctor`.

doctor.json  what was found, and versions
neko.log     the end of the debug log (empty without `--debug`)

Keys are removed, the home folder stands as ~, and what was said is never logged.
Please look through it before you send it.
"""


def write_bundle(path: Path, *, facts: Mapping[str, Any], findings: Sequence[Any], log_folder: Path) -> None:
    """Write the zip, readable by its owner alone.

    Args:
        path: the zip to write; an existing one is replaced.
        facts: versions.
        findings: what the examinations found; anything that msgspec encodes.
        log_folder: where the debug log is.

    Raises:
        ConfigError: it cannot be written.
    """
    if not path.parent.is_dir():
        raise ConfigError(f"There is no folder {path.parent} for {path.name}.")
    plain = msgspec.to_builtins({"facts": facts, "findings": findings})
    files = {
        "README.txt": _README,
        "doctor.json": msgspec.json.format(to_json(plain), indent=2),
        "neko.log": log.recent(log_folder),
    }
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, redact(without_home(text)))
    write_private(path, whole.getvalue())


def without_home(text: str) -> str:
    """The text with the user's home folder as ``~``, because its name may be the user's."""
    try:
        home = str(Path.home())
    except RuntimeError:  # no home
        return text
    return text.replace(home, "~") if len(home) > 1 else text
