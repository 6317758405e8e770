"""Repositories of dnf, yum and zypper: types, what is inherited, and bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.yum import PARSER as YUM
from tests.support.configuration import read_settings

REPO = """
[base]
name=Base $releasever
baseurl=https://u:secret@a/, http://b/
  http://c/
gpgcheck=0
gpgkey=file:///k
enabled=no
password=secret
cost=5
[extra]
mirrorlist=https://m/
"""


def test_a_repository_has_what_it_says_and_else_what_the_main_settings_say() -> None:
    files = {"etc/dnf/dnf.conf": "[main]\ngpgcheck=True\nsslverify=0\nbest=1\n", "etc/yum.repos.d/a.repo": REPO}
    found = read_settings(YUM, files)
    assert found.problems == []
    assert found.values == {
        "yum.main.gpgcheck": True,
        "yum.main.sslverify": False,
        "yum.main.best": True,
        "yum.main.repo_gpgcheck": False,
        "yum.main.localpkg_gpgcheck": False,
        "yum.repo[base].name": "Base $releasever",
        "yum.repo[base].baseurl": ("https://u:***@a/", "http://b/", "http://c/"),
        "yum.repo[base].gpgcheck": False,
        "yum.repo[base].gpgkey": ("file:///k",),
        "yum.repo[base].enabled": False,
        "yum.repo[base].password": "***",
        "yum.repo[base].cost": 5,
        "yum.repo[base].repo_gpgcheck": False,
        "yum.repo[base].sslverify": False,
        "yum.repo[extra].mirrorlist": "https://m/",
        "yum.repo[extra].enabled": True,
        "yum.repo[extra].gpgcheck": True,
        "yum.repo[extra].repo_gpgcheck": False,
        "yum.repo[extra].sslverify": False,
    }
    where = {s.key: (s.path, s.line) for s in found.settings}
    assert where["yum.repo[extra].gpgcheck"] == ("/etc/dnf/dnf.conf", 2)
    assert where["yum.repo[base].baseurl"] == ("/etc/yum.repos.d/a.repo", 4)
    assert where["yum.repo[extra].enabled"] == ("", 0)


@pytest.mark.parametrize("folder", ["etc/yum.repos.d", "etc/zypp/repos.d"])
def test_without_main_settings_the_programs_hold(folder: str) -> None:
    values = read_settings(YUM, {f"{folder}/a.repo": "[a]\n"}).values
    assert values["yum.main.sslverify"] is True
    assert read_settings(YUM, {}).values == {}


def test_what_is_not_understood_is_a_problem() -> None:
    [(path, reason)] = read_settings(YUM, {"etc/yum.repos.d/a.repo": "x=1\n"}).problems
    assert (path, reason.split(":")[0]) == ("/etc/yum.repos.d/a.repo", "line 1")


@given(st.text(alphabet="[main]=:\n #", max_size=100))
def test_no_text_is_too_odd(text: str) -> None:
    read_settings(YUM, {"etc/yum.conf": text, "etc/yum.repos.d/a.repo": text})
