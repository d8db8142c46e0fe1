import csv

import pytest

from facequal.data.errors import DatasetError
from facequal.data.sources.lists import convert_celeba, convert_vggface2, read_list, write_list


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def rows_of(path):
    with path.open(newline="") as file:
        return [tuple(row) for row in csv.reader(file)]


def problems(path, split=None):
    return [(problem.severity, problem.what) for problem in read_list(path, split).problems]


def test_read_list(tmp_path):
    path = write(tmp_path / "a.csv", '\ufeffpath,identity,split\n"a, b.jpg",x,train\n\nc.jpg, y ,val\n')
    rows = read_list(path)
    assert rows.problems == []
    assert rows.paths == ["a, b.jpg", "c.jpg"]
    assert rows.identities == ["x", "y"]
    assert rows.lines == [2, 4]
    assert read_list(path, "val").paths == ["c.jpg"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "line 1: no column path, identity among None, expected path, identity, split"),
        ("file,id\n", "line 1: no column path, identity among ['file', 'id'], expected path, identity, split"),
        ("path,identity\n", "no images"),
        ("path,identity\na.jpg\n", "line 2: expected 2 columns"),
        ("path,identity\na.jpg,x,y\n", "line 2: expected 2 columns"),
        ("path,identity\na.jpg,\n", "line 2: no identity"),
        ("path,identity\n ,x\n", "line 2: no path"),
        ("path,identity\na.jpg,x\na.jpg,y\n", "line 3: a.jpg is in line 2 already"),
    ],
)
def test_problems_of_a_list(tmp_path, text, what):
    assert problems(write(tmp_path / "a.csv", text)) == [("error", what)]


def test_all_problems_of_a_list_are_found(tmp_path):
    path = write(tmp_path / "a.csv", "path,identity\na.jpg\nb.jpg,x\n,x\n")
    assert problems(path) == [("error", "line 2: expected 2 columns"), ("error", "line 4: no path")]


def test_missing_split_and_missing_file(tmp_path):
    path = write(tmp_path / "a.csv", "path,identity,split\na.jpg,x,train\nb.jpg,x,val\n")
    assert problems(path, "test") == [("error", "no images of the split 'test', the list has ['train', 'val']")]
    assert problems(tmp_path / "none.csv") == [("error", "No such file or directory")]
    without = write(tmp_path / "b.csv", "path,identity\na.jpg,x\n")
    assert problems(without, "train")[0][1].startswith("line 1: no column split")


def test_binary_file_is_a_problem(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xff\xfe\x00path")
    assert "decode" in problems(path)[0][1]


def test_write_list_reads_back(tmp_path):
    assert write_list([("a, b.jpg", "x", "train"), ('q"q.jpg', "y", "val")], tmp_path / "a.csv") == 2
    assert read_list(tmp_path / "a.csv").paths == ["a, b.jpg", 'q"q.jpg']


IDENTITIES = "000001.jpg 2880\n000002.jpg 2937\n000003.jpg 2880\n\n"
PARTITION = "000001.jpg 0\n000003.jpg 2\n000002.jpg 1\n\n\n"


def test_celeba(tmp_path):
    identity, partition = write(tmp_path / "i.txt", IDENTITIES), write(tmp_path / "p.txt", PARTITION)
    assert convert_celeba(identity, partition, tmp_path / "celeba.csv") == 3
    assert rows_of(tmp_path / "celeba.csv") == [
        ("path", "identity", "split"),
        ("000001.jpg", "2880", "train"),
        ("000002.jpg", "2937", "val"),
        ("000003.jpg", "2880", "test"),
    ]
    convert_celeba(identity, partition, tmp_path / "celeba.csv", extension=".png")
    assert rows_of(tmp_path / "celeba.csv")[1][0] == "000001.png"


@pytest.mark.parametrize(
    ("identities", "partition", "message"),
    [
        (IDENTITIES, "000001.jpg 3\n", r"p\.txt: line 1: partition '3', expected one of 0, 1, 2"),
        (IDENTITIES, "000001.jpg\n", r"p\.txt: line 1: expected 2 fields, got '000001.jpg'"),
        (IDENTITIES, "000001.jpg 0\n000001.jpg 0\n", r"p\.txt: line 2: 000001\.jpg is there twice"),
        (IDENTITIES, "000001.jpg 0\n", r"i\.txt: line 2: 000002\.jpg is not in .*p\.txt"),
        ("000001.jpg 1\n000001.jpg 1\n", "000001.jpg 0\n", r"i\.txt: line 2: 000001\.jpg is not in .*or is here twice"),
        ("000001.jpg 1\n\n", PARTITION, r"p\.txt: line 2: 000003\.jpg is not in .*i\.txt"),
        ("000001.jpg 1 2\n", PARTITION, r"i\.txt: line 1: expected 2 fields"),
    ],
)
def test_malformed_celeba(tmp_path, identities, partition, message):
    with pytest.raises(DatasetError, match=message):
        convert_celeba(
            write(tmp_path / "i.txt", identities), write(tmp_path / "p.txt", partition), tmp_path / "celeba.csv"
        )
    assert not (tmp_path / "celeba.csv").exists()


def test_vggface2(tmp_path):
    train = write(tmp_path / "train_list.txt", "n000002/0001_01.jpg\nn000002/0002_01.jpg\n\n")
    test = write(tmp_path / "test_list.txt", "n000001/0001_01.jpg\n")
    meta = write(
        tmp_path / "identity_meta.csv",
        'Class_ID, Name, Sample_Num, Flag, Gender\nn000001, "14th_Dalai_Lama", 424, 0, m\nn000002, "A_B", 315, 1, m\n',
    )
    assert convert_vggface2(tmp_path / "vgg.csv", train, test, meta) == 3
    assert rows_of(tmp_path / "vgg.csv") == [
        ("path", "identity", "split"),
        ("n000002/0001_01.jpg", "n000002", "train"),
        ("n000002/0002_01.jpg", "n000002", "train"),
        ("n000001/0001_01.jpg", "n000001", "test"),
    ]
    assert convert_vggface2(tmp_path / "vgg.csv", train) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n000002/0001_01.jpg\n0002.jpg\n", r"l\.txt: line 2: expected <identity>/<image>, got '0002\.jpg'"),
        ("a/b/c.jpg\n", "line 1: expected <identity>/<image>"),
        ("n000002/1.jpg n000002/2.jpg\n", "line 1: expected 1 fields"),
        ("n000002/1.jpg\nn000002/1.jpg\n", r"line 2: n000002/1\.jpg is there twice"),
        ("n000002/1.jpg\nn000009/1.jpg\n", r"line 2: identity n000009 is not in .*meta\.csv"),
    ],
)
def test_malformed_vggface2(tmp_path, text, message):
    meta = write(tmp_path / "meta.csv", "Class_ID, Name\nn000002, x\n")
    with pytest.raises(DatasetError, match=message):
        convert_vggface2(tmp_path / "vgg.csv", write(tmp_path / "l.txt", text), identity_meta=meta)


def test_missing_list(tmp_path):
    with pytest.raises(DatasetError, match=r"none\.txt: No such file"):
        convert_vggface2(tmp_path / "vgg.csv", tmp_path / "none.txt")
