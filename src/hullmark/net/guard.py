"""Where connections may lead when others name the targets: not to this machine, its link, or a cloud's metadata.

The check is on the final address, after names were resolved, so that a name that changes its address does not
matter. IPv6 addresses that map IPv4 ones are checked as those.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.errors import ForbiddenAddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

VARIABLE = "HULLMARK_ALLOW_ADDRESSES"
MAX_NETWORKS = Limit(1000, "networks that may be reached though they are private", "refused")

_SEPARATOR = re.compile(r"[,\s]+")
_ADVICE = f"if it is meant to be reached, the operator allows it with {VARIABLE}"

_FORBIDDEN: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "this machine"),
    ("127.0.0.0/8", "this machine"),
    ("169.254.0.0/16", "link-local, or a cloud's metadata"),
    ("100.100.100.200/32", "a cloud's metadata"),  # Alibaba
    ("168.63.129.16/32", "a cloud's metadata"),  # Azure
    ("192.0.0.0/24", "a cloud's metadata, or for protocols only"),  # Oracle: 192.0.0.192
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved, or broadcast"),
    ("::/128", "this machine"),
    ("::1/128", "this machine"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "multicast"),
    ("fd00:ec2::/32", "a cloud's metadata"),  # AWS: ::254, and its time and name servers
    ("fd20:ce::254/128", "a cloud's metadata"),  # Google
    ("fd00:42::42/128", "a cloud's metadata"),  # Scaleway
    # RFC 8215: each network chooses where in it the IPv4 address is, so it cannot be extracted.
    ("64:ff9b:1::/48", "an IPv4 address in a network's own translation"),
)

_LOCAL_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")
_METADATA_NAMES = (
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "instance-data",
    "instance-data.ec2.internal",
)
_TEST_NET = {4: "192.0.2.1", 6: "2001:db8::1"}
"""Addresses of documentation (RFC 5737, 3849), which no machine has."""


def is_own(address: Address) -> bool:
    """Is this one of the machine's own addresses, of whatever interface? Only those can be bound to."""
    return _can_bind(str(address), address.version) and not _can_bind(_TEST_NET[address.version], address.version)


def _can_bind(address: str, version: int) -> bool:
    import socket

    family = socket.AF_INET if version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Guard:
    """Which addresses may be connected to. `allowed` may be, whatever they are; `strict` refuses private networks as well.

    `is_own` tells the machine's own addresses.
    """

    allowed: tuple[Network, ...] = ()
    strict: bool = False
    is_own: Callable[[Address], bool] = is_own

    def check(self, address: str | Address) -> None:
        """Raises Forbidden if no connection may lead to this address, or the text is not an address."""
        try:
            plain = ipaddress.ip_address(address)
        except ValueError as error:
            raise ForbiddenAddress(
                f"{str(address)[:80]!r} is not an address to connect to", advice="check the address"
            ) from error
        if isinstance(plain, ipaddress.IPv6Address):
            plain = plain.ipv4_mapped or ipaddress.IPv6Address(int(plain))  # without its scope
        if self._allows(plain):
            return
        for meant in (plain, *find_embedded_addresses(plain)):
            if not self._allows(meant) and (reason := self._reason(meant)):
                raise ForbiddenAddress(f"no connection may lead to {plain}: it is {reason}", advice=_ADVICE)

    def check_name(self, host: str) -> None:
        """Check a host that somebody else, a proxy, will resolve: addresses in any notation, and names that mean this machine.

        Raises Forbidden. What a name leads to there, that proxy has to know.
        """
        # Digits and dots of other scripts mean the same to who maps them (UTS 46).
        name = unicodedata.normalize("NFKC", host).replace("\u3002", ".").strip("[]").lower().rstrip(".")
        if name in _LOCAL_NAMES or name.endswith(".localhost"):
            self.check("127.0.0.1")
        elif name in _METADATA_NAMES:
            self.check("169.254.169.254")
        elif (literal := _literal(name)) is not None:
            self.check(literal)

    def _allows(self, address: Address) -> bool:
        return any(address in network for network in self.allowed)

    def _reason(self, address: Address) -> str:
        for network, reason in _forbidden():
            if address in network:
                return reason
        if self.is_own(address):
            return "this machine"
        if self.strict and not address.is_global:
            return "of a private network"
        return ""


@cache
def _forbidden() -> tuple[tuple[Network, str], ...]:
    return tuple((ipaddress.ip_network(network), reason) for network, reason in _FORBIDDEN)


def find_embedded_addresses(address: Address) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 addresses that packets to an IPv6 address may be sent to in the end, by how they are written in it."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    number = int(address)
    low = ipaddress.IPv4Address(number & 0xFFFFFFFF)
    prefix = number >> 32
    # Mapped (RFC 4291), translated (RFC 7915, once ::ffff:0:a.b.c.d), NAT64 (RFC 6052), compatible (once ::a.b.c.d).
    if prefix in (0xFFFF, 0xFFFF0000, 0x64FF9B << 64) or (prefix == 0 and number > 1):
        yield low
    # An interface of ISATAP (RFC 5214), in any network.
    if prefix & 0xFDFFFFFF == 0x5EFE:
        yield low
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo


def _literal(name: str) -> Address | None:
    """The address that a host is written as, also in the old notations (127.1, 0x7f000001) that C libraries take."""
    import socket

    try:
        return ipaddress.ip_address(name)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(name))
    except (OSError, UnicodeError, ValueError):
        return None


def parse_networks(text: str, variable: str = VARIABLE) -> tuple[Network, ...]:
    """The networks of a list such as `127.0.0.0/8,::1`, which `variable` gives. Raises HullmarkError if it is not valid."""
    words = [word for word in _SEPARATOR.split(text) if word]
    if len(words) > MAX_NETWORKS:
        raise HullmarkError(f"{variable} names more than {MAX_NETWORKS} networks", advice="name larger networks")
    return tuple(_network(word, variable) for word in words)


def _network(word: str, variable: str) -> Network:
    try:
        return ipaddress.ip_network(word)
    except ValueError:
        pass
    try:
        advice = f"write {ipaddress.ip_network(word, strict=False)}, or the address alone"
    except ValueError:
        advice = "write addresses and networks, as in 127.0.0.0/8,::1"
    raise HullmarkError(f"{variable}: {word[:80]!r} is not a network", advice=advice)
