"""Deliveries from the store of events to real receivers."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from pipeline.delivery.config import DeliveryConfig
from pipeline.delivery.deliveries import Deliveries, outbox_bounds
from pipeline.delivery.transport import Camera
from pipeline.events.record import EventKind, EventRecord, Phase
from pipeline.store.event_log import EventLog
from pipeline.store.outbox import Outbox
from tests.support.broker import USER, Broker, listening, silent_server
from tests.support.cameras import CAP
from tests.support.certificates import Certificates, make_certificates
from tests.support.deliveries import an_event, validator
from tests.support.environment import PASSWORD
from tests.support.paths import ROOT
from tests.support.webhook_receiver import Answer, Request, receiving

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
TOKEN = "Zk3vXq9LmT7bWn2RsY5c"  # in a path, as services give them


class Site:
    """A store and its deliveries."""

    def __init__(self, stack: ExitStack, folder: Path, configs: Sequence[DeliveryConfig]) -> None:
        self.log = EventLog(folder, outbox_bounds(configs))
        stack.callback(self.log.close)
        outbox = Outbox(folder, self.log)
        stack.callback(outbox.close)
        self.deliveries = Deliveries(configs, outbox, folder)
        self.log.on_committed(self.deliveries.committed)
        stack.callback(self.stop)

    def put(self, *records: EventRecord) -> None:
        for record in records:
            self.log.put(record, Phase.END)
        assert self.log.flush(CAP)

    def stop(self) -> None:
        assert self.deliveries.stop(20)  # it takes no longer than it must


@contextmanager
def site(folder: Path, *configs: dict[str, Any]) -> Iterator[Site]:
    """Begin to deliver; the end delivers what waits."""
    with ExitStack() as stack:
        made = Site(stack, folder, [DeliveryConfig.model_validate(each) for each in configs])
        yield made


def events(count: int, streams: int = 2) -> list[EventRecord]:
    """Return events of one moment, which the next run has not to end."""
    changes: dict[str, Any] = {
        "kind": EventKind.LINE,
        "place": "gate",
        "direction": "left to right",
    }
    start = an_event().start
    return [
        an_event(f"camera{number % streams}", 0, **changes, end=start) for number in range(count)
    ]


def of(camera: str, records: Sequence[EventRecord]) -> list[str]:
    return [record.uuid for record in records if record.stream == camera]


def ids(envelopes: Sequence[dict[str, Any]], camera: str) -> list[str]:
    return [each["id"] for each in envelopes if each["camera"] == camera]


def bodies(requests: Sequence[Request]) -> list[dict[str, Any]]:
    return [json.loads(each.body) for each in requests]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def test_a_file_a_webhook_and_a_broker_get_every_event_in_order(
    tmp_path: Path, certificates: Certificates
) -> None:
    records = events(30)
    broker = Broker(tmp_path)
    with ExitStack() as stack:
        receiver = stack.enter_context(receiving(certificates))
        broker.start()
        stack.callback(broker.kill)
        listener = stack.enter_context(listening(broker))
        running = stack.enter_context(
            site(
                tmp_path,
                {"url": str(tmp_path / "events.jsonl")},
                {
                    "url": f"{receiver.url}/{TOKEN}",
                    "secret": SECRET,
                    "ca_file": str(certificates.authority),
                },
                {"url": f"mqtt://127.0.0.1:{broker.port}", "user": USER, "password": PASSWORD},
            )
        )
        running.deliveries.cameras([Camera("camera0"), Camera("camera1")])
        running.deliveries.start()
        running.put(*records)
        receiver.wait_for(30)
        for camera in ("camera0", "camera1"):
            topic = f"framelane/{camera}/events"
            listener.wait_until(lambda name=topic: len(listener.payloads(name)) == 15)  # type: ignore[misc]
            heard = [json.loads(each) for each in listener.payloads(topic)]
            assert ids(heard, camera) == of(camera, records)
        counts = "framelane/camera0/counts"
        crossings = {"gate": {"left to right": {"person": 15}}}
        listener.wait_until(
            lambda: json.loads(listener.last(counts) or b"{}").get("lines") == crossings
        )
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    for envelopes in (lines, bodies(receiver.requests)):
        assert ids(envelopes, "camera0") == of("camera0", records)
        assert ids(envelopes, "camera1") == of("camera1", records)
        for each in envelopes:
            validator("envelope").validate(each)
    assert [each["sequence"] for each in lines if each["camera"] == "camera0"] == [*range(1, 16)]


def test_what_the_bounds_dropped_is_announced_as_one_gap_before_what_follows(
    tmp_path: Path, certificates: Certificates
) -> None:
    lost, kept = events(60, streams=1), events(5, streams=1)
    with silent_server() as port:
        pass  # nobody listens there any more
    hook = {"url": f"http://127.0.0.1:{port}", "secret": SECRET, "keep_bytes": 4000, "name": "h"}
    with site(tmp_path, hook) as running:
        running.deliveries.start()
        running.put(*lost)
        (figures,) = running.deliveries.figures()
        dropped = figures["dropped"]
        assert dropped > 50
    with receiving() as receiver, site(tmp_path, {**hook, "url": receiver.url}) as running:
        running.deliveries.start()
        waiting = len(lost) - dropped
        receiver.wait_for(1 + waiting)
        running.put(*kept)
        receiver.wait_for(1 + waiting + len(kept))
    arrived = bodies(receiver.requests)
    for each in arrived:
        validator("envelope").validate(each)
    assert [each["type"] for each in arrived] == ["gap"] + ["end"] * (waiting + len(kept))
    assert arrived[0]["event"]["dropped"] == dropped
    expected = [record.uuid for record in [*lost[dropped:], *kept]]
    assert [each["id"] for each in arrived[1:]] == expected


def test_the_end_waits_for_no_receiver_and_yet_delivers_to_those_that_answer(
    tmp_path: Path,
) -> None:
    records = events(300)
    file = tmp_path / "events.jsonl"
    with silent_server() as port:
        silent = f"127.0.0.1:{port}"
        with site(
            tmp_path,
            {"url": str(file)},
            {"url": f"mqtt://{silent}", "timeout": 60},
            {"url": f"mqtts://{silent}", "timeout": 60},
            {"url": f"https://{silent}", "timeout": 60, "secret": SECRET},
            {"url": f"http://{silent}", "timeout": 60, "secret": SECRET},
        ) as running:
            running.deliveries.start()
            running.put(*records)
            began_at = monotonic()
            running.deliveries.stop(5)
            running.stop()
            assert monotonic() - began_at < 30  # and not 60
            assert running.log.flush(CAP)  # deletes what was delivered
            states = {each["name"]: each["pending"] for each in running.deliveries.figures()}
    assert len(file.read_text().splitlines()) == 300
    assert sorted(states.values()) == [0, 300, 300, 300, 300]


def test_what_was_not_delivered_is_delivered_by_the_next_run(tmp_path: Path) -> None:
    records = events(10)
    with silent_server() as port:
        pass
    hook = {"url": f"http://127.0.0.1:{port}", "secret": SECRET, "name": "hook"}
    with site(tmp_path, hook) as running:
        running.deliveries.start()
        running.put(*records)
    with receiving() as receiver, site(tmp_path, {**hook, "url": receiver.url}) as running:
        running.deliveries.start()
        receiver.wait_for(10)
    for camera in ("camera0", "camera1"):
        assert ids(bodies(receiver.requests), camera) == of(camera, records)


def test_no_secret_is_in_a_log_a_figure_a_payload_or_the_store(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, certificates: Certificates
) -> None:
    caplog.set_level(logging.DEBUG)
    broker = Broker(tmp_path)
    broker.start()
    with ExitStack() as stack:
        stack.callback(broker.kill)
        receiver = stack.enter_context(receiving(certificates))
        receiver.choose = lambda _: Answer(500)
        running = stack.enter_context(
            site(
                tmp_path / "site",
                {"url": f"mqtt://{USER.replace(' ', '%20')}:{TOKEN}@127.0.0.1:{broker.port}"},
                {"url": f"mqtt://me:{TOKEN}@localhost:1", "name": "nobody"},
                {"url": f"{receiver.url}/{TOKEN}", "secret": SECRET},
                {
                    "url": f"{receiver.url}/{TOKEN}",
                    "secret": SECRET,
                    "ca_file": str(certificates.authority),
                    "name": "fails",
                },
            )
        )
        running.deliveries.start()
        running.put(*events(2))
        receiver.wait_for(2)
        until = monotonic() + CAP
        while any(each["last_error"] is None for each in running.deliveries.figures()):
            assert monotonic() < until
            running.log.flush(0.01)
        shown = json.dumps(running.deliveries.figures())
    texts = [shown, caplog.text, *(each.body.decode() for each in receiver.requests)]
    texts += [path.read_bytes().decode("latin-1") for path in (tmp_path / "site").iterdir()]
    assert "refuses user or password" in shown
    for text in texts:
        assert TOKEN not in text
        assert SECRET.removeprefix("whsec_") not in text


@pytest.mark.timeout(600)
def test_every_stored_event_arrives_in_order_though_the_program_is_killed(tmp_path: Path) -> None:
    stored: list[tuple[str, str]] = []  # camera, uuid
    random = Random(18)
    with receiving() as receiver:
        receiver.choose = lambda _: random.choice([Answer(), Answer(), Answer(500), None])
        for attempt in range(3):
            last = attempt == 2
            line = [tmp_path, receiver.url, SECRET, 20 if last else 10**6]
            with subprocess.Popen(
                [sys.executable, "-m", "tests.support.deliver_events", *map(str, line)],
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            ) as child:
                assert child.stdout
                enough = random.randrange(5, 40)
                for number, said in enumerate(child.stdout):
                    if said == "done\n":
                        break
                    camera, uuid = said.split()
                    stored.append((camera, uuid))
                    if number >= enough and not last:
                        child.kill()
                child.wait(CAP)
    verifier = Verifier(SECRET)
    for request in receiver.requests:
        verifier.verify(request.body, dict(request.headers))
    taken = bodies(receiver.taken)
    for camera in ("camera0", "camera1"):
        first_arrivals = list(dict.fromkeys(ids(taken, camera)))
        sequences = {each["id"]: each["sequence"] for each in taken if each["camera"] == camera}
        numbers = [sequences[each] for each in first_arrivals]
        assert numbers == sorted(numbers)
        missing = {uuid for name, uuid in stored if name == camera} - set(first_arrivals)
        assert missing == set()
