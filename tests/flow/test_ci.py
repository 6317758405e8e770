"""CI templates: valid by the schemas of their platforms, and their real steps let one image go and stop another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from tests.support.ci import Job, Platform, platform, run_action, run_gitlab, run_jenkins
from tests.support.images import layout_of
from tests.support.places import REPOSITORY

ACTION, HOOKS = REPOSITORY / "action.yml", REPOSITORY / ".pre-commit-hooks.yaml"
CI = REPOSITORY / "deploy" / "ci"
GITLAB, JENKINS, WORKFLOW = CI / "gitlab-ci.yml", CI / "Jenkinsfile", CI / "github-workflow.yml"
POLICY = """\
schema: hullmark-policy/1
name: gate
version: 1
rules:
  - {id: no-key, gate: files, trigger: forbidden, action: stop, params: {paths: ['**/*.pem']}}
"""


@pytest.mark.parametrize(
    ("file", "schema"),
    [(ACTION, "vendor.github-actions"), (WORKFLOW, "vendor.github-workflows"), (GITLAB, "vendor.gitlab-ci")],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_template_is_valid_by_its_platforms_schema(file: Path, schema: str) -> None:
    program = pytest.importorskip("check_jsonschema")
    done = CliRunner().invoke(program.main, ["--builtin-schema", schema, str(file)])
    assert done.exit_code == 0, done.output


def test_the_hooks_are_what_pre_commit_takes() -> None:
    """https://pre-commit.com/#creating-new-hooks; pre-commit's own schema is not among those that check-jsonschema brings."""
    for hook in yaml.safe_load(HOOKS.read_text("utf-8")):
        assert {"id", "name", "entry", "language"} <= set(hook)
        assert set(hook) <= {
            "id",
            "name",
            "description",
            "entry",
            "language",
            "files",
            "pass_filenames",
            "always_run",
            "stages",
        }
        assert set(hook.get("stages", ())) <= {"pre-commit", "pre-push", "commit-msg", "manual"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with a policy and two images: one that goes, and one that stops."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    layout_of(tmp_path / "good", {"etc/os-release": b"ID=debian\nVERSION_ID=13\n", "var/lib/dpkg/status": b""})
    layout_of(
        tmp_path / "bad",
        {"etc/os-release": b"ID=debian\nVERSION_ID=13\n", "var/lib/dpkg/status": b"", "srv/key.pem": b"x"},
    )
    return tmp_path


Run = Callable[[Job, str], int]
LOCAL: dict[str, Run] = {
    "github": lambda job, image: run_action(ACTION, {"image": image, "policy": "policy.yaml"}, job),
    "gitlab": lambda job, image: run_gitlab(GITLAB, ".hullmark-check", job),
    "jenkins": lambda job, image: run_jenkins(JENKINS, "Judge the image", job),
    "pre-commit": lambda job, image: job.shell(f"{_entry('hullmark-check')} {image} --policy policy.yaml"),
}


def _entry(name: str) -> str:
    return next(str(hook["entry"]) for hook in yaml.safe_load(HOOKS.read_text("utf-8")) if hook["id"] == name)


@pytest.mark.parametrize(("image", "status"), [("good", 0), ("bad", 1)])
@pytest.mark.parametrize("name", LOCAL)
def test_a_job_judges_by_a_policy(name: str, image: str, status: int, folder: Path) -> None:
    job = Job(folder, {"IMAGE": f"oci-dir:{image}", "POLICY": "policy.yaml"})
    assert LOCAL[name](job, f"oci-dir:{image}") == status


def test_a_hook_says_which_policy_is_wrong(folder: Path) -> None:
    job = Job(folder, {})
    assert job.shell(f"{_entry('hullmark-policy')} policy.yaml") == 0
    (folder / "policy.yaml").write_text("schema: hullmark-policy/1\nrules: 7\n")
    assert job.shell(f"{_entry('hullmark-policy')} policy.yaml") != 0


@pytest.fixture
def server() -> Iterator[Platform]:
    with platform(
        {"registry.test/shop:1": "go", "registry.test/shop:2": "stop", "registry.test/shop:3": "unknown"}
    ) as here:
        yield here


SERVED: dict[str, Callable[[Job, str, str], int]] = {
    "github": lambda job, image, url: run_action(ACTION, {"image": image, "server": url, "account": "shop"}, job),
    "gitlab": lambda job, image, url: run_gitlab(GITLAB, ".hullmark-gate", job),
    "jenkins": lambda job, image, url: run_jenkins(JENKINS, "Have the server judge the image", job),
}


@pytest.mark.parametrize(("tag", "status"), [("1", 0), ("2", 1), ("3", 3)])
@pytest.mark.parametrize("name", SERVED)
def test_a_job_signs_in_by_its_own_token_and_asks_a_server(
    name: str, tag: str, status: int, server: Platform, tmp_path: Path
) -> None:
    image = f"registry.test/shop:{tag}"
    token = {"HULLMARK_ID_TOKEN": "of-the-platform"}
    if name == "github":
        token = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{server.url}/token?x=1",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job",
        }
    variables = {"IMAGE": image, "HULLMARK_SERVER": server.url, "HULLMARK_ACCOUNT": "shop", "HULLMARK_INSECURE": "true"}
    assert SERVED[name](Job(tmp_path, {**variables, **token}), image, server.url) == status
    if name == "github":
        assert ("GET", "/token?x=1&audience=hullmark", None) in server.asked


def test_a_job_without_a_token_is_told_what_to_do(
    tmp_path: Path, server: Platform, capfd: pytest.CaptureFixture[str]
) -> None:
    job = Job(tmp_path, {"HULLMARK_ACCOUNT": "shop", "HULLMARK_INSECURE": "true"})
    assert job.shell(f"hullmark login {server.url} --oidc") == 2
    assert "id-token: write" in capfd.readouterr().out
