import numpy as np

from facequal.procedural import FAMILY_SIZE, render_identity
from facequal.procedural.contact_sheet import contact_sheet


def test_contact_sheet_has_families_as_rows() -> None:
    sheet = contact_sheet(num_families=2, size_px=20, first_family=1, images=2)
    assert sheet.dtype == np.uint8
    assert sheet.shape == (40, 240, 3)
    second = (FAMILY_SIZE * 2 + 1, 2, 20)  # second row, second person
    expected = render_identity(*second)[1].permute(1, 2, 0).numpy()
    assert np.array_equal(sheet[20:40, 60:80], expected)
