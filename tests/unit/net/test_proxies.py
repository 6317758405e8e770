"""Which proxy is taken, and how long one waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.net.proxies import is_loopback, proxy_for
from hullmark.net.wait import backoff, retry_after

PROXY = "http://proxy.test:3128"


@pytest.mark.parametrize(
    ("no_proxy", "host", "is_direct"),
    [
        ("", "example.org", False),
        ("*", "example.org", True),
        ("example.org", "example.org", True),
        ("example.org", "Registry.Example.ORG", True),
        ("example.org", "badexample.org", False),
        (".example.org", "registry.example.org", True),
        (".example.org", "example.org", False),
        ("*.example.org", "registry.example.org", True),
        ("other.test, example.org", "example.org", True),
        ("other.test example.org", "example.org", True),
        ("example.org:443", "example.org", True),
        ("example.org:5000", "example.org", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3:443", "10.1.2.3", True),
        ("fd00::/8", "[fd00::1]", True),
        ("[fd00::1]:443", "[fd00::1]", True),
        ("fd00::1", "fd00::1", True),
        ("10.0.0.0/99", "10.1.2.3", False),
        (",,", "example.org", False),
    ],
)
def test_no_proxy_covers_names_subdomains_ports_and_ranges(no_proxy: str, host: str, is_direct: bool) -> None:
    found = proxy_for("https", host, 443, {"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy})
    assert found == (None if is_direct else PROXY)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "a.localhost"])
def test_this_machine_is_never_proxied(host: str) -> None:
    assert is_loopback(host)
    assert proxy_for("http", host, 80, {"HTTP_PROXY": PROXY}) is None


def test_lower_case_wins_and_all_proxy_comes_last() -> None:
    environment = {"https_proxy": "http://lower", "HTTPS_PROXY": "http://upper", "ALL_PROXY": "http://all"}
    assert proxy_for("https", "a", 443, environment) == "http://lower"
    assert proxy_for("http", "a", 80, environment) == "http://all"
    assert proxy_for("https", "a", 443, {}) is None


def test_a_proxy_without_scheme_is_http() -> None:
    assert proxy_for("https", "a", 443, {"HTTPS_PROXY": "proxy:3128"}) == "http://proxy:3128"


@pytest.mark.parametrize("proxy", ["socks5://x:1080", "http://", "http://u:secret@h:99999", "ftp://secret@x"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_value(proxy: str) -> None:
    with pytest.raises(HullmarkError) as caught:
        proxy_for("https", "a", 443, {"HTTPS_PROXY": proxy})
    assert "HTTPS_PROXY" in str(caught.value)
    assert "secret" not in str(caught.value)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_setting_is_read_or_refused(no_proxy: str, host: str) -> None:
    assert proxy_for("https", host, 443, {"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy}) in (None, PROXY)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("3", 3.0), (" 120 ", 120.0), ("", None), ("soon", None), ("-1", None), ("1.5", None), ("²", None),
     ("Thu, 01 Jan 1970 00:01:40 GMT", 90.0), ("Thu, 01 Jan 1970 00:00:05 GMT", 0.0)],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after(value, 10.0) == seconds


@given(st.text(max_size=40))
def test_any_retry_after_is_understood_or_not(value: str) -> None:
    seconds = retry_after(value, 0.0)
    assert seconds is None or seconds >= 0


def test_waits_grow_and_are_bounded() -> None:
    assert [backoff(n) for n in (0, 1, 2, 3, 4, 5, 100000)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
