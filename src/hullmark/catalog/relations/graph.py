"""What can be said of packages and their relations: which stand at the top, and the shortest chain from one of those to a package."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from hullmark.model.relation import Relation, dependencies_of


def tops(purls: Iterable[str], relations: Sequence[Relation]) -> tuple[str, ...]:
    """The packages that no other one needs, sorted; of packages that need each other, and that nobody else needs, the first.

    From them all packages can be reached.
    """
    all_purls = sorted(set(purls))
    needs = dependencies_of(relations)
    needed = {relation.dependency for relation in relations}
    found: list[str] = []
    reached: set[str] = set()
    for purl in (*(purl for purl in all_purls if purl not in needed), *all_purls):
        if purl not in reached:
            found.append(purl)
            _reach(purl, needs, reached)
    return tuple(sorted(found))


def _reach(start: str, needs: Mapping[str, Sequence[str]], reached: set[str]) -> None:
    reached.add(start)
    waiting = [start]
    while waiting:
        for purl in needs.get(waiting.pop(), ()):
            if purl not in reached:
                reached.add(purl)
                waiting.append(purl)


def chain(purl: str, starts: Iterable[str], relations: Sequence[Relation]) -> tuple[str, ...]:
    """The shortest chain from one of the starts to a package, both included; one of relations that are not a choice where there is one.

    Just the package itself where no start leads to it.
    """
    needed = [relation for relation in relations if relation.kind == "depends-on"]
    starts = sorted(set(starts))
    for among in (needed, relations):
        found = _shortest(purl, starts, dependencies_of(among))
        if found:
            return found
    return (purl,)


def _shortest(purl: str, starts: Sequence[str], needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    before: dict[str, str] = dict.fromkeys(starts, "")
    waiting = deque(starts)
    while waiting and purl not in before:
        here = waiting.popleft()
        for other in needs.get(here, ()):
            if other not in before:
                before[other] = here
                waiting.append(other)
    found: list[str] = []
    while purl in before and purl:
        found.append(purl)
        purl = before[purl]
    return tuple(reversed(found))
