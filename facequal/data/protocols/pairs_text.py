"""The text lists of LFW and XQLFW: what their lines say, and which files the names stand for."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from facequal.data.errors import Problem
from facequal.data.sources.encoded import LabelledFiles
from facequal.data.sources.images import IMAGE_EXTENSIONS

_Image = tuple[str, int]  # name of a person, number of the image


@dataclass
class PairLines:
    """The pairs of a list.

    Attributes:
        pairs: Name and image number of both images, and the line in the file.
        folds: Number of folds in the header; None without a header, or where it has one number only.
        problems: Lines that are not understood, and why.
    """

    pairs: list[tuple[_Image, _Image, int]] = field(default_factory=list)
    folds: int | None = None
    problems: list[Problem] = field(default_factory=list)


@dataclass
class PairFiles(LabelledFiles):
    """The files of a list of pairs, each once, in the order of their first use and with the line of it.

    Attributes:
        pairs: Positions in `paths` of both images of each pair.
    """

    pairs: list[tuple[int, int]] = field(default_factory=list)


def parse_pairs_txt(path: str | Path) -> PairLines:
    """Parse a list of pairs.

    Lines are `name i j` (images i and j of one person) or `name1 i name2 j` (of two), separated by tabs or spaces; with
    tabs, names may hold spaces. The first line may be a header: `folds n` (in each fold, n pairs of the same person and
    n of different ones; checked) or `n` (n and n in all). Blank lines are ignored.
    """
    parsed = PairLines()
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        parsed.problems.append(Problem("error", str(path), getattr(error, "strerror", None) or str(error)))
        return parsed
    # A tab at the beginning stays: it is a name left out.
    rows = [(number, line.rstrip().lstrip(" ")) for number, line in enumerate(lines, start=1) if line.strip()]
    header = [int(field) for field in rows[0][1].split()] if rows and _is_header(rows[0][1]) else []
    for number, line in rows[1:] if header else rows:
        pair = _parse_line(line)
        if isinstance(pair, str):
            parsed.problems.append(Problem("error", str(path), f"line {number}: {pair}"))
        else:
            parsed.pairs.append((*pair, number))
    if len(header) == 2:
        parsed.folds = header[0]
    if not parsed.problems:
        parsed.problems += [Problem("error", str(path), what) for what in _count_problems(parsed, header)]
    return parsed


def find_pair_files(
    parsed: PairLines, path: str | Path, root: str | Path, extensions: Sequence[str] = IMAGE_EXTENSIONS
) -> PairFiles:
    """Find the file `<root>/<name>/<name>_NNNN.<extension>` of every image of a list.

    Args:
        parsed: The parsed list.
        path: The list, for the messages.
        root: Folder of the people's folders.
        extensions: Endings to accept, in lower case.
    """
    files = PairFiles()
    folders: dict[str, dict[str, list[str]]] = {}
    position_of: dict[_Image, int] = {}
    for first, second, line in parsed.pairs:
        what = None
        for name, number in (first, second):
            if (name, number) in position_of:
                continue
            if name not in folders:
                folders[name] = _stems(Path(root) / name, tuple(extensions))
            stem = f"{name}_{number:04d}"
            candidates = folders[name].get(stem, [])
            if len(candidates) == 1:
                position_of[name, number] = len(files.paths)
                files.paths.append(f"{name}{os.sep}{candidates[0]}")
                files.identities.append(name)
                files.lines.append(line)
            elif what is None:
                what = _missing(Path(root) / name, stem, candidates, len(folders[name]))
        if what is None:
            files.pairs.append((position_of[first], position_of[second]))
        else:
            files.problems.append(Problem("error", str(path), f"line {line}: {what}"))
    return files


def _is_header(line: str) -> bool:
    return re.fullmatch(r"\d+(\s+\d+)?", line) is not None


def _parse_line(line: str) -> tuple[_Image, _Image] | str:
    """Return both images of a line, or what is wrong with it."""
    fields = [part.strip() for part in line.split("\t")] if "\t" in line else line.split()
    if len(fields) == 3:
        names, numbers = (fields[0], fields[0]), (fields[1], fields[2])
    elif len(fields) == 4:
        names, numbers = (fields[0], fields[2]), (fields[1], fields[3])
    else:
        return f"expected `name i j` or `name1 i name2 j` (with tabs where names hold spaces), got {line!r}"
    if not all(number.isascii() and number.isdecimal() and int(number) > 0 for number in numbers):
        return f"image numbers are whole and count from 1, got {numbers[0]!r} and {numbers[1]!r}"
    if any(not name or Path(name).name != name for name in names):
        return f"a name that is empty or a path: {line!r}"
    if len(fields) == 4 and names[0] == names[1]:
        return f"two different people are both called {names[0]!r}"
    if len(fields) == 3 and int(numbers[0]) == int(numbers[1]):
        return f"image {numbers[0]} of {names[0]!r} is paired with itself"
    return (names[0], int(numbers[0])), (names[1], int(numbers[1]))


def _count_problems(parsed: PairLines, header: list[int]) -> list[str]:
    """Return what the numbers of the header say that the lines do not."""
    if not parsed.pairs:
        return ["no pairs"]
    if not header:
        return []
    folds, per_kind = header if len(header) == 2 else (1, header[0])
    if len(parsed.pairs) != folds * 2 * per_kind:
        return [f"line 1: the header promises {folds} x 2 x {per_kind} pairs, the file has {len(parsed.pairs)}"]
    problems = []
    for fold in range(folds):
        pairs = parsed.pairs[fold * 2 * per_kind : (fold + 1) * 2 * per_kind]
        num_same = sum(first[0] == second[0] for first, second, _ in pairs)
        if num_same != per_kind:
            what = f"of these {len(pairs)} pairs {num_same} are of the same person, the header says {per_kind}"
            problems.append(f"lines {pairs[0][2]} to {pairs[-1][2]}: {what}")
    return problems


def _stems(folder: Path, extensions: tuple[str, ...]) -> dict[str, list[str]]:
    """Return file names of the images in a folder, by name without ending; empty where there is no folder."""
    stems: dict[str, list[str]] = {}
    if folder.is_dir():
        for name in sorted(os.listdir(folder)):  # noqa: PTH208 (names are enough)
            stem, ending = os.path.splitext(name)  # noqa: PTH122 (13,000 names)
            if ending.lower() in extensions:
                stems.setdefault(stem, []).append(name)
    return stems


def _missing(folder: Path, stem: str, candidates: list[str], num_images: int) -> str:
    if candidates:
        return f"{stem} is there as {' and '.join(candidates)} in {folder}"
    if not folder.is_dir():
        return f"no folder {folder}"
    return f"no image {stem} in {folder}, which has {num_images}"
