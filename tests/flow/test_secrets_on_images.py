"""Secrets on the corpus's images: what was planted is found in every layer, and nothing that was not planted counts."""

from __future__ import annotations

import pytest

from hullmark.facets.secrets.facet import secrets_facet
from hullmark.facets.view import ImageView
from hullmark.model.secret import Secret
from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.layer import read_layer
from hullmark.rootfs.squash import squash
from hullmark.source import SourceOptions, open_image
from tests.support.places import corpus

_SECRET = b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def secrets_of(name: str) -> tuple[Secret, ...]:
    """The secrets in all layers and in the settings of an image of the corpus."""
    image = open_image(f"oci-dir:{corpus('oci', name)}", SourceOptions())
    facet = secrets_facet()
    dispatch = Dispatch(facet.reads)
    records = [read_layer(layer, dispatch) for layer in image.layers]
    view = ImageView(squash(records, keep_ghosts=True), records, None, image.config, "secrets")
    found: tuple[Secret, ...] = facet.assemble(view)
    assert [problem for problem in view.problems if problem.is_open] == []
    assert [problem for record in records for problem in record.problems if problem.room.startswith("secrets")] == []
    return found


def test_everything_planted_is_found_but_the_keys_of_amazons_documentation() -> None:
    found = secrets_of("secrets")
    assert {(each.kind, each.path, each.line, each.is_ghost) for each in found if each.place == "file"} == {
        ("npm-token", "/root/.npmrc", 1, False),
        ("private-key", "/app/config/server.key", 1, False),
        ("private-key", "/root/.ssh/id_ed25519", 1, False),
        ("slack-token", "/app/config/.env", 2, False),
        ("url-password", "/app/config/.env", 1, False),
    }


def test_no_secret_is_told_whole() -> None:
    assert not any(_SECRET.decode() in str(each) or "s3cr3t" in str(each) for each in secrets_of("secrets"))


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("debian-slim", set()),
        ("distroless", set()),
        ("nginx", set()),
        pytest.param("java-app", set(), marks=pytest.mark.slow),
        # Keys and logins in the tests and the documentation of npm's packages, as http-signature's http_signing.md.
        pytest.param(
            "node-app",
            {"code-of-libraries", "documentation", "documentation-of-packages", "pages", "tests"},
            marks=pytest.mark.slow,
        ),
        # Gems show URLs with logins in their comments, and OpenSSL's binding keys in its documentation.
        pytest.param("ruby-app", {"code-of-libraries", "documentation"}, marks=pytest.mark.slow),
    ],
)
def test_nothing_counts_in_images_without_secrets(name: str, rules: set[str]) -> None:
    found = secrets_of(name)
    assert [(each.kind, each.path, each.line) for each in found if not each.allowed] == []
    # GnuTLS brings the keys of its self-tests along.
    assert {each.allowed.partition(":")[0] for each in found} <= rules | {"published"}
