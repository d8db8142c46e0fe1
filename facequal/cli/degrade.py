"""`facequal degrade`: a picture of the degradations, or the pictures of a test suite, from a folder of images.

  facequal degrade --gallery gallery.png                        each part at three strengths, on procedural faces
  facequal degrade FOLDER --gallery gallery.png --images 2      on images of one's own
  facequal degrade FOLDER --suite Test-BNL --out DIR            the pictures of a suite as PNG, with manifest.csv

Sizes: `--size 112` resizes the short side and crops the centre, `--size 176 144` (CelebA) crops the centre alone,
`--size 224` is VGGFace2's.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from jsonargparse import ArgumentParser
from torch import Tensor

from facequal.cli.options import errors_as_messages, make_parser
from facequal.data.protocols.export import export_suite
from facequal.data.protocols.restoration import NUM_IMAGES, RestorationSet
from facequal.data.source import FaceSource
from facequal.data.sources.datasets import ImageFolder
from facequal.data.views import to_unit_range
from facequal.degradations.suites import RESTORATION_SUITES
from facequal.procedural import ProceduralFaces
from facequal.reports.gallery import write_gallery


def build_parser() -> ArgumentParser:
    """Return the options of the command."""
    parser = make_parser("degrade", __doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="folder of images (default: procedural faces)")
    parser.add_argument("--gallery", type=Path, metavar="PNG", help="draw the parts of the degradation")
    parser.add_argument("--suite", choices=RESTORATION_SUITES, help="write the pictures of a suite")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the suite's pictures")
    parser.add_argument("--images", type=int, metavar="N", help="images to take (default: 2, or 100 for a suite)")
    parser.add_argument("--size", type=int, nargs="+", default=[112], metavar="PX", help="side, or height and width")
    return parser


def main(line: Sequence[str]) -> None:
    """Run the command.

    Args:
        line: The command line after the program's name.

    Raises:
        SystemExit: If the options or images do not allow it.
    """
    parser = build_parser()
    options = parser.parse_args(line[1:])
    if (options.gallery is None) == (options.suite is None):
        parser.error("give one of --gallery and --suite")
    if options.suite is not None and options.out is None:
        parser.error("--suite needs --out")
    if len(options.size) > 2 or min(options.size) < 1:
        parser.error(f"--size takes a side, or a height and a width, not {options.size}")
    if options.images is not None and options.images < 1:
        parser.error(f"--images must be at least 1, not {options.images}")
    with errors_as_messages("degrade"):
        faces = source(options.folder, options.size)
        if options.gallery is not None:
            print(f"picture: {write_gallery(options.gallery, first_images(faces, options.images or 2))}")
        else:
            # Fewer than 100 are the first of the suite's 100; more make a suite of as many.
            num_images = min(max(NUM_IMAGES, options.images or 0), len(faces))
            protocol = RestorationSet(faces, options.suite, num_images, images=options.images)  # type: ignore[arg-type]
            if len(protocol.chosen) < len(faces):
                print(f"{len(protocol.chosen)} of {len(faces)} images (--images N for another number)")
            print(f"manifest: {export_suite(protocol, options.out)}")


def source(folder: Path | None, size: list[int]) -> FaceSource:
    """Return the images: a folder's, or 100 procedural people."""
    if folder is not None:
        return ImageFolder(folder, size[0] if len(size) == 1 else (size[0], size[1]))
    if len(size) == 2:
        raise ValueError("procedural faces are square: --size takes one number")
    return ProceduralFaces(100, 1, size[0], first_identity=612)


def first_images(faces: FaceSource, num: int) -> Tensor:
    """Return images at even distances, float32 (B,3,H,W) in [0,1]."""
    num = min(num, len(faces))
    return to_unit_range(torch.stack([faces[n * len(faces) // num]["image"] for n in range(num)]))
