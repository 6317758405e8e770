"""Credentials of clouds and hosting, in the forms that their makers document."""

from __future__ import annotations

from hullmark.facets.secrets.kind import Kind, random_enough

_BECH32 = b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def is_bech32(value: bytes) -> bool:
    """Whether the checksum of a text in the encoding Bech32 (BIP 173), in upper case, is right."""
    prefix, _, data = value.lower().rpartition(b"1")
    letters = [*(byte >> 5 for byte in prefix), 0, *(byte & 31 for byte in prefix)]
    checksum = 1
    for letter in (*letters, *(_BECH32.find(bytes((byte,))) for byte in data.upper())):
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ letter
        for bit, generator in enumerate(_GENERATOR):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum == 1


def is_key_of_someone(value: bytes) -> bool:
    """Whether a key is random, and not one that documentation shows."""
    return not value.endswith(b"EXAMPLE") and random_enough(2.5)(value)


KINDS = (
    Kind(
        "aws-access-key",
        "AWS access key",
        "high",
        (b"AKIA", b"ASIA", b"ABIA", b"ACCA"),
        rb"(?<![A-Za-z0-9+/])(?:A[KS]IA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9+/=])",
        is_key_of_someone,
    ),
    Kind(
        "aws-secret-key",
        "AWS secret access key",
        "critical",
        (b"secret_access_key", b"secretaccesskey", b"aws_secret_key", b"secret-access-key"),
        rb"(?i)(?:secret[_-]?access[_-]?key|aws_secret_key)[\"']?[ \t]{0,9}(?:=>|=|:|,|[ \t])[ \t]{0,9}[\"']?"
        rb"(?P<s>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        lambda value: not value.endswith(b"EXAMPLEKEY") and random_enough(3.5)(value),
        any_case=True,
    ),
    Kind(
        "gcp-api-key",
        "Google API key",
        "high",
        (b"AIza",),
        rb"(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])",
        random_enough(3.5),
    ),
    Kind(
        "gcp-oauth-secret",
        "Google OAuth client secret",
        "high",
        (b"GOCSPX-",),
        rb"GOCSPX-[A-Za-z0-9_-]{28}(?![A-Za-z0-9_-])",
    ),
    Kind(
        "azure-storage-key",
        "Azure storage account key",
        "critical",
        (b"AccountKey=",),
        rb"AccountKey=(?P<s>[A-Za-z0-9+/]{86}==)",
    ),
    Kind(
        "azure-client-secret",
        "Azure client secret",
        "critical",
        (b"8Q~", b"7Q~"),
        rb"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~.-])",
        random_enough(4.0),
        before=3,
    ),
    Kind(
        "azure-devops-token",
        "Azure DevOps token",
        "high",
        (b"AZDO",),
        rb"(?<![A-Za-z0-9])[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}(?![A-Za-z0-9])",
        before=77,
    ),
    Kind(
        "digitalocean-token",
        "DigitalOcean token",
        "high",
        (b"dop_v1_", b"doo_v1_", b"dor_v1_"),
        rb"do[opr]_v1_[a-f0-9]{64}",
    ),
    Kind(
        "alibaba-access-key",
        "Alibaba Cloud access key",
        "high",
        (b"LTAI",),
        rb"(?<![A-Za-z0-9+/])LTAI[A-Za-z0-9]{12,20}(?![A-Za-z0-9+/=])",
        random_enough(3.2),
    ),
    Kind(
        "tencent-secret-id",
        "Tencent Cloud secret id",
        "high",
        (b"AKID",),
        rb"(?<![A-Za-z0-9+/])AKID[A-Za-z0-9]{32}(?![A-Za-z0-9+/=])",
        random_enough(3.5),
    ),
    Kind("heroku-key", "Heroku API key", "high", (b"HRKU-",), rb"HRKU-[A-Za-z0-9_-]{36,62}"),
    Kind(
        "cloudflare-origin-key", "Cloudflare origin CA key", "high", (b"v1.0-",), rb"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}"
    ),
    Kind(
        "fly-token", "Fly.io token", "high", (b"fm1", b"fm2_"), rb"(?:fm2|fm1[ar])_[A-Za-z0-9+/=_-]{100,800}", after=900
    ),
    Kind(
        "planetscale-token",
        "PlanetScale token",
        "high",
        (b"pscale_tkn_", b"pscale_pw_"),
        rb"pscale_(?:tkn|pw)_[A-Za-z0-9_.=-]{32,64}",
    ),
    Kind("supabase-token", "Supabase token", "high", (b"sbp_",), rb"(?<![A-Za-z0-9_])sbp_[a-f0-9]{40}"),
    Kind(
        "netlify-token",
        "Netlify token",
        "high",
        (b"nfp_",),
        rb"(?<![A-Za-z0-9_])nfp_[A-Za-z0-9]{36}(?![A-Za-z0-9])",
        random_enough(3.5),
    ),
    Kind(
        "databricks-token",
        "Databricks token",
        "high",
        (b"dapi",),
        rb"(?<![A-Za-z0-9])dapi[a-f0-9]{32}(?![A-Za-z0-9])",
        random_enough(3.0),
    ),
    Kind(
        "vault-token",
        "HashiCorp Vault token",
        "critical",
        (b"hvs.", b"hvb.", b"hvr."),
        rb"(?<![A-Za-z0-9_.])hv[sbr]\.[A-Za-z0-9_-]{24,300}",
        random_enough(3.5),
    ),
    Kind(
        "terraform-token",
        "Terraform Cloud token",
        "high",
        (b".atlasv1.",),
        rb"(?<![A-Za-z0-9])[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,70}",
        before=15,
    ),
    Kind("pulumi-token", "Pulumi token", "high", (b"pul-",), rb"(?<![A-Za-z0-9_-])pul-[a-f0-9]{40}(?![A-Za-z0-9])"),
    Kind(
        "doppler-token",
        "Doppler token",
        "high",
        (b"dp.pt.", b"dp.st.", b"dp.ct.", b"dp.sa."),
        rb"dp\.(?:pt|ct|sa|st\.(?:[a-z0-9_-]{1,35}\.)?)\.?[A-Za-z0-9]{40,44}",
    ),
    Kind(
        "age-key",
        "age secret key",
        "critical",
        (b"AGE-SECRET-KEY-1",),
        rb"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}",
        is_bech32,
    ),
)
