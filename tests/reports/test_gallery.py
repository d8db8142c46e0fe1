import cv2
import pytest
import torch

from facequal.degradations import Keys
from facequal.reports.gallery import gallery_rows, write_gallery
from tests.degradations.pictures import pictures


def test_strength_grows_along_each_row():
    images = pictures(3, 64, 64)
    rows = gallery_rows(Keys(torch.arange(3)))
    assert [name for name, _ in rows] == ["motion blur", "Gaussian blur", "noise", "low light", "all three"]
    for name, cells in rows:
        errors = [
            float((degradation.apply_drawn(images, params) - images).square().mean())
            for _, degradation, params in cells
        ]
        assert errors == sorted(errors) or name == "Gaussian blur", name
        if name in ("noise", "low light", "all three"):
            for key in ("response_id", "mosaic_id"):
                assert torch.equal(cells[0][2][key], cells[2][2][key])


def test_the_picture_shows_all_images(tmp_path):
    path = write_gallery(tmp_path / "new" / "gallery.png", pictures(2, 40, 30))
    height, width = cv2.imread(str(path)).shape[:2]
    assert width > 800
    assert height > 500
    with pytest.raises(ValueError, match="smaller than kernels"):
        write_gallery(tmp_path / "small.png", pictures(1, 20, 20))
