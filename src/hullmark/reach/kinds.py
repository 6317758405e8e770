"""Executables that whoever breaks in is glad to find: setuid programs, shells, package managers, network tools, and what else runs code.

The names of the last kind are those that GTFOBins lists as able to run commands, or to read and write files, for whoever may start them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hullmark.model.inventory import FileRecord

_SETUID, _SETGID = 0o4000, 0o2000
_NAMES: dict[str, frozenset[str]] = {
    "shell": frozenset(("sh", "ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "rbash", "tcsh", "zsh")),
    "package-manager": frozenset((
        "apk", "apt", "apt-get", "aptitude", "bundle", "cargo", "composer", "conda", "dnf", "dpkg", "gem", "microdnf", "npm", "pacman",
        "pecl", "pip", "pip3", "pnpm", "rpm", "snap", "uv", "yarn", "yum", "zypper",
    )),
    "network": frozenset((
        "aria2c", "curl", "dig", "ftp", "nc", "nc.openbsd", "nc.traditional", "ncat", "netcat", "nmap", "openssl", "rsync", "scp", "sftp",
        "socat", "ssh", "tcpdump", "telnet", "tftp", "wget", "whois",
    )),
    "living-off-the-land": frozenset((
        "ar", "at", "awk", "base32", "base64", "chroot", "cp", "cpio", "crontab", "dd", "debugfs", "ed", "emacs", "env", "expect", "find",
        "flock", "gawk", "gcc", "gdb", "git", "ionice", "ld.so", "less", "lua", "make", "man", "mawk", "more", "mount", "nano", "nice",
        "node", "nohup", "nsenter", "perl", "php", "python", "python3", "ruby", "run-parts", "script", "sed", "setarch", "setpriv",
        "start-stop-daemon", "stdbuf", "strace", "su", "sudo", "tar", "taskset", "tclsh", "tee", "time", "timeout", "umount", "unshare",
        "vi", "vim", "watch", "xargs", "xxd", "zip",
    )),
}  # fmt: skip
OF_INTEREST = frozenset(name for names in _NAMES.values() for name in names)


def kinds_of(record: FileRecord, names: Iterable[str]) -> tuple[str, ...]:
    """What makes an executable of interest, by its mode and its names."""
    return tuple(_kinds(record, frozenset(names)))


def _kinds(record: FileRecord, names: frozenset[str]) -> Iterator[str]:
    if record.mode & _SETUID:
        yield "setuid"
    if record.mode & _SETGID:
        yield "setgid"
    for kind, listed in _NAMES.items():
        if not listed.isdisjoint(names):
            yield kind
