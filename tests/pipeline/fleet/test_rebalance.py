"""A move must pay, and is not undone."""

from __future__ import annotations

from collections import Counter

from pipeline.fleet.camera import CameraSpec, Cost, NodeSpec
from pipeline.fleet.rebalance import Move, best_move

NODES = [NodeSpec(name, 4.0) for name in "abc"]


def move_in(
    some: list[CameraSpec], current: dict[str, str], cores: float = 0.5, **options: object
) -> Move | None:
    costs = {camera.name: Cost(cores) for camera in some}
    return best_move(some, NODES, current, costs, headroom=0.25, above=0.3, **options)  # type: ignore[arg-type]


def test_an_empty_node_takes_cameras_until_the_gain_is_too_small() -> None:
    some = [CameraSpec(f"cam{k}") for k in range(12)]
    current = {camera.name: "ab"[k % 2] for k, camera in enumerate(some)}
    moves = 0
    while move := move_in(some, current):
        current[move.camera] = move.node
        moves += 1
        assert moves <= len(some), "moves are undone"
    counts = Counter(current.values())
    assert counts["c"] >= 2 and max(counts.values()) - min(counts.values()) <= 3
    assert moves == counts["c"]  # each move went to the empty node


def test_a_small_difference_is_left_alone() -> None:
    some = [CameraSpec(f"cam{k}") for k in range(4)]
    assert move_in(some, {"cam0": "a", "cam1": "a", "cam2": "b", "cam3": "c"}) is None


def test_a_camera_that_would_fill_the_other_node_as_much_is_left_alone() -> None:
    assert move_in([CameraSpec("large")], {"large": "a"}, cores=3.0) is None


def test_cameras_of_a_place_are_separated_although_the_load_is_small() -> None:
    some = [CameraSpec("front", "door"), CameraSpec("back", "door")]
    move = move_in(some, {"front": "a", "back": "a"}, cores=0.01)
    assert move and move.node in "bc" and "door" in move.why


def test_what_was_placed_by_hand_stays() -> None:
    some = [CameraSpec(f"cam{k}") for k in range(6)]
    current = dict.fromkeys((camera.name for camera in some), "a")
    assert move_in(some, current) is not None
    assert move_in(some, current, pinned=set(current)) is None


def test_a_camera_is_not_moved_to_a_node_without_its_labels() -> None:
    some = [CameraSpec(f"cam{k}", labels={"site": "north"}) for k in range(6)]
    assert move_in(some, dict.fromkeys((camera.name for camera in some), "a")) is None
