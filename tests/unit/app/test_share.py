"""Snapshots from one shelf to another by a file: all of it or nothing, and from those who are trusted."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from hullmark.advisories.database.build import digest_of
from hullmark.advisories.database.shelf import Shelf
from hullmark.app.share import export_bundle, import_bundle
from hullmark.model.errors import HullmarkError
from tests.support.shelves import fingerprint_of, key_pair, put, some_feeds


def files(shelf: Shelf) -> dict[str, bytes]:
    """All that is on a shelf but its lock."""
    found = (path for path in shelf.folder.rglob("*") if path.is_file() and path.name != "lock")
    return {str(path.relative_to(shelf.folder)): path.read_bytes() for path in found}


def current(shelf: Shelf) -> str:
    found = shelf.current()
    assert found is not None
    path, digest = found
    assert digest_of(path) == digest
    return digest


def test_a_snapshot_travels(here: Shelf, there: Shelf, tmp_path: Path) -> None:
    digest = put(here, some_feeds(100))
    exported = export_bundle(here, tmp_path / "bundle.tar")
    assert (exported.snapshot, exported.parent, exported.is_signed) == (digest, "", False)
    assert exported.size == (tmp_path / "bundle.tar").stat().st_size
    received = import_bundle(there, tmp_path / "bundle.tar", allow_unsigned=True)
    assert (received.snapshot, received.previous, received.kind) == (digest, "", "snapshot")
    assert (received.signer, received.is_older) == ("", False)
    assert current(there) == digest
    again = import_bundle(there, tmp_path / "bundle.tar", allow_unsigned=True)
    assert (again.kind, again.previous) == ("nothing", digest)


def test_only_what_changed_travels(here: Shelf, there: Shelf, tmp_path: Path) -> None:
    old = put(here, some_feeds(500))
    whole = export_bundle(here, tmp_path / "old.tar")
    import_bundle(there, tmp_path / "old.tar", allow_unsigned=True)
    new = put(here, some_feeds(501, changed=(7,), day="2026-02-02"))
    exported = export_bundle(here, tmp_path / "new.tar", since=old)
    assert exported.parent == old
    assert exported.size < whole.size / 2
    received = import_bundle(there, tmp_path / "new.tar", allow_unsigned=True)
    assert (received.kind, received.snapshot, received.previous) == ("delta", new, old)
    assert received.data_at == "2026-02-02"
    assert current(there) == new
    back = import_bundle(there, tmp_path / "old.tar", allow_unsigned=True)
    assert (back.kind, back.is_older) == ("nothing", True)
    assert current(there) == old


def test_a_delta_without_its_parent_changes_nothing(here: Shelf, there: Shelf, tmp_path: Path) -> None:
    old = put(here, some_feeds(50))
    put(here, some_feeds(60))
    export_bundle(here, tmp_path / "bundle.tar", since=old)
    put(there, some_feeds(10))
    before = files(there)
    with pytest.raises(HullmarkError, match=f"from the snapshot {old}, which is not here"):
        import_bundle(there, tmp_path / "bundle.tar", allow_unsigned=True)
    assert files(there) == before


def test_only_signed_bundles_of_those_who_are_trusted_are_taken(here: Shelf, there: Shelf, tmp_path: Path) -> None:
    (key, public), (_, other) = key_pair(tmp_path), key_pair(tmp_path, "other")
    put(here, some_feeds(50))
    signed, unsigned = tmp_path / "signed.tar", tmp_path / "unsigned.tar"
    assert export_bundle(here, signed, key=key).is_signed
    export_bundle(here, unsigned)
    for file, trusted, reason in (
        (signed, None, "no key is named"),
        (unsigned, None, "no key is named"),
        (unsigned, public, "is not signed"),
        (signed, other, "none of the trusted keys"),
    ):
        with pytest.raises(HullmarkError, match=reason) as caught:
            import_bundle(there, file, trusted=trusted)
        assert "unsigned" in caught.value.advice
        assert files(there) == {}
    assert import_bundle(there, signed, trusted=public).signer == fingerprint_of(public)
    assert import_bundle(there, signed, trusted=other, allow_unsigned=True).signer == ""
    assert import_bundle(there, unsigned, trusted=public, allow_unsigned=True).signer == ""


def test_a_manifest_that_was_changed_after_signing_is_refused(here: Shelf, there: Shelf, tmp_path: Path) -> None:
    key, public = key_pair(tmp_path)
    put(here, some_feeds(50))
    bundle = tmp_path / "bundle.tar"
    export_bundle(here, bundle, key=key)
    bundle.write_bytes(bundle.read_bytes().replace(b"CC0-1.0", b"CC1-1.0", 1))
    with pytest.raises(HullmarkError, match="was changed after it was signed"):
        import_bundle(there, bundle, trusted=public)


def test_a_damaged_bundle_changes_nothing(here: Shelf, there: Shelf, tmp_path: Path) -> None:
    put(there, some_feeds(10))
    before = files(there)
    put(here, some_feeds(300))
    bundle = tmp_path / "bundle.tar"
    export_bundle(here, bundle)
    whole = bundle.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-9000] + b"x" + whole[-8999:], whole + b"more", b""):
        bundle.write_bytes(damaged)
        with pytest.raises(HullmarkError):
            import_bundle(there, bundle, allow_unsigned=True)
        assert files(there) == before
        assert not list((there.folder / "snapshots").glob("making-*"))


def test_a_damaged_snapshot_on_the_shelf_is_replaced(here: Shelf, there: Shelf, tmp_path: Path) -> None:
    digest = put(here, some_feeds(50))
    export_bundle(here, tmp_path / "bundle.tar")
    import_bundle(there, tmp_path / "bundle.tar", allow_unsigned=True)
    there.path_of(digest).write_bytes(b"rotten")
    assert import_bundle(there, tmp_path / "bundle.tar", allow_unsigned=True).kind == "snapshot"
    assert current(there) == digest


def test_what_cannot_be_exported_is_told(here: Shelf, tmp_path: Path) -> None:
    target = tmp_path / "bundle.tar"
    with pytest.raises(HullmarkError, match="no snapshot yet"):
        export_bundle(here, target)
    digest = put(here, some_feeds(10))
    for since, reason in ((digest, "nothing has changed"), ("sha256:" + "0" * 64, "is not here"), ("x", "is not here")):
        with pytest.raises(HullmarkError, match=reason):
            export_bundle(here, target, since=since)
    with pytest.raises(HullmarkError, match="cannot write"):
        export_bundle(here, tmp_path / "none" / "bundle.tar")
    (tmp_path / "folder").mkdir()
    with pytest.raises(HullmarkError, match="cannot write"):
        export_bundle(here, tmp_path / "folder")
    here.path_of(digest).write_bytes(b"rotten")
    target.write_bytes(b"what was before")
    with pytest.raises(HullmarkError, match="is damaged"):
        export_bundle(here, target)
    assert target.read_bytes() == b"what was before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle.tar", "folder", "here"]


def test_what_cannot_be_imported_is_told(there: Shelf, tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(HullmarkError, match="cannot be read"):
            import_bundle(there, path, allow_unsigned=True)


def test_nothing_is_imported_while_another_changes_the_shelf(here: Shelf, there: Shelf, tmp_path: Path) -> None:
    put(here, some_feeds(10))
    export_bundle(here, tmp_path / "bundle.tar")
    with there.lock(), pytest.raises(HullmarkError, match="another hullmark"):
        import_bundle(there, tmp_path / "bundle.tar", allow_unsigned=True)


def test_everybody_may_read_a_bundle(here: Shelf, tmp_path: Path) -> None:
    put(here, some_feeds(10))
    export_bundle(here, tmp_path / "bundle.tar")
    assert stat.S_IMODE((tmp_path / "bundle.tar").stat().st_mode) & 0o400
