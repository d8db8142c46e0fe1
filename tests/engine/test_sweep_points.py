import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from facequal.engine.sweep_file import read_sweep
from facequal.engine.sweep_points import draw_points
from tests.engine.sweep_files import RANGES


def test_a_grid_has_all_points(write_sweep: Callable[..., Path]) -> None:
    points = list(draw_points(read_sweep(write_sweep()), 0, lambda number: None))
    values = itertools.product([1, 2.5, None], ["one", "two"], [True])
    assert points == [{"model.a": a, "model.b": b, "c": c} for a, b, c in values]


def test_a_grid_has_no_ranges(write_sweep: Callable[..., Path]) -> None:
    with pytest.raises(ValueError, match="a grid needs values, but lr has a range"):
        draw_points(read_sweep(write_sweep(parameters=RANGES)), 0, lambda number: None)


def test_random_points_do_not_depend_on_figures(write_sweep: Callable[..., Path]) -> None:
    sweep = read_sweep(write_sweep(method="random", parameters=RANGES))
    first, second, other = (
        list(itertools.islice(draw_points(sweep, seed, value_of), 5))
        for seed, value_of in ((0, lambda number: None), (0, float), (1, float))
    )
    assert first == second != other


def test_a_bayesian_search_asks_for_each_figure_once(write_sweep: Callable[..., Path]) -> None:
    sweep = read_sweep(write_sweep(method="bayes", parameters={"x": {"values": [[1], None]}}))
    asked: list[int] = []

    def value_of(number: int) -> float | None:
        asked.append(number)
        return None if number % 2 else 0.5

    assert all(point["x"] in ([1], None) for point in itertools.islice(draw_points(sweep, 0, value_of), 4))
    assert asked == [0, 1, 2]
