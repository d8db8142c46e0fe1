"""A check of a data set before training: all of its problems at once."""

from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from facequal.data.checking.image_survey import Progress, as_problem, check_images, single_images
from facequal.data.errors import DataError, Problem, RecordError
from facequal.data.protocols.pairs import read_bin
from facequal.data.protocols.pairs_text import find_pair_files, parse_pairs_txt
from facequal.data.sources.encoded import EncodedImages, FileImages, RecordImages
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
    image_root = path.parent if root is None else Path(root)
    if not path.exists():
        return [Problem("error", str(path), "no such file or folder")]
    if kind == "folder":
        problems = _check_folder(path, on_progress)
    elif kind == "list":
        problems = _check_list(path, image_root, split, on_progress)
    elif kind == "record":
        problems = _check_records(path, on_progress)
    elif kind == "pairs":
        problems = _check_pairs(path, image_root, on_progress)
    elif kind == "bin":
        problems = _check_bin(path, on_progress)
    else:
        raise ValueError(f"kind {kind!r}, expected one of {', '.join(get_args(DataKind))}")
    order = ("error", "warning", "note")
    return sorted(problems, key=lambda problem: order.index(problem.severity))


def _detect_kind(path: Path) -> DataKind:
    if path.is_dir():
        return "record" if (path / "train.rec").is_file() else "folder"
    if path.suffix.lower() not in _KIND_OF_SUFFIX:
        raise ValueError(f"{path}: cannot tell the kind of data, give one of {', '.join(get_args(DataKind))}")
    return _KIND_OF_SUFFIX[path.suffix.lower()]


def _check_folder(path: Path, on_progress: Progress | None) -> list[Problem]:
    folders = scan_identity_folders(path)
    labels = np.array(folders.labels, dtype=np.int64)
    images = FileImages(path, folders.paths)
    return [
        *folders.problems,
        *check_images(images, labels, str(path), on_progress),
        *single_images(labels, folders.identities, str(path)),
    ]


def _check_list(path: Path, root: Path, split: str | None, on_progress: Progress | None) -> list[Problem]:
    rows = read_list(path, split)
    classes, labels = number_identities(rows.identities)
    images = FileImages(root, rows.paths, rows.lines, path)
    return [
        *rows.problems,
        *check_images(images, labels, str(path), on_progress),
        *single_images(labels, classes, str(path)),
    ]


def _check_records(path: Path, on_progress: Progress | None) -> list[Problem]:
    path = path / "train.rec" if path.is_dir() else path
    try:
        reader = RecordReader(path)
    except RecordError as error:
        return [as_problem(error, str(path))]
    labels, problems = _record_labels(reader)
    if reader.header_disagrees():
        what = f"the header states {reader.header_count} images, the index holds {len(reader)}"
        problems.append(Problem("warning", str(path), what))
    problems += check_images(RecordImages(reader), labels, str(path), on_progress)
    problems += _check_identity_records(reader, labels, str(path))
    stored, renumbered = np.unique(labels[labels >= 0], return_inverse=True)
    return problems + single_images(renumbered, [str(label) for label in stored], str(path))


def _check_pairs(path: Path, root: Path, on_progress: Progress | None) -> list[Problem]:
    lines = parse_pairs_txt(path)
    files = find_pair_files(lines, path, root)
    _, labels = number_identities([Path(name).parts[0] for name in files.paths])
    images = FileImages(root, files.paths, files.lines, path)
    problems = check_images(images, labels, str(path), on_progress) if files.paths else []
    return lines.problems + files.problems + problems


def _check_bin(path: Path, on_progress: Progress | None) -> list[Problem]:
    try:
        verification = read_bin(path)
    except DataError as error:
        return [as_problem(error, str(path))]
    problems = []
    for number in np.flatnonzero(verification.pairs[:, 0] == verification.pairs[:, 1]).tolist():
        who = "one person" if verification.is_same[number] else "different people"
        problems.append(Problem("warning", f"{path}: pair {number}", f"a pair of {who} is twice the same image"))
    images: EncodedImages = verification.images.images  # type: ignore[attr-defined]  # read_bin gives a FaceDataset
    return problems + check_images(images, None, str(path), on_progress)


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
    if len(ranges) == len(actual):
        # as stored: the keys are float32
        different = np.flatnonzero((actual.astype(np.float32) != ranges.astype(np.float32)).any(axis=1))
        if not len(different):
            return []
        first, wanted = ranges[different[0]].tolist(), actual[different[0]].tolist()
        what = f"identity record {different[0]} names the keys {first}, its images have {wanted}"
    else:
        what = f"{len(ranges)} identity records for {len(actual)} runs of equal labels"
    return [Problem("warning", where, what)]
