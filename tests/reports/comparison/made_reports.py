"""Reports with chosen accuracies, as a test run would write them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from facequal.metrics.roc import RocCurve, roc_curve
from facequal.reports.curves import CURVES_FILE, write_curves
from facequal.reports.info import RunInfo
from facequal.reports.results import Result
from facequal.reports.run_report import write_report

SIZES = ("7 px", "14 px", "28 px", "56 px", "112 px")
CONDITIONS = ("cross-resolution", "same-resolution")


def results_of(
    accuracies: Mapping[str, Sequence[float]],
    sizes: Sequence[str] = SIZES,
    conditions: Sequence[str] = CONDITIONS,
    rule: str = "grid",
    num: int = 6000,
) -> list[Result]:
    """Accuracy of each set at each size, 0.1 less in same-resolution below the largest, and half the error as EER."""
    results = []
    for name, values in accuracies.items():
        for condition in conditions:
            for size, given in zip(sizes, values, strict=True):
                is_lower = condition == "same-resolution" and size != sizes[-1]
                value = given - 0.1 if is_lower else given
                results.append(
                    Result(name, condition, size, "accuracy", value, 0.01, None, num, rule, folds=10, seed=0)
                )
                results.append(Result(name, condition, size, "auc", 0.9, num=num, seed=0))
                results.append(Result(name, condition, size, "eer", (1 - value) / 2, num=num, seed=0))
    return results


def curve(seed: int, quality: float = 1.0, num_pairs: int = 200) -> RocCurve:
    generator = torch.Generator().manual_seed(seed)
    is_same = torch.arange(num_pairs) % 2 == 0
    return roc_curve(torch.randn(num_pairs, generator=generator) + quality * is_same, is_same)


def write_run(folder: Path, results: Sequence[Result], *, seed: int = 0, has_curves: bool = False, **settings) -> Path:
    """`folder/report` with these results, and a curve per column if asked for; gives `folder`."""
    places = dict.fromkeys((r.protocol, r.condition, r.column) for r in results) if has_curves else {}
    curves = {place: curve(number + 100 * seed) for number, place in enumerate(places)}
    left_out = settings.pop("left_out", ())
    info = RunInfo(seed=seed, **({"config_hash": "0a1b2c", "date": "2026-01-02", "checkpoint": "a.ckpt"} | settings))
    write_report(folder / "report", results, None, info, left_out)
    if has_curves:  # not by the report, whose picture of them takes seconds
        write_curves(folder / "report" / CURVES_FILE, curves)
    return folder
