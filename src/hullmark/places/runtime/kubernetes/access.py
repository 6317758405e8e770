"""How a cluster is reached: its address, whose certificates are believed, and who asks.

From a kubeconfig (`kubeconfig`), or in a pod from its service account
(https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.trust import ClientCertificate

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_FILE_LIMIT = Limit(4 << 20, "bytes of a file of certificates or tokens for Kubernetes", "refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecPlugin:
    """A program that says who asks (client.authentication.k8s.io): found by PATH, or relative to `folder`."""

    api_version: str
    command: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    gets_cluster: bool = False
    install_hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Identity:
    """Who asks. What is "" or None is not used; of a token file and a token, the file counts."""

    token: str = ""
    token_file: str = ""
    user: str = ""
    password: str = ""
    certificate: ClientCertificate | None = None
    plugin: ExecPlugin | None = None
    impersonated: Mapping[str, str] = field(default_factory=dict)
    """The headers that say as whom it is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAccess:
    """A cluster. `name` is what people call it; `server` is its address, perhaps with a path, without a slash at the end.

    `ca` (PEM) is trusted instead of the system's CAs ("": these are). `proxy` is used whatever the environment says.
    """

    name: str
    server: str
    ca: str = ""
    insecure: bool = False
    server_name: str = ""
    proxy: str = ""
    namespace: str = ""
    identity: Identity = field(default_factory=Identity)


def is_in_cluster(environment: Mapping[str, str]) -> bool:
    """Whether this is a pod that may find its cluster's API."""
    return bool(environment.get("KUBERNETES_SERVICE_HOST") and environment.get("KUBERNETES_SERVICE_PORT"))


def in_cluster(environment: Mapping[str, str], folder: Path = SERVICE_ACCOUNT) -> ClusterAccess:
    """The cluster that this pod runs in, asked as its service account. Raises HullmarkError where the pod has none mounted."""
    host = environment.get("KUBERNETES_SERVICE_HOST", "")
    port = environment.get("KUBERNETES_SERVICE_PORT", "")
    token = folder / "token"
    if not token.is_file():
        raise HullmarkError(
            "the pod has no token of a service account", advice="set automountServiceAccountToken: true for it"
        )
    namespace = folder / "namespace"
    return ClusterAccess(
        name="in-cluster",
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        ca=read_text(folder / "ca.crt"),
        namespace=read_text(namespace).strip() if namespace.is_file() else "",
        identity=Identity(token_file=str(token)),
    )


def read_text(file: Path) -> str:
    """The text of a small file. Raises HullmarkError where it cannot be read or is too large."""
    try:
        with file.open("rb") as stream:
            data = stream.read(_FILE_LIMIT + 1)
        text = data.decode("utf-8")
    except OSError as error:
        raise HullmarkError(f"{file} cannot be read ({error.strerror})", advice="check path and permissions") from error
    except UnicodeDecodeError:
        raise HullmarkError(f"{file} is not text", advice="name another file") from None
    if len(data) > _FILE_LIMIT:
        raise HullmarkError(f"{file} is larger than {_FILE_LIMIT >> 20} MiB", advice="name another file")
    return text
