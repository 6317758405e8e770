"""What sshd_config(5) says about its keywords: their spelling, values and defaults.

The defaults are those that OpenSSH has had since release 8.5, those of release_defaults, and those of releases that were asked
(`sshd -T`); a keyword whose default is not known has none.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from hullmark.facets.configuration.collected import DefaultValue, UnknownDefault
from hullmark.facets.configuration.parser import Files
from hullmark.facets.configuration.release_defaults import OPENSSH, defaults_here
from hullmark.model.setting import Value


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


Kind = Literal["flag", "number", "time", "choice", "word", "rest", "words", "more", "lines", "commas", "old"]


class Keyword(msgspec.Struct, frozen=True):
    """A keyword in its documented spelling.

    `kind`: `flag` is yes or no; `time` is in seconds; `choice` is a word of CHOICES; `rest` is the line as it is written; of
    `words` the first line counts, of `more` the words of all lines, of `lines` each line; `commas` is a list with commas; `old`
    is a keyword that releases of today only warn about. `in_match`: whether a Match block may have it.
    """

    name: str
    kind: Kind
    in_match: bool


_GLOBAL: dict[Kind, str] = {
    "flag": """
        UsePAM HostbasedUsesNameFromPacketOnly KerberosOrLocalPasswd KerberosTicketCleanup KerberosGetAFSToken
        GSSAPICleanupCredentials GSSAPIStrictAcceptorCheck GSSAPIKeyExchange GSSAPIStoreCredentialsOnRekey PrintMotd
        PrintLastLog IgnoreUserKnownHosts X11UseLocalhost StrictModes Compression TCPKeepAlive UseDNS DebianBanner
        StreamLocalBindUnlink ExposeAuthInfo""",
    "number": "X11DisplayOffset",
    "time": "LoginGraceTime",
    "choice": "AddressFamily SyslogFacility FingerprintHash",
    "word": """
        HostKeyAgent PidFile ModuliFile XAuthLocation PAMServiceName MaxStartups PerSourceMaxStartups PerSourceNetBlockSize
        PermitUserEnvironment SecurityKeyProvider SshdSessionPath SshdAuthPath PerSourcePenaltyExemptList""",
    "rest": "VersionAddendum",
    "words": "PerSourcePenalties",
    "more": "Port HostKey HostCertificate",
    "lines": "ListenAddress",
    "commas": "HostKeyAlgorithms Ciphers MACs KexAlgorithms CASignatureAlgorithms GSSAPIKexAlgorithms",
    "old": """
        ServerKeyBits KeyRegenerationInterval Protocol UseLogin UsePrivilegeSeparation CheckMail VerifyReverseMapping
        ReverseMappingCheck RhostsAuthentication RhostsRSAAuthentication RSAAuthentication AFSTokenPassing KerberosTGTPassing
        GSSAPIEnableMITMAttack AuthorizedKeysFile2 SkeyAuthentication""",
}
_IN_MATCH: dict[Kind, str] = {
    "flag": """
        HostbasedAuthentication PubkeyAuthentication KerberosAuthentication GSSAPIAuthentication PasswordAuthentication
        KbdInteractiveAuthentication X11Forwarding PermitTTY PermitUserRC PermitEmptyPasswords AllowAgentForwarding
        DisableForwarding RefuseConnection""",
    "number": "MaxAuthTries MaxSessions ClientAliveCountMax RequiredRSASize",
    "time": "ClientAliveInterval UnusedConnectionTimeout",
    "choice": """
        PermitRootLogin LogLevel IgnoreRhosts GatewayPorts AllowTcpForwarding AllowStreamLocalForwarding PermitTunnel""",
    "word": """
        StreamLocalBindMask Banner ChrootDirectory TrustedUserCAKeys RevokedKeys AuthorizedPrincipalsFile
        AuthorizedKeysCommandUser AuthorizedPrincipalsCommandUser RDomain""",
    "rest": "ForceCommand AuthorizedKeysCommand AuthorizedPrincipalsCommand",
    "words": """
        AuthorizedKeysFile AuthenticationMethods ChannelTimeout IPQoS LogVerbose PermitListen PermitOpen PubkeyAuthOptions
        RekeyLimit SetEnv""",
    "more": "AcceptEnv AllowUsers DenyUsers AllowGroups DenyGroups",
    "lines": "Subsystem",
    "commas": "HostbasedAcceptedAlgorithms PubkeyAcceptedAlgorithms",
}
_ALSO_WRITTEN = {
    "challengeresponseauthentication": "kbdinteractiveauthentication",
    "dsaauthentication": "pubkeyauthentication",
    "gssapicleanupcreds": "gssapicleanupcredentials",
    "hostbasedacceptedkeytypes": "hostbasedacceptedalgorithms",
    "hostdsakey": "hostkey",
    "keepalive": "tcpkeepalive",
    "pubkeyacceptedkeytypes": "pubkeyacceptedalgorithms",
}

KEYWORDS = {
    name.lower(): Keyword(name, kind, in_match)
    for names, in_match in ((_GLOBAL, False), (_IN_MATCH, True))
    for kind, spelled in names.items()
    for name in spelled.split()
}
"""Each keyword by its spelling in small letters, also the other spellings that sshd takes."""
KEYWORDS.update({other: KEYWORDS[name] for other, name in _ALSO_WRITTEN.items()})

_LOCAL = ("yes", "no", "local", "remote")
_FACILITIES = "DAEMON USER AUTH AUTHPRIV LOCAL0 LOCAL1 LOCAL2 LOCAL3 LOCAL4 LOCAL5 LOCAL6 LOCAL7"
_LEVELS = "QUIET FATAL ERROR INFO VERBOSE DEBUG DEBUG1 DEBUG2 DEBUG3"

CHOICES: dict[str, tuple[str, ...]] = {
    "AddressFamily": ("any", "inet", "inet6"),
    "AllowStreamLocalForwarding": _LOCAL,
    "AllowTcpForwarding": _LOCAL,
    "FingerprintHash": ("SHA256", "MD5"),
    "GatewayPorts": ("yes", "no", "clientspecified"),
    "IgnoreRhosts": ("yes", "no", "shosts-only"),
    "LogLevel": _words(_LEVELS),
    "PermitRootLogin": ("yes", "no", "prohibit-password", "forced-commands-only"),
    "PermitTunnel": ("yes", "no", "point-to-point", "ethernet"),
    "SyslogFacility": _words(_FACILITIES),
}
"""The words that a keyword takes, in small or capital letters."""

SYNONYMS = {
    ("AllowStreamLocalForwarding", "all"): "yes",
    ("AllowTcpForwarding", "all"): "yes",
    ("Compression", "delayed"): "yes",
    ("LogLevel", "debug1"): "DEBUG",
    ("PermitRootLogin", "without-password"): "prohibit-password",
}
"""(keyword, word) → the word that means the same."""

_ON = """
KerberosOrLocalPasswd KerberosTicketCleanup GSSAPICleanupCredentials GSSAPIStrictAcceptorCheck PrintMotd PrintLastLog
X11UseLocalhost StrictModes Compression TCPKeepAlive PubkeyAuthentication PasswordAuthentication
KbdInteractiveAuthentication PermitTTY PermitUserRC AllowAgentForwarding
"""
_OFF = """
UsePAM HostbasedUsesNameFromPacketOnly IgnoreUserKnownHosts StreamLocalBindUnlink ExposeAuthInfo
HostbasedAuthentication KerberosAuthentication GSSAPIAuthentication X11Forwarding PermitEmptyPasswords DisableForwarding
"""
_NONE = """
Banner ForceCommand ChrootDirectory TrustedUserCAKeys RevokedKeys AuthorizedPrincipalsFile VersionAddendum
AuthorizedKeysCommand AuthorizedKeysCommandUser AuthorizedPrincipalsCommand AuthorizedPrincipalsCommandUser HostKeyAgent
PerSourceMaxStartups
"""
_EVERYWHERE: dict[str, Value] = {
    **dict.fromkeys(_ON.split(), True),
    **dict.fromkeys(_OFF.split(), False),
    **dict.fromkeys(_NONE.split(), "none"),
    "AddressFamily": "any",
    "AllowStreamLocalForwarding": "yes",
    "AllowTcpForwarding": "yes",
    "AuthenticationMethods": ("any",),
    "AuthorizedKeysFile": (".ssh/authorized_keys", ".ssh/authorized_keys2"),
    "ClientAliveCountMax": 3,
    "ClientAliveInterval": 0,
    "FingerprintHash": "SHA256",
    "GatewayPorts": "no",
    "HostKey": ("/etc/ssh/ssh_host_rsa_key", "/etc/ssh/ssh_host_ecdsa_key", "/etc/ssh/ssh_host_ed25519_key"),
    "IgnoreRhosts": "yes",
    "LogLevel": "INFO",
    "LoginGraceTime": 120,
    "MaxAuthTries": 6,
    "MaxSessions": 10,
    "MaxStartups": "10:30:100",
    "PerSourceNetBlockSize": "32:128",
    "PermitListen": ("any",),
    "PermitOpen": ("any",),
    "PermitTunnel": "no",
    "PermitUserEnvironment": "no",
    "PidFile": "/var/run/sshd.pid",
    "Port": ("22",),
    "PubkeyAuthOptions": ("none",),
    "RekeyLimit": ("0", "0"),
    "SecurityKeyProvider": "internal",
    "StreamLocalBindMask": "0177",
    "SyslogFacility": "AUTH",
    "X11DisplayOffset": 10,
}
_DEBIAN: dict[str, Value] = {
    "DebianBanner": True,
    "GSSAPIKeyExchange": False,
    "GSSAPIStoreCredentialsOnRekey": False,
    "PidFile": "/run/sshd.pid",
    "XAuthLocation": "/usr/bin/xauth",
}

_SIGNATURES = (
    "ssh-ed25519 ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521 sk-ssh-ed25519@openssh.com "
    "sk-ecdsa-sha2-nistp256@openssh.com rsa-sha2-512 rsa-sha2-256"
)
_CERTIFIED = (
    "ssh-ed25519-cert-v01@openssh.com ecdsa-sha2-nistp256-cert-v01@openssh.com ecdsa-sha2-nistp384-cert-v01@openssh.com "
    "ecdsa-sha2-nistp521-cert-v01@openssh.com sk-ssh-ed25519-cert-v01@openssh.com "
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com rsa-sha2-512-cert-v01@openssh.com rsa-sha2-256-cert-v01@openssh.com"
)
_PENALTIES = (
    "crash:90 authfail:5 noauth:1 grace-exceeded:10 refuseconnection:10 max:600 min:15 max-sources4:65536 "
    "max-sources6:65536 overflow:permissive overflow6:permissive"
)
_OPENSSH_10_0: dict[str, Value] = {
    "CASignatureAlgorithms": _words(_SIGNATURES),
    "ChannelTimeout": ("none",),
    "GSSAPIKexAlgorithms": _words(
        "gss-group14-sha256- gss-group16-sha512- gss-nistp256-sha256- gss-curve25519-sha256- gss-group14-sha1- "
        "gss-gex-sha1-"
    ),
    "HostKeyAlgorithms": _words(f"{_CERTIFIED} {_SIGNATURES}"),
    "HostbasedAcceptedAlgorithms": _words(f"{_CERTIFIED} {_SIGNATURES}"),
    "IPQoS": ("ef", "cs1"),
    "MACs": _words(
        "umac-64-etm@openssh.com umac-128-etm@openssh.com hmac-sha2-256-etm@openssh.com hmac-sha2-512-etm@openssh.com "
        "hmac-sha1-etm@openssh.com umac-64@openssh.com umac-128@openssh.com hmac-sha2-256 hmac-sha2-512 hmac-sha1"
    ),
    "ModuliFile": "/etc/ssh/moduli",
    "PAMServiceName": "sshd",
    "PerSourcePenalties": _words(_PENALTIES),
    "PerSourcePenaltyExemptList": "none",
    "PubkeyAcceptedAlgorithms": _words(f"{_CERTIFIED} {_SIGNATURES}"),
    "RefuseConnection": False,
    "RequiredRSASize": 1024,
    "SshdAuthPath": "/usr/lib/openssh/sshd-auth",
    "SshdSessionPath": "/usr/lib/openssh/sshd-session",
    "UnusedConnectionTimeout": "none",
}


_UNTOLD = UnknownDefault("its default differs between releases, and is only known of some")


def defaults(files: Files) -> dict[str, DefaultValue]:
    """The defaults by keyword, as far as known for the release and the distribution that has built it."""
    distro = files.distro
    like = frozenset(() if distro is None else (distro.id, *distro.id_like))
    is_trixie = distro is not None and (distro.id, distro.version_id.split(".")[0]) == ("debian", "13")
    releases = files.releases(*OPENSSH.packages)
    untold = dict.fromkeys(_OPENSSH_10_0, _UNTOLD)
    standard = {
        **untold,
        **_EVERYWHERE,
        **defaults_here(files, OPENSSH, release=(10, 0) if is_trixie and not releases else None),
    }
    if "debian" in like:
        standard |= _DEBIAN
    if is_trixie and all(release[:2] == (10, 0) for release in releases):
        standard |= _OPENSSH_10_0
    if like & {"rhel", "fedora", "centos"} and any(release < (8,) for release in releases):
        standard["PermitRootLogin"] = "yes"  # a patch of Red Hat's
    return standard
