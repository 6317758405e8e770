"""All that changes around the images of two accounts at the same time: advisories, policies, exceptions, tags, what runs where."""

from __future__ import annotations

import random
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hullmark.model.advisory import Exploitability, KevEntry, Record
from tests.support.desk import status_file
from tests.support.images import Blobs, Json, tar_of
from tests.support.matching import advisory, affected
from tests.support.processes import Client
from tests.support.small_images import archive_of, put_image
from tests.support.snapshots import snapshot_in

PACKAGES = ("a", "b", "c", "d", "e", "f", "g", "h")
ADVISORIES = 12
SILENCED = "CVE-2026-3"
"""What the second account does not want to hear of."""

_SHOP = """
schema: hullmark-policy/1
name: shop
version: {version}
rules:
  - {{id: exploited, gate: vulnerabilities, trigger: found, action: stop, params: {{exploited: true}}}}
  - id: severe
    gate: vulnerabilities
    trigger: found
    action: stop
    params: {{severity: {severity}, fix: [fixed], unrated: ignore}}
  - {{id: high, gate: vulnerabilities, trigger: found, action: warn, params: {{severity: high, unrated: ignore}}}}
  - {{id: likely, gate: vulnerabilities, trigger: found, action: stop, params: {{epss: "{epss}", unrated: ignore}}}}
"""
_STRICT = """
schema: hullmark-policy/1
name: {name}
version: {version}
rules:
  - {{id: severe, gate: vulnerabilities, trigger: found, action: stop, params: {{severity: {severity}, unrated: ignore}}}}
  - {{id: root, gate: config, trigger: user, action: warn, params: {{not_root: true}}}}
"""


def image_of(number: int, packages: tuple[str, ...]) -> tuple[Blobs, Json]:
    """An image of Debian's with these packages in version 1; and the descriptor of its manifest."""
    files = {
        "etc/os-release": b'ID=debian\nVERSION_ID="13"\n',
        "etc/number": str(number).encode(),
        **status_file(*((name, "1") for name in packages)),
    }
    blobs = Blobs()
    return blobs, blobs.image([tar_of(files)])


@dataclass
class Said:
    """What is said of one vulnerability."""

    packages: tuple[str, ...]
    severity: str
    fix: str
    score: float | None
    is_exploited: bool

    def records(self, number: int) -> list[Record]:
        """As a snapshot has it."""
        cve = f"CVE-2026-{number}"
        found: list[Record] = []
        if self.packages:
            parts = [affected("debian:13", name, "deb", self.fix) for name in self.packages]
            found.append(advisory(cve, *parts, source="debian", severity=self.severity))
        if self.score is not None:
            found.append(Exploitability(cve, self.score, min(1.0, self.score * 1.2), "2026-05-01"))
        if self.is_exploited:
            found.append(KevEntry(cve=cve, source="kev", added="2026-01-31"))
        return found


@dataclass
class Storm:
    """What was done so far. `admin` belongs to the first account, `other` to the second; both hold the images. `counts` are by what."""

    operator: Client
    admin: Client
    other: Client
    registry: str
    made: random.Random
    said: list[Said] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    digests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    _exceptions: list[tuple[Client, str]] = field(default_factory=list)

    # Advisories

    def first_snapshot(self) -> None:
        """The advisories that there are at first: some, so that most images pass."""
        self.said = [
            self._any() if number < 3 else Said((), "unknown", "", None, False) for number in range(ADVISORIES)
        ]
        self._publish()

    def change_advisories(self) -> None:
        """Some say something else: new, withdrawn, weighing more or less, with a fix or none."""
        for _ in range(self.made.randint(1, 4)):
            number = self.made.randrange(ADVISORIES)
            known = self.said[number]
            way = self.made.choice(("new", "new", "gone", "gone", "severity", "fix", "score", "exploited"))
            if way == "new" or not known.packages:
                known = self._any()
            elif way == "gone":
                known.packages = ()
            elif way == "severity":
                known.severity = self._severity()
            elif way == "fix":
                known.fix = self.made.choice(("", "2", "0.5"))
            elif way == "score":
                known.score = self.made.choice((None, 0.05, 0.3, 0.7, 0.95))
            else:
                known.is_exploited = not known.is_exploited
            self.said[number] = known
        self._publish()

    def _any(self) -> Said:
        packages = tuple(self.made.sample(PACKAGES, self.made.choice((0, 1, 1, 2))))
        score = self.made.choice((None, None, 0.05, 0.7))
        return Said(packages, self._severity(), self.made.choice(("", "2")), score, self.made.random() < 0.1)

    def _severity(self) -> str:
        return self.made.choice(("unknown", "low", "high", "critical"))

    def _publish(self) -> None:
        # The first record makes it another snapshot than all before, whatever the others say.
        number = self.counts["snapshot"]
        first = advisory("CVE-2020-1", affected("debian:13", "nothing", "deb", f"1.{number}"), source="debian")
        records = [first, *(record for place, each in enumerate(self.said) for record in each.records(place))]
        with tempfile.TemporaryDirectory(prefix="hm-storm-") as folder, snapshot_in(Path(folder), records) as snapshot:
            answer = self.operator.insist("POST", "/api/v1/advisories", snapshot.path.read_bytes())
        assert answer.status == 202, answer
        self.counts["snapshot"] += 1

    # Policies, exceptions

    def change_policy(self) -> None:
        """Another version, or another policy, in force."""
        version = self.counts["policy"] + 1
        severity = self.made.choice(("low", "high", "critical"))
        if self.made.random() < 0.5:
            epss = self.made.choice(("0.2", "0.6", "0.9"))
            self.activate(self.admin, "", _SHOP.format(version=version, severity=severity, epss=epss))
        elif self.made.random() < 0.5:
            self.activate(self.admin, "live", _STRICT.format(name="strict", version=version, severity=severity))
        else:
            name = self.made.choice(("strict", "loose"))
            self.activate(self.other, "", _STRICT.format(name=name, version=version, severity=severity))

    def first_policies(self) -> None:
        """What is in force at first."""
        self.activate(self.admin, "", _SHOP.format(version=1, severity="critical", epss="0.6"))
        self.activate(self.admin, "live", _STRICT.format(name="strict", version=1, severity="critical"))
        self.activate(self.other, "", _STRICT.format(name="strict", version=1, severity="high"))
        self.counts["policy"] = 1

    def activate(self, client: Client, environment: str, text: str) -> None:
        """Put a policy in force."""
        kept = client.insist("POST", "/api/v1/policies", {"text": text})
        assert kept.status in (200, 201), kept
        body = {"policy": kept.document["name"], "environment": environment}
        answer = client.insist("POST", "/api/v1/activations", body)
        assert answer.status == 201, answer
        self.counts["policy"] += 1

    def change_exception(self) -> None:
        """A new one, or one that ends."""
        if self._exceptions and self.made.random() < 0.5:
            client, number = self._exceptions.pop(self.made.randrange(len(self._exceptions)))
            answer = client.insist("DELETE", f"/api/v1/exceptions/{number}")
            assert answer.status in (204, 404), answer
        else:
            client = self.made.choice((self.admin, self.other))
            body = {
                "rule": self.made.choice(("severe", "exploited", "likely")),
                "subject": self.made.choice([f"CVE-2026-{number}+*" for number in range(ADVISORIES)]),
                "expires": "2199-01-01",
                "owner": "o",
                "reason": "r",
            }
            answer = client.insist("POST", "/api/v1/exceptions", body)
            assert answer.status == 201, answer
            self._exceptions.append((client, answer.document["id"]))
        self.counts["exception"] += 1

    # Images

    def add_image(self) -> None:
        """A new image that both accounts hold: sent in, or from the registry under a tag that then may have moved."""
        number = self.counts["image"]
        blobs, descriptor = image_of(number, tuple(self.made.sample(PACKAGES, self.made.randint(1, 2))))
        if number % 3 == 0:
            self._upload(archive_of(blobs, descriptor), number)
            body = {}
        else:
            repository = f"shop/{self.made.randrange(8)}"
            body = {"reference": put_image(self.registry, repository, blobs, descriptor)}
        for client in (self.admin, self.other) if body else ():
            answer = client.insist("POST", "/api/v1/images", body)
            assert answer.status == 202, answer
        self.digests.append(str(descriptor["digest"]))
        self.counts["image"] += 1

    def _upload(self, archive: bytes, number: int) -> None:
        for client in (self.admin, self.other):
            path = f"/api/v1/uploads?reference=sent.example%2Fin%2F{number}%3A1"
            answer = client.insist("POST", path, archive, 300)
            assert answer.status == 201, answer

    def deploy(self) -> None:
        """An image runs."""
        digest = self.made.choice(self.digests)
        answer = self.admin.insist("PUT", f"/api/v1/images/{digest}/deployments", {"environment": "live", "place": "x"})
        assert answer.status == 200, answer
        self.counts["deployment"] += 1


class Blowing(threading.Thread):
    """Does one of some things after the other, until told to stop."""

    def __init__(self, storm: Storm, pause: float, *things: Callable[[], None]) -> None:
        super().__init__()
        self.storm, self.pause, self.things = storm, pause, things
        self.made = random.Random(storm.made.random())  # noqa: S311 - the same for a seed
        self.stopping = threading.Event()

    def run(self) -> None:
        try:
            while not self.stopping.wait(self.made.uniform(0.0, 2 * self.pause)):
                self.made.choice(self.things)()
        except (AssertionError, OSError) as error:
            self.storm.errors.append(repr(error))
