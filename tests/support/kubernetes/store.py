"""The objects of the fake API server: one order of versions for all, a history that can be forgotten, and lists as of one moment."""

from __future__ import annotations

import base64
import bisect
import copy
import itertools
import json
import secrets
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.support.kubernetes import statuses
from tests.support.kubernetes.admission import Admission, Write
from tests.support.kubernetes.defaults import fill_in
from tests.support.kubernetes.resources import BY_NAME, Kind
from tests.support.kubernetes.selectors import Fits, Object

Key = tuple[str, str]
"""Namespace ("" for none) and name."""

_SNAPSHOTS = 16
_MUTABLE = ("image",)


class Version(NamedTuple):
    """An object as it was at one moment, and its JSON, made once."""

    number: int
    object: Object
    encoded: bytes


class HistoryEvent(NamedTuple):
    """A change: what was before (None: nothing), and what is after (None: it was deleted; `last` is what is told then)."""

    number: int
    before: Version | None
    after: Version | None
    last: Version


class ListPage(NamedTuple):
    """Part of a list."""

    versions: list[Version]
    number: int
    following: str
    remaining: int


class _Snapshot(NamedTuple):
    number: int
    versions: list[tuple[Key, Version]]


def now() -> str:
    """The time as objects have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """All objects. Each method is a transaction; `changed` is notified of each change."""

    def __init__(self, history: int = 100_000) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.number = 1
        self.oldest = 0
        """Watches and lists of versions before this one have expired."""
        self.most_history = history
        self.admission = Admission(self.all)
        self._objects: dict[Kind, dict[Key, Version]] = {}
        self._history: dict[Kind, list[HistoryEvent]] = {}
        self._snapshots: OrderedDict[str, _Snapshot] = OrderedDict()
        self._uids = itertools.count(1)
        for namespace in ("default", "kube-system"):
            self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})

    # What tests do by themselves.

    def create(self, document: Mapping[str, Any]) -> Object:
        """Put an object there, as a client would. Its own status stays."""
        kind = BY_NAME[document["kind"]]
        namespace = document["metadata"].get("namespace", "default") if kind.is_namespaced else ""
        return self.add(kind, namespace, dict(document)).object

    def get(self, kind: str, name: str, namespace: str = "default") -> Object:
        """An object, to look at."""
        return self.read(BY_NAME[kind], namespace, name).object

    def change(self, kind: str, name: str, namespace: str = "default", **parts: Any) -> Object:
        """Replace top-level parts of an object, `status` too."""
        found = BY_NAME[kind]
        namespace = namespace if found.is_namespaced else ""
        with self.changed:
            before = self.read(found, namespace, name)
            return self._put(found, (namespace, name), {**before.object, **copy.deepcopy(parts)}, before).object

    def delete(self, kind: str, name: str, namespace: str = "default") -> None:
        """Delete an object."""
        found = BY_NAME[kind]
        self.remove(found, namespace if found.is_namespaced else "", name)

    def all(self, kind: str) -> list[Object]:
        """Every object of a kind."""
        with self.changed:
            return [version.object for version in self._objects.get(BY_NAME[kind], {}).values()]

    def compact(self) -> None:
        """Forget the history: who asks for an older version is told 410, and so is who continues a list."""
        with self.changed:
            self.oldest = self.number
            self._history.clear()
            self._snapshots.clear()

    # What the server asks.

    def read(self, kind: Kind, namespace: str, name: str) -> Version:
        """An object. Raises Refused (404)."""
        with self.changed:
            found = self._objects.get(kind, {}).get((namespace, name))
        if found is None:
            raise statuses.not_found(kind, name)
        return found

    def add(self, kind: Kind, namespace: str, document: Object, *, is_dry: bool = False) -> Version:
        """Create an object. Raises Refused."""
        document = copy.deepcopy(document)
        meta = document.setdefault("metadata", {})
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + secrets.token_hex(3)[:5]
        name = meta.get("name") or ""
        if not name:
            raise statuses.invalid(kind, "", "metadata.name", "Required value: name or generateName is required")
        with self.changed:
            if (namespace, name) in self._objects.get(kind, {}):
                raise statuses.already_exists(kind, name)
            if namespace and ("", namespace) not in self._objects.get(BY_NAME["Namespace"], {}):
                raise statuses.not_found(BY_NAME["Namespace"], namespace)
            document = {"apiVersion": kind.api_version, "kind": kind.kind, **document}
            number = next(self._uids)
            meta |= {"uid": str(uuid.UUID(int=number << 96 | 0x4000 << 64 | 0x8000 << 48))}
            meta |= {"creationTimestamp": meta.get("creationTimestamp") or now(), "generation": 1}
            if namespace:
                meta["namespace"] = namespace
            if kind.kind == "Namespace":
                meta["labels"] = {**(meta.get("labels") or {}), "kubernetes.io/metadata.name": name}
                document.setdefault("status", {"phase": "Active"})
            fill_in(kind, document)
            write = Write("CREATE", kind, namespace, name, "", document, None, is_dry)
            document = self.admission.admit(write) or document
            return self._put(kind, (namespace, name), document, None, is_dry=is_dry)

    def replace(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        change: Callable[[Object], Object],
        part: str = "",
        *,
        is_dry: bool = False,
    ) -> Version:
        """Change an object, or only the part of it that a subresource is. Raises Refused."""
        with self.changed:
            before = self.read(kind, namespace, name)
            wanted = change(copy.deepcopy(before.object))
            meta, old = wanted.setdefault("metadata", {}), before.object["metadata"]
            if meta.get("resourceVersion") not in (None, "", old["resourceVersion"]):
                raise statuses.conflict(kind, name)
            if meta.get("name", name) != name:
                raise statuses.bad_request("the name of the object does not match the name on the URL")
            wanted = _allowed(kind, before.object, wanted, part)
            if kind.kind != "Pod":
                fill_in(kind, wanted)
            for fixed in ("uid", "creationTimestamp", "namespace", "deletionTimestamp"):
                if fixed in old:
                    wanted["metadata"][fixed] = old[fixed]
            has_new_spec = wanted.get("spec") != before.object.get("spec")
            wanted["metadata"]["generation"] = old.get("generation", 1) + has_new_spec
            write = Write("UPDATE", kind, namespace, name, part, wanted, before.object, is_dry)
            wanted = self.admission.admit(write) or wanted
            if old.get("deletionTimestamp") and not wanted["metadata"].get("finalizers"):
                return self._drop(kind, (namespace, name), wanted)
            return self._put(kind, (namespace, name), wanted, before, is_dry=is_dry)

    def remove(self, kind: Kind, namespace: str, name: str, conditions: Mapping[str, str] = {}) -> Version:
        """Delete an object; one with finalizers is marked. Raises Refused."""
        with self.changed:
            before = self.read(kind, namespace, name)
            meta = before.object["metadata"]
            for field, value in conditions.items():
                if meta.get(field) != value:
                    raise statuses.conflict(kind, name, f"the {field} in the precondition ({value}) does not match")
            self.admission.admit(Write("DELETE", kind, namespace, name, "", None, before.object, False))
            if meta.get("finalizers"):
                marked = {
                    **before.object,
                    "metadata": {**meta, "deletionTimestamp": meta.get("deletionTimestamp") or now()},
                }
                return self._put(kind, (namespace, name), marked, before)
            return self._drop(kind, (namespace, name), before.object)

    def page(self, kind: Kind, namespace: str, fits: Fits, limit: int, token: str) -> ListPage:
        """Part of a list as of one moment. Raises Refused (410) for a token whose moment is forgotten."""
        with self.changed:
            if token:
                snapshot, start, is_found = self._strip_continuation(token)
                if not is_found:
                    fresh = self._snapshot(kind, namespace, fits)
                    raise statuses.expired_token(_token(fresh, start))
            else:
                snapshot, start = _Snapshot(self.number, self._matching(kind, namespace, fits)), ("", "")
            if not limit:
                return ListPage([version for _, version in snapshot.versions], snapshot.number, "", 0)
            at = bisect.bisect_right(snapshot.versions, start, key=lambda each: each[0])
            part = snapshot.versions[at : at + limit]
            remaining = len(snapshot.versions) - at - len(part)
            following = ""
            if remaining:
                name = token and _read(token)["id"]
                if not name:
                    name = self._kept(snapshot)
                following = _token(name, part[-1][0])
            return ListPage([version for _, version in part], snapshot.number, following, remaining)

    def events(self, kind: Kind, after: int) -> list[HistoryEvent]:
        """What happened after a version. Raises Refused (410) where that is forgotten."""
        with self.changed:
            if after < self.oldest:
                raise statuses.expired_version(after, self.oldest)
            history = self._history.get(kind, [])
            return history[bisect.bisect_right(history, after, key=lambda event: event.number) :]

    def _strip_continuation(self, token: str) -> tuple[_Snapshot, Key, bool]:
        told = _read(token)
        found = self._snapshots.get(told["id"])
        start = (told["start"][0], told["start"][1])
        return found or _Snapshot(0, []), start, found is not None

    def _snapshot(self, kind: Kind, namespace: str, fits: Fits) -> str:
        return self._kept(_Snapshot(self.number, self._matching(kind, namespace, fits)))

    def _kept(self, snapshot: _Snapshot) -> str:
        name = secrets.token_hex(8)
        self._snapshots[name] = snapshot
        while len(self._snapshots) > _SNAPSHOTS:
            self._snapshots.popitem(last=False)
        return name

    def _matching(self, kind: Kind, namespace: str, fits: Fits) -> list[tuple[Key, Version]]:
        found: Iterable[tuple[Key, Version]] = self._objects.get(kind, {}).items()
        return sorted(
            ((key, each) for key, each in found if namespace in ("", key[0]) and fits(each.object)),
            key=lambda each: each[0],
        )

    def _put(self, kind: Kind, key: Key, document: Object, before: Version | None, *, is_dry: bool = False) -> Version:
        number = self.number + 1
        document = {**document, "metadata": {**document["metadata"], "resourceVersion": str(number)}}
        same = before is not None and {**document, "metadata": {**document["metadata"], "resourceVersion": ""}} == {
            **before.object,
            "metadata": {**before.object["metadata"], "resourceVersion": ""},
        }
        if before is not None and same:
            return before  # a write that changes nothing makes no version
        version = Version(number, document, json.dumps(document, separators=(",", ":")).encode())
        if not is_dry:
            self.number = number
            self._objects.setdefault(kind, {})[key] = version
            self._note(kind, HistoryEvent(number, before, version, version))
        return version

    def _drop(self, kind: Kind, key: Key, document: Object) -> Version:
        self.number += 1
        document = {**document, "metadata": {**document["metadata"], "resourceVersion": str(self.number)}}
        last = Version(self.number, document, json.dumps(document, separators=(",", ":")).encode())
        before = self._objects[kind].pop(key)
        self._note(kind, HistoryEvent(self.number, before, None, last))
        return last

    def _note(self, kind: Kind, event: HistoryEvent) -> None:
        history = self._history.setdefault(kind, [])
        history.append(event)
        if len(history) > self.most_history:
            self.oldest = max(self.oldest, history[len(history) // 2].number)
            del history[: len(history) // 2 + 1]
        self.changed.notify_all()


def _token(name: str, start: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps({"id": name, "start": start}).encode()).decode()


def _read(token: str) -> Any:
    try:
        return json.loads(base64.urlsafe_b64decode(token))
    except ValueError:
        raise statuses.bad_request("continue key is not valid: illegal base64 data") from None


def _allowed(kind: Kind, before: Object, wanted: Object, part: str) -> Object:
    """What a write may change. Raises Refused for a pod's parts that never change."""
    if part == "status":
        return {**before, "status": wanted.get("status", {})}
    if part == "ephemeralcontainers":
        spec = {**before["spec"], "ephemeralContainers": wanted["spec"].get("ephemeralContainers") or []}
        old = before["spec"].get("ephemeralContainers") or []
        if any(container not in spec["ephemeralContainers"] for container in old):
            why = "Forbidden: existing ephemeral containers may not be removed or changed"
            raise statuses.invalid(kind, before["metadata"]["name"], "spec.ephemeralContainers", why)
        return {**before, "spec": spec}
    if "status" in kind.subresources and "status" in before:
        wanted["status"] = before["status"]
    elif "status" in kind.subresources:
        wanted.pop("status", None)
    if kind.kind == "Pod" and _fixed(before["spec"]) != _fixed(wanted.get("spec") or {}):
        why = (
            "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
            "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
        )
        raise statuses.invalid(kind, before["metadata"]["name"], "spec", why)
    return wanted


def _fixed(spec: Object) -> Object:
    """A pod's spec without what may change."""
    found = {name: value for name, value in spec.items() if name not in ("activeDeadlineSeconds", "tolerations")}
    for field in ("containers", "initContainers"):
        found[field] = [
            {name: value for name, value in each.items() if name not in _MUTABLE} for each in spec.get(field) or []
        ]
    return found
