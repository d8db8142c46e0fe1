"""The runs that a page compares, as far as they can be read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from facequal.analysis.norms import read_samples
from facequal.metrics.roc import RocCurve
from facequal.reports.curves import CURVES_FILE, CurveKey, read_curves
from facequal.reports.info import read_run_info
from facequal.reports.layout import CONFIGS, expand_studies, find_seeds, run_names
from facequal.reports.notes import Notes
from facequal.reports.page.configs import differences
from facequal.reports.results import Result, read_results
from facequal.reports.tables import by_section

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Seed:
    """One training and its test; what is missing or broken is empty.

    Attributes:
        folder: Where its files lie.
        csv_file: Its `results.csv`; None where there is none.
        results: All figures.
        info: What `results.json` tells of the run: command, date, seed, checkpoint, versions, hardware.
        curves: ROC curves.
        config: The whole configuration.
        config_text: The same as it stands in its file.
    """

    folder: Path
    csv_file: Path | None = None
    results: Sequence[Result] = ()
    info: Mapping[str, Any] = field(default_factory=dict)
    curves: Mapping[CurveKey, RocCurve] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    config_text: str = ""


@dataclass(frozen=True)
class Run:
    """One run of the page: a training, or several that differ in their seed.

    Attributes:
        name: Its short name.
        path: Where it was found.
        seeds: Its trainings by name, such as `seed_0`; a single one by an empty name.
        samples: What `TrainingSamples` kept of the first seed that has it; None without.
    """

    name: str
    path: Path
    seeds: Mapping[str, Seed]
    samples: "pd.DataFrame | None" = None

    @property
    def first(self) -> Seed:
        """The training whose configuration and pictures stand for all seeds."""
        return next(iter(self.seeds.values()))


def read_runs(paths: Sequence[Path], notes: Notes) -> list[Run]:
    """Read runs, each as far as it goes; what is missing or broken is noted with the run and the file.

    Args:
        paths: What `facequal compare` takes, runs without results, and folders of studies, which stand for their base
            and all their rows.
        notes: Told what is missing.

    Raises:
        ValueError: If there is no run that can be read; tells why for each.
    """
    expanded = expand_studies(paths)
    names, runs = run_names(expanded), []
    for path in expanded:
        try:
            files = find_seeds(path, names[path], notes)
        except FileNotFoundError as error:
            notes.add(f"is left out: {error}", names[path])
            continue
        seeds = {key: _read_seed(Seed(*pair), names[path], notes) for key, pair in files.items()}
        samples = _samples(seeds, names[path], notes)
        if samples is None and not any(seed.results or seed.config for seed in seeds.values()):
            notes.add("is left out, as nothing of it can be read", names[path])
            continue
        _note_missing(names[path], seeds, notes)
        runs.append(Run(names[path], path, seeds, samples))
    if not runs:
        raise ValueError("no run can be read\n" + "\n".join(f"  {note}" for note in notes))
    return runs


def _read_seed(seed: Seed, name: str, notes: Notes) -> Seed:
    @contextmanager
    def noted(loss: str) -> Iterator[None]:
        try:
            yield
        except (ValueError, OSError) as error:
            notes.add(f"{loss}: {error}", name)

    with noted("its configuration is left out"):
        seed.config, seed.config_text = read_config(seed.folder)
    if seed.csv_file is None:
        return seed
    with noted("its figures are left out"):
        seed.results = _read_figures(seed.csv_file)
    with noted("date, command and versions are unknown"):
        seed.info, left_out = read_run_info(seed.csv_file.with_name("results.json"))
        if left_out:
            notes.add(f"not tested, files missing: {', '.join(left_out)}", name)
    curves = seed.csv_file.with_name(CURVES_FILE)
    if curves.is_file():
        with noted("its ROC curves are left out"):
            seed.curves = read_curves(curves)
    return seed


def _read_figures(path: Path) -> list[Result]:
    results = read_results(path)
    try:
        by_section(results)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return results


def read_config(folder: Path) -> tuple[dict[str, Any], str]:
    """Return the configuration in the folder of a run, and the text of its file; both empty without one.

    Raises:
        ValueError: If the file is no YAML, or no mapping; names it.
    """
    path = next((folder / name for name in CONFIGS if (folder / name).is_file()), None)
    if path is None:
        return {}, ""
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: is no YAML: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: must be a mapping, got {content!r:.80}")
    return content, text


def _note_missing(name: str, seeds: Mapping[str, Seed], notes: Notes) -> None:
    """Note which files are not there; broken ones have been."""

    def lacking(file: str, loss: str, needed: Iterable[str]) -> None:
        tested = {key: seeds[key].csv_file for key in needed}
        gone = [key for key, path in tested.items() if path and not path.with_name(file).is_file()]
        if gone:
            where = "" if len(gone) == len(seeds) else f" in {', '.join(gone)}"
            notes.add(f"no {file}{where}, so {loss}", name)

    lacking("results.json", "date, command and versions are unknown", seeds)
    has_curves = [key for key, seed in seeds.items() if any(result.metric == "eer" for result in seed.results)]
    lacking(CURVES_FILE, "no ROC curves", has_curves)
    unlike = differences({key: seed.config for key, seed in seeds.items() if seed.config}).settings
    if unlike:
        notes.add(f"its seeds have other settings, those of the first are shown: {', '.join(unlike)}", name)
    for key, seed in seeds.items():
        if not any((seed.folder / file).is_file() for file in CONFIGS):
            notes.add(f"no config.yaml in {seed.folder}" + (f" ({key})" if key else ""), name)


def _samples(seeds: Mapping[str, Seed], name: str, notes: Notes) -> "pd.DataFrame | None":
    for seed in seeds.values():
        try:
            return read_samples(seed.folder)
        except FileNotFoundError:
            continue
        except ValueError as error:
            notes.add(f"its training samples are left out: {error}", name)
    return None
