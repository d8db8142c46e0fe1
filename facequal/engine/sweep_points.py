"""Drawing the points of a sweep: all of a grid, or those that Optuna draws at random or in a Bayesian search."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from facequal.engine.grid import grid_points
from facequal.engine.sweep_file import Sweep

Point = dict[str, Any]  # values by dotted key


def draw_points(sweep: Sweep, seed: int, value_of: Callable[[int], float | None]) -> Iterator[Point]:
    """Return the points of a sweep in their order; those that are drawn have no end.

    Args:
        sweep: The sweep.
        seed: Of those that are drawn.
        value_of: Gives the figure of a point by its number, or None if it failed; a Bayesian search asks for it when
            the next point is drawn.

    Raises:
        ValueError: If a grid has a range.
        ModuleNotFoundError: If points are drawn and optuna is missing.

    >>> from pathlib import Path
    >>> from facequal.engine.sweep_file import Parameter
    >>> parameters = (Parameter("lr", (0.1, 0.2)), Parameter("data.batch_size", (8,)))
    >>> sweep = Sweep(Path("lrs.yaml"), ("fit",), "grid", "val/accuracy", True, parameters)
    >>> list(draw_points(sweep, 0, lambda number: None))
    [{'lr': 0.1, 'data.batch_size': 8}, {'lr': 0.2, 'data.batch_size': 8}]
    """
    if sweep.method != "grid":
        return optuna_points(sweep, seed, value_of)
    ranges = [parameter.name for parameter in sweep.parameters if not parameter.values]
    if ranges:
        raise ValueError(f"{sweep.path}: parameters: a grid needs values, but {ranges[0]} has a range")
    return iter(grid_points({parameter.name: parameter.values for parameter in sweep.parameters}))


def optuna_points(sweep: Sweep, seed: int, value_of: Callable[[int], float | None]) -> Iterator[Point]:
    """Yield points at random, or those that a tree-structured Parzen estimator suggests from the figures before."""
    try:
        import optuna
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"{sweep.path}: a {sweep.method} search needs Optuna: pip install 'facequal[sweeps]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    samplers = {"random": optuna.samplers.RandomSampler, "bayes": optuna.samplers.TPESampler}
    directions = optuna.study.StudyDirection
    direction = directions.MAXIMIZE if sweep.maximize else directions.MINIMIZE
    search = optuna.create_study(direction=direction, sampler=samplers[sweep.method](seed=seed))
    for number in itertools.count():
        trial = search.ask()
        yield {parameter.name: parameter.suggest(trial) for parameter in sweep.parameters}
        value = value_of(number)
        search.tell(trial, value, state=optuna.trial.TrialState.FAIL if value is None else None)
