"""The certificate of ``neko serve``, for programs that insist on TLS."""

from __future__ import annotations

import os
import ssl
import stat
from pathlib import Path

from neko_cli.core.errors import ConfigError


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """What a server needs to speak TLS with the certificate chain and key of two PEM files.

    Raises ConfigError, with one sentence, for files that are missing, unreadable, open to others,
    not PEM, encrypted, or that do not belong together.
    """
    certificate_text, key_text = _read(certificate, "certificate"), _read(key, "key")
    if os.name == "posix" and key.stat().st_mode & stat.S_IRWXO:
        raise ConfigError(f"Others can read the TLS key {key}.", hint=f"chmod o-rwx {key}")
    if "-----BEGIN CERTIFICATE-----" not in certificate_text:
        raise ConfigError(f"The TLS certificate {certificate} is not a PEM certificate.")
    if "PRIVATE KEY-----" not in key_text:
        raise ConfigError(f"The TLS key {key} is not a PEM private key.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    def no_password() -> str:
        raise ConfigError(
            f"The TLS key {key} is encrypted, and there is nobody to ask for its password.",
            hint="Use a key without one; the file's permissions protect it.",
        )

    try:
        context.load_cert_chain(certificate, key, password=no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(
                f"The TLS key {key} does not belong to the certificate {certificate}."
            ) from None
        reason = (error.reason or "damaged").replace("_", " ").lower()
        raise ConfigError(f"The TLS files {certificate} and {key} cannot be used: {reason}.") from None
    return context


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise ConfigError(f"The TLS {what} {path} cannot be read: {error.strerror}.") from None
