"""Kubeconfig files (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/): contexts → ClusterAccess.

Several files are merged as kubectl does: the first one that names something wins. Paths are relative to the file that they are in.
Nothing of a file is ever part of a message but names of contexts, clusters and users.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from hullmark.isolation.document import read_documents
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.trust import ClientCertificate
from hullmark.places.runtime.kubernetes.access import ClusterAccess, ExecPlugin, Identity, read_text

_MOST_FILES = Limit(64, "files that KUBECONFIG names", "refused")


class _Cluster(msgspec.Struct, frozen=True, rename="kebab"):
    server: str = ""
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    proxy_url: str = ""


class _Variable(msgspec.Struct, frozen=True):
    name: str
    value: str = ""


class _Exec(msgspec.Struct, frozen=True, rename="camel"):
    command: str
    api_version: str = ""
    args: list[str] | None = None
    env: list[_Variable] | None = None
    provide_cluster_info: bool = False
    interactive_mode: str = ""
    install_hint: str | None = None


class _User(msgspec.Struct, frozen=True, rename="kebab"):
    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""
    token: str = ""
    token_file: str = msgspec.field(default="", name="tokenFile")
    username: str = ""
    password: str = ""
    act_as: str = msgspec.field(default="", name="as")
    act_as_uid: str = msgspec.field(default="", name="as-uid")
    act_as_groups: list[str] | None = msgspec.field(default=None, name="as-groups")
    exec: _Exec | None = None
    auth_provider: dict[str, Any] | None = None


class _Context(msgspec.Struct, frozen=True):
    cluster: str = ""
    user: str = ""
    namespace: str = ""


class _NamedCluster(msgspec.Struct, frozen=True):
    name: str
    cluster: _Cluster


class _NamedUser(msgspec.Struct, frozen=True):
    name: str
    user: _User


class _NamedContext(msgspec.Struct, frozen=True):
    name: str
    context: _Context


class _File(msgspec.Struct, frozen=True, rename="kebab"):
    clusters: list[_NamedCluster] | None = None
    users: list[_NamedUser] | None = None
    contexts: list[_NamedContext] | None = None
    current_context: str = ""


class _ConfigValue(NamedTuple):
    """Something of a file, and the folder that its paths are relative to."""

    value: Any
    folder: Path


class Kubeconfig:
    """What some files say together, the first of them first. Files that are not there say nothing."""

    def __init__(self, files: Sequence[Path]) -> None:
        """Read them. Raises HullmarkError for one that is not a kubeconfig, or cannot be read."""
        self.current = ""
        self._clusters: dict[str, _ConfigValue] = {}
        self._users: dict[str, _ConfigValue] = {}
        self._contexts: dict[str, _ConfigValue] = {}
        for path in files:
            if path.exists():
                self._add(_read(path), path.absolute().parent)

    def _add(self, file: _File, folder: Path) -> None:
        self.current = self.current or file.current_context
        for cluster in file.clusters or ():
            self._clusters.setdefault(cluster.name, _ConfigValue(cluster.cluster, folder))
        for user in file.users or ():
            self._users.setdefault(user.name, _ConfigValue(user.user, folder))
        for context in file.contexts or ():
            self._contexts.setdefault(context.name, _ConfigValue(context.context, folder))

    @property
    def contexts(self) -> tuple[str, ...]:
        """The names of all contexts."""
        return tuple(self._contexts)

    def access(self, context: str = "") -> ClusterAccess:
        """The cluster of a context ("": the current one), asked as its user. Raises HullmarkError where a part of it is missing."""
        name = context or self.current
        if not name:
            raise HullmarkError("the kubeconfig has no current context", advice="choose one with --context")
        found = self._contexts.get(name)
        if found is None:
            known = ", ".join(sorted(self._contexts)[:20]) or "none"
            raise HullmarkError(f"the kubeconfig has no context {name[:200]!r}", advice=f"there are: {known}")
        chosen: _Context = found.value
        cluster = self._part(self._clusters, "cluster", chosen.cluster, name)
        user = (
            self._part(self._users, "user", chosen.user, name) if chosen.user else _ConfigValue(_User(), found.folder)
        )
        return _access(name, chosen.namespace, cluster, _identity(user))

    @staticmethod
    def _part(parts: Mapping[str, _ConfigValue], what: str, name: str, context: str) -> _ConfigValue:
        if name not in parts:
            raise HullmarkError(
                f"the context {context[:200]!r} names the {what} {name[:200]!r}, which is not there",
                advice="mend the kubeconfig",
            )
        return parts[name]


def kubeconfig_files(named: str | None, environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The files to read: the one that is named, else those of KUBECONFIG, else the one in the home folder.

    Raises HullmarkError where the one that is named is not there.
    """
    if named:
        if not Path(named).is_file():
            raise HullmarkError(f"there is no kubeconfig {named}", advice="check the path")
        return (Path(named),)
    if listed := environment.get("KUBECONFIG"):
        paths = [Path(path) for path in listed.split(":") if path]
        if len(paths) > _MOST_FILES:
            raise HullmarkError(f"KUBECONFIG names more than {_MOST_FILES} files", advice="merge some of them")
        return tuple(paths)
    home = environment.get("HOME")
    return (Path(home, ".kube", "config"),) if home else ()


def _read(path: Path) -> _File:
    text = read_text(path)
    try:
        documents = read_documents(text.encode())
        if len(documents) > 1:
            raise ValueError("several documents")
        return msgspec.convert(documents[0], _File, strict=False) if documents else _File()
    except (HullmarkError, ValueError):
        # No cause: its message could quote the file.
        raise HullmarkError(
            f"{path} is not a kubeconfig", advice="mend it, or name another with --kubeconfig"
        ) from None


def _access(name: str, namespace: str, found: _ConfigValue, identity: Identity) -> ClusterAccess:
    cluster: _Cluster = found.value
    server = cluster.server.rstrip("/")
    if not server.startswith(("https://", "http://")):
        raise HullmarkError(f"the cluster of {name[:200]!r} has no address", advice="mend `server` in the kubeconfig")
    ca = _pem(cluster.certificate_authority_data, cluster.certificate_authority, found.folder)
    return ClusterAccess(
        name=name,
        server=server,
        ca="" if cluster.insecure_skip_tls_verify else ca,
        insecure=cluster.insecure_skip_tls_verify,
        server_name=cluster.tls_server_name,
        proxy=cluster.proxy_url,
        namespace=namespace,
        identity=identity,
    )


def _identity(found: _ConfigValue) -> Identity:
    user: _User = found.value
    if user.auth_provider is not None and user.exec is None:
        raise HullmarkError(
            "the kubeconfig names an auth-provider, which Kubernetes has removed",
            advice="use an exec plugin or a token",
        )
    certificate = _pem(user.client_certificate_data, user.client_certificate, found.folder)
    key = _pem(user.client_key_data, user.client_key, found.folder)
    if bool(certificate) != bool(key):
        raise HullmarkError(
            "the kubeconfig has a client certificate or its key, not both",
            advice="give client-certificate and client-key",
        )
    return Identity(
        token=user.token.strip(),
        token_file=str(found.folder / user.token_file) if user.token_file else "",
        user=user.username,
        password=user.password,
        certificate=ClientCertificate(certificate, key) if certificate else None,
        plugin=_plugin(user.exec, found.folder) if user.exec is not None else None,
        impersonated=_read_impersonation_headers(user),
    )


def _read_impersonation_headers(user: _User) -> dict[str, str]:
    groups = user.act_as_groups or []
    if len(groups) > 1:
        raise HullmarkError("the kubeconfig has several groups in as-groups", advice="name one, or ask as yourself")
    found = {
        "Impersonate-User": user.act_as,
        "Impersonate-Uid": user.act_as_uid,
        "Impersonate-Group": "".join(groups),
    }
    return {name: value for name, value in found.items() if value}


def _plugin(found: _Exec, folder: Path) -> ExecPlugin:
    if found.interactive_mode == "Always":
        raise HullmarkError(
            f"the exec plugin {found.command[:100]!r} wants a terminal", advice="use one that asks nobody, or a token"
        )
    return ExecPlugin(
        api_version=found.api_version,
        command=found.command,
        arguments=tuple(found.args or ()),
        environment={variable.name: variable.value for variable in found.env or ()},
        folder=str(folder),
        gets_cluster=found.provide_cluster_info,
        install_hint=found.install_hint or "",
    )


def _pem(data: str, file: str, folder: Path) -> str:
    """PEM from base64, which wins, or from a file; "" for neither."""
    if not data:
        return read_text(folder / file) if file else ""
    try:
        return base64.b64decode(data, validate=False).decode("utf-8")
    except ValueError:  # also what base64 and UTF-8 raise
        raise HullmarkError(
            "a certificate or key in the kubeconfig is not base64", advice="mend the kubeconfig"
        ) from None
