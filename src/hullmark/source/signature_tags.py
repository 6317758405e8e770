"""Tags that are made of digests: cosign's, and the fallback of the OCI distribution specification 1.1 for referrers."""

from __future__ import annotations

from hullmark.model.late import late

SIGNATURE_TAGS = (".sig", ".att", ".sbom")
"""What cosign appends to the tag of a digest."""

_SIGNATURE_TAG = late(r"sha(?:256|512)-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?").fullmatch


def fallback_tag(digest: str) -> str:
    """The tag under which registries without the API for referrers have their list."""
    algorithm, _, value = digest.partition(":")
    return f"{algorithm}-{value[:64]}"


def is_signature_tag(tag: str) -> bool:
    """Whether a tag is one of those that hold signatures, attestations and lists of referrers, not an image of its own."""
    return _SIGNATURE_TAG(tag) is not None
