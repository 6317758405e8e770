"""Basic credentials (RFC 7617)."""

from __future__ import annotations

import base64
import binascii


def name_and_password(given: str) -> tuple[str, str]:
    """The name and the password in what stands behind `Basic`. Invalid ones become a name that nobody has."""
    try:
        name, colon, password = base64.b64decode(given, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return (name, password) if colon else ("", "")
