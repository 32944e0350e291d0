"""A certificate authority that lives as long as a test, and a certificate for this machine."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Papers:
    """PEM files: who signed (``authority``), the certificate, and its key, for the owner alone."""

    authority: Path
    certificate: Path
    key: Path

    def server(self) -> ssl.SSLContext:
        """What a server needs to show the certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def client(self) -> ssl.SSLContext:
        """What a client needs to trust the certificate."""
        return ssl.create_default_context(cafile=str(self.authority))


def make_papers(
    folder: Path, *, password: bytes | None = None, host: str = "", ended: datetime.timedelta | None = None
) -> Papers:
    """Make an authority and a certificate of its for 127.0.0.1 and localhost, or for ``host`` alone.

    With ``ended`` the certificate's time was up so long ago; minus three days, it begins tomorrow.
    """
    folder.mkdir(parents=True, exist_ok=True)
    papers = Papers(folder / "authority.pem", folder / "certificate.pem", folder / "key.pem")
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _named("a test's authority", authority_key).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    if host:
        names = [x509.DNSName(host)]
    certificate = (
        _named("localhost", key, ended)
        .issuer_name(_name("a test's authority"))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
    )
    pem = serialization.Encoding.PEM
    signed = authority.issuer_name(_name("a test's authority")).sign(authority_key, hashes.SHA256())
    papers.authority.write_bytes(signed.public_bytes(pem))
    papers.certificate.write_bytes(certificate.sign(authority_key, hashes.SHA256()).public_bytes(pem))
    locked: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        locked = serialization.BestAvailableEncryption(password)
    papers.key.touch(mode=0o600)
    papers.key.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, locked))
    return papers


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _named(
    common: str, key: ec.EllipticCurvePrivateKey, ended: datetime.timedelta | None = None
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    if ended is not None:
        now -= ended + DAY
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
    )
