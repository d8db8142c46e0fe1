"""Lists of images: the CSV files of `ListDataset`, read, and made from the lists of CelebA and VGGFace2."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from sys import intern

import numpy as np
from numpy.typing import NDArray

from facequal.data.errors import DatasetError, Problem
from facequal.data.sources.encoded import LabelledFiles

CELEBA_SPLITS = {"0": "train", "1": "val", "2": "test"}


def read_list(csv_path: str | Path, split: str | None = None) -> LabelledFiles:
    """Read a CSV file with the columns path, identity and, optionally, split, in any order. Blank lines are ignored.

    Args:
        csv_path: The file, UTF-8.
        split: Keep the rows of this split only; None keeps all.
    """
    rows = LabelledFiles()
    where = str(csv_path)
    try:
        # utf-8-sig: spreadsheets begin their CSV files with a byte order mark
        with Path(csv_path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restkey="more", strict=True)
            wanted = ["path", "identity"] if split is None else ["path", "identity", "split"]
            missing = [column for column in wanted if column not in (reader.fieldnames or [])]
            if missing:
                what = (
                    f"line 1: no column {', '.join(missing)} among {reader.fieldnames}, expected path, identity, split"
                )
                rows.problems.append(Problem("error", where, what))
                return rows
            _collect(rows, reader, where, split)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        rows.problems.append(Problem("error", where, getattr(error, "strerror", None) or str(error)))
    return rows


def number_identities(identities: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Return the names of the identities, sorted by code point, and the number of each image's, int64 (N,).

    Args:
        identities: Name of every image's identity.

    Example:
        >>> classes, labels = number_identities(["Bo", "Ann", "Bo"])
        >>> classes, labels.tolist()
        (['Ann', 'Bo'], [1, 0, 1])
    """
    classes = sorted(set(identities))
    number = {name: label for label, name in enumerate(classes)}
    return classes, np.array([number[name] for name in identities], dtype=np.int64)


def _collect(rows: LabelledFiles, reader: "csv.DictReader[str]", where: str, split: str | None) -> None:
    line_of_path: dict[str, int] = {}
    splits: set[str] = set()
    for row in reader:
        line = reader.line_num
        path, identity = (row["path"] or "").strip(), (row["identity"] or "").strip()
        if "more" in row or None in row.values():
            what = f"line {line}: expected {len(reader.fieldnames or [])} columns"
        elif not path or not identity:
            what = f"line {line}: no {'path' if not path else 'identity'}"
        elif path in line_of_path:
            what = f"line {line}: {path} is in line {line_of_path[path]} already"
        else:
            line_of_path[path] = line
            splits.add(row.get("split") or "")
            if split is None or row["split"].strip() == split:
                rows.paths.append(path)
                rows.identities.append(intern(identity))
                rows.lines.append(line)
            continue
        rows.problems.append(Problem("error", where, what))
    if not rows.paths and not rows.problems:
        what = "no images" if split is None else f"no images of the split {split!r}, the list has {sorted(splits)}"
        rows.problems.append(Problem("error", where, what))


def convert_celeba(
    identity_file: str | Path, partition_file: str | Path, csv_path: str | Path, extension: str | None = None
) -> int:
    """Write a list from CelebA's `identity_CelebA.txt` (file, id) and `list_eval_partition.txt` (file, 0 | 1 | 2).

    The splits are train (0), val (1) and test (2).

    Args:
        identity_file: CelebA's identities.
        partition_file: CelebA's splits.
        csv_path: The list to write; paths in it are file names.
        extension: Ending of the file names in place of `.jpg`, such as `.png` for the lossless aligned images.

    Returns:
        The number of images.

    Raises:
        DatasetError: If a line is malformed, or an image is in only one of the files; the message names file and line.
    """
    partition = {}
    for where, (name, number) in _fields(partition_file, 2):
        if number not in CELEBA_SPLITS:
            raise DatasetError(f"{where}: partition {number!r}, expected one of {', '.join(CELEBA_SPLITS)}")
        if name in partition:
            raise DatasetError(f"{where}: {name} is there twice")
        partition[name] = (CELEBA_SPLITS[number], where)
    rows = []
    for where, (name, identity) in _fields(identity_file, 2):
        if name not in partition:
            raise DatasetError(f"{where}: {name} is not in {partition_file}, or is here twice")
        split, _ = partition.pop(name)
        path = name if extension is None else str(PurePosixPath(name).with_suffix(extension))
        rows.append((path, identity, split))
    for name, (_, where) in partition.items():
        raise DatasetError(f"{where}: {name} is not in {identity_file}")
    return write_list(rows, csv_path)


def convert_vggface2(
    csv_path: str | Path,
    train_list: str | Path | None = None,
    test_list: str | Path | None = None,
    identity_meta: str | Path | None = None,
) -> int:
    """Write a list from VGGFace2's `train_list.txt` and `test_list.txt` (lines like `n000002/0001_01.jpg`).

    Args:
        csv_path: The list to write.
        train_list: Images of the split train.
        test_list: Images of the split test.
        identity_meta: VGGFace2's `identity_meta.csv`; where given, every identity must be in it.

    Returns:
        The number of images.

    Raises:
        DatasetError: If a line is malformed or there twice, or an identity is not in the meta file; the message names
            file and line.
    """
    known = None if identity_meta is None else {fields[0] for _, fields in _fields(identity_meta, None, ",")}
    rows, seen = [], set()
    for split, list_path in (("train", train_list), ("test", test_list)):
        for where, (path,) in () if list_path is None else _fields(list_path, 1):
            identity, _, name = path.partition("/")
            if not identity or not name or "/" in name:
                raise DatasetError(f"{where}: expected <identity>/<image>, got {path!r}")
            if known is not None and identity not in known:
                raise DatasetError(f"{where}: identity {identity} is not in {identity_meta}")
            if path in seen:
                raise DatasetError(f"{where}: {path} is there twice")
            seen.add(path)
            rows.append((path, identity, split))
    return write_list(rows, csv_path)


def write_list(rows: Iterable[tuple[str, str, str]], csv_path: str | Path) -> int:
    """Write rows of path, identity and split as a list, and return their number."""
    import pandas as pd

    table = pd.DataFrame(rows, columns=["path", "identity", "split"])
    table.to_csv(csv_path, index=False, lineterminator="\n")
    return len(table)


def _fields(path: str | Path, count: int | None, separator: str | None = None) -> Iterator[tuple[str, list[str]]]:
    """Yield `file: line n` and the fields of every line that is not blank."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    for number, line in enumerate(lines, start=1):
        fields = [part.strip() for part in line.split(separator)]
        if not line.strip():
            continue
        if count is not None and len(fields) != count:
            raise DatasetError(f"{path}: line {number}: expected {count} fields, got {line!r}")
        yield f"{path}: line {number}", fields
