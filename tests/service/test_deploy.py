"""What else the server is deployed by: the compose file, systemd's units, the Helm chart."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import msgspec
import pytest
import yaml

from hullmark.cli.remote.workload_login import OWN as WORKLOAD_TOKEN
from hullmark.cli.setting_names import VARIABLES
from hullmark.isolation.grades import assess
from hullmark.isolation.kubernetes import containers_of
from hullmark.places.gates.settings import read_settings
from hullmark.server.stories.settings import Settings
from tests.support.clients import HELM, interpreter_with
from tests.support.places import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
KNOWN = (
    {f"HULLMARK_{field.name.upper()}" for field in msgspec.structs.fields(Settings)}
    | {"HULLMARK_POSTGRES_USER"}
    | VARIABLES
)
OF_COMPOSE = {"HULLMARK_IMAGE", "HULLMARK_PORT"}
"""What the compose file itself is set by."""
OF_CLIENTS = {WORKLOAD_TOKEN}
"""What CI jobs are set by besides."""


def variables(text: str) -> set[str]:
    """The server's variables that a text names."""
    return set(re.findall(r"\bHULLMARK_[A-Z_]+\b", text))


def test_only_settings_that_exist_are_set() -> None:
    named = {path: variables(path.read_text()) for path in DEPLOY.rglob("*") if path.is_file()}
    assert sum(map(len, named.values())) > 10
    unknown = {str(path): rest for path, names in named.items() if (rest := names - KNOWN - OF_COMPOSE - OF_CLIENTS)}
    assert unknown == {}


def compose() -> Any:
    """The compose file, with its anchors followed."""
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_every_role_of_the_compose_file_waits_for_the_migrated_database() -> None:
    services = compose()["services"]
    assert set(services) == {"postgres", "migrate", "api", "scheduler", "worker"}
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["migrate"]["restart"] == "no"
    for name in ("api", "scheduler", "worker"):
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
        assert services[name]["command"] == ["serve", "--role", name]
    for name in ("migrate", "api", "scheduler", "worker"):
        service = services[name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "user" not in service  # the image's own: 10001
        passed = {name for name, value in service["environment"].items() if str(value).startswith("${")}
        assert {"PGPASSWORD", "HULLMARK_FEEDS", "HULLMARK_PUBLIC_URL", "HULLMARK_SMTP", "HULLMARK_MAIL_FROM"} <= passed
        assert "PASSWORD" not in service["environment"]["HULLMARK_DATABASE_URL"]  # which would have to be encoded there


@pytest.mark.parametrize("program", ["docker-compose", "podman-compose"])
def test_compose_programs_understand_the_file(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "POSTGRES_PASSWORD": "x",
        "HULLMARK_ADMIN_PASSWORD": "y",
    }
    words = [program, "-f", str(DEPLOY / "compose.yaml"), "config"]
    ran = subprocess.run(words, env=environment, capture_output=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    services = yaml.safe_load(ran.stdout)["services"]
    assert set(services) == set(compose()["services"])
    assert services["worker"]["environment"]["HULLMARK_DATABASE_URL"] == "postgresql://hullmark@postgres/hullmark"
    if program == "docker-compose":
        del environment["POSTGRES_PASSWORD"]
        ran = subprocess.run(words, env=environment, capture_output=True, timeout=60)
        assert ran.returncode != 0
        assert b"POSTGRES_PASSWORD" in ran.stderr


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units, with a program that is there."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    made = []
    for unit in UNITS:
        path = tmp_path / unit.name
        path.write_text(unit.read_text().replace("/opt/hullmark/bin/hullmark", "/bin/true"))
        made.append(path)
    return made


def test_systemd_understands_the_units(units: list[Path]) -> None:
    assert [unit.name for unit in units] == [
        "hullmark-agent.service",
        "hullmark-api.service",
        "hullmark-gate-sync.service",
        "hullmark-gate.service",
        "hullmark-scheduler.service",
        "hullmark-worker@.service",
        "hullmark.service",
    ]
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *map(str, units)],
        capture_output=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr.decode()) == (0, "")


def test_the_units_expose_little(units: list[Path]) -> None:
    for unit in units:
        ran = subprocess.run(
            ["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=20", str(unit)],
            capture_output=True,
            timeout=60,
        )
        assert ran.returncode == 0, ran.stdout.decode()[-300:]


def test_the_units_are_alike_but_for_their_roles() -> None:
    servers = [unit for unit in UNITS if not unit.name.startswith(("hullmark-agent", "hullmark-gate"))]
    texts = {unit.name: unit.read_text().splitlines() for unit in servers}
    common = [line for line in texts["hullmark.service"] if not line.startswith(("Description", "ExecStart", "#"))]
    for name, lines in texts.items():
        assert [line for line in common if line not in lines] == [], name
    role = "LoadCredential=secret.key:/etc/hullmark/secret.key"
    assert [name for name, lines in texts.items() if role not in lines] == ["hullmark.service"]


CHART = DEPLOY / "helm" / "hullmark"
RENDER = """
import functools, json, sys
import kubernetes_validate, kubernetes_validate.utils, yaml
from helm_python import Chart
from helm_python.chart import lint
asked = json.load(sys.stdin)
of_file = functools.cache(kubernetes_validate.utils.schema_contents)
kubernetes_validate.utils.schema_contents = of_file  # megabytes, for each document anew
made = []
for values in asked["values"]:
    chart = Chart.load(asked["chart"])  # anew: what values leave out of it is gone for good
    try:
        texts = chart.render(values, name="it", namespace="n")
    except Exception as error:
        made.append(str(error))
        continue
    documents = [each for text in texts.values() for each in yaml.safe_load_all(text) if each]
    for version in asked["versions"]:
        for document in documents:
            kubernetes_validate.validate(document, version, strict=True)
    made.append(documents)
json.dump({"made": made, "lint": lint(asked["chart"], asked["values"][0])}, sys.stdout)
"""
FULL: dict[str, Any] = {
    "objects": "s3://bucket/prefix",
    "image": {"digest": "sha256:" + "0" * 64},
    "imagePullSecrets": [{"name": "pull"}],
    "settings": {"HULLMARK_FEEDS": "default", "AWS_REGION": "eu-central-1"},
    "extraEnvFrom": [{"secretRef": {"name": "bucket"}}],
    "ingress": {"enabled": True, "host": "h.example", "className": "nginx", "tlsSecret": "tls"},
    "serviceAccount": {"annotations": {"a.example/role": "r"}},
    "podAnnotations": {"a.example/scrape": "yes"},
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "k", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
}


@pytest.fixture(scope="module")
def helm() -> Path:
    """An interpreter that has Helm's engine, in a folder that is kept between runs."""
    python = interpreter_with(HELM)
    if isinstance(python, str):
        pytest.skip(python)
    return python


def rendered(python: Path, *values: dict[str, Any]) -> Any:
    """What Helm makes of the chart with each of these values; all of it valid by Kubernetes' schemas."""
    asked = {"chart": str(CHART), "values": values, "versions": ["1.25", "1.30", "1.37"]}
    ran = subprocess.run([python, "-c", RENDER], input=json.dumps(asked).encode(), capture_output=True, timeout=120)
    assert ran.returncode == 0, ran.stderr.decode()[-3000:]
    return json.loads(ran.stdout)


def test_helm_renders_the_chart_and_kubernetes_would_take_it(helm: Path) -> None:
    plain = {"objects": "gs://bucket/prefix"}
    told = rendered(helm, FULL, plain, {})
    assert "objects is required" in told["made"][2]
    assert told["lint"]["errors"] == []
    assert [message["error"] for message in told["lint"]["messages"]] == ["icon is recommended"]
    for made, ingress in ((told["made"][0], ["Ingress"]), (told["made"][1], [])):
        kinds = sorted(each["kind"] for each in made)
        assert kinds == sorted(
            ["Deployment"] * 3 + ["Job", "Service", "PodDisruptionBudget", "ServiceAccount", *ingress]
        )


def test_pods_of_the_chart_run_with_no_rights_and_only_over_a_migrated_database(helm: Path) -> None:
    made = rendered(helm, FULL)["made"][0]
    workloads = {each["metadata"]["name"]: each for each in made if each["kind"] in ("Deployment", "Job")}
    assert set(workloads) == {"it-api", "it-worker", "it-scheduler", "it-migrate"}
    for name, workload in workloads.items():
        pod = workload["spec"]["template"]["spec"]
        assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsNonRoot"]) == (10001, True)
        assert pod["automountServiceAccountToken"] is False
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["image"] == "hullmark@sha256:" + "0" * 64
        own = {each["name"] for each in container["env"] if each["name"].startswith("HULLMARK_")}
        assert {"HULLMARK_DATABASE_URL", "HULLMARK_OBJECTS", "HULLMARK_SECRET_KEY_FILE"} <= own <= KNOWN, name
        assert {"HULLMARK_FEEDS", "HULLMARK_FEEDS_EVERY", "HULLMARK_METRICS_LISTEN"} <= own
        if name != "it-migrate":
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
            assert container["livenessProbe"]["httpGet"]["port"] in ports
            assert ports["metrics"] == 9228
    # Whoever waits for pods to be ready must not wait for what only runs afterwards; and the account is not there yet.
    migrate = workloads["it-migrate"]
    assert migrate["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert "serviceAccountName" not in migrate["spec"]["template"]["spec"]
    (service,) = [each for each in made if each["kind"] == "Service"]
    chosen = [
        name
        for name, workload in workloads.items()
        if service["spec"]["selector"].items() <= workload["spec"]["template"]["metadata"]["labels"].items()
    ]
    assert chosen == ["it-api"]


def test_the_charts_values_are_all_used_and_all_there() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    templates = "".join(path.read_text() for path in sorted((CHART / "templates").iterdir()))
    asked = set(re.findall(r"\.Values\.([A-Za-z.]+)", templates))
    for path in asked:
        found: Any = values
        for part in path.split("."):
            assert part in found, f"values.yaml has no {path}"
            found = found[part]
    top = {path.partition(".")[0] for path in asked} | {"api", "worker", "scheduler", "agent", "gate"}
    assert set(values) == top


AGENT = DEPLOY / "kubernetes" / "agent.yaml"


def agent_documents() -> list[Any]:
    """The agent's manifest."""
    return list(yaml.safe_load_all(AGENT.read_text()))


def rules_of(documents: list[Any]) -> list[Any]:
    """The rules of its role."""
    (found,) = [document["rules"] for document in documents if document["kind"] in ("Role", "ClusterRole")]
    assert isinstance(found, list)
    return found


def container_of(documents: list[Any]) -> tuple[Any, Any]:
    """The pod and the container of its Deployment."""
    (pod,) = [document["spec"]["template"]["spec"] for document in documents if document["kind"] == "Deployment"]
    (container,) = pod["containers"]
    return pod, container


@pytest.mark.parametrize("version", ["1.25", "1.30", "1.37"])
def test_kubernetes_would_take_the_agents_manifest(version: str) -> None:
    import kubernetes_validate

    for document in agent_documents():
        kubernetes_validate.validate(document, version, strict=True)


def test_the_agent_has_no_rights_in_its_own_pod_and_its_command_line_is_one() -> None:
    from hullmark.cli.main import parse

    pod, container = container_of(agent_documents())
    facts = containers_of(pod, annotations={})[0].isolation
    assert assess(facts).at_most == "hardened"
    assert [each.setting for each in assess(facts).missing if each.is_known] == []
    arguments = parse(container["args"])
    assert (arguments.follow, arguments.name, arguments.key_file) == (True, "my-cluster", "/etc/hullmark/key")
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {arguments.state, "/etc/hullmark"} < mounted


def test_helm_makes_the_same_agent_where_it_is_wanted(helm: Path) -> None:
    from hullmark.cli.main import parse

    wanted = {"enabled": True, "cluster": "prod", "server": "https://hullmark.example"}
    plain: dict[str, Any] = {"objects": "gs://bucket/prefix"}
    without, whole, one, missing = rendered(
        helm,
        plain,
        {**plain, "agent": wanted},
        {**plain, "agent": {**wanted, "namespace": "shop", "nodeSelector": {"a": "b"}}},
        {**plain, "agent": {"enabled": True}},
    )["made"]
    assert "agent.cluster is required" in missing
    names = [each["metadata"]["name"] for each in without]
    own = [each for each in whole if each["metadata"]["name"] not in names]
    assert sorted(each["kind"] for each in own) == ["ClusterRole", "ClusterRoleBinding", "Deployment", "ServiceAccount"]
    assert rules_of(own) == rules_of(agent_documents())
    pod, container = container_of(own)
    by_hand, of_manifest = container_of(agent_documents())
    assert pod["securityContext"] == by_hand["securityContext"]
    assert container["securityContext"] == of_manifest["securityContext"]
    assert parse(container["args"]).name == "prod"
    part = [each for each in one if each["metadata"]["name"] not in names]
    assert sorted(each["kind"] for each in part) == ["Deployment", "Role", "RoleBinding", "ServiceAccount"]
    assert parse(container_of(part)[1]["args"]).namespace == "shop"
    for documents in (own, part):
        (binding,) = [document for document in documents if document["kind"].endswith("Binding")]
        (role,) = [document for document in documents if document["kind"] in ("Role", "ClusterRole")]
        (account,) = [document for document in documents if document["kind"] == "ServiceAccount"]
        assert binding["roleRef"]["kind"] == role["kind"]
        assert binding["roleRef"]["name"] == role["metadata"]["name"]
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": account["metadata"]["name"], "namespace": "n"}
        ]
        assert container_of(documents)[0]["serviceAccountName"] == account["metadata"]["name"]
        assert role["metadata"].get("namespace") == binding["metadata"].get("namespace")


GATE: dict[str, Any] = {
    "gate": {
        "enabled": True,
        "server": "https://h.example",
        "caBundle": "Q0E=",
        "settings": {"mode": "warn", "excluded_namespaces": ["dev-*"]},
        "extraRules": [
            {
                "apiGroups": ["argoproj.io"],
                "apiVersions": ["*"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["rollouts"],
            }
        ],
    }
}


def test_the_gate_of_the_chart_is_that_of_the_manifest(helm: Path) -> None:
    made = rendered(helm, {**FULL, **GATE})["made"][0]
    ours = {each["kind"]: each for each in made if each["metadata"]["name"] == "it-gate"}
    manifest = yaml.safe_load_all((DEPLOY / "kubernetes" / "gate.yaml").read_text())
    shipped = {each["kind"]: each for each in manifest if each["kind"] != "Namespace"}
    assert set(ours) == set(shipped)
    settings = read_settings(ours["ConfigMap"]["data"]["gate.yaml"].encode(), "gate.yaml")
    assert (settings.mode, settings.excluded_namespaces) == (
        "warn",
        ("n", "kube-system", "kube-public", "kube-node-lease", "dev-*"),
    )
    assert read_settings(shipped["ConfigMap"]["data"]["gate.yaml"].encode(), "gate.yaml").excludes("kube-system")
    assert ours["ClusterRole"]["rules"] == shipped["ClusterRole"]["rules"]
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        (one,), (other,) = ours[kind]["webhooks"], shipped[kind]["webhooks"]
        for name in (
            "name",
            "failurePolicy",
            "sideEffects",
            "timeoutSeconds",
            "admissionReviewVersions",
            "matchPolicy",
        ):
            assert one[name] == other[name], name
        assert one["namespaceSelector"]["matchExpressions"][0]["values"] == [
            "n",
            "kube-system",
            "kube-public",
            "kube-node-lease",
        ]
        asked = [
            {f"{group}/{name}" for rule in of["rules"] for group in rule["apiGroups"] for name in rule["resources"]}
            for of in (one, other)
        ]
        assert asked[0] == asked[1]
    ((container,), (other,)) = (
        [*each["Deployment"]["spec"]["template"]["spec"]["containers"]] for each in (ours, shipped)
    )
    for name in (
        "securityContext",
        "readinessProbe",
        "livenessProbe",
        "lifecycle",
        "volumeMounts",
        "ports",
        "resources",
    ):
        assert container[name] == other[name], name
    assert "gate.server is required" in rendered(helm, {**FULL, "gate": {"enabled": True}})["made"][0]


def test_kubernetes_would_take_the_manifest_of_the_gate() -> None:
    for document in yaml.safe_load_all((DEPLOY / "kubernetes" / "gate.yaml").read_text()):
        for version in ("1.25", "1.33"):
            kubernetes_validate.validate(document, version, strict=True)
        if document["kind"] == "Deployment":
            pod = document["spec"]["template"]["spec"]
            assert {assess(each.isolation).grade for each in containers_of(pod, annotations={})} <= {
                "default",
                "hardened",
            }
