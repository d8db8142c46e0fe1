"""The file of a sweep, as W&B takes it: a command, a metric, and where each parameter is searched."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from facequal.engine.yaml_files import read_mapping

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Method = Literal["grid", "random", "bayes"]
ARGUMENTS = "${args}"


@dataclass(frozen=True)
class Parameter:
    """Where a parameter is searched.

    Attributes:
        name: Dotted key of the command line.
        values: Those it can take; empty for a range.
        distribution: Of a range: "uniform", "int_uniform" or "log_uniform_values".
        low: Smallest value of a range.
        high: Largest value.
    """

    name: str
    values: tuple[Any, ...] = ()
    distribution: str = ""
    low: float = math.nan
    high: float = math.nan

    def suggest(self, trial: "BaseTrial") -> Any:
        """Return a value that a trial of Optuna suggests.

        >>> from optuna.trial import FixedTrial
        >>> Parameter("lr", (), "log_uniform_values", 1e-4, 1.0).suggest(FixedTrial({"lr": 0.01}))
        0.01
        """
        if self.values:  # by number: Optuna takes plain values alone
            return self.values[trial.suggest_categorical(self.name, list(range(len(self.values))))]
        if self.distribution == "int_uniform":
            return trial.suggest_int(self.name, int(self.low), int(self.high))
        is_log = self.distribution == "log_uniform_values"
        return trial.suggest_float(self.name, self.low, self.high, log=is_log)


@dataclass(frozen=True)
class Sweep:
    """A sweep as its file describes it.

    Attributes:
        path: The file.
        command: Of `facequal`, without the program and `${args}`.
        method: "grid", "random" or "bayes".
        metric: Name of the logged figure.
        maximize: Whether larger is better.
        parameters: Those that are searched.
        run_cap: Points at most; None for any number.
    """

    path: Path
    command: tuple[str, ...]
    method: Method
    metric: str
    maximize: bool
    parameters: tuple[Parameter, ...]
    run_cap: int | None = None

    def arguments(self, options: Sequence[str] = ()) -> list[str]:
        """Return the command line of all points, without the file's loggers: figures are read from the run itself.

        Args:
            options: Further options.

        >>> command = ("fit", "-c", "a.yaml", "--trainer.logger", "WandbLogger", "--trainer.logger.project=x")
        >>> Sweep(Path("lrs.yaml"), command, "grid", "val/accuracy", True, ()).arguments(["--data.batch_size=8"])
        ['-c', 'a.yaml', '--data.batch_size=8']
        """
        kept: list[str] = []
        is_value = False  # of a logger's option that is given as two items
        for argument in self.command[1:]:
            is_logger = argument.startswith("--trainer.logger")
            if not is_logger and not (is_value and not argument.startswith("-")):
                kept.append(argument)
            is_value = is_logger and "=" not in argument
        return [*kept, *options]


def read_sweep(path: Path) -> Sweep:
    """Read and check the file of a sweep.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If something in it is not as it must be; names file and key.
    """
    content = read_mapping(path, ("command", "method", "metric", "parameters"))
    checks: list[tuple[str, Callable[[Any], bool], str]] = [
        ("command", lambda c: isinstance(c, list) and c[:1] == ["facequal"] and c[-1] == ARGUMENTS, "[facequal, ...]"),
        ("method", lambda m: m in get_args(Method), f"one of {get_args(Method)}"),
        ("metric", lambda m: isinstance(m, dict) and {"name", "goal"} <= m.keys(), "a name and a goal"),
        ("parameters", lambda p: isinstance(p, dict) and bool(p), "a mapping of dotted keys"),
    ]
    for key, is_right, expected in checks:
        if key not in content or not is_right(content[key]):
            raise ValueError(f"{path}: {key} must be {expected}, got {content.get(key)!r}")
    if content["metric"]["goal"] not in ("maximize", "minimize"):
        raise ValueError(f"{path}: metric: goal must be maximize or minimize, got {content['metric']['goal']!r}")
    run_cap = content.get("run_cap")
    if run_cap is not None and not isinstance(run_cap, int):
        raise ValueError(f"{path}: run_cap must be a number of points, got {run_cap!r}")
    return Sweep(
        path,
        tuple(str(part) for part in content["command"][1:-1]),
        content["method"],
        str(content["metric"]["name"]),
        content["metric"]["goal"] == "maximize",
        tuple(_parameter(path, str(name), part) for name, part in content["parameters"].items()),
        run_cap,
    )


def _parameter(path: Path, name: str, part: Any) -> Parameter:
    where = f"{path}: parameters: {name}"
    if not isinstance(part, dict):
        raise ValueError(f"{where} must be a mapping with values, value, or min and max, got {part!r}")
    values = [part["value"]] if "value" in part else part.get("values", [])
    if not isinstance(values, list):
        raise ValueError(f"{where}: values must be a list, got {values!r}")
    if values:
        return Parameter(name, tuple(values))
    if not {"min", "max"} <= part.keys():
        raise ValueError(f"{where} needs values, value, or min and max")
    low, high = part["min"], part["max"]
    if not all(isinstance(bound, int | float) for bound in (low, high)):
        raise ValueError(f"{where}: min and max must be numbers, got {low!r} and {high!r}")
    integers = isinstance(low, int) and isinstance(high, int)
    distribution = part.get("distribution", "int_uniform" if integers else "uniform")
    if distribution not in ("uniform", "int_uniform", "log_uniform_values"):
        raise ValueError(f"{where}: distribution {distribution!r} is not known here")
    if not low < high or (distribution == "log_uniform_values" and low <= 0):
        raise ValueError(f"{where}: no range from {low} to {high}")
    return Parameter(name, (), distribution, float(low), float(high))
