"""Class paths that have another name now: files that name them are told so, checkpoints are read all the same."""

import importlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from facequal.names import class_packages

_RESTORATION = "facequal.methods.restoration"
_NASFE = "facequal.methods.nasfe"
_QGFACE = "facequal.methods.qgface"
_COMPARISON = "facequal.reports.comparison"
# Old module -> new module; with a dot at the end, of all modules in a package; or an old name in full -> the new one.
MOVED = {
    "facequal.analysis.degradation_gallery": "facequal.reports.gallery",
    "facequal.analysis.nasfe_drawings": "facequal.callbacks.search_report",
    "facequal.analysis.quality": "facequal.reports.contact_sheet",
    "facequal.analysis.run_report.": "facequal.reports.page.",
    "facequal.analysis.run_report.curves": "facequal.reports.page.panels",
    "facequal.analysis.run_report.drawings": "facequal.reports.page.pictures",
    "facequal.analysis.run_report.html": "facequal.reports.markdown",
    "facequal.analysis.run_report.margins": "facequal.reports.page.gradient_scaling",
    "facequal.analysis.run_report.notes": "facequal.reports.notes",
    "facequal.analysis.run_report.places": "facequal.reports.layout",
    "facequal.analysis.run_report.reading": "facequal.reports.page.runs",
    "facequal.analysis.run_report.results": "facequal.reports.page.measurements",
    "facequal.checkpoints": "facequal.pretrained.checkpoints",
    "facequal.cli.configs": "facequal.engine.inherit",
    "facequal.cli.lightning": "facequal.engine.lightning",
    "facequal.cli.run": "facequal.engine.fit_and_test",
    "facequal.cli.runs": "facequal.engine.digest",
    "facequal.cli.runs.results_file": "facequal.reports.layout.results_file",
    "facequal.cli.study.command": "facequal.engine.study",
    "facequal.cli.study.file": "facequal.engine.study_file",
    "facequal.cli.study.inherited": "facequal.engine.study_inheritance",
    "facequal.cli.study.jobs": "facequal.engine.jobs",
    "facequal.cli.study.report": "facequal.engine.study_report",
    "facequal.cli.study.runs": "facequal.engine.plan",
    "facequal.cli.sweep.command": "facequal.engine.sweep",
    "facequal.cli.sweep.file": "facequal.engine.sweep_file",
    "facequal.cli.wandb_account": "facequal.engine.wandb_account",
    "facequal.cli.yaml_files": "facequal.engine.yaml_files",
    "facequal.data.augmentation": "facequal.data.sources.augmentation",
    "facequal.data.check": "facequal.data.checking.check",
    "facequal.data.datasets": "facequal.data.sources.datasets",
    "facequal.data.encoded": "facequal.data.sources.encoded",
    "facequal.data.folders": "facequal.data.sources.folders",
    "facequal.data.gallery": "facequal.data.protocols.gallery",
    "facequal.data.identity_groups": "facequal.data.sampling.identity_pairs",
    "facequal.data.identity_pairs": "facequal.data.sampling.pair_plan",
    "facequal.data.image_survey": "facequal.data.checking.image_survey",
    "facequal.data.images": "facequal.data.sources.images",
    "facequal.data.lists": "facequal.data.sources.lists",
    "facequal.data.pair_sampling": "facequal.data.protocols.pair_sampling",
    "facequal.data.pairs": "facequal.data.protocols.pairs",
    "facequal.data.pairs_text": "facequal.data.protocols.pairs_text",
    "facequal.data.photos": "facequal.data.protocols.photos",
    "facequal.data.pickles": "facequal.data.protocols.pickles",
    "facequal.data.procedural": "facequal.procedural",
    "facequal.data.procedural.": "facequal.procedural.",
    "facequal.data.procedural.contact_sheet": "facequal.reports.contact_sheet",
    "facequal.data.protocols": "facequal.data.protocols.verification",
    "facequal.data.protocols.EvaluationProtocol": "facequal.data.protocols.base.EvaluationProtocol",
    "facequal.data.recordio": "facequal.data.sources.recordio",
    "facequal.data.recordio.": "facequal.data.sources.recordio.",
    "facequal.data.references": "facequal.data.sources.references",
    "facequal.data.restoration": "facequal.data.protocols.restoration",
    "facequal.data.samplers": "facequal.data.sampling.samplers",
    "facequal.data.scores": "facequal.data.sources.scores",
    "facequal.data.splits": "facequal.data.sources.splits",
    "facequal.data.suite_export": "facequal.data.protocols.export",
    "facequal.degradations.random": "facequal.degradations.draws",
    "facequal.evaluation.comparison.": f"{_COMPARISON}.",
    "facequal.evaluation.comparison.changes.Section": "facequal.reports.tables.Section",
    "facequal.evaluation.comparison.reading": f"{_COMPARISON}.pairing",
    "facequal.evaluation.comparison.reading.find_reports": "facequal.reports.layout.find_reports",
    "facequal.evaluation.comparison.reading.read_run_info": "facequal.reports.info.read_run_info",
    "facequal.evaluation.comparison.roc": "facequal.reports.roc",
    "facequal.evaluation.comparison.tables": f"{_COMPARISON}.changes",
    "facequal.evaluation.curves": "facequal.reports.curves",
    "facequal.evaluation.figures": "facequal.reports.roc",
    "facequal.evaluation.folders": "facequal.reports.run_folder",
    "facequal.evaluation.hardware": "facequal.reports.info",
    "facequal.evaluation.markdown": "facequal.reports.markdown",
    "facequal.evaluation.pictures.png": "facequal.reports.png.png",
    "facequal.evaluation.recognition.RecognitionSettings": "facequal.evaluation.settings.RecognitionSettings",
    "facequal.evaluation.report": "facequal.reports.run_report",
    "facequal.evaluation.report.RunInfo": "facequal.reports.info.RunInfo",
    "facequal.evaluation.restoration.RestorationSettings": "facequal.evaluation.settings.RestorationSettings",
    "facequal.evaluation.results": "facequal.reports.results",
    "facequal.evaluation.results.Summary": "facequal.reports.statistics.Summary",
    "facequal.evaluation.results.summarise": "facequal.reports.statistics.summarise",
    "facequal.evaluation.results.write_summary": "facequal.reports.statistics.write_summary",
    "facequal.evaluation.seeds": "facequal.reports.statistics",
    "facequal.evaluation.study.": "facequal.reports.study.",
    "facequal.evaluation.study.tables": "facequal.reports.study.study_tables",
    "facequal.evaluation.study.tables.study_sections": "facequal.reports.study.summary.study_sections",
    "facequal.evaluation.tables": "facequal.reports.tables",
    "facequal.frozen": "facequal.pretrained.frozen",
    "facequal.losses.contrastive": f"{_QGFACE}.contrastive",
    "facequal.losses.margins": "facequal.models.heads.margins",
    "facequal.losses.octuplet": "facequal.methods.octuplet.loss",
    "facequal.losses.partition": f"{_QGFACE}.partition",
    "facequal.losses.perceptual": f"{_NASFE}.losses",
    "facequal.methods.degradation_classifier": f"{_RESTORATION}.degradation_classifier",
    "facequal.methods.degradation_classifier.adam": f"{_RESTORATION}.degradation_classifier.classifier_adam",
    "facequal.methods.embedding": "facequal.methods.recognition.base",
    "facequal.methods.nasfe": f"{_NASFE}.method",
    "facequal.methods.nasfe_files": f"{_NASFE}.stages",
    "facequal.methods.nasfe_options": f"{_NASFE}.options",
    "facequal.methods.nasfe_search": f"{_NASFE}.search",
    "facequal.methods.octuplet": "facequal.methods.octuplet.method",
    "facequal.methods.octuplet.published_adagrad": "facequal.methods.octuplet.method.octuplet_adagrad",
    "facequal.methods.qgface": f"{_QGFACE}.method",
    "facequal.methods.qgface.published_sgd": f"{_QGFACE}.method.qgface_sgd",
    "facequal.methods.qgface_options": f"{_QGFACE}.options",
    "facequal.methods.recognizer": "facequal.methods.recognition.recognizer",
    "facequal.methods.recognizer.published_sgd": "facequal.methods.recognition.base.adaface_sgd",
    "facequal.methods.restorer": f"{_RESTORATION}.restorer",
    "facequal.methods.restorer.adam": f"{_RESTORATION}.base.nasfe_adam",
    "facequal.methods.restoring": f"{_RESTORATION}.base",
    "facequal.methods.siamese": "facequal.methods.recognition.siamese",
    "facequal.methods.term_watch": f"{_NASFE}.losses",
    "facequal.models.nasfe.": f"{_NASFE}.network.",
    "facequal.models.norm_quality": f"{_QGFACE}.norm_quality",
    "facequal.models.queues": f"{_QGFACE}.queues",
    "facequal.models.queues.": f"{_QGFACE}.queues.",
    "facequal.models.restorers": f"{_RESTORATION}.networks",
    "facequal.models.tiling": f"{_RESTORATION}.tiling",
    "facequal.weights": "facequal.pretrained.importing",
}
# Classes and functions that are there no more, in whatever module, and what to use.
REMOVED = {
    "GaussianBlur": "KernelBlur, which convolves with kernels of a KernelBank",
    "ir_18": "IResNet with depth: 18",
    "ir_34": "IResNet with depth: 34",
    "ir_50": "IResNet with depth: 50",
    "ir_101": "IResNet with depth: 101",
    "ir_se_50": "IResNet with depth: 50 and squeeze_excitation: true",
    "ir_tiny": "IRTiny",
}
# Old key -> new key of configurations.
MOVED_KEYS = {
    "data.val_identities": "data.held_out.identities",
    "data.val_pairs": "data.held_out.pairs",
    "data.quality_scores": "data.train_items.quality_scores",
    "data.cpu_augmentation": "data.train_items.cpu_augmentation",
}
_CLASS_PATH = re.compile(r"\bfacequal(?:\.\w+)+")


def present_path(path: str) -> str:
    """Return under which path a class or function is found today; other texts come back as they are.

    Example:
        >>> present_path("facequal.data.datasets.FolderDataset")
        'facequal.data.FolderDataset'
    """
    module, _, name = path.rpartition(".")
    present = MOVED.get(path, f"{_present_module(module)}.{name}")
    if not module or present == path or not _has(present):
        return path
    package = class_packages().get(name)
    return f"{package}.{name}" if package else present


def _present_module(module: str) -> str:
    """Return under which name a module is found today; one that has not moved keeps its name."""
    if module in MOVED:
        return MOVED[module]
    packages = [key for key in MOVED if key.endswith(".") and module.startswith(key)]
    return MOVED[packages[0]] + module.removeprefix(packages[0]) if packages else module


def _has(path: str) -> bool:
    """Return whether there is a class or function of a path in this package; imports its module."""
    module, _, name = path.rpartition(".")
    try:
        return callable(getattr(importlib.import_module(module), name, None))
    except ModuleNotFoundError:
        return False


def with_present_paths(value: Any) -> Any:
    """Return nested lists and dictionaries with every class path in them as it is today."""
    if isinstance(value, dict):
        return {key: with_present_paths(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(with_present_paths(part) for part in value)
    return present_path(value) if isinstance(value, str) else value


def refuse_moved_names(arguments: Sequence[str]) -> None:
    """Refuse keys and class paths that have another name now, on the command line and in the files that it names.

    Args:
        arguments: A command line with inherited files in place.

    Raises:
        ValueError: If there are any; the message says the new names.

    Example:
        >>> refuse_moved_names(["fit", "--data.train=facequal.data.datasets.FolderDataset"])
        Traceback (most recent call last):
        ...
        ValueError: the command line:
          facequal.data.datasets.FolderDataset is now FolderDataset (facequal.data.sources.datasets)
    """
    for flag, argument in zip(["", *arguments], arguments, strict=False):
        option, _, value = argument.partition("=") if argument.startswith("-") else (flag, "=", argument)
        key = option.removeprefix("--").removesuffix("+")
        is_config = key in ("-c", "config")
        is_file = (is_config or value.endswith((".yaml", ".yml"))) and Path(value).is_file()
        content = _content(Path(value)) if is_file else argument
        keys = _keys_in(content, "" if is_config else f"{key}.") if is_file else [key]
        moved = [f"{key} is now {MOVED_KEYS[key]}" for key in keys if key in MOVED_KEYS]
        paths = dict.fromkeys(path for text in texts_in(content) for path in _CLASS_PATH.findall(text))
        moved += filter(None, map(_in_words, paths))
        if moved:
            raise ValueError("\n  ".join([f"{value if is_file else 'the command line'}:", *moved]))


def _content(path: Path) -> Any:
    """Return what a file holds; nothing of one that is no YAML, which is the parser's error."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError:
        return None


def _keys_in(content: Any, prefix: str = "") -> Iterator[str]:
    """Yield the dotted keys of nested dictionaries."""
    for key, value in content.items() if isinstance(content, dict) else ():
        yield f"{prefix}{key}"
        yield from _keys_in(value, f"{prefix}{key}.")


def texts_in(value: Any) -> Iterator[str]:
    """Yield all texts in nested lists and dictionaries, but no keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts_in(part)


def _in_words(path: str) -> str:
    """Return what a class path that is out of date is to become, as a sentence; none for others."""
    name = path.rpartition(".")[2]
    present = present_path(path)
    if name in REMOVED:
        return f"{path} is no more; use {REMOVED[name]}"
    if present == path:
        return ""
    home = MOVED.get(path, f"{_present_module(path.rpartition('.')[0])}.{name}").rpartition(".")[0]
    return f"{path} is now {name} ({home})" if name in class_packages() else f"{path} is now {present}"
