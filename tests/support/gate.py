"""A cluster with the gate before it: the real webhook over TLS, asked by the fake API server."""

from __future__ import annotations

import asyncio
import base64
import http.client
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from hullmark.model.admission import AdmissibleImage, AdmissionPage, PolicyVerdict
from hullmark.model.verdict import Outcome
from hullmark.places.gates.certificates import make_pair, service_names
from hullmark.places.gates.kubernetes.webhook import Webhook
from hullmark.places.gates.meters import Meters
from hullmark.places.gates.serving import Certificate, serve
from hullmark.places.gates.settings import GateSettings
from hullmark.places.gates.supervision import listen
from hullmark.places.gates.verdicts import LocalVerdicts
from tests.support.kubernetes.manifests import digest
from tests.support.kubernetes.server import FakeCluster
from tests.support.places import REPOSITORY

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOST = "registry.example.org"
MANIFEST = REPOSITORY / "deploy" / "kubernetes" / "gate.yaml"


def verdict(word: str = "go", reason: str = "", **more: Any) -> PolicyVerdict:
    """What the policy `web` says."""
    return PolicyVerdict(policy="web", verdict=Outcome(word), reason=reason or f"it is {word}", since=NOON, **more)


def image(name: str, *verdicts: PolicyVerdict, tag: str = "1", **more: Any) -> AdmissibleImage:
    """The image HOST/NAME:TAG with verdicts; certified if the first passes."""
    certified = NOON - timedelta(days=9) if not verdicts or verdicts[0].verdict in (Outcome.GO, Outcome.WARN) else None
    values: dict[str, Any] = {
        "tags": (f"{HOST}/{name}:{tag}",),
        "config": digest(f"config of {name}"),
        "certified_at": certified,
    }
    return AdmissibleImage(digest=digest(name), verdicts=verdicts or (verdict(),), **{**values, **more})


def pinned(name: str, tag: str = "1") -> str:
    """The reference with tag and digest."""
    return f"{HOST}/{name}:{tag}@{digest(name)}"


GOOD, BAD = image("good"), image("bad", verdict("stop", "CVE-2026-1 in libc6 is of high severity"))


@dataclass
class GateWorld:
    """A cluster and its gate. `now` is the gate's clock; `said` is what its owner was told."""

    cluster: FakeCluster
    verdicts: LocalVerdicts
    folder: Path
    webhook: Webhook
    address: tuple[str, int]
    now: datetime = NOON
    said: list[str] = field(default_factory=list)
    _connection: http.client.HTTPSConnection | None = None

    def connection(self) -> http.client.HTTPSConnection:
        """A connection to the API server, which stays open."""
        if self._connection is None:
            context = ssl.create_default_context(cadata=self.cluster.authority.pem)
            parts = urlsplit(self.cluster.url)
            self._connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, context=context)
        return self._connection

    def know(self, *images: AdmissibleImage, begins: bool = False) -> None:
        """Have the gate know images."""
        page = AdmissionPage(images=images, cursor="1", is_last=True, begins=begins)
        LocalVerdicts(self.folder / "verdicts.db").take(page, self.now)


def configurations(bundle: str) -> list[dict[str, Any]]:
    """The webhook configurations that are shipped, trusting an authority."""
    encoded = base64.b64encode(bundle.encode()).decode()
    found = []
    for document in yaml.safe_load_all(MANIFEST.read_text()):
        if document["kind"].endswith("WebhookConfiguration"):
            for webhook in document["webhooks"]:
                webhook["clientConfig"]["caBundle"] = encoded
            found.append(document)
    return found


@contextmanager
def gated(
    folder: Path, settings: GateSettings, images: tuple[AdmissibleImage, ...] = (GOOD, BAD), **cluster: Any
) -> Iterator[GateWorld]:
    """A cluster whose API server asks the gate, as the shipped manifest says. `images` are those that it knows; none: it has no
    verdicts."""
    pair = make_pair((*service_names("hullmark-gate", "hullmark"), "127.0.0.1"), datetime.now(UTC), 1)
    (folder / "tls.crt").write_text(pair.certificate)
    (folder / "tls.key").write_text(pair.key)
    fake = FakeCluster(folder, **cluster)
    listener = listen("127.0.0.1:0")
    address = listener.getsockname()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    ready = threading.Event()
    worlds: list[GateWorld] = []

    async def answer() -> None:
        verdicts = LocalVerdicts(folder / "verdicts.db")
        webhook = Webhook(
            verdicts, settings, lambda: worlds[0].now, Meters(lambda: 0.0), lambda line: worlds[0].said.append(line)
        )
        worlds.append(GateWorld(fake, verdicts, folder, webhook, address))
        ending = asyncio.Event()
        loops.append((asyncio.get_running_loop(), ending))
        certificate = Certificate(folder / "tls.crt", folder / "tls.key", worlds[0].said.append)
        await serve(webhook, listener, certificate, ready.set, ending)
        verdicts.close()

    thread = threading.Thread(target=lambda: asyncio.run(answer()))
    thread.start()
    assert ready.wait(20)
    (world,) = worlds
    if images:
        world.know(*images, begins=True)
    with fake.running():
        for name in ("hullmark", "shop"):
            fake.store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        fake.store.admission.services["hullmark", "hullmark-gate"] = address
        for document in configurations(pair.authority):
            fake.store.create(document)
        try:
            yield world
        finally:
            if world._connection is not None:
                world._connection.close()
            fake.store.admission.end()
            loop, ending = loops[0]
            loop.call_soon_threadsafe(ending.set)
            thread.join(20)
