"""Data sets of labelled faces: a folder of identities, a list, a record set."""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from facequal.data.errors import DatasetError, raise_errors
from facequal.data.sources.encoded import EncodedImages, FileImages, RecordImages
from facequal.data.sources.folders import scan_identity_folders
from facequal.data.sources.images import IMAGE_EXTENSIONS, RGBImage, crop_centre, decode_image, resize_short
from facequal.data.sources.lists import number_identities, read_list
from facequal.data.sources.recordio import RecordReader

SizePx = int | tuple[int, int] | None


class FaceDataset(Dataset[dict[str, Any]]):
    """Encoded images with identity labels, decoded one by one when asked for.

    Items are dicts: `image` uint8 RGB (3, H, W), `label` int in 0..num_classes-1 (-1 where identities are unknown),
    `index` int. The image's memory is ordered (H, W, 3), as decoded; batches are contiguous.

    Args:
        images: The encoded images.
        labels: int64 (N,), one per image.
        classes: Name of every identity.
        size_px: Side of the square images in pixels: others are resized by their short side and cropped in the centre
            (`resize_short`). Height and width, as (176, 144) for CelebA: the centre is cropped without resizing
            (`crop_centre`). None gives every image in its own size.

    Raises:
        ValueError: If numbers of images and labels differ, or `size_px` is not positive.
    """

    def __init__(
        self, images: EncodedImages, labels: NDArray[np.int64], classes: list[str], size_px: SizePx = 112
    ) -> None:
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images with {len(labels)} labels")
        sides = tuple(size_px) if isinstance(size_px, Sequence) else (1 if size_px is None else size_px,) * 2
        if len(sides) != 2 or min(sides) < 1:
            raise ValueError(f"size_px must be a positive side, a height and a width, or None, got {size_px}")
        self.images = images
        self.labels = labels
        self.classes = classes
        self.num_classes = len(classes)
        self.size_px = size_px

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < len(self.labels):
            raise IndexError(f"image {index} of {len(self.labels)}")
        image = torch.from_numpy(self._sized_image(index).transpose(2, 0, 1))
        return {"image": image, "label": self.labels.item(index), "index": int(index)}

    def read_image(self, index: int) -> RGBImage:
        """Decode an image in its own size.

        Returns:
            uint8 RGB (H, W, 3).

        Raises:
            DataError: If the image cannot be read; the message names it.
        """
        return decode_image(self.images.read(index), self.images.describe(index))

    def describe(self, index: int) -> str:
        """Return path, or file, key and offset of the record, of an image: what an error message names."""
        return self.images.describe(index)

    def name(self, index: int) -> str:
        """Return what files made from an image are named by: its path in the folder of images, or its number."""
        path = PurePath(self.images.name(index) if isinstance(self.images, FileImages) else f"{index:06d}")
        # A list may name files anywhere: the result stays below the folder that it is used in.
        return str(PurePath(*(part for part in path.parts if part != ".." and part != path.anchor)))

    def by_identity(self, encoded: bool = False) -> Iterator[tuple[int, RGBImage | bytes]]:
        """Yield labels and images sorted by identity, for `write_record_set`.

        Args:
            encoded: Yield the encoded bytes of the images in place of their pixels, uint8 (H, W, 3) of `size_px`.
        """
        for index in np.argsort(self.labels, kind="stable").tolist():
            yield self.labels.item(index), self.images.read(index) if encoded else self._sized_image(index)

    def _sized_image(self, index: int) -> RGBImage:
        image = self.read_image(index)
        if self.size_px is None:
            return image
        if isinstance(self.size_px, Sequence):
            return crop_centre(image, *self.size_px)
        return resize_short(image, self.size_px)


class FolderDataset(FaceDataset):
    """A folder of identities: `<root>/<identity>/<image>`.

    Identities are numbered in the order of their names (by code point, as torchvision does), images sorted by name
    within them. What is ignored and what is an error: see `facequal.data.sources.folders.scan_identity_folders`.

    Args:
        root: The folder.
        size_px: Side of the images, see `FaceDataset`.
        extensions: File name endings of images, in lower case.

    Raises:
        DatasetError: If the folder does not follow the layout; the message names the first wrong file or folder.
    """

    def __init__(self, root: str | Path, size_px: SizePx = 112, extensions: Sequence[str] = IMAGE_EXTENSIONS) -> None:
        files = scan_identity_folders(root, extensions)
        raise_errors(files.problems, DatasetError)
        classes, labels = number_identities(files.identities)
        super().__init__(FileImages(root, files.paths), labels, classes, size_px)


class ImageFolder(FaceDataset):
    """All images of a folder and of the folders in it, sorted by path; people are unknown, labels are -1.

    Hidden files and files of other kinds are left out.

    Args:
        root: The folder, or one image file.
        size_px: Side of the images, see `FaceDataset`.
        extensions: File name endings of images, in lower case.

    Raises:
        DatasetError: If there is no such folder, or no image in it.
    """

    def __init__(self, root: str | Path, size_px: SizePx = 112, extensions: Sequence[str] = IMAGE_EXTENSIONS) -> None:
        folder = Path(root)
        if folder.is_file():
            folder, files = folder.parent, [folder]
        else:
            files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in extensions and path.is_file())
        names = [path.relative_to(folder) for path in files]
        paths = [str(name) for name in names if not any(part.startswith(".") for part in name.parts)]
        if not paths:
            what = "no image in it" if folder.is_dir() else "no such folder"
            raise DatasetError(f"{root}: {what}; expected images ({', '.join(extensions)})")
        super().__init__(FileImages(folder, paths), np.full(len(paths), -1, dtype=np.int64), [], size_px)


class ListDataset(FaceDataset):
    """Images named by a CSV file with the columns path, identity and, where there are several splits, split.

    `facequal.data.sources.lists` writes such files from the lists of CelebA and VGGFace2. Identities are numbered in
    the order of their names (by code point), among the rows of the split only. Files are opened when their images are
    read: `facequal check-data` names missing ones beforehand.

    Args:
        csv_path: The list.
        root: Folder that the paths are relative to; None takes the folder of the list.
        split: Take the rows of this split only; None takes all rows.
        size_px: Side of the images, see `FaceDataset`.

    Raises:
        DatasetError: If the list is missing or malformed, or has no row of the split; the message names the line.
    """

    def __init__(
        self,
        csv_path: str | Path,
        root: str | Path | None = None,
        split: str | None = None,
        size_px: SizePx = 112,
    ) -> None:
        rows = read_list(csv_path, split)
        raise_errors(rows.problems, DatasetError)
        classes, labels = number_identities(rows.identities)
        images = FileImages(Path(csv_path).parent if root is None else root, rows.paths, rows.lines, csv_path)
        super().__init__(images, labels, classes, size_px)


class RecordDataset(FaceDataset):
    """An InsightFace record set (MS1MV2, MS1MV3, WebFace4M, CASIA, ...).

    Labels are those of the image records; where they leave numbers out, they are renumbered in their order, and
    `classes` has the stored ones.

    Args:
        root: The folder of `train.rec` and `train.idx`, or a .rec file.
        size_px: Side of the images, see `FaceDataset`.

    Raises:
        RecordError: If the set is missing or malformed.
    """

    def __init__(self, root: str | Path, size_px: SizePx = 112) -> None:
        path = Path(root)
        reader = RecordReader(path / "train.rec" if path.is_dir() else path)
        stored, labels = np.unique(reader.labels(), return_inverse=True)
        super().__init__(RecordImages(reader), labels.astype(np.int64), [str(label) for label in stored], size_px)
