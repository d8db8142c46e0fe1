import json
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from facequal.data.sources.images import decode_image
from facequal.data.sources.recordio import RecordReader, RecordWriter, write_record_set
from tests.data.sources.recordio.recordfiles import MAGIC, write_set

FILES = Path(__file__).parent / "files"
MAGIC_BYTES = struct.pack("<I", MAGIC)


def write_all(path: Path, items, error: BaseException | None = None) -> None:
    with RecordWriter(path) as writer:
        for label, payload in items:
            writer.write(label, payload)
        if error is not None:
            raise error


PIXELS = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)


def test_writes_the_same_bytes_as_mxnet(tmp_path):
    source = RecordReader(FILES / "mxnet.rec")
    entries = json.loads((FILES / "mxnet.json").read_text())[1:8]
    with RecordWriter(tmp_path / "mxnet.rec") as writer:
        for entry in entries:
            label = tuple(entry["labels"]) if entry["flag"] else int(entry["labels"][0])
            assert writer.write(label, source.read(entry["key"]).payload) == entry["key"]
    for name in ("mxnet.rec", "mxnet.idx"):
        assert (tmp_path / name).read_bytes() == (FILES / name).read_bytes()


def test_writes_the_same_bytes_as_the_format_says(tmp_path):
    payloads = [b"a", b"bcd", b"efgh", b"i" * 1001]
    write_set(tmp_path / "expected.rec", [0.0, 0.0, 1.0, 2.0], payloads)
    with RecordWriter(tmp_path / "written.rec", tmp_path / "other.idx") as writer:
        for label, payload in zip([0, 0, 1, 2], payloads, strict=True):
            writer.write(label, payload)
    assert (tmp_path / "written.rec").read_bytes() == (tmp_path / "expected.rec").read_bytes()
    assert (tmp_path / "other.idx").read_bytes() == (tmp_path / "expected.idx").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "expected.idx",
        "expected.rec",
        "other.idx",
        "written.rec",
    ]


@pytest.mark.parametrize("with_index", [True, False])
def test_payloads_with_the_magic_number_come_back(tmp_path, with_index):
    generator = np.random.default_rng(0)
    payloads = []
    for _ in range(60):
        words = generator.integers(0, 4, generator.integers(1, 12))
        # words of magic and of other bytes, and an odd rest
        parts = [MAGIC_BYTES if word == 0 else bytes([word] * 4) for word in words]
        payloads.append(b"".join(parts) + b"x" * generator.integers(0, 4))
    with RecordWriter(tmp_path / "a.rec") as writer:
        for number, payload in enumerate(payloads):
            writer.write(number // 7, payload)
    if not with_index:
        (tmp_path / "a.idx").unlink()
    reader = RecordReader(tmp_path / "a.rec")
    assert [reader.read(key).payload for key in reader.keys.tolist()] == payloads
    assert reader.labels().tolist() == [number // 7 for number in range(60)]


def test_labels_out_of_order_are_errors_and_leave_no_files(tmp_path):
    for labels, message in (
        ([1], "label 1 after -1: write images sorted by identity, from 0 on"),
        ([0, 2], "label 2 after 0"),
        ([0, 1, 0], "label 0 after 1"),
        ([-1], "label -1 after -1"),
        ([0.5], r"label 0\.5"),
    ):
        with pytest.raises(ValueError, match=rf"a\.rec: {message}"):
            write_all(tmp_path / "a.rec", [(label, b"x") for label in labels])
    assert list(tmp_path.iterdir()) == []


def test_empty_image_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"a\.rec: image 2 has zero bytes"):
        write_all(tmp_path / "a.rec", [(0, b"x"), (0, b"")])


def test_an_interrupted_writer_keeps_the_older_set(tmp_path):
    path = tmp_path / "a.rec"
    write_all(path, [(0, b"older")])
    with pytest.raises(KeyboardInterrupt):
        write_all(path, [(0, b"newer")], KeyboardInterrupt())
    assert RecordReader(path).read(1).payload == b"older"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.idx", "a.rec"]


def test_writer_needs_a_with_statement(tmp_path):
    with pytest.raises(RuntimeError, match="`with` statement"):
        RecordWriter(tmp_path / "a.rec").write(0, b"x")


def test_written_files_have_the_usual_permissions(tmp_path):
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(0, b"x")
    usual = tmp_path / "usual"
    usual.touch()
    assert (tmp_path / "a.rec").stat().st_mode == usual.stat().st_mode == (tmp_path / "a.idx").stat().st_mode


def test_write_record_set_encodes_arrays(tmp_path):
    path = tmp_path / "deep" / "train.rec"
    assert write_record_set(zip([0, 0, 1, 1, 2], PIXELS, strict=True), path, encoding="png") == 5
    reader = RecordReader(path)
    for key, pixels in zip(reader.keys.tolist(), PIXELS, strict=True):
        np.testing.assert_array_equal(decode_image(reader.read(key).payload, "x"), pixels)


def test_write_record_set_encodes_jpeg_with_the_quality(tmp_path):
    sizes = []
    for quality in (50, 95):
        write_record_set([(0, PIXELS[0])], tmp_path / "a.rec", quality=quality)
        payload = RecordReader(tmp_path / "a.rec").read(1).payload
        expected = cv2.imencode(".jpg", PIXELS[0][..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        assert payload == expected
        sizes.append(len(payload))
    assert sizes[0] < sizes[1]


def test_write_record_set_stores_bytes_as_they_are(tmp_path):
    write_record_set([(0, b"some bytes"), (1, b"others")], tmp_path / "a.rec")
    assert RecordReader(tmp_path / "a.rec").read(2).payload == b"others"


def test_write_record_set_refuses_what_is_no_image(tmp_path):
    with pytest.raises(ValueError, match=r"uint8 \(H, W, 3\), got float64 \(8, 8, 3\)"):
        write_record_set([(0, PIXELS[0].astype(float))], tmp_path / "a.rec")
    with pytest.raises(ValueError, match=r"got uint8 \(8, 8\)"):
        write_record_set([(0, PIXELS[0, :, :, 0])], tmp_path / "a.rec")
    with pytest.raises(ValueError, match="encoding 'gif', expected 'jpeg' or 'png'"):
        write_record_set([], tmp_path / "a.rec", encoding="gif")


def test_a_set_without_images_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"a\.rec: no images"):
        write_all(tmp_path / "a.rec", [])
    assert list(tmp_path.iterdir()) == []
