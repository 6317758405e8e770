"""Two who sign at the same time lose nothing of each other's, under the tag of cosign and in the list of referrers alike."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from hullmark.model.errors import HullmarkError
from hullmark.source.attach import Statement, attach, signed_documents
from hullmark.source.manifest import OCI_MANIFEST, Descriptor
from hullmark.source.registry_repository import RegistryRepository
from hullmark.source.rewriting import rewrite
from hullmark.source.source import SourceOptions
from tests.support.open_registry import OpenRegistry

SUBJECT = Descriptor(f"sha256:{'a' * 64}", 2, OCI_MANIFEST)
SIGNERS = 4


@pytest.fixture(params=(True, False), ids=("with referrers", "by the tag schema"))
def registry(request: pytest.FixtureRequest) -> Iterator[OpenRegistry]:
    with OpenRegistry(lists_referrers=request.param).running() as found:
        yield found


def repository_of(registry: OpenRegistry) -> RegistryRepository:
    return RegistryRepository(f"{registry.host}/shop:1", SourceOptions(), "pull,push")


def statement(name: str, replaces: str = "") -> Statement:
    return Statement(
        bundle=f'{{"bundle": "{name}"}}'.encode(),
        envelope=f'{{"envelope": "{name}"}}'.encode(),
        predicate_type="https://example.org/x",
        created="2026-05-01T12:00:00Z",
        replaces=replaces,
    )


def bodies(registry: OpenRegistry) -> set[bytes]:
    return {document.body for document in signed_documents(repository_of(registry), (SUBJECT.digest,)).documents}


class Interrupted(RegistryRepository):
    """One that does something else each time before it writes what it has read."""

    interruptions: list[Callable[[], None]]

    def manifest(self, version: str) -> bytes:
        try:
            return super().manifest(version)
        finally:
            if self.interruptions and not version.startswith("sha256:"):
                self.interruptions.pop()()


def test_who_reads_before_another_writes_reads_again(registry: OpenRegistry) -> None:
    slow = Interrupted(f"{registry.host}/shop:1", SourceOptions(), "pull,push")
    others = [statement(f"other {number}") for number in range(2)]
    slow.interruptions = [lambda one=one: attach(repository_of(registry), SUBJECT, one) and None for one in others]  # type: ignore[misc]
    attach(slow, SUBJECT, statement("slow"))
    assert slow.interruptions == []
    every = (*others, statement("slow"))
    assert bodies(registry) == {body for each in every for body in (each.bundle, each.envelope)}


def test_many_who_sign_at_once_all_find_their_statement(registry: OpenRegistry) -> None:
    begin = threading.Barrier(SIGNERS)
    faults: list[HullmarkError] = []

    def sign(number: int) -> None:
        begin.wait()
        try:
            attach(repository_of(registry), SUBJECT, statement(f"{number}", replaces="the policy"))
        except HullmarkError as error:
            faults.append(error)

    threads = [threading.Thread(target=sign, args=(number,)) for number in range(SIGNERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    enveloped = [body for body in bodies(registry) if b"envelope" in body]
    assert len(enveloped) == 1, "each takes the place of the one before"


def test_who_never_comes_to_write_is_told_so() -> None:
    numbers = iter(range(1000))
    written: list[bytes] = []
    with pytest.raises(HullmarkError, match="others write to the same tag all the time"):
        rewrite(lambda: str(next(numbers)).encode(), lambda before: b"mine", written.append, lambda now: False)
    assert written == []


def test_what_another_replaces_right_behind_is_written_again() -> None:
    held: list[bytes] = []

    def put(body: bytes) -> None:
        held.append(b"another's" if not held else body)  # somebody writes over the first attempt at once

    rewrite(
        lambda: held[-1] if held else None,
        lambda before: (before or b"") + b", mine",
        put,
        lambda now: b"mine" in (now or b""),
    )
    assert held == [b"another's", b"another's, mine"]
