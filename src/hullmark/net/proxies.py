"""Which proxy a connection goes through: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, read as Go programs do.

Go's rules are those of the container tools beside us: lower-case names win, a plain name in NO_PROXY covers its
subdomains too, a leading dot only those, addresses may be CIDR ranges, and this machine is never proxied.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from hullmark.model.errors import HullmarkError

_SEPARATOR = re.compile(r"[,\s]+")
_PORT = re.compile(r"(.+):([0-9]{1,5})").fullmatch
_SCHEMES = ("http", "https")


def is_loopback(host: str) -> bool:
    """Is this a name or address of the machine itself?"""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and address.is_loopback


def proxy_for(scheme: str, host: str, port: int, environment: Mapping[str, str]) -> str | None:
    """The URL of the proxy for this target, or None for a direct connection.

    Raises HullmarkError for a proxy setting that cannot be used.
    """
    if is_loopback(host) or _exempt(host, port, _variable("no_proxy", environment)):
        return None
    proxy = _variable(f"{scheme}_proxy", environment) or _variable("all_proxy", environment)
    if not proxy:
        return None
    return _check_proxy(proxy if "://" in proxy else f"http://{proxy}", f"{scheme.upper()}_PROXY")


def _variable(name: str, environment: Mapping[str, str]) -> str:
    return (environment.get(name) or environment.get(name.upper()) or "").strip()


def _check_proxy(proxy: str, variable: str) -> str:
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        # The value may hold a password, so it is not repeated.
        raise HullmarkError(
            f"{variable} does not name a proxy that can be used",
            advice="set it to http://HOST:PORT or https://HOST:PORT",
        )
    return proxy


def _exempt(host: str, port: int, no_proxy: str) -> bool:
    name = host.strip("[]").lower().rstrip(".")
    address = _address(name)
    return any(_covers(entry.lower(), name, address, port) for entry in _SEPARATOR.split(no_proxy) if entry)


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _covers(entry: str, name: str, address: _Address | None, port: int) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        return address is not None and _in_range(address, entry)
    if _address(entry.strip("[]")) is None and (with_port := _PORT(entry)):
        if int(with_port[2]) != port:
            return False
        entry = with_port[1]
    entry = entry.strip("[]")
    if (wanted := _address(entry)) is not None:
        return wanted == address
    entry = entry.removeprefix("*")
    if entry.startswith("."):
        return name.endswith(entry)
    return name == entry or name.endswith(f".{entry}")


def _address(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _in_range(address: _Address, entry: str) -> bool:
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
