"""What a remote voice is made of."""

from __future__ import annotations

import msgspec

from neko_cli.core.addresses import check_encrypted, split_address


class VoiceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where a voice is and how it speaks; an empty text takes the service's own default."""

    url: str = ""
    model: str = ""
    voice: str = ""
    language: str = ""
    """Language tag."""
    speed: float = 1.0
    key: str = ""
    insecure: bool = False
    silence_s: float = 20.0
    """Seconds that the server may be silent while it owes us sound."""

    def __repr__(self) -> str:
        return f"VoiceSettings(model={self.model!r}, voice={self.voice!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        """The fields without the key."""
        return [("model", self.model), ("voice", self.voice)]


def http_address(url: str, *, insecure: bool) -> str:
    """A server's address for HTTP, without a slash at its end; raises ConfigError."""
    parts = split_address(url)
    check_encrypted(parts, insecure=insecure)
    scheme = "https" if parts.scheme == "wss" else "http"
    return parts._replace(scheme=scheme, path=parts.path.rstrip("/")).geturl()


def host_of(url: str) -> str:
    """Host, and port where one is given, for sentences."""
    return split_address(url).netloc.rpartition("@")[2]


def bearer(key: str) -> dict[str, str]:
    """The usual header for a key; none without one."""
    return {"Authorization": f"Bearer {key}"} if key else {}
