"""An account that has something of everything, with a mark in every text: what others must never see."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec

from tests.support.books import advisory, affected
from tests.support.desk import Desk, status_file

ROLES = ("admin", "editor", "analyst", "viewer", "auditor", "ci")
WORDS = "some long enough words"
_POLICY = """
schema: hullmark-policy/1
name: {name}
version: "1"
rules:
  - {{id: {mark}-rule, gate: config, trigger: user, action: stop, params: {{not_root: true}}}}
"""


class Furnished(msgspec.Struct, kw_only=True):
    """An account, what stands in its texts, and what its things are called. `names` may stand in addresses, `mark` nowhere else."""

    account: str
    mark: str
    digest: str
    tag: str
    registry: str
    verdict: int
    activation: int
    exception: str
    simulation: str
    event: int
    subscription: str
    scan: str
    keys: dict[str, str] = {}
    """Keys by role, and `revoked`, `expired`, `narrow` (an admin's, for images:read alone)."""

    @property
    def policy(self) -> str:
        """The name of its policy."""
        return f"{self.mark}-policy"

    @property
    def person(self) -> str:
        """The name of its admin."""
        return f"{self.mark}-admin"

    def parameters(self) -> dict[str, dict[str, str]]:
        """What stands for each parameter of a path, by the beginning of the path."""
        return {
            "": {
                "digest": self.digest,
                "name": self.policy,
                "reference": self.tag,
                "pattern": self.registry,
                "number": str(self.verdict),
                "kind": "images",
                "person": self.person,
                "policy_id": self.policy,
                "id": self.subscription,
                "rest": "x",
                "host": "here",
                "path": "x",
            },
            "/api/v1/accounts": {"name": self.account},
            "/v1/accounts": {"name": self.account},
            "/api/v1/keys": {"name": f"{self.mark}-ci"},
            "/api/v1/activations": {"number": str(self.activation)},
            "/api/v1/exceptions": {"key": self.exception},
            "/api/v1/simulations": {"key": self.simulation},
            "/api/harbor": {"key": self.scan},
            "/v1/events": {"number": str(self.event)},
            "/v1/system/services": {"name": "apiext"},
            "/api/v1/vulnerabilities": {"name": "CVE-2026-1"},
            **{
                f"/v1/images/{digest}/{word}": {"kind": kind}
                for digest in ("{digest}", "by_id/{digest}")
                for word, kind in (("content", "os"), ("metadata", "manifest"), ("vuln", "all"))
            },
        }

    def path(self, template: str) -> str:
        """An address of its things."""
        known = dict(self.parameters()[""])
        for beginning, more in self.parameters().items():
            if template.startswith(beginning):
                known |= more
        for name, value in known.items():
            template = template.replace(f"{{{name}}}", value)
        return template


async def furnish(at: Desk, account: str, mark: str) -> Furnished:
    """Make the account with all that it has."""
    await at.post("/accounts", {"name": account, "email": f"{mark}@example.org"})
    for role in ROLES:
        wish = {"name": f"{mark}-{role}", "password": f"{WORDS} {mark}", "role": role}
        await at.post(f"/accounts/{account}/persons", wish)
    host = at.registry.host
    for pattern in (host, f"{mark}.example.org"):
        body = {"verify": False, "username": mark if pattern != host else "", "password": f"{mark} secret"}
        assert (await at.ask("PUT", f"/registries/{pattern}", body, account)).is_success
    digest = await _image(at, account, mark)
    policy = f"{mark}-policy"
    await at.post("/policies", {"text": _POLICY.format(name=policy, mark=mark), "note": mark}, account)
    active = await at.post("/activations", {"policy": policy, "environment": f"{mark}-place"}, account)
    await at.post("/activations", {"policy": policy}, account)
    exception = await at.post("/exceptions", _exception(mark), account)
    watched = {
        "subscription_key": at.reference(f"{mark}-tag"),
        "subscription_type": "vuln_update",
        "subscription_value": mark,
    }
    answer = await at.client.post("/v1/subscriptions", json=watched, headers=_to(account), auth=at_auth())
    assert answer.status_code == 200, answer.text
    await at.work()
    simulation = await at.post("/simulations", {"text": _POLICY.format(name=f"{mark}-draft", mark=mark)}, account)
    scan = await _harbor(at, account, mark, digest)
    await at.work()
    (verdict, *_) = (await at.get(f"/images/{digest}/history", account))["items"]
    (event, *_) = (await at.get("/events", account))["items"]
    return Furnished(
        account=account,
        mark=mark,
        digest=digest,
        tag=at.reference(f"{mark}-tag"),
        registry=f"{mark}.example.org",
        verdict=verdict["id"],
        activation=active["id"],
        exception=exception["id"],
        simulation=simulation["id"],
        event=event["id"],
        subscription=answer.json()[0]["subscription_id"],
        scan=scan,
        keys=await _keys(at, account, mark),
    )


def at_auth() -> tuple[str, str]:
    """The operator's name and password."""
    from tests.support.desk import PASSWORD

    return "admin", PASSWORD


def _to(account: str) -> dict[str, str]:
    return {"x-hullmark-account": account}


def _exception(mark: str) -> dict[str, str]:
    return {
        "rule": f"{mark}-rule",
        "subject": f"{mark}-*",
        "expires": "2030-01-01",
        "owner": mark,
        "reason": f"because of {mark}",
        "ticket": mark,
    }


async def _image(at: Desk, account: str, mark: str) -> str:
    files = {**status_file(("libc6", "2.41-12"), (f"{mark}-package", "1.0")), f"opt/{mark}": mark.encode()}
    digest = at.push(f"{mark}-tag", files, User="0", Labels={"who": mark}, Env=[f"WHO={mark}"])
    wish = {"annotations": {mark: mark}, "dockerfile": f"FROM scratch\nLABEL who={mark}\n"}
    await at.add(f"{mark}-tag", account, **wish)
    await at.work()
    return digest


async def _harbor(at: Desk, account: str, mark: str, digest: str) -> str:
    wish = {
        "registry": {"url": f"http://{at.registry.host}", "authorization": ""},
        "artifact": {"repository": at.registry.repository, "digest": digest, "tag": f"{mark}-tag"},
    }
    answer = await at.client.post("/api/harbor/scan", json=wish, headers=_to(account), auth=at_auth())
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def _keys(at: Desk, account: str, mark: str) -> dict[str, str]:
    made: dict[str, str] = {}
    wishes: dict[str, dict[str, Any]] = {role: {"role": role} for role in ROLES}
    wishes["narrow"] = {"role": "admin", "scopes": ["images:read"]}
    wishes["revoked"] = {"role": "admin"}
    wishes["expired"] = {"role": "admin", "expires_at": at.now.replace(hour=at.now.hour + 1).isoformat()}
    for name, wish in wishes.items():
        made[name] = (await at.post("/keys", {"name": f"{mark}-{name}", **wish}, account))["key"]
    assert (await at.ask("DELETE", f"/keys/{mark}-revoked", account=account)).is_success
    return made


async def advised(at: Desk) -> None:
    """Advisories: one that every furnished image is affected by."""
    await at.advise(advisory("CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-13"), severity="high"))
    await at.work()


def digest_of(document: Any) -> str:
    """Names a document."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
