"""The number of rows tells the grids, for every size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detector.export.adapters.grid import STRIDES, grid_of


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(STRIDES), st.sampled_from([1, 3]))
def test_each_grid_is_recognised_by_its_rows(
    tall: int, wide: int, strides: tuple[int, ...], per_cell: int
) -> None:
    size = (tall * strides[-1], wide * strides[-1])
    rows = 0
    for stride in strides:
        for _ in range(0, size[0], stride):
            rows += per_cell * len(range(0, size[1], stride))
    assert grid_of(rows, size) == (strides, per_cell)


@given(st.integers(1, 40), st.integers(1, 40))
def test_the_queries_of_usual_exports_fill_no_grid_of_three_strides(tall: int, wide: int) -> None:
    for queries in (100, 200, 300, 900, 1000):
        grid = grid_of(queries, (tall * 32, wide * 32))
        assert grid is None or len(grid.strides) == 2
