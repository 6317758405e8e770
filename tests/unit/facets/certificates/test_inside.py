"""Keys and certificates inside archives of Java, YAML and JSON."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.certificates import inside
from hullmark.facets.certificates.facet import FACET, extract_inside
from hullmark.facets.view import ImageView
from hullmark.model.certificate import PrivateKey, Unread
from hullmark.rootfs.squash import squash
from tests.support.layers import TarBuilder, records

# An Ed25519 key that was made for this test and opens nothing.
KEY = (
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIBSlGSnB/7QShDu9qgiLTaBD63ZlUAV/haKxpsn30Dc7\n"
    "-----END PRIVATE KEY-----\n"
)
INDENTED = "".join(f"    {line}\n" for line in KEY.splitlines())


def archive(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, body in files.items():
            made.writestr(name, body)
    return out.getvalue()


def keys(name: str, body: bytes) -> list[str]:
    """Where open keys of the known kind are, and in capitals what cannot be told."""
    found = []
    for held in extract_inside(name, memoryview(body), lambda reason: None) or ():
        for item in held.items:
            found.append(held.inner if isinstance(item, PrivateKey) and item.key == "ed25519" else str(item).upper())
    return found


@pytest.mark.parametrize(
    "text",
    [
        f"tls:\n  key: |\n{INDENTED}",
        json.dumps({"key": KEY}),
        json.dumps({"key": KEY.replace("\n", "\r\n")}),
        "kind: Secret\ndata:\n  tls.key: " + base64.b64encode(KEY.encode()).decode() + "\n",
        "kind: Secret\ndata: {tls.key: " + base64.b64encode(KEY.encode()).decode().rstrip("=") + "}\n",
    ],
)
def test_a_key_in_a_text_is_seen_however_it_is_written(text: str) -> None:
    assert keys("a.yaml", text.encode()) == [""]


def test_keys_in_archives_are_seen_with_their_paths() -> None:
    inner = archive({"keys/a.pem": KEY.encode(), "plain.txt": KEY.encode()})
    outer = archive(
        {
            "WEB-INF/lib/a.jar": inner,
            "WEB-INF/classes/application.yml": f"key: |\n{INDENTED}".encode(),
            "id_ed25519": KEY.encode(),
        }
    )
    assert keys("a.war", outer) == ["WEB-INF/lib/a.jar:keys/a.pem", "WEB-INF/classes/application.yml", "id_ed25519"]


def test_what_is_not_looked_at_may_hold_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    body = archive({"a.pem": KEY.encode(), "b.pem": KEY.encode()})
    for name, number in (("MAX_BYTES", len(KEY)), ("MAX_FILES", 1), ("MAX_ENTRIES", 1)):
        with monkeypatch.context() as patch:
            patch.setattr(inside, name, number)
            found = extract_inside("a.jar", memoryview(body), lambda reason: None) or []
            (item,) = found[-1].items
            assert isinstance(item, Unread)
            assert item.may_be_key
    deep = archive({"a.jar": archive({"a.jar": archive({"a.jar": archive({})})})})
    assert "TOO DEEP" in keys("a.jar", deep)[0]
    assert "CANNOT BE UNPACKED" in keys("a.jar", body[:-30])[0]


def test_the_facet_names_the_archive_and_the_file_in_it() -> None:
    tar = TarBuilder().add("app/a.jar", archive({"k.pem": KEY.encode()})).add("b.json", b"{}").done()
    made = records([tar], reads=FACET.reads)
    found = FACET.assemble(ImageView(squash(made), made, None, None, "certificates"))
    assert [file.path for file in found] == ["/app/a.jar:k.pem"]


@given(st.binary(max_size=200))
def test_any_file_is_looked_into(body: bytes) -> None:
    keys("a.jar", body)
    keys("a.jar", b"PK\3\4" + body)


def test_files_that_are_encrypted_or_lie_about_their_size_are_told_and_the_others_are_seen() -> None:
    body = bytearray(archive({"a.pem": KEY.encode(), "b.pem": KEY.encode()}))
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        body[body.index(mark) + at] |= 1
    assert keys("a.jar", bytes(body)) == ["b.pem", str(_unread("a file in it is encrypted")).upper()]
    lying = bytearray(archive({"a.pem": KEY.encode() + bytes(2 << 20)}))
    at = lying.index(b"PK\1\2") + 24
    lying[at : at + 4] = (100).to_bytes(4, "little")
    assert keys("a.jar", bytes(lying)) == [
        str(_unread("it is an archive that cannot be unpacked: it is damaged")).upper()
    ]


def _unread(reason: str) -> Unread:
    return Unread(reason, may_be_key=True)
