"""apk's repositories and keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.apk import PARSER as APK
from tests.support.configuration import read_settings


def test_repositories_and_keys() -> None:
    files = {
        "etc/apk/repositories": "# x\nhttps://a/main\n@edge  https://u:secret@b/edge\n\nhttps://a/main\n",
        "etc/apk/keys/a.rsa.pub": "x",
    }
    found = read_settings(APK, files)
    assert found.values == {
        "apk.repositories": ("https://a/main", "@edge https://u:***@b/edge"),
        "apk.keys": ("/etc/apk/keys/a.rsa.pub",),
    }
    assert [(s.path, s.line) for s in found.settings] == [("/etc/apk/repositories", 2), ("", 0)]
    assert read_settings(APK, {}).settings == []


@given(st.text(max_size=50))
def test_no_text_is_too_odd(text: str) -> None:
    read_settings(APK, {"etc/apk/repositories": text})
