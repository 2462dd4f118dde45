"""Hashes of passwords: scrypt as RFC 7914 defines it, with bounded cost."""

from __future__ import annotations

from base64 import b64encode

import pytest

from pipeline.access.passwords import hash_password, is_hash, matches

# RFC 7914, section 12, third vector: the first 32 of its 64 bytes (a longer key begins the same).
SALT = b64encode(b"SodiumChloride").decode()
VECTOR = bytes.fromhex("7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2")
REFERENCE = f"scrypt:16384:8:1:{SALT}:{b64encode(VECTOR).decode()}"


def test_a_hash_is_scrypt() -> None:
    assert matches("pleaseletmein", REFERENCE)
    assert not matches("pleaseletmeIn", REFERENCE)


def test_a_new_hash_matches_its_password_only_and_has_a_salt_of_its_own() -> None:
    hashed = hash_password("päß wörd:")
    assert is_hash(hashed) and matches("päß wörd:", hashed)
    assert not matches("", hashed)
    assert hash_password("päß wörd:") != hashed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        REFERENCE.replace("16384", "16383"),  # no power of two
        REFERENCE.replace("16384", "1073741824"),  # would take a terabyte
        REFERENCE.replace("16384", "x"),
        REFERENCE.replace("scrypt", "md5"),
        REFERENCE[:-8],
    ],
)
def test_what_is_no_usable_hash_is_recognised(text: str) -> None:
    assert not is_hash(text)
