"""Status objects: how the API server says no, and that something was deleted."""

from __future__ import annotations

from typing import Any

from tests.support.kubernetes.resources import Kind


class Refused(Exception):
    """An answer that is a Status of failure."""

    def __init__(self, code: int, reason: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": more.pop("metadata", {}),
            "status": "Failure",
            "message": message,
            "reason": reason,
            **more,
            "code": code,
        }


def _details(kind: Kind, name: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "kind": kind.plural, **more}
    return {**found, "group": kind.group} if kind.group else found


def not_found(kind: Kind, name: str) -> Refused:
    """404."""
    return Refused(404, "NotFound", f'{kind.qualified} "{name}" not found', details=_details(kind, name))


def no_such_path() -> Refused:
    """404 for what is no resource at all."""
    return Refused(404, "NotFound", "the server could not find the requested resource", details={})


def already_exists(kind: Kind, name: str) -> Refused:
    """409 for a name that is taken."""
    message = f'{kind.qualified} "{name}" already exists'
    return Refused(409, "AlreadyExists", message, details=_details(kind, name))


def conflict(kind: Kind, name: str, why: str = "") -> Refused:
    """409 for a change of a version that is not the current one."""
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {kind.qualified} "{name}": {why}'
    return Refused(409, "Conflict", message, details=_details(kind, name))


def invalid(kind: Kind, name: str, field: str, why: str) -> Refused:
    """422."""
    causes = [{"reason": "FieldValueInvalid", "message": why, "field": field}]
    message = f'{kind.kind}{f".{kind.group}" if kind.group else ""} "{name}" is invalid: {field}: {why}'
    details = {**_details(kind, name, causes=causes), "kind": kind.kind}
    return Refused(422, "Invalid", message, details=details)


def bad_request(message: str) -> Refused:
    """400."""
    return Refused(400, "BadRequest", message)


def unsupported_media_type(message: str) -> Refused:
    """415."""
    return Refused(415, "UnsupportedMediaType", message)


def unauthorized() -> Refused:
    """401."""
    return Refused(401, "Unauthorized", "Unauthorized")


def forbidden(user: str, verb: str, kind: Kind, subresource: str, namespace: str) -> Refused:
    """403."""
    resource = f"{kind.plural}/{subresource}" if subresource else kind.plural
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    message = (
        f'{kind.qualified} is forbidden: User "{user}" cannot {verb} resource "{resource}" '
        f'in API group "{kind.group}" {where}'
    )
    return Refused(403, "Forbidden", message, details={"kind": kind.plural, "group": kind.group})


def expired_token(fresh: str) -> Refused:
    """410 in the middle of a list; `fresh` continues it as it is now."""
    message = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
        "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
        "modified, or deleted between the time the first chunk was returned and now may show up in the list."
    )
    return Refused(410, "Expired", message, metadata={"continue": fresh})


def expired_version(asked: int, oldest: int) -> Refused:
    """410 for a watch from a version that is forgotten."""
    return Refused(410, "Expired", f"too old resource version: {asked} ({oldest})")


def future_version(asked: int, current: int) -> Refused:
    """504 for a version that is not there yet."""
    message = f"Too large resource version: {asked}, current: {current}"
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    return Refused(504, "Timeout", message, details={"causes": causes, "retryAfterSeconds": 1})


def deleted(kind: Kind, name: str, uid: str) -> dict[str, Any]:
    """What is answered when something was deleted."""
    details = {**_details(kind, name), "uid": uid}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
