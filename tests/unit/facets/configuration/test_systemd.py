"""systemd: lines of unit files, lists and drop-ins, aliases, masks, what is enabled, and bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration import systemd
from hullmark.facets.configuration.systemd import PARSER as SYSTEMD
from hullmark.model.setting import Value
from tests.support.configuration import ReadSettings, read_settings

ETC, LIB = "etc/systemd/system", "usr/lib/systemd/system"


def read(text: str, name: str = "a.service") -> ReadSettings:
    return read_settings(SYSTEMD, {f"{LIB}/{name}": text})


def own(found: ReadSettings, name: str = "a.service") -> dict[str, Value]:
    """A unit's settings by section and name."""
    prefix = f"systemd.unit[{name}]."
    values = {key.removeprefix(prefix): value for key, value in found.values.items() if key.startswith(prefix)}
    return {key: value for key, value in values.items() if key not in ("enabled", "masked")}


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("[Service]\nType = simple \n", "Service.Type", "simple"),
        ("[Service]\nType=a\nType=b\n", "Service.Type", "b"),
        ("[Service]\nType=a\nType=\n", "Service.Type", ""),
        ("[Service]\nExecStart=a b\nExecStart=c\n", "Service.ExecStart", ("a b", "c")),
        ("[Service]\nExecStart=a\nExecStart=\nExecStart=b\n", "Service.ExecStart", ("b",)),
        ("[Service]\nExecStart=a \\\n# comment\n  b\n", "Service.ExecStart", ("a  b",)),
        ("[Unit]\nAfter=a.target b.target\nAfter=c.target\n", "Unit.After", ("a.target", "b.target", "c.target")),
        ("[Unit]\nConditionPathExists=!/x\nConditionPathExists=/y\n", "Unit.ConditionPathExists", ("!/x", "/y")),
        (
            '[Service]\nEnvironment=A=1 "B=2 3" \'C=4\'\nEnvironment=D=\\"\n',
            "Service.Environment",
            ("A=1", "B=2 3", "C=4", 'D="'),
        ),
        ("[Service]\nNoNewPrivileges=yes\n", "Service.NoNewPrivileges", True),
        ("[Service]\nDynamicUser=0\n", "Service.DynamicUser", False),
        ("[Service]\nPrivateTmp=yes\n", "Service.PrivateTmp", "yes"),
        ("[Service]\nNice=-5\n", "Service.Nice", -5),
        ("[Service]\nCapabilityBoundingSet=CAP_A ~CAP_B\n", "Service.CapabilityBoundingSet", ("CAP_A", "~CAP_B")),
        ("; c\n[Service]\r\nUser=x\r\n", "Service.User", "x"),
    ],
)
def test_values(text: str, key: str, value: Value) -> None:
    found = read(text)
    assert found.problems == []
    assert own(found) == {key: value}


@pytest.mark.parametrize("line", ["nonsense", "=x", "[Unit"])
def test_what_cannot_be_read_is_a_problem(line: str) -> None:
    found = read(f"[Service]\n{line}\n[Service]\nUser=x\n")
    assert [(path, reason.split(":")[0]) for path, reason in found.problems] == [(f"/{LIB}/a.service", "line 2")]
    assert own(found) == {"Service.User": "x"}


def test_what_is_for_others_is_left_out() -> None:
    found = read("User=x\n[X-Mine]\nwhatever\n[Service]\nX-Y=z\n")
    assert found.problems == [(f"/{LIB}/a.service", "line 1: a setting in front of every section")]
    assert own(found) == {}


def test_the_unit_of_the_administrator_counts_and_drop_ins_come_behind() -> None:
    found = read_settings(
        SYSTEMD,
        {
            f"{LIB}/a-b.service": "[Service]\nUser=lib\n",
            f"{ETC}/a-b.service": "[Service]\nUser=etc\nExecStart=x\nNice=1\nGroup=g\n",
            f"{LIB}/a-b.service.d/20.conf": "[Service]\nExecStart=\nExecStart=hidden\n",
            f"{ETC}/a-b.service.d/20.conf": "[Service]\nExecStart=\nExecStart=y\n",
            f"{LIB}/service.d/10.conf": "[Service]\nNice=2\nGroup=h\n",
            f"{ETC}/a-.service.d/30.conf": "[Service]\nNice=3\n",
            f"{ETC}/b-.service.d/30.conf": "[Service]\nNice=4\n",
        },
    )
    assert own(found, "a-b.service") == {
        "Service.User": "etc",
        "Service.ExecStart": ("y",),
        "Service.Nice": 3,
        "Service.Group": "h",
    }
    at = {setting.key.rpartition(".")[2]: (setting.path, setting.line) for setting in found.settings}
    assert at["Nice"] == (f"/{ETC}/a-.service.d/30.conf", 2)
    assert at["ExecStart"] == (f"/{ETC}/a-b.service.d/20.conf", 3)


def test_links() -> None:
    """What is enabled, what is only wanted, instances of a template, and other names."""
    found = read_settings(
        SYSTEMD,
        {f"{LIB}/{name}": "[Unit]\n" for name in ("a.service", "b.service", "c@.service", "d.socket", "e.target")},
        links={
            f"{ETC}/multi-user.target.wants/a.service": f"/{LIB}/a.service",
            f"{LIB}/sysinit.target.wants/b.service": "../b.service",
            f"{ETC}/getty.target.requires/c@tty1.service": f"/{LIB}/c@.service",
            f"{ETC}/other.socket": f"/{LIB}/d.socket",
            f"{ETC}/x.target.wants/gone.service": f"/{LIB}/gone.service",
        },
    )
    values = {
        key.removeprefix("systemd.unit"): value for key, value in found.values.items() if not key.endswith("masked")
    }
    assert values == {
        "[a.service].enabled": True,
        "[a.service].wanted_by": ("multi-user.target",),
        "[b.service].enabled": False,
        "[b.service].wanted_by": ("sysinit.target",),
        "[c@.service].enabled": True,
        "[c@.service].wanted_by": ("getty.target",),
        "[d.socket].enabled": True,
        "[d.socket].aliases": ("other.socket",),
        "[e.target].enabled": False,
    }


def test_masks() -> None:
    """An empty file, or a link to /dev/null, in front of a unit."""
    text = "[Service]\nUser=x\n"
    found = read_settings(
        SYSTEMD,
        {
            f"{LIB}/a.service": text,
            f"{LIB}/b.service": text,
            f"{LIB}/c.service": text,
            f"{ETC}/b.service": "",
            "dev/null": "",
        },
        links={f"{ETC}/a.service": "/dev/null", f"{ETC}/d.service": "/dev/null"},
    )
    masked = {key: value for key, value in found.values.items() if key.endswith(".masked")}
    assert masked == {f"systemd.unit[{name}.service].masked": name in "abd" for name in "abcd"}
    assert own(found) == {}
    assert own(found, "c.service") == {"Service.User": "x"}


def test_a_drop_in_that_is_masked_does_not_count() -> None:
    found = read_settings(
        SYSTEMD,
        {
            f"{LIB}/a.service": "[Service]\nUser=x\n",
            f"{LIB}/a.service.d/a.conf": "[Service]\nUser=y\n",
            f"{ETC}/a.service.d/a.conf": "",
        },
    )
    assert own(found) == {"Service.User": "x"}


def test_bounds() -> None:
    found = read("[Unit]\n" + "After=a\n" * 10_003)
    assert len(found.problems) == 3
    after = own(found)["Unit.After"]
    assert isinstance(after, tuple)
    assert len(after) == 10_000


@given(st.text(max_size=150), st.text(max_size=150))
def test_any_text_is_read(first: str, second: str) -> None:
    found = read_settings(SYSTEMD, {f"{LIB}/a.service": first, f"{ETC}/a.service.d/b.conf": f"[Service]\n{second}"})
    assert "systemd.unit[a.service].masked" in found.values


PARTS = [
    "[Service]\n",
    "[",
    "]",
    "\n",
    "\\\n",
    "=",
    "ExecStart=",
    "Environment=",
    "a ",
    '"',
    "'",
    "\\",
    "#",
    ";",
    "Nice=",
    "٣",
    "1",
]


@given(st.lists(st.sampled_from(PARTS), max_size=30))
def test_any_parts_are_read(parts: list[str]) -> None:
    assert "systemd.unit[a.service].masked" in read("".join(parts)).values


@given(st.lists(st.text("ab \"'", min_size=1, max_size=5), min_size=1, max_size=4))
def test_words_come_back_as_they_were_quoted(words: list[str]) -> None:
    quoted = " ".join('"' + word.replace('"', '\\"') + '"' for word in words)
    assert own(read(f"[Service]\nEnvironment={quoted}\n")) == {"Service.Environment": tuple(words)}


def test_a_link_to_dev_null_masks_also_where_the_image_has_no_such_device() -> None:
    unit = {"usr/lib/systemd/system/a.service": "[Service]\nExecStart=/x\n"}
    links = {"etc/systemd/system/a.service": "/dev/null", "etc/systemd/system/b.service": "/dev/null"}
    read = read_settings(SYSTEMD, unit, links=links)
    assert read.values == {"systemd.unit[a.service].masked": True, "systemd.unit[b.service].masked": True}
    assert read.problems == []


def test_odd_numbers_and_words_are_texts_and_a_last_line_that_would_go_on_counts() -> None:
    found = read("[Service]\nNice=+-5\nEnvironment= A=1   B=2 \nUser=x\\")
    assert found.problems == []
    assert own(found) == {"Service.Nice": "+-5", "Service.Environment": ("A=1", "B=2"), "Service.User": "x"}


def test_links_to_files_that_are_no_units_are_units_of_their_own_or_nothing() -> None:
    found = read_settings(
        SYSTEMD,
        {f"{LIB}/a.service": "[Unit]\n", "opt/y.service": "[Service]\nUser=y\n", "opt/readme": ""},
        links={
            f"{ETC}/x.service": "/opt/y.service",
            f"{ETC}/b.target.wants/z.service": "/opt/y.service",
            f"{ETC}/b.target.wants/readme": "/opt/readme",
        },
    )
    assert {key: value for key, value in found.values.items() if "enabled" in key} == {
        "systemd.unit[a.service].enabled": False,
        "systemd.unit[x.service].enabled": False,
    }
    assert found.problems == [(f"/{ETC}/x.service", "a configuration file names it, but it was not kept")]


def test_so_many_units_that_bring_one_up_are_told_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "_MAX_ITEMS", 2)
    links = {f"{ETC}/{name}.target.wants/a.service": f"/{LIB}/a.service" for name in "bcd"}
    found = read_settings(SYSTEMD, {f"{LIB}/a.service": "[Unit]\n"}, links=links)
    assert found.values["systemd.unit[a.service].wanted_by"] == ("b.target", "c.target")
    assert found.problems == [(f"/{ETC}/d.target.wants/a.service", "so many units that bring this one up are not told")]
