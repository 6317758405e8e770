"""Images made to make facets take long, hold much, or leave things out without a word: they bear it and say what was left out."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import random
import struct
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

from hullmark.facets.secrets.finder import MAX_SECRETS as MAX_IN_FILE
from tests.flow.test_hostile import ADDRESS_SPACE, PEAK_MIB
from tests.support.images import CONFIG, LAYER, MANIFEST, Blobs, tagged, to_json, write_layout
from tests.support.layers import TarBuilder
from tests.support.program import Program, program_in
from tests.unit.facets.certificates.test_items import CERTIFICATE, OTHER, RSA

SECONDS = 60
MIB = 1 << 20


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


def layout(folder: Path, tar: bytes) -> Path:
    """An image of one layer."""
    blobs = Blobs()
    return write_layout(folder, blobs, [tagged(blobs.image((tar,)), "latest")])


def facets_of(hullmark: Program, folder: Path, tar: bytes) -> dict[str, Any]:
    """What all facets say of an image of this layer."""
    return bounded(hullmark, "scan", "--for-policies", str(layout(folder, tar)))


def configuration_of(hullmark: Program, folder: Path, tar: bytes) -> dict[str, Any]:
    """What `config` says of an image of this layer."""
    return bounded(hullmark, "config", str(layout(folder, tar)))


def bounded(hullmark: Program, *words: str) -> dict[str, Any]:
    """The document of a run within bounds for time and memory that writes nothing."""
    verb, *more = words
    ran = hullmark.bounded(verb, "--no-cache", "-o", "json", *more, seconds=SECONDS, memory=ADDRESS_SPACE, file_bytes=0)
    document: dict[str, Any] = ran.document
    assert ran.peak_mib <= PEAK_MIB
    return document


def reasons(document: Mapping[str, Any], path: str) -> set[str]:
    """What is said of a file."""
    return {problem["reason"] for problem in document["problems"] if problem["path"] == path}


def key_files(document: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The certificates and keys by the path of their file."""
    return {certificate["path"]: certificate["items"] for certificate in document["policy_facts"]["certificates"]}


def tar_of(files: Mapping[str, str | bytes], links: Mapping[str, str] | None = None) -> bytes:
    """A layer."""
    tar = TarBuilder(tarfile.PAX_FORMAT)
    for path, body in files.items():
        tar.add(path, body.encode() if isinstance(body, str) else body)
    for path, target in (links or {}).items():
        tar.symlink(path, target)
    return tar.done()


def layout_of_zeros(folder: Path, path: str, size: int) -> Path:
    """An image of one layer with a file of zeros, and so many bytes beside it that the layer is not seen to be a bomb."""
    noise = random.Random(1).randbytes(6 * MIB)  # noqa: S311
    head, zeros = tarfile.TarInfo(path), bytes(16 * MIB)
    head.size = size
    start, end = TarBuilder().add("srv/noise", noise).done().rstrip(b"\0"), bytes(1024)
    start += bytes(-len(start) % 512) + head.tobuf()
    times = size // len(zeros)
    packed = gzip.compress(start, 1, mtime=0) + gzip.compress(zeros, 1, mtime=0) * times + gzip.compress(end, mtime=0)
    digest = hashlib.sha256(start)
    for _ in range(times):
        digest.update(zeros)
    digest.update(end)
    config = {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}}
    config["rootfs"] = {"type": "layers", "diff_ids": [f"sha256:{digest.hexdigest()}"]}
    blobs = Blobs()
    layers = [blobs.put(packed, LAYER)]
    made = {"schemaVersion": 2, "mediaType": MANIFEST, "config": blobs.put(to_json(config), CONFIG), "layers": layers}
    return write_layout(folder, blobs, [tagged(blobs.put(to_json(made), MANIFEST), "latest")])


@pytest.mark.parametrize("size", [544 * MIB, pytest.param(1024 * MIB, marks=pytest.mark.slow)])
def test_a_file_of_zeros_that_memory_does_not_hold_is_no_configuration(
    hullmark: Program, tmp_path: Path, size: int
) -> None:
    assert size > PEAK_MIB * MIB
    made = layout_of_zeros(tmp_path / "image", "etc/nginx/nginx.conf", size)
    document = bounded(hullmark, "scan", "--for-policies", str(made))
    assert reasons(document, "/etc/nginx/nginx.conf") == {f"it has {size:,} bytes, more than the 262,144 that are kept"}
    assert [file["size"] for file in document["files"] if file["path"] == "/etc/nginx/nginx.conf"] == [size]


def test_more_small_files_than_a_pattern_may_fit_are_read_as_far_as_they_may_be(
    hullmark: Program, tmp_path: Path
) -> None:
    files = {f"etc/nginx/conf.d/{number:06}.conf": "gzip on;\n" for number in range(12_000)}
    document = configuration_of(
        hullmark, tmp_path / "image", tar_of({**files, "etc/nginx/nginx.conf": "include /etc/nginx/conf.d/*.conf;\n"})
    )
    assert reasons(document, "/") == {
        "the pattern /etc/nginx/conf.d/*.conf fits more than 10,000 paths; the rest was left out"
    }
    assert reasons(document, "/etc/nginx/nginx.conf") == {"line 1: more is included than is read; the rest is left out"}
    assert 900 < len(document["files"]) <= 1001


INCLUDES = {
    "etc/nginx/nginx.conf": "include {};",
    "etc/apache2/apache2.conf": "IncludeOptional {}",
    "etc/ssh/sshd_config": "Include {}",
    "etc/sudoers": "@include {}",
    "etc/ld.so.conf": "include {}",
    "etc/redis/redis.conf": "include {}",
    "etc/mysql/my.cnf": "!include {}",
    "etc/postgresql/17/main/postgresql.conf": "include '{}'",
}
FOLDERS = {"etc/sudoers": "@includedir {}", "etc/mysql/my.cnf": "!includedir {}"}
FANS = {path: FOLDERS.get(path, line) for path, line in INCLUDES.items() if "postgresql" not in path}


@pytest.mark.parametrize("main", INCLUDES)
def test_a_file_that_includes_itself_is_read_once_and_that_is_said(
    hullmark: Program, tmp_path: Path, main: str
) -> None:
    other = main.rpartition("/")[0] + "/other.conf"
    files = {main: INCLUDES[main].format(f"/{other}") + "\n", other: INCLUDES[main].format(f"/{main}") + "\n"}
    document = configuration_of(hullmark, tmp_path / "image", tar_of(files))
    assert f"line 1: /{main} includes itself" in reasons(document, f"/{other}")


@pytest.mark.parametrize("main", FANS)
def test_files_that_all_include_each_other_do_not_multiply(hullmark: Program, tmp_path: Path, main: str) -> None:
    folder = main.rpartition("/")[0] + "/fan"
    line = FANS[main].format(f"/{folder}" if main in FOLDERS else f"/{folder}/*") + "\n"
    files = {f"{folder}/{number:02}{'' if 'sudo' in main else '.cnf'}": line * 50 for number in range(60)}
    document = configuration_of(hullmark, tmp_path / "image", tar_of({**files, main: line}))
    told = {problem["reason"].partition(": ")[2] for problem in document["problems"]}
    assert "more is included than is read; the rest is left out" in told or len(document["problems"]) > 200


def test_patterns_made_to_take_long_are_cut_short(hullmark: Program, tmp_path: Path) -> None:
    patterns = ["/etc/" + "a*" * 100 + "b", "/" + "*/" * 2040, "/etc/" + "[a-z]" * 800, "/etc/" + "?" * 4000]
    patterns += ["/" + "*/" * 3000, *(f"/etc/a*a*a*b{number}" for number in range(1500))]
    files = {f"etc/{'a' * 200}{number:03}": "" for number in range(500)}
    mains = {path: "".join(line.format(glob) + "\n" for glob in patterns) for path, line in INCLUDES.items()}
    document = configuration_of(hullmark, tmp_path / "image", tar_of({**files, **mains}))
    assert reasons(document, "/") > {"a pattern of 6,001 characters is longer than any path, and fits none"}
    assert reasons(document, "/etc/nginx/nginx.conf") != set()


def test_links_lead_round_in_circles_and_out_of_the_root_without_harm(hullmark: Program, tmp_path: Path) -> None:
    links = {f"etc/chain/{number}": f"{number + 1}" for number in range(100)}
    links |= {"etc/self": "self", "etc/to": "fro", "etc/fro": "to", "etc/here": ".", "etc/nginx": "nginx"}
    links |= {f"etc/ssh/sshd_config.d/{name}.conf": target for name, target in {
        "long": "../../chain/50", "too-long": "../../chain/40", "circle": "circle.conf", "out": "../../../../../etc/motd",
        "proc": "/proc/self/environ", "passwd": "/../../etc/passwd", "deep": "../../" + "here/" * 30 + "motd",
    }.items()}  # fmt: skip
    include = "/etc/here/here/here/*/*/*/*.conf"
    main = f"Include /etc/ssh/sshd_config.d/*.conf\nInclude /etc/self/* /etc/to\nInclude {include}\n"
    files = {"etc/motd": "PermitRootLogin no\n", "etc/chain/100": "", "etc/ssh/sshd_config": main}
    document = configuration_of(hullmark, tmp_path / "image", tar_of(files, links))
    login = next(setting for setting in document["settings"] if setting["key"] == "sshd.PermitRootLogin")
    assert (login["value"], login["path"]) == ("no", "/etc/ssh/sshd_config.d/deep.conf")
    assert "root:" not in json.dumps(document)
    assert set(document["files"]) == {"/etc/ssh/sshd_config", "/etc/motd"}


@pytest.mark.parametrize("length", [15_000, pytest.param(50_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "unit", ["a", " ", "\n", "a\n", "{", "}", "a{", "[a]\n", '"', "'", "\\", "\\\n", "${", "<a ", "((", "a,"]
)
def test_files_full_of_one_thing_take_no_longer_than_their_length_asks_for(
    hullmark: Program, tmp_path: Path, unit: str, length: int
) -> None:
    names = (
        *INCLUDES, "etc/php/8.4/cli/php.ini", "etc/php/8.4/fpm/php-fpm.conf", "etc/postgresql/17/main/pg_hba.conf",
        "etc/crontab", "etc/sysctl.conf", "etc/pam.d/login", "etc/apt/sources.list", "etc/apt/sources.list.d/a.sources",
        "etc/apt/apt.conf", "etc/yum.conf", "etc/yum.repos.d/a.repo", "etc/pip.conf", "root/.npmrc", "etc/ssl/openssl.cnf",
        "etc/systemd/system/a.service", "root/.ssh/authorized_keys", "etc/passwd", "etc/shadow", "etc/group",
        "etc/apk/repositories", "etc/java-17-openjdk/security/java.security", "etc/ld.so.preload",
    )  # fmt: skip
    document = configuration_of(hullmark, tmp_path / "image", tar_of(dict.fromkeys(names, (unit * length)[:length])))
    assert len(document["files"]) > 25


def test_what_is_no_text_and_what_has_one_long_line_is_said(hullmark: Program, tmp_path: Path) -> None:
    files = {
        "etc/ssh/sshd_config": b"Port 22\0\n",
        "etc/nginx/nginx.conf": b"worker_processes \xff\xfe;\nuser www;\n",
        "etc/sudoers": b"x" * (50 * MIB),
        "etc/mysql/my.cnf": b"[mysqld]\n# \0" + b"\n" * 9000,
        "etc/redis/redis.conf": b"port 6379 \xc3\n",
    }
    document = facets_of(hullmark, tmp_path / "image", tar_of(files))
    assert reasons(document, "/etc/ssh/sshd_config") == {"it is not text, and was not kept"}
    assert reasons(document, "/etc/mysql/my.cnf") == {"it is not text, and was not kept"}
    assert reasons(document, "/etc/sudoers") == {"it has 52,428,800 bytes, more than the 262,144 that are kept"}
    settings = {setting["key"]: setting["value"] for setting in document["policy_facts"]["configuration"]["settings"]}
    assert settings["nginx.user"] == "www"
    assert settings["nginx.worker_processes"] == r"\xff\xfe"


def test_files_with_names_that_are_no_text_are_not_read_in_silence(hullmark: Program, tmp_path: Path) -> None:
    raw = TarBuilder().add("etc/ssh/sshd_config", b"Include /etc/ssh/sshd_config.d/*.conf\n")
    raw.add("etc/ssh/sshd_config.d/\udcff.conf", b"PermitRootLogin yes\n")
    document = configuration_of(hullmark, tmp_path / "image", raw.done())
    assert reasons(document, "/") == {
        r"the file etc/ssh/sshd_config.d/\xff.conf has no name in UTF-8, and was not looked at"
    }


def test_files_full_of_beginnings_of_keys_and_certificates(hullmark: Program, tmp_path: Path) -> None:
    begin = b"-----BEGIN CERTIFICATE-----\n" * 37_000
    endless = b"-----BEGIN RSA PRIVATE KEY-----\n" + b"A" * (MIB - 100)
    files = {f"srv/{number}.pem": begin[:MIB] for number in range(6)}
    files |= {f"srv/endless{number}.pem": endless for number in range(6)}
    document = facets_of(hullmark, tmp_path / "image", tar_of(files))
    found = key_files(document)
    assert found["/srv/0.pem"][0]["reason"] == "it holds more than 1000 parts"
    assert [item["type"] for item in found["/srv/endless0.pem"]] == ["key", "unread"]  # it is longer than any key
    assert len(found) == 12


def test_key_stores_that_promise_four_billion_entries(hullmark: Program, tmp_path: Path) -> None:
    head = b"\xfe\xed\xfe\xed" + struct.pack(">II", 2, 0xFFFFFFFF)
    empty = struct.pack(">IHQHI", 2, 0, 0, 0, 0)
    chain = struct.pack(">IHQII", 1, 0, 0, 0, 0xFFFFFFFF) + bytes(6) * 150_000
    files = {"srv/empty.jks": head + empty * 40_000, "srv/chain.jks": head + chain, "srv/short.jks": head}
    found = key_files(facets_of(hullmark, tmp_path / "image", tar_of(files)))
    assert {path: items[-1]["reason"] for path, items in found.items()} == {
        "/srv/empty.jks": "it holds more than 5000 entries",
        "/srv/chain.jks": "it holds more than 5000 entries",
        "/srv/short.jks": "it is a key store that was cut short",
    }


def test_key_stores_that_ask_for_hours_of_work_are_not_opened(hullmark: Program, tmp_path: Path) -> None:
    def store(rounds: int, password: bytes = b"changeit") -> bytes:
        build = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(rounds)
        build = build.key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        return pkcs12.serialize_key_and_certificates(b"a", RSA, CERTIFICATE, [OTHER], build.build(password))

    files = {"srv/slow.p12": store(600_000), "srv/good.p12": store(1000), "srv/other.p12": store(1000, b"secret")}
    found = key_files(facets_of(hullmark, tmp_path / "image", tar_of(files)))
    assert [item.get("reason") for item in found["/srv/slow.p12"]] == [
        "it asks for more work to open it than any program that makes such files"
    ]
    assert [item["type"] for item in found["/srv/good.p12"]] == ["store", "key", "certificate", "certificate"]
    others = [(item["type"], item.get("is_encrypted")) for item in found["/srv/other.p12"]]
    assert [other for other in others if other[0] == "key"] == [("key", True)]
    assert {kind for kind, _ in others} <= {"store", "key"}


def test_values_in_der_that_are_nested_without_end(hullmark: Program, tmp_path: Path) -> None:
    begin = b"\x30\x80\x02\x01\x03"
    files = {
        f"srv/{number}.der": (b"\x30\x80" * 32_000, b"\x30\x82\xf0\x00" * 16_000)[number % 2] for number in range(20)
    }
    files |= {"srv/deep.p12": begin + b"\x30\x80" * 500_000, "srv/wide.p12": begin + b"\x30\x00" * 500_000}
    found = key_files(facets_of(hullmark, tmp_path / "image", tar_of(files)))
    assert {path: items[0]["reason"] for path, items in found.items()} == dict.fromkeys(
        ("/srv/deep.p12", "/srv/wide.p12"), "it is a key store that was cut short or is damaged"
    )


def test_keys_with_numbers_of_a_hundred_thousand_bits(hullmark: Program, tmp_path: Path) -> None:
    def integer(bits: int) -> bytes:
        return b"\x02\x82" + struct.pack(">H", bits // 8 + 1) + b"\0" + b"\xff" * (bits // 8)

    def pem(label: str, numbers: Sequence[int]) -> bytes:
        content = b"\x02\x01\x00" + b"".join(map(integer, numbers))
        body = base64.encodebytes(b"\x30\x83" + len(content).to_bytes(3, "big") + content)
        return b"-----BEGIN %s PRIVATE KEY-----\n%s-----END %s PRIVATE KEY-----\n" % (
            label.encode(),
            body,
            label.encode(),
        )

    files = {"srv/rsa.pem": pem("RSA", (48_000,) * 8) * 10, "srv/dsa.pem": pem("DSA", (64_000,) * 5) * 10}
    found = key_files(facets_of(hullmark, tmp_path / "image", tar_of(files)))
    assert {path: {item["type"] for item in items} for path, items in found.items()} == {
        "/srv/rsa.pem": {"key"},
        "/srv/dsa.pem": {"key"},
    }


def zip_of(body: bytes, times: int) -> bytes:
    """A zip with one body many times."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(times):
            archive.writestr(f"{number}.zip", body)
    return out.getvalue()


@pytest.mark.skipif(find_spec("yara_x") is None, reason="the library for YARA rules is not installed")
@pytest.mark.parametrize("wide", [0, pytest.param(12, marks=pytest.mark.slow)])
def test_zip_bombs_are_unpacked_as_far_as_they_may_be(hullmark: Program, tmp_path: Path, wide: int) -> None:
    nested = bytes(MIB)
    for _ in range(6):
        nested = zip_of(nested, 2)
    files = {
        "srv/wide.zip": zip_of(bytes(50 * MIB), wide),
        "srv/nested.zip": nested,
        "srv/good.zip": zip_of(b"needle", 1),
    }
    rules = tmp_path / "rules.yar"
    rules.write_text('rule needle { strings: $a = "needle" condition: $a }')
    words = ("--for-policies", "--yara-rules", str(rules), str(layout(tmp_path / "image", tar_of(files))))
    malware = bounded(hullmark, "scan", *words)["policy_facts"]["malware"]
    assert [(infection["path"], infection["inner"]) for infection in malware["infections"]] == [
        ("/srv/good.zip", "0.zip")
    ]
    reasons = {"/srv/nested.zip": "archives are in each other more than 5 deep"}
    if wide:
        reasons["/srv/wide.zip"] = "it holds more than 512 MiB"
    assert {each["path"]: each["reason"] for each in malware["unscanned"]} == reasons


@pytest.mark.slow
def test_secrets_without_number_are_told_up_to_a_limit(hullmark: Program, tmp_path: Path) -> None:
    files = {f"srv/{number}.env": b"password=abcdefgh1\n" * (MAX_IN_FILE + 1) for number in range(30)}
    files["srv/line.txt"] = b"AKIA" * (2 * MIB)
    assert MAX_IN_FILE < 20_000 < 30 * MAX_IN_FILE
    document = facets_of(hullmark, tmp_path / "image", tar_of(files))
    assert "it holds very many secrets; not all of them are told" in reasons(document, "/srv/0.env")
    assert reasons(document, "/") == {"there are more than 20,000 secrets; the rest was left out"}
    assert len(document["policy_facts"]["secrets"]) == 20_000
