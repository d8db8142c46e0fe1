import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from facequal.procedural.cache import default_cache_dir, open_or_write

SHAPE = (6, 2, 3)
VALUES = np.arange(36, dtype=np.uint8).reshape(SHAPE)


class Maker:
    """Yields the array in two parts and counts how often it was asked to."""

    def __init__(self, values: np.ndarray = VALUES) -> None:
        self.values, self.calls = values, 0

    def __call__(self) -> Generator[np.ndarray, None, None]:
        self.calls += 1
        yield self.values[:4]
        yield self.values[4:]


def test_made_once_and_mapped(tmp_path: Path) -> None:
    make, path = Maker(), tmp_path / "folder" / "faces.npy"
    for _ in range(2):
        array = open_or_write(path, SHAPE, make)
        assert isinstance(array, np.memmap)
        assert not array.flags.writeable
        assert array.dtype == np.uint8
        assert (array == VALUES).all()
    assert make.calls == 1


def test_other_people_may_read_the_file(tmp_path: Path) -> None:
    path, plain = tmp_path / "faces.npy", tmp_path / "plain"
    plain.touch()
    open_or_write(path, SHAPE, Maker())
    assert path.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("kept", [0, 4, 60, -1])
def test_truncated_file_is_made_anew(tmp_path: Path, kept: int) -> None:
    make, path = Maker(), tmp_path / "faces.npy"
    open_or_write(path, SHAPE, make)
    path.write_bytes(path.read_bytes()[:kept])
    assert (open_or_write(path, SHAPE, make) == VALUES).all()
    assert make.calls == 2


@pytest.mark.parametrize("damage", ["longer", "foreign", "other type", "other shape"])
def test_foreign_file_is_made_anew(tmp_path: Path, damage: str) -> None:
    make, path = Maker(), tmp_path / "faces.npy"
    open_or_write(path, SHAPE, make)
    if damage == "longer":
        path.write_bytes(path.read_bytes() + b"x")
    elif damage == "foreign":
        path.write_bytes(b"not an array at all" * 20)
    else:
        np.save(path, VALUES.astype(np.int8) if damage == "other type" else VALUES[:5])
    assert (open_or_write(path, SHAPE, make) == VALUES).all()
    assert make.calls == 2


def test_failure_leaves_no_file(tmp_path: Path) -> None:
    def fail() -> Generator[np.ndarray, None, None]:
        yield VALUES[:4]
        raise RuntimeError("drawing failed")

    with pytest.raises(RuntimeError, match="drawing failed"):
        open_or_write(tmp_path / "faces.npy", SHAPE, fail)
    assert [entry.suffix for entry in tmp_path.iterdir()] == [".lock"]
    assert (open_or_write(tmp_path / "faces.npy", SHAPE, Maker()) == VALUES).all()


def test_wrong_number_of_bytes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"faces.npy: the parts hold 30 bytes, shape \(6, 2, 3\) needs 36"):
        open_or_write(tmp_path / "faces.npy", SHAPE, Maker(VALUES[:5]))
    assert not (tmp_path / "faces.npy").exists()


def test_full_disk_ends_the_making_and_leaves_no_file(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    ended = []

    def endless() -> Generator[np.ndarray, None, None]:
        try:
            while True:
                yield np.zeros(4096, np.uint8)
        finally:
            ended.append(True)

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            open_or_write(tmp_path / "faces.npy", (200, 4096), endless)
        assert ended == [True]  # although the traceback still holds the generator
        assert caught.tb is not None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [entry.suffix for entry in tmp_path.iterdir()] == [".lock"]


def test_leftovers_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    leftover, foreign = tmp_path / "faces.0123.tmp", tmp_path / "others.0123.tmp"
    leftover.touch()
    foreign.touch()
    open_or_write(tmp_path / "faces.npy", SHAPE, Maker())
    assert not leftover.exists()
    assert foreign.exists()


def test_of_two_threads_one_makes_it(tmp_path: Path) -> None:
    """The lock belongs to the open file, so threads exclude each other as processes do."""
    started, make, results = threading.Event(), Maker(), []

    def slow() -> Generator[np.ndarray, None, None]:
        started.set()
        time.sleep(0.2)
        yield from make()

    def run() -> None:
        results.append(open_or_write(tmp_path / "faces.npy", SHAPE, slow))

    threads = [threading.Thread(target=run) for _ in range(2)]
    threads[0].start()
    assert started.wait(10)
    threads[1].start()
    for thread in threads:
        thread.join()
    assert make.calls == 1
    assert all((result == VALUES).all() for result in results)


SCRIPT = """
import sys, time
from pathlib import Path
import numpy as np
from facequal.procedural.cache import open_or_write
folder = Path(sys.argv[1])
def make():
    with (folder / "calls").open("a") as file:
        file.write("x")
    time.sleep(0.5)
    yield np.full((1000, 1000), 7, np.uint8)
(folder / f"ready{sys.argv[2]}").touch()
while len(list(folder.glob("ready*"))) < 2:
    time.sleep(0.005)
array = open_or_write(folder / "faces.npy", (1000, 1000), make)
print(int(array.sum()))
"""


def test_of_two_processes_one_makes_it(tmp_path: Path) -> None:
    """The module is loaded without its package, whose imports would take seconds."""
    cache = Path(sys.modules["facequal.procedural.cache"].__file__ or "")
    script = SCRIPT.replace("from facequal.procedural.cache", f"sys.path.insert(0, {str(cache.parent)!r})\nfrom cache")
    command = [sys.executable, "-c", script, str(tmp_path)]
    both = [subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE, text=True) for number in range(2)]
    outputs = [process.communicate(timeout=60)[0].strip() for process in both]
    assert outputs == ["7000000", "7000000"]
    assert (tmp_path / "calls").read_text() == "x"


def test_default_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / "facequal"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_cache_dir() == tmp_path / "home" / ".cache" / "facequal"
