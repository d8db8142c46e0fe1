"""The layout `<root>/<identity>/<image>`: its images, and everything that is wrong with it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from facequal.data.errors import Problem
from facequal.data.sources.images import IMAGE_EXTENSIONS

LITTER = ("thumbs.db", "desktop.ini")
"""Files of operating systems that are ignored, in lower case; so is every name that begins with a dot."""


@dataclass
class IdentityFolders:
    """The images of a folder of identities.

    Attributes:
        identities: Names of the identity folders, sorted by code point.
        paths: Paths of the images relative to the root, by identity and then by name.
        labels: Identity of each image: a position in `identities`.
        problems: What does not follow the layout.
    """

    identities: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def scan_identity_folders(root: str | Path, extensions: Sequence[str] = IMAGE_EXTENSIONS) -> IdentityFolders:
    """List a folder of identities.

    Ignored are hidden files and folders, `Thumbs.db`, `desktop.ini`, and files directly in the root that are no images
    (a licence, a list). An error is everything else that would leave an image out silently: an image directly in the
    root, an empty identity folder, a folder within one, a file of another kind, a broken link.

    Args:
        root: The folder.
        extensions: File name endings of images, in lower case.
    """
    folders = IdentityFolders()
    root = Path(root)
    if not root.is_dir():
        folders.problems.append(Problem("error", str(root), "no such folder, expected <root>/<identity>/<image>"))
        return folders
    for entry in _visible(root):
        if entry.is_dir():
            _add_identity(folders, entry, tuple(extensions))
        elif entry.name.lower().endswith(tuple(extensions)):
            folders.problems.append(Problem("error", entry.path, "an image outside of an identity folder"))
        elif not entry.is_file():
            folders.problems.append(Problem("error", entry.path, "neither a file nor a folder (a broken link?)"))
    if not folders.identities and not folders.problems:
        folders.problems.append(Problem("error", str(root), "no identity folders, expected <root>/<identity>/<image>"))
    return folders


def _add_identity(folders: IdentityFolders, folder: "os.DirEntry[str]", extensions: tuple[str, ...]) -> None:
    label, before = len(folders.identities), len(folders.paths)
    folders.identities.append(folder.name)
    entries = _visible(folder.path)
    for entry in entries:
        if entry.is_file() and entry.name.lower().endswith(extensions):
            folders.paths.append(f"{folder.name}{os.sep}{entry.name}")
            folders.labels.append(label)
            continue
        if entry.is_dir():
            what = "a folder within an identity folder"
        elif entry.is_file():
            what = f"not an image ({', '.join(extensions)}): remove it, or give its extension"
        else:
            what = "neither a file nor a folder (a broken link?)"
        folders.problems.append(Problem("error", entry.path, what))
    if len(folders.paths) == before and not entries:
        folders.problems.append(Problem("error", folder.path, "an identity folder without images"))


def _visible(folder: str | Path) -> "list[os.DirEntry[str]]":
    """Return entries of a folder, sorted by name, without hidden ones and litter."""
    with os.scandir(folder) as entries:
        visible = [entry for entry in entries if not entry.name.startswith(".") and entry.name.lower() not in LITTER]
    return sorted(visible, key=lambda entry: entry.name)
