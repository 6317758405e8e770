"""Package URLs, with packageurl-python as oracle.

The library differs from what is written here in four things that the strategies keep away from or the test allows for:
it leaves colons and slashes in qualifiers as they are,
it lower-cases percent-encoded bytes of names it lower-cases, and it does not lower-case the names of deb.
"""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packageurl import PackageURL

from hullmark.model.purl import make_purl

LOWERED = st.sampled_from(("pypi", "github", "bitbucket", "gitlab", "composer", "hex", "apk", "alpm", "luarocks"))
KEPT = st.sampled_from(("deb", "rpm", "gem", "maven", "golang", "cargo", "nuget", "generic", "conan", "swift", "cran"))

# White space at the ends is stripped by the library; no record has it there.
ANY = st.text(min_size=1, max_size=12).map(str.strip).filter(bool)
SEGMENT = ANY.map(lambda text: text.replace("/", "").strip()).filter(bool)
PLAIN = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=12)
LOWER = SEGMENT.map(str.lower).filter(lambda text: text == text.strip())


def paths(segment: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Up to three segments parted by slashes."""
    return st.lists(segment, max_size=3).map("/".join)


QUALIFIERS = st.dictionaries(st.sampled_from(("arch", "distro", "upstream", "epoch", "checksum")), SEGMENT, max_size=4)
SUBPATHS = st.lists(st.one_of(SEGMENT, st.just(".."), st.just(".")), max_size=3).map("/".join)


@given(
    KEPT, LOWER, paths(LOWER), st.just("") | ANY.map(lambda text: text.replace("/", "-").strip()), QUALIFIERS, SUBPATHS
)
def test_purls_are_what_the_library_makes(
    type: str, name: str, namespace: str, version: str, qualifiers: dict[str, str], subpath: str
) -> None:
    made = make_purl(type, name, version, namespace=namespace, qualifiers=qualifiers, subpath=subpath)
    oracle = PackageURL(type, namespace or None, name, version or None, qualifiers or None, subpath or None)
    expected, mark, query = oracle.to_string().partition("?")
    query, hash_mark, below = query.partition("#")
    assert made == expected + mark + query.replace(":", "%3A") + hash_mark + below


@given(LOWERED, PLAIN, paths(PLAIN), PLAIN)
def test_names_that_do_not_depend_on_case_are_lower_case(type: str, name: str, namespace: str, version: str) -> None:
    made = make_purl(type, name, version, namespace=namespace)
    assert made == PackageURL(type, namespace or None, name, version).to_string()


@given(KEPT, SEGMENT, paths(SEGMENT), ANY, QUALIFIERS)
def test_the_library_reads_back_what_was_put_in(
    type: str, name: str, namespace: str, version: str, qualifiers: dict[str, str]
) -> None:
    if type == "deb":
        name, namespace = name.lower(), namespace.lower()
    read = PackageURL.from_string(make_purl(type, name, version, namespace=namespace, qualifiers=qualifiers))
    assert (read.type, read.name, read.version) == (type, name, version)
    assert (read.namespace or "", read.qualifiers) == (namespace, qualifiers)


@pytest.mark.parametrize(
    ("made", "purl"),
    [
        (make_purl("npm", "core", "7.0.0", namespace="@babel"), "pkg:npm/%40babel/core@7.0.0"),
        (make_purl("pypi", "Typing_Extensions", "4.1"), "pkg:pypi/typing-extensions@4.1"),
        (make_purl("deb", "libstdc++6", "1:12+b1~x", namespace="Debian"), "pkg:deb/debian/libstdc%2B%2B6@1:12%2Bb1~x"),
        (make_purl("golang", "Go", "v1.0.0", namespace="github.com/Azure"), "pkg:golang/github.com/Azure/Go@v1.0.0"),
        (
            make_purl("rpm", "bash", "5.1-1", namespace="redhat", qualifiers={"epoch": "", "arch": "x86_64"}),
            "pkg:rpm/redhat/bash@5.1-1?arch=x86_64",
        ),
        (
            make_purl("oci", "Shop", "sha256:ab", qualifiers={"tag": "1", "repository_url": "r.example:5000/shop"}),
            "pkg:oci/shop@sha256:ab?repository_url=r.example%3A5000%2Fshop&tag=1",
        ),
        (make_purl("generic", "a/b", "1/2"), "pkg:generic/a%2Fb@1%2F2"),
        (make_purl("generic", "é%", ""), "pkg:generic/%C3%A9%25"),
        (make_purl("golang", "x", namespace="//a//b/", subpath="/c/./../d/"), "pkg:golang/a/b/x#c/d"),
        (make_purl("generic", "x", namespace="//", subpath="/.."), "pkg:generic/x"),
        (make_purl("generic", "\udc80"), "pkg:generic/%5Cudc80"),
    ],
)
def test_a_purl_is_spelled_as_the_specification_has_it(made: str, purl: str) -> None:
    assert made == purl
