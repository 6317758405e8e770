"""Reviews that an API server sends, and the answers to them.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/ (admission.k8s.io/v1) and
https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#imagepolicywebhook (imagepolicy.k8s.io/v1alpha1).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hullmark.model.limit import Limit

LARGEST_REVIEW = Limit(
    16 << 20, "bytes of an admission review; an object of Kubernetes has at most 3 MiB, and may come twice", "refused"
)
_LONGEST_WARNING = Limit(256, "characters of a warning that admission answers with", "shortened")
_MOST_WARNINGS = Limit(16, "warnings that admission answers with", "shortened")
_LONGEST_MESSAGE = Limit(4096, "characters of a refusal that admission answers with", "shortened")
_LONGEST_ANNOTATION = Limit(1024, "characters of an audit annotation that admission answers with", "shortened")
ADMISSION, IMAGE_POLICY = "admission.k8s.io/v1", "imagepolicy.k8s.io/v1alpha1"


class InvalidReview(Exception):
    """It is not a review that is understood. `status` is HTTP's."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class KindName(msgspec.Struct, frozen=True):
    """A kind of objects."""

    group: str = ""
    version: str = ""
    kind: str = ""


class Requester(msgspec.Struct, frozen=True):
    """Who asks, as the API server knows by itself."""

    username: str = ""


class AdmissionRequest(msgspec.Struct, frozen=True, rename="camel"):
    """What an API server is about to do. `object` is as it is to be (None on DELETE), `old_object` as it is."""

    uid: str
    kind: KindName
    operation: str
    name: str = ""
    namespace: str = ""
    sub_resource: str = ""
    object: dict[str, Any] | None = None
    old_object: dict[str, Any] | None = None
    dry_run: bool | None = None
    user_info: Requester = Requester()


class _Review(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str = ""
    kind: str = ""
    request: AdmissionRequest | None = None


class ImageContainer(msgspec.Struct, frozen=True):
    """An image that is to start; that is all that an ImageReview tells of a container."""

    image: str = ""


class _ImageSpec(msgspec.Struct, frozen=True):
    containers: tuple[ImageContainer, ...] = ()
    annotations: dict[str, str] | None = None
    namespace: str = ""


class ImageReview(msgspec.Struct, frozen=True, rename="camel"):
    """An ImageReview: the images of a pod and its namespace."""

    api_version: str = ""
    kind: str = ""
    spec: _ImageSpec = _ImageSpec()


_REVIEWS = msgspec.json.Decoder(_Review)
_IMAGE_REVIEWS = msgspec.json.Decoder(ImageReview)


def admission_request(body: bytes) -> AdmissionRequest:
    """The request in an AdmissionReview. Raises InvalidReview."""
    review: _Review = _decode_review(_REVIEWS, body)
    if (review.api_version, review.kind) != (ADMISSION, "AdmissionReview"):
        raise InvalidReview(
            f"only AdmissionReview of {ADMISSION} is understood, not {review.kind[:63] or 'nothing'} of "
            f"{review.api_version[:63] or 'no version'}: name v1 in admissionReviewVersions"
        )
    if review.request is None or not review.request.uid:
        raise InvalidReview("the review has no request with a uid")
    return review.request


def image_review(body: bytes) -> ImageReview:
    """An ImageReview. Raises InvalidReview."""
    review: ImageReview = _decode_review(_IMAGE_REVIEWS, body)
    if (review.api_version, review.kind) != (IMAGE_POLICY, "ImageReview"):
        raise InvalidReview(f"only ImageReview of {IMAGE_POLICY} is understood")
    return review


def _decode_review(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidReview(f"the review cannot be read: {' '.join(str(error).split())[:200]}") from error


def admission_answer(  # noqa: PLR0913 - one parameter a part of the answer
    uid: str,
    *,
    allowed: bool,
    reasons: Sequence[str] = (),
    code: int = 403,
    warnings: Sequence[str] = (),
    audit: Mapping[str, str] = {},
    patch: Sequence[Mapping[str, object]] = (),
) -> bytes:
    """An AdmissionReview that answers."""
    response: dict[str, object] = {"uid": uid, "allowed": allowed}
    if not allowed:
        words = {403: "Forbidden", 422: "Invalid", 503: "ServiceUnavailable"}
        message = _shorten_text("hullmark: " + "; ".join(reasons), _LONGEST_MESSAGE)
        response["status"] = {"status": "Failure", "code": code, "reason": words[code], "message": message}
    if warnings:
        shown = [*warnings[: _MOST_WARNINGS - 1], f"and {len(warnings) - _MOST_WARNINGS + 1} more"]
        wanted = warnings if len(warnings) <= _MOST_WARNINGS else shown
        response["warnings"] = [_shorten_text(f"hullmark: {warning}", _LONGEST_WARNING) for warning in wanted]
    if audit:
        response["auditAnnotations"] = {name: _shorten_text(text, _LONGEST_ANNOTATION) for name, text in audit.items()}
    if patch:
        response |= {"patchType": "JSONPatch", "patch": base64.b64encode(msgspec.json.encode(list(patch))).decode()}
    return msgspec.json.encode({"apiVersion": ADMISSION, "kind": "AdmissionReview", "response": response})


def image_answer(*, allowed: bool, reasons: Sequence[str], audit: Mapping[str, str]) -> bytes:
    """An ImageReview that answers."""
    annotations = {name: _shorten_text(text, _LONGEST_ANNOTATION) for name, text in audit.items()}
    status: dict[str, object] = {"allowed": allowed, "auditAnnotations": annotations}
    if reasons and not allowed:
        status["reason"] = _shorten_text("; ".join(reasons), _LONGEST_MESSAGE)
    return msgspec.json.encode({"apiVersion": IMAGE_POLICY, "kind": "ImageReview", "status": status})


def status_object(message: str, code: int) -> bytes:
    """A Status of failure, for what is not answered by a review."""
    return msgspec.json.encode(
        {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
    )


def _shorten_text(text: str, most: int) -> str:
    """A text as a header may carry it: printable, on one line, not too long."""
    line = text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
    return line if len(line) <= most else line[: most - 1] + "…"
