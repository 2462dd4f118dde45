"""Webhooks at a real HTTPS receiver that misbehaves."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from pipeline.connections.status import Cause
from pipeline.delivery.deliverer import Deliverer
from pipeline.delivery.message import Message, message_of
from pipeline.delivery.retries import Schedule, Undelivered
from pipeline.delivery.webhook import MAX_RETRY_AFTER, Webhook
from pipeline.events.record import Phase
from tests.support.broker import silent_server
from tests.support.cameras import CAP
from tests.support.certificates import Certificates, make_certificates
from tests.support.deliveries import MemoryOutbox, a_row, validator
from tests.support.webhook_receiver import Answer, Receiver, receiving

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
TOKEN = "Zk3vXq9LmT7bWn2RsY5c"  # in a path, as services give them
ENDED = "ended by peer (the connection ended before the answer did)"
SOON = Schedule((0.01,), (0.01,), Random())


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def receiver(certificates: Certificates) -> Iterator[Receiver]:
    with receiving(certificates) as running:
        yield running


@pytest.fixture
def webhook(receiver: Receiver, certificates: Certificates, tmp_path: Path) -> Webhook:
    return make_webhook(receiver.url, tmp_path, certificates)


def make_webhook(
    url: str, folder: Path, certificates: Certificates | None, **options: Any
) -> Webhook:
    ca_file = certificates.authority if certificates else None
    given = {"secret": SECRET, "ca_file": ca_file, **options}
    return Webhook(f"{url}/hook/{TOKEN}?a=b", folder, SOON, **given)


def send(webhook: Webhook, message: Message | None = None) -> list[Message]:
    """Deliver one message, and return what was acknowledged."""
    done: list[Message] = []
    webhook.deliver([message or message_of(a_row(1))], done.append)
    return done


def failure(webhook: Webhook) -> Undelivered:
    with pytest.raises(Undelivered) as error:
        send(webhook)
    assert TOKEN not in str(error.value)
    return error.value


def test_a_message_arrives_signed_at_its_path(receiver: Receiver, webhook: Webhook) -> None:
    message = message_of(a_row(1))
    assert send(webhook, message) == [message]
    (request,) = receiver.requests
    assert request.path == f"/hook/{TOKEN}?a=b"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == message.id
    validator("envelope").validate(Verifier(SECRET).verify(request.body, dict(request.headers)))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_an_acknowledgement(receiver: Receiver, webhook: Webhook, status: int) -> None:
    receiver.answers.append(Answer(status))
    assert len(send(webhook)) == 1


@pytest.mark.parametrize(
    ("answer", "said", "whole"),
    [
        (Answer(500), "HTTP 500 Internal Server Error", False),
        (Answer(404), "HTTP 404 Not Found", False),
        (Answer(799), "HTTP 799", False),
        (Answer(302, {"Location": "/elsewhere"}), "redirects are not followed", False),
        (Answer(429), "HTTP 429 Too Many Requests", True),
        (Answer(503), "HTTP 503 Service Unavailable", True),
        (Answer(raw=b""), ENDED, False),
        (Answer(raw=b"HTTP/1.1 200 OK"), ENDED, False),
        (Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"), ENDED, False),
        (Answer(raw=b"SSH-2.0-x\r\n\r\n"), "the answer is not HTTP", False),
        (Answer(raw=b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200), "the answer is not HTTP", False),
        (Answer(raw=b"HTTP/1.1 200 " + b"x" * 100_000), "the answer is not HTTP", False),
    ],
)
def test_every_other_answer_is_a_failure_of_the_stream_or_of_the_endpoint(
    receiver: Receiver, webhook: Webhook, answer: Answer, said: str, whole: bool
) -> None:
    receiver.answers.append(answer)
    error = failure(webhook)
    assert said in str(error)
    assert (error.whole, error.final) == (whole, False)
    assert len(receiver.requests) == 1
    assert len(send(webhook)) == 1  # the next attempt is a new connection


def test_a_body_that_ends_early_does_not_take_an_acknowledgement_back(
    receiver: Receiver, webhook: Webhook
) -> None:
    receiver.answers.append(Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf"))
    assert len(send(webhook)) == 1


def test_410_is_final(receiver: Receiver, webhook: Webhook) -> None:
    receiver.answers.append(Answer(410))
    assert failure(webhook).final


def a_date(seconds: float) -> str:
    when = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return format_datetime(when, usegmt=True)


@pytest.mark.parametrize(
    ("given", "least", "most"),
    [
        (lambda: "7", 7, 7),
        (lambda: "99999999999", MAX_RETRY_AFTER, MAX_RETRY_AFTER),
        (lambda: a_date(1000), 900, 1000),
        (lambda: a_date(-1000), 0, 0),
        (lambda: "soon", 0, 0),
        (lambda: "-5", 0, 0),
        (lambda: "", 0, 0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_a_number_or_a_date_and_never_more_than_a_day(
    receiver: Receiver,
    webhook: Webhook,
    status: int,
    given: Callable[[], str],
    least: float,
    most: float,
) -> None:
    receiver.answers.append(Answer(status, {"Retry-After": given()}))
    assert least <= (failure(webhook).retry_after or 0) <= most


def test_a_silent_receiver_is_given_up_after_the_timeout(
    receiver: Receiver, certificates: Certificates, tmp_path: Path
) -> None:
    receiver.answers.append(Answer(silent=True))
    error = failure(make_webhook(receiver.url, tmp_path, certificates, timeout=2.0))
    assert error.trouble.cause is Cause.TIMED_OUT


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_accepts_and_says_nothing_is_given_up(scheme: str, tmp_path: Path) -> None:
    with silent_server() as port:
        webhook = make_webhook(f"{scheme}://127.0.0.1:{port}", tmp_path, None, timeout=0.5)
        assert failure(webhook).trouble.cause is Cause.TIMED_OUT


def test_an_interrupt_ends_a_request_at_once(tmp_path: Path) -> None:
    with silent_server() as port:
        webhook = make_webhook(f"http://127.0.0.1:{port}", tmp_path, None, timeout=60)
        webhook.interrupt()
        began_at = monotonic()
        failure(webhook)
        assert monotonic() - began_at < 30


def test_no_connection_is_a_failure_of_the_endpoint(tmp_path: Path) -> None:
    with silent_server() as port:
        pass
    error = failure(make_webhook(f"http://127.0.0.1:{port}", tmp_path, None))
    assert (error.trouble.cause, error.whole) == (Cause.REFUSED, True)


def test_a_certificate_of_an_unknown_authority_is_refused(
    receiver: Receiver, tmp_path: Path
) -> None:
    error = failure(make_webhook(receiver.url, tmp_path, None))
    assert "its certificate is not accepted" in str(error)
    assert "see ca_file" in str(error)
    assert receiver.requests == []


def test_a_server_without_tls_is_told_nothing(tmp_path: Path, certificates: Certificates) -> None:
    with receiving() as receiver:
        url = receiver.url.replace("http://", "https://")
        assert "TLS failed" in str(failure(make_webhook(url, tmp_path, certificates)))
        assert receiver.requests == []


def test_plain_http_is_permitted_to_private_addresses(tmp_path: Path) -> None:
    with receiving() as receiver:
        assert len(send(make_webhook(receiver.url, tmp_path, None))) == 1
        assert receiver.requests[0].headers["host"] == receiver.url.partition("//")[2]


def test_every_event_arrives_in_order_whatever_the_receiver_answers(
    receiver: Receiver, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [
        Answer(500),
        Answer(429, {"Retry-After": "0"}),
        Answer(302, {"Location": "https://127.0.0.1:1/"}),
        Answer(raw=b"HTTP/1.1 2"),
        Answer(raw=b""),
        Answer(),
    ]
    rows = [
        a_row(number, f"camera{number % 3}", phase)
        for number in range(1, 31)
        for phase in [Phase.START]
    ]
    random = Random(4)
    receiver.choose = lambda _: random.choice(answers)
    outbox = MemoryOutbox(rows)
    deliverer = Deliverer("hook", "https://", webhook, outbox)
    with caplog.at_level(logging.DEBUG, "framelane"):
        deliverer.start()
        try:
            outbox.wait_empty()
        finally:
            deliverer.interrupt()
            assert deliverer.join(CAP)
    verifier = Verifier(SECRET)
    for request in receiver.requests:
        verifier.verify(request.body, dict(request.headers))
    taken = [json.loads(request.body) for request in receiver.taken]
    for camera in range(3):
        expected = [row.uuid for row in rows if row.stream == f"camera{camera}"]
        arrived = [each["id"] for each in taken if each["camera"] == f"camera{camera}"]
        assert arrived == expected
    repeats = [request for request in receiver.requests if request not in receiver.taken]
    assert len(repeats) > 10
    for request in repeats:  # a repeat is the same message under the same identity
        same = [each.body for each in receiver.taken]
        assert request.body in same
        assert json.loads(request.body)["message"] == request.headers["webhook-id"]
    assert TOKEN not in caplog.text
    assert SECRET not in caplog.text
    assert TOKEN not in json.dumps(deliverer.figures())
