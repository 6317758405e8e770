"""Whatever comes to the webhook is answered as an API server expects it: malformed, huge, unknown, of another version, and in a failure."""

from __future__ import annotations

import base64
import json
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from hullmark.model.admission import AdmissionPage
from hullmark.places.gates.certificates import make_pair
from hullmark.places.gates.kubernetes.reviews import LARGEST_REVIEW
from hullmark.places.gates.kubernetes.webhook import HttpAnswer, Webhook
from hullmark.places.gates.meters import Meters
from hullmark.places.gates.serving import Certificate
from hullmark.places.gates.settings import GateSettings, PodTemplatePath
from hullmark.places.gates.verdicts import LocalVerdicts
from tests.support.gate import BAD, GOOD, HOST, NOON

pytestmark = pytest.mark.anyio

Object = dict[str, Any]


def webhook_of(folder: Path, settings: GateSettings, said: list[str] | None = None) -> Webhook:
    verdicts = LocalVerdicts(folder / "v.db")
    verdicts.take(AdmissionPage(images=(GOOD, BAD), cursor="1", is_last=True, begins=True), NOON)
    return Webhook(verdicts, settings, lambda: NOON, Meters(lambda: 1.0), (said if said is not None else []).append)


@pytest.fixture(scope="module")
def webhook(tmp_path_factory: pytest.TempPathFactory) -> Webhook:
    return webhook_of(tmp_path_factory.mktemp("gate"), GateSettings())


def review(spec: Any, **more: Any) -> Object:
    request = {
        "uid": "u-1",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "namespace": "shop",
        "operation": "CREATE",
        "object": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec},
        **more,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def said_of(answer: HttpAnswer) -> Object:
    assert answer.status == 200, answer.body
    found = json.loads(answer.body)
    assert (found["apiVersion"], found["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    response: Object = found["response"]
    assert response["uid"] == "u-1"
    return response


def ask(webhook: Webhook, document: Any, path: str = "/validate") -> HttpAnswer:
    return webhook.answer_review(path, document if isinstance(document, bytes) else json.dumps(document).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"x"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"},
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": ""}},
        review({}, uid=""),
        review({}, kind="Pod"),
        review({}, object=[]),
        {**review({}), "apiVersion": "admission.k8s.io/v1beta1"},
        {**review({}), "kind": "ImageReview"},
    ],
)
@pytest.mark.parametrize("path", ["/validate", "/mutate", "/imagepolicy"])
def test_what_is_no_review_is_a_bad_request(webhook: Webhook, body: Any, path: str) -> None:
    answer = ask(webhook, body, path)
    assert answer.status == 400
    assert json.loads(answer.body)["kind"] == "Status"


def test_v1beta1_is_refused_with_what_to_do(webhook: Webhook) -> None:
    answer = ask(webhook, {**review({}), "apiVersion": "admission.k8s.io/v1beta1"})
    assert "name v1 in admissionReviewVersions" in json.loads(answer.body)["message"]


def test_a_huge_pod_is_judged(webhook: Webhook) -> None:
    containers = [{"name": f"c{number}", "image": f"{HOST}/good:1", "args": ["x" * 3000]} for number in range(1200)]
    body = json.dumps(review({"containers": containers})).encode()
    assert len(body) > 3 << 20
    assert said_of(ask(webhook, body))["allowed"] is True
    containers[-1]["image"] = f"{HOST}/bad:1"
    response = said_of(ask(webhook, review({"containers": containers})))
    assert response["allowed"] is False
    assert len(response["status"]["message"]) <= 4096


async def test_what_is_larger_than_any_review_is_refused_unread(webhook: Webhook) -> None:
    sent: list[Any] = []
    parts = [b"x" * (1 << 20)] * 17
    assert sum(map(len, parts)) > LARGEST_REVIEW

    async def receive() -> Object:
        return {"type": "http.request", "body": parts.pop(), "more_body": bool(parts)}

    async def send(message: Any) -> None:
        sent.append(message)

    await webhook({"type": "http", "method": "POST", "path": "/validate"}, receive, send)
    assert sent[0]["status"] == 413
    assert (b"connection", b"close") in sent[0]["headers"]


@pytest.mark.parametrize(
    ("more", "allowed"),
    [
        ({"operation": "DELETE", "object": None}, True),
        ({"operation": "CONNECT", "object": {"kind": "PodExecOptions"}}, True),
        ({"kind": {"group": "example.org", "version": "v1", "kind": "Thing"}}, True),
        ({"subResource": "status", "operation": "UPDATE"}, True),
        ({"subResource": "binding"}, True),
        ({"namespace": ""}, False),
        ({"object": {"spec": "nothing"}}, True),
        (
            {
                "object": {
                    "metadata": {"ownerReferences": 5},
                    "spec": {"containers": [{"name": "a", "image": f"{HOST}/bad:1"}]},
                }
            },
            False,
        ),
        ({"object": {"spec": {"containers": [{"name": "a", "image": f"{HOST}/bad:1", "ports": 7}]}}}, False),
        ({"object": {"spec": {"containers": [{"name": "a", "image": {"x": 1}}]}}}, False),
        ({"object": {"spec": {"containers": "x", "initContainers": [{"image": f"{HOST}/bad:1"}]}}}, False),
        ({"dryRun": True}, False),
        ({"oldObject": {"spec": []}, "operation": "UPDATE"}, False),
    ],
)
def test_what_starts_nothing_is_allowed_and_what_cannot_be_read_is_not_clean(
    webhook: Webhook, more: Object, allowed: bool
) -> None:
    response = said_of(ask(webhook, review({"containers": [{"name": "a", "image": f"{HOST}/bad:1"}]}, **more)))
    assert response["allowed"] is allowed
    assert said_of(ask(webhook, review({"containers": [{"name": "a", "image": f"{HOST}/bad:1"}]}, **more), "/mutate"))[
        "allowed"
    ]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.just(f"{HOST}/bad:1"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(
            ["spec", "containers", "initContainers", "volumes", "image", "reference", "name", "template", "metadata", "annotations",
             "securityContext", "capabilities", "add", "ephemeralContainers", "ownerReferences", "hostPath", "volumeMounts"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=25,
)  # fmt: skip
_KINDS = st.sampled_from(
    [("", "Pod"), ("apps", "Deployment"), ("batch", "CronJob"), ("ray.io", "RayCluster"), ("", "Secret")]
)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=_KINDS, new=st.dictionaries(st.just("spec"), _JSON), old=st.none() | st.dictionaries(st.just("spec"), _JSON)
)
def test_no_object_makes_the_webhook_fail(
    webhook: Webhook, kind: tuple[str, str], new: Object, old: Object | None
) -> None:
    named = {"group": kind[0], "version": "v1", "kind": kind[1]}
    document = review(None, kind=named, object=new, oldObject=old, operation="UPDATE" if old is not None else "CREATE")
    for path in ("/validate", "/mutate"):
        response = said_of(ask(webhook, document, path))
        assert "has failed" not in json.dumps(response)
        for operation in json.loads(base64.b64decode(response.get("patch", "W10="))):
            assert operation["op"] in ("add", "replace")


@given(st.binary(max_size=200))
def test_no_bytes_make_the_webhook_fail(webhook: Webhook, body: bytes) -> None:
    assert webhook.answer_review("/validate", body).status == 400


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [(GateSettings(), False), (GateSettings(fail="open"), True), (GateSettings(mode="warn"), True)],
)
def test_where_the_gate_fails_its_fail_mode_answers(tmp_path: Path, settings: GateSettings, allowed: bool) -> None:
    said: list[str] = []
    webhook = webhook_of(tmp_path, settings, said)
    webhook._verdicts.close()
    body = review({"containers": [{"name": "a", "image": f"{HOST}/good:1"}]})
    response = said_of(ask(webhook, body))
    assert response["allowed"] is allowed
    assert "the gate has failed" in json.dumps(response)
    assert "validate has failed" in said[0]
    assert said_of(ask(webhook, body, "/mutate"))["allowed"] is True


BATCH = {"group": "example.org", "version": "v1", "kind": "Batch"}
BATCHES = GateSettings(
    pod_templates=tuple(
        PodTemplatePath(group="example.org", kind="Batch", path=path)
        for path in ("spec.jobs.*.template", "spec.first.0", "spec.named.*", "spec.flat.9", "spec.flat.template")
    )
)


@pytest.mark.parametrize(
    "spec",
    [
        {"jobs": [{"template": "POD"}]},
        {"jobs": {"one": {"template": {"spec": "POD"}}}},
        {"first": ["POD", "x"]},
        {"named": {"a/b": {"spec": "POD", "metadata": {"annotations": {"a": 1}}}}},
        {"flat": {"9": "POD"}},
    ],
)
def test_a_custom_resource_is_judged_where_its_settings_say_that_it_holds_pods(tmp_path: Path, spec: Object) -> None:
    webhook = webhook_of(tmp_path, BATCHES)
    for name, allowed in (("good", True), ("bad", False)):
        pod = {"containers": [{"name": "a", "image": f"{HOST}/{name}:1"}]}
        given = json.loads(json.dumps(spec).replace('"POD"', json.dumps(pod)))
        response = said_of(ask(webhook, review({}, kind=BATCH, object={"spec": given})))
        assert response["allowed"] is allowed
        assert ("container a " in json.dumps(response)) is not allowed


@pytest.mark.parametrize("spec", [{"jobs": 5}, {"first": []}, {"flat": [1, 2]}, {"named": ["x"]}, {"jobs": [{}]}])
def test_a_custom_resource_without_pods_starts_nothing(tmp_path: Path, spec: Object) -> None:
    response = said_of(ask(webhook_of(tmp_path, BATCHES), review({}, kind=BATCH, object={"spec": spec})))
    assert (response["allowed"], "images" in response["auditAnnotations"]) == (True, False)


@pytest.mark.parametrize("mode", ["enforce", "warn", "dry-run"])
@pytest.mark.parametrize("counts", [(257, 0), (200, 57)])
def test_an_object_of_too_many_pods_is_refused_unless_the_gate_only_warns(
    tmp_path: Path, mode: Any, counts: tuple[int, int]
) -> None:
    webhook = webhook_of(tmp_path, msgspec.structs.replace(BATCHES, mode=mode))
    pod = {"containers": [{"name": "a", "image": f"{HOST}/good:1"}]}
    spec = {"jobs": [{"template": pod}] * counts[0], "named": {str(n): pod for n in range(counts[1])}}
    response = said_of(ask(webhook, review({}, kind=BATCH, object={"spec": spec})))
    reason = "it holds more pod templates than are looked at"
    assert response["allowed"] is (mode != "enforce")
    assert response["auditAnnotations"]["reasons"] == reason
    assert response.get("warnings", []) == ([f"hullmark: would be refused: {reason}"] if mode == "warn" else [])


def test_image_volumes_of_a_pod_that_is_not_understood_are_judged(webhook: Webhook) -> None:
    volumes = [{"name": "v", "image": {"reference": f"{HOST}/bad:1"}}, {"name": "w", "emptyDir": {}}, 5]
    containers = [{"name": "a", "image": f"{HOST}/good:1", "ports": 7}]
    response = said_of(ask(webhook, review({"containers": containers, "volumes": volumes})))
    assert f"image volume v ({HOST}/bad:1): policy web says stop" in response["status"]["message"]


def test_image_reviews_are_answered(webhook: Webhook) -> None:
    document = {
        "apiVersion": "imagepolicy.k8s.io/v1alpha1",
        "kind": "ImageReview",
        "spec": {"containers": [{"image": f"{HOST}/good:1"}, {"image": f"{HOST}/bad:1"}], "namespace": "shop"},
    }
    answer = json.loads(ask(webhook, document, "/imagepolicy").body)
    assert (answer["kind"], answer["status"]["allowed"]) == ("ImageReview", False)
    assert "CVE-2026-1" in answer["status"]["reason"]
    document["spec"]["containers"].pop()  # type: ignore[index]
    assert json.loads(ask(webhook, document, "/imagepolicy").body)["status"]["allowed"] is True


def test_a_certificate_that_is_half_written_counts_when_it_is_whole(tmp_path: Path) -> None:
    said: list[str] = []

    def write(*names: str) -> str:
        pair = make_pair(["localhost"], datetime.now(UTC), 1)
        for name, text in (("c", pair.certificate), ("k", pair.key)):
            if name in names:
                (tmp_path / name).write_text(text)
        return pair.authority

    write("c", "k")
    certificate = Certificate(tmp_path / "c", tmp_path / "k", said.append)
    assert not certificate.renew()
    write("c")
    assert not certificate.renew()
    (tmp_path / "k").unlink()
    assert not certificate.renew()
    authority = write("c", "k")
    assert certificate.renew()
    assert said == ["the certificate was renewed"]
    client = ssl.create_default_context(cadata=authority)
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = certificate.context.wrap_bio(theirs, ours, server_side=True)
    other = client.wrap_bio(ours, theirs, server_hostname="localhost")
    for _ in range(3):
        for each in (other, one):
            try:
                each.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert other.getpeercert() is not None
