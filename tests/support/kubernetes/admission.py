"""Admission as the API server does it: webhooks are asked over TLS, first those that change an object, then those that refuse it.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/. Left out: `matchConditions` (refused where they
are written), reinvocation, and conversion between versions, since the fake knows one version of each kind.
"""

from __future__ import annotations

import base64
import fnmatch
import http.client
import json
import socket
import ssl
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.support.kubernetes.patches import BadPatch, apply_operations
from tests.support.kubernetes.resources import Kind
from tests.support.kubernetes.statuses import Refused

Object = dict[str, Any]
CONFIGURATIONS = {"mutate": "MutatingWebhookConfiguration", "validate": "ValidatingWebhookConfiguration"}
_EXEMPT = tuple(CONFIGURATIONS.values())


class Write(NamedTuple):
    """What is about to be written; `part` is the subresource, `new` None where it is deleted."""

    operation: str
    kind: Kind
    namespace: str
    name: str
    part: str
    new: Object | None
    old: Object | None
    is_dry: bool


class _CallFailed(Exception):
    """A webhook was not reached, or did not answer as one."""


@dataclass
class Admission:
    """Asks the webhooks of a cluster. `services` says where a Service (namespace, name) listens; `audit` is what was annotated.

    `asked` counts the questions by webhook; `all` gives the objects of a kind.
    """

    all: Callable[[str], list[Object]]
    services: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    audit: list[dict[str, str]] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)
    _request: threading.local = field(default_factory=threading.local)

    def begin(self, user: str) -> None:
        """A request begins, in this thread."""
        self._request.user, self._request.warnings = user, []

    def warnings(self) -> list[str]:
        """The warnings that the answer to this thread's request carries."""
        return list(getattr(self._request, "warnings", ()))

    def admit(self, write: Write) -> Object | None:
        """The object as it is to be written. Raises Refused."""
        if write.kind.kind in _EXEMPT:
            return write.new
        for configured in self._webhooks("mutate", write):
            response = self._answered(configured, write)
            if response is not None and response.get("patch"):
                write = write._replace(new=_patched(configured, response, write.new))
        for configured in self._webhooks("validate", write):
            response = self._answered(configured, write)
            if response is not None and response.get("patch"):
                raise _internal(f'validating webhook "{configured["name"]}" returned a patch')
        return write.new

    def _webhooks(self, phase: str, write: Write) -> Iterator[Object]:
        for configuration in sorted(self.all(CONFIGURATIONS[phase]), key=lambda each: str(each["metadata"]["name"])):
            for webhook in configuration.get("webhooks") or ():
                if self._fits(webhook, write):
                    yield webhook

    def _fits(self, webhook: Object, write: Write) -> bool:
        if webhook.get("matchConditions"):
            raise _internal("the fake knows no matchConditions")
        if not any(_rule_fits(rule, write) for rule in webhook.get("rules") or ()):
            return False
        namespace = next((each for each in self.all("Namespace") if each["metadata"]["name"] == write.namespace), None)
        labels = (namespace or {}).get("metadata", {}).get("labels") or {}
        if write.kind.is_namespaced and not _selects(webhook.get("namespaceSelector"), labels):
            return False
        objects = [each for each in (write.new, write.old) if each is not None]
        return any(_selects(webhook.get("objectSelector"), each["metadata"].get("labels") or {}) for each in objects)

    def _answered(self, webhook: Object, write: Write) -> Object | None:
        """The response; None where the webhook failed and that is to be ignored. Raises Refused."""
        name = webhook["name"]
        self.asked[name] = self.asked.get(name, 0) + 1
        review = _review(webhook, write, getattr(self._request, "user", ""))
        try:
            response = self._add_calls(webhook, review)
        except (OSError, http.client.HTTPException, ValueError, _CallFailed) as error:
            if webhook.get("failurePolicy", "Fail") == "Ignore":
                return None
            raise _internal(f'failed calling webhook "{name}": failed to call webhook: {error}') from None
        self._request.warnings = [*self.warnings(), *(response.get("warnings") or ())]
        self.audit += [{f"{name}/{key}": text for key, text in (response.get("auditAnnotations") or {}).items()}]
        if response.get("allowed") is not True:
            status = response.get("status") or {}
            why = status.get("message") or "without explanation"
            raise Refused(
                int(status.get("code") or 400),
                status.get("reason") or "",
                f'admission webhook "{name}" denied the request: {why}',
            )
        return response

    def _add_calls(self, webhook: Object, review: Object) -> Object:
        answer, text = self._posted(webhook, json.dumps(review).encode())
        if answer.status != 200:
            raise _CallFailed(f"the server responded with status {answer.status}: {text[:200]!r}")
        found = json.loads(text)
        response = found.get("response") if isinstance(found, dict) else None
        if (found.get("apiVersion"), found.get("kind")) != (review["apiVersion"], "AdmissionReview"):
            raise _CallFailed("expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview")
        if not isinstance(response, dict) or response.get("uid") != review["request"]["uid"]:
            raise _CallFailed("expected response.uid to be that of the request")
        if bool(response.get("patch")) != (response.get("patchType") == "JSONPatch"):
            raise _CallFailed("webhook returned response.patch but not response.patchType, or the other way round")
        return response

    def _posted(self, webhook: Object, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        """The answer. Connections stay open; one that was closed meanwhile is made anew, as Go's client does."""
        address, name, path, bundle = self._target(webhook)
        kept = self._request.__dict__.setdefault("connections", {})
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        for is_last in (False, True):
            connection = kept.pop((address, bundle), None)
            is_fresh = connection is None
            if connection is None:
                connection = _connected(address, name, bundle, float(webhook.get("timeoutSeconds", 10)))
            try:
                connection.request("POST", path, body, headers)
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                if is_fresh or is_last:
                    raise
                continue
            kept[address, bundle] = connection
            return answer, text
        raise AssertionError

    def end(self) -> None:
        """The connection that this thread answered is closed."""
        for connection in self._request.__dict__.pop("connections", {}).values():
            connection.close()

    def _target(self, webhook: Object) -> tuple[tuple[str, int], str, str, str]:
        """Where it listens, how its certificate must call it, the path, and whom to trust."""
        client = webhook["clientConfig"]
        bundle = base64.b64decode(client.get("caBundle") or "").decode()
        if "url" in client:
            parts = urlsplit(client["url"])
            assert parts.scheme == "https"
            return (parts.hostname or "", parts.port or 443), parts.hostname or "", parts.path, bundle
        service = client["service"]
        key = service["namespace"], service["name"]
        if key not in self.services:
            raise _CallFailed(f'service "{key[1]}" not found')
        return self.services[key], f"{key[1]}.{key[0]}.svc", service.get("path", "/"), bundle


def _connected(address: tuple[str, int], name: str, bundle: str, timeout: float) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cadata=bundle) if bundle else ssl.create_default_context()
    connection = http.client.HTTPSConnection(*address, timeout=timeout, context=context)
    plain = socket.create_connection(address, timeout)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sock = context.wrap_socket(plain, server_hostname=name)
    return connection


def _review(webhook: Object, write: Write, user: str) -> Object:
    if "v1" not in webhook.get("admissionReviewVersions", ()):
        raise _internal("the webhook accepts no version of AdmissionReview that is known")
    kind = {"group": write.kind.group, "version": write.kind.version, "kind": write.kind.kind}
    resource = {"group": write.kind.group, "version": write.kind.version, "resource": write.kind.plural}
    request: Object = {
        "uid": str(uuid.uuid4()),
        "kind": kind,
        "resource": resource,
        "requestKind": kind,
        "requestResource": resource,
        "name": write.name,
        "operation": write.operation,
        "userInfo": {"username": user or "system:anonymous", "groups": ["system:authenticated"]},
        "object": write.new,
        "oldObject": write.old,
        "dryRun": write.is_dry,
        "options": None,
    }
    if write.namespace:
        request["namespace"] = write.namespace
    if write.part:
        request |= {"subResource": write.part, "requestSubResource": write.part}
    if webhook.get("sideEffects") not in ("None", "NoneOnDryRun") and write.is_dry:
        raise Refused(400, "BadRequest", f'admission webhook "{webhook["name"]}" does not support dry run')
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def _rule_fits(rule: Mapping[str, Any], write: Write) -> bool:
    resource = f"{write.kind.plural}/{write.part}" if write.part else write.kind.plural
    scope = "Namespaced" if write.kind.is_namespaced else "Cluster"
    return (
        _listed(rule.get("operations"), write.operation)
        and _listed(rule.get("apiGroups"), write.kind.group)
        and _listed(rule.get("apiVersions"), write.kind.version)
        and any(_resource_fits(str(each), resource) for each in rule.get("resources") or ())
        and rule.get("scope", "*") in ("*", scope)
    )


def _resource_fits(pattern: str, resource: str) -> bool:
    """`*` is every resource and no subresource; `*/*` is both."""
    if pattern == "*/*":
        return True
    return ("/" in pattern) == ("/" in resource) and fnmatch.fnmatchcase(resource, pattern)


def _listed(values: Any, value: str) -> bool:
    return "*" in (values or ()) or value in (values or ())


def _selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector fits; an empty one fits everything."""
    for name, value in ((selector or {}).get("matchLabels") or {}).items():
        if labels.get(name) != value:
            return False
    for each in (selector or {}).get("matchExpressions") or ():
        has, value, values = each["key"] in labels, labels.get(each["key"]), each.get("values") or ()
        fits = {
            "In": has and value in values,
            "NotIn": not (has and value in values),
            "Exists": has,
            "DoesNotExist": not has,
        }
        if not fits[each["operator"]]:
            return False
    return True


def _patched(webhook: Object, response: Object, document: Object | None) -> Object:
    try:
        made = apply_operations(document, json.loads(base64.b64decode(response["patch"])))
    except (BadPatch, ValueError) as error:
        raise _internal(f'webhook "{webhook["name"]}" returned a patch that cannot be applied: {error}') from None
    assert isinstance(made, dict)
    return made


def _internal(message: str) -> Refused:
    return Refused(500, "InternalError", f"Internal error occurred: {message}")
