"""Sections of the page on the runs themselves: where they come from, what they ran on, how they were configured."""

from collections.abc import Mapping, Sequence

from facequal.reports.page.configs import Differences, differences
from facequal.reports.page.html import Html, breakable, details, element, joined, table
from facequal.reports.page.reading import Run
from facequal.reports.tables import NOT_AVAILABLE

_MAX_COLUMNS = 4  # more runs than these are named beside each value


def runs_section(runs: Sequence[Run]) -> Html:
    """Return names, folders, seeds, dates, checkpoints and commands."""
    rows: list[list[str]] = []
    commands: dict[str, list[str]] = {}
    for run in runs:
        dates = [date[:16].replace("T", " ") for date in _told(run, "date")]
        told = [_told(run, "seed"), dates, _told(run, "checkpoint"), _told(run, "config_hash")]
        cells = [breakable(", ".join(values) or NOT_AVAILABLE) for values in told]
        rows.append([run.name, breakable(str(run.path)), *cells])
        for command in _told(run, "command"):
            commands.setdefault(command, []).append(run.name)
    heads = ["run", "folder", "seeds", "date (UTC)", "tested checkpoint", "config hash"]
    words = "A checkpoint is named where a test read one; after a training its last weights are tested."
    if any(len(run.seeds) > 1 for run in runs):
        words += " Configuration, pictures and training samples are those of a run's first seed."
    parts = [table("Runs of this page", heads, [("", rows)], is_text=True), element("p", words)]
    shown = [joined([element("p", ", ".join(names)), element("pre", text)]) for text, names in commands.items()]
    return joined([*parts, details("Commands", *shown)] if shown else parts)


def _told(run: Run, key: str) -> list[str]:
    """Return what the seeds of a run tell of one thing, each value once."""
    values = [str(seed.info[key]) for seed in run.seeds.values() if seed.info.get(key) not in (None, "")]
    return list(dict.fromkeys(values))


def hardware_section(runs: Sequence[Run]) -> Html:
    """Return hardware, precision and versions."""
    packages = dict.fromkeys(name for run in runs for name in _versions(run))
    rows = []
    for run in runs:
        trainer = run.first.config.get("trainer")
        options = trainer if isinstance(trainer, dict) else {}
        told = [str(options[key]) if options.get(key) is not None else NOT_AVAILABLE for key in _TRAINER]
        versions = [_versions(run).get(name, NOT_AVAILABLE) for name in packages]
        rows.append([run.name, ", ".join(_told(run, "hardware")) or NOT_AVAILABLE, *told, *versions])
    note = (
        "Accelerator, devices and precision are those of the configuration: “auto” takes what there is. "
        "Reports of older versions name no hardware."
    )
    heads = ["run", "hardware of the test", *_TRAINER, *packages]
    return joined([table("Hardware and versions", heads, [("", rows)], is_text=True), element("p", note)])


_TRAINER = ("accelerator", "devices", "num_nodes", "precision")


def _versions(run: Run) -> Mapping[str, str]:
    """Return versions of the packages; several where the seeds differ."""
    found: dict[str, dict[str, None]] = {}
    for seed in run.seeds.values():
        versions = seed.info.get("versions")
        for name, version in versions.items() if isinstance(versions, dict) else ():
            found.setdefault(str(name), {})[str(version)] = None
    return {name: ", ".join(values) for name, values in found.items()}


def config_differences(runs: Sequence[Run]) -> Differences:
    """Return where the configurations of the runs differ, as far as there are any."""
    return differences({run.name: run.first.config for run in runs if run.first.config})


def config_section(runs: Sequence[Run], found: Differences) -> Html:
    """Return what differs, how much is equal, and each configuration as a whole."""
    known = [run for run in runs if run.first.config]
    names = [run.name for run in known]
    if not known:
        return element("p", "No run has a configuration.")
    parts: list[str] = []
    if len(known) > 1:
        parts.append(
            element("p", f"{len(found.settings)} settings differ; {found.num_equal} are the same in all runs.")
        )
        if found.settings:
            parts.append(_difference_table("Settings that differ", found.settings, names))
        if found.places:
            places = _difference_table("Paths, folders and seeds that differ", found.places, names)
            parts.append(details(f"Paths, folders and seeds: {len(found.places)} differ too", places, class_="screen"))
    whole = [
        details(f"Whole configuration of {run.name}", element("pre", run.first.config_text), class_="screen")
        for run in known
    ]
    hint = element(
        "p", "Whole configurations are not printed; they are in the page and in the runs' config.yaml.", class_="print"
    )
    return joined([*parts, *whole, hint])


def _difference_table(caption: str, values: Mapping[str, Mapping[str, str]], names: Sequence[str]) -> Html:
    if len(names) <= _MAX_COLUMNS:
        lines = [[key, *[_code(own[name]) for name in names]] for key, own in values.items()]
        return table(caption, ["setting", *names], [("", lines)], is_text=True)
    rows: list[list[str]] = []
    for key, own in values.items():
        by_value: dict[str, list[str]] = {}
        for name in names:
            by_value.setdefault(own[name], []).append(name)
        # The value that most runs have comes first and needs no names.
        ordered = sorted(by_value.items(), key=lambda item: -len(item[1]))
        for number, (value, runs) in enumerate(ordered):
            which = "all others" if number == 0 and len(runs) > len(names) / 2 else ", ".join(runs)
            rows.append([key, _code(value), which])
    return table(caption, ["setting", "value", "runs"], [("", rows)], is_text=True)


def _code(value: str) -> Html:
    return element("code", breakable(value))
