"""The names, environment variables and help of all settings that verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Option(NamedTuple):
    """An option that may also stand in the environment or the file, there under its name with underscores."""

    name: str
    kind: Callable[[str], Any]
    metavar: str
    help: str

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return "HULLMARK_" + self.name.upper()


def _yes(text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off", ""):
        return False
    raise ValueError


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _keeping(text: str) -> str:
    if text.lower() not in ("asked", "always", "text", "never"):
        raise ValueError
    return text.lower()


CORRECTIONS = Option(
    "corrections", str, "FILE", "what packages really are: names, versions, what is not there, what is missing"
)
VALUES = (
    Option("platform", str, "OS/ARCH", "which image of an index to take, as linux/arm64"),
    Option("cache_dir", str, "DIR", "where what was read of layers is kept (default: ~/.cache/hullmark)"),
    Option("jobs", _count, "N", "threads that read layers (default: as many as cores, from a registry at least 3)"),
    Option(
        "keep_files",
        _keeping,
        "WHEN",
        "what is kept of files: asked (configuration that was asked for), always (with every scan), text (all text), never",
    ),
    Option("cacert", str, "FILE", "certificates to trust besides the system's, for registries"),
    CORRECTIONS,
    Option("jar_index", str, "FILE", "names of Java archives by SHA-1 (default: what hullmark db jars keeps)"),
)
CONFIG_HELP = "settings (default: hullmark.yaml in ~/.config/hullmark)"
SWITCHES = (
    Option("no_cache", _yes, "", "keep nothing, use nothing kept"),
    Option("insecure", _yes, "", "accept plain HTTP and unverified certificates from registries"),
    Option("quiet", _yes, "", "no progress, only the result"),
)

ADVISORY_VALUES = (
    Option("db_dir", str, "DIR", "where advisories are kept (default: ~/.local/share/hullmark/advisories)"),
    Option("snapshot", str, "FILE", "the snapshot of advisories to use instead of the one that is kept"),
    Option("advisories", str, "DIR|FILE", "a folder of OSV documents, or a file that lists them, to use instead"),
)
KEEPING = (
    Option("keep_snapshots", _count, "N", "how many snapshots of advisories stay when a new one comes (default: 3)"),
)
POLICY_VALUES = (
    Option("policy_dir", str, "DIR", "where policies are kept (default: ~/.local/share/hullmark/policies)"),
)
SCANNER_VALUES = (
    Option(
        "clamd", str, "ADDRESS", "ClamAV's daemon as unix:///PATH or tcp://HOST:PORT (default: where it usually is)"
    ),
    Option("clamav_database", str, "DIR", "signatures for the program clamscan (default: its own)"),
    Option("yara_rules", str, "FILE|DIR", "YARA rules to try on each file"),
)
SECRET_VALUES = (
    Option(
        "secret_rules", str, "FILE", "further kinds of secrets: our YAML, Trivy's, or Anchore's NAME=expression lines"
    ),
    Option("secret_salt", str, "TEXT", "goes into the digests of secrets, which can be compared under the same salt"),
)
SERVER_VALUES = (
    Option("server", str, "URL", "ask this Hullmark server instead of working here (empty: none)"),
    Option("account", str, "NAME", "the account to act in on the server (default: your first)"),
)
_LOGIN_VALUES = (Option("api_key", str, "KEY", "the key that the server knows you by"),)
"""What never stands on a command line, where others could read it."""

CONFIG = Option("config", str, "FILE", CONFIG_HELP)
USER = Option("user", str, "NAME", "who signs in to a server")
PASSWORD = Option("password", str, "TEXT", "that person's password")
REGISTRY_PASSWORD = Option("registry_password", str, "TEXT", "the password of a login for a registry")
CLOUD_LOGINS = Option("cloud_logins", str, "LIST", "clouds whose registries are logged in to: ecr,google (empty: none)")
"""What stands in the environment alone."""

EVERY = (
    *(*VALUES, *SWITCHES, *ADVISORY_VALUES, *KEEPING, *POLICY_VALUES, *SCANNER_VALUES, *SECRET_VALUES),
    *(*SERVER_VALUES, *_LOGIN_VALUES),
)


VARIABLES = frozenset(option.variable for option in (*EVERY, CONFIG, USER, PASSWORD, REGISTRY_PASSWORD, CLOUD_LOGINS))
"""All variables that the command line heeds; those of the server are the fields of its settings."""
