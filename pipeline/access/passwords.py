"""Passwords as they stand in a configuration: scrypt hashes with their parameters."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from hashlib import scrypt
from secrets import token_bytes

COST, BLOCK_SIZE, PARALLEL = 2**15, 8, 1  # 32 MB and some 0.1 s for each attempt
_MAX_MEMORY = 64 << 20  # bytes; hashlib's default is too small for these parameters
_PREFIX = "scrypt"


def hash_password(password: str) -> str:
    """Return the text that a configuration holds: scrypt:COST:BLOCK_SIZE:PARALLEL:SALT:HASH."""
    salt = token_bytes(16)
    derived = _derive(password, salt, COST, BLOCK_SIZE, PARALLEL)
    encoded = (b64encode(each).decode() for each in (salt, derived))
    return ":".join([_PREFIX, str(COST), str(BLOCK_SIZE), str(PARALLEL), *encoded])


def is_hash(text: str) -> bool:
    """Return whether `text` is a hash that `matches` can use, with bounded cost."""
    return _parts(text) is not None


def matches(password: str, hashed: str) -> bool:
    """Return whether a hash was made from this password; takes some 0.1 s."""
    parts = _parts(hashed)
    assert parts, "checked with the configuration"
    cost, block_size, parallel, salt, derived = parts
    return hmac.compare_digest(_derive(password, salt, cost, block_size, parallel), derived)


def _derive(password: str, salt: bytes, cost: int, block_size: int, parallel: int) -> bytes:
    secret = password.encode("utf-8", "surrogatepass")
    return scrypt(secret, salt=salt, n=cost, r=block_size, p=parallel, maxmem=_MAX_MEMORY, dklen=32)


def _parts(text: str) -> tuple[int, int, int, bytes, bytes] | None:
    try:
        prefix, cost, block_size, parallel, salt, derived = text.split(":")
        numbers = int(cost), int(block_size), int(parallel)
        secret = b64decode(salt, validate=True), b64decode(derived, validate=True)
    except ValueError:
        return None
    n, r, p = numbers
    usable = n > 1 and n & (n - 1) == 0 and r > 0 and p == 1 and 128 * n * r <= _MAX_MEMORY // 2
    return (*numbers, *secret) if prefix == _PREFIX and usable and len(secret[1]) == 32 else None
