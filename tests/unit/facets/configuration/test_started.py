"""What programs are started with counts as they let it count: which file they read, and what wins over files."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from importlib import import_module

import pytest

from hullmark.model.image import ImageConfig
from hullmark.model.setting import Value
from tests.support.configuration import ReadSettings, read_settings

Place = tuple[Value, str]
"""A value, and the path where it is set."""

NGINX = {"etc/nginx/nginx.conf": "user a;\nhttp { server_tokens on; }\n", "srv/n.conf": "http { server_tokens off; }\n"}
SSHD = {"etc/ssh/sshd_config": "Port 22\nPort 24\nPermitRootLogin no\nMatch all\nX11Forwarding no\n"}
APACHE = {
    "etc/apache2/apache2.conf": "ServerTokens Prod\nTimeout ${T}\n",
    "srv/root/conf/httpd.conf": "ServerTokens Min\n",
}
PHP = {
    "usr/local/etc/php/php.ini": "expose_php = Off\n",
    "usr/local/etc/php/conf.d/a.ini": "expose_php = Off\n",
    "usr/local/etc/php-fpm.conf": "[www]\nuser = www\nlisten = 9000\npm = ondemand\npm.max_children = 3\n",
    "srv/p.ini": "expose_php = On\n",
}
REDIS = {"srv/r.conf": "port 1\n", "srv/i.conf": "port 5\n"}
MYSQL = {"etc/my.cnf": "[mysqld]\nport=1\n", "srv/m.cnf": "[mysqld]\nport=2\n"}
POSTGRESQL = {"d/postgresql.conf": "port = 1\n", "d/pg_hba.conf": "local all all trust\n", "srv/p.conf": "port = 2\n"}
JAVA = {"opt/java/conf/security/java.security": "a.b=1\nc.d=2\n", "srv/j": "", "srv/j.properties": "a.b=3\n"}
OPENSSL = {"etc/ssl/openssl.cnf": "a = 1\n", "srv/o.cnf": "a = 2\n"}
PIP = {
    "etc/pip.conf": "[global]\nindex-url = https://a\n[install]\nindex-url = https://b\n",
    "srv/pip.conf": "[global]\nindex-url = https://c\n",
}
NPM = {
    "root/.npmrc": "registry=https://a\n",
    "app/.npmrc": "registry=https://b\n",
    "srv/npm.conf": "registry=https://c\n",
}

CASES: list[tuple[str, Mapping[str, str], str, str, dict[str, Place]]] = [
    ("nginx", NGINX, "nginx -c /srv/n.conf", "", {"nginx.http.server_tokens": ("off", "/srv/n.conf")}),
    ("nginx", NGINX, "nginx -t -c /srv/n.conf", "", {"nginx.http.server_tokens": ("on", "/etc/nginx/nginx.conf")}),
    ("nginx", NGINX, "nginx -p /srv -c n.conf", "", {"nginx.http.server_tokens": ("off", "/srv/n.conf")}),
    ("nginx", NGINX, "nginx -c nginx.conf", "", {"nginx.user": ("a", "/etc/nginx/nginx.conf")}),
    (
        "nginx",
        NGINX,
        "nginx -g 'daemon off;'",
        "",
        {"nginx.daemon": (False, "CMD"), "nginx.user": ("a", "/etc/nginx/nginx.conf")},
    ),
    (
        "nginx",
        NGINX,
        "openresty -c /srv/n.conf",
        "",
        {"nginx[/etc/nginx/nginx.conf].user": ("a", "/etc/nginx/nginx.conf")},
    ),
    ("sshd", SSHD, "sshd -p 2222", "", {"sshd.Port": (("2222",), "CMD")}),
    ("sshd", SSHD, "sshd -o Port=2222", "", {"sshd.Port": (("2222", "22", "24"), "CMD")}),
    ("sshd", SSHD, "sshd -o PermitRootLogin=yes", "", {"sshd.PermitRootLogin": ("yes", "CMD")}),
    ("sshd", SSHD, "sshd -o X11Forwarding=yes", "", {"sshd.X11Forwarding": (False, "/etc/ssh/sshd_config")}),
    (
        "sshd",
        SSHD,
        "sshd -f none -o UseDNS=yes -4",
        "",
        {"sshd.UseDNS": (True, "CMD"), "sshd.AddressFamily": ("inet", "CMD")},
    ),
    ("sshd", {}, "sshd -f none", "", {"sshd.PermitRootLogin": ("prohibit-password", "")}),
    (
        "apache",
        APACHE,
        "apachectl -k start -C 'ServerTokens Full'",
        "T=5",
        {"apache.ServerTokens": ("Prod", "/etc/apache2/apache2.conf")},
    ),
    (
        "apache",
        APACHE,
        "httpd-foreground -c 'ServerTokens Full'",
        "T=5",
        {"apache.ServerTokens": ("Full", "CMD"), "apache.Timeout": (5, "/etc/apache2/apache2.conf")},
    ),
    ("apache", APACHE, "httpd -d /srv/root", "", {"apache.ServerTokens": ("Minimal", "/srv/root/conf/httpd.conf")}),
    ("apache", APACHE, "httpd -D A -D B=c", "T=5", {"apache.defines": (("A", "B"), "")}),
    ("php", PHP, "php -c /srv/p.ini x", "PHP_INI_SCAN_DIR=", {"php.cli.expose_php": (True, "/srv/p.ini")}),
    (
        "php",
        PHP,
        "php -n -d expose_php=off -d a='1 2' x",
        "",
        {"php.cli.expose_php": (False, "CMD"), "php.cli.a": ("1 2", "CMD")},
    ),
    (
        "php",
        {**PHP, "usr/local/etc/php/php.ini": "log_errors = ${LOG}\n"},
        "php x",
        "LOG=on",
        {"php.cli.log_errors": (True, "/usr/local/etc/php/php.ini")},
    ),
    (
        "php",
        PHP,
        "php-fpm8.4 -d expose_php=1",
        "LOG=",
        {"php.fpm.expose_php": (True, "CMD"), "php.cli.expose_php": (False, "/usr/local/etc/php/conf.d/a.ini")},
    ),
    ("php", {"srv/p.ini": "a=1\n"}, "php -c /srv/p.ini x", "", {"php.cli.a": ("1", "/srv/p.ini")}),
    (
        "redis",
        REDIS,
        "redis-server /srv/r.conf --port 2 --save '60 1' --bind a b",
        "",
        {"redis.server[/srv/r.conf].port": (2, "CMD"), "redis.server[/srv/r.conf].bind": (("a", "b"), "CMD")},
    ),
    ("redis", REDIS, "redis-server --include /srv/i.conf", "", {"redis.server[CMD].port": (5, "/srv/i.conf")}),
    ("redis", REDIS, "redis-server --requirepass secret", "", {"redis.server[CMD].requirepass": ("***", "CMD")}),
    (
        "redis",
        REDIS,
        "redis-server /srv/r.conf --sentinel",
        "",
        {"redis.sentinel[/srv/r.conf].port": (1, "/srv/r.conf")},
    ),
    (
        "mysql",
        MYSQL,
        "mysqld --port 5 -u root --skip-log-bin",
        "",
        {"mysql.server.port": (5, "CMD"), "mysql.server.user": ("root", "CMD"), "mysql.server.log_bin": (False, "CMD")},
    ),
    ("mysql", MYSQL, "mysqld --defaults-file=/srv/m.cnf", "", {"mysql.server.port": (2, "/srv/m.cnf")}),
    ("mysql", MYSQL, "mysqld --defaults-extra-file=/srv/m.cnf -P7", "", {"mysql.server.port": (7, "CMD")}),
    ("mysql", MYSQL, "mysqld --no-defaults", "", {"mysql.server.port": (3306, "")}),
    ("mysql", MYSQL, "mysqld --initialize --port=9", "", {"mysql.server.port": (1, "/etc/my.cnf")}),
    (
        "postgresql",
        POSTGRESQL,
        "postgres -D /d -p 3",
        "",
        {
            "postgresql.cluster[/d].port": (3, "CMD"),
            "postgresql.cluster[/d].hba[0].method": ("trust", "/d/pg_hba.conf"),
        },
    ),
    ("postgresql", POSTGRESQL, "postgres -c port=4", "PGDATA=/d", {"postgresql.cluster[/d].port": (4, "CMD")}),
    (
        "postgresql",
        POSTGRESQL,
        "postgres -D /d --config-file=/srv/p.conf",
        "",
        {"postgresql.cluster[/srv].port": (2, "/srv/p.conf")},
    ),
    ("postgresql", POSTGRESQL, "pg_ctl -D /d -o '-p 6' start", "", {"postgresql.cluster[/d].port": (6, "CMD")}),
    (
        "java_security",
        JAVA,
        "java -Djava.security.properties=/srv/j.properties -jar a",
        "",
        {
            "java.security[/opt/java/conf/security/java.security].a.b": (3, "/srv/j.properties"),
            "java.security[/opt/java/conf/security/java.security].c.d": (2, "/opt/java/conf/security/java.security"),
        },
    ),
    (
        "java_security",
        JAVA,
        "java -Da=b -cp x -Dpassword=c Main -Dd=e",
        "JAVA_TOOL_OPTIONS=-Xmx1g",
        {
            "java.options": (("-Xmx1g", "-Da=b", "-cp", "-Dpassword=***"), "CMD"),
            "java.property[a]": ("b", "CMD"),
            "java.property[password]": ("***", "CMD"),
        },
    ),
    ("java_security", JAVA, "java -Da=b Main", "_JAVA_OPTIONS=-Da=c", {"java.property[a]": ("c", "ENV")}),
    ("openssl", OPENSSL, "x", "OPENSSL_CONF=/srv/o.cnf", {"openssl.default.a": (2, "/srv/o.cnf")}),
    (
        "pip",
        PIP,
        "x",
        "PIP_INDEX_URL=http://d",
        {"pip.global.index-url": ("http://d", "ENV"), "pip.install.index-url": ("http://d", "ENV")},
    ),
    ("pip", PIP, "x", "PIP_CONFIG_FILE=/srv/pip.conf", {"pip.global.index-url": ("https://c", "/srv/pip.conf")}),
    ("pip", {}, "x", "PIP_TRUSTED_HOST=a b", {"pip.global.trusted-host": (("a", "b"), "ENV")}),
    (
        "npm",
        NPM,
        "x",
        "NPM_CONFIG_REGISTRY=http://d",
        {"npm.registry": ("http://d", "ENV"), "npm.project[/app].registry": ("http://d", "ENV")},
    ),
    ("npm", NPM, "x", "npm_config_userconfig=/srv/npm.conf", {"npm.registry": ("https://c", "/srv/npm.conf")}),
    ("npm", NPM, "x", "npm_config_strict_ssl=false", {"npm.strict-ssl": (False, "ENV")}),
    (
        "loader",
        {"etc/ld.so.preload": "/a.so\n"},
        "x",
        "LD_PRELOAD=/b.so:/c.so",
        {"ld.preload": (("/b.so", "/c.so", "/a.so"), "ENV")},
    ),
    ("loader", {}, "x", "LD_LIBRARY_PATH=/a:/b", {"ld.library_path": (("/a", "/b"), "ENV")}),
]


def read(module: str, files: Mapping[str, str], cmd: str, env: str = "") -> ReadSettings:
    """The settings of a parser in an image that is started so."""
    parser = import_module(f"hullmark.facets.configuration.{module}").PARSER
    return read_settings(parser, files, config=ImageConfig(cmd=tuple(shlex.split(cmd)), env=(env,) if env else ()))


@pytest.mark.parametrize(
    ("module", "files", "cmd", "env", "expected"), CASES, ids=lambda case: case if isinstance(case, str) else ""
)
def test_a_start_counts(
    module: str, files: Mapping[str, str], cmd: str, env: str, expected: Mapping[str, Place]
) -> None:
    found = read(module, files, cmd, env)
    placed = {setting.key: (setting.value, setting.path) for setting in found.settings}
    assert {key: placed.get(key) for key in expected} == expected
    assert [problem for problem in found.problems if "variable T" not in problem[1]] == []


@pytest.mark.parametrize(
    ("module", "files", "cmd", "env", "reason"),
    [
        ("nginx", NGINX, "nginx -c /no", "", "CMD: nginx is started with /no, which is not in the image"),
        ("nginx", NGINX, "nginx -c etc/x", "", "CMD: where etc/x lies, which nginx is started with, is not known"),
        (
            "nginx",
            NGINX,
            "nginx -g 'user b;'",
            "",
            'CMD: nginx refuses to start: it is given "user" on its command line and in a file',
        ),
        (
            "nginx",
            NGINX,
            "sh -c 'nginx -c /srv/n.conf; nginx'",
            "",
            "CMD: nginx is started in more than one way; the first one counts",
        ),
        ("nginx", NGINX, "sh -c 'nginx -c $A'", "", "CMD: nginx is started with an argument that is not known"),
        (
            "nginx",
            NGINX,
            "sh -c 'exec $A'",
            "",
            "CMD: how the image starts it is not known: the name of the program that it runs in the end is not known",
        ),
        (
            "nginx",
            NGINX,
            "sh -c 'cd /x; nginx -p y -c z'",
            "",
            "CMD: where z lies, which nginx is started with, is not known",
        ),
        (
            "nginx",
            NGINX,
            "sh -c 'echo > /etc/nginx/nginx.conf; nginx'",
            "",
            "CMD: /etc/nginx/nginx.conf is changed before the image's program is started",
        ),
        ("nginx", {}, "nginx", "", "CMD: nginx is started, and its configuration is not where it is looked for"),
        ("php", {}, "php x", "", "CMD: it is started, and where it looks for php.ini is not known"),
        ("sshd", {}, "sshd", "", "CMD: sshd is started, and /etc/ssh/sshd_config is not in the image"),
        ("apache", APACHE, "httpd -d /no", "T=1", "CMD: no configuration of httpd is known in /no"),
        ("php", PHP, "php x", "PHP_INI_SCAN_DIR=/no", "ENV: PHP_INI_SCAN_DIR names /no, which is not in the image"),
        ("php", PHP, "php x", "PHPRC=/no", "ENV: PHPRC names a place that is not in the image, or is not known"),
        ("redis", REDIS, "redis-server -", "", "CMD: what it is given on its standard input is not known"),
        (
            "mysql",
            MYSQL,
            "mysqld --defaults-group-suffix=x",
            "",
            "CMD: groups with a suffix, as it is started with, are not read",
        ),
        (
            "mysql",
            MYSQL,
            "mysqld --skip-grant",
            "",
            "CMD: skip_grant may be a shortened name, and is not taken for one",
        ),
        (
            "postgresql",
            POSTGRESQL,
            "postgres",
            "",
            "CMD: the cluster that postgres is started with is not in the image: what sets it up is not known",
        ),
        (
            "postfix",
            {"etc/postfix/main.cf": ""},
            "postfix -c /x start-fg",
            "",
            "CMD: it is started with another folder than /etc/postfix, which is not read",
        ),
        (
            "postfix",
            {"etc/postfix/main.cf": ""},
            "sh -c 'postconf -e a=b; postfix start'",
            "",
            "CMD: postconf changes its files before it is started",
        ),
        (
            "postfix",
            {"etc/postfix/main.cf": ""},
            "postfix start",
            "MAIL_CONFIG=/x",
            "ENV: MAIL_CONFIG names another folder than /etc/postfix, which is not read",
        ),
        (
            "java_security",
            JAVA,
            "java @/args Main",
            "",
            "CMD: the options of a file that Java is started with are not read: @/args",
        ),
        (
            "java_security",
            JAVA,
            "java -Djava.security.properties=/no Main",
            "",
            "CMD: it names a file of security properties that is not in the image, or is not known",
        ),
        (
            "openssl",
            OPENSSL,
            "x",
            "OPENSSL_CONF=/no",
            "ENV: OPENSSL_CONF names a file that is not in the image, or is not known",
        ),
        (
            "pip",
            PIP,
            "x",
            "PIP_CONFIG_FILE=/no",
            "ENV: PIP_CONFIG_FILE names a file that is not in the image, or is not known",
        ),
        (
            "npm",
            NPM,
            "x",
            "npm_config_globalconfig=/no",
            "ENV: npm_config_globalconfig names a file that is not in the image, or is not known",
        ),
    ],
)
def test_what_is_not_known_of_a_start_is_a_problem(
    module: str, files: Mapping[str, str], cmd: str, env: str, reason: str
) -> None:
    assert {problem[1] for problem in read(module, files, cmd, env).problems} == {reason}


def test_a_server_that_only_prepares_data_does_not_count() -> None:
    script = '#!/bin/sh\n"$@" --skip-networking --port=9 --socket=$(mktemp) &\nwait\nexec "$@"\n'
    parser = import_module("hullmark.facets.configuration.mysql").PARSER
    config = ImageConfig(entrypoint=("/e",), cmd=("mysqld", "--port=2"))
    found = read_settings(parser, {**MYSQL, "e": script}, config=config)
    assert (found.values["mysql.server.port"], found.problems) == (2, [])
