"""Where runs keep their files: which folders hold results, and what the runs are called."""

import re
from collections.abc import Sequence
from pathlib import Path

from facequal.reports.notes import Notes

CSV_FILE = "results.csv"


def find_reports(path: Path, notes: list[str]) -> dict[str, Path]:
    """Return the `results.csv` of each seed by the seed's name, or a single one by an empty name.

    Args:
        path: A `results.csv`, a folder that holds one, a run with `report/results.csv`, or a folder of seeds.
        notes: A sentence is added for seeds without results.

    Raises:
        FileNotFoundError: If there are no results; names the path, and where results are below it.
    """
    for single in (path, path / CSV_FILE, results_file(path)):
        if single.is_file():
            return {"": single}
    reports = {folder.name: results_file(folder) for folder in _seed_folders(path)}
    finished = {name: report for name, report in reports.items() if report.is_file()}
    if finished:
        unfinished = [name for name in reports if name not in finished]
        if unfinished:
            notes.append(f"Not used, since they have no results in {path}: {', '.join(unfinished)}.")
        return finished
    raise FileNotFoundError(_no_results(path))


def _no_results(path: Path) -> str:
    if not path.exists():
        return f"{path}: no such file or folder"
    below = {report.parents[1] for report in path.glob(f"*/report/{CSV_FILE}")}
    for folders in ("*", "*/*"):  # the rows of a study lie a folder deeper than its base
        below |= {report.parents[2] for report in path.glob(f"{folders}/seed_*/report/{CSV_FILE}")}
    hint = f"; there are results in {', '.join(map(str, sorted(below)))}" if below else ""
    return f"{path}: no {CSV_FILE}, report/{CSV_FILE} or seed_*/report/{CSV_FILE} there{hint}"


def results_file(folder: Path) -> Path:
    """Return the figures of the run in `folder`; where this file is, the run is finished."""
    return folder / "report" / CSV_FILE


CONFIGS = ("config.yaml", "test_config.yaml")
# Folders that every run has, and that tell nothing of it.
_UNTELLING = re.compile(r"results\.csv|report|version_\d+|seed_\d+")


def expand_studies(paths: Sequence[Path]) -> list[Path]:
    """Return the paths, each once, with the base and the rows of a study in place of its folder."""
    expanded: list[Path] = []
    for path in paths:
        rows = sorted(path.glob("rows/*/")) if path.is_dir() else []
        base = [path / "base"] if rows and any(path.glob("base/seed_*/")) else []
        expanded += [*base, *rows] or [path]
    return list(dict.fromkeys(expanded))


def run_names(paths: Sequence[Path]) -> dict[Path, str]:
    """Return a short name for each path: as many of its last parts as tell all apart, without `report` and such.

    >>> list(run_names([Path("runs/a/version_0/report"), Path("runs/b/version_0")]).values())
    ['a', 'b']
    """
    telling = {path: _telling_parts(path) for path in paths}
    parts, lengths = dict(telling), dict.fromkeys(paths, 1)
    for path, ends in telling.items():
        if list(telling.values()).count(ends) > 1:  # such as those of version_0 and version_1
            parts[path] = list(path.absolute().parts[1:])
            lengths[path] = len(parts[path]) - len(ends) + 1
    while True:
        names = {path: "/".join(ends[-lengths[path] :]) for path, ends in parts.items()}
        equal = [path for path in paths if list(names.values()).count(names[path]) > 1]
        longer = [path for path in equal if lengths[path] < len(parts[path])]
        if not longer:
            return names
        for path in longer:
            lengths[path] += 1


def _telling_parts(path: Path) -> list[str]:
    parts = list(path.absolute().parts[1:])
    while len(parts) > 1 and _UNTELLING.fullmatch(parts[-1]):
        parts.pop()
    return parts


def find_seeds(path: Path, name: str, notes: Notes) -> dict[str, tuple[Path, Path | None]]:
    """Return the trainings behind a path by the names of their seeds, or a single one by an empty name.

    Of each its folder and its `results.csv`, None where there is none.

    Args:
        path: What `facequal compare` takes, or the folder of a run without results, or of such seeds.
        name: Name of the run, for the notes.
        notes: Told what has no results.

    Raises:
        FileNotFoundError: If no run has been there; names the path, and where results are below it.
    """
    sentences: list[str] = []
    try:
        reports = find_reports(path, sentences)
    except FileNotFoundError as error:
        folders = {"": path} if _is_run(path) else {seed.name: seed for seed in _seed_folders(path) if _is_run(seed)}
        if not folders:
            raise
        notes.add(f"there are no results, so it has no figures: {error}", name)
        return {seed: (folder, None) for seed, folder in folders.items()}
    for sentence in sentences:
        notes.add(sentence, name)
    return {seed: (_run_folder(results), results) for seed, results in reports.items()}


def _is_run(path: Path) -> bool:
    return any((path / name).is_file() for name in CONFIGS) or any(path.glob("samples/*.parquet"))


def _seed_folders(path: Path) -> list[Path]:
    # seed_10 after seed_9
    return sorted(path.glob("seed_*/"), key=lambda folder: (len(folder.name), folder.name))


def _run_folder(results: Path) -> Path:
    return results.parent.parent if results.parent.name == "report" else results.parent
