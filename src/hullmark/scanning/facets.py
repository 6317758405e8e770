"""The facets, by their names. A facet's module is imported, and what it works with is opened, when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext

from hullmark.facets import facet_named
from hullmark.facets.facet import Facet
from hullmark.scanning.request import ScanResources


@contextmanager
def facets_for(names: Iterable[str], resources: ScanResources) -> Iterator[tuple[Facet, ...]]:
    """The facets of these names, with what they work with on this machine.

    Raises HullmarkError where that is asked for and cannot be had.
    """
    with ExitStack() as stack:
        yield tuple(stack.enter_context(_open_facet(name, resources)) for name in sorted(names))


@contextmanager
def _malware(resources: ScanResources) -> Iterator[Facet]:
    from hullmark.facets.malware.facet import malware_facet
    from hullmark.scanning.scanners import open_scanners

    with open_scanners(resources.scanners) as scanners:
        yield malware_facet(scanners)


def _secrets(resources: ScanResources) -> AbstractContextManager[Facet]:
    from hullmark.facets.secrets.facet import secrets_facet
    from hullmark.facets.secrets.own import NO_RULES

    own = NO_RULES
    if resources.secret_rules:
        from hullmark.scanning.secret_rules import rules_of

        own = rules_of(resources.secret_rules)
    return nullcontext(secrets_facet(own, resources.secret_salt))


_WITH_RESOURCES: dict[str, Callable[[ScanResources], AbstractContextManager[Facet]]] = {
    "malware": _malware,
    "secrets": _secrets,
}
"""Those that are made of something that the machine has, in place of a constant."""


def _open_facet(name: str, resources: ScanResources) -> AbstractContextManager[Facet]:
    if name in _WITH_RESOURCES:
        return _WITH_RESOURCES[name](resources)
    return nullcontext(facet_named(name))
