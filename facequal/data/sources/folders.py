"""The layout `<root>/<identity>/<image>`: its images, and everything that is wrong with it."""

import os
from collections.abc import Sequence
from pathlib import Path

from facequal.data.errors import Problem
from facequal.data.sources.encoded import LabelledFiles
from facequal.data.sources.images import IMAGE_EXTENSIONS

LITTER = ("thumbs.db", "desktop.ini")
"""Files of operating systems that are ignored, in lower case; so is every name that begins with a dot."""


def scan_identity_folders(root: str | Path, extensions: Sequence[str] = IMAGE_EXTENSIONS) -> LabelledFiles:
    """List a folder of identities, sorted by identity and then by name, both by code point.

    Ignored are hidden files and folders, `Thumbs.db`, `desktop.ini`, and files directly in the root that are no images
    (a licence, a list). An error is everything else that would leave an image out silently: an image directly in the
    root, an empty identity folder, a folder within one, a file of another kind, a broken link.

    Args:
        root: The folder.
        extensions: File name endings of images, in lower case.
    """
    files, root = LabelledFiles(), Path(root)
    if not root.is_dir():
        files.problems.append(Problem("error", str(root), "no such folder, expected <root>/<identity>/<image>"))
        return files
    for entry in _visible(root):
        if entry.is_dir():
            _add_identity(files, entry, tuple(extensions))
        elif entry.name.lower().endswith(tuple(extensions)):
            files.problems.append(Problem("error", entry.path, "an image outside of an identity folder"))
        elif not entry.is_file():
            files.problems.append(Problem("error", entry.path, "neither a file nor a folder (a broken link?)"))
    if not files.paths and not files.problems:
        files.problems.append(Problem("error", str(root), "no identity folders, expected <root>/<identity>/<image>"))
    return files


def _add_identity(files: LabelledFiles, folder: "os.DirEntry[str]", extensions: tuple[str, ...]) -> None:
    entries = _visible(folder.path)
    for entry in entries:
        if entry.is_file() and entry.name.lower().endswith(extensions):
            files.paths.append(f"{folder.name}{os.sep}{entry.name}")
            files.identities.append(folder.name)
            continue
        if entry.is_dir():
            what = "a folder within an identity folder"
        elif entry.is_file():
            what = f"not an image ({', '.join(extensions)}): remove it, or give its extension"
        else:
            what = "neither a file nor a folder (a broken link?)"
        files.problems.append(Problem("error", entry.path, what))
    if not entries:
        files.problems.append(Problem("error", folder.path, "an identity folder without images"))


def _visible(folder: str | Path) -> "list[os.DirEntry[str]]":
    """Return entries of a folder, sorted by name, without hidden ones and litter."""
    with os.scandir(folder) as entries:
        visible = [entry for entry in entries if not entry.name.startswith(".") and entry.name.lower() not in LITTER]
    return sorted(visible, key=lambda entry: entry.name)
