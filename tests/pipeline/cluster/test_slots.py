"""Workers are spread over nodes, and use all cores of each."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pipeline.cluster.slots import slots_for


def test_without_a_limit_each_core_has_a_worker() -> None:
    slots = slots_for({"a": 4, "b": 2}, None)
    assert Counter(slot.threads for each in slots.values() for slot in each) == {1: 6}


def test_one_worker_has_all_cores_of_its_node() -> None:
    assert [slot.threads for slot in slots_for({"a": 4, "b": 2}, 1)["a"]] == [4]


@given(
    cores=st.dictionaries(st.sampled_from("abcd"), st.integers(1, 9), min_size=1),
    limit=st.none() | st.integers(1, 40),
)
def test_workers_are_spread_evenly_and_take_all_cores_of_their_nodes(
    cores: dict[str, int], limit: int | None
) -> None:
    slots = slots_for(cores, limit)
    total = sum(cores.values())
    assert sum(map(len, slots.values())) == min(total, limit or total)
    for node, each in slots.items():
        assert sum(slot.threads for slot in each) == cores[node]
    room = [node for node in cores if len(slots.get(node, ())) < cores[node]]
    fewest = min((len(slots.get(node, ())) for node in room), default=total)
    assert all(len(each) <= fewest + 1 for each in slots.values())
