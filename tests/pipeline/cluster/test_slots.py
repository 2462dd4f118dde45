"""Workers are spread over nodes, and use all cores of each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.cluster.slots import slots_for


def test_without_a_limit_two_cores_have_a_worker() -> None:
    slots = slots_for({"a": 4, "b": 3, "c": 1}, None)
    threads = {node: [slot.threads for slot in each] for node, each in slots.items()}
    assert threads == {"a": [2, 2], "b": [3], "c": [1]}


def test_one_worker_has_all_cores_of_its_node() -> None:
    assert [slot.threads for slot in slots_for({"a": 4, "b": 2}, 1)["a"]] == [4]


@given(
    cores=st.dictionaries(st.sampled_from("abcd"), st.integers(1, 9), min_size=1),
    limit=st.integers(1, 40),
)
def test_workers_are_spread_evenly_and_take_all_cores_of_their_nodes(
    cores: dict[str, int], limit: int
) -> None:
    slots = slots_for(cores, limit)
    total = sum(cores.values())
    assert sum(map(len, slots.values())) == min(total, limit)
    for node, each in slots.items():
        assert sum(slot.threads for slot in each) == cores[node]
    room = [node for node in cores if len(slots.get(node, ())) < cores[node]]
    fewest = min((len(slots.get(node, ())) for node in room), default=total)
    assert all(len(each) <= fewest + 1 for each in slots.values())
