"""Encoded images to uint8 RGB arrays: OpenCV where it is right, Pillow where it is not, an error where bytes are bad.

OpenCV decodes a 112x112 JPEG faster than anything else at hand, but cuts 16-bit images to their high byte, drops alpha,
ignores the maximum of a PGM file, and takes all CMYK JPEGs as inverted. Those take the slower ways below.
"""

import io
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

from facequal.data.errors import ImageReadError

IMAGE_EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".pgm", ".ppm", ".pbm", ".pnm", ".tif", ".tiff")
"""File name endings, in lower case, that count as images."""

RGBImage = NDArray[np.uint8]

_JPEG_START = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_PNG_START = b"\x89PNG\r\n\x1a\n"
_TIFF_STARTS = (b"II*\0", b"MM\0*")
# Start-of-frame markers: C0..CF but for Huffman tables (C4), extensions (C8) and arithmetic conditioning (CC).
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_EXIF_ORIENTATION = 0x0112
# What Pillow's readers are known to raise on bad bytes, besides their own exceptions.
_PILLOW_ERRORS = (
    Image.DecompressionBombError,
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    OverflowError,
    EOFError,
    struct.error,
    Warning,  # where the caller turns warnings into errors
)


def decode_image(data: bytes, source: str) -> RGBImage:
    """Decode one encoded image.

    Grey, palette and CMYK/YCCK images become RGB, 16-bit values v become round(v / 257) (or round(255 v / maximum) for
    PGM), transparent pixels are composited over black (the border value of aligned faces), the EXIF orientation is
    followed, and of several frames the first is taken. Bytes after the end of a JPEG or PNG are ignored, as record
    writers may leave some. A JPEG that was damaged inside but still ends in its end marker is decoded by every
    library at hand and cannot be told from a sound one here.

    Args:
        data: The encoded bytes (JPEG, PNG, WebP, BMP, TIFF, PGM/PPM, ...).
        source: Where they come from (path, or record key and offset), for the error message.

    Returns:
        uint8 (H, W, 3), RGB, 0..255, contiguous and writable.

    Raises:
        ImageReadError: If `data` is empty, truncated, corrupt, or holds floats or integers over 16 bits.

    Example:
        >>> decode_image(b"P6 2 1 255 " + bytes([255, 0, 0, 0, 0, 255]), "two pixels").tolist()
        [[[255, 0, 0], [0, 0, 255]]]
    """
    if not data:
        raise ImageReadError(f"{source}: zero bytes, expected an encoded image")
    if _opencv_is_right(data, source):
        image: RGBImage | None = _opencv(data, cv2.IMREAD_COLOR_RGB, source)
        if image is not None:
            return image
    if _may_be_deep_colour(data):
        deep = _opencv(data, cv2.IMREAD_UNCHANGED, source)
        if deep is not None and deep.dtype == np.uint16 and deep.ndim == 3:
            return _from_deep_bgr(deep, data)
    return _decode_with_pillow(data, source)


def read_image(path: str | Path) -> RGBImage:
    """Read and decode one image file, see `decode_image`.

    Raises:
        ImageReadError: If the file is missing or unreadable, or its bytes are.
    """
    return decode_image(read_file(path), str(path))


def read_file(path: str | Path, source: str | None = None) -> bytes:
    """Return the bytes of an image file.

    Args:
        path: The file.
        source: What the error message names in place of the path.

    Raises:
        ImageReadError: If the file is missing or unreadable.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (a third of the time of Path.read_bytes for small files)
            return file.read()
    except OSError as error:
        raise ImageReadError(f"{source or path}: {error.strerror or error}") from error


def encode_png(path: str | Path, image: RGBImage) -> None:
    """Write uint8 RGB (H, W, 3) as a PNG file.

    Raises:
        OSError: If the file cannot be written.
    """
    _, encoded = cv2.imencode(".png", image[..., ::-1])
    Path(path).write_bytes(encoded.tobytes())


def resize_short(image: RGBImage, size_px: int) -> RGBImage:
    """Resize the short side to `size_px` and crop the centre to a square, as InsightFace's resize_short and crop do.

    Shrinking averages over pixel areas (antialiased), enlarging is bicubic. An image of that size is returned as is.

    Args:
        image: uint8 (H, W, 3).
        size_px: Side of the result in pixels.

    Returns:
        uint8 (size_px, size_px, 3).

    Example:
        >>> resize_short(np.zeros((250, 200, 3), np.uint8), 112).shape
        (112, 112, 3)
    """
    height, width = image.shape[:2]
    if height == size_px and width == size_px:
        return image
    short = min(height, width)
    if short != size_px:
        filter_ = cv2.INTER_AREA if short > size_px else cv2.INTER_CUBIC
        width, height = width * size_px // short, height * size_px // short
        image = cv2.resize(image, (width, height), interpolation=filter_)
    top, left = (height - size_px) // 2, (width - size_px) // 2
    return np.ascontiguousarray(image[top : top + size_px, left : left + size_px])


def crop_centre(image: RGBImage, height_px: int, width_px: int) -> RGBImage:
    """Crop the centre without shrinking, as CelebA's aligned faces are cropped; a smaller image is enlarged first.

    Args:
        image: uint8 (H, W, 3).
        height_px: Height of the result in pixels.
        width_px: Width of the result in pixels.

    Returns:
        uint8 (height_px, width_px, 3).

    Example:
        >>> crop_centre(np.zeros((218, 178, 3), np.uint8), 176, 144).shape
        (176, 144, 3)
    """
    height, width = image.shape[:2]
    scale = max(height_px / height, width_px / width)
    if scale > 1.0:
        height, width = max(height_px, round(height * scale)), max(width_px, round(width * scale))
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)
    top, left = (height - height_px) // 2, (width - width_px) // 2
    return np.ascontiguousarray(image[top : top + height_px, left : left + width_px])


def _opencv(data: bytes, flags: int, source: str) -> NDArray[Any] | None:
    """Return the decoded array, or None where OpenCV cannot read the bytes."""
    try:
        image: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:  # more pixels than OpenCV allows
        raise ImageReadError(f"{source}: {error}") from error
    return image


def _opencv_is_right(data: bytes, source: str) -> bool:
    """Return whether OpenCV decodes this kind of image as `decode_image` promises.

    Raises:
        ImageReadError: If the end of the image is missing.
    """
    if data.startswith(_JPEG_START):
        components, frame = _jpeg_frame(data)
        # The end marker cannot occur inside the entropy-coded data; before the frame it may be that of a thumbnail.
        if not data.endswith(_JPEG_END) and data.find(_JPEG_END, frame) < 0:
            raise ImageReadError(f"{source}: truncated JPEG, {len(data)} bytes without an end marker")
        return components in (1, 3)
    if data.startswith(_PNG_START):
        pixels, end = data.find(b"IDAT"), data.rfind(b"IEND")
        if not 0 <= pixels < end <= len(data) - 8:  # the name of the end chunk and its checksum
            raise ImageReadError(f"{source}: truncated PNG, {len(data)} bytes without an end chunk")
        depth, colour_type = data[24], data[25]
        return depth <= 8 and colour_type in (0, 2, 3) and data.find(b"tRNS", 0, pixels) < 0
    return False


def _jpeg_frame(data: bytes) -> tuple[int, int]:
    """Return the number of components of a JPEG and the offset of its frame header.

    That is (0, 2) where the markers cannot be followed.
    """
    position, last = 2, len(data) - 10
    while position < last and data[position] == 0xFF:
        marker = data[position + 1]
        if marker in _FRAME_MARKERS:
            return data[position + 9], position
        if marker == 0xFF:  # fill byte
            position += 1
        else:
            position += 2 + (data[position + 2] << 8 | data[position + 3])
    return 0, 2


def _may_be_deep_colour(data: bytes) -> bool:
    """Return whether an image may have 16-bit colour, which Pillow cuts to 8 bits: it exists in PNG and TIFF."""
    return data.startswith(_TIFF_STARTS) or (data.startswith(_PNG_START) and data[24] == 16)


def _from_deep_bgr(image: NDArray[np.uint16], data: bytes) -> RGBImage:
    """Return uint16 BGR or BGRA (H, W, 3 or 4), as OpenCV decodes it, as uint8 RGB turned as the EXIF data says."""
    colour = image[..., 2::-1].astype(np.float64)
    if image.shape[2] == 4:
        colour *= image[..., 3:] / 65535.0
    rgb = Image.fromarray(np.round(colour / 257.0).astype(np.uint8))
    with Image.open(io.BytesIO(data)) as original:
        rgb.getexif()[_EXIF_ORIENTATION] = original.getexif().get(_EXIF_ORIENTATION, 1)
    return np.array(ImageOps.exif_transpose(rgb))


def _decode_with_pillow(data: bytes, source: str) -> RGBImage:
    try:
        with Image.open(io.BytesIO(data)) as picture:
            upright = ImageOps.exif_transpose(picture)
            if upright.mode == "CMYK" and picture.format == "JPEG" and "adobe" not in picture.info:
                upright = ImageChops.invert(upright)  # Pillow takes all CMYK JPEGs as inverted, only Adobe's are
            return _to_rgb(upright, source)
    except ImageReadError:
        raise
    except UnidentifiedImageError as error:
        raise ImageReadError(f"{source}: not an image of a known format, it begins with {data[:8]!r}") from error
    except _PILLOW_ERRORS as error:
        raise ImageReadError(f"{source}: not a readable image ({type(error).__name__}: {error})") from error


def _to_rgb(picture: Image.Image, source: str) -> RGBImage:
    """Return a Pillow image of any mode with a defined range as uint8 RGB (H, W, 3)."""
    if picture.mode == "F":
        raise ImageReadError(
            f"{source}: floating-point pixels have no defined range, convert the image to 8 or 16 bits"
        )
    if picture.mode.startswith("I"):
        grey = np.asarray(picture).astype(np.float64)
        if grey.min() < 0 or grey.max() > 65535:
            raise ImageReadError(f"{source}: pixels from {grey.min():.0f} to {grey.max():.0f}, expected 0 to 65535")
        return np.repeat(np.round(grey / 257.0).astype(np.uint8)[..., None], 3, axis=2)
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        return np.array(Image.alpha_composite(black, rgba).convert("RGB"))
    return np.array(picture.convert("RGB"))
