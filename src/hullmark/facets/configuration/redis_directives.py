"""The directives of Redis and Valkey: where their files are, which take lists or words, and the defaults."""

from __future__ import annotations

from hullmark.model.setting import Value

FOLDERS = (
    "/etc",
    "/etc/redis",
    "/etc/valkey",
    "/etc/keydb",
    "/usr/local/etc",
    "/usr/local/etc/redis",
    "/usr/local/etc/valkey",
    "/opt/bitnami/redis/etc",
    "/opt/bitnami/valkey/etc",
    "/opt/bitnami/redis-sentinel/etc",
    "/opt/bitnami/valkey-sentinel/etc",
)
SERVER_NAMES = (
    "redis.conf",
    "redis-*.conf",
    "valkey.conf",
    "valkey-*.conf",
    "keydb.conf",
    "sentinel.conf",
    "sentinel-*.conf",
)
"""The names of main files. What has `sentinel` in its name is a sentinel's."""

ADDING = frozenset(("save", "user", "rename-command", "loadmodule", "client-output-buffer-limit"))
"""Directives that may be given several times, each adding to the others."""

LISTS = frozenset(
    ("bind", "bind-source-addr", "tls-protocols", "tls-ciphers", "tls-ciphersuites", "oom-score-adj-values")
)
"""Directives that take a space-separated list."""

SECRETS = frozenset(("requirepass", "masterauth", "primaryauth", "tls-key-file-pass", "tls-client-key-file-pass"))
"""Directives whose value is only shown as set or not."""

SENTINEL_SECRETS = frozenset(("sentinel.auth-pass", "sentinel.sentinel-pass"))

_WORDS = """
    aclfile acl-pubsub-default aof_rewrite_cpulist appenddirname appendfilename aof-rewrite-cpulist bgsave-cpulist bgsave_cpulist
    bio-cpulist bio_cpulist cluster-announce-hostname cluster-announce-human-nodename cluster-announce-ip cluster-config-file
    dbfilename dir enable-debug-command enable-module-command enable-protected-configs ignore-warnings locale-collate logfile
    masteruser oom-score-adj pidfile primaryuser proc-title-template replica-announce-ip sanitize-dump-payload server-cpulist
    server_cpulist supervised syslog-ident tls-auth-clients tls-ca-cert-dir tls-ca-cert-file tls-cert-file tls-client-cert-file
    tls-client-key-file tls-dh-params-file tls-key-file unixsocket unixsocketgroup unixsocketperm
"""
WORDS = frozenset(_WORDS.split())
"""Directives that are words, also where they look like a number, or are more than yes or no."""

_NEITHER: dict[str, Value] = {"bind": ("*", "-::*"), "requirepass": "", "tls-port": 0}
DEFAULTS: dict[str, Value] = {
    **_NEITHER,
    "aclfile": "",
    "appendonly": False,
    "port": 6379,
    "tls-auth-clients": "yes",
    "unixsocket": "",
    "unixsocketperm": "0",
}
"""What a server does where nothing is set."""

SENTINEL_DEFAULTS: dict[str, Value] = {**_NEITHER, "port": 26379, "protected-mode": False}
"""What a sentinel does where nothing is set."""
