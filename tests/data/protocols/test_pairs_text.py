import pytest

from facequal.data.errors import PairsError
from facequal.data.protocols.pairs import read_pairs_txt
from facequal.data.protocols.pairs_text import find_pair_files, parse_pairs_txt
from tests.data.pictures import png, write_tree


@pytest.fixture
def people(tmp_path):
    return write_tree(
        tmp_path / "people",
        [
            "Ann/Ann_0001.png",
            "Ann/Ann_0002.jpg",
            "Bo/Bo_0001.PNG",
            "Bo/Bo_0012.jpeg",
            "Cy Z/Cy Z_0001.png",
            "Cy Z/x.txt",
        ],
    )


def write_list(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_lines_and_files(tmp_path, people):
    path = write_list(tmp_path / "pairs.txt", "1 1\nAnn 1 2\nAnn 2 Bo 12\n")
    lines = parse_pairs_txt(path)
    assert lines.pairs == [(("Ann", 1), ("Ann", 2), 2), (("Ann", 2), ("Bo", 12), 3)]
    assert (lines.folds, lines.problems) == (1, [])
    files = find_pair_files(lines, path, people)
    assert files.paths == ["Ann/Ann_0001.png", "Ann/Ann_0002.jpg", "Bo/Bo_0012.jpeg"]
    assert (files.lines, files.pairs, files.problems) == ([2, 2, 3], [(0, 1), (1, 2)], [])


@pytest.mark.parametrize(
    ("header", "folds"),
    [("2 1\n", 2), ("1 2\n", 1), ("2\n", 4), ("", 4), ("\n\n2\t1  \n", 2), ("\ufeff2 1\n", 2)],
)
def test_headers(tmp_path, people, header, folds):
    lines = "Ann 1 2\nAnn  1   Bo 1\n\nBo 1 12\r\nBo 12 Ann 1\n\n"
    verification = read_pairs_txt(write_list(tmp_path / "pairs.txt", header + lines), people)
    assert verification.folds == folds
    assert verification.is_same.tolist() == [True, False, True, False]
    assert read_pairs_txt(tmp_path / "pairs.txt", people, folds=3).folds == (folds if folds < 3 else 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no pairs"),
        ("2 1\n", "no pairs"),
        ("2 1\nAnn 1 2\nAnn 1 Bo 1\n", "line 1: the header promises 2 x 2 x 1 pairs, the file has 2"),
        ("1\nAnn 1 2\n", "line 1: the header promises 1 x 2 x 1 pairs, the file has 1"),
        (
            "2 1\nAnn 1 2\nBo 1 12\nAnn 1 Bo 1\nAnn 2 Bo 1\n",
            "lines 2 to 3: of these 2 pairs 2 are of the same person, the header says 1",
        ),
        ("Ann 1 2\nAnn 1\n", r"line 2: expected `name i j` or `name1 i name2 j`.*got 'Ann 1'"),
        ("Cy Z 1 Ann 1\n", "line 1: expected `name i j`"),
        ("Ann one 2\n", "line 1: image numbers are whole and count from 1, got 'one' and '2'"),
        ("Ann 0 2\n", "line 1: image numbers are whole and count from 1, got '0'"),
        ("Ann -1 2\n", "line 1: image numbers"),
        ("Ann 1 ²\n", "line 1: image numbers"),
        ("Ann 2 2\n", "line 1: image 2 of 'Ann' is paired with itself"),
        ("Ann 1 Ann 2\n", "line 1: two different people are both called 'Ann'"),
        ("../Ann 1 2\n", "line 1: a name that is empty or a path"),
        ("\t1\t2\n", "line 1: a name that is empty or a path"),
        ("Ann 1 2\n\nAnn 1 3\n", r"line 3: no image Ann_0003 in .*people/Ann, which has 2"),
        ("Ann 1 Dee 1\n", r"line 1: no folder .*people/Dee"),
        ("Ann 1 2\nAnn 1 3\nDee 1 2\n", r"line 2: .* \(and 1 more; `facequal check-data` lists them\)"),
    ],
)
def test_wrong_lines_are_errors_with_their_number(tmp_path, people, text, message):
    path = write_list(tmp_path / "pairs.txt", text)
    with pytest.raises(PairsError, match=rf"pairs\.txt: {message}"):
        read_pairs_txt(path, people)


def test_an_image_there_in_two_formats_is_an_error(tmp_path, people):
    (people / "Ann" / "Ann_0001.jpg").write_bytes(png(0))
    path = write_list(tmp_path / "pairs.txt", "Ann 1 2\n")
    with pytest.raises(PairsError, match=r"line 1: Ann_0001 is there as Ann_0001\.jpg and Ann_0001\.png"):
        read_pairs_txt(path, people)
    assert len(read_pairs_txt(write_list(path, "Bo 1 12\n"), people).images) == 2
