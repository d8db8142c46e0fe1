import pytest

from facequal.data.errors import DatasetError
from facequal.data.sources.datasets import FolderDataset
from facequal.data.sources.folders import scan_identity_folders
from tests.data.pictures import write_tree


@pytest.fixture
def folder(tmp_path):
    return write_tree(tmp_path / "people", ["b/2.png", "b/10.PNG", "a/x.png", "Zoë/1.png", "b/1.png"])


def test_all_images_and_all_problems_at_once(folder):
    write_tree(folder, ["b/notes.txt", "face.png"])
    (folder / "nobody").mkdir()
    folders = scan_identity_folders(folder)
    assert folders.identities == ["Zoë", "a", "b", "b", "b"]
    assert folders.paths == ["Zoë/1.png", "a/x.png", "b/1.png", "b/10.PNG", "b/2.png"]
    assert [problem.where.removeprefix(f"{folder}/") for problem in folders.problems] == [
        "b/notes.txt",
        "face.png",
        "nobody",
    ]


def test_folder_ignores_hidden_files_litter_and_notes_in_the_root(folder):
    for name in (".hidden/x.png", "b/.x.png", "b/Thumbs.db", "LICENCE", "list.txt", "a/desktop.ini"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    assert len(FolderDataset(folder)) == 5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("b/notes.txt", r"b/notes\.txt: not an image \(\.jpg, "),
        ("face.png", r"face\.png: an image outside of an identity folder"),
        ("b/deeper/x.png", "b/deeper: a folder within an identity folder"),
    ],
)
def test_folder_with_what_would_be_skipped_is_an_error(folder, name, message):
    write_tree(folder, [name])
    with pytest.raises(DatasetError, match=message):
        FolderDataset(folder)


def test_empty_identity_folder_is_an_error(folder):
    (folder / "nobody").mkdir()
    with pytest.raises(DatasetError, match=r"people/nobody: an identity folder without images$"):
        FolderDataset(folder)
    (folder / "nobody either").mkdir()
    with pytest.raises(DatasetError, match=r"without images \(and 1 more; `facequal check-data` lists them\)"):
        FolderDataset(folder)


def test_broken_links_are_errors(folder):
    (folder / "b" / "gone.png").symlink_to(folder / "nowhere.png")
    with pytest.raises(DatasetError, match=r"gone\.png: neither a file nor a folder"):
        FolderDataset(folder)


def test_links_to_folders_are_identities(folder, tmp_path):
    (folder / "linked").symlink_to(write_tree(tmp_path / "elsewhere", ["1.png"]))
    assert FolderDataset(folder).num_classes == 4


def test_missing_or_empty_root_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="none: no such folder, expected <root>/<identity>/<image>"):
        FolderDataset(tmp_path / "none")
    with pytest.raises(DatasetError, match="no identity folders"):
        FolderDataset(tmp_path)
