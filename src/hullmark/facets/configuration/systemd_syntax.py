"""Unit files as systemd.syntax(7) has them, and which of their settings are lists, switches or numbers."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

_SETS = """
After Before Requires Requisite Wants BindsTo PartOf Upholds Conflicts OnFailure OnSuccess PropagatesReloadTo
ReloadPropagatedFrom PropagatesStopTo StopPropagatedFrom JoinsNamespaceOf RequiresMountsFor WantsMountsFor Documentation
WantedBy RequiredBy UpheldBy Alias Also
SupplementaryGroups ReadWritePaths ReadOnlyPaths InaccessiblePaths ExecPaths NoExecPaths TemporaryFileSystem BindPaths
BindReadOnlyPaths RuntimeDirectory StateDirectory CacheDirectory LogsDirectory ConfigurationDirectory PassEnvironment
UnsetEnvironment EnvironmentFile CapabilityBoundingSet AmbientCapabilities SystemCallFilter SystemCallArchitectures
RestrictAddressFamilies RestrictFileSystems DeviceAllow IPAddressAllow IPAddressDeny SocketBindAllow SocketBindDeny
RestrictNetworkInterfaces SuccessExitStatus RestartPreventExitStatus RestartForceExitStatus Sockets Symlinks
"""
_LINES = """
ExecStart ExecStartPre ExecStartPost ExecCondition ExecReload ExecStop ExecStopPre ExecStopPost
ListenStream ListenDatagram ListenSequentialPacket ListenFIFO ListenSpecial ListenNetlink ListenMessageQueue
ListenUSBFunction OnCalendar OnActiveSec OnBootSec OnStartupSec OnUnitActiveSec OnUnitInactiveSec
PathExists PathExistsGlob PathChanged PathModified DirectoryNotEmpty LoadCredential LoadCredentialEncrypted SetCredential
SetCredentialEncrypted ImportCredential LogExtraFields OpenFile BPFProgram
"""
_SWITCHES = """
AllowIsolate DefaultDependencies IgnoreOnIsolate RefuseManualStart RefuseManualStop StopWhenUnneeded SurviveFinalKillSignal
RemainAfterExit GuessMainPID RootDirectoryStartOnly NonBlocking SendSIGHUP SendSIGKILL IgnoreSIGPIPE TTYReset TTYVHangup
TTYVTDisallocate DynamicUser SetLoginEnvironment NoNewPrivileges PrivateDevices PrivateNetwork PrivateMounts PrivateIPC
ProtectKernelTunables ProtectKernelModules ProtectKernelLogs ProtectClock ProtectHostname LockPersonality
MemoryDenyWriteExecute RestrictRealtime RestrictSUIDSGID RemoveIPC MountAPIVFS SyslogLevelPrefix CPUAccounting
MemoryAccounting TasksAccounting IOAccounting BlockIOAccounting IPAccounting
Accept KeepAlive NoDelay Broadcast Transparent FreeBind PassCredentials PassSecurity ReusePort RemoveOnStop Writable
FlushPending PassPacketInfo SELinuxContextFromNet
Persistent WakeSystem FixedRandomDelay OnClockChange OnTimezoneChange MakeDirectory ForceUnmount LazyUnmount SloppyOptions
ReadWriteOnly
"""
_NUMBERS = """
StartLimitBurst Nice OOMScoreAdjust CPUSchedulingPriority TimeoutStartBurst MaxConnections MaxConnectionsPerSource Backlog
IPTTL Mark Priority KeepAliveProbes TTYRows TTYColumns FileDescriptorStoreMax RestartSteps
"""

SETS, LINES = frozenset(_SETS.split()), frozenset(_LINES.split())
"""Settings whose lines add up: of the first kind each word counts, of the second each line."""

SWITCHES, NUMBERS = frozenset(_SWITCHES.split()), frozenset(_NUMBERS.split())
"""Settings that are on or off, and those that are plain numbers."""

_CONDITIONS = ("Condition", "Assert")
_YES = ("1", "yes", "y", "true", "t", "on")
_NO = ("0", "no", "n", "false", "f", "off")


class Assignment(msgspec.Struct, frozen=True):
    """One setting as it is written. An empty `value` resets a list."""

    section: str
    name: str
    value: str
    path: str
    line: int


class Fault(msgspec.Struct, frozen=True):
    """A line that cannot be read, and why."""

    reason: str
    line: int


def assignments(text: str, path: str) -> Iterator[Assignment | Fault]:
    """What a unit file says, in its order. Sections and settings that begin with `X-` are left out: they are for others."""
    section = ""
    for number, line in _join_lines(text):
        if line.startswith("["):
            section = line[1:-1] if line.endswith("]") else ""
            if not section:
                yield Fault("the name of a section is not closed", number)
            continue
        name, equals, value = line.partition("=")
        name = name.strip()
        if section.startswith("X-") or name.startswith("X-"):
            continue
        if not equals or not name:
            yield Fault("neither a section nor a setting", number)
        elif not section:
            yield Fault("a setting in front of every section", number)
        else:
            yield Assignment(section, name, value.strip(), path, number)


def _join_lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line with content, with the number it begins at: a backslash at its end is a blank, and the line goes on.

    Comments between the parts of a line are left out.
    """
    parts: list[str] = []
    start = 1
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip(" \t\r")
        if bare[:1] in ("#", ";"):
            continue
        if not parts:
            start = number
        goes_on = bare.endswith("\\")
        parts.append(bare[:-1] if goes_on else bare)
        if not goes_on:
            if joined := " ".join(parts).strip():
                yield start, joined
            parts = []
    if joined := " ".join(parts).strip():
        yield start, joined


def is_list(name: str) -> bool:
    """Whether the lines about a setting add up."""
    return name in SETS or name in LINES or name == "Environment" or name.startswith(_CONDITIONS)


def items(name: str, value: str) -> tuple[str, ...]:
    """What one line adds to a list."""
    if name in SETS:
        return tuple(value.split())
    return tuple(_quoted_words(value)) if name == "Environment" else (value,)


def scalar(name: str, value: str) -> bool | int | str:
    """A single value as systemd reads it: on and off in their spellings, plain numbers."""
    if name in SWITCHES and value.lower() in (*_YES, *_NO):
        return value.lower() in _YES
    if name in NUMBERS and value.lstrip("+-").isdecimal() and len(value) < 12 and value.isascii():
        return _number(value)
    return value


def _number(value: str) -> int | str:
    try:
        return int(value)
    except ValueError:
        return value


def _quoted_words(text: str) -> Iterator[str]:
    """Words, in which quotes hold blanks together and a backslash takes the next character as it is."""
    word: list[str] = []
    quote, begun, i = "", False, 0
    while i < len(text):
        c = text[i]
        if c == "\\" and i + 1 < len(text):
            i += 1
            word.append(text[i])
        elif quote:
            quote = "" if c == quote else quote
            word += [c] if quote else []
        elif c in "'\"":
            quote, begun = c, True
        elif c in " \t":
            if word or begun:
                yield "".join(word)
            word, begun = [], False
        else:
            word.append(c)
        i += 1
    if word or begun:
        yield "".join(word)
