import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from facequal.data.errors import DataError, ImageReadError
from facequal.data.sources.images import decode_image, encode_png, read_file, read_image

RNG = np.random.default_rng(0)
SMOOTH = cv2.resize(RNG.integers(0, 256, (5, 6, 3), dtype=np.uint8), (48, 40), interpolation=cv2.INTER_CUBIC)


def encode(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg(quality: int = 95, **options) -> bytes:
    return encode(Image.fromarray(SMOOTH), "JPEG", quality=quality, **options)


def difference(left: np.ndarray, right: np.ndarray) -> int:
    assert left.shape == right.shape
    return int(np.abs(left.astype(int) - np.asarray(right).astype(int)).max())


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_lossless_kinds_keep_every_pixel_in_rgb_order(kind):
    data = encode(Image.fromarray(SMOOTH), kind, **({"lossless": True} if kind == "WEBP" else {}))
    image = decode_image(data, "x")
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert image.flags.writeable
    np.testing.assert_array_equal(image, SMOOTH)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 60}])
def test_jpeg_equals_pillow(options):
    data = jpeg(**options)
    # other decoders differ by some levels in chroma upsampling
    assert difference(decode_image(data, "x"), np.asarray(Image.open(io.BytesIO(data)))) <= 10


def test_grey_and_bilevel_images_become_three_equal_channels():
    grey = Image.fromarray(SMOOTH).convert("L")
    for image in (grey, grey.convert("1")):
        decoded = decode_image(encode(image, "PNG"), "x")
        np.testing.assert_array_equal(decoded, np.asarray(image.convert("RGB")))
    decoded = decode_image(encode(grey, "JPEG"), "x")
    np.testing.assert_array_equal(decoded[..., 0], decoded[..., 2])


def test_palette_images_take_their_colours_and_transparent_entries_become_black():
    palette = Image.fromarray(SMOOTH).quantize(16)
    colours = np.asarray(palette.convert("RGB"))
    np.testing.assert_array_equal(decode_image(encode(palette, "PNG"), "x"), colours)
    expected = np.where((np.asarray(palette) == 3)[..., None], 0, colours)
    np.testing.assert_array_equal(decode_image(encode(palette, "PNG", transparency=3), "x"), expected)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_composited_over_black(kind):
    alpha = RNG.integers(0, 256, SMOOTH.shape[:2], dtype=np.uint8)
    data = encode(
        Image.fromarray(np.dstack([SMOOTH, alpha])),
        kind,
        **({"lossless": True, "exact": True} if kind == "WEBP" else {}),
    )
    assert difference(decode_image(data, "x"), np.round(SMOOTH * (alpha[..., None] / 255.0))) <= 1


def test_grey_with_alpha_is_composited_over_black():
    image = Image.merge("LA", [Image.new("L", (4, 3), 200), Image.new("L", (4, 3), 51)])
    np.testing.assert_array_equal(decode_image(encode(image, "PNG"), "x"), np.full((3, 4, 3), 40))


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".ppm"])
def test_16_bit_colour_is_scaled_and_not_cut(suffix):
    deep = RNG.integers(0, 65536, (9, 11, 3)).astype(np.uint16)
    data = cv2.imencode(suffix, deep[..., ::-1].copy())[1].tobytes()
    expected = np.round(deep / 257.0)
    assert np.any(expected != deep >> 8)  # cutting would be seen
    np.testing.assert_array_equal(decode_image(data, "x"), expected)


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".pgm"])
def test_16_bit_grey_is_scaled_and_not_cut(suffix):
    deep = RNG.integers(0, 65536, (9, 11)).astype(np.uint16)
    data = cv2.imencode(suffix, deep)[1].tobytes()
    np.testing.assert_array_equal(decode_image(data, "x"), np.repeat(np.round(deep / 257.0)[..., None], 3, axis=2))


def test_16_bit_alpha_is_composited_over_black():
    deep = RNG.integers(0, 65536, (5, 7, 4)).astype(np.uint16)
    data = cv2.imencode(".png", deep[..., [2, 1, 0, 3]].copy())[1].tobytes()
    expected = np.round(deep[..., :3] * (deep[..., 3:] / 65535.0) / 257.0)
    np.testing.assert_array_equal(decode_image(data, "x"), expected)


@pytest.mark.parametrize("maximum", [1, 100, 255, 4095, 65535])
def test_pgm_is_scaled_by_its_maximum(maximum):
    values = RNG.integers(0, maximum + 1, (6, 8))
    raw = values.astype(np.uint8 if maximum < 256 else ">u2").tobytes()
    image = decode_image(b"P5\n# a comment\n8 6\n%d\n" % maximum + raw, "x")
    assert difference(image, np.repeat((values * 255.0 / maximum)[..., None], 3, axis=2).round()) <= 1
    assert image.max() > 200


def test_plain_text_pgm():
    image = decode_image(b"P2\n2 2\n255\n0 100 200 255\n", "x")
    np.testing.assert_array_equal(image[..., 1], [[0, 100], [200, 255]])


def cmyk_jpeg(transform: int | None) -> tuple[bytes, np.ndarray]:
    """A CMYK JPEG whose Adobe marker has this transform (0 CMYK, 2 YCCK) or, for None, is missing; its raw channels."""
    cmyk = Image.fromarray(SMOOTH).convert("CMYK")
    data = encode(cmyk, "JPEG", quality=100, subsampling=0)
    marker = data.index(b"\xff\xee\x00\x0eAdobe")
    raw = 255 - np.asarray(cmyk).astype(int)  # Pillow stores the channels inverted, as Adobe does
    if transform is None:
        return data[:marker] + data[marker + 16 :], raw
    return data[: marker + 15] + bytes([transform]) + data[marker + 16 :], raw


def test_cmyk_jpeg_with_an_adobe_marker_is_stored_inverted():
    data, _ = cmyk_jpeg(0)
    assert difference(decode_image(data, "x"), SMOOTH) <= 4


def test_cmyk_jpeg_without_a_marker_is_not_inverted():
    data, raw = cmyk_jpeg(None)
    ink = raw / 255.0
    expected = 255 * (1 - ink[..., :3]) * (1 - ink[..., 3:])
    assert difference(decode_image(data, "x"), expected) <= 4


def test_ycck_jpeg():
    data, raw = cmyk_jpeg(2)
    luma, blue, red = raw[..., 0], raw[..., 1] - 128, raw[..., 2] - 128
    colour = np.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], axis=-1)
    # YCC stands for 255 - CMY (libjpeg), CMY for the inverted inks (Adobe)
    cyan_magenta_yellow = np.clip(colour, 0, 255)
    expected = (255 - cyan_magenta_yellow) * (raw[..., 3:] / 255.0)
    assert difference(decode_image(data, "x"), expected) <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_exif_orientation_is_followed(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(Image.fromarray(SMOOTH), kind, exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert difference(decode_image(data, "x"), upright) <= (10 if kind == "JPEG" else 0)


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def test_exif_orientation_is_followed_in_16_bit_png():
    deep = RNG.integers(0, 65536, (5, 7, 3)).astype(np.uint16)
    data = cv2.imencode(".png", deep[..., ::-1].copy())[1].tobytes()
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # orientation 6: turn to the right
    header_end = data.index(b"IDAT") - 4
    data = data[:header_end] + png_chunk(b"eXIf", exif) + data[header_end:]
    np.testing.assert_array_equal(decode_image(data, "x"), np.rot90(np.round(deep / 257.0), -1))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "PPM", "TIFF"])
@pytest.mark.filterwarnings("ignore:Truncated File Read:UserWarning")  # Pillow, before it raises on TIFF
def test_every_cut_is_an_error(kind):
    data = encode(Image.fromarray(SMOOTH), kind)
    for length in {1, 2, 3, 10, 20, *range(30, len(data) - 1, max(1, len(data) // 60)), len(data) - 1}:
        with pytest.raises(ImageReadError, match="some/face"):
            decode_image(data[:length], "some/face")


def test_a_cut_jpeg_is_an_error_whatever_follows():
    data = jpeg()
    for padding in (b"", b"\0" * 64, b"\xff" * 8):
        with pytest.raises(ImageReadError, match=r"a\.rec: truncated JPEG, \d+ bytes without an end marker"):
            decode_image(data[: len(data) // 2] + padding, "a.rec")


def test_a_cut_jpeg_with_a_whole_thumbnail_is_an_error():
    thumbnail = jpeg(quality=20)
    exif = b"Exif\0\0" + thumbnail
    data = jpeg()
    with_thumbnail = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    assert difference(decode_image(with_thumbnail, "x"), decode_image(data, "x")) == 0
    with pytest.raises(ImageReadError, match="without an end marker"):
        decode_image(with_thumbnail[: -len(data) // 2], "x")


@pytest.mark.parametrize("tail", [b"\0", b"trailing bytes", b"\0" * 1000, b"\xff\xd8\xff"])
def test_bytes_after_the_end_are_ignored(tail):
    for data in (jpeg(), encode(Image.fromarray(SMOOTH), "PNG")):
        np.testing.assert_array_equal(decode_image(data + tail, "x"), decode_image(data, "x"))


def test_jpeg_with_fill_bytes_before_a_marker():
    data = jpeg()
    frame = data.index(b"\xff\xc0")
    np.testing.assert_array_equal(decode_image(data[:frame] + b"\xff\xff" + data[frame:], "x"), decode_image(data, "x"))


def test_a_damaged_png_is_an_error():
    data = bytearray(encode(Image.fromarray(SMOOTH), "PNG"))
    data[data.index(b"IDAT") + 40] ^= 0xFF
    with pytest.raises(ImageReadError, match="not a readable image"):
        decode_image(bytes(data), "x")


@pytest.mark.parametrize("data", [b"hello, this is no image", b"<html>404</html>", b"\0" * 100, b"\xff\xd8", b"P5"])
def test_other_bytes_are_an_error(data):
    with pytest.raises(ImageReadError, match="set/x: "):
        decode_image(data, "set/x")


def test_no_bytes_are_an_error():
    with pytest.raises(ImageReadError, match="set/x: zero bytes"):
        decode_image(b"", "set/x")


def test_pixels_without_a_defined_range_are_an_error():
    floats = encode(Image.fromarray(np.full((3, 3), 0.5, np.float32)), "TIFF")
    with pytest.raises(ImageReadError, match="floating-point"):
        decode_image(floats, "x")
    wide = encode(Image.fromarray(np.full((3, 3), 70000, np.int32)), "TIFF")
    with pytest.raises(ImageReadError, match="pixels from 70000 to 70000, expected 0 to 65535"):
        decode_image(wide, "x")


def test_read_image_names_the_path(tmp_path):
    path = tmp_path / "face.png"
    with pytest.raises(ImageReadError, match=r"face\.png: No such file"):
        read_image(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match=r"face\.png: zero bytes"):
        read_image(path)
    path.write_bytes(encode(Image.fromarray(SMOOTH), "PNG"))
    np.testing.assert_array_equal(read_image(path), SMOOTH)


def test_png_files_keep_every_pixel(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    encode_png(tmp_path / "a.png", image)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), image)
    with pytest.raises(ImageReadError, match=r"^list line 3: No such file"):
        read_file(tmp_path / "b.png", "list line 3")
