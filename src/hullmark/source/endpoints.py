"""Which servers are asked for a reference, and how: mirrors that were set, those of registries.conf, the registry itself."""

from __future__ import annotations

from dataclasses import dataclass

from hullmark.model.errors import HullmarkError
from hullmark.model.reference import HUB, HUB_ALIASES, Reference
from hullmark.net.proxies import is_loopback
from hullmark.source.registries_conf import RegistryLocation, places_for, registry_files
from hullmark.source.source import SourceOptions

_ADVICE = "write it as [http://]HOST[:PORT][/PREFIX]"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that is asked for a repository. `schemes` are tried in order; `insecure`: any certificate will do.

    `login` is the name that credentials for it are filed under.
    """

    host: str
    repository: str
    schemes: tuple[str, ...]
    login: str
    insecure: bool = False


def endpoints(reference: Reference, options: SourceOptions) -> tuple[Endpoint, ...]:
    """The mirrors of the reference's registry, then the registry itself. Raises HullmarkError for invalid settings."""
    files = registry_files(options.environment) if options.registry_files is None else options.registry_files
    places = places_for(reference.host, reference.repository, files, by_digest=bool(reference.digest))
    if not places:
        places = (RegistryLocation(f"{reference.host}/{reference.repository}"),)
    set_by_hand = options.mirrors.get(reference.host, ())
    return (
        *(_endpoint(_mirror(mirror, reference.repository), options) for mirror in set_by_hand),
        *(_endpoint(place, options) for place in places),
    )


def _mirror(mirror: str, repository: str) -> RegistryLocation:
    scheme, separator, rest = mirror.rpartition("://")
    rest = rest.strip("/")
    if (separator and scheme not in ("http", "https")) or not rest or "@" in rest:
        raise HullmarkError(f"{mirror[:100]!r} is not a mirror", advice=_ADVICE)
    return RegistryLocation(f"{scheme}{separator}{rest}/{repository}")


def _endpoint(place: RegistryLocation, options: SourceOptions) -> Endpoint:
    scheme, separator, rest = place.name.rpartition("://")
    host, _, repository = rest.partition("/")
    if not host or not repository:
        raise HullmarkError(f"{place.name[:100]!r} is not a place for images", advice=_ADVICE)
    login, host = (HUB, "registry-1.docker.io") if host in HUB_ALIASES else (host, host)
    insecure = options.insecure or place.insecure
    schemes = (scheme,) if separator else _schemes(host, insecure=insecure)
    return Endpoint(host, repository, schemes, login, place.insecure)


def _schemes(host: str, *, insecure: bool) -> tuple[str, ...]:
    """Plain http only on this machine, and where the user allows it."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return ("https", "http") if insecure or is_loopback(name) else ("https",)
