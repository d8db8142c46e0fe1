import cv2
import numpy as np
import pytest

from facequal.data.checking.check import check_data
from facequal.data.errors import Problem
from facequal.data.sources.recordio import write_record_set
from tests.data.protocols.binfiles import write_bin
from tests.data.sources.recordio.recordfiles import frame, record, write_frames, write_set

GENERATOR = np.random.default_rng(0)


def image(size=(112, 112), grey=False) -> bytes:
    """A PNG of random pixels, another one at each call."""
    pixels = GENERATOR.integers(0, 256, (*size, 1 if grey else 3), dtype=np.uint8)
    return cv2.imencode(".png", np.repeat(pixels, 3, axis=2) if grey else pixels)[1].tobytes()


def problems_of(*arguments, **options) -> list[tuple[str, str]]:
    """Severity and `where: what` of all problems."""
    return [(problem.severity, f"{problem.where}: {problem.what}") for problem in check_data(*arguments, **options)]


def write(path, data: bytes):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "people"
    for name in ("a/1.png", "a/2.png", "b/1.png", "b/2.png"):
        write(root / name, image())
    return root


def test_a_sound_folder_has_no_problems(folder):
    assert check_data(folder) == []


def test_all_problems_of_a_folder_at_once(folder):
    write(folder / "a" / "3.png", (folder / "a" / "1.png").read_bytes())
    write(folder / "b" / "3.png", (folder / "a" / "1.png").read_bytes())
    write(folder / "b" / "4.png", image()[:500])
    write(folder / "b" / "5.jpg", b"")
    write(folder / "c" / "1.png", image((90, 80)))
    write(folder / "d" / "1.png", image((64, 64), grey=True))
    write(folder / "d" / "notes.txt", b"x")
    (folder / "e").mkdir()
    problems = problems_of(folder)
    assert problems == [
        ("error", problems[0][1]),
        ("error", f"{folder}/e: an identity folder without images"),
        ("error", f"{folder}/b/4.png: truncated PNG, 500 bytes without an end chunk"),
        ("error", f"{folder}/b/5.jpg: zero bytes, expected an encoded image"),
        ("warning", f"{folder}/a/3.png: the same file, of the same identity: {folder}/a/1.png"),
        ("warning", f"{folder}/b/3.png: the same file, of another identity: {folder}/a/1.png"),
        (
            "note",
            f"{folder}: 2 images are not 112x112 (height x width: 1 of 90x80, 1 of 64x64) and will be resized",
        ),
        ("note", f"{folder}: 1 of 10 images are grey"),
        ("note", f"{folder}: 2 of 4 identities have a single image: c, d"),
    ]
    assert problems[0][1].startswith(f"{folder}/d/notes.txt: not an image")


def test_progress_is_reported(folder):
    calls = []
    check_data(folder, on_progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_problem_reads_as_a_sentence():
    assert str(Problem("error", "a/b.png", "zero bytes")) == "error: a/b.png: zero bytes"


def test_list(folder):
    path = folder / "list.csv"
    path.write_text("path,identity,split\na/1.png,a,train\na/2.png,,train\na/9.png,a,train\nb/1.png,b,val\n")
    assert problems_of(path) == [
        ("error", f"{path}: line 3: no identity"),
        ("error", f"{folder}/a/9.png ({path}: line 4): No such file or directory"),
        ("note", f"{path}: 1 of 2 identities have a single image: b"),
    ]
    assert problems_of(path, split="val", root=folder)[1:] == [
        ("note", f"{path}: 1 of 1 identities have a single image: b"),
    ]
    assert ("error", f"{path}: line 3: no identity") in problems_of(path, split="test")


def test_sound_record_set(folder, tmp_path):
    images = [(label, image()) for label in (0, 0, 1, 1)]
    write_record_set(images, tmp_path / "set" / "train.rec")
    assert check_data(tmp_path / "set") == []
    assert check_data(tmp_path / "set" / "train.rec") == []


def test_all_problems_of_a_record_set_at_once(tmp_path):
    payloads = [image() for _ in range(6)]
    payloads[2] = payloads[2][:400]
    payloads[5] = payloads[0]
    path = write_set(tmp_path / "train.rec", [0.0, 0.0, 1.0, 1.0, 2.5, 3.0], payloads, stated=5.0)
    offsets = [int(line.split()[1]) for line in path.with_suffix(".idx").read_text().splitlines()]
    content = bytearray(path.read_bytes())
    content[offsets[4]] ^= 0xFF
    path.write_bytes(bytes(content))

    def where(key):
        return f"{path}: record key {key} at offset {offsets[key]}"

    assert problems_of(path) == [
        ("error", f"{where(5)}: label 2.5, expected a whole number"),
        ("error", f"{where(3)}: truncated PNG, 400 bytes without an end chunk"),
        ("error", f"{where(4)}: wrong magic number 0xced723f5, expected 0xced7230a"),
        ("warning", f"{path}: the header states 4 images, the index holds 6"),
        ("warning", f"{where(6)}: the same file, of another identity: {where(1)}"),
        ("note", f"{path}: 2 of 3 identities have a single image: 1, 3"),
    ]


def test_identity_records_that_disagree_with_the_labels(tmp_path):
    ranges = [[1.0, 3.0], [3.0, 4.0]]
    frames = [frame(record([4.0, 6.0]))]
    frames += [frame(record(label, image())) for label in (0.0, 1.0, 1.0)]
    frames += [frame(record(keys)) for keys in ranges]
    path = write_frames(tmp_path / "train.rec", frames)
    warnings = [what for severity, what in problems_of(path) if severity == "warning"]
    assert warnings == [f"{path}: identity record 0 names the keys [1, 3], its images have [1, 2]"]


def test_identity_records_of_another_number(tmp_path):
    path = write_set(tmp_path / "train.rec", [0.0, 0.0, 1.0, 1.0, 0.0], [image() for _ in range(5)])
    warnings = [what for severity, what in problems_of(path) if severity == "warning"]
    assert warnings == [f"{path}: 2 identity records for 3 runs of equal labels"]


def test_unreadable_record_sets(tmp_path):
    path = write(tmp_path / "train.rec", b"nonsense")
    assert problems_of(path) == [
        ("error", f"{path}: record key 0 at offset 0: wrong magic number 0x736e6f6e, expected 0xced7230a")
    ]
    path.with_suffix(".idx").write_text("0\t0\nx\n")
    assert problems_of(path) == [
        ("error", f"{tmp_path}/train.idx: line 2: expected a key and an offset, got 'x'"),
    ]


def test_pairs(tmp_path):
    for name in ("Ann/Ann_0001.png", "Ann/Ann_0002.png", "Bo/Bo_0001.png"):
        write(tmp_path / name, image())
    write(tmp_path / "Bo" / "Bo_0002.png", b"")
    path = tmp_path / "pairs.txt"
    path.write_text("Ann 1 2\nAnn 1\nAnn 1 Bo 3\nAnn 1 Bo 2\nCy 1 2\n")
    problems = problems_of(path)
    assert problems == [
        ("error", problems[0][1]),
        ("error", f"{path}: line 3: no image Bo_0003 in {tmp_path}/Bo, which has 2"),
        ("error", f"{path}: line 5: no folder {tmp_path}/Cy"),
        ("error", f"{tmp_path}/Bo/Bo_0002.png ({path}: line 4): zero bytes, expected an encoded image"),
    ]
    assert problems[0][1].startswith(f"{path}: line 2: expected")
    elsewhere = write(tmp_path / "elsewhere" / "pairs.txt", b"Ann 1 2\n")
    assert problems_of(elsewhere) == [("error", f"{elsewhere}: line 1: no folder {tmp_path}/elsewhere/Ann")]
    assert problems_of(elsewhere, root=tmp_path) == []


def test_bin(tmp_path):
    first, second = image(), image((20, 30))
    path = tmp_path / "x.bin"
    write_bin(path, [first, second, first, first, second, b"nonsense"], [True, False, True])
    assert problems_of(path) == [
        ("error", f"{path}: image 5: not an image of a known format, it begins with b'nonsense'"),
        ("warning", f"{path}: pair 1: a pair of different people is twice the same image"),
        ("note", f"{path}: 1 images are not 112x112 (height x width: 1 of 20x30) and will be resized"),
    ]
    path.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    ((severity, what),) = problems_of(path)
    assert severity == "error"
    assert what.startswith(f"{path}: not a pickle of")
    assert what.endswith("it asks for os.system")


def test_missing_and_unknown(tmp_path):
    assert problems_of(tmp_path / "none.csv") == [("error", f"{tmp_path}/none.csv: no such file or folder")]
    with pytest.raises(ValueError, match="cannot tell the kind of data, give one of folder, list, record, pairs, bin"):
        check_data(write(tmp_path / "x.zip", b""))
    with pytest.raises(ValueError, match="kind 'zip', expected one of folder"):
        check_data(tmp_path, kind="zip")


def test_kind_can_be_given(tmp_path):
    write(tmp_path / "pairs", b"Ann 1\n")
    assert "line 1: expected" in problems_of(tmp_path / "pairs", kind="pairs")[0][1]
    assert problems_of(tmp_path, kind="record") == [("error", f"{tmp_path}/train.rec: no such file")]
