"""The signature of Standard Webhooks 1.0."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping

PREFIX = "whsec_"
MIN_BYTES, MAX_BYTES = 24, 64  # of a secret, as the specification has it


def secret_bytes(secret: str) -> bytes:
    """Return the key of a secret `whsec_<base64>`; raises ValueError, which does not quote it."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not MIN_BYTES <= len(key) <= MAX_BYTES:
        raise ValueError(
            f"{PREFIX} and {MIN_BYTES} to {MAX_BYTES} random bytes in Base64 are expected, "
            "as from: echo whsec_$(openssl rand -base64 32)"
        )
    return key


def signed_headers(key: bytes, identity: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """Return the headers by which the receiver knows the sender, and repeats.

    timestamp: of the attempt, in seconds since 1970
    """
    content = f"{identity}.{timestamp}.".encode() + body
    digest = hmac.digest(key, content, "sha256")
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
