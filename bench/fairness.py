"""Whether one account holds up another, with real processes: `python -m bench.fairness [--images 1000] [--rounds 40]`.

Two accounts hold the same packages. One is judged by the costliest policies that the limits allow: expressions that never end, and a
thousand rules about vulnerabilities. The other has one rule and one image. Advisories come one after the other that concern all images
of both. It is measured when the other account is told, before the costly policies are in force, and while all images of the first one
wait to be judged by them. It writes its section of `bench/notify.md`. The machine should do nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import psycopg

from bench.markdown import table
from bench.notify import receiver
from bench.sections import replace_section
from bench.speed import machine
from tests.support.desk import OS_RELEASE, status_file
from tests.support.images import Blobs, layout_files, tagged, tar_of
from tests.support.matching import advisory, affected
from tests.support.processes import Client, Server, place, server, until
from tests.support.shelves import made

RESULTS = Path(__file__).parent / "notify.md"
TITLE = "One account beside another"
BOUND = 3.0
"""Seconds: the p99 that the plain account's notice has to stay under."""

PLAIN = """
schema: hullmark-policy/1
name: plain
rules:
  - {id: high, gate: vulnerabilities, trigger: found, action: stop, params: {severity: high, unrated: ignore}}
"""
_FOREVER = (
    "[[0,1,2,3,4,5,6,7,8,9]].map(l, l.map(a, l.map(b, l.map(c, l.map(d, l.map(e, l.map(f, l.map(g, l.map(h, a)))))))))"
)
ENDLESS = "schema: hullmark-policy/1\nname: endless\nrules:\n" + "".join(
    f"  - {{id: e{number}, gate: expression, trigger: holds, action: stop, params: {{expression: '{_FOREVER} == packages'}}}}\n"
    for number in range(20)
)
THOUSAND = "schema: hullmark-policy/1\nname: thousand\nrules:\n" + "".join(
    f"  - {{id: r{number}, gate: vulnerabilities, trigger: found, action: warn, params: {{severity: low, packages: ['lib{number}*']}}}}\n"
    for number in range(1000)
)


class Round(NamedTuple):
    """When the plain account was told of an advisory, in seconds since it was published."""

    seconds: float


def main() -> None:
    """Measure it and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=40)
    wanted = parser.parse_args()
    with (
        place() as folder,
        receiver() as (address, arrived),
        server(folder, HULLMARK_ALLOW_ADDRESSES="127.0.0.0/8") as running,
    ):
        running.start()
        running.ready()
        operator = running.client
        accounts = [_account(operator, name) for name in ("plain", "dear")]
        with psycopg.connect(running.database_url, autocommit=True) as connection:
            _advised(running, 0)
            _filled(accounts[0], 1, 2 * wanted.rounds)
            _filled(accounts[1], wanted.images, 2 * wanted.rounds)
            until(lambda: _is_quiet(connection), 3600, "silence", 0.5)
            accounts[0].must(
                "POST", "/api/v1/channels", {"name": "bench", "kind": "webhook", "settings": {"url": address}}
            )
            _put_in_force(accounts[0], PLAIN)
            until(lambda: _is_quiet(connection), 600, "silence", 0.5)
            alone = [_told(running, number, arrived) for number in range(1, wanted.rounds + 1)]
            _put_in_force(accounts[1], ENDLESS)
            _put_in_force(accounts[1], THOUSAND, "production")
            time.sleep(10.0)
            beside = [_told(running, number, arrived) for number in range(wanted.rounds + 1, 2 * wanted.rounds + 1)]
            waiting = connection.execute(
                "SELECT count(*) FROM procrastinate_jobs WHERE queue_name = 'costly' AND status IN ('todo', 'doing')"
            ).fetchone()
            costs = connection.execute(
                "SELECT name, cost.images, cost.seconds / cost.images FROM policy_cost cost"
                " JOIN policy_version version ON version.id = version_id JOIN policy ON policy.id = policy_id ORDER BY 1"
            ).fetchall()
        running.stop()
    assert waiting is not None
    assert waiting[0] > 0
    replace_section(RESULTS, TITLE, _written(wanted.images, alone, beside, costs))


def _account(operator: Client, name: str) -> Client:
    operator.must("POST", "/api/v1/accounts", {"name": name})
    return dataclasses.replace(operator, account=name)


def _filled(client: Client, count: int, packages: int) -> None:
    for number in range(count):
        blobs = Blobs()
        listed = [(f"lib{each}", "1") for each in range(1, packages + 1)]
        layer = tar_of({"etc/os-release": OS_RELEASE, **status_file(*listed, (f"only-{count}-{number}", "1"))})
        archive = tar_of(layout_files(blobs, [tagged(blobs.image([layer]), "1")]))
        answer = client.upload(archive, f"bench.example/{client.account}{number}:1")
        assert answer.status == 201, answer.body


def _put_in_force(client: Client, text: str, environment: str = "") -> None:
    kept = client.must("POST", "/api/v1/policies", {"text": text})
    client.must("POST", "/api/v1/activations", {"policy": kept["name"], "environment": environment})


def _advised(running: Server, count: int) -> None:
    """So many advisories count now, each about a package of its own."""
    weak = [
        advisory(
            f"CVE-2026-{number}", affected("debian:13", f"lib{number}", "deb", "2"), source="debian", severity="high"
        )
        for number in range(count + 1)
    ]
    with TemporaryDirectory() as folder:
        made(Path(folder) / "snapshot", {"debian": weak})
        running.client.must("POST", "/api/v1/advisories", (Path(folder) / "snapshot").read_bytes())


def _told(running: Server, number: int, arrived: dict[str, float]) -> Round:
    arrived.clear()
    began = time.time()
    _advised(running, number)
    until(lambda: bool(arrived), 600, "the message", 0.01)
    return Round(min(arrived.values()) - began)


def _is_quiet(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    row = connection.execute(
        "SELECT NOT EXISTS (SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing'))"
        " AND NOT EXISTS (SELECT FROM message WHERE state <> 'delivered')"
    ).fetchone()
    return row == (True,)


def _written(count: int, alone: Sequence[Round], beside: Sequence[Round], costs: Sequence[tuple[object, ...]]) -> str:
    rows = [
        (name, *(f"{seconds:.2f}" for seconds in (_at(rounds, 0.5), _at(rounds, 0.99), max(rounds).seconds)))
        for name, rounds in (("nothing else to do", alone), ("beside the costly account", beside))
    ]
    taken = "; ".join(f"`{name}` {each:.1f} s an image ({images} judged so far)" for name, images, each in costs)
    verdict = "holds" if _at(beside, 0.99) < BOUND else "**does not hold**"
    return (
        f"An account with one image and one rule, beside one with {count:,} images that is judged by twenty expressions that never"
        f" end, and by a thousand rules. Each of {len(beside)} advisories concerns all images of both. Seconds from the request that"
        f" publishes it to the plain account's webhook ({machine()}); the bound of {BOUND:.0f} s for the p99 {verdict}.\n\n"
        f"{table(('', 'median', 'p99', 'longest'), rows)}\n"
        f"Processor time as measured: {taken}.\n\nMade by `make prove-fairness`."
    )


def _at(rounds: Sequence[Round], part: float) -> float:
    ordered = sorted(rounds)
    return ordered[min(len(ordered) - 1, math.ceil(part * len(ordered)) - 1)].seconds


if __name__ == "__main__":
    main()
