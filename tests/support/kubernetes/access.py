"""Who asks the fake API server, and what they may do: tokens, client certificates, and RBAC by the objects in its store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.support.kubernetes.resources import Kind
from tests.support.kubernetes.statuses import forbidden
from tests.support.kubernetes.store import Store

ANONYMOUS = "system:anonymous"
MASTERS = "system:masters"


class User(NamedTuple):
    """Who asks."""

    name: str
    groups: tuple[str, ...] = ()


class Deed(NamedTuple):
    """What is asked for, in RBAC's words."""

    verb: str
    kind: Kind
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def resource(self) -> str:
        """As rules have it."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural


def certified(certificate: Mapping[str, Any] | None) -> User | None:
    """The user that a client certificate names."""
    if not certificate:
        return None
    parts = [pair for relative in certificate.get("subject", ()) for pair in relative]
    groups = tuple(value for name, value in parts if name == "organizationName")
    return next((User(value, groups) for name, value in parts if name == "commonName"), None)


def check(store: Store, user: User, deed: Deed) -> None:
    """Raises Refused (403) where no rule allows it."""
    if MASTERS in user.groups or any(_allows(rule, deed) for rule in _rules(store, user, deed.namespace)):
        return
    raise forbidden(user.name, deed.verb, deed.kind, deed.subresource, deed.namespace)


def _rules(store: Store, user: User, namespace: str) -> Iterator[Mapping[str, Any]]:
    roles = {("ClusterRole", "", role["metadata"]["name"]): role for role in store.all("ClusterRole")}
    for role in store.all("Role"):
        roles["Role", role["metadata"]["namespace"], role["metadata"]["name"]] = role
    bindings = [(binding, "") for binding in store.all("ClusterRoleBinding")]
    bindings += [
        (binding, namespace)
        for binding in store.all("RoleBinding")
        if namespace and binding["metadata"]["namespace"] == namespace
    ]
    for binding, place in bindings:
        if any(_is_meant(subject, user) for subject in binding.get("subjects") or ()):
            reference = binding["roleRef"]
            where = place if reference["kind"] == "Role" else ""
            yield from roles.get((reference["kind"], where, reference["name"]), {}).get("rules") or ()


def _is_meant(subject: Mapping[str, str], user: User) -> bool:
    if subject["kind"] == "ServiceAccount":
        return user.name == f"system:serviceaccount:{subject['namespace']}:{subject['name']}"
    return subject["name"] == user.name if subject["kind"] == "User" else subject["name"] in user.groups


def _allows(rule: Mapping[str, Any], deed: Deed) -> bool:
    names = rule.get("resourceNames")
    return (
        _has(rule["verbs"], deed.verb)
        and _has(rule.get("apiGroups") or (), deed.kind.group)
        and _has(rule.get("resources") or (), deed.resource)
        and (not names or deed.name in names)
    )


def _has(listed: Any, wanted: str) -> bool:
    return "*" in listed or wanted in listed
