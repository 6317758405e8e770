"""What Redis and Valkey refuse to start with: a value of another type, and not exactly one where there is one (as Redis 8 answers).

What the words of an enumeration are, and which directives there are, differs from release to release and with modules, and is not said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_SWITCH_NAMES = """
    activedefrag activerehashing always-show-logo aof-load-truncated aof-rewrite-incremental-fsync aof-timestamp-enabled
    aof-use-rdb-preamble appendonly cluster-allow-pubsubshard-when-down cluster-allow-reads-when-down
    cluster-allow-replica-migration cluster-enabled cluster-replica-no-failover cluster-require-full-coverage crash-log-enabled
    crash-memcheck-enabled daemonize disable-thp dynamic-hz hide-user-data-from-log jemalloc-bg-thread latency-tracking
    lazyfree-lazy-eviction lazyfree-lazy-expire lazyfree-lazy-server-del lazyfree-lazy-user-del lazyfree-lazy-user-flush
    no-appendfsync-on-rewrite protected-mode rdb-del-sync-files rdb-save-incremental-fsync rdbchecksum rdbcompression
    repl-disable-tcp-nodelay repl-diskless-sync replica-announced replica-ignore-disk-write-errors replica-ignore-maxmemory
    replica-lazy-flush replica-read-only replica-serve-stale-data set-proc-title stop-writes-on-bgsave-error syslog-enabled
    tls-cluster tls-prefer-server-ciphers tls-replication tls-session-caching
"""
_SWITCHES = frozenset(_SWITCH_NAMES.split())
_NUMBER_NAMES = """
    acllog-max-len active-defrag-cycle-max active-defrag-cycle-min active-defrag-max-scan-fields active-defrag-threshold-lower
    active-defrag-threshold-upper active-expire-effort auto-aof-rewrite-percentage busy-reply-threshold cluster-announce-bus-port
    cluster-announce-port cluster-announce-tls-port cluster-compatibility-sample-ratio cluster-migration-barrier
    cluster-node-timeout cluster-port cluster-replica-validity-factor databases hash-max-listpack-entries hz io-threads
    latency-monitor-threshold lfu-decay-time lfu-log-factor list-compress-depth list-max-listpack-size lua-time-limit
    max-new-connections-per-cycle max-new-tls-connections-per-cycle maxclients maxmemory-eviction-tenacity maxmemory-samples
    min-replicas-max-lag min-replicas-to-write port repl-backlog-ttl repl-diskless-sync-delay repl-diskless-sync-max-replicas
    repl-ping-replica-period repl-timeout replica-announce-port replica-priority set-max-intset-entries set-max-listpack-entries
    set-max-listpack-value shutdown-timeout slowlog-log-slower-than slowlog-max-len socket-mark-id stream-node-max-entries
    tcp-backlog tcp-keepalive timeout tls-port tls-session-cache-size tls-session-cache-timeout tracking-table-max-keys
    zset-max-listpack-entries
"""
_NUMBERS = frozenset(_NUMBER_NAMES.split())
_SIZE_NAMES = """
    active-defrag-ignore-bytes auto-aof-rewrite-min-size client-query-buffer-limit cluster-link-sendbuf-limit
    hash-max-listpack-value hll-sparse-max-bytes maxmemory proto-max-bulk-len repl-backlog-size replica-full-sync-buffer-limit
    stream-node-max-bytes zset-max-listpack-value
"""
_SIZES = frozenset(_SIZE_NAMES.split())
_PORTS = frozenset(("port", "tls-port"))
_HIGHEST_PORT = 65535
_PORT = re.compile(r"[0-9]{1,9}").fullmatch
_SIZE = re.compile(r"-?[0-9]+(?:[kmg]?b|[kmg])?", re.IGNORECASE).fullmatch
_NUMBER = re.compile(r"-?[0-9]").match


def refusal(name: str, words: Sequence[str]) -> str:
    """Why a server refuses a directive (its name as that of today), as far as that is sure; "" if it does not."""
    if name not in _SWITCHES and name not in _NUMBERS and name not in _SIZES:
        return ""
    if len(words) != 1:
        return f"{name} takes one word"
    if name in _SWITCHES:
        return "" if words[0].lower() in ("yes", "no") else f"{name} is yes or no"
    if name in _SIZES:
        return "" if _SIZE(words[0]) else f"{name} is a number of bytes"
    if name in _PORTS and (not _PORT(words[0]) or int(words[0]) > _HIGHEST_PORT):
        return f"{words[0][:100]} is not a port"
    # Some releases take a unit behind a number.
    return "" if _NUMBER(words[0]) else f"{name} is a number"
