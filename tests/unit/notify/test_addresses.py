"""Addresses as they may be shown: where to is seen, and no secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.notify.addresses import masked_address


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.example.com/hullmark", "https://hooks.example.com/hullmark"),
        ("https://h.example.com:8443/a/b?channel=ops&room=2", "https://h.example.com:8443/a/b?channel=ops&room=2"),
        ("https://h.example.com/x?token=abc", "https://h.example.com/x?token=***"),
        (
            "https://h.example.com/x?channel=ops&api_key=1&sig=2&Secret=3",
            "https://h.example.com/x?channel=ops&api_key=***&sig=***&Secret=***",
        ),
        ("https://h.example.com/x?id=8f14e45fceea167a5a36dedd4bea2543", "https://h.example.com/x?id=***"),
        ("https://h.example.com/x?8f14e45fceea167a5a36dedd4bea2543", "https://h.example.com/x?***"),
        ("https://h.example.com/x#token=abc", "https://h.example.com/x#token=***"),
        (
            "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXX",
            "https://hooks.slack.com/services/***/***/***",
        ),
        ("https://discord.com/api/webhooks/1234/abcdef", "https://discord.com/api/webhooks/***/***"),
        (
            "https://x.webhook.office.com/webhookb2/a@b/IncomingWebhook/c/d",
            "https://x.webhook.office.com/webhookb2/***/***/***/***",
        ),
        (
            "https://prod-1.westeurope.logic.azure.com/workflows/8f14e45fceea167a5a36dedd4bea2543/triggers/manual/paths/invoke?sig=x_y-z",
            "https://prod-1.westeurope.logic.azure.com/workflows/***/triggers/manual/paths/invoke?sig=***",
        ),
        ("https://chat.example.com/hooks/xkcdabcdefghijklmnop", "https://chat.example.com/hooks/***"),
        ("https://api.telegram.org/bot123:abc/sendMessage", "https://api.telegram.org/bot***/***"),
        ("https://h.example.com/0b7c7c2e-0000-4000-8000-000000000001/in", "https://h.example.com/***/in"),
        ("https://h.example.com/aB3dE6gH9jK2m", "https://h.example.com/***"),
        ("https://h.example.com/hullmark-production-2026/v2", "https://h.example.com/hullmark-production-2026/v2"),
        ("structured", "structured"),
    ],
)
def test_where_to_is_shown_and_no_secret(url: str, shown: str) -> None:
    assert masked_address(url) == shown


_values = st.text(st.characters(codec="ascii", exclude_characters="&;#"), min_size=1)


@given(_values, st.sampled_from(["token", "key", "sig", "api_key", "secret"]))
def test_no_value_of_a_secret_name_is_shown(value: str, name: str) -> None:
    assert masked_address(f"https://h.example/p?a=b&{name}={value}&c=d") == f"https://h.example/p?a=b&{name}=***&c=d"


@given(st.text())
def test_what_was_masked_stays_so(text: str) -> None:
    for url in (text, f"https://h.example/{text}"):
        assert masked_address(masked_address(url)) == masked_address(url)
