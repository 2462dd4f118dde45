"""Topics, and identifiers of names that are no identifiers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.delivery.mqtt.topics import MAX_BYTES, Topics, identifier, is_topic


def test_each_camera_has_topics_of_its_own() -> None:
    topics = Topics("site/cams")
    assert topics.availability == "site/cams/availability"
    assert topics.events("door") == "site/cams/door/events"
    assert topics.state("door") == "site/cams/door/state"
    assert topics.counts("door") == "site/cams/door/counts"
    assert topics.snapshot("door") == "site/cams/door/snapshot"


@pytest.mark.parametrize("text", ["framelane", "a/b/c", "ä b", "x"])
def test_topics_are_accepted(text: str) -> None:
    assert is_topic(text)


@pytest.mark.parametrize(
    "text", ["", "/a", "a/", "a/#", "+/b", "$SYS", " a", "a\0b", "a\nb", "a" * (MAX_BYTES + 1)]
)
def test_what_is_no_topic_is_refused(text: str) -> None:
    assert not is_topic(text)


def test_plain_names_stay_readable() -> None:
    assert identifier("framelane", "door-2") == "framelane_door-2"


@settings(deadline=None)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=3))
def test_an_identifier_is_what_home_assistant_accepts(names: list[str]) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]+", identifier(*names))


@settings(deadline=None)
@given(st.text(min_size=1), st.text(min_size=1))
def test_two_names_have_two_identifiers(first: str, second: str) -> None:
    assert (identifier("site", first) == identifier("site", second)) == (first == second)


@pytest.mark.parametrize(
    ("first", "second"), [(("Höfe",), ("H fe",)), (("a b", "c"), ("a", "b c"))]
)
def test_names_that_would_look_alike_are_told_apart(
    first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    assert identifier(*first) != identifier(*second)
