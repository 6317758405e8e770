"""Why a signature by a certificate is not believed."""

from __future__ import annotations


class NotVerified(ValueError):
    """The signature cannot be believed, or cannot be checked. The message is a clause about it (`its certificate …`)."""


class NotTrusted(NotVerified):
    """It may be sound, but comes from an authority or an identity that is not trusted: it proves nothing here."""
