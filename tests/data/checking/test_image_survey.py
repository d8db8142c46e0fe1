import cv2
import numpy as np
import pytest

from facequal.data.checking.image_survey import as_problem, check_images, single_images
from facequal.data.errors import ImageReadError, Problem
from facequal.data.sources.encoded import MemoryImages


def png(seed: int, height: int = 112, width: int = 112, grey: bool = False) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 1 if grey else 3), dtype=np.uint8)
    return cv2.imencode(".png", np.repeat(pixels, 3, axis=2) if grey else pixels)[1].tobytes()


def survey(images: list[bytes], labels: list[int] | None = None) -> list[str]:
    memory = MemoryImages(images, "x.bin", np.arange(len(images)))
    return [str(problem) for problem in check_images(memory, None if labels is None else np.array(labels), "set", None)]


def test_sound_images_have_no_problems() -> None:
    assert survey([png(0), png(1)], [0, 1]) == []
    assert survey([]) == []


def test_copies_are_named_after_the_first_image_unless_they_are_unreadable() -> None:
    images = [png(0), png(1), png(0), b"", b"", png(0)]
    assert survey(images, [0, 1, 0, 1, 1, 1]) == [
        "error: x.bin: image 3: zero bytes, expected an encoded image",
        "error: x.bin: image 4: zero bytes, expected an encoded image",
        "warning: x.bin: image 2: the same file, of the same identity: x.bin: image 0",
        "warning: x.bin: image 5: the same file, of another identity: x.bin: image 0",
    ]
    assert survey([png(0), png(0)]) == []  # nobody is known


def test_sizes_are_counted_and_the_commonest_are_listed() -> None:
    images = [png(number, 20 + number // 2) for number in range(13)]
    assert survey(images) == [
        "note: set: 13 images are not 112x112 (height x width: 2 of 20x112, 2 of 21x112, 2 of 22x112, 2 of 23x112, "
        "2 of 24x112, and 2 more sizes) and will be resized"
    ]


def test_grey_images_are_counted() -> None:
    assert survey([png(0, grey=True), png(1)]) == ["note: set: 1 of 2 images are grey"]


def test_progress_is_told_after_every_image() -> None:
    steps: list[tuple[int, int]] = []
    check_images(MemoryImages([png(0), b""], "x.bin", np.arange(2)), None, "set", lambda *step: steps.append(step))
    assert steps == [(1, 2), (2, 2)]


@pytest.mark.parametrize(("count", "listed"), [(0, None), (2, "p0, p1"), (7, "p0, p1, p2, p3, p4, ...")])
def test_people_with_one_image(count: int, listed: str | None) -> None:
    labels = np.array([*range(count), 9, 9])
    notes = single_images(labels, [f"p{number}" for number in range(10)], "set")
    what = f"{count} of 10 identities have a single image: {listed}"
    assert notes == ([] if listed is None else [Problem("note", "set", what)])


def test_an_error_is_parted_into_file_and_cause() -> None:
    error = ImageReadError("a: b.png: zero bytes")
    assert as_problem(error, "a: b.png") == Problem("error", "a: b.png", "zero bytes")
    assert as_problem(error, "c.png") == Problem("error", "a", "b.png: zero bytes")
