"""Credentials of code hosts, package registries and build services, in the forms that their makers document."""

from __future__ import annotations

import binascii
import zlib

from hullmark.facets.secrets.kind import Kind, is_placeholder, random_enough
from hullmark.model.late import late

_BASE36 = b"0123456789abcdefghijklmnopqrstuvwxyz"
_ROUTABLE = late(rb".+\.[0-9a-z]{2}\.[0-9a-z]{9}")
_BASE62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def has_checksum(token: bytes) -> bool:
    """Whether the last six characters are the CRC-32 of those after the prefix, in base 62, as GitHub's tokens end."""
    body = token.partition(b"_")[2]
    number, digits = zlib.crc32(body[:-6]), b""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit : digit + 1] + digits
    return digits == body[-6:]


def is_gitlab_token(token: bytes) -> bool:
    """Whether a token is random, and where it is of the routable form, its last seven digits of base 36 are the CRC-32 of the others."""
    if is_placeholder(token) or not random_enough(3.2)(token):
        return False
    if not _ROUTABLE.fullmatch(token):
        return True
    number, digits = zlib.crc32(token[:-7]), b""
    for _ in range(7):
        number, digit = divmod(number, 36)
        digits = _BASE36[digit : digit + 1] + digits
    return digits == token[-7:]


def is_docker_login(value: bytes) -> bool:
    """Whether the text is base64 for a name and a password."""
    try:
        name, colon, password = binascii.a2b_base64(value, strict_mode=True).partition(b":")
    except binascii.Error:
        return False
    return bool(name and colon and password) and not is_placeholder(password)


KINDS = (
    Kind(
        "github-token",
        "GitHub token",
        "critical",
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_"),
        rb"(?<![A-Za-z0-9_])gh[pousr]_(?:[A-Za-z0-9]{36}|[A-Za-z0-9]{76})(?![A-Za-z0-9])",
        has_checksum,
    ),
    Kind(
        "github-fine-grained-token",
        "GitHub fine-grained token",
        "critical",
        (b"github_pat_",),
        rb"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}(?![A-Za-z0-9])",
        random_enough(3.5),
    ),
    Kind(
        "gitlab-token",
        "GitLab token",
        "critical",
        (b"glpat-", b"gldt-", b"glrt-", b"glptt-", b"glcbt-", b"glft-", b"glsoat-", b"glagent-", b"gloas-"),
        rb"(?<![A-Za-z0-9_-])gl(?:pat|dt|rt|ptt|cbt|ft|soat|agent|oas)-[A-Za-z0-9_.-]{20,100}",
        is_gitlab_token,
    ),
    Kind("atlassian-token", "Atlassian API token", "high", (b"ATATT3",), rb"ATATT3[A-Za-z0-9_=-]{180,250}"),
    Kind(
        "bitbucket-password",
        "Bitbucket app password",
        "high",
        (b"ATBB",),
        rb"(?<![A-Za-z0-9])ATBB[A-Za-z0-9]{32}(?![A-Za-z0-9])",
        random_enough(3.5),
    ),
    Kind(
        "npm-token",
        "npm access token",
        "critical",
        (b"npm_",),
        rb"(?<![A-Za-z0-9_])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])",
        random_enough(3.5),
    ),
    Kind(
        "npm-auth",
        "credentials for an npm registry",
        "high",
        (b":_authToken", b":_password", b":_auth", b"_auth=", b"_auth ="),
        rb":?_(?:authToken|auth|password)[ \t]{0,9}=[ \t]{0,9}\"?(?P<s>[A-Za-z0-9_+/=.:-]{12,1000})",
        lambda value: not is_placeholder(value),
        after=1100,
        names=("npmrc",),
    ),
    Kind(
        "pypi-token",
        "PyPI token",
        "critical",
        (b"pypi-AgE",),
        rb"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,1000}",
        after=1100,
    ),
    Kind(
        "rubygems-key",
        "RubyGems API key",
        "high",
        (b"rubygems_",),
        rb"(?<![A-Za-z0-9_])rubygems_[a-f0-9]{48}(?![a-f0-9])",
    ),
    Kind(
        "crates-token",
        "crates.io token",
        "high",
        (b"cio",),
        rb"(?<![A-Za-z0-9_])cio[A-Za-z0-9]{32}(?![A-Za-z0-9])",
        random_enough(4.0),
        tail=rb"[A-Za-z0-9]{32}",
    ),
    Kind(
        "nuget-key",
        "NuGet API key",
        "high",
        (b"oy2",),
        rb"(?<![A-Za-z0-9])oy2[a-z0-9]{43}(?![A-Za-z0-9])",
        random_enough(3.8),
    ),
    Kind("clojars-token", "Clojars deploy token", "high", (b"CLOJARS_",), rb"CLOJARS_[a-z0-9]{60}(?![a-z0-9])"),
    Kind(
        "docker-token",
        "Docker Hub token",
        "high",
        (b"dckr_pat_", b"dckr_oat_"),
        rb"dckr_[po]at_[A-Za-z0-9_-]{27,32}(?![A-Za-z0-9_-])",
    ),
    Kind(
        "docker-login",
        "login for an image registry",
        "critical",
        (b'"auth"',),
        rb"\"auth\"\s{0,9}:\s{0,9}\"(?P<s>[A-Za-z0-9+/]{6,4000}={0,2})\"",
        is_docker_login,
        after=4100,
    ),
    Kind(
        "artifactory-key",
        "Artifactory API key",
        "high",
        (b"AKCp",),
        rb"(?<![A-Za-z0-9])AKCp[A-Za-z0-9]{69}(?![A-Za-z0-9])",
    ),
    Kind(
        "artifactory-reference-token",
        "Artifactory reference token",
        "high",
        (b"cmVmdGtu",),
        rb"(?<![A-Za-z0-9])cmVmdGtu[A-Za-z0-9]{56}(?![A-Za-z0-9])",
    ),
    Kind(
        "sonar-token",
        "SonarQube token",
        "high",
        (b"sqp_", b"squ_", b"sqa_"),
        rb"(?<![A-Za-z0-9_])sq[pua]_[a-f0-9]{40}(?![a-f0-9])",
    ),
    Kind(
        "circleci-token",
        "CircleCI token",
        "high",
        (b"CCIPAT_", b"CCIPRJ_"),
        rb"CCIP(?:AT|RJ)_[A-Za-z0-9]{22}_[a-f0-9]{40}",
    ),
    Kind("buildkite-token", "Buildkite token", "high", (b"bkua_",), rb"(?<![A-Za-z0-9_])bkua_[a-z0-9]{40}(?![a-z0-9])"),
    Kind("postman-key", "Postman API key", "high", (b"PMAK-",), rb"PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
)
