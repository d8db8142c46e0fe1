import itertools

import pytest

from facequal.engine.grid import grid_points, in_words, row_name
from facequal.engine.plan import as_argument


def test_points_are_the_product_with_the_last_key_fastest() -> None:
    grid = {"a": [1, 2, 3], "b": ["x"], "c": [True, None]}
    expected = [dict(zip("abc", values, strict=True)) for values in itertools.product(*grid.values())]
    assert grid_points(grid) == expected
    assert [point["c"] for point in grid_points(grid)] == [True, None] * 3
    assert grid_points({}) == []


def test_keys_whose_last_parts_are_equal_are_named_whole() -> None:
    assert row_name({"a.m": 1, "b.m": 2, "c.n": 3}) == "a.m=1, b.m=2, n=3"


@pytest.mark.parametrize(
    ("value", "in_a_name", "on_the_command_line"),
    [
        (1, "1", "1"),
        (True, "true", "true"),
        (None, "null", "null"),
        ("sgd", "sgd", "sgd"),
        (["hhh", "hll"], "[hhh, hll]", '["hhh", "hll"]'),
        ({"lr": 0.1}, '{"lr": 0.1}', '{"lr": 0.1}'),
    ],
)
def test_values(value: object, in_a_name: str, on_the_command_line: str) -> None:
    assert in_words(value) == in_a_name
    assert as_argument(value) == on_the_command_line
