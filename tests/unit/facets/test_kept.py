"""Which files are kept, how much of them, and what is masked in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.kept import FILE_LIMIT, KEPT, LAYER_LIMIT, TEXT, KeptContent, keep
from hullmark.rootfs.entry import LayerRecord
from hullmark.rootfs.reads import Read
from tests.support.layers import TarBuilder, records
from tests.unit.facets.certificates.test_items import OPEN, PEM, PKCS8, RSA

KEY = RSA.private_bytes(PEM, PKCS8, OPEN)


def record_of(files: dict[str, bytes], read: Read[KeptContent] = KEPT) -> LayerRecord:
    """The record of a layer with these files."""
    tar = TarBuilder()
    for path, body in files.items():
        tar.add(path, body)
    (record,) = records([tar.done()], [read])
    return record


def kept_of(files: dict[str, bytes], read: Read[KeptContent] = KEPT) -> dict[str, KeptContent]:
    """What is kept of a layer with these files."""
    record = record_of(files, read)
    return {record.entries[position].path.decode(): fact for position, fact in record.facts.get("kept", ())}


@pytest.mark.parametrize(
    ("path", "is_kept"),
    [
        ("etc/motd", True),
        ("etc/a/b/c", True),
        ("usr/local/etc/x", True),
        ("srv/app/application.yaml", True),
        ("opt/app/.env", True),
        ("app/settings.ini", True),
        ("usr/lib/systemd/system/a.service", True),
        ("root/.ssh/authorized_keys", True),
        ("home/me/.npmrc", True),
        ("etcetera/motd", False),
        ("srv/index.html", False),
        ("usr/bin/tool", False),
        ("srv/conf", False),
    ],
)
def test_configuration_is_kept_and_nothing_else(path: str, is_kept: bool) -> None:
    assert kept_of({path: b"text\n"}) == ({path: KeptContent(b"text\n")} if is_kept else {})
    assert kept_of({path: b"text\n"}, TEXT) == {path: KeptContent(b"text\n")}


@pytest.mark.parametrize(
    ("size", "read", "limit"),
    [
        (FILE_LIMIT, KEPT, ""),
        (FILE_LIMIT + 1, KEPT, "it has 262,145 bytes, more than the 262,144 that are kept"),
        (FILE_LIMIT + 1, TEXT, ""),
        ((1 << 20) + 1, TEXT, "it has 1,048,577 bytes, more than the 1,048,576 that are kept"),
    ],
)
def test_a_file_is_kept_up_to_a_size_and_its_being_larger_is_kept_too(
    size: int, read: Read[KeptContent], limit: str
) -> None:
    kept = kept_of({"etc/a": b"\n" * size}, read)["etc/a"]
    assert kept.left_out == limit
    assert kept.body == (None if limit else b"\n" * size)


@pytest.mark.parametrize(
    ("body", "is_text"),
    [
        (b"", True),
        (b"\xff\xfe\xe9", True),
        (b"text\0", False),
        (b"x" * 8191 + b"\0", False),
        (b"x" * 8192 + b"\0", True),
        ("Port 22\n".encode("utf-16"), False),
    ],
)
def test_what_is_no_text_is_not_kept(body: bytes, is_text: bool) -> None:
    kept = keep("etc/a", memoryview(body), print)
    assert kept == (KeptContent(body) if is_text else KeptContent(None, "it is not text, and was not kept"))


def test_secrets_are_masked_and_the_lines_stay_where_they_are() -> None:
    kept = kept_of({"etc/app.conf": b"user = me\nkey:\n" + KEY + b"port = 1\n"})["etc/app.conf"]
    assert kept.body is not None
    assert KEY[40:80] not in kept.body
    assert kept.body.startswith(b"user = me\nkey:\n")
    assert kept.body.endswith(b"port = 1\n")


def test_a_file_s_name_tells_what_is_secret_in_it() -> None:
    kept = kept_of({"etc/shadow": b"root:$6$saltsalt$" + b"a" * 86 + b":19000:0:99999:7:::\n"})["etc/shadow"]
    assert kept.body is not None
    assert b"a" * 20 not in kept.body
    assert kept.body.startswith(b"root:")
    assert kept.body.endswith(b":19000:0:99999:7:::\n")


@given(st.binary(max_size=200), st.sampled_from(["passwd", "a.conf", ".netrc", "x"]))
def test_what_is_kept_has_nothing_left_to_mask(body: bytes, name: str) -> None:
    once = keep(f"etc/{name}", memoryview(body), print)
    if once.body is not None:
        assert keep(f"etc/{name}", memoryview(once.body), print) == once


def test_of_a_layer_so_much_is_kept_and_the_rest_is_said_to_be_left_out() -> None:
    body = b"\n" * FILE_LIMIT
    count = LAYER_LIMIT // FILE_LIMIT
    record = record_of({f"etc/{number:03}": body for number in range(count + 5)})
    assert len(record.facts["kept"]) == count
    assert [(problem.path, problem.reason) for problem in record.problems] == [
        (b"", "the layer has more than 67,108,864 bytes of such files; the rest was left out")
    ]
