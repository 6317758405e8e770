"""How an image is started: shells, scripts, wrappers and supervisors are followed to the programs behind them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.start import read_start
from hullmark.model.image import HealthCheck, ImageConfig
from tests.unit.facets.configuration.starts import Scripts, commands, start_of

EXEC = 'exec "$@"\n'
OFFICIAL = '#!/bin/bash\nset -eo pipefail\nif [ "${1:0:1}" = \'-\' ]; then\n\tset -- nginx "$@"\nfi\n' + EXEC


@pytest.mark.parametrize(
    "cmd",
    [
        "nginx -c x",
        "/usr/sbin/nginx -c x",
        "tini -- nginx -c x",
        "/sbin/tini -v -e 143 nginx -c x",
        "dumb-init --rewrite 15:3 nginx -c x",
        "dumb-init -c nginx -c x",
        "gosu www nginx -c x",
        "su-exec www:www nginx -c x",
        "setpriv --reuid=33 --clear-groups nginx -c x",
        "setpriv --reuid 33 nginx -c x",
        "env -i A=1 -u B nginx -c x",
        "nice -n 5 nohup nginx -c x",
        "timeout -k 5 10 nginx -c x",
        "s6-setuidgid www nginx -c x",
        "start-stop-daemon --start --exec /usr/sbin/nginx -- -c x",
        "sudo -E -u www nginx -c x",
        "runuser -u www -- nginx -c x",
        "runuser www -c 'nginx -c x'",
        "su - www -s /bin/sh -c 'exec nginx -c x'",
        "sh -c 'nginx -c x'",
        "bash -lec 'nginx -c x'",
        "bash -eo pipefail -c 'nginx -c x'",
        "busybox sh -c 'nginx -c x'",
        "sh -c 'exec nginx \"$@\"' -- -c x",
        "sh -c 'nginx \"$1\" x' sh -c",
        "wait-for-it.sh db:1 -t 3 -- nginx -c x",
        "dockerize -wait tcp://a:1 -timeout 3s nginx -c x",
    ],
)
def test_what_stands_before_a_program_is_passed_over(cmd: str) -> None:
    start = start_of(cmd)
    assert commands(start) == ["nginx -c x"]
    assert start.untold == ()


@pytest.mark.parametrize(
    ("sh", "expected"),
    [
        ("nginx -g 'daemon off;'", ["nginx -g 'daemon off;'"]),
        ('nginx -g "daemon off;" # off', ["nginx -g 'daemon off;'"]),
        ("A=x; nginx -c $A", ["nginx -c x"]),
        ("A=x; nginx -c ${A}.conf", ["nginx -c x.conf"]),
        ('export A=x && exec nginx -c "$A"', ["nginx -c x"]),
        ("nginx -c ${A:-x}", ["nginx -c x"]),
        ("nginx ${A:+-c x}", ["nginx"]),
        ("A='-c x'; nginx $A", ["nginx -c x"]),
        ("nginx -c a && sshd -D || true", ["nginx -c a", "sshd -D"]),
        ("true || nginx; sshd", ["sshd"]),
        ("false && nginx; sshd", ["sshd"]),
        ("if true; then nginx; else sshd; fi", ["nginx"]),
        ("if grep -q x /y; then nginx; else sshd; fi", ["nginx", "sshd"]),
        ("[ a = b ] && nginx; sshd", ["sshd"]),
        ('[ -n "$A" ] && A=1; sshd', ["sshd"]),
        ("case a.b in *.b) nginx;; *) sshd;; esac", ["nginx"]),
        ("for i in 1 2; do nginx -c $i; done", ["nginx -c 1", "nginx -c 2"]),
        ("while sleep 1; do sshd -D; done", ["sshd -D"]),
        ("(cd /; nginx &) ; sshd", ["nginx", "sshd"]),
        ('f() { nginx "$@"; return; sshd; }; f -c x', ["nginx -c x"]),
        ("nginx | tee /tmp/log", ["nginx"]),
        ("cat <<EOF >/tmp/x\nsshd\nEOF\nnginx 2>&1 >/dev/null", ["nginx"]),
        ("nginx \\\n  -c x", ["nginx -c x"]),
        ("$(which nginx) -c x", ["nginx -c x"]),
        ("! nginx", ["nginx"]),
        ("exec -a name nginx -c x", ["nginx -c x"]),
        ("eval 'nginx -c x'", ["nginx -c x"]),
        ("command nginx; exit; sshd", ["nginx"]),
        ("[[ a == a* && ! b == c ]] && nginx", ["nginx"]),
        ('set -- -c x; exec nginx "$@"', ["nginx -c x"]),
        ('set -- a -c x; shift; exec nginx "$@"', ["nginx -c x"]),
        ('set -- a b -c x; exec nginx "${@:3}"', ["nginx -c x"]),
    ],
)
def test_a_shell_is_followed(sh: str, expected: list[str]) -> None:
    start = start_of(sh=sh)
    assert commands(start) == expected
    assert all(command.is_known for command in start.commands)
    assert start.untold == ()


@pytest.mark.parametrize(
    "sh",
    [
        "nginx -c $A",
        "A=x nginx -c $A",
        "nginx -c $(cat /x)",
        "nginx -c `cat /x`",
        "read A; nginx -c $A",
        "nginx -c ${A#x}",
        "A=(x); nginx ${A[@]}",
        "nginx -c <(x)",
    ],
)  # fmt: skip
def test_an_argument_that_is_not_known_is_told(sh: str) -> None:
    assert [command.is_known for command in start_of(sh=sh).commands] == [False]


@pytest.mark.parametrize(
    ("sh", "programs"),
    [
        ("exec $A", set()),
        ("$A -c x", set()),
        ('eval "nginx $A"', {"nginx"}),
        ("nginx 'x", {"nginx"}),
        ("if true; then nginx", {"nginx"}),
        ("sh /not/there.sh", set()),
        ("exec /not/there", set()),
        ("env -S 'nginx -c x'", {"nginx"}),
        ("exec chroot /x nginx -c x", {"nginx"}),
        ("exec multirun 'nginx -c x' 'sshd -D'", {"nginx", "sshd"}),
    ],
)
def test_what_cannot_be_followed_is_told_of_the_programs_that_are_named(sh: str, programs: set[str]) -> None:
    (untold,) = start_of(sh=sh).untold
    assert untold.programs == programs
    assert untold.path == "CMD"


def test_a_program_goes_by_its_own_name() -> None:
    assert commands(start_of("/web -c x", {"/web": ""})) == ["nginx -c x"]


def test_what_a_script_reads_that_was_not_kept_may_set_anything() -> None:
    (command,) = start_of(sh="A=x; . /lib; nginx -c $A").commands
    assert not command.is_known


def test_a_program_that_is_not_known_is_no_matter_where_a_known_one_takes_its_place() -> None:
    assert start_of(sh='"$HELPER"; exec nginx').untold == ()


@pytest.mark.parametrize(
    ("cmd", "expected"),
    [("nginx -c x", ["nginx -c x"]), ("-c x", ["nginx -c x"]), ("sshd -D", ["sshd -D"]), ("", [])],
)
def test_an_entrypoint_is_given_cmd(cmd: str, expected: list[str]) -> None:
    start = start_of(cmd, {"/e.sh": OFFICIAL}, entrypoint="/e.sh")
    assert commands(start) == expected


def test_words_keep_the_place_where_they_are_written() -> None:
    script = '#!/bin/sh\nset -e\nexec nginx -g x "$@"\n'
    (command,) = start_of("-c y", {"/e.sh": script}, entrypoint="/e.sh").commands
    assert [(word.text, word.path, word.line) for word in command.arguments] == [
        ("-g", "/e.sh", 3), ("x", "/e.sh", 3), ("-c", "CMD", 0), ("y", "CMD", 0),
    ]  # fmt: skip
    assert (command.path, command.line, command.is_exec) == ("/e.sh", 3, True)
    (command,) = start_of(sh="nginx -c $A", env=("A=z",)).commands
    assert [word.path for word in command.arguments] == ["CMD", "ENV"]


@pytest.mark.parametrize(
    "sh", ["unset A; exec nginx", "exec env -i B=1 nginx", "A=$(date) nginx", "export A=; A=$(date); nginx"]
)
def test_a_variable_that_the_start_takes_away_is_not_known(sh: str) -> None:
    assert start_of(sh=sh, env=("A=1",)).environment["A"].text is None


def test_a_variable_is_what_the_program_is_given() -> None:
    start = start_of(sh="export A=2 D=5; B=3 nginx; env C=4 sshd", env=("A=1",))
    assert {name: (word.text, word.path) for name, word in start.environment.items()} == {
        "A": ("2", "CMD"),
        "B": ("3", "CMD"),
        "C": ("4", "CMD"),
        "D": ("5", "CMD"),
    }


def test_scripts_are_followed_through_others() -> None:
    files = {
        "/usr/local/bin/first": '#!/usr/bin/env bash\n. /lib.sh\nexec /work/second "$NAME" "$@"\n',
        "/lib.sh": "#!/bin/sh\nNAME=a\nexport CONF=/c\n",
        "/work/second": '#!/bin/sh\nshift\nif [ "$(id -u)" = 0 ]; then exec gosu x "$0" a "$@"; fi\nexec nginx -c "$CONF" "$@"\n',
    }
    start = start_of("first -q", files)
    assert commands(start) == ["nginx -c /c -q"]
    assert start.untold == ()
    assert start.environment["CONF"].text == "/c"


def test_both_ways_are_gone_where_a_condition_is_not_known() -> None:
    script = "#!/bin/sh\nif [ -f /x ]; then set -- nginx -c a; elif [ -f /y ]; then set -- sshd; fi\n" + EXEC
    assert commands(start_of("nginx", {"/e": script}, entrypoint="/e")) == ["nginx -c a", "sshd", "nginx"]


def test_what_scripts_write_to_is_noted() -> None:
    script = "#!/bin/sh\necho x >> /a\nsed -i s/x/y/ /b /c\nsed s/x/y/ /d\ncat /e | tee -a /f\ncp /g /h\nexec nginx\n"
    start = start_of("/s", {"/s": script})
    assert {path: place[1] for path, place in start.written.items()} == {
        "/a": 2,
        "/b": 3,
        "/c": 3,
        "/f": 5,
        "/g": 6,
        "/h": 6,
    }


def test_a_health_check_is_followed() -> None:
    config = ImageConfig(healthcheck=HealthCheck(test=("CMD-SHELL", "sshd -t || exit 1")))
    (command,) = read_start(config, Scripts({}), lambda name: name == "sshd").commands
    assert (command.path, [word.text for word in command.arguments]) == ("HEALTHCHECK", ["-t"])
    config = ImageConfig(healthcheck=HealthCheck(test=("NONE",)))
    assert read_start(config, Scripts({}), lambda name: True).commands == ()


@pytest.mark.parametrize(
    ("cmd", "files", "expected"),
    [
        ("/init", {"/init": "#!/bin/execlineb -P\n", "/etc/services.d/a/run": "#!/bin/sh\nexec nginx -c x\n"}, ["nginx -c x"]),
        ("/init nginx -c x", {"/init": ""}, ["nginx -c x"]),
        (
            "/init",
            {"/init": "", "/etc/s6-overlay/s6-rc.d/a/run": "#!/command/execlineb -P\nwith-contenv\ns6-setuidgid www\nnginx -c x\n"},
            ["nginx -c x"],
        ),
        ("s6-svscan /s", {"/s/a/run": "#!/bin/sh\nexec nginx -c x\n"}, ["nginx -c x"]),
        ("runsvdir -P /s", {"/s/a/run": "#!/bin/sh\nexec nginx -c x\n"}, ["nginx -c x"]),
        ("my_init -- nginx -c y", {"/etc/service/a/run": "#!/bin/sh\nexec nginx -c x\n"}, ["nginx -c x", "nginx -c y"]),
        (
            "supervisord -n -c /s.conf",
            {
                "/s.conf": "[program:a]\ncommand = nginx -c x ; no\n[include]\nfiles = /d/*.conf\n",
                "/d/b.conf": "[program:b]\ncommand=sshd -D\n",
            },
            ["nginx -c x", "sshd -D"],
        ),
        ("/sbin/init", {"/etc/systemd/system/a.wants/b.service": "[Service]\nExecStart=-/usr/sbin/sshd -D -o X=1\n"}, ["sshd -D -o X=1"]),
        ("service nginx start", {"/etc/default/nginx": "DAEMON_OPTS=''\n"}, []),
    ],
)  # fmt: skip
def test_supervisors_start_what_they_are_set_up_with(cmd: str, files: Mapping[str, str], expected: list[str]) -> None:
    start = start_of(cmd, files)
    assert commands(start) == expected
    assert start.untold == ()


@pytest.mark.parametrize(
    ("cmd", "files"),
    [
        ("supervisord", {}),
        ("supervisord -c /s", {"/s": "[program:a]\ncommand = nginx 'x\n"}),
        ("supervisord -c /s", {"/s": "[program:a]\nenvironment = OPENSSL_CONF=/x\n"}),
        ("s6-svscan /s", {"/s/a/run": "#!/bin/execlineb -P\nforeground { nginx }\nsshd\n"}),
        ("/run.py", {"/run.py": "#!/usr/bin/python3\nos.execvp('nginx', a)\n"}),
    ],
)
def test_supervisors_that_are_not_understood_are_told(cmd: str, files: Mapping[str, str]) -> None:
    start = start_of(cmd, files)
    assert start.commands == ()
    assert len(start.untold) == 1


def test_a_program_in_another_language_that_names_none_is_no_matter() -> None:
    start = start_of("/run.py", {"/run.py": "#!/usr/bin/python3\nprint('started')\n"})
    assert (start.commands, start.untold) == ((), ())


def test_a_service_with_options_of_its_own_is_not_known() -> None:
    (command,) = start_of("service ssh start", {"/etc/default/ssh": "# options\nSSHD_OPTS='-o X=1'\n"}).commands
    assert (command.program, command.is_known) == ("sshd", False)


def test_what_starts_itself_has_an_end() -> None:
    assert start_of("/e", {"/e": '#!/bin/sh\nexec /e "$@" x\n'}).untold[0].reason.startswith("so many programs")
    assert start_of(sh="f() { f; }; f; nginx").untold[0].reason.startswith("its functions call")
    assert start_of(sh="true; " * 6000).untold[0].reason.startswith("its scripts run more")
    assert start_of(sh="(" * 60 + "nginx" + ")" * 60).untold[0].reason.startswith("its script is not understood")
    assert start_of(sh="[ " + "! " * 500 + "a ] && nginx").untold == ()


@given(st.text(alphabet="nginx if;then fi do done case esac {}()[]<>|&$'\"`\\#=-:%/*@!1a\n\t", max_size=120))
def test_no_script_breaks_anything(text: str) -> None:
    start = start_of("-c x", {"/e": f"#!/bin/sh\n{text}"}, entrypoint="/e")
    assert all(command.program in ("nginx", "sshd") for command in start.commands)


@given(st.lists(st.text(max_size=12), max_size=8), st.lists(st.text(max_size=12), max_size=4))
def test_no_command_breaks_anything(words: list[str], env: list[str]) -> None:
    for first in ("sh", "env", "tini", "su", "supervisord", "service", "start-stop-daemon", "nginx"):
        config = ImageConfig(cmd=(first, *words), env=tuple(env))
        assert read_start(config, Scripts({}), lambda name: name == "nginx").written == {}
