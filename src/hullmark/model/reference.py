"""Image references: `[REGISTRY/][PATH/]NAME[:TAG][@DIGEST]`, by the grammar of the distribution project's reference package."""

from __future__ import annotations

import msgspec

from hullmark.model.digest import is_digest
from hullmark.model.errors import HullmarkError
from hullmark.model.late import late
from hullmark.model.limit import Limit

HUB = "docker.io"
"""The registry of names without one. Its own names in credentials and its API host differ."""

HUB_ALIASES = ("docker.io", "index.docker.io", "registry-1.docker.io")

_HOST = late(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?").fullmatch
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = late(rf"{_COMPONENT}(?:/{_COMPONENT})*").fullmatch
_TAG = late(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}").fullmatch
_MAX_LENGTH = Limit(1024, "characters of a reference to an image", "refused")
_ADVICE = "write it as [REGISTRY/]NAME[:TAG][@sha256:…]"


class Reference(msgspec.Struct, frozen=True):
    """An image's full name. `host` is the registry with its port; `tag` and `digest` are "" if they were not given."""

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def version(self) -> str:
        """What to request from the registry: the digest if there is one, otherwise the tag, otherwise `latest`."""
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        tag = self.tag or ("" if self.digest else "latest")
        return f"{self.host}/{self.repository}{tag and ':'}{tag}{self.digest and '@'}{self.digest}"


def parse_reference(text: str) -> Reference:
    """The full name for a short one. Raises HullmarkError that says what is wrong with it."""
    if not text or len(text) > _MAX_LENGTH:
        raise HullmarkError("that is not an image reference", advice=_ADVICE)
    rest, at, digest = text.partition("@")
    if at and not is_digest(digest):
        raise HullmarkError(f"{digest[:100]!r} is not a digest", advice="write it as sha256: and 64 hexadecimal digits")
    slash, colon = rest.rfind("/"), rest.rfind(":")
    tag = ""
    if colon > slash:
        rest, tag = rest[:colon], rest[colon + 1 :]
        if not _TAG(tag):
            raise HullmarkError(f"{tag[:100]!r} is not a tag", advice=_ADVICE)
    host, repository = _split_host(rest)
    _check_repository(repository, text)
    return Reference(host, repository, tag, digest)


def _split_host(name: str) -> tuple[str, str]:
    """Registry and rest of a name. A first part with a dot or port, or `localhost`, is a registry."""
    first, slash, repository = name.partition("/")
    if not slash or not (first == "localhost" or "." in first or ":" in first):
        first, repository = HUB, name
    if not _HOST(first):
        raise HullmarkError(f"{first[:100]!r} is not a registry", advice=_ADVICE)
    if first in HUB_ALIASES:
        return HUB, repository if "/" in repository else f"library/{repository}"
    return first, repository


def _check_repository(repository: str, text: str) -> None:
    if _PATH(repository):
        return
    if repository != repository.lower() and _PATH(repository.lower()):
        raise HullmarkError(f"{text[:100]!r} has upper-case letters, which names of images have not", advice=_ADVICE)
    raise HullmarkError(f"{text[:100]!r} is not an image reference", advice=_ADVICE)
