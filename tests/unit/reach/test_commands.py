"""Commands that stand for others: shells, busybox, `env`, supervisors and cron; and words that nobody can tell."""

from __future__ import annotations

import pytest

from hullmark.facets.kept import KeptContent
from hullmark.model.setting import Setting
from tests.support.dynamic import dynamic_elf
from tests.support.reach import reach_of, walked
from tests.unit.reach.test_walk import BASE, program

FILES = {**BASE, "/bin/busybox": program(), "/usr/bin/env": program(), "/usr/bin/supervisord": program()}
SUPERVISORD = "/etc/supervisor/supervisord.conf"


def reasons_and_reach(files: dict[str, bytes], *command: str) -> tuple[list[str], str, str]:
    """Why not all can be followed, and the verdicts on `tool` and `mount`."""
    found = walked({**FILES, **files}, command)
    verdicts = reach_of(found)
    return [end.reason for end in found.open_ends], verdicts["/usr/bin/tool"], verdicts["/bin/mount"]


@pytest.mark.parametrize(
    ("script", "reasons", "tool", "mount"),
    [
        ("busybox sh -c 'exec tool'", [], "reachable", "unreachable"),
        ("busybox nice", [], "unreachable", "unreachable"),
        ("sh -c $COMMAND", ["the command of a shell is not known"], "unknown", "unknown"),
        ("sh -e $SCRIPT", ["the name of a script is not known"], "unknown", "unknown"),
        (". /none/variables; tool", [], "reachable", "unreachable"),
        ("$RUN now", ["the name of a program that its script runs is not known"], "unknown", "unknown"),
    ],
)
def test_what_a_line_of_a_script_starts(script: str, reasons: list[str], tool: str, mount: str) -> None:
    """A word that comes from elsewhere may be any program; a script that is read and is not there gives nothing."""
    assert reasons_and_reach({"/start": f"#!/bin/sh\n{script}\n".encode()}, "/start") == (reasons, tool, mount)


@pytest.mark.parametrize(
    ("first", "tool"),
    [
        (b"#!/usr/bin/env tool", "reachable"),
        (b"#!/usr/bin/env -S A=1 tool -x", "reachable"),
        (b"#!/usr/bin/env", "unreachable"),
    ],
)
def test_a_script_is_run_by_the_program_that_env_starts(first: bytes, tool: str) -> None:
    """Variables before it are none, and neither are the options of `env`."""
    found = walked({**FILES, "/start": first + b"\n"}, ("/start",), why=("/usr/bin/env",))
    assert reach_of(found)["/usr/bin/tool"] == tool
    assert [step.why for step in found.answers[0].witness][1:] == ["is the interpreter of the script"]


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        (b"[program:a]\ncommand=/usr/bin/tool -x\n", ([], "reachable", "unreachable")),
        (b"[include]\nfiles = conf.d/*.conf\n", ([], "unreachable", "reachable")),
        (b"[program:a]\ncommand='tool\n", ([f"a command in {SUPERVISORD} is not understood"], "unknown", "unknown")),
        (
            b"[program:a]\ncommand=%(here)s/run\n",
            (["the name of a program that it starts is not known"], "unknown", "unknown"),
        ),
    ],
)
def test_supervisord_starts_what_its_files_say(configuration: bytes, expected: tuple[list[str], str, str]) -> None:
    """A command that cannot be read may be any."""
    files = {SUPERVISORD: configuration, "/etc/supervisor/conf.d/a.conf": b"[program:b]\ncommand=mount -a\n"}
    assert reasons_and_reach(files, "supervisord", "-n") == expected


def test_supervisord_without_a_file_may_start_anything() -> None:
    """It may be given one that is mounted later."""
    reason = "supervisord's file of configuration is not in the image, or was not kept"
    assert reasons_and_reach({}, "supervisord") == ([reason], "unknown", "unknown")


def test_a_service_of_s6_may_be_a_script_or_a_program() -> None:
    """Its `run` is started, whatever it is, and what it needs is reached with it."""
    files = {
        **FILES,
        "/init": program(),
        "/etc/services.d/web/run": b"#!/bin/sh\nexec tool\n",
        "/etc/services.d/other/run": program("libother.so", calls=("execv",), constants=("/bin/mount",)),
        "/usr/lib/libother.so": dynamic_elf(),
    }
    kept = {"/etc/services.d/other/run": KeptContent(None, "it is not text, and was not kept")}
    found = walked(files, ("/init",), kept=kept, why=("/usr/lib/libother.so",))
    verdicts = reach_of(found)
    assert (verdicts["/usr/bin/tool"], verdicts["/bin/mount"]) == ("reachable", "reachable")
    assert [step.path for step in found.answers[0].witness][-2:] == [
        "/etc/services.d/other/run",
        "/usr/lib/libother.so",
    ]


def test_systemd_starts_what_the_units_say_that_are_wanted() -> None:
    """The unit itself is read."""
    unit = "/etc/systemd/system/multi-user.target.wants/shop.service"
    found = walked(
        {**FILES, "/bin/systemd": program(), unit: b"[Service]\nExecStart=tool\n"}, ("systemd",), why=(unit,)
    )
    assert (reach_of(found)["/usr/bin/tool"], found.open_ends) == ("reachable", ())
    assert found.answers[0].witness[-1].why == "is read by systemd"


def test_of_crons_tables_the_commands_alone_are_started() -> None:
    """When a job runs, and as whom, starts nothing."""
    settings = [
        Setting(key=f"crontab.job[0].{key}", value=value, path="/etc/crontab")
        for key, value in (("user", "tool"), ("command", "mount"))
    ]
    found = walked({**FILES, "/usr/sbin/cron": program(), "/etc/crontab": b""}, ("cron",), settings=settings)
    assert (reach_of(found)["/usr/bin/tool"], reach_of(found)["/bin/mount"]) == ("unreachable", "reachable")
