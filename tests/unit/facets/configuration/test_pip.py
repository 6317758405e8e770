"""pip's configuration: types, users, passwords, and bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.pip import PARSER as PIP
from tests.support.configuration import read_settings


def test_later_files_count_and_lists_are_lists() -> None:
    files = {
        "etc/pip.conf": "[global]\nindex-url = https://u:secret@a/simple\ntrusted_host = a b\n  c\nno-cache-dir = false\n",
        "root/.config/pip/pip.conf": "[global]\ntimeout = 60\n[install]\nextra-index-url = https://token@b/\n",
        "opt/venv/pip.conf": "[global]\ntimeout = 30\n",
        "home/al/.pip/pip.conf": "[global]\nindex-url = http://c/\n",
    }
    found = read_settings(PIP, files)
    assert found.problems == []
    assert found.values == {
        "pip.global.index-url": "https://u:***@a/simple",
        "pip.global.trusted-host": ("a", "b", "c"),
        "pip.global.no-cache-dir": False,
        "pip.global.timeout": 30,
        "pip.install.extra-index-url": ("https://***@b/",),
        "pip.user[al].global.index-url": "http://c/",
    }
    assert {s.key: (s.path, s.line) for s in found.settings}["pip.global.timeout"] == ("/opt/venv/pip.conf", 2)


def test_what_is_not_understood_is_a_problem() -> None:
    [(path, reason)] = read_settings(PIP, {"etc/pip.conf": "index-url = x\n"}).problems
    assert (path, reason.split(":")[0]) == ("/etc/pip.conf", "line 1")


@given(st.text(alphabet="[glob]=:\n -#", max_size=100))
def test_no_text_is_too_odd(text: str) -> None:
    read_settings(PIP, {"etc/pip.conf": text, "home/a/.pip/pip.conf": text})
