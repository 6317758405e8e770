"""Small results for the tests of the report room, and strategies that make odd ones."""

from __future__ import annotations

from hypothesis import strategies as st

from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Distro, FileRecord, Inventory, InventoryLayer, InventorySource
from hullmark.model.package import UNKNOWN_VERSION, Location, Package, SourcePackage
from hullmark.model.problem import Problem
from hullmark.model.purl import make_purl
from hullmark.model.relation import Relation
from hullmark.model.verdict import Action, Evidence, Finding, Outcome, Verdict, VerdictInputs
from hullmark.report.format import RenderContext

PLAIN = RenderContext(tool_version="1.2.3")
HOSTILE = "\x1b[2J\r\n\x07evil\u202egnp.exe\u2066\x00|<b>`\\\U000e0041"


def digest(number: int) -> str:
    """A digest that looks like one."""
    return f"sha256:{number:064x}"


SOURCE = InventorySource(
    kind="registry",
    reference="registry.example.com/team/Shop:1.4",
    digest=digest(0xA),
    config_digest=digest(0xB),
    platform="linux/arm64/v8",
    layers=(
        InventoryLayer(digest=digest(1), diff_id=digest(0x11), size=1000, created_by="ADD rootfs.tar /"),
        InventoryLayer(digest=digest(2), diff_id=digest(0x22), size=200, created_by="RUN pip install shop"),
        InventoryLayer(digest=digest(3), diff_id=digest(0x33), size=-1, created_by="COPY app /app"),
    ),
    tags=("registry.example.com/team/Shop:1.4",),
)

DISTRO = Distro(
    id="debian",
    version_id="12",
    codename="bookworm",
    pretty_name="Debian GNU/Linux 12 (bookworm)",
    cpe_name="cpe:/o:debian:debian_linux:12",
)

DEB = make_purl(
    "deb",
    "libssl3",
    "1:3.0.11-1~deb12u2",
    namespace="debian",
    qualifiers={"arch": "arm64", "distro": "debian-12", "upstream": "openssl"},
)
PYTHON_DEB = make_purl("deb", "python3-yaml", "6.0-3", namespace="debian", qualifiers={"arch": "arm64"})


def package(type: str, name: str, version: str, **more: object) -> Package:
    """A package with a plain purl and one location, unless told otherwise."""
    values: dict[str, object] = {
        "purl": make_purl(type, name, version),
        "cataloger": f"{type}-cataloger",
        "locations": (Location(f"/opt/{type}/{name}", 2),),
    }
    return Package(type=type, name=name, version=version, **{**values, **more})  # type: ignore[arg-type]


PACKAGES = (
    package("apk", "musl", "1.2.4-r2", arch="aarch64", source=SourcePackage("musl", "1.2.4-r2"), licenses=("MIT",)),
    package("cargo", "serde", "1.0.1", licenses=("MIT OR Apache-2.0",)),
    package(
        "deb",
        "libssl3",
        "1:3.0.11-1~deb12u2",
        purl=DEB,
        arch="arm64",
        source=SourcePackage("openssl", "3.0.11-1~deb12u2"),
        licenses=("Apache-2.0", "Artistic", "GPL-1+"),
        locations=(Location("/var/lib/dpkg/status", 0),),
    ),
    package("deb", "python3-yaml", "6.0-3", purl=PYTHON_DEB, arch="arm64"),
    package("gem", "rack", "2.2.3", licenses=("MIT", "Ruby")),
    package("generic", "nginx", "1.25.3"),
    package("golang", "github.com/Azure/go", "v1.0.0", purl="pkg:golang/github.com/Azure/go@v1.0.0"),
    package(
        "maven",
        "log4j-core",
        "2.14.1",
        purl="pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1",
        locations=(Location("/app/shop.war:WEB-INF/lib/log4j-core-2.14.1.jar", 2),),
    ),
    package("npm", "@babel/core", "7.0.0", purl="pkg:npm/%40babel/core@7.0.0", licenses=("(MIT AND isc)",)),
    package(
        "npm",
        "left-pad",
        "1.3.0",
        locations=(Location("/app/a/node_modules/left-pad/package.json", 1), Location("/app/left-pad/package.json", 2)),
        licenses=("WTFPL",),
    ),
    package("nuget", "Newtonsoft.Json", "13.0.1", licenses=("LicenseRef-Newtonsoft",)),
    package(
        "pypi", "PyYAML", "6.0", owned_by=PYTHON_DEB, licenses=("MIT License\n\nPermission is granted to anyone.",)
    ),
    package(
        "rpm",
        "bash",
        "1:5.1.8-6.el9",
        purl="pkg:rpm/rocky/bash@5.1.8-6.el9?arch=aarch64&epoch=1&upstream=bash-5.1.8-6.el9.src.rpm",
        arch="aarch64",
        licenses=("GPLv3+",),
    ),
    package("unheard-of", "thing", UNKNOWN_VERSION, purl="", locations=()),
)

PROBLEMS = (Problem(path="/var/lib/rpm/Packages", layer=1, room="catalog", reason="The database ends too early."),)

FILES = (
    FileRecord(
        path="/etc/ssl/openssl.cnf",
        type="file",
        mode=0o644,
        uid=0,
        gid=0,
        size=12,
        sha256="a" * 64,
        link="",
        layer=0,
        owner=DEB,
        state="config-changed",
    ),
    FileRecord(
        path="/srv/data",
        type="file",
        mode=0o4755,
        uid=1000,
        gid=1000,
        size=0,
        sha256="b" * 64,
        link="",
        layer=2,
        owner=None,
        state="unowned",
        capability="cap_net_raw=ep",
    ),
    FileRecord(
        path="/srv/gone",
        type="file",
        mode=0o600,
        uid=0,
        gid=0,
        size=5,
        sha256="c" * 64,
        link="",
        layer=1,
        owner=None,
        state="ghost",
    ),
    FileRecord(
        path="/srv/link",
        type="symlink",
        mode=0o777,
        uid=0,
        gid=0,
        size=0,
        sha256="",
        link="data",
        layer=2,
        owner=None,
        state="unowned",
    ),
)

SMALL = Inventory(
    source=SOURCE,
    distro=DISTRO,
    packages=PACKAGES,
    problems=PROBLEMS,
    config=ImageConfig(created="2024-02-29T23:59:59.123456789+02:00", labels={"b": "2", "a": "1"}),
)

EMPTY = Inventory(
    source=InventorySource(
        kind="docker-archive", reference="images/x.tar", digest="", config_digest="", platform="", layers=()
    ),
    distro=None,
    packages=(),
    problems=(),
)

RELATIONS = (
    Relation(DEB, "pkg:apk/musl@1.2.4-r2", "development"),
    Relation(PYTHON_DEB, "pkg:cargo/serde@1.0.1", "optional"),
    Relation(PYTHON_DEB, DEB),
)

WITH_FILES = Inventory(
    source=SOURCE,
    distro=DISTRO,
    packages=PACKAGES[:4],
    problems=(),
    config=SMALL.config,
    files=FILES,
    relations=RELATIONS,
)

ODD = Inventory(
    source=InventorySource(
        kind="oci-dir",
        reference=f"oci-dir:/x/{HOSTILE}",
        digest="",
        config_digest="",
        platform="",
        layers=(InventoryLayer(digest="", diff_id="", size=-1, created_by=HOSTILE),),
    ),
    distro=Distro(id=HOSTILE, pretty_name=HOSTILE),
    packages=(
        Package(
            type="npm",
            name=HOSTILE,
            version="1\n2",
            purl=make_purl("npm", HOSTILE, "1\n2"),
            cataloger="npm",
            licenses=(HOSTILE, " "),
            locations=(Location(f"/{HOSTILE}", 7),),
        ),
        package("npm", "twin", "1", purl="pkg:npm/twin@1?a=1", arch="x"),
        package("npm", "twin", "1", purl="pkg:npm/twin@1?a=2", arch="x"),
    ),
    problems=(Problem(path="", layer=-1, room="rootfs", reason=HOSTILE),),
)

INVENTORIES = {"empty": EMPTY, "odd": ODD, "small": SMALL, "with-files": WITH_FILES}

INPUTS = VerdictInputs(
    image=digest(0xA), policy=digest(0xC), snapshot=digest(0xD), analyzer="1.2.3/abc", at="2026-03-01T00:00:00Z"
)


def finding(action: Action, message: str, **more: object) -> Finding:
    """A finding of the files gate, unless told otherwise."""
    values: dict[str, object] = {
        "gate": "files",
        "trigger": "suid_or_guid_set",
        "trigger_id": "0123abcd",
        "subject": "/srv/data",
        "rule_id": "rule-1",
    }
    return Finding(action=action, message=message, **{**values, **more})  # type: ignore[arg-type]


STOP = Verdict(
    verdict=Outcome.STOP,
    reason="1 finding asks to stop.",
    findings=(
        finding(
            Action.STOP,
            "SUID or SGID found set on file /srv/data. Mode: 0o4755",
            evidence=(
                Evidence(path="/srv/data", layer=2, created_by="COPY app /app", detail="mode 4755"),
                *(Evidence(path=f"/srv/data{i}") for i in range(6)),
            ),
        ),
        finding(Action.STOP, "An accepted one.", allowlisted={"name": "list", "id": "a", "until": "2026-04-01"}),
        finding(Action.WARN, "The image has no HEALTHCHECK.", gate="dockerfile", trigger="instruction", subject=""),
        finding(Action.GO, "Noted.", subject="pkg:npm/x@1", evidence=(Evidence(),)),
    ),
    problems=PROBLEMS,
    inputs=INPUTS,
)

GO = Verdict(
    verdict=Outcome.GO,
    reason="No rule fired.",
    findings=(),
    problems=(),
    inputs=VerdictInputs(image="", policy="", snapshot=None, analyzer="", at=""),
)

ODD_VERDICT = Verdict(
    verdict=Outcome.UNKNOWN,
    reason=HOSTILE,
    findings=(
        finding(
            Action.WARN,
            HOSTILE,
            subject=HOSTILE,
            rule_id=HOSTILE,
            evidence=(Evidence(path=HOSTILE, layer=0, created_by=HOSTILE * 40, detail=HOSTILE),),
        ),
    ),
    problems=(),
    inputs=VerdictInputs(image=HOSTILE, policy=HOSTILE, snapshot=HOSTILE, analyzer=HOSTILE, at=HOSTILE),
)

VERDICTS = {"go": GO, "odd": ODD_VERDICT, "stop": STOP}

TEXT = st.text(max_size=12)
SHA256 = st.integers(0, 2**256 - 1).map(lambda number: f"{number:064x}")
LAYER = st.integers(-1, 4)
LICENSE = st.one_of(
    TEXT, st.sampled_from(("MIT", "apache-2.0", "MIT OR GPL-2.0+", "LicenseRef-x AND ISC", "(MIT", "GPL-2 and MIT"))
)


def contexts() -> st.SearchStrategy[RenderContext]:
    """Contexts of all kinds."""
    timestamps = st.sampled_from((None, "2026-03-01T12:00:00Z", "yesterday"))
    return st.builds(
        RenderContext, tool_version=TEXT, timestamp=timestamps, color=st.booleans(), width=st.integers(0, 120)
    )


def purls(type: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Package URLs as catalogers make them, and now and then none."""
    name = TEXT.filter(lambda text: bool(text.strip("/ ")))
    made = st.builds(make_purl, type, name, TEXT, namespace=TEXT, qualifiers=st.dictionaries(st.just("arch"), TEXT))
    return st.one_of(st.just(""), made)


def packages() -> st.SearchStrategy[Package]:
    """Packages with any text in them."""
    type = st.sampled_from(("deb", "rpm", "apk", "pypi", "npm", "maven", "golang", "generic", "composer", "mystery"))
    return st.builds(
        Package,
        type=type,
        name=TEXT,
        version=TEXT,
        purl=purls(type),
        cataloger=TEXT,
        arch=TEXT,
        source=st.none() | st.builds(SourcePackage, TEXT, TEXT),
        licenses=st.lists(LICENSE, max_size=4).map(tuple),
        locations=st.lists(st.builds(Location, TEXT, LAYER), max_size=3).map(tuple),
        owned_by=st.none() | TEXT | st.just(DEB),
    )


def files() -> st.SearchStrategy[tuple[FileRecord, ...]]:
    """Files with any text in them, each path once."""
    record = st.builds(
        FileRecord,
        path=TEXT.map(lambda text: f"/{text}"),
        type=st.sampled_from(("file", "dir", "symlink")),
        mode=st.integers(0, 0o7777),
        uid=st.integers(0, 2**31),
        gid=st.integers(0, 2**31),
        size=st.integers(0, 2**40),
        sha256=st.just("") | SHA256,
        link=TEXT,
        layer=LAYER,
        owner=st.none() | TEXT | st.just(DEB),
        state=st.sampled_from(("ok", "unowned", "ghost", "missing")),
    )
    return st.lists(record, max_size=4, unique_by=lambda record: record.path).map(tuple)


def inventories() -> st.SearchStrategy[Inventory]:
    """Inventories with any text wherever an image may put text."""
    layer = st.builds(InventoryLayer, digest=TEXT, diff_id=TEXT, size=st.integers(-1, 2**40), created_by=TEXT)
    source = st.builds(
        InventorySource,
        kind=st.sampled_from(("registry", "oci-dir", "docker-archive", "dir")),
        reference=TEXT,
        digest=st.just("") | SHA256.map(lambda text: f"sha256:{text}"),
        config_digest=TEXT,
        platform=TEXT,
        layers=st.lists(layer, max_size=3).map(tuple),
        tags=st.lists(TEXT, max_size=2).map(tuple),
    )
    return st.builds(
        Inventory,
        source=source,
        distro=st.none() | st.builds(Distro, id=TEXT, version_id=TEXT, pretty_name=TEXT, cpe_name=TEXT),
        packages=st.lists(packages(), max_size=4).map(tuple),
        problems=st.lists(st.builds(Problem, TEXT, LAYER, TEXT, TEXT), max_size=2).map(tuple),
        config=st.none() | st.builds(ImageConfig, created=TEXT, labels=st.dictionaries(TEXT, TEXT, max_size=2)),
        files=st.none() | files(),
    )


def verdicts() -> st.SearchStrategy[Verdict]:
    """Verdicts with any text wherever an image or a policy may put text."""
    evidence = st.builds(Evidence, TEXT, LAYER, TEXT, TEXT)
    found = st.builds(
        Finding,
        gate=TEXT,
        trigger=TEXT,
        trigger_id=TEXT,
        action=st.sampled_from(Action),
        message=TEXT,
        subject=TEXT,
        rule_id=TEXT,
        evidence=st.lists(evidence, max_size=3).map(tuple),
        allowlisted=st.none() | st.dictionaries(TEXT, TEXT, max_size=2),
    )
    return st.builds(
        Verdict,
        verdict=st.sampled_from(Outcome),
        reason=TEXT,
        findings=st.lists(found, max_size=3).map(tuple),
        problems=st.lists(st.builds(Problem, TEXT, LAYER, TEXT, TEXT), max_size=2).map(tuple),
        inputs=st.builds(VerdictInputs, image=TEXT, policy=TEXT, snapshot=st.none() | TEXT, analyzer=TEXT, at=TEXT),
    )
