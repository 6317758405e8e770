"""Snapshots from a registry that has only some of what its manifest names: a delta, a whole one, or neither."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hullmark.advisories.database import pack
from hullmark.advisories.database.layout import SnapshotFile
from hullmark.advisories.database.shelf import Shelf
from hullmark.app.share import ARTIFACT_TYPE, MANIFEST_TYPE, PAYLOAD_TYPES, export_bundle, pull, push
from hullmark.model.errors import HullmarkError
from hullmark.source.artifacts import ArtifactRequest, Part, push_artifact
from hullmark.source.source import SourceOptions
from tests.support.images import Json, sha256, to_json
from tests.support.open_registry import OpenRegistry
from tests.support.shelves import put, some_feeds

OPTIONS = SourceOptions(retries=0, timeout=5, sleep=lambda _: None, certs_dirs=(), auth_files=(), registry_files=())


@pytest.fixture
def registry() -> Iterator[OpenRegistry]:
    with OpenRegistry().running() as running:
        yield running


def name(registry: OpenRegistry) -> str:
    return f"{registry.host}/advisories:1"


def without(registry: OpenRegistry, is_gone: Callable[[Json], bool]) -> None:
    """Take those layers out of the artifact, as a registry does that cleans up too much."""
    digest = registry.tags["advisories", "1"]
    media_type, body = registry.manifests["advisories", digest]
    manifest = json.loads(body)
    manifest["layers"] = [layer for layer in manifest["layers"] if not is_gone(layer)]
    changed = to_json(manifest)
    registry.manifests["advisories", sha256(changed)] = (media_type, changed)
    registry.tags["advisories", "1"] = sha256(changed)


def is_delta(layer: Json) -> bool:
    return bool(layer["mediaType"] == PAYLOAD_TYPES["delta"])


def test_where_the_delta_is_gone_the_whole_snapshot_is_taken(here: Shelf, there: Shelf, registry: OpenRegistry) -> None:
    old = put(here, some_feeds(300))
    assert put(there, some_feeds(300)) == old
    new = put(here, some_feeds(300, changed=(7,), day="2026-02-02"))
    assert push(here, name(registry), OPTIONS).deltas == (old,)
    without(registry, is_delta)
    received = pull(there, name(registry), OPTIONS, allow_unsigned=True)
    assert (received.kind, received.snapshot, received.previous) == ("snapshot", new, old)


def test_where_the_whole_snapshot_is_gone_nothing_changes(here: Shelf, there: Shelf, registry: OpenRegistry) -> None:
    put(here, some_feeds(20))
    push(here, name(registry), OPTIONS)
    without(registry, lambda layer: layer["mediaType"] == PAYLOAD_TYPES["snapshot"])
    with pytest.raises(HullmarkError) as caught:
        pull(there, name(registry), OPTIONS, allow_unsigned=True)
    assert str(caught.value) == "the registry lacks the snapshot that the manifest names"
    assert there.current() is None


def test_a_delta_alone_is_of_no_use_without_its_parent(
    here: Shelf, there: Shelf, registry: OpenRegistry, tmp_path: Path
) -> None:
    old = put(here, some_feeds(300))
    new = put(here, some_feeds(300, changed=(7,)))
    packed = pack.pack_delta(
        SnapshotFile(here.path_of(old), old), SnapshotFile(here.path_of(new), new), tmp_path / "delta"
    )
    manifest = pack.encode_manifest(pack.manifest_of(here.path_of(new), new, (packed,)))
    parts = (
        Part(media_type=MANIFEST_TYPE, title="manifest.json", content=manifest),
        Part(media_type=PAYLOAD_TYPES["delta"], title="delta", path=packed.path),
    )
    push_artifact(name(registry), ArtifactRequest(artifact_type=ARTIFACT_TYPE, parts=parts), OPTIONS)
    with pytest.raises(HullmarkError) as caught:
        pull(there, name(registry), OPTIONS, allow_unsigned=True)
    assert str(caught.value) == "it has deltas only, from snapshots that are not here"
    assert caught.value.advice == "import a whole bundle"


def test_a_snapshot_that_rotted_on_the_shelf_is_no_parent(here: Shelf, registry: OpenRegistry, tmp_path: Path) -> None:
    old = put(here, some_feeds(300))
    put(here, some_feeds(300, changed=(7,)))
    here.path_of(old).write_bytes(b"rotten")
    with pytest.raises(HullmarkError) as caught:
        export_bundle(here, tmp_path / "bundle.tar", since=old)
    assert str(caught.value) == f"the snapshot {old} is damaged"
    # What another program wrote is as its digest says, and no snapshot that anything could be a delta of.
    here.path_of(sha256(b"strange")).write_bytes(b"strange")
    assert sha256(b"strange") in here.digests()
    assert push(here, name(registry), OPTIONS).deltas == ()
