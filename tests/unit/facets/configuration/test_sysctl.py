"""Kernel parameters: names, values, which file counts, patterns, and bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.sysctl import PARSER as SYSCTL
from hullmark.model.setting import Value
from tests.support.configuration import ReadSettings, read_settings


def read(text: str) -> ReadSettings:
    return read_settings(SYSCTL, {"etc/sysctl.d/10-a.conf": text})


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("net.ipv4.ip_forward=1", "net.ipv4.ip_forward", 1),
        (" net/ipv4/ip_forward = 0 ", "net.ipv4.ip_forward", 0),
        ("net/ipv4/conf/eth0.1/forwarding = 1", "net.ipv4.conf.eth0/1.forwarding", 1),
        ("net.ipv4.conf.eth0/1.forwarding = 1", "net.ipv4.conf.eth0/1.forwarding", 1),
        ("-kernel.kptr_restrict = 2", "kernel.kptr_restrict", 2),
        ("- kernel.kptr_restrict = 2", "kernel.kptr_restrict", 2),
        ("kernel.printk = 4 4\t1 7", "kernel.printk", "4 4\t1 7"),
        ("kernel.core_pattern=|/bin/x %p a=b", "kernel.core_pattern", "|/bin/x %p a=b"),
        ("vm.swappiness = 1 # no comment", "vm.swappiness", "1 # no comment"),
        ("kernel.domainname =", "kernel.domainname", ""),
        ("-net.ipv4.conf.eth0.rp_filter", "net.ipv4.conf.eth0.rp_filter", None),
    ],
)
def test_a_line_is_read_as_sysctl_reads_it(line: str, name: str, value: Value) -> None:
    found = read(f"# comment\n; comment\n\n{line}\n")
    assert found.values == {f"sysctl.{name}": value}
    assert found.problems == []
    assert found.settings[0].line == 4


@pytest.mark.parametrize("line", ["nonsense", "= 3", "-", "- = 5"])
def test_what_gives_no_value_is_a_problem(line: str) -> None:
    assert read(line).problems == [("/etc/sysctl.d/10-a.conf", "line 1: it gives no parameter a value")]


def test_files_count_by_name_and_the_folder_of_the_administrator_first() -> None:
    files = {
        "usr/lib/sysctl.d/50-a.conf": "a.x = 1\nb.x = 1",
        "etc/sysctl.d/50-a.conf": "a.x = 2",
        "run/sysctl.d/60-a.conf": "c.x = 3",
        "usr/local/lib/sysctl.d/60-a.conf": "c.x = 4",
        "usr/lib/sysctl.d/70-a.conf": "a.x = 5\nd.x = 5",
        "etc/sysctl.conf": "d.x = 6",
    }
    assert read_settings(SYSCTL, files).values == {"sysctl.a.x": 5, "sysctl.c.x": 3, "sysctl.d.x": 6}


def test_a_pattern_counts_for_all_and_default_unless_they_are_named() -> None:
    text = "net.ipv4.conf.default.rp_filter = 1\nnet.ipv4.conf.*.rp_filter = 2\n-net.ipv6.conf.all.x\nnet.ipv6.conf.*.x = 3\n"
    assert read(text).values == {
        "sysctl.net.ipv4.conf.default.rp_filter": 1,
        "sysctl.net.ipv4.conf.*.rp_filter": 2,
        "sysctl.net.ipv4.conf.all.rp_filter": 2,
        "sysctl.net.ipv6.conf.all.x": None,
        "sysctl.net.ipv6.conf.*.x": 3,
        "sysctl.net.ipv6.conf.default.x": 3,
    }


@given(st.text(alphabet="a.b/=-* \n#;1", max_size=100))
def test_no_text_is_too_odd(text: str) -> None:
    read(text)


def test_a_link_to_dev_null_takes_the_place_of_a_file_of_its_name() -> None:
    read = read_settings(SYSCTL, {"usr/lib/sysctl.d/a.conf": "a.b=1\n"}, links={"etc/sysctl.d/a.conf": "/dev/null"})
    assert (read.values, read.problems) == ({}, [])


def test_a_line_that_leaves_a_parameter_alone_takes_nothing_back() -> None:
    assert read("a.b = 1\n-a.b\n").values == {"sysctl.a.b": 1}
    assert read("-a.b\na.b = 1\n").values == {"sysctl.a.b": 1}
