"""CPE names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.cpe import cpe_names, named_application, products

# The formatted string of NISTIR 7695, as the schema of CycloneDX has it: part, vendor, product and version; the rest is not said.
IS_NAME = re.compile(
    r"""cpe:2\.3:[aho](?::(?:[a-zA-Z0-9._-]|\\[\\*?!"#$%&'()+,/:;<=>@\[\]^`{|}~-])+){3}(?::\*){7}"""
).fullmatch


@pytest.mark.parametrize(
    ("products", "version", "names"),
    [
        ("a:f5:nginx a:nginx:nginx", "1.27.0", ["cpe:2.3:a:f5:nginx:1.27.0:*:*:*:*:*:*:*", "cpe:2.3:a:nginx:nginx:1.27.0:*:*:*:*:*:*:*"]),
        ("a:erlang:erlang/otp", "26.2", [r"cpe:2.3:a:erlang:erlang\/otp:26.2:*:*:*:*:*:*:*"]),
        ("a:oracle:openjdk", "17.0.9+9", [r"cpe:2.3:a:oracle:openjdk:17.0.9\+9:*:*:*:*:*:*:*"]),
        ("o:linux:linux_kernel o:linux:linux_kernel", "6.1", ["cpe:2.3:o:linux:linux_kernel:6.1:*:*:*:*:*:*:*"]),
        ("a:x:y", "*", [r"cpe:2.3:a:x:y:\*:*:*:*:*:*:*:*"]),
        ("a:x:y", "-", [r"cpe:2.3:a:x:y:\-:*:*:*:*:*:*:*"]),
        ("a:x:y", "", []),
        ("a:x:y", "1 2", []),
        ("a:x a:x:y:z q:x:y a::y", "1", []),
        ("", "1", []),
    ],
)  # fmt: skip
def test_a_name_says_part_vendor_product_and_version(products: str, version: str, names: list[str]) -> None:
    assert list(cpe_names(products, version)) == names


@given(st.text(max_size=40), st.text(max_size=20))
def test_whatever_is_written_is_a_name_of_the_standard(products: str, version: str) -> None:
    for name in cpe_names(f"a:{products}:x {products}", version):
        assert IS_NAME(name), name


def test_what_is_written_is_read_back() -> None:
    names = list(cpe_names("a:f5:nginx a:erlang:erlang/otp", "17.0.9+9"))
    assert products([*names, "cpe:/a:f5:nginx:1", "cpe:2.3:a:x", "nginx"]) == ["a:f5:nginx", "a:erlang:erlang/otp"]
    assert named_application(names) == ("nginx", "17.0.9+9")


def test_an_application_is_named_by_the_first_name_of_one() -> None:
    assert named_application(["cpe:/o:linux:linux_kernel:6", "cpe:/a:openssl:openssl:*"]) == ("openssl", "")
    assert named_application(["cpe:/o:linux:linux_kernel:6"]) == ("", "")
