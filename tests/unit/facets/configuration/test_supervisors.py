"""Starts by supervisors, wrappers and shells of rarer forms: what they start is followed, and what is not known of it is told."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.unit.facets.configuration.starts import commands, start_of

UNIT = "/etc/systemd/system/a.wants/b.service"


@pytest.mark.parametrize(
    ("cmd", "files", "expected"),
    [
        ("s6-svscan /s", {"/s/a/run": "", "/s/b/run": "#!/bin/sh\nexec nginx\n"}, ["nginx"]),
        ("my_init", {"/etc/service/a/run": "#!/bin/sh\nexec nginx\n"}, ["nginx"]),
        ("supervisord -c/s", {"/s": "[program:a]\nenvironment=A=1\ncommand=nginx -c 100%%\n"}, ["nginx -c 100%"]),
        ("supervisord --configuration /s", {"/s": "[supervisord]\nnodaemon=true\n[program:a]\ncommand=nginx\n"}, ["nginx"]),
        ("supervisord", {"/etc/supervisord.conf": "[program:a]\ncommand=nginx\n"}, ["nginx"]),
        ("/sbin/init", {UNIT: "[Service]\nExecStart=\nExecStart=nginx -c a\n"}, ["nginx -c a"]),
        ("start-stop-daemon --start --exec=/usr/sbin/nginx -- -c x", {}, ["nginx -c x"]),
        ("start-stop-daemon -S -a /usr/sbin/nginx", {}, ["nginx"]),
        ("start-stop-daemon --stop --exec /usr/sbin/nginx", {}, []),
        ("wait-for-it.sh db:1", {}, []),
        ("sh", {}, []),
        ("sh /s.sh -c x", {"/s.sh": 'nginx "$@"\n'}, ["nginx -c x"]),
        ("sh +e -O extglob /s.sh", {"/s.sh": "nginx\n"}, ["nginx"]),
        ("busybox sh s.sh", {"/work/s.sh": "nginx\n", "/bin/s.sh": "sshd\n"}, ["nginx"]),
        ("sh s.sh", {"/bin/s.sh": "nginx\n"}, ["nginx"]),
        ("busybox sh ./s.sh", {"/work/./s.sh": "exec nginx\n"}, ["nginx"]),
    ],
)  # fmt: skip
def test_what_is_started_in_rarer_forms_is_followed(cmd: str, files: Mapping[str, str], expected: list[str]) -> None:
    assert commands(start_of(cmd, files)) == expected


@pytest.mark.parametrize(
    ("cmd", "files", "reasons"),
    [
        ("s6-svscan /s", {"/s/a/run": None}, ["the script /s/a/run was not kept, and what it starts is not known"]),
        ("s6-svscan /s", {"/s/a/run": "#!/bin/execlineb\n"}, ["the script /s/a/run is empty"]),
        ("/sbin/init", {UNIT: None}, [f"the unit {UNIT} was not kept"]),
        ("/sbin/init", {UNIT: "ExecStart=nginx \\\n  -c x\n"}, [f"a command in {UNIT} is not understood"]),
        ("/sbin/init", {UNIT: "ExecStart=nginx 'x\n"}, [f"a command in {UNIT} is not understood"]),
        ("/sbin/init", {UNIT: "ExecStart=-# nothing\n"}, [f"a command in {UNIT} is empty"]),
        ("supervisord -c /s", {"/s": "[program:a]\ncommand=\n"}, ["a command in /s is empty"]),
        (
            "supervisord -c /s",
            {"/s": "[supervisord]\nenvironment=PHPRC=/x\n[program:a]\nenvironment=JAVA_HOME=/y\n"},
            ["the environment of a program in /s is not read"],
        ),
        ("/e", {"/e": None}, ["the script /e is too large, and what it starts is not known"]),
        ("sh -c \"sh $A\"", {}, ["what a shell is given to run is not known"]),
        ("sh /s.sh", {"/s.sh": None}, ["the script /s.sh was not kept, and what it starts is not known"]),
        ("sh none.sh", {}, ["the script none.sh is not in the image, and what it starts is not known"]),
    ],
)  # fmt: skip
def test_what_is_not_known_of_a_start_of_a_rarer_form_is_told(
    cmd: str, files: Mapping[str, str | None], reasons: list[str]
) -> None:
    assert [gap.reason for gap in start_of(cmd, files).untold] == reasons


def test_a_program_whose_name_a_variable_of_the_start_holds_is_not_known() -> None:
    start = start_of(sh="env A=1 $X nginx; tini -- $X; nginx")
    assert [gap.reason for gap in start.untold] == ["what env starts is not known", "what tini starts is not known"]
    assert commands(start) == ["nginx"]


def test_a_supervised_program_whose_name_is_not_known_is_told() -> None:
    start = start_of("supervisord -c /s", {"/s": "[program:a]\ncommand=%(ENV_X)s -c x\n[program:b]\ncommand=nginx\n"})
    assert [(gap.reason, gap.path, gap.line) for gap in start.untold] == [
        ("the name of the program that it starts is not known", "/s", 2)
    ]
    assert commands(start) == ["nginx"]


def test_folders_of_a_very_long_path_are_not_all_looked_into() -> None:
    path = ":".join(f"/f{number}" for number in range(60))
    files = {"/f49/go": "#!/bin/sh\nexec nginx -c near\n", "/f50/went": "#!/bin/sh\nexec nginx -c far\n"}
    start = start_of(sh="go; went", files=files, env=(f"PATH={path}",))
    assert commands(start) == ["nginx -c near"]
    assert [(gap.reason, gap.path) for gap in start.untold] == [
        ("PATH names so many folders that programs are not looked for in all", "ENV")
    ]


def test_a_start_of_so_many_commands_is_read_in_part() -> None:
    start = start_of(sh="\n".join(f"nginx -c {number}" for number in range(210)))
    assert len(start.commands) == 200
    assert [gap.reason for gap in start.untold] == ["it is started with so many commands that not all are read"]
