"""Configuration: what the files of programs make them do, one module a program or kind of file."""

from __future__ import annotations

from hullmark.facets.configuration.parser import Parser
from hullmark.model.plugin import plugins

_MODULES = (
    "accounts", "apache", "apk", "apt", "ca_store", "crontab", "java_security", "loader", "mysql", "nginx", "npm", "openssl", "pam", "php",
    "pip", "postfix", "postgresql", "redis", "ssh_keys", "sshd", "sudoers", "sysctl", "systemd", "yum",
)  # fmt: skip
"""The modules that hold parsers. A new parser is one module and its name here."""

PARSERS: tuple[Parser, ...] = tuple(plugins(__name__, _MODULES, "PARSER"))
"""Every parser."""
