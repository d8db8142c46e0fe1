"""What the page shows of the runs themselves: where they come from, what they ran on, how they were configured."""

from collections.abc import Mapping, Sequence
from typing import Any

from facequal.reports.page.configs import Differences, differences
from facequal.reports.page.runs import Run
from facequal.reports.tables import NOT_AVAILABLE, known

_MAX_COLUMNS = 4  # more runs than these are named beside each value
_TRAINER = ("accelerator", "devices", "num_nodes", "precision")


def runs_section(runs: Sequence[Run]) -> dict[str, Any]:
    """Return names, folders, seeds, dates, checkpoints and commands, for `runs.html`."""
    rows: list[list[str]] = []
    commands: dict[str, list[str]] = {}
    for run in runs:
        dates = [date[:16].replace("T", " ") for date in _distinct(run, "date")]
        facts = [_distinct(run, "seed"), dates, _distinct(run, "checkpoint"), _distinct(run, "config_hash")]
        rows.append([run.name, str(run.path), *[", ".join(values) or NOT_AVAILABLE for values in facts]])
        for command in _distinct(run, "command"):
            commands.setdefault(command, []).append(run.name)
    return {"rows": rows, "commands": commands, "has_seeds": any(len(run.seeds) > 1 for run in runs)}


def _distinct(run: Run, key: str) -> list[str]:
    """Return the values that the reports of a run's seeds have under one key, each once."""
    values = [str(seed.info[key]) for seed in run.seeds.values() if seed.info.get(key) not in (None, "")]
    return list(dict.fromkeys(values))


def hardware_section(runs: Sequence[Run]) -> dict[str, Any]:
    """Return hardware, precision and versions, for `hardware-and-versions.html`."""
    packages = dict.fromkeys(name for run in runs for name in _versions(run))
    rows = []
    for run in runs:
        trainer = run.first.config.get("trainer")
        options = trainer if isinstance(trainer, dict) else {}
        settings = [known(options.get(key)) for key in _TRAINER]
        versions = [_versions(run).get(name, NOT_AVAILABLE) for name in packages]
        rows.append([run.name, ", ".join(_distinct(run, "hardware")) or NOT_AVAILABLE, *settings, *versions])
    return {"head": ["run", "hardware of the test", *_TRAINER, *packages], "rows": rows}


def _versions(run: Run) -> Mapping[str, str]:
    """Return versions of the packages; several where the seeds differ."""
    versions: dict[str, dict[str, None]] = {}
    for seed in run.seeds.values():
        packages = seed.info.get("versions")
        for name, version in packages.items() if isinstance(packages, dict) else ():
            versions.setdefault(str(name), {})[str(version)] = None
    return {name: ", ".join(values) for name, values in versions.items()}


def config_differences(runs: Sequence[Run]) -> Differences:
    """Return where the configurations of the runs differ, as far as there are any."""
    return differences({run.name: run.first.config for run in runs if run.first.config})


def config_section(runs: Sequence[Run], differing: Differences) -> dict[str, Any]:
    """Return what differs, how much is equal, and each configuration as a whole, for `configuration.html`."""
    configs = {run.name: run.first.config_text for run in runs if run.first.config}
    return {
        "configs": configs,
        "differing": differing,
        "settings": _difference_table(differing.settings, list(configs)),
        "paths": _difference_table(differing.paths, list(configs)),
    }


def _difference_table(differing: Mapping[str, Mapping[str, str]], names: Sequence[str]) -> dict[str, Any]:
    """Return headings and rows: keys and values as text, which runs have a value as a list of names."""
    if len(names) <= _MAX_COLUMNS:
        rows: list[list[Any]] = [[key, *[values[name] for name in names]] for key, values in differing.items()]
        return {"head": ["setting", *names], "rows": rows}
    rows = []
    for key, values in differing.items():
        by_value: dict[str, list[str]] = {}
        for name in names:
            by_value.setdefault(values[name], []).append(name)
        # The value that most runs have comes first and needs no names.
        ordered = sorted(by_value.items(), key=lambda item: -len(item[1]))
        for number, (value, runs) in enumerate(ordered):
            rows.append([key, value, ["all others"] if number == 0 and len(runs) > len(names) / 2 else runs])
    return {"head": ["setting", "value", "runs"], "rows": rows}
