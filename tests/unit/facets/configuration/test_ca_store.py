"""Authorities that an image trusts beyond those of its packages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.ca_store import PARSER as CA
from tests.support.configuration import read_settings


def test_authorities_that_were_added_or_taken_away() -> None:
    files = {
        "usr/local/share/ca-certificates/a.crt": "x",
        "usr/local/share/ca-certificates/sub/b.crt": "x",
        "usr/local/share/ca-certificates/note.txt": "x",
        "etc/pki/ca-trust/source/anchors/c.pem": "x",
        "etc/pki/ca-trust/source/blocklist/d.pem": "x",
        "etc/ca-certificates.conf": "# c\nmozilla/A.crt\n!mozilla/B.crt\n",
    }
    found = read_settings(CA, files)
    assert found.values == {
        "ca.added": (
            "/usr/local/share/ca-certificates/a.crt",
            "/usr/local/share/ca-certificates/sub/b.crt",
            "/etc/pki/ca-trust/source/anchors/c.pem",
        ),
        "ca.blocked": ("/etc/pki/ca-trust/source/blocklist/d.pem",),
        "ca.enabled": ("mozilla/A.crt",),
        "ca.disabled": ("mozilla/B.crt",),
    }
    assert {s.key: s.line for s in found.settings}["ca.disabled"] == 3
    assert found.problems == []


def test_an_image_without_them_has_no_settings() -> None:
    assert read_settings(CA, {}).settings == []


@given(st.text(max_size=50))
def test_no_text_is_too_odd(text: str) -> None:
    read_settings(CA, {"etc/ca-certificates.conf": text})
