"""A check of a data set before training: all of its problems at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facequal.data.checking.image_survey import Progress, as_problem, check_images, single_images
from facequal.data.errors import DataError, Problem, RecordError
from facequal.data.protocols.pairs import read_bin
from facequal.data.protocols.pairs_text import find_pair_files, parse_pairs_txt
from facequal.data.sources.encoded import EncodedImages, FileImages, LabelledFiles, RecordImages
from facequal.data.sources.folders import scan_identity_folders
from facequal.data.sources.lists import number_identities, read_list
from facequal.data.sources.recordio import RecordReader

DataKind = Literal["folder", "list", "record", "pairs", "bin"]

_KIND_OF_SUFFIX: dict[str, DataKind] = {".csv": "list", ".rec": "record", ".txt": "pairs", ".bin": "bin"}


def check_data(
    path: str | Path,
    kind: DataKind | None = None,
    root: str | Path | None = None,
    split: str | None = None,
    on_progress: Progress | None = None,
) -> list[Problem]:
    """Read all of a data set, and list what is wrong, doubtful or worth knowing about it.

    Errors: what the data set's class would stop at, and every image that cannot be read. Warnings: images that are
    there twice, record sets whose header or identity records disagree with their images, pairs of an image with itself.
    Notes: people with a single image, sizes other than 112x112, grey images.

    Args:
        path: A folder of identities, a list (.csv), a record set (.rec, or the folder of train.rec), a list of pairs
            (.txt), or an InsightFace verification file (.bin).
        kind: Which of them it is; None decides by the path.
        root: Folder of the images of a list or a list of pairs; None takes the folder of the list.
        split: Split of a list; None takes all.
        on_progress: Called with the number of images read and to read.

    Returns:
        The problems, errors first.

    Raises:
        ValueError: If `kind` is unknown, or the path does not say it.
    """
    path = Path(path)
    kind = _detect_kind(path) if kind is None else kind
    if kind not in _CHECKS:
        raise ValueError(f"kind {kind!r}, expected one of {', '.join(_CHECKS)}")
    if not path.exists():
        return [Problem("error", str(path), "no such file or folder")]
    try:
        problems = _CHECKS[kind](_Request(path, path.parent if root is None else Path(root), split, on_progress))
    except DataError as error:
        problems = [as_problem(error, str(path))]
    order = ("error", "warning", "note")
    return sorted(problems, key=lambda problem: order.index(problem.severity))


class _Request(NamedTuple):
    """The arguments of `check_data`, with the folder of a list's images filled in."""

    path: Path
    root: Path
    split: str | None
    on_progress: Progress | None


def _detect_kind(path: Path) -> DataKind:
    if path.is_dir():
        return "record" if (path / "train.rec").is_file() else "folder"
    if path.suffix.lower() not in _KIND_OF_SUFFIX:
        raise ValueError(f"{path}: cannot tell the kind of data, give one of {', '.join(_CHECKS)}")
    return _KIND_OF_SUFFIX[path.suffix.lower()]


def _check_folder(request: _Request) -> list[Problem]:
    return _check_files(request._replace(root=request.path), scan_identity_folders(request.path))


def _check_list(request: _Request) -> list[Problem]:
    return _check_files(request, read_list(request.path, request.split), request.path)


def _check_pairs(request: _Request) -> list[Problem]:
    lines = parse_pairs_txt(request.path)
    files = find_pair_files(lines, request.path, request.root)
    return lines.problems + _check_files(request, files, request.path, people=False)


def _check_files(
    request: _Request, files: LabelledFiles, list_path: Path | None = None, people: bool = True
) -> list[Problem]:
    """Check all images of a folder or a list; `people` with a single image are noted."""
    classes, labels = number_identities(files.identities)
    images = FileImages(request.root, files.paths, files.lines, list_path)
    notes = single_images(labels, classes, str(request.path)) if people else []
    return files.problems + check_images(images, labels, str(request.path), request.on_progress) + notes


def _check_records(request: _Request) -> list[Problem]:
    path = request.path / "train.rec" if request.path.is_dir() else request.path
    reader = RecordReader(path)
    labels, problems = _record_labels(reader)
    if reader.header_disagrees():
        what = f"the header states {reader.header_count} images, the index holds {len(reader)}"
        problems.append(Problem("warning", str(path), what))
    problems += check_images(RecordImages(reader), labels, str(path), request.on_progress)
    problems += _check_identity_records(reader, labels, str(path))
    stored, renumbered = np.unique(labels[labels >= 0], return_inverse=True)
    return problems + single_images(renumbered, [str(label) for label in stored], str(path))


def _check_bin(request: _Request) -> list[Problem]:
    verification = read_bin(request.path)
    problems = []
    for number in np.flatnonzero(verification.pairs[:, 0] == verification.pairs[:, 1]).tolist():
        who = "one person" if verification.is_same[number] else "different people"
        problems.append(
            Problem("warning", f"{request.path}: pair {number}", f"a pair of {who} is twice the same image")
        )
    images: EncodedImages = verification.images.images  # type: ignore[attr-defined]  # read_bin gives a FaceDataset
    return problems + check_images(images, None, str(request.path), request.on_progress)


def _record_labels(reader: RecordReader) -> tuple[NDArray[np.int64], list[Problem]]:
    """Return the labels of all images, -1 where they cannot be read, and a problem for each that is no whole number."""
    problems: list[Problem] = []
    try:
        return reader.labels(), problems
    except RecordError:
        labels = np.full(len(reader), -1, dtype=np.int64)
    for index, key in enumerate(reader.keys.tolist()):
        try:
            label = reader.read(key).labels[0]
        except RecordError:  # reported with its image
            continue
        if label.is_integer():
            labels[index] = int(label)
        else:
            problems.append(Problem("error", reader.describe(key), f"label {label}, expected a whole number"))
    return labels, problems


def _check_identity_records(reader: RecordReader, labels: NDArray[np.int64], where: str) -> list[Problem]:
    """Return a warning where the identity records do not name the keys at which the labels change.

    Nothing is said where labels are unreadable.
    """
    if reader.header_count is None or not len(labels) or (labels < 0).any():
        return []
    try:
        ranges = reader.identity_ranges()
    except RecordError as error:
        return [as_problem(error, where)]
    starts = np.flatnonzero(np.append(True, labels[1:] != labels[:-1]))
    actual = np.stack([reader.keys[starts], np.append(reader.keys[starts[1:]], reader.keys[-1] + 1)], axis=1)
    if len(ranges) != len(actual):
        return [Problem("warning", where, f"{len(ranges)} identity records for {len(actual)} runs of equal labels")]
    # as stored: the keys are float32
    different = np.flatnonzero((actual.astype(np.float32) != ranges.astype(np.float32)).any(axis=1))
    what = "identity record {} names the keys {}, its images have {}"
    first = [(number, ranges[number].tolist(), actual[number].tolist()) for number in different[:1].tolist()]
    return [Problem("warning", where, what.format(*record)) for record in first]


_CHECKS: dict[DataKind, Callable[[_Request], list[Problem]]] = {
    "folder": _check_folder,
    "list": _check_list,
    "record": _check_records,
    "pairs": _check_pairs,
    "bin": _check_bin,
}
