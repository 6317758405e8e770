"""What runs in a Kubernetes cluster, told while much changes: `python -m bench.inventory` writes `bench/places.md`.

The cluster is the tests' API server in a process of its own, which changes things at a rate and keeps a record of what it did. This process
follows it by TLS with a token, as an agent does; at the end what it was told must be the record. Then as many containers as a large cluster
has are listed, for memory and time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.markdown import table
from bench.needed import demand
from bench.sections import replace_section
from bench.speed import machine
from hullmark.places.runtime.collector import Changes, Listing
from hullmark.places.runtime.kubernetes.kubeconfig import Kubeconfig
from tests.support.kubernetes import manifests
from tests.support.kubernetes.access import User
from tests.support.kubernetes.churn import MARKER, Churn
from tests.support.kubernetes.hearing import Hearer, collector_of
from tests.support.kubernetes.server import FakeCluster

PAGE = Path(__file__).parent / "places.md"
_TITLE = "Kubernetes"
_PROBES_EACH = 1.0
_LARGE = 100_000
_CONTAINERS_EACH = 4


class Trouble(NamedTuple):
    """What the cluster goes through. `cuts`: times that all watches break; `expiries`: and that versions are forgotten meanwhile."""

    pods: int = 5_000
    rate: int = 200
    seconds: int = 60
    cuts: int = 20
    expiries: int = 5


class Outcome(NamedTuple):
    """What was measured."""

    is_equal: bool
    containers: int
    changes: int
    lists: int
    expired: int
    strange: int
    delays: list[float]
    cpu: float
    seconds: float


class Large(NamedTuple):
    """A whole list of a large cluster."""

    containers: int
    seconds: float
    cpu: float
    grown: float
    again: float


def main() -> None:
    """Measure, write; exit status 1 if what was told is not what ran."""
    parser = argparse.ArgumentParser(prog="python -m bench.inventory", description=__doc__)
    parser.add_argument("--seconds", type=int, default=Trouble().seconds)
    parser.add_argument("--large", type=int, default=_LARGE, help="containers of the large cluster; 0: not measured")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--fill", type=int, default=0, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    demand("openssl")
    trouble = Trouble(seconds=wanted.seconds)
    if wanted.serve is not None:
        serve(wanted.serve, trouble, wanted.fill)
        return
    large = measured_large(wanted.large) if wanted.large else None
    outcome = measured(trouble)
    text = page(trouble, outcome, large)
    replace_section(PAGE, _TITLE, text)
    sys.stdout.write(text)
    if not outcome.is_equal or outcome.strange:
        raise SystemExit("what was told is not what ran")


def serve(folder: Path, trouble: Trouble, fill: int) -> None:
    """The cluster's process: says where it is, waits for a word, and does what is to be done."""
    cluster = FakeCluster(folder, tokens={"bench": User("bench")}, bookmark_seconds=1.0)
    churn = Churn(cluster, 20)
    with cluster.running():
        if fill:
            _fill(cluster, fill)
        else:
            churn.fill(trouble.pods)
        sys.stdout.write(f"{cluster.kubeconfig('bench', bearer='bench')}\n")
        sys.stdout.flush()
        for line in sys.stdin:
            if line == "go\n":
                done = _changed(cluster, churn, trouble)
                (folder / "record.json").write_text(churn.written())
                (folder / "done.json").write_text(json.dumps({"changes": done, "expired": cluster.expired}))
                churn.mark()


def _fill(cluster: FakeCluster, containers: int) -> None:
    """So many containers, a few in each pod, of a thousand workloads."""
    store = cluster.store
    names = [f"c{number}" for number in range(_CONTAINERS_EACH)]
    owners = []
    for number in range(1000):
        above = store.create(manifests.workload("Deployment", f"app-{number}"))
        owners.append(store.create(manifests.workload("ReplicaSet", f"app-{number}-5f", owner=above)))
    for number in range(containers // _CONTAINERS_EACH):
        image = f"registry.example/app:{number % 1000}"
        store.create(
            manifests.pod(
                f"app-{number}",
                labels={"app": f"app-{number % 1000}", "pod-template-hash": "5f"},
                owner=owners[number % 1000],
                spec={"containers": [manifests.container(name, image) for name in names]},
                status={"containerStatuses": [manifests.running(name, image) for name in names]},
            )
        )


def _changed(cluster: FakeCluster, churn: Churn, trouble: Trouble) -> int:
    """Do it at the rate that is wanted; how many changes there were."""
    begun, done = time.monotonic(), 0
    cuts = _times(trouble.seconds, trouble.cuts)
    expiries = _times(trouble.seconds, trouble.expiries)
    probes = iter(range(10**9))
    next_probe = 0.0
    while (now := time.monotonic() - begun) < trouble.seconds:
        while done < now * trouble.rate:
            churn.step()
            done += 1
        if expiries and now >= expiries[0]:
            expiries.pop(0)
            cluster.cut_watches()
            churn.step()
            cluster.store.compact()
        if cuts and now >= cuts[0]:
            cuts.pop(0)
            cluster.cut_watches()
        if now >= next_probe:
            next_probe = now + _PROBES_EACH
            name = f"probe-{next(probes)}"
            labels = {"probe": f"{time.time():.6f}"}
            cluster.store.create(manifests.pod(name, labels=labels))
            cluster.store.delete("Pod", name)
        time.sleep(0.002)
    return done


def _times(seconds: int, count: int) -> list[float]:
    return [seconds * (number + 0.5) / count for number in range(count)]


@contextmanager
def cluster_process(*options: str) -> Iterator[tuple[Path, subprocess.Popen[str], Path]]:
    """The folder of a cluster in a process of its own, the process, and the kubeconfig."""
    with TemporaryDirectory(prefix="hm-inventory-") as folder:
        words = [sys.executable, "-m", "bench.inventory", "--serve", folder, *options]
        child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert child.stdout is not None
            yield Path(folder), child, Path(child.stdout.readline().strip())
        finally:
            assert child.stdin is not None
            child.stdin.close()
            child.wait()


def measured(trouble: Trouble) -> Outcome:
    """Follow a cluster through trouble."""
    hearer, stop, delays, begun_at = Hearer(), threading.Event(), list[float](), time.monotonic()
    with cluster_process("--seconds", str(trouble.seconds)) as (folder, child, config):
        assert child.stdin is not None
        collector = collector_of(Kubeconfig([config]).access())
        cpu = time.process_time()
        for said in collector.follow(stop):
            if isinstance(said, Listing) and not hearer.lists:
                begun_at = time.monotonic()
                child.stdin.write("go\n")
                child.stdin.flush()
            hearer.hear(said)
            delays += _delays(said)
            if hearer.has_pod(MARKER):
                stop.set()
        spent, seconds = time.process_time() - cpu, time.monotonic() - begun_at
        record = sorted(tuple(row) for row in json.loads((folder / "record.json").read_text()))
        done = json.loads((folder / "done.json").read_text())
    return Outcome(
        is_equal=hearer.rows(MARKER) == record,
        containers=len(record),
        changes=done["changes"],
        lists=hearer.lists,
        expired=done["expired"],
        strange=len(hearer.strange),
        delays=sorted(delays),
        cpu=spent,
        seconds=seconds,
    )


def _delays(said: Listing | Changes) -> list[float]:
    if isinstance(said, Listing):
        return []
    now = time.time()
    return [now - float(each.labels["probe"]) for each in said.running if "probe" in each.labels]


def measured_large(containers: int) -> Large:
    """List a large cluster twice, as an agent does that has to begin anew."""
    with cluster_process("--fill", str(containers)) as (_, _, config):
        collector = collector_of(Kubeconfig([config]).access())
        before = _resident()
        begun, cpu = time.monotonic(), time.process_time()
        stop = threading.Event()
        following = collector.follow(stop)
        first = next(following)
        assert isinstance(first, Listing)
        count = sum(1 for _ in first.running)
        seconds, spent = time.monotonic() - begun, time.process_time() - cpu
        begun = time.monotonic()
        assert sum(1 for _ in collector.containers()) == count
        again = time.monotonic() - begun
        grown = _resident() - before
        stop.set()
        following.close()  # type: ignore[attr-defined]  # it is a generator
    return Large(count, seconds, spent, grown, again)


def _resident() -> float:
    """The most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def page(trouble: Trouble, outcome: Outcome, large: Large | None) -> str:
    """The section."""
    rows: list[Sequence[object]] = [
        ("equal to the cluster's own record", "yes" if outcome.is_equal else "**no**"),
        ("containers at the end", f"{outcome.containers:,}"),
        ("changes", f"{outcome.changes:,}"),
        ("whole lists", outcome.lists),
        ("answers of 410 (pods, nodes, namespaces and runtime classes)", outcome.expired),
        ("reports of what had not changed, or was never there", outcome.strange),
        ("from a pod's start until it is told, median", _milliseconds(outcome.delays, 0.5)),
        ("the same, the longest of " + str(len(outcome.delays)), _milliseconds(outcome.delays, 1.0)),
        ("processor time of the agent", f"{outcome.cpu:.1f} s of {outcome.seconds:.0f} s"),
    ]
    text = (
        f"`make prove-inventory` on {machine()}. A cluster of {trouble.pods:,} pods with {trouble.rate} changes a second for "
        f"{trouble.seconds} s; all watches are cut {trouble.cuts} times, and {trouble.expiries} times more while what happened "
        "meanwhile is forgotten (410). The cluster is the tests' fake API server, in a process of its own, by TLS. "
        f"The machine's load average was {os.getloadavg()[0]:.0f} at the end.\n\n"
    )
    text += table(("what", "result"), rows)
    if large is not None:
        text += (
            f"\n{large.containers:,} containers are listed in {large.seconds:.1f} s ({large.cpu:.1f} s of processor time; the rest is "
            f"the fake's), listed once more beside that in {large.again:.1f} s; both together need {large.grown:.0f} MiB of memory.\n"
        )
    return text


def _milliseconds(delays: list[float], part: float) -> str:
    return f"{delays[min(len(delays) - 1, int(len(delays) * part))] * 1000:.0f} ms" if delays else "-"


if __name__ == "__main__":
    main()
