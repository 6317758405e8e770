"""Whose certificates are believed: the system's CAs, SSL_CERT_FILE, own CA files, and `certs.d` folders.

The folders follow containers-certs.d(5) and Docker's layout: `HOST[:PORT]/*.crt` are CAs to trust for that host,
`*.cert` with a `*.key` of the same name is a client certificate to show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hullmark.model.errors import HullmarkError

if TYPE_CHECKING:
    import ssl

_SYSTEM_CERTS_DIRS = ("/etc/containers/certs.d", "/etc/docker/certs.d")
_REPLACES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True, slots=True, repr=False)
class ClientCertificate:
    """A certificate that says who asks, with its key, both PEM."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What is trusted beyond the system's CAs. `insecure`: any certificate will do; `insecure_hosts`: of these, HOST[:PORT].

    `environment` may hold SSL_CERT_FILE and SSL_CERT_DIR (instead of the system's CAs); `ca_file` is trusted as well. `only_ca` (PEM) is
    trusted instead of all others. `client` is shown to every host. `server_name` is the name that certificates must be for ("": the
    host's).
    """

    ca_file: str | None = None
    only_ca: str = ""
    client: ClientCertificate | None = None
    server_name: str = ""
    insecure: bool = False
    insecure_hosts: frozenset[str] = frozenset()
    certs_dirs: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def is_blind(self, host: str, port: int) -> bool:
        """Are the certificates of this host not looked at?"""
        return self.insecure or f"{host}:{port}" in self.insecure_hosts or (port == 443 and host in self.insecure_hosts)

    def is_special(self, host: str, port: int) -> bool:
        """Are there settings for this host alone?"""
        return bool(host_folders(self, host, port)) or self.is_blind(host, port) != self.insecure


def usual_certs_dirs(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Where podman and Docker look for certificates by host: the user's folder, then the system's."""
    home = environment.get("HOME")
    return (f"{home}/.config/containers/certs.d", *_SYSTEM_CERTS_DIRS) if home else _SYSTEM_CERTS_DIRS


def context_for(trust: Trust, host: str, port: int) -> ssl.SSLContext:
    """The TLS settings for one host. Raises HullmarkError if a certificate file cannot be read."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    blind = trust.is_blind(host, port)
    if blind:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        _load_roots(context, trust)
    for folder in host_folders(trust, host, port):
        for file in sorted(folder.iterdir()):
            if file.suffix == ".crt" and not blind:
                _load_ca(context, str(file))
            elif file.suffix == ".cert":
                _load_client(context, file)
    if trust.client is not None:
        _show(context, trust.client)
    return context


def host_folders(trust: Trust, host: str, port: int) -> list[Path]:
    """The folders of `certs.d` that are about this host; usually none."""
    names = (f"{host}:{port}", host) if port == 443 else (f"{host}:{port}",)
    found = (Path(root) / name for root in trust.certs_dirs for name in names)
    return [folder for folder in found if folder.is_dir()]


def _load_roots(context: ssl.SSLContext, trust: Trust) -> None:
    if trust.only_ca:
        try:
            context.load_verify_locations(cadata=trust.only_ca)
        except (OSError, ValueError) as error:
            raise HullmarkError(
                "the CA certificates are not PEM", advice="mend the settings that they are in"
            ) from error
        return
    bundle = next((value for name in _REPLACES if (value := trust.environment.get(name))), None)
    folder = trust.environment.get("SSL_CERT_DIR")
    if bundle:
        _load_ca(context, bundle)
    if folder:
        context.load_verify_locations(capath=folder)
    if not bundle and not folder:
        context.load_default_certs()
    if trust.ca_file:
        _load_ca(context, trust.ca_file)


def _load_ca(context: ssl.SSLContext, file: str) -> None:
    try:
        context.load_verify_locations(cafile=file)
    except OSError as error:  # ssl.SSLError is one
        raise HullmarkError(
            f"the CA certificates in {file} cannot be read ({error.strerror or error})",
            advice="name a file of PEM certificates",
        ) from error


def _load_client(context: ssl.SSLContext, certificate: Path) -> None:
    try:
        context.load_cert_chain(certificate, certificate.with_suffix(".key"), password="")
    except OSError as error:
        raise HullmarkError(
            f"the client certificate {certificate} or its .key cannot be read ({error.strerror or error})",
            advice="both are PEM files, the key without a passphrase",
        ) from error


def _show(context: ssl.SSLContext, client: ClientCertificate) -> None:
    """Have a certificate shown to servers. OpenSSL takes files alone, so it is in one for a moment, which nobody else may read."""
    from tempfile import TemporaryDirectory

    try:
        with TemporaryDirectory(prefix="hullmark-") as folder:
            file = Path(folder, "client.pem")
            file.touch(0o600)
            file.write_text(f"{client.certificate}\n{client.key}\n", "utf-8")
            context.load_cert_chain(file, password="")
    except OSError as error:
        raise HullmarkError(
            "the client certificate or its key cannot be used", advice="both are PEM, the key without a passphrase"
        ) from error
