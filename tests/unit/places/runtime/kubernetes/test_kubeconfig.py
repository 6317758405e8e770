"""Kubeconfig files → how clusters are reached."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.places.runtime.kubernetes.access import ClusterAccess, in_cluster, is_in_cluster
from hullmark.places.runtime.kubernetes.kubeconfig import Kubeconfig, kubeconfig_files

SECRET = "s3cr3t-t0ken"  # noqa: S105 - looked for in messages


def written(folder: Path, name: str = "config", **more: Any) -> Path:
    """A kubeconfig with a context `here`."""
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://c.example:6443/"}}],
        "users": [{"name": "u", "user": {"token": SECRET}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}],
        "current-context": "here",
        "preferences": {},
    }
    path = folder / name
    path.write_text(yaml.safe_dump({**document, **more}))
    return path


def access(path: Path, context: str = "") -> ClusterAccess:
    """The cluster of a context."""
    return Kubeconfig([path]).access(context)


def test_the_current_context_says_where_and_who(tmp_path: Path) -> None:
    found = access(written(tmp_path))
    assert (found.name, found.server, found.namespace) == ("here", "https://c.example:6443", "shop")
    assert (found.identity.token, found.ca, found.insecure) == (SECRET, "", False)


def test_data_wins_over_files_and_files_are_beside_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("CA of the file")
    (tmp_path / "u.crt").write_text("certificate")
    (tmp_path / "u.key").write_text("key")
    encoded = base64.b64encode(b"CA of the data").decode()
    cluster = {
        "server": "https://c.example",
        "certificate-authority": "ca.pem",
        "tls-server-name": "k",
        "proxy-url": "http://p:1",
    }
    user = {"client-certificate": "u.crt", "client-key": "u.key", "tokenFile": "token"}
    path = written(tmp_path, clusters=[{"name": "c", "cluster": cluster}], users=[{"name": "u", "user": user}])
    found = access(path)
    assert (found.ca, found.server_name, found.proxy) == ("CA of the file", "k", "http://p:1")
    assert found.identity.token_file == str(tmp_path / "token")
    certificate = found.identity.certificate
    assert certificate is not None
    assert (certificate.certificate, certificate.key) == ("certificate", "key")
    both = {**cluster, "certificate-authority-data": encoded}
    assert access(written(tmp_path, clusters=[{"name": "c", "cluster": both}])).ca == "CA of the data"
    blind = {**both, "insecure-skip-tls-verify": True}
    found = access(written(tmp_path, clusters=[{"name": "c", "cluster": blind}]))
    assert (found.ca, found.insecure) == ("", True)


def test_the_first_file_that_names_something_wins_as_with_kubectl(tmp_path: Path) -> None:
    first = written(
        tmp_path, "first", contexts=None, clusters=[{"name": "c", "cluster": {"server": "https://first"}}], users=None
    )
    first.write_text(first.read_text().replace("current-context: here\n", ""))
    second = written(tmp_path, "second")
    found = Kubeconfig([first, tmp_path / "missing", second]).access()
    assert (found.server, found.identity.token) == ("https://first", SECRET)


def test_an_exec_plugin_is_taken_as_it_is_written(tmp_path: Path) -> None:
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./get-token",
        "args": ["a", "b"],
        "env": [{"name": "PROFILE", "value": "x"}],
        "provideClusterInfo": True,
        "interactiveMode": "IfAvailable",
        "installHint": "install it",
    }
    path = written(tmp_path, users=[{"name": "u", "user": {"exec": plugin}}])
    found = access(path).identity.plugin
    assert found is not None
    assert (found.command, found.arguments, found.environment) == ("./get-token", ("a", "b"), {"PROFILE": "x"})
    assert (found.folder, found.gets_cluster, found.install_hint) == (str(tmp_path), True, "install it")
    bare = {**plugin, "args": None, "env": None, "installHint": None}
    assert access(written(tmp_path, users=[{"name": "u", "user": {"exec": bare}}])).identity.plugin is not None


WRONG: dict[str, dict[str, Any]] = {
    "no current context": {"current-context": ""},
    "the cluster 'c', which is not there": {"clusters": []},
    "the user 'u', which is not there": {"users": []},
    "has no address": {"clusters": [{"name": "c", "cluster": {"server": "ftp://c"}}]},
    "is not base64": {
        "clusters": [{"name": "c", "cluster": {"server": "https://c", "certificate-authority-data": "%%%é"}}]
    },
    "not both": {"users": [{"name": "u", "user": {"client-certificate-data": "YQ=="}}]},
    "auth-provider": {"users": [{"name": "u", "user": {"auth-provider": {"name": "gcp"}}}]},
    "wants a terminal": {"users": [{"name": "u", "user": {"exec": {"command": "x", "interactiveMode": "Always"}}}]},
    "several groups": {"users": [{"name": "u", "user": {"as": "x", "as-groups": ["a", "b"]}}]},
    "is not a kubeconfig": {"users": [{"name": "u", "user": {"token": [SECRET]}}]},
    "cannot be read": {"clusters": [{"name": "c", "cluster": {"server": "https://c", "certificate-authority": "no"}}]},
}


@pytest.mark.parametrize("said", WRONG)
def test_what_is_wrong_is_said_without_a_secret(said: str, tmp_path: Path) -> None:
    with pytest.raises(HullmarkError) as raised:
        access(written(tmp_path, **WRONG[said]))
    assert said in str(raised.value)
    assert SECRET not in str(raised.value) + raised.value.advice


def test_a_context_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(HullmarkError) as raised:
        access(written(tmp_path), "elsewhere")
    assert "here" in raised.value.advice


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_file_is_taken_for_more_than_it_is(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "config"
    path.write_bytes(text)
    with pytest.raises(HullmarkError):
        Kubeconfig([path]).access()


def test_files_are_those_named_else_of_the_environment_else_of_the_home(tmp_path: Path) -> None:
    here = written(tmp_path)
    assert kubeconfig_files(str(here), {"KUBECONFIG": "/x"}) == (here,)
    assert kubeconfig_files(None, {"KUBECONFIG": "/x::/y", "HOME": "/h"}) == (Path("/x"), Path("/y"))
    assert kubeconfig_files(None, {"HOME": "/h"}) == (Path("/h/.kube/config"),)
    assert kubeconfig_files(None, {}) == ()
    with pytest.raises(HullmarkError, match="there is no kubeconfig"):
        kubeconfig_files(str(tmp_path / "missing"), {})
    with pytest.raises(HullmarkError, match="more than 64"):
        kubeconfig_files(None, {"KUBECONFIG": ":".join("/x" for _ in range(65))})


def test_a_pod_asks_its_own_cluster_as_its_service_account(tmp_path: Path) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    assert is_in_cluster(environment)
    assert not is_in_cluster({})
    with pytest.raises(HullmarkError, match="no token"):
        in_cluster(environment, tmp_path)
    for name, text in (("token", "t\n"), ("ca.crt", "CA"), ("namespace", "hullmark\n")):
        (tmp_path / name).write_text(text)
    found = in_cluster(environment, tmp_path)
    assert (found.server, found.ca, found.namespace) == ("https://[fd00::1]:443", "CA", "hullmark")
    assert found.identity.token_file == str(tmp_path / "token")
    assert in_cluster({**environment, "KUBERNETES_SERVICE_HOST": "10.0.0.1"}, tmp_path).server == "https://10.0.0.1:443"
