"""An image full of secrets that no detector knows: none is in anything that is printed or kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from hullmark.report import FORMATS, names
from hullmark.report.format import Kind
from tests.flow.test_check import policy_of, rule
from tests.support.fake_engine import FakeEngine
from tests.support.images import Blobs, small_layout, tagged, tar_of, write_layout
from tests.support.kubernetes import manifests
from tests.support.kubernetes.access import User
from tests.support.kubernetes.server import FakeCluster
from tests.support.planted import (
    CANARY,
    CMD,
    ENV,
    FILES,
    HISTORY,
    IN_ARCHIVE,
    LABELS,
    MANY,
    Planted,
    found_in,
    gzipped,
)
from tests.support.program import Program, program_in
from tests.unit.policy.anchore.building import rule as anchore_rule
from tests.unit.policy.anchore.building import second

AT = "2026-03-10T00:00:00Z"
CONTAINER = "ab" * 32
KEYWORDS = ("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "HEALTHCHECK", "LABEL", "ONBUILD", "RUN")
PATHS = tuple(f"/{path}" for path in FILES)
NATIVE = (
    rule("config/env", name="env", forbidden=["*"]),
    rule("config/labels", name="labels", forbidden=["*"], patterns={"com.example.password": "^x$"}),
    rule("config/entrypoint", name="entrypoint", pattern="^x$"),
    rule("config/secrets", name="secrets"),
    rule("secrets/found", name="found"),
    rule("configuration/must_not_be", name="settings", setting="*"),
    rule("configuration/unread", name="unread"),
    rule("dockerfile/secrets", name="build-secrets"),
    *(rule("dockerfile/instruction", name=f"no-{word}", keyword=word, forbidden=True) for word in KEYWORDS),
)

CONTENTS = rule("contents/forbidden", name="contents", paths=["/etc/**", "/opt/**", "/root/**"], pattern=".")


def anchore(paths: Iterable[str]) -> Iterator[dict[str, object]]:
    """Rules of Anchore's that tell of instructions, and of these files."""
    for word in KEYWORDS:
        yield {**anchore_rule("dockerfile", "instruction", {"instruction": word, "check": "exists"}), "id": word}
    for path in paths:
        params = {"path": path, "regex": ".*", "check": "match"}
        yield {**anchore_rule("retrieved_files", "content_regex", params), "id": path}


FIRST = {
    *("inventory.table", "known.json", "secrets.table", "configuration.table"),
    *("files.table", "malware.table", "verdict.markdown", "matches.csv"),
    *("layers.table", "minimality.table", "provenance.table", "difference.table", "quality.table", "upkeep.table"),
    *("remedy.table", "places.table", "report.pdf"),
}
"""The formats that are printed; all others are written into files."""

EVERYTHING = "{{ matches }}\n{{ unknown }}\n"
"""A template that prints all that it is given."""


def advisory(id: str, ecosystem: str) -> dict[str, object]:
    """One of OSV's about a package of the image whose home page holds a secret."""
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]
    return {"id": id, "affected": [{"package": {"ecosystem": ecosystem, "name": "shop"}, "ranges": ranges}]}


DOCKERFILE = "FROM debian:13\n" + "".join(
    f"{text}\n" for text in HISTORY if text.startswith(("RUN /bin", "ARG", "ENV", "LABEL"))
)


@dataclass
class Place:
    """The program, the image, and where policies are."""

    hullmark: Program
    planted: Planted
    folder: Path
    engine: str

    @property
    def source(self) -> str:
        """The image."""
        return f"oci-dir:{self.folder / 'image'}"


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("planted")
    planted, blobs = Planted(), Blobs()
    descriptor = planted.image(blobs)
    named = {**descriptor["annotations"], **tagged(descriptor, "latest")["annotations"]}
    write_layout(folder / "image", blobs, [{**descriptor, "annotations": named}])
    small_layout(folder / "bare")
    (folder / "Dockerfile").write_text(planted.filled(DOCKERFILE))
    (folder / "native.yaml").write_text(policy_of(*NATIVE, CONTENTS))
    (folder / "anchore.json").write_text(
        json.dumps(second(*anchore(PATHS), anchore_rule("secret_scans", "content_regex_checks")))
    )
    retrieved = {"retrieve_files": list(PATHS)}
    (folder / "context.json").write_text(json.dumps(retrieved))
    (folder / "any.yar").write_text("rule every { condition: true }\n")
    (folder / "template").write_text(EVERYTHING)
    (folder / "packages.j2").write_text("{{ source }} {{ distro }} {{ packages }} {{ problems }} {{ relationships }}\n")
    (folder / "advisories").mkdir()
    for number, ecosystem in enumerate(("PyPI", "npm")):
        (folder / "advisories" / f"X-{number}.json").write_text(json.dumps(advisory(f"X-{number}", ecosystem)))
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "key.pub").write_bytes(public)
    cluster = cluster_that_runs(planted, folder)
    with engine_that_runs(planted).listening(folder) as address, cluster.running():
        cluster.kubeconfig("planted", bearer=next(iter(cluster.tokens)))
        yield Place(program_in(folder / "run"), planted, folder, address)


def cluster_that_runs(planted: Planted, folder: Path) -> FakeCluster:
    """A cluster whose token, and what its pod is given and labelled with, are secrets."""
    fake = FakeCluster(folder, has_tls=False, tokens={planted.filled("§"): User("agent")})
    given = {
        "env": [{"name": "PASSWORD", "value": planted.filled("§")}],
        "args": [planted.filled(text) for text in CMD],
    }
    pod = manifests.pod("web", spec={"containers": [manifests.container("main", "registry.example/web:1", **given)]})
    pod["metadata"]["annotations"] = {"example.com/login": planted.filled("robot:§")}
    pod["metadata"]["labels"] = {name: planted.filled(text) for name, text in LABELS.items()}
    fake.store.create(pod)
    return fake


def engine_that_runs(planted: Planted) -> FakeEngine:
    """A container engine with one container that was given these secrets as labels, variables and a command."""
    settings = {
        "Image": "shop:1",
        "Labels": {name: planted.filled(text) for name, text in LABELS.items()},
        "Env": [planted.filled(text) for text in ENV],
        "Cmd": [planted.filled(text) for text in CMD],
    }
    state = {"Status": "running", "StartedAt": AT}
    inspect = {"Id": CONTAINER, "Name": "/shop", "State": state, "Config": settings, "HostConfig": {}}
    return FakeEngine(
        {
            "/info": {},
            "/version": {},
            "/containers/json": [{"Id": CONTAINER, "State": "running"}],
            f"/containers/{CONTAINER}/json": inspect,
        }
    )


def in_formats(kind: Kind, first: str, name: str = "") -> tuple[str, ...]:
    """What asks for every format of a kind of result at once: the first on standard output, the others in files where it is started."""
    more = (format for format in names(kind) if format != first)
    return ("-o", first, *(word for format in more for word in ("-o", f"{format}={name or kind}.{format}")))


def runs(at: Place) -> Iterator[tuple[str | Path, ...]]:
    """Each verb that takes an image, or what another one wrote of it, with each of its formats."""
    templated = ("--template", at.folder / "packages.j2")
    yield "scan", at.source, "--files", *templated, *in_formats("inventory", "table")
    yield (
        "scan",
        at.source,
        "--for-policies",
        "--keep-files",
        "text",
        *in_formats("known", "json"),
        "-o",
        "json=known.json",
    )
    yield "scan", at.source, "--all-layers", "-o", "json"
    yield "secrets", at.source, *in_formats("secrets", "table")
    yield "config", at.source, *in_formats("configuration", "table")
    yield "files", at.source, *in_formats("files", "table")
    yield "files", at.source, *PATHS
    yield "files", at.source, f"/{IN_ARCHIVE[0]}"
    yield "malware", at.source, "--yara-rules", at.folder / "any.yar", *in_formats("malware", "table")
    native = ("check", at.source, "--policy", at.folder / "native.yaml", "--at", AT)
    yield *native, *in_formats("verdict", "markdown")
    yield *native, "-o", "json", "-o", "json=explained.json", "--explain", "--dockerfile", at.folder / "Dockerfile"
    yield *native, "-o", "table", "--explain"
    yield *native, "-o", "json", "--sign", at.folder / "key.pem", "--attestation", "signed.json"
    verify = ("verify", at.source, "--key", at.folder / "key.pub", "--at", AT)
    yield *verify, "--bundle", "signed.json", "-o", "json"
    yield *verify, "--bundle", "signed.json"
    anchore = (
        *("check", at.source, "--policy", at.folder / "anchore.json"),
        *("--context", at.folder / "context.json", "--at", AT),
    )
    yield *anchore, "--profile", "native", "-o", "json"
    yield *anchore, "--profile", "compat", "-o", "json", "--dockerfile", at.folder / "Dockerfile"
    matching = ("--advisories", at.folder / "advisories", "--template", at.folder / "template")
    yield "vulns", at.source, *matching, *in_formats("matches", "csv")
    yield "vulns", at.source, *matching, "--why", "--show-suppressed"
    yield "layers", at.source, *in_formats("layers", "table")
    advisories = ("--advisories", at.folder / "advisories")
    yield "explain", at.source, "/etc/redis/redis.conf", *advisories, *in_formats("provenance", "table")
    yield "minimize", at.source, *advisories, "--root", "/usr/sbin/nginx", *in_formats("minimality", "table")
    yield "explain", at.source, "bash", *advisories, "-o", "json"
    yield "report", at.source, *advisories, "--policy", at.folder / "native.yaml", "--at", AT, "-o", "pdf"
    yield "upkeep", at.source, *advisories, *in_formats("upkeep", "table")
    native = ("fix", at.source, "--policy", at.folder / "native.yaml", "--at", AT)
    yield *native, "--dockerfile", at.folder / "Dockerfile", *in_formats("remedy", "table")
    yield "quality", at.source, *in_formats("quality", "table")
    config = ("--kubeconfig", at.folder / "planted.kubeconfig")
    yield "inventory", "kubernetes", *config, *in_formats("places", "table", "pods")
    yield "inventory", "docker", "--address", at.engine, *in_formats("places", "table")
    yield (
        "diff",
        f"oci-dir:{at.folder / 'bare'}",
        at.source,
        "--by-layer",
        *advisories,
        *in_formats("difference", "table"),
    )
    yield from on_what_was_written(at)


def on_what_was_written(at: Place) -> Iterator[tuple[str | Path, ...]]:
    """The verbs that take what the others wrote."""
    templated = ("--template", at.folder / "packages.j2")
    for written in ("cyclonedx-json", "spdx-json", "syft-json"):
        yield "sbom", "convert", f"inventory.{written}", *templated, *in_formats("inventory", "purls", f"of-{written}")
    yield "quality", "sbom:inventory.spdx-json", "-o", "json"
    yield "vulns", "sbom:inventory.cyclonedx-json", "--advisories", at.folder / "advisories", "-o", "json"
    for format in ("table", "json"):
        yield "diff", "verdict.json", "explained.json", "-o", format
        yield "policy", "simulate", at.folder / "native.yaml", "known.json", "--all", "--at", AT, "-o", format
    yield ("cache",)


def everything_kept(at: Place) -> Iterator[tuple[str, bytes]]:
    """Each file that runs have left behind."""
    for folder in (at.hullmark.home, at.hullmark.temporary, at.hullmark.place):
        yield from ((str(path), path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file())


def test_no_planted_value_is_printed_or_kept(at: Place) -> None:
    assert len(set(at.planted.values)) == len(at.planted.values) >= MANY
    told: dict[str, list[str]] = {}
    for words in runs(at):
        ran = at.hullmark(*words, "--debug")
        is_refused = words[-1] == f"/{IN_ARCHIVE[0]}"  # an archive is not printed
        assert ran.status in (0, 1, 3) or is_refused, (words, ran.err)
        assert ("Traceback" in ran.err) is is_refused, (words, ran.err)
        assert bool(ran.out) is not is_refused, words
        told[" ".join(map(str, words))] = found_in(ran.out + ran.err.encode(), at.planted.values)
    kept = dict(everything_kept(at))
    written = {path.name for path in at.hullmark.place.iterdir()} | FIRST
    assert {f"{kind}.{format}" for kind, format in FORMATS} <= written
    assert b"X-0" in (at.hullmark.place / "matches.json").read_bytes()
    told |= {name: found_in(body, at.planted.values) for name, body in kept.items()}
    assert {name: values for name, values in told.items() if values} == {}
    assert any(found_in(body, [CANARY]) for name, body in kept.items() if "syft-json" in name), (
        "the search would have seen them"
    )


def test_what_is_masked_is_still_told_of(at: Place) -> None:
    settings = at.hullmark("config", at.source, "-o", "json").document["settings"]
    values = {setting["key"]: setting["value"] for setting in settings}
    assert values["php.cli.mysqli.default_pw"] == "****"
    assert values["nginx.http.server[0].proxy_pass"] == "http://robot:****@up.example/"  # noqa: S105 — it is masked
    assert values["sshd.PasswordAuthentication"] is True
    assert values["apt.source[0].uris"] == ["https://robot:***@deb.example/debian"]
    text = at.hullmark("files", at.source, "/etc/redis/redis.conf").text
    assert (
        text == 'port 6379\nrequirepass ****\nmasterauth "****"\nuser robot on >**** ~* +@all\ntls-key-file-pass ****\n'
    )
    found = json.loads(at.hullmark("secrets", at.source, "-o", "json").out)
    assert any(secret["place"] == "env" for secret in found["secrets"])


def test_the_search_finds_what_is_not_masked(at: Place, tmp_path: Path) -> None:
    """A value under a name that says nothing is in the outputs, in the cache and in what is kept, and the search sees it there."""
    blobs = Blobs()

    def config(made: dict[str, object]) -> dict[str, object]:
        return {**made, "config": {"Labels": {"com.example.note": CANARY}}}

    layer = tar_of({"etc/app.conf": f"note = {CANARY}\n".encode()})
    write_layout(tmp_path / "image", blobs, [tagged(blobs.image([layer], config=config), "latest")])
    hullmark = program_in(tmp_path / "run")
    ran = hullmark("scan", f"oci-dir:{tmp_path / 'image'}", "--for-policies", "--keep-files", "text", "-o", "json")
    assert found_in(ran.out, [CANARY]) == [CANARY]
    kept = [path.read_bytes() for path in hullmark.home.rglob("*") if path.is_file()]
    assert sum(bool(found_in(body, [CANARY])) for body in kept) >= 1


@pytest.mark.parametrize(
    "written",
    [
        b"x juniper-anchor-9917 y",
        rb"x juniper\-anchor\-9917 y",
        b"x anVuaXBlci1hbmNob3ItOTkxNw== y",
        "x juniper-anchor-9917".encode("utf-16"),
        b"6a756e697065722d616e63686f722d39393137",
        b"junk" + gzipped(CANARY.encode()),
        b"YSBqdW5pcGVyLWFuY2hvci05OTE3IGI=",
        b"YWEganVuaXBlci1hbmNob3ItOTkxNyBi",
    ],
)
def test_the_search_knows_many_forms(written: bytes) -> None:
    assert found_in(written, [CANARY, "other-value-1"]) == [CANARY]
