"""Class paths that have another name now: files that name them are told so, checkpoints are read all the same."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from facequal.names import class_packages

_RESTORATION = "facequal.methods.restoration"
# Old module -> new module, of the classes and functions that files may name; or an old name in full -> the new one.
MOVED = {
    "facequal.data.datasets": "facequal.data.sources.datasets",
    "facequal.data.photos": "facequal.data.protocols.photos",
    "facequal.data.procedural": "facequal.procedural",
    "facequal.data.procedural.dataset": "facequal.procedural.dataset",
    "facequal.data.protocols": "facequal.data.protocols.verification",
    "facequal.data.restoration": "facequal.data.protocols.restoration",
    "facequal.data.splits": "facequal.data.sources.splits",
    "facequal.frozen": "facequal.pretrained.frozen",
    "facequal.methods.degradation_classifier": f"{_RESTORATION}.degradation_classifier",
    "facequal.methods.nasfe": "facequal.methods.nasfe.method",
    "facequal.methods.nasfe_search": "facequal.methods.nasfe.search",
    "facequal.methods.octuplet": "facequal.methods.octuplet.method",
    "facequal.methods.qgface": "facequal.methods.qgface.method",
    "facequal.methods.recognizer": "facequal.methods.recognition.recognizer",
    "facequal.methods.restorer": f"{_RESTORATION}.restorer",
    "facequal.methods.siamese": "facequal.methods.recognition.siamese",
    "facequal.models.nasfe.network": "facequal.methods.nasfe.network.network",
    "facequal.models.restorers": f"{_RESTORATION}.networks",
    "facequal.methods.degradation_classifier.adam": f"{_RESTORATION}.degradation_classifier.classifier_adam",
    "facequal.methods.octuplet.published_adagrad": "facequal.methods.octuplet.method.octuplet_adagrad",
    "facequal.methods.qgface.published_sgd": "facequal.methods.qgface.method.qgface_sgd",
    "facequal.methods.recognizer.published_sgd": "facequal.methods.recognition.base.adaface_sgd",
    "facequal.methods.restorer.adam": f"{_RESTORATION}.base.nasfe_adam",
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
    if module not in MOVED:
        return MOVED.get(path, path)
    return MOVED.get(path) or f"{class_packages().get(name, MOVED[module])}.{name}"


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
        is_file = flag in ("-c", "--config") and Path(argument).is_file()
        content = yaml.safe_load(Path(argument).read_text(encoding="utf-8")) if is_file else argument
        keys = _keys_in(content) if is_file else [argument.partition("=")[0].removeprefix("--").removesuffix("+")]
        moved = [f"{key} is now {MOVED_KEYS[key]}" for key in keys if key in MOVED_KEYS]
        paths = dict.fromkeys(path for text in texts_in(content) for path in _CLASS_PATH.findall(text))
        moved += [f"{path} is now {_in_words(path)}" for path in paths if present_path(path) != path]
        if moved:
            raise ValueError("\n  ".join([f"{argument if is_file else 'the command line'}:", *moved]))


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
    module, _, name = path.rpartition(".")
    return f"{name} ({MOVED[module]})" if name in class_packages() else present_path(path)
