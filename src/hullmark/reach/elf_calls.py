"""Functions that ELF files import and that lead to more than the files that these need, and which of these do so for others alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

SPAWNING = frozenset(("execl", "execle", "execlp", "execv", "execve", "execveat", "execvp", "execvpe", "fexecve", "posix_spawn",
    "posix_spawnp", "popen", "system", "wordexp", "apr_proc_create"))  # fmt: skip
"""Functions of libc, and of Apache's library, that start another program."""

SEARCHING = frozenset(("apr_proc_create", "execlp", "execvp", "execvpe", "posix_spawnp", "popen", "system", "wordexp"))
"""Those of them that look for it in PATH."""

THROUGH_SHELL = frozenset(("popen", "system", "wordexp"))
"""Those that start /bin/sh."""

OPENING = frozenset(("dlmopen", "dlopen"))
NAME_SERVICE = frozenset(("getaddrinfo", "gethostbyname", "gethostbyname_r", "getgrgid_r", "getgrgid", "getgrnam", "getgrnam_r",
    "getgrouplist", "getnameinfo", "getprotobyname", "getpwnam", "getpwnam_r", "getpwuid", "getpwuid_r", "getservbyname", "getservbyport",
    "getspnam", "getspnam_r", "initgroups", "getnetbyname"))  # fmt: skip
AUTHENTICATING = frozenset(("pam_start", "pam_start_confdir"))
CONVERTING = frozenset(("iconv_open",))
CONVERTING_THROUGH = {
    "bash": frozenset[str](),
    "libidn2.so": frozenset[str](),
    "libinstrument.so": frozenset[str](),
    "libjdwp.so": frozenset[str](),
    "printf": frozenset[str](),
    "libunistring.so": frozenset(
        f"u{bits}_{kind}_{way}_encoding"
        for bits in (8, 16, 32)
        for kind in ("conv", "strconv")
        for way in ("from", "to")
    ),
    "libaprutil-1.so": frozenset(("apr_xlate_open",)),
    "libstdc++.so": frozenset[str](),
}
"""Programs, and how the names of libraries begin, that convert for others alone, or between the locale's character set and another: the
functions that are told between which ones."""

ZONES_THROUGH = {
    "libstdc++.so": frozenset(
        f"_ZNSt6chrono{name}"
        for name in (
            "8get_tzdbEv",
            "13get_tzdb_listEv",
            "11reload_tzdbEv",
            "12current_zoneEv",
            "14remote_versionB5cxx11Ev",
            "11locate_zoneESt17basic_string_viewIcSt11char_traitsIcEE",
        )
    ),
}
"""The same of libraries that read time zones by name."""

STARTING_THROUGH = {
    "libcap.so": frozenset(("cap_launch",)),
    "libselinux.so": frozenset(("rpm_execcon",)),
    "libsystemd.so": frozenset(
        f"sd_bus_{name}{end}"
        for name in ("new", "start", "open", "open_system", "open_user", "default", "default_system", "default_user")
        for end in ("", "_with_description", "_remote", "_machine")
    )
    | {"sd_varlink_connect_exec", "sd_varlink_connect_url"},
}
"""The same of libraries that start programs: the functions that lead to it, as the code of these libraries says."""

LOADING_THROUGH = {
    "libsystemd.so": (
        "",
        frozenset(
            (
                *(f"sd_path_lookup{end}" for end in ("", "_strv")),
                *(f"sd_journal_get_catalog{end}" for end in ("", "_for_message_id")),
                *(f"sd_hwdb_new{end}" for end in ("", "_from_path")),
            )
        ),
    ),
    "libpam.so": ("/security", frozenset[str]()),
    "libaprutil-1.so": (
        "/apr-util-1",
        frozenset(
            (
                "apu_dso_load",
                "apr_crypto_get_driver",
                "apr_dbd_get_driver",
                *(f"apr_dbm_{name}" for name in ("get_driver", "open", "open2", "open_ex")),
                *(f"apr_dbm_get_usednames{end}" for end in ("", "2", "_ex")),
                *(f"apr_ldap_{name}_option" for name in ("get", "set")),
                *(f"apr_ldap_is_ldap{name}_url" for name in ("", "i", "s")),
                *(
                    f"apr_ldap_{name}"
                    for name in ("info", "init", "ssl_init", "ssl_deinit", "url_parse", "url_parse_ext")
                ),
                *(f"apr_ldap_rebind_{name}" for name in ("init", "add", "remove")),
            )
        ),
    ),
}
"""Libraries that load or read what lies in a folder, whose name ends so: the functions that lead to it, as their code says. PAM loads only
what its configuration names; systemd's library reads its folders for whoever asks for places, messages or hardware."""

LOCALISING = frozenset(("newlocale", "setlocale"))
TIMING = frozenset(("localtime", "localtime64_r", "localtime_r", "mktime", "tzset"))
UNWINDING = frozenset(("backtrace", "pthread_cancel", "pthread_exit"))
TRUSTING = frozenset(
    ("SSL_CTX_set_default_verify_paths", "X509_STORE_set_default_paths", "gnutls_certificate_set_x509_system_trust")
)
TOLD = tuple(
    sorted(
        SPAWNING.union(*STARTING_THROUGH.values(), *ZONES_THROUGH.values())
        | frozenset[str]().union(*(functions for _, functions in LOADING_THROUGH.values()))
        | OPENING
        | NAME_SERVICE
        | AUTHENTICATING
        | CONVERTING.union(*CONVERTING_THROUGH.values())
        | LOCALISING
        | TIMING
        | UNWINDING
        | TRUSTING
    )
)


_V = TypeVar("_V")


def told_through(table: Mapping[str, _V], path: str, soname: str) -> Iterator[_V]:
    """What such a table has for a file of this path and soname ("": it has none)."""
    name = soname or path.rpartition("/")[2]
    for key, told in table.items():
        if name == key or (key.endswith(".so") and name.startswith(key)):
            yield told
