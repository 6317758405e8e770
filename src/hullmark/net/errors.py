"""What can go wrong on the network, as types: each is a request that failed, with advice."""

from __future__ import annotations

from hullmark.model.errors import HullmarkError


class NetError(HullmarkError):
    """Something on the network did not work."""


class Unreachable(NetError):
    """No connection could be made: no such host, refused, or no route."""


class NotTls(Unreachable):
    """The other side does not use TLS on this port."""


class CertificateRefused(NetError):
    """The certificate of the other side is not signed by a CA that is trusted here, or is for another name."""


class TimedOut(NetError):
    """The other side was silent, or so slow, that waiting for it makes no sense."""


class Cut(NetError):
    """The connection broke in the middle of an answer."""


class AnswerTooLarge(NetError):
    """The answer is longer than anything of its kind may be."""


class BadRedirect(NetError):
    """A redirect that must not be followed: too many, to no web address, or away from TLS."""


class ForbiddenAddress(NetError):
    """A connection to a forbidden address: the machine itself, a cloud's metadata, and the like."""
