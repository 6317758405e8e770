"""Messages that the `apprise` library passes on, in a process of its own that the guard holds too."""

from __future__ import annotations

import ssl
import subprocess
import sys
import time
from threading import BoundedSemaphore

import msgspec

from hullmark.net.guard import Guard
from hullmark.notify.apprise import LOCAL_SCHEMES, scheme_of
from hullmark.notify.channel import Again, MessageRefused, Relay, Reply
from hullmark.server.stories.notice.relay_child import Order, RelayOutcome

_CHILD = "hullmark.server.stories.notice.relay_child"
_ENVIRONMENT = {"HOME": "/nonexistent", "NETRC": "/dev/null", "PATH": "/nonexistent"}
"""Its whole environment: no proxies, no logins, no user's settings."""

_AT_ONCE = BoundedSemaphore(8)
"""Each is a process of some 40 MiB. Only messages of this kind wait for each other."""

MISSING = "apprise is not installed where the server's workers run: pip install 'hullmark[notice]'"


def relay(guard: Guard, sent: Relay, timeout: float) -> Reply:
    """Have a message passed on. Raises Again where the service did not take it, Refused for a URL that nothing can be sent to."""
    scheme = scheme_of(sent.url)
    if scheme in LOCAL_SCHEMES:
        raise MessageRefused(f"{scheme}:// reaches this machine only, and is not used")
    order = Order(
        url=sent.url,
        title=sent.title,
        body=sent.body,
        level=sent.level,
        allowed=",".join(str(network) for network in guard.allowed),
        strict=guard.strict,
        ca_file=ssl.get_default_verify_paths().cafile or "",
    )
    ends = time.monotonic() + timeout
    if not _AT_ONCE.acquire(timeout=timeout):
        raise Again("too many messages are passed on at this moment")
    try:
        outcome = _answer_of_child(order, scheme, max(ends - time.monotonic(), 1.0))
    finally:
        _AT_ONCE.release()
    match outcome.kind:
        case "done":
            return Reply(status=200)
        case "forbidden":
            raise MessageRefused(f"{scheme}: {outcome.reason}")
        case "meaningless":
            raise MessageRefused(
                f"apprise knows no service by this {scheme or 'URL'}:// address: check how it is written"
            )
        case "missing":
            raise Again(MISSING)
        case _:
            raise Again(f"{scheme}: {outcome.reason or 'the service did not take the message'}")


def _answer_of_child(order: Order, scheme: str, timeout: float) -> RelayOutcome:
    try:
        done = subprocess.run(  # noqa: S603 — no word of the command comes from outside
            [sys.executable, "-I", "-B", "-X", "utf8", "-m", _CHILD],
            input=msgspec.json.encode(order),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
            env=_ENVIRONMENT,
            cwd="/",
        )
    except subprocess.TimeoutExpired as error:
        raise Again(f"{scheme}: it was not done within {timeout:.0f} seconds") from error
    except OSError as error:
        raise Again(f"no process for apprise could be started ({error.strerror})") from error
    try:
        return msgspec.json.decode(done.stdout, type=RelayOutcome)
    except msgspec.DecodeError as error:
        raise Again(f"{scheme}: apprise ended with status {done.returncode}") from error
