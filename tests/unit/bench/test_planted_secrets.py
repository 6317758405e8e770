"""The set of planted secrets: made of its seed alone, as its manifest says, with right checksums, and scored fairly."""

# ruff: noqa: E501 -- rows of scanners stand as they are

import base64
import bz2
import gzip
import hashlib
import io
import json
import lzma
import marshal
import re
import sqlite3
import subprocess
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

import bench.planted_secrets as planted_secrets
from bench.planted_secrets.containers import CONTAINERS
from bench.planted_secrets.findings import READERS, Finding
from bench.planted_secrets.image import write_image
from bench.planted_secrets.model import Row
from bench.planted_secrets.score import score
from bench.planted_secrets.values import ALNUM, BASE36, in_base
from bench.planted_secrets.write import SEED, build, files, in_half, manifest, write


@cache
def all_rows() -> tuple[Row, ...]:
    """The set. Its keys take seconds: whoever only collects these tests does without it."""
    return build()


def described() -> Any:
    return json.loads(manifest(all_rows()))


def planted() -> list[Row]:
    return [row for row in all_rows() if row.secret]


def decoys() -> list[Row]:
    return [row for row in all_rows() if row.why]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert build() == all_rows()
    assert not {row.secret for row in build(SEED + 1)} & {row.secret for row in planted() if len(row.secret) < 1000}


def test_the_set_is_the_frozen_one() -> None:
    digest = hashlib.sha256(manifest(all_rows())).hexdigest()
    assert digest in (planted_secrets.__doc__ or "")


def test_the_set_has_its_size_and_both_halves_have_most_kinds() -> None:
    assert len(planted()) >= 240
    assert len(decoys()) >= 110
    kinds = {half: {row.kind for row in planted() if row.half == half} for half in ("shown", "held")}
    assert len(kinds["shown"] | kinds["held"]) >= 70
    assert len(kinds["shown"] & kinds["held"]) > len(kinds["shown"] | kinds["held"]) / 2
    for rows in (planted(), decoys()):
        counts = Counter(row.half for row in rows)
        assert abs(counts["shown"] - counts["held"]) <= 1
    hard = sum(row.container != "plain" for row in planted())
    assert 0.18 < hard / len(planted()) < 0.25


def test_no_file_stands_twice() -> None:
    paths = [stored.path for stored in files(all_rows())]
    assert len(set(paths)) == len(paths)
    assert not [path for path in paths if any(other.startswith(path + "/") for other in paths)]


def _opened(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """The bytes, and all that can be got out of them."""
    yield data
    if depth < 5:
        for way in (*_DECODERS, _members, _packed, _notes):
            try:
                parts = list(way(data))
            except (
                ValueError,
                OSError,
                EOFError,
                KeyError,
                zlib.error,
                lzma.LZMAError,
                tarfile.TarError,
                sqlite3.Error,
            ):
                continue
            for part in parts:
                yield from _opened(part, depth + 1)


def _one(way: Callable[[bytes], bytes]) -> Callable[[bytes], Iterator[bytes]]:
    def opened(data: bytes) -> Iterator[bytes]:
        yield way(data)

    return opened


def _deb(data: bytes) -> bytes:
    return data[data.index(b"\xfd7zXZ") :]


_DECODERS = [_one(way) for way in (gzip.decompress, bz2.decompress, lzma.decompress, zlib.decompress)]
_DECODERS.append(_one(lambda data: lzma.LZMADecompressor().decompress(_deb(data))))


def _members(data: bytes) -> Iterator[bytes]:
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            yield from (packed.read(name) for name in packed.namelist())
    elif data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            yield from (found.read() for member in tar if (found := tar.extractfile(member)))


def _packed(data: bytes) -> Iterator[bytes]:
    if data.startswith(b"PACK"):
        for at in range(12, min(len(data), 60)):
            if data[at] == 0x78:
                yield zlib.decompressobj().decompress(data[at:])


def _notes(data: bytes) -> Iterator[bytes]:
    if data.startswith(b"SQLite"):
        base = sqlite3.connect(":memory:")
        base.deserialize(data)
        yield from (body.encode() for (body,) in base.execute("SELECT body FROM note"))
        base.close()


def _texts(data: bytes) -> Iterator[str]:
    for way in ("utf-8", "utf-16-le", "utf-16-be"):
        for start in (0, 1):
            yield data[start:].decode(way, "replace").replace("\r\n", "\n").replace("\0", "\n")
    if data[:4] == _pyc():
        yield repr(marshal.loads(data[16:]).co_consts)  # noqa: S302 -- made by this very process


@cache
def _pyc() -> bytes:
    return next(row.stored[0].content[:4] for row in planted() if row.container == ".pyc")


_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4}\n?){3,}[A-Za-z0-9+/]{0,4}={0,2}")


def _stands(text: str, secret: str, depth: int = 0) -> bool:
    forms = {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], secret.replace("\n", "\n    "), _quoted(secret)}
    if any(form in text for form in forms):
        return True
    for found in _BASE64.findall(text) if depth < 3 else ():
        joined = found.replace("\n", "").rstrip("=")
        whole = base64.b64decode(joined[: len(joined) - (len(joined) % 4 == 1)] + "==")
        if any(_stands(inner.decode("latin-1"), secret, depth + 1) for inner in _opened(whole)):
            return True
    return False


def _quoted(secret: str) -> str:
    return "".join(c if c.isalnum() or c in "_.-~" else f"%{ord(c):02X}" for c in secret)


def _in_sight(row: Row) -> bool:
    data = b"".join(stored.content for stored in row.stored)
    if row.line:
        code = "utf-16" if row.container.startswith("utf-16") else "utf-8"
        data = "\n".join(data.decode(code).splitlines()[row.line - 1 : row.last_line]).encode()
    if row.container.startswith("git pack"):
        return any(_stands(part.decode("latin-1"), row.secret) for part in _pack_blobs(row))
    return any(_stands(text, row.secret) for part in _opened(data) for text in _texts(part))


def _pack_blobs(row: Row) -> Iterator[bytes]:
    pack = row.stored[0].content
    for at in (at for at, byte in enumerate(pack) if byte == 0x78):
        try:
            yield zlib.decompressobj().decompress(pack[at:])
        except zlib.error:
            continue


STORES = ("pkcs12", "jks", "DER")


IN_SIGHT = ("plain", *(title for title, _ in CONTAINERS.values()))


def test_values_stand_in_containers_of_all_kinds_and_in_key_stores() -> None:
    assert {row.container for row in planted() if not row.container.startswith(STORES)} == set(IN_SIGHT)


@pytest.mark.parametrize("container", IN_SIGHT)
def test_each_value_stands_where_the_manifest_says(container: str) -> None:
    rows = [row for row in planted() if row.container == container]
    assert [row.id for row in rows if not _in_sight(row)] == []


def test_key_stores_open_with_their_passwords() -> None:
    for row in planted():
        data = row.stored[0].content
        if row.container.startswith("pkcs12"):
            key = load_pkcs12(data, None if row.container.endswith("empty") else b"changeit").key
        elif row.container == "DER":
            key = load_der_private_key(data, None)
        else:
            continue
        assert key is not None
        assert key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().strip() == row.secret


def test_git_reads_the_packs(tmp_path: Path) -> None:
    for row in planted():
        if row.container == "git pack":
            for stored in row.stored:
                (tmp_path / stored.path.rpartition("/")[2]).write_bytes(stored.content)
            index = tmp_path / row.stored[1].path.rpartition("/")[2]
            assert subprocess.run(["git", "verify-pack", str(index)], check=False).returncode == 0


def test_checksums_are_right_in_planted_tokens_and_wrong_in_decoys() -> None:
    checked = Counter(_checksums([row.secret for row in planted()]))
    assert {form for form, right in checked if right} == {"crc62", "gitlab", "grafana"}
    assert not [form for form, right in checked if not right]
    wrong = Counter(_checksums([row.stored[0].content.decode() for row in decoys()]))
    assert not [form for form, right in wrong if right]
    assert sum(wrong.values()) >= 6


def _checksums(texts: list[str]) -> Iterator[tuple[str, bool]]:
    for text in texts:
        for body, check in re.findall(r"\b(?:gh[oprsu]|npm)_([A-Za-z0-9]{30})([A-Za-z0-9]{6})\b", text):
            yield "crc62", in_base(zlib.crc32(body.encode()), ALNUM, 6) == check
        for head, check in re.findall(r"\b(glpat-[\w-]{27,}\.01\.\w\w)(\w{7})\b", text):
            yield "gitlab", in_base(zlib.crc32(head.encode()), BASE36, 7) == check
        for head, check in re.findall(r"\b(glsa_\w{32})_([0-9a-f]{8})\b", text):
            yield "grafana", zlib.crc32(head.encode()).to_bytes(4, "little").hex() == check


def test_the_checksum_of_github_is_that_of_a_token_it_published() -> None:
    assert in_base(zlib.crc32(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"), ALNUM, 6) == "0mLq17"


def test_nothing_planted_stands_in_the_repository() -> None:
    folder = Path(planted_secrets.__file__).parent
    sources = [path.read_text() for path in [*folder.glob("*.py"), *folder.parent.glob("*.md"), Path(__file__)]]
    assert not [row.id for row in planted() if any(row.secret in source for source in sources)]
    looks = re.compile(
        r"AKIA[A-Z2-7]{16}|gh[oprs]_[A-Za-z0-9]{36}|sk_live_\w{24}|xox[bp]-\d{10}|SG\.[\w-]{22}\.|AIza[\w-]{35}|glpat-[\w-]{20}\b(?!\w)"
    )
    assert not [found for source in sources for found in looks.findall(source) if "YOUR" not in found]


def test_a_half_is_written_alone_and_packed_as_an_image(tmp_path: Path) -> None:
    rows = in_half(all_rows(), "shown")[:30]
    write(tmp_path / "set", rows)
    write_image(tmp_path / "image", files(rows))
    assert {row["half"] for row in json.loads((tmp_path / "set/manifest.json").read_text())["planted"]} == {"shown"}
    index = json.loads((tmp_path / "image/index.json").read_text())

    def blob(digest: str) -> bytes:
        return (tmp_path / "image/blobs/sha256" / digest.removeprefix("sha256:")).read_bytes()

    layer = json.loads(blob(index["manifests"][0]["digest"]))["layers"][0]["digest"]
    with tarfile.open(fileobj=io.BytesIO(blob(layer))) as tar:
        names = tar.getnames()
    assert names == [stored.path.lstrip("/") for stored in files(rows)]
    assert all((tmp_path / "set/tree" / name).is_file() for name in names)


def _row(container: str) -> Row:
    return next(row for row in planted() if row.container == container and (container != "plain" or row.line > 2))


def test_a_value_is_found_by_its_line_or_itself_and_in_archives_by_its_file() -> None:
    plain, packed = _row("plain"), _row("tar.gz")
    for finding, found in (
        (Finding(plain.path, plain.line), True),
        (Finding(plain.path, 1, plain.line), True),
        (Finding(plain.path, 900), False),
        (Finding(plain.path, 900, 900, plain.secret), True),
        (Finding(plain.path, 0, 0, plain.secret[:9]), True),
        (Finding(plain.path + "x", plain.line), False),
        (Finding(packed.path), True),
        (Finding(f"{packed.path}!{packed.inner}", 77), True),
    ):
        result = score(described(), [finding])
        assert (len(result.found), len(result.other)) == ((1, 0) if found else (0, 1)), finding


def test_a_finding_at_a_decoy_is_false_and_counts_once() -> None:
    decoy = decoys()[0]
    result = score(described(), [Finding(decoy.path, 1, 1, "", "a"), Finding(decoy.path, 2, 2, "", "b")])
    assert [(row["id"], rules) for row, rules in result.hit] == [(decoy.id, ("a", "b"))]
    assert result.precision() == 0
    assert score(described(), [Finding(decoy.path, 1)], "held" if decoy.half == "shown" else "shown").hit == ()


def test_halves_add_up_and_all_found_is_all() -> None:
    findings = [Finding(row.path, row.line, row.last_line) for row in planted()]
    for half in ("shown", "held", "both"):
        result = score(described(), findings, half)
        assert (result.recall(), result.precision(), result.missed) == (1.0, 1.0, ())


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (
            "hullmark",
            '{"secrets": [{"allowed": null, "place": "file", "path": "/a/b", "line": 3, "kind": "k"}, {"allowed": "x", "place": "file"}]}',
        ),
        ("gitleaks", '[{"File": "set/tree/a/b", "StartLine": 3, "EndLine": 3, "Secret": "", "RuleID": "k"}]'),
        (
            "betterleaks",
            '{"findings": [{"rule_id": "k", "match": {"value": ""}, "location": {"path": "set/tree/a/b", "start_line": 3, "end_line": 3}}]}',
        ),
        (
            "kingfisher",
            '{"rule": {"id": "k"}, "finding": {"path": "set/tree/a/b", "line": 3, "snippet": ""}}\n{"findings": 1}',
        ),
        ("detect-secrets", '{"results": {"a/b": [{"line_number": 3, "type": "k"}]}}'),
        ("lines", '{"path": "/a/b", "line": 3, "rule": "k"}'),
    ],
)
def test_every_scanner_is_read_into_the_same_finding(reader: str, text: str) -> None:
    assert list(READERS[reader](text, "set/tree")) == [Finding("/a/b", 3, 3, "", "k")]
