"""Defaults that differ between releases: which hold for the packages that are there, and what is not known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration import release_defaults
from hullmark.facets.configuration.apache import PARSER as APACHE
from hullmark.facets.configuration.collected import UnknownDefault
from hullmark.facets.configuration.mysql import PARSER as MYSQL
from hullmark.facets.configuration.nginx import PARSER as NGINX
from hullmark.facets.configuration.parser import Parser
from hullmark.facets.configuration.php import PARSER as PHP
from hullmark.facets.configuration.postgresql import PARSER as POSTGRESQL
from hullmark.facets.configuration.redis import PARSER as REDIS
from hullmark.facets.configuration.release_defaults import DefaultTable
from hullmark.facets.configuration.sshd import PARSER as SSHD
from hullmark.facets.configuration.sudoers import PARSER as SUDOERS
from hullmark.model.inventory import Distro
from hullmark.model.setting import Value
from tests.support.configuration import ReadSettings, read_settings
from tests.unit.policy.building import package

TABLES = [table for table in vars(release_defaults).values() if isinstance(table, DefaultTable)]
_HTTP = {"etc/nginx/nginx.conf": "events {}\nhttp { server { listen 443 ssl; } }\n"}
_SSL = {
    "etc/apache2/apache2.conf": "LoadModule ssl_module mod_ssl.so\n<VirtualHost *:443>\nServerName a\n</VirtualHost>\n"
}
_MYSQL = {"etc/mysql/my.cnf": "[mysqld]\nport = 3306\n"}
_SSHD = {"etc/ssh/sshd_config": "Port 22\n"}
_REDIS = {"etc/redis/redis.conf": "port 6379\n"}
_DATA = {"etc/postgresql/postgresql.conf": "port = 5432\n"}
_PHP = {"usr/local/etc/php/php.ini": "engine = On\n"}
_OLD = ("TLSv1", "TLSv1.1", "TLSv1.2")


def read(parser: Parser, files: dict[str, str], *packages: str, distro: Distro | None = None) -> ReadSettings:
    """Packages are written as deb:nginx:1.26.3-1."""
    there = [package(type, name, version) for type, name, version in (one.split(":", 2) for one in packages)]
    return read_settings(parser, files, packages=there, distro=distro)


@pytest.mark.parametrize(
    ("parser", "files", "packages", "key", "value"),
    [
        (NGINX, _HTTP, ["deb:nginx:1.26.3-3"], "nginx.http.ssl_protocols", (*_OLD, "TLSv1.3")),
        (NGINX, _HTTP, ["deb:nginx:1.27.2-1~bookworm"], "nginx.http.server[0].ssl_protocols", (*_OLD, "TLSv1.3")),
        (NGINX, _HTTP, ["apk:nginx:1.27.3-r0"], "nginx.http.server[0].ssl_protocols", ("TLSv1.2", "TLSv1.3")),
        (NGINX, _HTTP, ["rpm:nginx-core:1:1.20.1-14.el9"], "nginx.http.ssl_protocols", _OLD),
        (NGINX, _HTTP, ["deb:nginx:1.6.2-5"], "nginx.http.ssl_protocols", ("SSLv3", *_OLD)),
        (NGINX, _HTTP, ["deb:openresty:1.27.1.1-1"], "nginx.http.ssl_protocols", (*_OLD, "TLSv1.3")),
        (SSHD, _SSHD, ["deb:openssh-server:1:6.7p1-5"], "sshd.PermitRootLogin", "yes"),
        (SSHD, _SSHD, ["deb:openssh-server:1:9.2p1-2"], "sshd.PermitRootLogin", "prohibit-password"),
        (SSHD, _SSHD, ["apk:openssh-server:9.7_p1-r4"], "sshd.UseDNS", False),
        (APACHE, _SSL, ["deb:apache2-bin:2.4.10-10"], "apache.SSLProtocol", ("SSLv3", *_OLD)),
        (APACHE, _SSL, ["deb:apache2-bin:2.4.25-3"], "apache.virtual_host[0].SSLProtocol", _OLD),
        (APACHE, _SSL, ["deb:apache2:2.4.38-3"], "apache.LimitRequestBody", 0),
        (PHP, _PHP, ["deb:php7.4-cli:7.4.33-1"], "php.cli.display_startup_errors", False),
        (PHP, _PHP, ["apk:php84:8.4.1-r0", "apk:php84-common:8.4.1-r0"], "php.cli.display_startup_errors", True),
        (MYSQL, _MYSQL, ["rpm:mysql-community-server-minimal:5.7.44-1.el7"], "mysql.server.local_infile", True),
        (MYSQL, _MYSQL, ["deb:mysql-community-server:8.0.40-1debian12"], "mysql.server.local_infile", False),
        (MYSQL, _MYSQL, ["deb:mysql-server-core-8.0:8.0.27-0"], "mysql.server.tls_version", (*_OLD, "TLSv1.3")),
        (MYSQL, _MYSQL, ["deb:mariadb-server-core:1:11.8.9+ds-0"], "mysql.server.local_infile", True),
        (POSTGRESQL, _DATA, ["deb:postgresql-13:13.18-1"], "postgresql.cluster[/etc/postgresql].password_encryption", "md5"),
        (POSTGRESQL, _DATA, ["apk:postgresql16:16.4-r0"], "postgresql.cluster[/etc/postgresql].password_encryption", "scram-sha-256"),
        (REDIS, _REDIS, ["deb:redis-server:5:7.0.15-1"], "redis.server[/etc/redis/redis.conf].enable-debug-command", "no"),
        (SUDOERS, {"etc/sudoers": "root ALL=(ALL) ALL\n"}, ["apk:sudo:1.9.15_p5-r0"], "sudoers.defaults.use_pty", True),
    ],
)  # fmt: skip
def test_a_default_is_that_of_the_installed_release(
    parser: Parser, files: dict[str, str], packages: list[str], key: str, value: Value
) -> None:
    found = read(parser, files, *packages)
    assert found.values[key] == value
    assert key not in found.unset
    (setting,) = (setting for setting in found.settings if setting.key == key)
    assert setting.path == ""


@pytest.mark.parametrize(
    ("parser", "files", "packages", "key"),
    [
        (NGINX, _HTTP, [], "nginx.http.ssl_protocols"),
        (NGINX, _HTTP, [], "nginx.http.server[0].ssl_protocols"),
        (NGINX, _HTTP, ["pypi:nginx:1.27.3"], "nginx.http.ssl_protocols"),
        (NGINX, _HTTP, ["deb:nginx:UNKNOWN"], "nginx.http.ssl_protocols"),
        (NGINX, _HTTP, ["deb:nginx:1.26.0", "generic:nginx:1.27.4"], "nginx.http.ssl_protocols"),
        (SSHD, _SSHD, [], "sshd.Ciphers"),
        (APACHE, _SSL, [], "apache.LimitRequestBody"),
        (MYSQL, _MYSQL, [], "mysql.server.local_infile"),
        (MYSQL, _MYSQL, ["deb:mysql-server:8.4.0", "deb:mariadb-server:11.8.1"], "mysql.server.local_infile"),
        (REDIS, _REDIS, ["deb:redis-server:5:6.0.16-1"], "redis.server[/etc/redis/redis.conf].enable-debug-command"),
        (POSTGRESQL, _DATA, [], "postgresql.cluster[/etc/postgresql].password_encryption"),
    ],
)
def test_what_differs_between_the_releases_that_it_may_be_is_not_known(
    parser: Parser, files: dict[str, str], packages: list[str], key: str
) -> None:
    found = read(parser, files, *packages)
    assert key not in found.values
    assert found.unset[key]


def test_what_all_releases_of_today_share_is_known_without_a_package() -> None:
    assert read(SSHD, _SSHD).values["sshd.PermitRootLogin"] == "prohibit-password"
    assert read(APACHE, _SSL).values["apache.SSLProtocol"] == (*_OLD, "TLSv1.3")


def test_what_is_written_counts_and_is_not_unset() -> None:
    files = {"etc/nginx/nginx.conf": "http { ssl_protocols TLSv1.3; server { listen 443 ssl; } }\n"}
    found = read(NGINX, files)
    assert found.values["nginx.http.server[0].ssl_protocols"] == ("TLSv1.3",)
    assert found.unset == {}


def test_a_module_that_is_not_loaded_has_no_settings_and_is_not_unknown() -> None:
    found = read(APACHE, {"etc/apache2/apache2.conf": "ServerName a\n"})
    assert "apache.SSLProtocol" not in found.values
    assert found.unset["apache.SSLProtocol"] == ""


def test_red_hat_lets_root_in_longer_than_others() -> None:
    centos = Distro(id="centos", version_id="7", id_like=("rhel", "fedora"))
    assert read(SSHD, _SSHD, "rpm:openssh-server:7.4p1-23.el7", distro=centos).values["sshd.PermitRootLogin"] == "yes"


@given(st.sampled_from(TABLES), st.lists(st.integers(0, 100), min_size=1, max_size=4).map(tuple))
def test_rows_go_from_old_to_new_and_each_release_has_one_default(
    table: DefaultTable, release: tuple[int, ...]
) -> None:
    for name in {row.setting for row in table.rows}:
        rows = [row for row in table.rows if row.setting == name]
        assert [row.since for row in rows] == sorted({row.since for row in rows})
        value = table.at(name, release)
        assert isinstance(value, UnknownDefault) or value in [row.value for row in rows]
        if release >= table.oldest:
            assert value in list(table.possible(name))
