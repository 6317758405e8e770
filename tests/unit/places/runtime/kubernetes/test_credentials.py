"""Who asks a cluster: tokens that change, certificates, exec plugins; and what a server that checks them says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hullmark.model.errors import HullmarkError
from hullmark.net.errors import CertificateRefused
from hullmark.net.http import HttpSettings
from hullmark.net.trust import ClientCertificate
from hullmark.places.runtime.kubernetes.access import ClusterAccess, ExecPlugin, Identity
from hullmark.places.runtime.kubernetes.api import ApiRefused, KubernetesApi
from hullmark.places.runtime.kubernetes.credentials import Credentials, Proof
from hullmark.places.runtime.kubernetes.kubeconfig import Kubeconfig
from hullmark.places.runtime.kubernetes.surroundings import NODES
from tests.support.kubernetes import manifests
from tests.support.kubernetes.access import User
from tests.support.kubernetes.server import FakeCluster

V1 = "client.authentication.k8s.io/v1"
SECRET = "s3cr3t"  # noqa: S105 - looked for in messages


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[FakeCluster]:
    """A cluster that knows a token and its certificates."""
    fake = FakeCluster(tmp_path, tokens={"one": User("ann")})
    fake.store.create(manifests.node())
    with fake.running():
        yield fake


def api(access: ClusterAccess, clock: Callable[[], float] = lambda: 0.0, **environment: str) -> KubernetesApi:
    """A client that never waits."""
    return KubernetesApi(access, HttpSettings(sleep=lambda _: None, clock=clock, environment=environment))


def asked_as(cluster: FakeCluster, access: ClusterAccess, **environment: str) -> str:
    """Who the server takes the client for."""
    api(access, lambda: 0.0, **environment).get(NODES, "", "node-1")
    return cluster.asked[-1].user


def test_a_token_and_a_certificate_say_who_asks(cluster: FakeCluster) -> None:
    assert asked_as(cluster, Kubeconfig([cluster.kubeconfig(bearer="one")]).access()) == "ann"
    pair = cluster.authority.client("bob", "system:masters")
    (cluster.folder / "bob.crt").write_text(pair.certificate)
    (cluster.folder / "bob.key").write_text(pair.key)
    config = cluster.kubeconfig("bob", **{"client-certificate": "bob.crt", "client-key": "bob.key"})
    assert asked_as(cluster, Kubeconfig([config]).access()) == "bob"


def test_whoever_is_not_known_is_refused_and_the_token_is_not_told(cluster: FakeCluster) -> None:
    for bearer in ("", SECRET):
        with pytest.raises(ApiRefused) as raised:
            asked_as(cluster, Kubeconfig([cluster.kubeconfig(bearer=bearer)]).access())
        assert raised.value.status == 401
        assert SECRET not in str(raised.value) + raised.value.advice


def test_only_the_clusters_own_ca_is_believed(cluster: FakeCluster) -> None:
    found = Kubeconfig([cluster.kubeconfig(bearer="one")]).access()
    with pytest.raises(CertificateRefused):
        asked_as(cluster, replace(found, ca=""))
    assert asked_as(cluster, replace(found, ca="", insecure=True)) == "ann"
    with pytest.raises(HullmarkError, match="are not PEM"):
        asked_as(cluster, replace(found, ca="no certificate"))
    identity = replace(found.identity, certificate=ClientCertificate("no", "key"))
    with pytest.raises(HullmarkError, match="client certificate"):
        asked_as(cluster, replace(found, identity=identity))


def test_a_certificate_may_be_for_another_name(tmp_path: Path) -> None:
    fake = FakeCluster(tmp_path, tokens={"one": User("ann")}, names=("kubernetes.default.svc",))
    fake.store.create(manifests.node())
    with fake.running():
        found = Kubeconfig([fake.kubeconfig(bearer="one")]).access()
        with pytest.raises(CertificateRefused):
            asked_as(fake, found)
        assert asked_as(fake, replace(found, server_name="kubernetes.default.svc")) == "ann"


def test_a_token_file_is_read_again_after_a_minute_or_when_it_is_refused(cluster: FakeCluster) -> None:
    file = cluster.folder / "token"
    file.write_text("one\n")
    times = iter([0.0, 59.0, 61.0, *[62.0] * 9])
    now = [0.0]
    access = replace(Kubeconfig([cluster.kubeconfig()]).access(), identity=Identity(token_file=str(file)))
    client = api(access, clock=lambda: now[0])
    client.get(NODES, "", "node-1")
    cluster.tokens["two"] = User("ann-again")
    file.write_text("two\n")
    for user in ("ann", "ann-again"):
        now[0] = next(times) if user == "ann" else 61.0
        client.get(NODES, "", "node-1")
        assert cluster.asked[-1].user == user
    del cluster.tokens["two"]
    cluster.tokens["three"] = User("cid")
    file.write_text("three\n")
    client.get(NODES, "", "node-1")
    assert cluster.asked[-1].user == "cid"


def plugin(folder: Path, answer: Any, *, status: int = 0, version: str = V1) -> ExecPlugin:
    """A program that counts its calls and prints an answer, `$CALLS` in it being their number."""
    program = folder / "plugin"
    text = answer if isinstance(answer, str) else json.dumps(answer)
    program.write_text(
        f"""#!/bin/sh
echo x >> "$FOLDER/calls"
CALLS=$(wc -l < "$FOLDER/calls" | tr -d ' ')
printf '%s' "$KUBERNETES_EXEC_INFO" > "$FOLDER/info"
cat <<END
{text}
END
exit {status}
"""
    )
    program.chmod(0o700)
    return ExecPlugin(
        api_version=version,
        command="./plugin",
        environment={"FOLDER": str(folder)},
        folder=str(folder),
        gets_cluster=True,
    )


def credential(**status: Any) -> dict[str, Any]:
    """What a plugin prints."""
    return {"apiVersion": V1, "kind": "ExecCredential", "status": status}


def calls(folder: Path) -> int:
    """How often the plugin was called."""
    return (folder / "calls").read_text().count("x")


PATH = {"PATH": "/usr/bin:/bin"}


def test_a_plugins_token_is_used_until_it_ends_or_is_refused(cluster: FakeCluster) -> None:
    folder = cluster.folder
    made = plugin(folder, credential(token="token-$CALLS", expirationTimestamp="1970-01-01T01:00:00Z"))  # noqa: S106
    cluster.tokens |= {f"token-{number}": User(f"user-{number}") for number in range(1, 9)}
    access = replace(Kubeconfig([cluster.kubeconfig()]).access(), identity=Identity(plugin=made))
    now = [0.0]
    client = api(access, clock=lambda: now[0], **PATH)
    for moment, user in ((0.0, "user-1"), (3500.0, "user-1"), (3580.0, "user-2")):
        now[0] = moment
        client.get(NODES, "", "node-1")
        assert cluster.asked[-1].user == user
    now[0] = 0.0
    del cluster.tokens["token-2"]
    client.get(NODES, "", "node-1")
    assert (cluster.asked[-1].user, calls(folder)) == ("user-3", 3)
    told = json.loads((folder / "info").read_text())
    assert (told["apiVersion"], told["kind"]) == (V1, "ExecCredential")
    assert told["spec"]["interactive"] is False
    assert told["spec"]["cluster"]["server"] == access.server


def test_a_plugin_may_give_a_certificate(cluster: FakeCluster) -> None:
    pair = cluster.authority.client("eve")
    answer = credential(clientCertificateData=pair.certificate, clientKeyData=pair.key)
    access = Kubeconfig([cluster.kubeconfig()]).access()
    access = replace(access, identity=Identity(plugin=plugin(cluster.folder, answer)))
    assert asked_as(cluster, access, **PATH) == "eve"


@pytest.mark.parametrize(
    ("answer", "status", "version"),
    [
        (SECRET, 0, V1),
        ("", 0, V1),
        (credential(), 0, V1),
        (credential(token=[SECRET]), 0, V1),
        (credential(token=SECRET), 1, V1),
        (credential(token=SECRET), 0, "client.authentication.k8s.io/v1beta1"),
        (credential(token=SECRET), 0, "client.authentication.k8s.io/v1alpha1"),
        ({**credential(token=SECRET), "kind": "Secret"}, 0, V1),
        ("[" * 100_000, 0, V1),
    ],
)
def test_what_a_plugin_prints_is_not_part_of_a_message(answer: Any, status: int, version: str, tmp_path: Path) -> None:
    made = plugin(tmp_path, answer, status=status, version=version)
    access = ClusterAccess(name="c", server="https://c", identity=Identity(plugin=made))
    with pytest.raises(HullmarkError) as raised:
        Credentials(access, PATH, lambda: 0.0).current()
    assert "plugin" in str(raised.value)
    assert SECRET not in str(raised.value) + raised.value.advice


def test_a_plugin_that_is_not_there_is_named_with_its_hint(tmp_path: Path) -> None:
    made = ExecPlugin(api_version=V1, command="no-such-plugin", folder=str(tmp_path), install_hint="apt install it")
    access = ClusterAccess(name="c", server="https://c", identity=Identity(plugin=made))
    with pytest.raises(HullmarkError, match="no exec plugin 'no-such-plugin'") as raised:
        Credentials(access, PATH, lambda: 0.0).current()
    assert raised.value.advice == "apt install it"


def test_headers_hold_only_what_headers_can_hold() -> None:
    def headers(identity: Identity, token: str = "") -> dict[str, str]:
        credentials = Credentials(ClusterAccess(name="c", server="https://c", identity=identity), {}, lambda: 0.0)
        return credentials.headers(Proof(token))

    assert headers(Identity(user="u", password="p")) == {"Authorization": "Basic dTpw"}  # noqa: S106
    assert headers(Identity(impersonated={"Impersonate-User": "x"}), "t") == {
        "Authorization": "Bearer t",
        "Impersonate-User": "x",
    }
    with pytest.raises(HullmarkError, match="strange characters"):
        headers(Identity(), "a\r\nX: y")
