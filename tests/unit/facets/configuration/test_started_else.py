"""Starts that are rarer: options of other forms, variables that nobody knows, and configuration that is not where it is looked for."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hullmark.facets.configuration.facet import FACET
from hullmark.facets.kept import KEPT
from hullmark.facets.view import ImageView
from hullmark.model.image import ImageConfig
from hullmark.model.setting import Value
from hullmark.rootfs.squash import squash
from tests.support.layers import TarBuilder, records
from tests.unit.facets.configuration.test_started import JAVA, MYSQL, NPM, PHP, PIP, read

CLUSTER = {"etc/postgresql/17/main/postgresql.conf": "port = 1\n"}


@pytest.mark.parametrize(
    ("module", "files", "cmd", "env", "expected"),
    [
        ("nginx", {"srv/n/conf/nginx.conf": "user a;\n"}, "nginx -p /srv/n", "", {"nginx.user": "a"}),
        (
            "postgresql",
            CLUSTER,
            "postgres --config-file=/etc/postgresql/17/main/postgresql.conf",
            "",
            {"postgresql.cluster[17/main].port": 1},
        ),
        ("pip", PIP, "x", "PIP_CONFIG_FILE=/dev/null", {"pip.global.index-url": None}),
        ("npm", NPM, "x", "NPM_CONFIG_=https://d", {"npm.registry": "https://a"}),
        ("npm", NPM, "x", "npm_config_registry=", {"npm.registry": "https://a"}),
        ("loader", {}, "x", "LD_LIBRARY_PATH=", {"ld.library_path": ()}),
        ("mysql", MYSQL, "mysqld --loose-skip-log-bin", "", {"mysql.server.log_bin": False}),
        (
            "java_security",
            {**JAVA, "opt/java/conf/security/java.security": "a.b=1\nsecurity.overridePropertiesFile=false\n"},
            "java -Djava.security.properties=/srv/j.properties -jar a",
            "",
            {"java.security[/opt/java/conf/security/java.security].a.b": 1},
        ),
        ("postfix", {"etc/postfix/main.cf": "myhostname = $a.b\nmydestination = $mydomain\n"}, "x", "", {
            "postfix.main.mydestination": ("$mydomain",)
        }),
        ("sshd", {"etc/ssh/sshd_config": "Port 7\n"}, "sshd -f none", "", {"sshd.Port": ("22",)}),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)  # fmt: skip
def test_a_start_of_a_rarer_form_counts(
    module: str, files: Mapping[str, str], cmd: str, env: str, expected: Mapping[str, Value]
) -> None:
    found = read(module, files, cmd, env)
    assert {key: found.values.get(key) for key in expected} == expected
    assert found.problems == []


@pytest.mark.parametrize(
    ("module", "files", "cmd", "env", "reason"),
    [
        (
            "nginx",
            {},
            "nginx -p /srv/n",
            "",
            "CMD: nginx is started with /srv/n/conf/nginx.conf, which is not in the image",
        ),
        ("apache", {}, "httpd", "", "CMD: httpd is started, and its configuration is not in the image"),
        (
            "postgresql",
            CLUSTER,
            "pg_ctl -D /etc/postgresql/17/main -o \"-p '6\" start",
            "",
            "CMD: the options that pg_ctl gives the server are not understood",
        ),
        (
            "postfix",
            {"etc/postfix/main.cf": ""},
            "sh -c 'postfix -v $X start-fg'",
            "",
            "CMD: postfix is started with an argument that is not known",
        ),
        ("php", PHP, "php -d 'a b=1' x", "", "CMD: line 1: this is not a setting, and is left out"),
        ("php", PHP, "sh -c 'php x; php -n y'", "", "CMD: php is started in more than one way; the first one counts"),
        ("php", PHP, "sh -c 'PHP_INI_SCAN_DIR=$(x) php y'", "", "CMD: PHP_INI_SCAN_DIR is set to what is not known"),
        ("mysql", MYSQL, "mysqld x -P 3", "", "CMD: x, which the server is started with, is not known"),
        (
            "mysql",
            MYSQL,
            "mysqld",
            "MYSQL_GROUP_SUFFIX=a",
            "ENV: groups with a suffix, as MYSQL_GROUP_SUFFIX asks for them, are not read",
        ),
        ("java_security", JAVA, "java -jar a", "JAVA_TOOL_OPTIONS=-Da='b", "ENV: JAVA_TOOL_OPTIONS is set to what is not known"),
        (
            "java_security",
            JAVA,
            "sh -c 'JAVA_TOOL_OPTIONS=$(x) java -jar a'",
            "",
            "CMD: JAVA_TOOL_OPTIONS is set to what is not known",
        ),
    ],
)  # fmt: skip
def test_what_is_not_known_of_a_rarer_start_is_a_problem(
    module: str, files: Mapping[str, str], cmd: str, env: str, reason: str
) -> None:
    assert {problem[1] for problem in read(module, files, cmd, env).problems} == {reason}


def test_a_variable_that_a_script_sets_to_what_nobody_knows_is_told_of_every_program_that_reads_it() -> None:
    script = b"#!/bin/sh\nexport PIP_TIMEOUT=$(x) NPM_CONFIG_CACHE=$(y) LD_PRELOAD=`z`\nexec nginx\n"
    tar = TarBuilder().add("e", script).add("etc/pip.conf", b"[global]\ntimeout=5\n").add("etc/nginx/nginx.conf", b"")
    made = records([tar.done()], (KEPT,))
    view = ImageView(squash(made), made, None, ImageConfig(entrypoint=("/e",)), "configuration")
    FACET.assemble(view)
    assert [(problem.path, problem.reason) for problem in view.problems] == [
        ("/e", "line 2: a variable of the loader is set to what is not known"),
        ("/e", "line 2: NPM_CONFIG_CACHE is set to what is not known"),
        ("/e", "line 2: PIP_TIMEOUT is set to what is not known"),
    ]


def test_a_start_script_that_is_too_large_and_files_that_other_programs_read_are_told_apart() -> None:
    script = "#!/bin/sh\necho a >/etc/other.conf\necho b >>/etc/nginx/nginx.conf\nexec nginx\n"
    found = read("nginx", {"etc/nginx/nginx.conf": "user a;\n", "e": script}, "/e")
    assert found.problems == [("/e", "line 3: /etc/nginx/nginx.conf is changed before the image's program is started")]
    found = read("nginx", {"etc/nginx/nginx.conf": "user a;\n", "e": "#!/bin/sh\n" + "#" * 300_000}, "/e nginx")
    assert (
        "/",
        "CMD: how the image starts it is not known: the script /e is too large, and what it starts is not known",
    ) in (found.problems)
