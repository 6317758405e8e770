"""The dynamic loader: folders in their order, includes, what is loaded into every program, and bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.loader import PARSER as LD
from tests.support.configuration import read_settings


def test_folders_stand_in_the_order_in_which_they_are_read() -> None:
    files = {
        "etc/ld.so.conf": "# a\n/opt/a # b\ninclude ld.so.conf.d/*.conf\tnone/*\nhwcap 1 x\n /opt/z/\n/opt/a\n",
        "etc/ld.so.conf.d/y.conf": "/opt/y\n",
        "etc/ld.so.conf.d/b.conf": "/opt/b\n",
    }
    found = read_settings(LD, files)
    assert found.values == {"ld.path": ("/opt/a", "/opt/b", "/opt/y", "/opt/z"), "ld.preload": ()}
    assert [(s.path, s.line) for s in found.settings] == [("/etc/ld.so.conf", 2), ("", 0)]
    assert found.problems == []


def test_libraries_for_every_program() -> None:
    found = read_settings(LD, {"etc/ld.so.preload": "# x\n/a.so:/b.so\t/c.so # /d.so\n"})
    assert found.values == {"ld.preload": ("/a.so", "/b.so", "/c.so")}
    assert [(s.path, s.line) for s in found.settings] == [("/etc/ld.so.preload", 2)]


def test_the_path_of_musl() -> None:
    found = read_settings(LD, {"etc/ld-musl-x86_64.path": "/lib:/usr/local/lib\n/usr/lib\n"})
    assert found.values == {"ld.path": ("/lib", "/usr/local/lib", "/usr/lib"), "ld.preload": ()}


def test_an_image_without_them_has_no_settings() -> None:
    assert read_settings(LD, {}).settings == []


def test_what_is_not_understood_is_a_problem_at_its_line() -> None:
    found = read_settings(LD, {"etc/ld.so.conf": "/a\nlib\ninclude /etc/ld.so.conf\n"})
    assert [reason for _, reason in found.problems] == [
        "line 2: it names no folder from the root",
        "line 3: /etc/ld.so.conf includes itself",
    ]
    assert found.values["ld.path"] == ("/a",)


@given(st.text(alphabet="/a \ninclude#*.:", max_size=100))
def test_no_text_is_too_odd(text: str) -> None:
    read_settings(LD, {"etc/ld.so.conf": text, "etc/ld.so.preload": text, "etc/ld-musl-arm.path": text})
