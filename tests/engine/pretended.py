"""Studies whose runs only pretend: what they would have written, and the command that does them."""

from pathlib import Path

from facequal.cli import main
from facequal.engine.plan import Run
from facequal.reports.results import Result, write_results

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "experiments" / "demo" / "adaface.yaml"
TINY = ROOT / "tests" / "conf" / "tiny.yaml"
COLUMN = ["set", "cross-resolution", "7 px"]
STAGES = {
    "first": {"config": "experiment.yaml"},
    "second": {"config": "experiment.yaml", "model.from": "${first}/checkpoints/last.ckpt"},
    "other": {"config": "experiment.yaml"},
}


def pretend(run: Run) -> None:
    """Leave a checkpoint and, but for stages, the result .5 + .01 seed + `gain`; or fail, as its options say."""
    values = dict(argument.split("=", 1) for argument in run.command_line() if argument.startswith("--"))
    if {"--fails", "--model.fails"} & values.keys():
        raise RuntimeError("it does not\nwork")
    if "--stops" in values:
        raise KeyboardInterrupt
    (run.folder / "checkpoints").mkdir()
    (run.folder / "checkpoints" / "last.ckpt").touch()
    if run.leaves_results:
        value = 0.5 + 0.01 * run.seed + float(values.get("--gain", 0))
        results = [Result(*COLUMN, "accuracy", value, rule="exact", seed=run.seed)]
        results.append(Result("set", "cross-resolution", "14 px", "accuracy", value + 0.1, rule="exact", seed=run.seed))
        write_results(run.folder / "report" / "results.csv", results)


def study(file: Path, *options: str, seeds: int = 1) -> Path:
    """Do a study in the folder `out` beside its file, which is returned."""
    folder = file.parent / "out"
    main(["study", str(file), "--seeds", str(seeds), "--folder", str(folder), *options])
    return folder
