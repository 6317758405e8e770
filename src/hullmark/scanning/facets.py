"""The facets, by their names. A facet's module is imported, and what it works with is opened, when it is requested."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext

from hullmark.facets.facet import Facet
from hullmark.scanning.request import ScanResources


@contextmanager
def facets_for(names: Iterable[str], resources: ScanResources) -> Iterator[tuple[Facet, ...]]:
    """The facets of these names, with what they work with on this machine.

    Raises HullmarkError where that is requested and not available.
    """
    with ExitStack() as stack:
        yield tuple(stack.enter_context(FACETS[name](resources)) for name in sorted(names))


def _certificates(resources: ScanResources) -> AbstractContextManager[Facet]:
    from hullmark.facets.certificates.facet import CERTIFICATES

    return nullcontext(CERTIFICATES)


def _configuration(resources: ScanResources) -> AbstractContextManager[Facet]:
    from hullmark.facets.configuration.facet import CONFIGURATION

    return nullcontext(CONFIGURATION)


@contextmanager
def _malware(resources: ScanResources) -> Iterator[Facet]:
    from hullmark.facets.malware.facet import malware_facet
    from hullmark.scanning.scanners import opened

    with opened(resources.scanners) as scanners:
        yield malware_facet(scanners)


def _secrets(resources: ScanResources) -> AbstractContextManager[Facet]:
    from hullmark.facets.secrets.facet import secrets_facet
    from hullmark.facets.secrets.own import NO_RULES

    own = NO_RULES
    if resources.secret_rules:
        from hullmark.scanning.secret_rules import rules_of

        own = rules_of(resources.secret_rules)
    return nullcontext(secrets_facet(own, resources.secret_salt))


FACETS: dict[str, Callable[[ScanResources], AbstractContextManager[Facet]]] = {
    "certificates": _certificates,
    "configuration": _configuration,
    "malware": _malware,
    "secrets": _secrets,
}
"""A new facet is its room in hullmark.facets and a line here."""
