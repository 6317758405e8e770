"""Stores of objects at their edges: which bucket settings lead to, bytes before the first, payloads that are sealed but no payloads."""

from __future__ import annotations

import hashlib
import io
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zstandard
from obstore.store import AzureStore, GCSStore, S3Store

from hullmark.model.errors import HullmarkError
from hullmark.server.objects import object_keep
from hullmark.server.objects.buckets import bucket_store
from hullmark.server.objects.object_keep import ObjectKeep
from hullmark.server.objects.objects import Objects, open_objects
from hullmark.server.postgres.dump_script import run_script
from hullmark.server.postgres.dumps import restore


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return open_objects(str(tmp_path / "objects"), {})


def test_settings_lead_to_the_store_of_their_kind() -> None:
    google = bucket_store("gs", "shop", "a/b", {"GOOGLE_SKIP_SIGNATURE": "true", "AWS_REGION": "x"})
    assert isinstance(google, GCSStore)
    azure = bucket_store("az", "shop", None, {"AZURE_STORAGE_ACCOUNT_NAME": "mine", "AZURE_SKIP_SIGNATURE": "true"})
    assert isinstance(azure, AzureStore)
    general, own = "https://all.example", "https://s3.example"
    amazon = bucket_store("s3", "shop", None, {"AWS_ENDPOINT_URL": general, "AWS_ENDPOINT_URL_S3": own})
    assert isinstance(amazon, S3Store)
    assert own in str(dict(amazon.config).values())
    with pytest.raises(HullmarkError, match=r"http://s3\.example is not protected by TLS"):
        bucket_store("s3", "shop", None, {"AWS_ENDPOINT_URL": general, "AWS_ENDPOINT_URL_S3": "http://s3.example"})


def test_there_is_nothing_before_the_first_byte(objects: Objects) -> None:
    objects.put("a", b"abc")
    with pytest.raises(ValueError, match="from its first byte on"):
        objects.read_at("a", -1, 1)
    reader = objects.open("a")
    assert reader is not None
    with pytest.raises(ValueError, match="from its first byte on"):
        reader.read_at(0, -1)
    with pytest.raises(ValueError, match="nothing before the first byte"):
        reader.seek(-4, io.SEEK_END)
    assert (reader.seek(-2, io.SEEK_END), reader.read()) == (1, b"bc")


def sealed(body: bytes) -> bytes:
    """A body with a seal that is right."""
    return b"hullmark-object-1\n" + hashlib.sha256(body).digest() + body


@pytest.mark.parametrize(
    "body",
    [
        b"not compressed",
        zstandard.ZstdCompressor(write_content_size=False).compress(b"of any size"),
        zstandard.ZstdCompressor().compress(b"x" * 1000)[:-4],
        zstandard.ZstdCompressor().compress(b"x" * 2000),
    ],
)
def test_what_is_sealed_but_cannot_be_unpacked_is_as_good_as_none(
    objects: Objects, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    monkeypatch.setattr(object_keep, "_LARGEST", 1999)
    objects.put("layers/a", sealed(body))
    assert ObjectKeep(objects).read("a") is None


def test_a_keep_that_writes_at_once_is_settled_and_asks_again_for_what_it_forgot(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_keep, "_REMEMBERED", 1)
    keep = ObjectKeep(objects)
    keep.write("a", b"1")
    keep.write("b", b"2")
    keep.settle()
    objects.delete(["layers/a", "layers/b"])
    assert (keep.has("a"), keep.has("b")) == (False, True)
    keep.close()


class Server:
    """Notes what a script has it do."""

    def __init__(self) -> None:
        self.done: list[bytes] = []

    @contextmanager
    def transaction(self) -> Any:
        yield

    @contextmanager
    def cursor(self) -> Any:
        yield self

    @contextmanager
    def copy(self, statement: bytes) -> Any:
        self.done.append(statement)
        yield self

    def execute(self, text: bytes) -> None:
        self.done.append(text)

    write = execute


def test_the_rows_of_a_large_table_go_in_by_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.server.postgres.dump_script._AT_ONCE", 4)
    script = b"COPY a FROM stdin;\n1\n2\n3\n\\.\n\\restrict x\nSET transaction_timeout = 0;\nCOPY b FROM stdin;\n4\n"
    server = Server()
    run_script(server, io.BytesIO(script))  # type: ignore[arg-type]
    assert server.done == [b"COPY a FROM stdin;\n", b"1\n2\n", b"3\n", b"COPY b FROM stdin;\n", b"4\n"]


@pytest.mark.parametrize(
    ("roles", "why"),
    [((), "the database cannot be reached: "), (("reader",), "the roles that the backup needs cannot be made: ")],
)
def test_a_backup_is_not_put_back_where_no_database_is(tmp_path: Path, roles: tuple[str, ...], why: str) -> None:
    (tmp_path / "backup").write_bytes(b"PGDMP")
    with pytest.raises(HullmarkError, match=why):
        restore(f"postgresql:///hullmark?host={tmp_path}", tmp_path / "backup", roles)
