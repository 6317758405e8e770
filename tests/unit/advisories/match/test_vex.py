"""VEX upon matches: which product a statement means, which statement decides, and what it does to a match."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packageurl import PackageURL

from hullmark.advisories.match import vex
from hullmark.advisories.match.vex import StatementIndex, parse_purl
from hullmark.model.advisory import Statement
from hullmark.model.inventory import InventorySource
from hullmark.model.match import Fix, Match, MatchedAdvisory, Suppression
from hullmark.model.package import Package
from hullmark.model.purl import make_purl

DIGEST = "sha256:" + "a" * 64
CONFIG = "sha256:" + "b" * 64
OTHER = "sha256:" + "c" * 64
SOURCE = InventorySource(
    kind="registry",
    reference="registry.example.com/team/shop:1.4",
    digest=DIGEST,
    config_digest=CONFIG,
    platform="linux/arm64/v8",
    layers=(),
    tags=("debian:12",),
)
OWNER = "pkg:deb/debian/python3-yaml@6.0-3?arch=arm64"
PURL = "pkg:deb/debian/libssl3@1%3A3.0.11-1~deb12u2?arch=arm64&distro=debian-12&upstream=openssl"


def match(purl: str = PURL, **more: Any) -> Match:
    """A match of GHSA-aaaa, alias CVE-2024-1, with the package of this purl."""
    owner, mains = more.pop("owned_by", None), more.pop("mains", ())
    package = Package(type="deb", name="x", version="1", purl=purl, cataloger="", owned_by=owner, mains=mains)
    advisory = MatchedAdvisory(id="GHSA-aaaa", source="", namespace="", aliases=("CVE-2024-1",), cve="CVE-2024-1")
    values = {"kind": "direct", "name": "x", "version": "1", "why": "", **more}
    return Match(package=package, advisory=advisory, fix=Fix(state="unknown"), **values)


def says(status: str = "not_affected", *products: str, **more: Any) -> Statement:
    """A statement about CVE-2024-1."""
    values = {"vulnerability": "CVE-2024-1", "source": "them", "status": status, "products": products, **more}
    return Statement(**values)


def apply(matches: Iterable[Match], statements: Iterable[Statement], source: InventorySource) -> tuple[Match, ...]:
    """The matches, judged by what the statements say of them in this image."""
    return vex.apply_statements(matches, StatementIndex(statements, source))


def is_suppressed(*statements: Statement, **more: Any) -> bool:
    """Whether the statements suppress the match."""
    (judged,) = apply((match(**more),), statements, SOURCE)
    return judged.suppressed is not None


@pytest.mark.parametrize(
    ("product", "meant"),
    [
        ("registry.example.com/team/shop:1.4", True),
        ("registry.example.com/team/shop", True),
        ("registry.example.com/team/shop:1.5", False),
        ("team/shop:1.4", False),
        ("docker://registry.example.com/team/shop:1.4", True),
        ("https://registry.example.com/team/shop:1.4", False),
        (f"registry.example.com/team/shop@{DIGEST}", True),
        (f"registry.example.com/team/shop:1.4@{OTHER}", False),
        ("debian:12", True),
        ("debian", True),
        ("docker.io/library/debian:12", True),
        ("index.docker.io/library/debian:12", True),
        ("debian:11", False),
        (DIGEST, True),
        (DIGEST.removeprefix("sha256:"), True),
        (CONFIG, True),
        (OTHER, False),
        (f"pkg:oci/shop@{DIGEST}", True),
        (f"pkg:oci/shop@{DIGEST.replace(':', '%3A')}?repository_url=registry.example.com/team/shop", True),
        (f"pkg:oci/shop@{DIGEST}?repository_url=registry.example.com%2Fteam", True),
        (f"pkg:oci/shop@{DIGEST}?repository_url=elsewhere.example.com/team/shop", False),
        (f"pkg:oci/shop@{OTHER}?repository_url=registry.example.com/team/shop", False),
        ("pkg:oci/shop?repository_url=registry.example.com/team/shop&tag=1.4", True),
        ("pkg:oci/shop?repository_url=registry.example.com/team/shop&tag=1.5", False),
        ("pkg:oci/shop?arch=arm64&tag=1.4", True),
        ("pkg:oci/shop?arch=amd64&tag=1.4", False),
        ("pkg:oci/shop", True),
        ("pkg:oci/other", False),
        ("pkg:oci/debian?repository_url=docker.io/library/debian", True),
        ("pkg:docker/debian@12", True),
        ("pkg:docker/library/debian@12", True),
        ("pkg:docker/debian@11", False),
        ("pkg:docker/other/debian@12", False),
        ("pkg:generic/shop", False),
        ("", False),
        ("not a product", False),
    ],
)
def test_an_image_is_meant_by_its_references_digests_and_package_urls(product: str, meant: bool) -> None:
    assert is_suppressed(says("not_affected", product)) is meant


@pytest.mark.parametrize(
    ("product", "meant"),
    [
        (PURL, True),
        ("pkg:deb/debian/libssl3", True),
        ("pkg:DEB/debian/LIBSSL3", True),
        ("pkg:deb/debian/libssl3@1:3.0.11-1~deb12u2", True),
        ("pkg:deb/debian/libssl3?arch=arm64", True),
        ("pkg:deb/debian/libssl3?arch=amd64", False),
        ("pkg:deb/debian/libssl3?distro=debian-12&upstream=openssl", True),
        ("pkg:deb/debian/libssl3@3.0.11-1", False),
        ("pkg:deb/ubuntu/libssl3", False),
        ("pkg:deb/debian/libssl", False),
        ("pkg:rpm/debian/libssl3", False),
        ("libssl3", False),
    ],
)
@pytest.mark.parametrize("as_subcomponent", [True, False])
def test_a_package_is_meant_by_a_package_url_that_says_nothing_else(
    product: str, meant: bool, as_subcomponent: bool
) -> None:
    said = says("fixed", DIGEST, subcomponents=(product,)) if as_subcomponent else says("fixed", product)
    assert is_suppressed(said) is meant


@pytest.mark.parametrize(
    ("said", "of"),
    [
        ("pkg:pypi/Foo_Bar.baz@1", "pkg:pypi/foo-bar-baz@1"),
        ("pkg:npm/%40babel/core@7.0.0", "pkg:npm/@babel/core@7.0.0"),
        ("pkg:npm/@babel/core", "pkg:npm/%40babel/core@7.0.0"),
        ("pkg:golang/github.com/azure/go@1.0.0", "pkg:golang/github.com/Azure/go@v1.0.0#sub/path"),
        ("pkg:golang/github.com%2FAzure%2Fgo", "pkg:golang/github.com/Azure/go@v1.0.0"),
        ("pkg://maven/org.a/b@1+2", "pkg:maven/org.a/b@1%2B2?type=jar"),
    ],
)
def test_ways_to_write_a_package_url_mean_the_same(said: str, of: str) -> None:
    assert is_suppressed(says("not_affected", said), purl=of)


def test_a_subcomponent_counts_in_its_product_only() -> None:
    assert not is_suppressed(says("not_affected", "pkg:oci/other", subcomponents=(PURL,)))
    assert not is_suppressed(says("not_affected", subcomponents=(PURL,)))


def test_a_package_within_a_package_is_meant_through_its_owner() -> None:
    said = says("not_affected", "pkg:deb/debian/python3-yaml", subcomponents=("pkg:pypi/pyyaml",))
    assert is_suppressed(said, purl="pkg:pypi/pyyaml@6.0", owned_by=OWNER)
    assert not is_suppressed(said, purl="pkg:pypi/pyyaml@6.0")


MODULE, PROGRAM, OTHER = (
    "pkg:golang/example.com/m@v1.0.0",
    "pkg:golang/example.com/app@v2.0.0",
    "pkg:golang/example.com/tool",
)


@pytest.mark.parametrize(
    ("mains", "products", "suppressed"),
    [
        ((PROGRAM,), ("pkg:golang/example.com/app",), True),
        ((PROGRAM,), ("pkg:golang/example.com/app@v2.1.0",), False),
        ((OTHER, PROGRAM), ("pkg:golang/example.com/app",), False),
        ((OTHER, PROGRAM), ("pkg:golang/example.com/app", OTHER), True),
        (("", PROGRAM), ("pkg:golang/example.com/app",), False),
        ((), ("pkg:golang/example.com/app",), False),
    ],
)
def test_a_module_is_meant_through_the_programs_that_hold_it_if_it_is_all_of_them(
    mains: tuple[str, ...], products: tuple[str, ...], suppressed: bool
) -> None:
    for parts in ((MODULE,), ()):
        said = says("not_affected", *products, subcomponents=parts)
        assert is_suppressed(said, purl=MODULE, mains=mains) is suppressed
    other = says("not_affected", *products, subcomponents=("pkg:golang/example.com/n",))
    assert not is_suppressed(other, purl=MODULE, mains=mains)


def test_a_package_without_purl_is_meant_only_by_what_is_said_of_the_whole_image() -> None:
    assert is_suppressed(says("not_affected", DIGEST), purl="")
    assert not is_suppressed(says("not_affected", "pkg:deb/debian/x"), purl="")


@pytest.mark.parametrize(
    ("more", "meant"),
    [
        ({"vulnerability": "cve-2024-1"}, True),
        ({"vulnerability": "GHSA-AAAA"}, True),
        ({"vulnerability": "SNYK-1", "aliases": ("CVE-2024-1",)}, True),
        ({"vulnerability": "CVE-2024-11"}, False),
    ],
)
def test_a_vulnerability_is_meant_by_any_of_its_names(more: dict[str, Any], meant: bool) -> None:
    assert is_suppressed(says("not_affected", DIGEST, **more)) is meant


@pytest.mark.parametrize("status", ["affected", "under_investigation"])
def test_only_not_affected_and_fixed_suppress(status: str) -> None:
    assert not is_suppressed(says(status, DIGEST))


def test_the_newest_statement_decides_whatever_their_order_and_zone() -> None:
    old = says("not_affected", DIGEST, at="2026-01-01T12:00:00Z")
    new = says("affected", DIGEST, at="2026-01-01T12:30:00+00:00")
    newest = says("fixed", DIGEST, at="2026-01-01T12:00:00-05:00")
    assert not is_suppressed(old, new)
    assert not is_suppressed(new, old)
    assert is_suppressed(newest, new, old)
    assert not is_suppressed(says("not_affected", DIGEST, at="some day"), new)


def test_of_equally_new_statements_the_particular_one_decides_and_then_the_cautious_one() -> None:
    whole, part = says("affected", DIGEST), says("not_affected", DIGEST, subcomponents=(PURL,))
    assert is_suppressed(part, whole)
    assert not is_suppressed(part, says("affected", PURL))
    assert not is_suppressed(says("affected", PURL), part)


def test_a_suppressed_match_says_whose_word_it_is() -> None:
    said = says("not_affected", DIGEST, justification="component_not_present", impact="We do not ship it.")
    (judged,) = apply((match(),), (said,), SOURCE)
    assert judged.suppressed == Suppression(
        by="vex", reason="them says not_affected (component_not_present): We do not ship it."
    )


def test_affected_lifts_what_vex_suppressed_and_nothing_else() -> None:
    said = says("affected", DIGEST)
    by_vex, by_rule = (match(suppressed=Suppression(by=by, reason="x")) for by in ("vex", "ignore"))
    assert apply((by_vex, by_rule), (said,), SOURCE) == (match(), by_rule)
    assert apply((by_rule,), (says("fixed", DIGEST),), SOURCE) == (by_rule,)


@pytest.mark.parametrize(
    ("reason", "is_word"),
    [
        ("it belongs to x 1, and Debian 13 records that it is sound", True),
        ("it belongs to x 1, for which it is reported", True),
        ("it belongs to x 1, and Debian 13 does not list that as affected", False),
        ("it belongs to x 1, of which Amazon Linux 2023 speaks", False),
    ],
)
def test_a_distributions_silence_gives_way_to_any_statement_and_its_word_to_none(reason: str, is_word: bool) -> None:
    aside = match(suppressed=Suppression(by="distro", reason=reason))
    assert apply((aside,), (says("affected", DIGEST),), SOURCE) == ((aside,) if is_word else (match(),))
    (judged,) = apply((aside,), (says("fixed", DIGEST),), SOURCE)
    assert judged.suppressed is not None
    assert judged.suppressed.by == ("distro" if is_word else "vex")


def test_the_deciding_statement_can_be_asked_for() -> None:
    old, new = says("not_affected", DIGEST, at="2026-01-01"), says("affected", DIGEST, at="2026-01-02")
    assert StatementIndex((new, old), SOURCE).of(match()) is new
    assert StatementIndex((), SOURCE).of(match()) is None


TEXT = st.text(max_size=8)
PURL_LIKE = st.builds("pkg:{}/{}@{}?{}={}".format, TEXT, TEXT, TEXT, TEXT, TEXT)


@given(st.lists(st.one_of(TEXT, PURL_LIKE), max_size=3), st.one_of(TEXT, PURL_LIKE), TEXT, TEXT)
def test_any_text_is_survived(products: list[str], purl: str, reference: str, at: str) -> None:
    source = InventorySource(
        kind="docker", reference=reference, digest="", config_digest="", platform=reference, layers=(), tags=(purl,)
    )
    apply((match(purl=purl),), (says("fixed", *products, at=at, subcomponents=tuple(products[1:])),), source)


# The library strips white space; what is visible is enough.
NAME = st.text(st.characters(categories=("L", "N", "P", "S"), exclude_characters="/"), min_size=1, max_size=6).filter(
    lambda text: text not in (".", "..")
)


@given(NAME, NAME, st.sampled_from(("gem", "maven", "cargo")))
def test_parts_are_those_that_the_library_reads(name: str, version: str, type: str) -> None:
    purl = make_purl(type, name, version, namespace="a/b", qualifiers={"arch": "x y&z"})
    found, expected = parse_purl(purl), PackageURL.from_string(purl)
    assert found is not None
    assert (found.name, found.version) == (f"{expected.namespace}/{expected.name}", expected.version)
    assert dict(found.qualifiers) == expected.qualifiers
