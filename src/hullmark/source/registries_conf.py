"""Mirrors and exceptions that podman's users have set: containers-registries.conf(5), version 2.

Only what says where an image is fetched from is read. Short names are completed as Docker does, on every machine alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit

_LIMIT = Limit(1 << 20, "bytes of a registries.conf", "refused")
_MAX_FILES = Limit(100, "files in registries.conf.d", "shortened")
_KEPT = 32


@dataclass(frozen=True, slots=True)
class RegistryLocation:
    """Where an image may be fetched: HOST/PATH. `insecure`: plain http and any certificate will do there."""

    name: str
    insecure: bool = False


class _Mirror(msgspec.Struct, frozen=True, rename="kebab"):
    location: str
    insecure: bool = False
    pull_from_mirror: str = "all"


class _Registry(msgspec.Struct, frozen=True, rename="kebab"):
    prefix: str = ""
    location: str = ""
    insecure: bool = False
    blocked: bool = False
    mirror_by_digest_only: bool = False
    mirror: tuple[_Mirror, ...] = ()

    @property
    def scope(self) -> str:
        """The names that this is about."""
        return self.prefix or self.location


class _File(msgspec.Struct, frozen=True):
    registry: tuple[_Registry, ...] = ()


def registry_files(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The files that count, in the order they are read: one for all, or the user's or the system's with their drop-ins.

    Raises HullmarkError for a folder of drop-ins that cannot be read: it may block a registry.
    """
    if only := environment.get("CONTAINERS_REGISTRIES_CONF"):
        return (only,)
    home = environment.get("XDG_CONFIG_HOME") or (environment.get("HOME") and f"{environment['HOME']}/.config")
    system, own = "/etc/containers/registries.conf", f"{home}/containers/registries.conf"
    is_own = bool(home) and _may_be_there(Path(own))
    folders = (f"{system}.d", f"{own}.d") if home else (f"{system}.d",)
    return (own if is_own else system, *(str(path) for folder in folders for path in _drop_ins(Path(folder))))


def _may_be_there(path: Path) -> bool:
    """Whether a file exists or may exist. Reading one that we may not see then fails with the reason."""
    try:
        return path.is_file()
    except OSError:
        return True


def _drop_ins(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(".conf"))[:_MAX_FILES]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise HullmarkError(f"{folder} cannot be read ({error.strerror})", advice="check its permissions") from error


def places_for(host: str, repository: str, files: tuple[str, ...], *, by_digest: bool) -> tuple[RegistryLocation, ...]:
    """Where to fetch from, mirrors first, the registry last; () if no file says anything of this image.

    Raises HullmarkError for a file that cannot be read, and for a registry that is blocked.
    """
    name = f"{host}/{repository}"
    found: dict[str, _Registry] = {}
    for path in files:
        found |= {registry.scope: registry for registry in _read(path)}
    best = max((registry for registry in found.values() if _covers(registry.scope, name)), key=_length, default=None)
    if best is None:
        return ()
    if best.blocked:
        raise HullmarkError(
            f"{best.scope} is blocked in registries.conf", advice="name another registry, or unblock it"
        )
    return tuple(_places(best, name, by_digest=by_digest))


def _length(registry: _Registry) -> int:
    return len(registry.scope)


def _covers(scope: str, name: str) -> bool:
    if scope.startswith("*."):
        return name.partition("/")[0].endswith(scope[1:])
    return bool(scope) and (name == scope or name.startswith(f"{scope}/"))


def _places(registry: _Registry, name: str, *, by_digest: bool) -> Iterator[RegistryLocation]:
    rest = "" if registry.scope.startswith("*.") else name[len(registry.scope) :]
    kinds = {"all", "digest-only" if by_digest else "tag-only"}
    if by_digest or not registry.mirror_by_digest_only:
        for mirror in registry.mirror:
            if mirror.pull_from_mirror in kinds and not registry.scope.startswith("*."):
                yield RegistryLocation(f"{mirror.location}{rest}", mirror.insecure)
    location = "" if registry.scope.startswith("*.") else registry.location
    yield RegistryLocation(f"{location}{rest}" if location else name, registry.insecure)


def _read(path: str) -> tuple[_Registry, ...]:
    try:
        with Path(path).open("rb") as file:
            body = file.read(_LIMIT)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise HullmarkError(f"{path} cannot be read ({error.strerror})", advice="check its permissions") from error
    return _parse_registries(body, path)


@lru_cache(_KEPT)
def _parse_registries(body: bytes, path: str) -> tuple[_Registry, ...]:
    """What a file says: it is read for each image, and says the same for long."""
    import tomllib

    try:
        return msgspec.convert(tomllib.loads(body.decode()), _File).registry
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error)[:120].replace("\n", " ")
        raise HullmarkError(f"{path} is not a registries.conf of version 2: {reason}", advice="mend it") from error
