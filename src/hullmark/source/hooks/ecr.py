"""Amazon ECR, through EventBridge: a rule for "ECR Image Action" whose target is an API destination; its connection holds the secret."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from hullmark.source.hooks.hook import Delivery, Hook, NamedTag, by_key, decode_body

_ACCOUNT = re.compile(r"[0-9]{12}").fullmatch
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]{2,10}){1,3}-[0-9]{1,2}").fullmatch


class _Detail(msgspec.Struct, rename="kebab"):
    repository_name: str = ""
    image_tag: str = ""
    image_digest: str = ""
    action_type: str = ""
    result: str = ""


class _Body(msgspec.Struct, rename="kebab"):
    source: str
    detail_type: str
    account: str = ""
    region: str = ""
    detail: _Detail | None = None


def _names(delivery: Delivery) -> Iterator[NamedTag]:
    body = decode_body(delivery, _Body, "event of EventBridge")
    detail = body.detail
    if body.source != "aws.ecr" or body.detail_type != "ECR Image Action" or detail is None:
        return
    if detail.result != "SUCCESS" or detail.action_type not in ("PUSH", "DELETE") or not detail.image_tag:
        return
    if _ACCOUNT(body.account) and _REGION(body.region):
        end = ".cn" if body.region.startswith("cn-") else ""
        yield NamedTag(
            detail.repository_name,
            detail.image_tag,
            detail.image_digest,
            registry=f"{body.account}.dkr.ecr.{body.region}.amazonaws.com{end}",
            is_deleted=detail.action_type == "DELETE",
        )


HOOK = Hook(
    name="ecr",
    title="Amazon ECR (EventBridge)",
    registry="",
    shows="give the secret as the connection's API key, named x-api-key",
    proves=by_key,
    names=_names,
)
