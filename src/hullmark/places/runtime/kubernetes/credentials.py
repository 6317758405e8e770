"""What a request to a cluster says of who asks: tokens, also such as change, and what exec plugins print.

Plugins: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

from __future__ import annotations

import base64
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.trust import ClientCertificate
from hullmark.places.runtime.kubernetes.access import ClusterAccess, ExecPlugin, read_text

_TOKEN_SECONDS = 60.0
"""How long a token that was read from a file is used: kubelet replaces the file well before the token ends."""
_PLUGIN_SECONDS = 60.0
_ANSWER_LIMIT = Limit(1 << 20, "bytes that an exec plugin prints", "refused")
_EARLY_SECONDS = 30.0
_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    token: str = ""
    client_certificate_data: str = ""
    client_key_data: str = ""
    expiration_timestamp: datetime | None = None


class _Credential(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str
    kind: str
    status: _Status


@dataclass(frozen=True, slots=True, repr=False)
class Proof:
    """The credentials of a request: a token, a certificate, or both. They are read again at `until` (seconds since 1970)."""

    token: str = ""
    certificate: ClientCertificate | None = None
    until: float = float("inf")


class Credentials:
    """Supplies the credentials for requests to a cluster. May be used by several threads."""

    def __init__(self, access: ClusterAccess, environment: Mapping[str, str], clock: Callable[[], float]) -> None:
        self._access = access
        self._environment = environment
        self._clock = clock
        self._lock = threading.Lock()
        self._proof: Proof | None = None

    def current(self) -> Proof:
        """The credentials to use now. Raises HullmarkError if a file or a plugin does not give any."""
        with self._lock:
            if self._proof is None or self._proof.until <= self._clock():
                self._proof = self._read()
            return self._proof

    def refused(self, proof: Proof) -> None:
        """Forget credentials that the cluster refused, so that new ones are read next time."""
        with self._lock:
            if self._proof is proof:
                self._proof = None

    def headers(self, proof: Proof) -> dict[str, str]:
        """The headers of a request. Raises HullmarkError for what no header can hold."""
        identity = self._access.identity
        found: dict[str, str] = dict(identity.impersonated)
        if proof.token:
            found["Authorization"] = f"Bearer {proof.token}"
        elif identity.user:
            pair = f"{identity.user}:{identity.password}".encode()
            found["Authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
        if not all(value.isascii() and value.isprintable() for value in found.values()):
            raise HullmarkError("the token for Kubernetes holds strange characters", advice="check where it is from")
        return found

    def _read(self) -> Proof:
        identity = self._access.identity
        if identity.token_file:
            token = read_text(Path(identity.token_file)).strip()
            return Proof(token, identity.certificate, self._clock() + _TOKEN_SECONDS)
        if identity.token or identity.certificate is not None or identity.plugin is None:
            return Proof(identity.token, identity.certificate)
        return self._ask_plugin(identity.plugin)

    def _ask_plugin(self, plugin: ExecPlugin) -> Proof:
        status = _answer(plugin, _run(plugin, self._access, self._environment))
        certificate = None
        if status.client_certificate_data and status.client_key_data:
            certificate = ClientCertificate(status.client_certificate_data, status.client_key_data)
        ends = status.expiration_timestamp
        until = float("inf") if ends is None else max(ends.timestamp() - _EARLY_SECONDS, self._clock() + 1)
        return Proof(status.token.strip(), certificate, until)


def _run(plugin: ExecPlugin, access: ClusterAccess, environment: Mapping[str, str]) -> bytes:
    """Run a plugin and return what it prints. Nothing of that goes into a message: it may hold a secret."""
    name = plugin.command[:100]
    command = str(Path(plugin.folder, plugin.command)) if "/" in plugin.command else plugin.command
    variables = {**environment, **plugin.environment}
    program = shutil.which(command, path=environment.get("PATH", ""))
    if program is None:
        hint = " ".join(plugin.install_hint.split())[:300]
        raise HullmarkError(f"there is no exec plugin {name!r}", advice=hint or "install it, or mend the kubeconfig")
    variables["KUBERNETES_EXEC_INFO"] = _exec_info(plugin, access)
    try:
        ran = subprocess.run(  # noqa: S603 - the user's own kubeconfig names the program
            [program, *plugin.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=_PLUGIN_SECONDS,
            env=variables,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise HullmarkError(f"the exec plugin {name!r} does not answer", advice="run it by hand") from error
    if ran.returncode != 0:
        raise HullmarkError(f"the exec plugin {name!r} failed (status {ran.returncode})", advice="run it by hand")
    return ran.stdout


def _answer(plugin: ExecPlugin, printed: bytes) -> _Status:
    strange = HullmarkError(
        f"the exec plugin {plugin.command[:100]!r} does not answer with an ExecCredential", advice="run it by hand"
    )
    if len(printed) > _ANSWER_LIMIT or plugin.api_version not in _VERSIONS:
        raise strange
    try:
        found = msgspec.json.decode(printed, type=_Credential)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise strange from None
    if found.kind != "ExecCredential" or found.api_version != plugin.api_version:
        raise strange
    if not found.status.token and not found.status.client_certificate_data:
        raise strange
    return found.status


def _exec_info(plugin: ExecPlugin, access: ClusterAccess) -> str:
    """The value of KUBERNETES_EXEC_INFO for a plugin."""
    spec: dict[str, object] = {"interactive": False}
    if plugin.gets_cluster:
        cluster: dict[str, object] = {"server": access.server}
        if access.ca:
            cluster["certificate-authority-data"] = base64.b64encode(access.ca.encode()).decode("ascii")
        if access.server_name:
            cluster["tls-server-name"] = access.server_name
        if access.proxy:
            cluster["proxy-url"] = access.proxy
        if access.insecure:
            cluster["insecure-skip-tls-verify"] = True
        spec["cluster"] = cluster
    document = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    return msgspec.json.encode(document).decode()
