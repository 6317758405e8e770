"""An account that has something of everything, with a mark in every text: what others must never see."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec

from hullmark.model.advisory import Cvss
from hullmark.model.notice import Cause, Transition
from hullmark.server.tables.notice import transitions
from tests.support.desk import Desk, status_file
from tests.support.matching import advisory, affected

ROLES = ("admin", "editor", "analyst", "viewer", "auditor", "ci", "agent", "gate")
WORDS = "some long enough words"
_POLICY = """
schema: hullmark-policy/1
name: {name}
version: "1"
rules:
  - {{id: {mark}-rule, gate: config, trigger: user, action: stop, params: {{not_root: true}}}}
"""


_LAYER = "SELECT min(set_id) FROM image_set part JOIN account_image USING (image_id) WHERE account_id = %s"


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
    watch: int = 987_654_321
    message: int = 987_654_321
    hook: str = "00000000-0000-4000-8000-000000000000"
    silence: str = "00000000-0000-4000-8000-000000000000"
    cause: int = 987_654_321
    place: int = 987_654_321
    layer: int = 987_654_321
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
            "/console/{account}": {"account": self.account},
            "/console/{account}/admin/people": {"person": self.person},
            "/console/{account}/admin/keys": {"name": f"{self.mark}-ci"},
            "/console/{account}/admin/channels": {"name": f"{self.mark}-channel"},
            "/console/{account}/admin/subscriptions": {"name": f"{self.mark}-subscription"},
            "/console/{account}/admin/silences": {"key": self.silence},
            "/console/{account}/admin/accounts": {"name": self.account},
            "/console/{account}/profile": {"number": "987654321"},  # sessions are whoever's who asks
            "/console/{account}/advisories": {"name": "CVE-2026-1"},
            "/console/{account}/exceptions": {"key": self.exception},
            "/console/{account}/trials": {"key": self.simulation},
            "/console/{account}/messages": {"number": str(self.message)},
            "/console/{account}/operations/messages": {"number": str(self.message)},
            "/console/{account}/activations": {"number": str(self.activation)},
            "/console/{account}/applications": {"name": f"{self.mark}-application", "version": f"{self.mark}-version"},
            "/console/{account}/fleet/places": {"number": str(self.place)},
            "/console/{account}/rebuild": {"number": str(self.layer)},
            "/console/{account}/causes": {"number": str(self.cause)},
            "/api/v1/keys": {"name": f"{self.mark}-ci"},
            "/api/v1/activations": {"number": str(self.activation)},
            "/api/v1/exceptions": {"key": self.exception},
            "/api/v1/simulations": {"key": self.simulation},
            "/api/harbor": {"key": self.scan},
            "/api/v1/channels": {"name": f"{self.mark}-channel"},
            "/api/v1/messages": {"number": str(self.message)},
            "/api/v1/subscriptions": {"name": f"{self.mark}-subscription"},
            "/api/v1/silences": {"key": self.silence},
            "/api/v1/transitions": {"number": str(self.cause)},
            "/api/v1/watches": {"number": str(self.watch)},
            "/api/v1/hooks": {"key": self.hook},
            "/hooks": {"key": self.hook},
            "/v1/events": {"number": str(self.event)},
            "/api/v1/applications": {"name": f"{self.mark}-application", "version": f"{self.mark}-version"},
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
        asked = {"name": f"{mark}-{role}", "password": f"{WORDS} {mark}", "role": role}
        await at.post(f"/accounts/{account}/persons", asked)
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
    message = await _channel(at, account, mark)
    await _places(at, account, mark, digest)
    hook = await at.post("/hooks", {"name": f"{mark}-hook", "kind": "dockerhub"}, account)
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
        watch=(await at.get("/watches", account))["items"][0]["id"],
        hook=hook["id"],
        message=message,
        silence=await _silence(at, account, mark),
        cause=await _transition(at, account, mark, digest),
        place=await _number(at, account, "SELECT min(id) FROM placement WHERE account_id = %s"),
        layer=await _number(at, account, _LAYER),
        keys=await _keys(at, account, mark),
    )


async def _number(at: Desk, account: str, query: str) -> int:
    """A number out of the database, of what an account has."""
    async with at.services.database.system() as connection:
        cursor = await connection.execute("SELECT id FROM account WHERE name = %s", (account,))
        made = await (await connection.execute(query, await cursor.fetchone())).fetchone()
    assert made is not None
    return int(made[0])


async def _places(at: Desk, account: str, mark: str, digest: str) -> None:
    """Have the image run somewhere, as a collector tells, and belong to an application."""
    place = {
        "platform": "kubernetes",
        "cluster": f"{mark}-cluster",
        "namespace": mark,
        "workload": f"Deployment/{mark}",
        "container": mark,
    }
    running = {
        "id": f"{mark}-container",
        "place": place,
        "image": {"reference": f"{mark}.example.org/shop:1", "digest": digest},
        "since": at.now.isoformat(),
        "labels": {"app": f"{mark}-label"},
        "node": f"{mark}-node",
    }
    report = {
        "platform": "kubernetes",
        "collector": f"{mark}-cluster",
        "sequence": 1,
        "at": at.now.isoformat(),
        "list": f"{mark}-list",
        "last": True,
        "running": [running],
    }
    await at.post("/inventories", report, account)
    rules = [{"selector": f"app={mark}-label", "environment": f"{mark}-place"}]
    assert (await at.ask("PUT", "/place-settings", {"environments": rules}, account)).is_success
    await at.post("/applications", {"name": f"{mark}-application", "description": mark}, account)
    version = f"/applications/{mark}-application/versions/{mark}-version"
    assert (await at.ask("PUT", version, {"selector": f"app={mark}-label"}, account)).is_success
    assert (await at.ask("PUT", f"{version}/images/{digest}", None, account)).is_success


async def _channel(at: Desk, account: str, mark: str) -> int:
    """Add a channel that nobody listens at; answers the number of a message to it."""
    settings = {"url": f"http://127.0.0.1:9/{mark}", "token": f"{mark} token", "headers": {"X-Mark": mark}}
    asked = {"name": f"{mark}-channel", "kind": "webhook", "settings": settings, "templates": {"title": mark}}
    await at.post("/channels", asked, account)
    return int((await at.post(f"/channels/{mark}-channel/test", None, account))["message"])


async def _silence(at: Desk, account: str, mark: str) -> str:
    """Subscribe to something, and silence something else; answers the silence's id."""
    asked = {"name": f"{mark}-subscription", "selector": f"{mark}/*", "environments": [mark]}
    await at.post("/subscriptions", asked, account)
    silence = {"owner": mark, "reason": mark, "selector": f"{mark}/*", "ends_at": "2027-01-01T00:00:00Z"}
    return str((await at.post("/silences", silence, account))["id"])


async def _transition(at: Desk, account: str, mark: str, digest: str) -> int:
    """Have something become of the image, of which nobody is told; answers the cause's number."""
    because = Cause(kind="policy", key=f"policy:{mark}@1", subject=mark, sentence=f"{mark} changed", seen_at=at.now)
    async with at.services.database.system() as connection:
        cursor = await connection.execute("SELECT id FROM account WHERE name = %s", (account,))
        row = await cursor.fetchone()
        assert row is not None
        changed = Transition(
            kind="compliance.lost", key=mark, at=at.now, image_digest=digest, reference=f"{mark}/shop:1", policy=mark
        )
        await transitions.tell(connection, row[0], because, [changed], suppressed=f"as {mark} says")
        cursor = await connection.execute("SELECT id FROM cause WHERE account_id = %s ORDER BY id DESC LIMIT 1", row)
        made = await cursor.fetchone()
    assert made is not None
    return int(made[0])


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
    asked = {"annotations": {mark: mark}, "dockerfile": f"FROM scratch\nLABEL who={mark}\n"}
    await at.add(f"{mark}-tag", account, **asked)
    await at.work()
    return digest


async def _harbor(at: Desk, account: str, mark: str, digest: str) -> str:
    asked = {
        "registry": {"url": f"http://{at.registry.host}", "authorization": ""},
        "artifact": {"repository": at.registry.repository, "digest": digest, "tag": f"{mark}-tag"},
    }
    answer = await at.client.post("/api/harbor/scan", json=asked, headers=_to(account), auth=at_auth())
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def _keys(at: Desk, account: str, mark: str) -> dict[str, str]:
    made: dict[str, str] = {}
    bodies: dict[str, dict[str, Any]] = {role: {"role": role} for role in ROLES}
    bodies["narrow"] = {"role": "admin", "scopes": ["images:read"]}
    bodies["revoked"] = {"role": "admin"}
    bodies["expired"] = {"role": "admin", "expires_at": at.now.replace(hour=at.now.hour + 1).isoformat()}
    for name, asked in bodies.items():
        made[name] = (await at.post("/keys", {"name": f"{mark}-{name}", **asked}, account))["key"]
    assert (await at.ask("DELETE", f"/keys/{mark}-revoked", account=account)).is_success
    return made


async def advised(at: Desk) -> None:
    """Advisories: one that every furnished image is affected by."""
    rating = Cvss("3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:N", 8.1)
    fixed = affected("debian:13", "libc6", "deb", "2.41-13")
    await at.advise(advisory("CVE-2026-1", fixed, severity="high", cvss=(rating,)))
    await at.work()


def digest_of(document: Any) -> str:
    """Names a document."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
