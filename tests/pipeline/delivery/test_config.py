"""The configuration of a delivery: names, kinds, options, and no secrets in what is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from detector.errors import UsageError
from pipeline.delivery import make_transport
from pipeline.delivery.config import DeliveryConfig
from pipeline.delivery.deliveries import outbox_bounds
from pipeline.delivery.jsonl import JsonLinesFile
from pipeline.delivery.mqtt.transport import Mqtt
from pipeline.delivery.webhook import Webhook
from tests.support.environment import PASSWORD

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"


def config(url: str, **options: Any) -> DeliveryConfig:
    return DeliveryConfig.model_validate({"url": url, **options})


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (f"mqtt://me:{PASSWORD}@broker:1884", "mqtt-broker-1884"),
        ("mqtts://broker.example", "mqtts-broker.example"),
        (f"https://hooks.example/{PASSWORD}", "https-hooks.example"),
        ("runs/events.jsonl", "events.jsonl"),
        ("https://[::1]:8443/x", "https-1-8443"),
    ],
)
def test_a_delivery_is_called_after_its_host_or_file(url: str, name: str) -> None:
    assert config(url).transport == name


def test_a_name_of_ones_own_is_taken() -> None:
    assert config("runs/events.jsonl", name="archive").transport == "archive"


def test_two_deliveries_of_one_name_are_refused_with_what_to_do() -> None:
    configs = [config("https://hooks.example/a"), config("https://hooks.example/b")]
    with pytest.raises(UsageError, match=r"two entries .* 'https-hooks.example': give one"):
        outbox_bounds(configs)
    named = [configs[0], config("https://hooks.example/b", name="b")]
    assert list(outbox_bounds(named)) == ["https-hooks.example", "b"]


def test_the_bounds_of_what_waits_are_those_of_the_configuration() -> None:
    bounds = outbox_bounds([config("a.jsonl", keep_seconds=60, keep_bytes=1000)])["a.jsonl"]
    assert (bounds.max_seconds, bounds.max_bytes) == (60, 1000)


@pytest.mark.parametrize(
    ("url", "options", "kind"),
    [
        ("mqtt://broker", {"topic": "site/cams", "home_assistant": True}, Mqtt),
        ("mqtts://u:p@broker", {}, Mqtt),
        ("https://hooks.example/x", {"secret": SECRET}, Webhook),
        ("http://127.0.0.1:8000/x", {"secret": SECRET, "timeout": 3}, Webhook),
        ("runs/events.jsonl", {}, JsonLinesFile),
    ],
)
def test_scheme_or_ending_choose_the_transport(
    url: str, options: dict[str, Any], kind: type, tmp_path: Path
) -> None:
    transport = make_transport(config(url, **options), tmp_path)
    assert type(transport) is kind
    transport.close()


@pytest.mark.parametrize(
    ("url", "options", "complaint"),
    [
        ("mqt://broker", {}, "nothing delivers to that; did you mean 'mqtt://'"),
        ("runs/events.csv", {}, "nothing delivers to that"),
        ("mqtt://broker", {"topics": "x"}, "unknown option 'topics'; did you mean 'topic'"),
        ("mqtt://broker", {"topic": "a/#"}, "topic: a topic such as site/cameras"),
        ("mqtt://broker/topic", {}, "without a path is expected"),
        ("mqtt://broker", {"ca_file": "ca.pem"}, "only mqtts:// has certificates"),
        ("mqtts://broker", {"ca_file": "ca.pem"}, "ca_file: 'ca.pem': No such file"),
        ("mqtt://broker", {"timeout": 0}, "timeout: 0 given: input should be greater than 0"),
        ("https://hooks.example/x", {}, "the option 'secret' is missing"),
        ("https://hooks.example/x", {"secret": PASSWORD}, "secret: whsec_ and 24 to 64"),
        (f"https://me:{PASSWORD}@h/x", {"secret": SECRET}, "neither user and password"),
        ("https://h/x#y", {"secret": SECRET}, "nor a #fragment"),
        ("https://h/a b", {"secret": SECRET}, "percent-encoded"),
        ("http://8.8.8.8/x", {"secret": SECRET}, "http:// is for private addresses only"),
        ("http://127.0.0.1/", {"secret": SECRET, "ca_file": "a"}, "only https:// has"),
        ("runs/events.jsonl", {"secret": SECRET}, "unknown option 'secret'"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_accepted_and_no_secret(
    url: str, options: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as error:
        make_transport(config(url, **options), tmp_path)
    assert complaint in str(error.value)
    assert PASSWORD not in str(error.value)
    assert SECRET not in str(error.value)


def test_a_file_without_certificates_is_no_ca_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(UsageError, match="no certificates in PEM"):
        make_transport(config("mqtts://broker", ca_file=tmp_path / "ca.pem"), tmp_path)


def test_user_and_password_may_stand_beside_the_url_and_are_not_shown() -> None:
    given = config("mqtt://broker", user="me", password=f"{PASSWORD}/@")
    assert given.address == f"mqtt://me:{PASSWORD}%2F%40@broker"
    assert PASSWORD not in repr(config(given.address))
    assert PASSWORD not in repr(given)


def test_a_secret_in_an_option_is_not_shown() -> None:
    given = config("https://hooks.example/x", secret=SECRET)
    assert SECRET not in repr(given)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"https://hooks.example/services/{PASSWORD}", "https://hooks.example/***"),
        (f"mqtt://me:{PASSWORD}@broker:1884", "mqtt://broker:1884"),
        ("https://hooks.example/", "https://hooks.example"),
        ("runs/events.jsonl", "runs/events.jsonl"),
    ],
)
def test_a_url_is_shown_without_its_path_which_may_be_secret(url: str, shown: str) -> None:
    assert config(url).shown == shown


@pytest.mark.parametrize("url", [f"mqtt://me:{PASSWORD}/@broker", "mqtt://broker:99999"])
def test_a_url_whose_host_cannot_be_told_is_refused(url: str) -> None:
    with pytest.raises(ValidationError) as error:
        config(url)
    assert PASSWORD not in str(error.value)
