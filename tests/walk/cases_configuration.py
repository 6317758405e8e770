"""Settings that lie behind a limit of configuration parsers: each is named `evil`, or has such a value."""

from __future__ import annotations

from tests.walk.look import Look
from tests.walk.world import Files

_KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me\n"
_APACHE, _NGINX = "etc/apache2/apache2.conf", "etc/nginx/nginx.conf"
_PHP, _POSTFIX, _SSHD = "usr/local/etc/php/php.ini", "etc/postfix/main.cf", "etc/ssh/sshd_config"
_PASSWD, _SYSCTL, _OPENSSL = "etc/passwd", "etc/sysctl.conf", "etc/ssl/openssl.cnf"
_UNITS, _POSTGRESQL = "etc/systemd/system", "etc/postgresql"
_ROOM = "hullmark.facets.configuration."


def _set(key: str, number: int, padded: Files, plain: Files, *values: str) -> Look:
    """A setting with this key must not be there, or not have these values."""
    wanted = f", values: [{', '.join(values)}]" if values else ""
    rule = f"gate: configuration, trigger: must_not_be, params: {{setting: '{key}'{wanted}}}"
    return Look(rule, number, padded, plain)


def _one(path: str, key: str, number: int, padded: bytes, plain: bytes, *values: str) -> Look:
    return _set(key, number, {path: padded}, {path: plain}, *values)


def _sysctl(number: int) -> Look:
    return _one(_SYSCTL, "sysctl.evil.x", number, b"a.b=1\nevil.x=1\n", b"evil.x=1\n")


def _nginx(number: int, padded: bytes, beside: Files | None = None) -> Look:
    """The directive stands in the main file, or in one that it includes."""
    plain = {_NGINX: b"evil 1;\n"}
    return _set("nginx.*evil", number, {_NGINX: padded, **(beside or {})}, plain)


_IN = "etc/nginx/"
_PARTS = {f"{_IN}a.x": b"a 1;\n", f"{_IN}b.x": b"evil 1;\n"}
_FOLDERS = {f"{_IN}a/x": b"a 1;\n", f"{_IN}b/x": b"evil 1;\n"}
_USERS = b"a:x:1:1::/a:/s\nu:x:2:2::/u:/s\n"
_KEYS = {"a/.ssh/authorized_keys": b"", "u/.ssh/authorized_keys": _KEY}

LOOKS: dict[tuple[str, str], Look] = {
    (_ROOM + module, name): look
    for module, name, look in (
        (
            "accounts",
            "_MAX_LIST",
            _one(_PASSWD, "passwd.uid0", 1, b"root:x:0:0:::\nevil:x:0:0:::\n", b"evil:x:0:0:::\n", "evil"),
        ),
        (
            "apache",
            "_MAX_DEPTH",
            _one(
                _APACHE,
                "apache.directory*d].Options",
                1,
                b"<Directory /a/b>\nOptions Indexes\n</Directory>\n<Directory /a/b/c/d>\nAllowOverride None\n</Directory>\n",
                b"<Directory /d>\nOptions Indexes\n</Directory>\n",
                "Indexes",
            ),
        ),
        ("apache_reader", "_MAX_DIRECTIVES", _one(_APACHE, "apache.Evil", 2, b"A 1\nB 1\nEvil 1\n", b"Evil 1\n")),
        (
            "apache_reader",
            "_MAX_NESTED",
            _one(
                _APACHE,
                "apache.Evil",
                1,
                b"<IfDefine !X>\n<IfDefine !Y>\nEvil 1\n</IfDefine>\n</IfDefine>\n",
                b"Evil 1\n",
            ),
        ),
        (
            "apache_syntax",
            "_MAX_VALUE",
            _set(
                "apache.Evil",
                2,
                {_APACHE: b"Evil ${V}\n", "etc/apache2/envvars": b"export V=aaaa\n"},
                {_APACHE: b"Evil aaaa\n"},
                "aaaa",
            ),
        ),
        (
            "apt_conf",
            "_LONGEST_NAME",
            _one("etc/apt/apt.conf", "apt.conf.Evil*", 6, b'Evil::A "1";\n', b'Evil "1";\n'),
        ),
        ("collected", "MAX_SETTINGS", _sysctl(1)),
        ("entries", "MAX_ENTRIES", _sysctl(1)),
        ("facet", "MAX_SETTINGS", _sysctl(1)),
        ("include_tree", "MAX_TEXT", _nginx(4, b"include b.x;\n", _PARTS)),
        ("include_tree", "_MAX_STARS", _nginx(1, b"include *b*x;\n", _PARTS)),
        ("nginx", "_MAX_DEPTH", _nginx(0, b"http { evil 1; }\n")),
        ("nginx", "_MAX_DIRECTIVES", _nginx(1, b"a 1;\nevil 1;\n")),
        ("nginx_syntax", "MAX_NESTED", _nginx(1, b"http { evil 1; }\n")),
        (
            "openssl_syntax",
            "_LONGEST_VALUE",
            _one(_OPENSSL, "openssl.default.evil", 1, b"a = x\nevil = $a$a\n", b"evil = xx\n"),
        ),
        ("openssl_syntax", "_MAX_EXPANDED", _one(_OPENSSL, "openssl.*.evil", 150, b"a = x\nevil = 1\n", b"evil = 1\n")),
        (
            "pam",
            "_MAX_STEPS",
            _one(
                "etc/pam.d/login",
                "pam.login.*module",
                1,
                b"auth required a.so\nauth required evil.so\n",
                b"auth required evil.so\n",
                "evil.so",
            ),
        ),
        ("parser", "MAX_DEPTH", _nginx(0, b"include b.x;\n", _PARTS)),
        ("parser", "MAX_INCLUDES", _nginx(1, b"include b.x;\n", _PARTS)),
        ("php_ini", "_MAX_NESTED", _one(_PHP, "php.cli.evil", 0, b"a = (1)\nevil = 1\n", b"evil = 1\n")),
        ("php_ini", "_MAX_VALUE", _one(_PHP, "php.cli.evil", 3, b"a = aaaa\nevil = 1\n", b"evil = 1\n")),
        ("postfix_syntax", "MAX_VALUE_WORK", _one(_POSTFIX, "*.evil", 1, b"b = 1\nevil = $b\n", b"evil = 1\n", "1")),
        ("postfix_syntax", "MAX_WORK", _one(_POSTFIX, "*.evil", 5, b"b = 1\nevil = $b\n", b"evil = 1\n", "1")),
        ("postfix_syntax", "_MAX_DEPTH", _one(_POSTFIX, "*.evil", 0, b"b = 1\nevil = $b\n", b"evil = 1\n", "1")),
        (
            "postgresql",
            "_LONGEST_LIST",
            _one(
                f"{_POSTGRESQL}/postgresql.conf",
                "postgresql.*shared_preload_libraries",
                5,
                b"shared_preload_libraries = 'evil, b'\n",
                b"shared_preload_libraries = 'evil'\n",
                "evil",
            ),
        ),
        (
            "postgresql_hba",
            "_MAX_WORDS",
            _set(
                "postgresql.*.databases",
                1,
                {f"{_POSTGRESQL}/postgresql.conf": b"", f"{_POSTGRESQL}/pg_hba.conf": b"local a,evil all trust\n"},
                {f"{_POSTGRESQL}/postgresql.conf": b"", f"{_POSTGRESQL}/pg_hba.conf": b"local evil all trust\n"},
                "evil",
            ),
        ),
        (
            "ssh_keys",
            "_MAX_FILES",
            _set(
                "ssh_keys.*.user", 1, {_PASSWD: _USERS, **_KEYS}, {_PASSWD: _USERS[15:], "u/.ssh/authorized_keys": _KEY}
            ),
        ),
        (
            "ssh_keys",
            "_MAX_PATTERNS",
            _set(
                "ssh_keys.*.user",
                1,
                {_PASSWD: _USERS, "u/.ssh/authorized_keys2": _KEY},
                {_PASSWD: _USERS, "u/.ssh/authorized_keys": _KEY},
            ),
        ),
        (
            "ssh_keys",
            "_MAX_USERS",
            _set(
                "ssh_keys.*.user", 1, {_PASSWD: _USERS, **_KEYS}, {_PASSWD: _USERS[15:], "u/.ssh/authorized_keys": _KEY}
            ),
        ),
        (
            "sshd",
            "_MAX_BLOCKS",
            _one(
                _SSHD,
                "sshd.Match*.PermitRootLogin",
                1,
                b"Match User a\nX11Forwarding no\nMatch User b\nPermitRootLogin yes\n",
                b"Match User b\nPermitRootLogin yes\n",
                "yes",
            ),
        ),
        (
            "sshd",
            "_MAX_ITEMS",
            _one(_SSHD, "sshd.AllowUsers", 1, b"AllowUsers a\nAllowUsers evil\n", b"AllowUsers evil\n", "evil"),
        ),
        (
            "sudoers",
            "_MAX_ITEMS",
            _one(
                "etc/sudoers",
                "sudoers.defaults.env_keep",
                1,
                b'Defaults env_keep = "a evil"\n',
                b"Defaults env_keep = evil\n",
                "evil",
            ),
        ),
        (
            "systemd",
            "_MAX_ITEMS",
            _one(
                f"{_UNITS}/a.service",
                "systemd.*Environment",
                1,
                b"[Service]\nEnvironment=a\nEnvironment=evil\n",
                b"[Service]\nEnvironment=evil\n",
                "evil",
            ),
        ),
        (
            "systemd",
            "_MAX_UNITS",
            _set(
                "systemd.*.User",
                1,
                {f"{_UNITS}/a.service": b"[Service]\n", f"{_UNITS}/b.service": b"[Service]\nUser=evil\n"},
                {f"{_UNITS}/b.service": b"[Service]\nUser=evil\n"},
                "evil",
            ),
        ),
    )
}

_LARGE: Files = {_SSHD: b"PermitRootLogin yes\n" + b"#\n" * 500}
_SMALL: Files = {_SSHD: b"PermitRootLogin yes\n"}
_BEHIND: Files = {"etc/a.conf": b"#" * 50, **_SMALL}

VIEWS: dict[tuple[str, str], Look] = {
    ("hullmark.facets.view", "_LONGEST_PATH"): _nginx(12, b"include /etc/nginx/b*;\n", _PARTS),
    ("hullmark.facets.view", "_MAX_FOLDERS"): _nginx(1, b"include */x;\n", _FOLDERS),
    ("hullmark.facets.view", "_MAX_FOUND"): _nginx(1, b"include *.x;\n", _PARTS),
    ("hullmark.facets.view", "_MAX_STEPS"): _nginx(1, b"include *.x;\n", _PARTS),
    ("hullmark.facets.kept", "FILE_LIMIT"): _set("sshd.PermitRootLogin", 100, _LARGE, _SMALL, "yes"),
    ("hullmark.facets.kept", "LAYER_LIMIT"): _set("sshd.PermitRootLogin", 60, _BEHIND, _SMALL, "yes"),
    ("hullmark.facets.kept", "KEPT.layer_limit"): _set("sshd.PermitRootLogin", 60, _BEHIND, _SMALL, "yes"),
}
