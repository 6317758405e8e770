"""Subscriptions to changes of a tag or a repository."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

SUBSCRIPTION_TYPES = ("policy_eval", "tag_update", "vuln_update", "repo_update", "analysis_update")
"""What can be subscribed to. `repo_update` is of a repository, the others are of a tag."""

OF_REPOSITORIES = "repo_update"


class SubscriptionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription as the server keeps it. `key` is `registry/repository`, with `:tag` for all but `repo_update`.

    `value` is a document as text, None for none.
    """

    account: str
    type: str
    key: str
    is_active: bool
    value: str | None = None


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription."""

    active: bool
    subscription_id: str
    subscription_key: str
    subscription_type: str
    subscription_value: str | None
    user_id: str = msgspec.field(name="userId")


class RepositoryWatch(msgspec.Struct, frozen=True, kw_only=True):
    """The value of a repository's subscription, the fields in the order of their names."""

    autosubscribe: bool
    lookuptag: str | None
    repotags: Sequence[str]
    tagcount: int


def subscription_id(account: str, key: str, type: str) -> str:
    """The id of a subscription: it depends on account, key and type alone."""
    text = "+".join((account, key, type)).encode("utf-8", "surrogatepass")
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


def subscription(info: SubscriptionInfo) -> Subscription:
    """A subscription."""
    return Subscription(
        active=info.is_active,
        subscription_id=subscription_id(info.account, info.key, info.type),
        subscription_key=info.key,
        subscription_type=info.type,
        subscription_value=info.value,
        user_id=info.account,
    )


def repository_value(tags: Sequence[str], *, autosubscribe: bool, lookup_tag: str | None = None) -> str:
    """The value of a repository's subscription, as text: its tags, and what happens to new ones."""
    watched = RepositoryWatch(
        autosubscribe=autosubscribe, lookuptag=lookup_tag, repotags=sorted(tags), tagcount=len(tags)
    )
    return msgspec.json.encode(watched).decode()
