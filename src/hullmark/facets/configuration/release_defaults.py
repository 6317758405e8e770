"""Defaults of programs that differ between their releases, and which of them hold for the packages that an image has.

Each table names its source. Where the release is not known, a default is known if every release since `oldest` has the same.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.facets.configuration.collected import DefaultValue, UnknownDefault
from hullmark.facets.configuration.parser import Files

Release = tuple[int, ...]

ABSENT = UnknownDefault()
"""The release has no such setting."""

_UNTOLD = UnknownDefault("its default differs between releases, and which one this is is not known")
_ALWAYS = UnknownDefault("this release has no such setting, and always allows it")
_BRANCHES = UnknownDefault("its default changed within this series of releases, and is not known")


class DefaultSince(msgspec.Struct, frozen=True, array_like=True):
    """A setting, the first release that has a default, and the default."""

    setting: str
    since: Release
    value: DefaultValue


class DefaultTable(msgspec.Struct, frozen=True, kw_only=True):
    """What the releases of a program do where nothing is set. `packages` are the names of packages that it comes in; of a setting, rows go
    from old to new.
    """

    packages: tuple[str, ...]
    oldest: Release
    rows: tuple[DefaultSince, ...]

    def at(self, name: str, release: Release) -> DefaultValue:
        """The default of one release."""
        values = [row.value for row in self.rows if row.setting == name and row.since <= release]
        return values[-1] if values else ABSENT

    def possible(self, name: str) -> Iterator[DefaultValue]:
        """The defaults that releases may have that are not older than the oldest."""
        if any(row.setting == name for row in self.rows):
            yield self.at(name, self.oldest)
            yield from (row.value for row in self.rows if row.setting == name and row.since > self.oldest)


def defaults_here(files: Files, *tables: DefaultTable, release: Release | None = None) -> dict[str, DefaultValue]:
    """The defaults of the release that is installed, or of one that is known otherwise. Of several tables the one with a package counts."""
    installed = [(table, release) for table in tables for release in files.releases(*table.packages)]
    if release is not None:
        installed = [(table, release) for table in tables]
    found: dict[str, DefaultValue] = {}
    for name in dict.fromkeys(row.setting for table in tables for row in table.rows):
        at_hand = {table.at(name, number) for table, number in installed}
        values = at_hand or {value for table in tables for value in table.possible(name)}
        found[name] = values.pop() if len(values) == 1 else _UNTOLD
    return found


def _rows(*rows: tuple[str, str, DefaultValue]) -> tuple[DefaultSince, ...]:
    return tuple(DefaultSince(name, tuple(map(int, since.split("."))), value) for name, since, value in rows)


_TLS_1_0 = ("TLSv1", "TLSv1.1", "TLSv1.2")
_TLS_1_3 = ("TLSv1.2", "TLSv1.3")

NGINX = DefaultTable(
    packages=("nginx", "nginx-core", "nginx-debug", "nginx-extras", "nginx-full", "nginx-light", "openresty"),
    oldest=(1, 18),
    rows=_rows(
        ("ssl_protocols", "0.8.19", ("SSLv3", "TLSv1")),
        ("ssl_protocols", "1.1.13", ("SSLv3", *_TLS_1_0)),
        ("ssl_protocols", "1.9.1", _TLS_1_0),
        ("ssl_protocols", "1.23.4", (*_TLS_1_0, "TLSv1.3")),
        ("ssl_protocols", "1.27.3", _TLS_1_3),
    ),
)
"""nginx: its CHANGES, and the documentation of the modules for TLS."""

_AES_CTR = ("aes128-ctr", "aes192-ctr", "aes256-ctr")
_AES_GCM = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
_CHACHA = "chacha20-poly1305@openssh.com"
_CURVES = (
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
)
_GROUPS = (
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group14-sha256",
)
_SNTRUP = "sntrup761x25519-sha512"

OPENSSH = DefaultTable(
    packages=("openssh-server", "openssh", "openssh-server-pam", "openssh-sftp-server", "sshd"),
    oldest=(8, 5),
    rows=_rows(
        ("PermitRootLogin", "2.0", "yes"),
        ("PermitRootLogin", "7.0", "prohibit-password"),
        ("UseDNS", "2.0", True),
        ("UseDNS", "6.8", False),
        ("Ciphers", "6.9", (_CHACHA, *_AES_CTR, *_AES_GCM)),
        ("Ciphers", "10.0", (_CHACHA, *_AES_GCM, *_AES_CTR)),
        ("KexAlgorithms", "8.2", (*_CURVES, *_GROUPS)),
        ("KexAlgorithms", "9.0", (f"{_SNTRUP}@openssh.com", *_CURVES, *_GROUPS)),
        (
            "KexAlgorithms",
            "9.9",
            (_SNTRUP, f"{_SNTRUP}@openssh.com", "mlkem768x25519-sha256", *_CURVES, *_GROUPS),
        ),
        ("KexAlgorithms", "10.0", ("mlkem768x25519-sha256", _SNTRUP, f"{_SNTRUP}@openssh.com", *_CURVES)),
    ),
)
"""OpenSSH: its release notes and sshd_config(5) of each release."""

APACHE = DefaultTable(
    packages=("apache2", "apache2-bin", "httpd", "httpd-core", "httpd24"),
    oldest=(2, 4, 41),
    rows=_rows(
        ("LimitRequestBody", "2.2", 0),
        ("LimitRequestBody", "2.4.54", 1 << 30),
        ("SSLCompression", "2.4.3", True),
        ("SSLCompression", "2.4.4", False),
        ("SSLProtocol", "2.2", ("SSLv3", *_TLS_1_0)),
        ("SSLProtocol", "2.4.17", _TLS_1_0),
        ("SSLProtocol", "2.4.37", (*_TLS_1_0, "TLSv1.3")),
    ),
)
"""Apache httpd: the documentation of core and mod_ssl, and CHANGES of 2.4."""

PHP = DefaultTable(
    packages=("php", "php-cli", "php-common", "php-fpm", "php[0-9]*-cli", "php[0-9]*-common", "php[0-9]*-fpm"),
    oldest=(7, 4),
    rows=_rows(
        ("disable_classes", "5.0", ()),
        ("disable_classes", "8.5", ABSENT),
        ("display_startup_errors", "4.0", False),
        ("display_startup_errors", "8.0", True),
        ("mysqli.allow_local_infile", "5.0", True),
        ("mysqli.allow_local_infile", "7.3.3", False),
        ("session.cookie_samesite", "7.3", ""),
        ("zend.exception_ignore_args", "7.4", False),
    ),
)
"""PHP: the manual's list of directives with their changelogs, and UPGRADING of each release."""

MYSQL = DefaultTable(
    packages=("mysql", "mysql-server", "mysql-server-[0-9]*", "mysql-server-core*", "mysql-community-server*"),
    oldest=(5, 7),
    rows=_rows(
        ("local_infile", "5.0", True),
        ("local_infile", "8.0.2", False),
        ("symbolic_links", "5.0", True),
        ("symbolic_links", "8.0.2", False),
        ("tls_version", "5.7", _TLS_1_0),
        ("tls_version", "8.0.16", (*_TLS_1_0, "TLSv1.3")),
        ("tls_version", "8.0.28", _TLS_1_3),
    ),
)
"""MySQL: the reference manuals of 5.7, 8.0 and 8.4, Server System Variables."""

MARIADB = DefaultTable(
    packages=("mariadb", "mariadb-server", "mariadb-server-[0-9]*", "mariadb-server-core*", "MariaDB-server"),
    oldest=(10, 3),
    rows=_rows(
        ("local_infile", "5.0", True),
        ("symbolic_links", "5.0", True),
        ("tls_version", "10.4.6", _BRANCHES),
        ("tls_version", "11.8", _TLS_1_3),
    ),
)
"""MariaDB: the Knowledge Base, Server System Variables and SSL/TLS System Variables."""

POSTGRESQL = DefaultTable(
    packages=(
        "postgresql",
        "postgresql-[0-9].[0-9]",
        "postgresql-[0-9][0-9]",
        "postgresql-server",
        "postgresql[0-9][0-9]",
        "postgresql[0-9][0-9]-server",
    ),
    oldest=(13,),
    rows=_rows(
        ("event_triggers", "17", True),
        ("log_connections", "7", False),
        ("log_connections", "18", ()),
        ("password_encryption", "7", "md5"),
        ("password_encryption", "14", "scram-sha-256"),
        ("ssl_min_protocol_version", "12", "TLSv1"),
        ("ssl_min_protocol_version", "13", "TLSv1.2"),
    ),
)
"""PostgreSQL: Server Configuration, and the release notes of each major release."""

REDIS = DefaultTable(
    packages=("redis", "redis-server", "valkey", "valkey-server"),
    oldest=(6, 0),
    rows=_rows(
        *((f"enable-{what}", "1.0", _ALWAYS) for what in ("debug-command", "module-command", "protected-configs")),
        *((f"enable-{what}", "7.0", "no") for what in ("debug-command", "module-command", "protected-configs")),
        ("protected-mode", "1.0", UnknownDefault("this release has no such setting, and never is in protected mode")),
        ("protected-mode", "3.2", True),
    ),
)
"""Redis and Valkey: redis.conf of each release, and the release notes."""

SUDO = DefaultTable(
    packages=("sudo", "sudo-ldap"),
    oldest=(1, 9),
    rows=_rows(("use_pty", "1.7", False), ("use_pty", "1.9.14", True)),
)
"""sudo: its NEWS and sudoers(5)."""
