"""Where connections may lead: tables, ipaddress as oracle, and real servers that must not be reached."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.model.image import Platform
from hullmark.net.errors import ForbiddenAddress, Unreachable
from hullmark.net.guard import Address, Guard, find_embedded_addresses, is_own, parse_networks
from hullmark.net.http import Client, HttpSettings, Request
from hullmark.net.trust import Trust
from hullmark.source.distribution import http_settings, open_reference
from hullmark.source.source import SourceOptions
from tests.support.images import Blobs
from tests.support.registry import Certificates, FakeRegistry, make_certificates

GUARD = Guard(is_own=lambda address: False)
STRICT = replace(GUARD, strict=True)
LOOPBACK = parse_networks("127.0.0.0/8")
SETTINGS = HttpSettings(timeout=5, retries=0, trust=Trust(certs_dirs=()), guard=Guard())


def passes(guard: Guard, address: str | Address) -> bool:
    try:
        guard.check(address)
    except ForbiddenAddress as error:
        return not error.advice
    return True


def words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize(
    "address",
    words("""
    0.0.0.0 0.1.2.3 127.0.0.1 127.255.255.255 169.254.0.1 169.254.169.254 169.254.170.2 100.100.100.200 168.63.129.16 192.0.0.192
    224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
    :: ::1 ::2 fe80::1 fe80::1%1 febf::1 fec0::1 ff02::1 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fd00:42::42
    ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 ::ffff:0:127.0.0.1
    64:ff9b::127.0.0.1 64:ff9b::169.254.169.254 64:ff9b::a9fe:a9fe 64:ff9b:1::10.0.0.1
    2002:7f00:1:: 2002:a9fe:a9fe::1 2001:0:7f00:1::1 2001:0:808:808::80ff:fffe 2a00::5efe:127.0.0.1 2a00::200:5efe:127.0.0.1
    """),
)
def test_what_is_here_or_near_is_refused(address: str) -> None:
    assert not passes(GUARD, address)
    assert not passes(STRICT, address)


@pytest.mark.parametrize(
    "address",
    words("""
    8.8.8.8 1.1.1.1 126.255.255.255 128.0.0.1 169.253.255.255 169.255.0.0 192.0.1.1 223.255.255.255
    2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2a00::5efe:8.8.8.8
    """),
)
def test_what_is_elsewhere_is_let_pass(address: str) -> None:
    assert passes(GUARD, address)
    assert passes(STRICT, address)


@pytest.mark.parametrize(
    "address",
    words(
        "10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 100.100.100.199 fd12::1 fc00::1 ::ffff:10.0.0.1 64:ff9b::10.0.0.1"
    ),
)
def test_private_networks_are_refused_by_the_strict_alone(address: str) -> None:
    assert passes(GUARD, address)
    assert not passes(STRICT, address)
    allowed = parse_networks("10.0.0.0/8 172.16.0.0/12,192.168.0.0/16, 100.64.0.0/10 fc00::/7")
    assert passes(replace(STRICT, allowed=allowed), address) or address.startswith("64:")


@pytest.mark.parametrize(
    ("allowed", "address", "may"),
    [
        ("127.0.0.0/8", "127.0.0.1", True),
        ("127.0.0.0/8", "::ffff:127.0.0.1", True),
        ("127.0.0.0/8", "::1", False),
        ("127.0.0.1", "127.0.0.2", False),
        ("::1", "::1", True),
        ("::1", "127.0.0.1", False),
        ("fe80::/10", "fe80::1%1", True),
        ("64:ff9b:1::/48", "64:ff9b:1::10.0.0.1", False),
        ("64:ff9b:1::/48", "64:ff9b:1::8.8.8.8", True),
        ("169.254.169.254", "64:ff9b::169.254.169.254", True),
        ("0.0.0.0/0", "169.254.169.254", True),
        ("0.0.0.0/0", "::1", False),
    ],
)
def test_what_is_allowed_is_let_pass(allowed: str, address: str, may: bool) -> None:
    expected = may or allowed == "64:ff9b:1::/48"  # what is allowed as it is written is not looked into
    assert passes(replace(GUARD, allowed=parse_networks(allowed)), address) is expected


@pytest.mark.parametrize("text", ["", "x", "localhost", "1.2.3", "1.2.3.4.5", "01.2.3.4", "::g", "[::1]", "1.2.3.4/32"])
def test_what_is_no_address_is_refused(text: str) -> None:
    assert not passes(GUARD, text)


@given(st.ip_addresses(v=4))
def test_the_strict_let_pass_what_is_global(address: ipaddress.IPv4Address) -> None:
    clouds = {ipaddress.ip_address("100.100.100.200"), ipaddress.ip_address("168.63.129.16")}
    special = address.is_multicast or address in ipaddress.ip_network("192.0.0.0/24") or address in clouds
    assert passes(STRICT, address) == (address.is_global and not special)


@given(st.ip_addresses(v=4))
def test_nothing_that_the_oracle_calls_local_passes(address: ipaddress.IPv4Address) -> None:
    local = (
        address.is_loopback,
        address.is_link_local,
        address.is_multicast,
        address.is_unspecified,
        address.is_reserved,
    )
    if any(local):
        assert not passes(GUARD, address)


@given(st.ip_addresses(v=6))
def test_nothing_of_ipv6_that_the_oracle_calls_local_passes(address: ipaddress.IPv6Address) -> None:
    local = (address.is_loopback, address.is_link_local, address.is_multicast, address.is_unspecified)
    if any(local):
        assert not passes(GUARD, address)
    if passes(STRICT, address):
        assert address.is_global or address.ipv4_mapped is not None


@pytest.mark.parametrize(
    "form", ["::ffff:{}", "::{}", "::ffff:0:{}", "64:ff9b::{}", "2a00:1::5efe:{}", "2a00:1::200:5efe:{}"]
)
@given(address=st.ip_addresses(v=4))
def test_an_address_in_another_is_as_good_as_that(form: str, address: ipaddress.IPv4Address) -> None:
    outer = ipaddress.ip_address(form.format(address))
    if int(outer) > 1:
        assert address in find_embedded_addresses(outer)
    assert passes(GUARD, outer) == (passes(GUARD, address) and int(outer) > 1)


@given(st.ip_addresses(v=4))
def test_6to4_and_teredo_are_read(address: ipaddress.IPv4Address) -> None:
    sixtofour = ipaddress.IPv6Address(0x2002 << 112 | int(address) << 80 | 1)
    teredo = ipaddress.IPv6Address(0x20010000 << 96 | int(address) << 64 | (0xFFFFFFFF ^ int(address)))
    assert list(find_embedded_addresses(sixtofour)) == [address]
    assert list(find_embedded_addresses(teredo)) == [address, address]
    assert passes(GUARD, sixtofour) == passes(GUARD, teredo) == passes(GUARD, address)


def own_address() -> str:
    """The address that this machine would send from. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no network")
        return str(probe.getsockname()[0])


def test_the_machines_own_addresses_are_refused() -> None:
    address = own_address()
    if is_own(ipaddress.ip_address(address)) is False:
        pytest.skip("this machine lets any address be bound to")
    assert not passes(Guard(), address)
    assert not passes(Guard(), f"::ffff:{address}")
    assert not passes(Guard(), f"64:ff9b::{address}")
    assert passes(Guard(allowed=parse_networks(address)), address)
    assert not is_own(ipaddress.ip_address("192.0.2.7"))
    assert not is_own(ipaddress.ip_address("2001:db8::7"))
    assert passes(Guard(), "192.0.2.7")


@pytest.mark.parametrize(
    "host",
    words("""
    localhost LOCALHOST. a.localhost 127.0.0.1 127.1 2130706433 0x7f000001 0177.0.0.1 0x7f.1 0 [::1] ::1 ::ffff:127.0.0.1 127.0.0.1.
    169.254.169.254 0xa9fea9fe 169.16689662 metadata.google.internal [fd00:ec2::254]
    \uff11\uff12\uff17.0.0.1 127\u30020\u30020\u30021 \u2460\u2461\u2466.0.0.1
    """),
)
def test_names_that_a_proxy_would_take_for_itself_are_refused(host: str) -> None:
    with pytest.raises(ForbiddenAddress):
        GUARD.check_name(host)


@pytest.mark.parametrize(
    "host", ["example.com", "8.8.8.8", "10.0.0.1", "registry", "localhost.example.com", "", "ä.de"]
)
def test_other_names_are_the_proxys_to_resolve(host: str) -> None:
    GUARD.check_name(host)


@given(st.text())
def test_any_name_is_checked_or_refused(host: str) -> None:
    with suppress(ForbiddenAddress):
        GUARD.check_name(host)


def test_networks_are_read_from_a_list() -> None:
    assert [str(network) for network in parse_networks(" 127.0.0.0/8,::1\n10.0.0.1 ,, fd00::/8 ")] == [
        "127.0.0.0/8",
        "::1/128",
        "10.0.0.1/32",
        "fd00::/8",
    ]
    assert parse_networks("") == ()


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("127.0.0.1/8", "127.0.0.0/8"),
        ("localhost", "::1"),
        ("10.0.0.0/33", "::1"),
        ("1.2.3.4:80", "::1"),
        ("x" * 9999, "::1"),
    ],
)
def test_what_is_no_network_is_named(text: str, advice: str) -> None:
    with pytest.raises(HullmarkError, match="HULLMARK_ALLOW_ADDRESSES") as refused:
        parse_networks(f"::1, {text}")
    assert advice in refused.value.advice
    assert len(str(refused.value)) < 200


def test_lists_of_networks_are_bounded() -> None:
    assert len(parse_networks("10.0.0.1 " * 1000)) == 1000
    with pytest.raises(HullmarkError):
        parse_networks("10.0.0.1 " * 1001)


@given(st.lists(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), max_size=5))
def test_every_address_is_a_network(addresses: list[Address]) -> None:
    assert parse_networks(",".join(map(str, addresses))) == tuple(ipaddress.ip_network(one) for one in addresses)


@pytest.fixture
def server() -> Iterator[FakeRegistry]:
    with FakeRegistry(Blobs()).running() as running:
        yield running


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("ca"))


def fetch(url: str, guard: Guard | None, environment: dict[str, str] | None = None) -> bytes:
    settings = replace(SETTINGS, guard=guard, environment=environment or {})
    return Client(settings).fetch(Request(url), 100).body


def named(monkeypatch: pytest.MonkeyPatch, **hosts: list[str]) -> list[str]:
    """Let names (`_` for a dot) have these addresses, one answer after the other if they are asked again. The log of questions."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def answer(host: str, port: int, *more: Any, **others: Any) -> list[Any]:
        key = host.replace(".", "_")
        if key not in hosts:
            return real(host, port, *more, **others)
        asked.append(host)
        found = hosts[key]
        addresses = found.pop(0) if len(found) > 1 else found[0]
        return [info for one in addresses.split() for info in real(one, port, 0, socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


def test_a_server_on_this_machine_is_refused_unless_allowed(server: FakeRegistry) -> None:
    server.answers = [(200, {}, b"ok")] * 2
    with pytest.raises(ForbiddenAddress, match=r"127\.0\.0\.1"):
        fetch(server.url + "/", Guard())
    assert server.log == []
    assert fetch(server.url + "/", Guard(allowed=LOOPBACK)) == b"ok"
    assert fetch(server.url + "/", None) == b"ok"


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f000001", "0", "[::ffff:127.0.0.1]", "[::]"])
def test_other_words_for_this_machine_do_not_help(server: FakeRegistry, host: str) -> None:
    with pytest.raises(ForbiddenAddress):
        fetch(f"http://{host}:{server.url.rpartition(':')[2]}/", Guard())
    assert server.log == []


def test_the_machines_own_address_is_refused() -> None:
    with pytest.raises(ForbiddenAddress):
        fetch(f"http://{own_address()}:1/", Guard())


def test_tls_is_guarded_too(certificates: Certificates) -> None:
    with FakeRegistry(Blobs(), tls=certificates.server_context()).running() as server:
        server.answers = [(200, {}, b"ok")]
        trust = Trust(ca_file=str(certificates.ca), certs_dirs=())
        with pytest.raises(ForbiddenAddress):
            Client(replace(SETTINGS, trust=trust)).fetch(Request(server.url + "/"), 10)
        allowing = replace(SETTINGS, trust=trust, guard=Guard(allowed=LOOPBACK))
        assert Client(allowing).fetch(Request(server.url + "/"), 10).body == b"ok"


def test_a_redirect_to_what_is_forbidden_is_not_followed(server: FakeRegistry) -> None:
    guard = Guard(allowed=parse_networks("127.0.0.1"))
    server.answers = [(302, {"Location": "http://169.254.169.254/latest/meta-data/"}, b"")]
    with pytest.raises(ForbiddenAddress, match=r"169\.254\.169\.254"):
        fetch(server.url + "/", guard)
    server.answers = [(307, {"Location": server.url.replace("127.0.0.1", "127.0.0.2")}, b"")]
    with pytest.raises(ForbiddenAddress, match=r"127\.0\.0\.2"):
        fetch(server.url + "/", guard)


def test_a_name_that_leads_to_what_is_forbidden_is_refused(
    server: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    named(monkeypatch, registry_example=["127.0.0.1"])
    with pytest.raises(ForbiddenAddress):
        fetch(server.url.replace("127.0.0.1", "registry.example") + "/", Guard())
    assert server.log == []


def test_a_name_that_changes_its_mind_is_asked_once_a_connection(
    server: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.url.replace("127.0.0.1", "rebinding.example") + "/"
    allowed = Guard(allowed=parse_networks("127.0.0.2"))
    asked = named(monkeypatch, rebinding_example=["127.0.0.2", "127.0.0.1"])
    with pytest.raises(Unreachable):  # nobody listens at the address that was checked, and no other is tried
        fetch(url, allowed)
    assert asked == ["rebinding.example"]
    with pytest.raises(ForbiddenAddress):
        fetch(url, allowed)
    assert server.log == []


def test_of_several_addresses_only_those_that_may_be_are_tried(
    server: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers = [(200, {}, b"ok")]
    url = server.url.replace("127.0.0.1", "several.example") + "/"
    named(monkeypatch, several_example=["169.254.169.254 127.0.0.2 127.0.0.1"])
    assert fetch(url, Guard(allowed=LOOPBACK)) == b"ok"
    with pytest.raises(Unreachable):
        fetch(url, Guard(allowed=parse_networks("127.0.0.2")))
    assert len(server.log) == 1


def test_names_that_do_not_exist_and_ports_that_are_closed_are_told_as_ever() -> None:
    with pytest.raises(Unreachable, match="not known"):
        fetch("http://no-such-host.invalid/", Guard())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable, match="refuses connections"):
        fetch(f"http://127.0.0.1:{port}/", Guard(allowed=LOOPBACK))
    with pytest.raises(HullmarkError):
        fetch(f"http://{'x' * 70}.example/", Guard())


def test_a_proxy_is_checked_and_what_it_is_asked_for_as_written(server: FakeRegistry) -> None:
    proxied = {"HTTP_PROXY": server.url}
    with pytest.raises(ForbiddenAddress, match=r"127\.0\.0\.1"):
        fetch("http://registry.example/", Guard(), proxied)
    server.answers = [(200, {}, b"by the proxy")]
    allowing = Guard(allowed=parse_networks("127.0.0.1"))
    assert fetch("http://registry.example/", allowing, proxied) == b"by the proxy"
    assert server.log[0][1] == "http://registry.example/"
    for target in (
        "169.254.169.254",
        "0xa9fea9fe",
        "[::ffff:a9fe:a9fe]",
        "metadata.google.internal",
        "127.0.0.2\\@registry.example",
        "registry.example\\@x",
        "u@registry.example",
    ):
        with pytest.raises(ForbiddenAddress):
            fetch(f"http://{target}/", allowing, proxied)
    assert len(server.log) == 1


def test_a_tls_target_behind_a_proxy_is_checked(server: FakeRegistry) -> None:
    proxied = {"HTTPS_PROXY": server.url}
    with pytest.raises(ForbiddenAddress, match=r"127\.0\.0\.1"):
        fetch("https://registry.example/", Guard(), proxied)
    with pytest.raises(ForbiddenAddress, match=r"169\.254\.169\.254"):
        fetch("https://169.254.169.254/", Guard(allowed=LOOPBACK), proxied)
    assert server.log == []


def options(guard: Guard | None) -> SourceOptions:
    return SourceOptions(
        guard=guard,
        retries=0,
        insecure=True,
        certs_dirs=(),
        auth_files=(),
        registry_files=(),
        platform=Platform("linux", "amd64"),
    )


def test_a_registry_is_opened_through_the_guard_of_the_options(server: FakeRegistry, tmp_path: Path) -> None:
    assert http_settings(options(None)).guard is None
    with pytest.raises(ForbiddenAddress):
        open_reference(f"{server.host}/shop:1", "shop:1", options(Guard()))
    assert server.log == []
    with pytest.raises(HullmarkError) as missing:
        open_reference(f"{server.host}/shop:1", "shop:1", options(Guard(allowed=LOOPBACK)))
    assert not isinstance(missing.value, ForbiddenAddress)
    assert server.log


def test_a_token_realm_is_guarded_too(server: FakeRegistry) -> None:
    server.anonymous = False
    server.realm = "http://169.254.169.254/token"
    with pytest.raises(ForbiddenAddress, match=r"169\.254\.169\.254"):
        open_reference(f"{server.host}/shop:1", "shop:1", options(Guard(allowed=LOOPBACK)))
