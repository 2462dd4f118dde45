"""Signatures, checked by the verifier of the specification's authors."""

from __future__ import annotations

import time
from base64 import b64encode

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from pipeline.delivery.signature import secret_bytes, signed_headers

SECRET = "whsec_" + b64encode(bytes(range(32))).decode()


def test_the_reference_verifier_accepts_a_signature_and_nothing_altered() -> None:
    body = '{"camera":"Höfe"}'.encode()
    headers = dict(signed_headers(secret_bytes(SECRET), "a-1", int(time.time()), body))
    verifier = Webhook(SECRET)
    verifier.verify(body, headers)
    for altered in (
        (body + b" ", headers),
        (body, headers | {"webhook-id": "a-2"}),
        (body, headers | {"webhook-timestamp": str(int(time.time()) - 1)}),
    ):
        with pytest.raises(WebhookVerificationError):
            verifier.verify(*altered)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "hunter2",
        b64encode(bytes(32)).decode(),  # no prefix
        "whsec_" + b64encode(bytes(23)).decode(),
        "whsec_" + b64encode(bytes(65)).decode(),
        "whsec_not base64!" + "A" * 40,
        "whsec_ä" + "A" * 40,
    ],
)
def test_a_secret_that_is_none_is_refused_without_being_quoted(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_ and 24 to 64 random bytes") as error:
        secret_bytes(secret)
    assert not secret or secret not in str(error.value)


@pytest.mark.parametrize("size", [24, 64])
def test_secrets_of_the_sizes_that_the_specification_permits_are_accepted(size: int) -> None:
    assert secret_bytes("whsec_" + b64encode(bytes(size)).decode()) == bytes(size)
