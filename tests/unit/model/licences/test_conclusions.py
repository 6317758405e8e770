"""What texts let conclude."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.licence_evidence import LicenceEvidence, make_evidence, read_sentence, sentence
from hullmark.model.licences.conclusions import conclusion, declared_by
from hullmark.model.package import Package


def _package(licenses: tuple[str, ...], *found: str) -> Package:
    texts = tuple(LicenceEvidence(license=name, kind="found", path="/app/LICENSE", layer=1) for name in found)
    told = (*make_evidence(licenses, "license", "/app/package.json", 1), *texts)
    return Package(
        type="npm", name="x", version="1", purl="pkg:npm/x@1", cataloger="npm", licenses=licenses, license_evidence=told
    )


@pytest.mark.parametrize(
    ("declared", "found", "expression"),
    [
        ((), ("MIT",), "MIT"),
        (("BSD",), ("BSD-3-Clause",), "BSD-3-Clause"),
        (("GPL",), ("GPL-2.0-or-later",), "GPL-2.0-or-later"),
        (("SEE LICENSE IN LICENSE.md",), ("MIT", "ISC"), "MIT AND ISC"),
        # Nothing is open, or a text does not speak of what is.
        (("MIT",), ("Apache-2.0",), ""),
        (("BSD",), ("MIT",), ""),
        (("MIT", "our own"), ("MIT",), ""),
        (("GPL", "LGPL"), ("GPL-2.0-or-later",), ""),
        ((), (), ""),
    ],
)
def test_a_text_decides_what_a_name_leaves_open(
    declared: tuple[str, ...], found: tuple[str, ...], expression: str
) -> None:
    assert conclusion(_package(declared, *found)) == expression


def test_what_a_text_tells_is_not_declared() -> None:
    told = (LicenceEvidence(license="MIT", kind="found", field="License-File", path="/x/LICENSE"),)
    package = Package(
        type="pypi", name="x", version="1", purl="", cataloger="python", licenses=("MIT",), license_evidence=told
    )
    assert declared_by(package) == ()
    assert conclusion(package) == "MIT"


_TEXT = st.text(st.characters(categories=("L", "N"), include_characters="-.+"), min_size=1)


@given(
    st.builds(
        LicenceEvidence,
        license=_TEXT,
        kind=st.sampled_from(("declared", "found")),
        field=st.just("") | _TEXT,
        path=st.just("") | _TEXT.map("/{}".format),
        layer=st.integers(-1, 99),
        share=st.integers(0, 100),
    )
)
def test_a_sentence_says_all_that_is_known(evidence: LicenceEvidence) -> None:
    assert read_sentence(sentence(evidence)) == evidence


@given(st.text())
def test_any_text_may_be_a_sentence(text: str) -> None:
    read_sentence(text)
