"""A process in which the `apprise` library passes one message on, and which ends then.

The library and its plugins have connections and habits of their own. Here they can reach only addresses that the guard lets pass, read
only what Python is made of, write nothing, start nothing, and use no more than they may. It reads an Order and writes an Outcome, in JSON.
"""

from __future__ import annotations

import logging
import os
import re
import resource
import sys
from collections.abc import Iterable
from typing import Any, Literal
from urllib.parse import unquote

import msgspec

from hullmark.net.errors import ForbiddenAddress
from hullmark.net.guard import Guard, parse_networks

CPU_SECONDS = 10
MEMORY_BYTES = 1 << 30

_NEVER = frozenset(
    (
        *(
            "subprocess.Popen",
            "os.system",
            "os.exec",
            "os.fork",
            "os.forkpty",
            "os.posix_spawn",
            "os.spawn",
            "pty.spawn",
        ),
        *("ctypes.dlopen", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate"),
        *("os.chmod", "os.chown", "os.putenv", "os.kill", "tempfile.mkstemp", "tempfile.mkdtemp"),
    )
)
_SENDS = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg"))
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_LIBRARIES = ("/usr/share/zoneinfo/", "/dev/null", "/dev/urandom", "/etc/mime.types")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be passed on. `allowed` and `strict` are the guard's; `ca_file` holds the trusted CAs ("": the library's own)."""

    url: str
    title: str
    body: str
    level: str
    allowed: str
    strict: bool
    ca_file: str


class RelayOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to it. `meaningless`: the URL names no service; `missing`: the library is not installed."""

    kind: Literal["done", "failed", "forbidden", "meaningless", "missing"]
    reason: str = ""


class AuditHook:
    """What is asked before anything reaches beyond the process (PEP 578); it cannot be taken away again."""

    def __init__(self, guard: Guard, readable: Iterable[str]) -> None:
        self._guard = guard
        self._readable = tuple(readable)
        self.refused: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _SENDS:
            self._address(arguments[1])
        elif event == "open":
            self._file(*arguments)
        elif event in _NEVER:
            raise PermissionError(f"{event} is not allowed here")

    def _address(self, address: object) -> None:
        if address is None:  # of a connection that was checked when it was made
            return
        host = address[0] if isinstance(address, tuple) and address else address
        try:
            # A name is refused too: its address could not be checked.
            self._guard.check(host if isinstance(host, str) else "a socket of this machine")
        except ForbiddenAddress as error:
            self.refused.append(str(error))
            raise PermissionError(str(error)) from error

    def _file(self, path: object, mode: str | None, flags: int | None) -> None:
        if isinstance(path, int):
            return
        name = os.path.realpath(os.fsdecode(path)) if isinstance(path, str | bytes) else ""
        if (flags or 0) & _WRITES or (mode and set(mode) & set("wax+")) or not name.startswith(self._readable):
            raise PermissionError("no file of this machine is opened here")


def main() -> None:
    """Pass one message on."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if order.ca_file:
        os.environ["REQUESTS_CA_BUNDLE"] = order.ca_file
    sys.stdout.buffer.write(msgspec.json.encode(passed_on(order)))
    sys.stdout.buffer.flush()


def passed_on(order: Order) -> RelayOutcome:
    """Have the library pass it on, behind the wall."""
    try:
        import apprise
        from apprise.manager_plugins import NotificationManager
    except ImportError:
        return RelayOutcome(kind="missing")
    # All of them now, since nothing more is loaded behind the wall.
    manager: Any = NotificationManager
    manager().load_modules()
    warning = _LastWarning(logging.WARNING)
    logging.getLogger("apprise").addHandler(warning)
    guard = Guard(parse_networks(order.allowed), order.strict)
    wall = AuditHook(guard, (*_LIBRARIES, *(f"{os.path.realpath(path)}/" for path in sys.path if path)))
    sys.addaudithook(wall)

    asset = apprise.AppriseAsset(storage_mode="memory", async_mode=False)
    asset.http_redirects = False
    service = apprise.Apprise.instantiate(order.url, asset=asset)
    if not isinstance(service, apprise.NotifyBase):
        return RelayOutcome(kind="meaningless")
    services = apprise.Apprise(asset=asset)
    services.add(service)
    is_done = services.notify(
        order.body,
        title=order.title,
        notify_type=apprise.NotifyType(order.level),
        body_format=apprise.NotifyFormat.TEXT,
    )
    if is_done and not wall.refused:
        return RelayOutcome(kind="done")
    if wall.refused:
        return RelayOutcome(kind="forbidden", reason=wall.refused[0][:300])
    return RelayOutcome(kind="failed", reason=without_secrets(warning.last, order.url)[:300])


def without_secrets(text: str, url: str) -> str:
    """A text without any part of a URL but its scheme and host: they are tokens and passwords."""
    scheme, _, rest = url.partition("://")
    shown = {scheme.lower()}
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:  # else what looks like a host may be a token
        shown.add(authority.rpartition("@")[2].partition(":")[0].lower())
    parts = {part for raw in re.split(r"[/:@?&=#,]+", rest) for part in (raw, unquote(raw)) if len(part) > 3}
    for part in sorted(parts, key=len, reverse=True):
        if part.lower() not in shown:
            text = text.replace(part, "…")
    return " ".join(text.split())


class _LastWarning(logging.Handler):
    """The last warning."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


if __name__ == "__main__":
    main()
