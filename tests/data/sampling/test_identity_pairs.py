import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facequal.data.sampling.identity_pairs import IdentityPairs
from tests.sources import ArraySource, people


def test_groups_of_a_data_set(tmp_path: Path) -> None:
    source = people(4, 2)
    path = tmp_path / "groups.npy"
    np.save(path, np.array([3, 3, 3, 3, 1, 1, 1, 1], dtype=np.int16))
    from_file = IdentityPairs(2, str(path)).groups_of(source)
    assert from_file is not None
    assert (from_file.dtype, from_file.tolist()) == (np.int64, [3, 3, 3, 3, 1, 1, 1, 1])
    assert IdentityPairs().groups_of(source) is None
    unknown = ArraySource([0, 0, 1, 1])
    unknown.labels, unknown.families = np.array([0, 0, -1, -1]), np.array([1, 1, 2, 3])  # type: ignore[attr-defined]
    assert IdentityPairs(1).groups_of(unknown).tolist() == [1, 1, 2, 3]  # type: ignore[union-attr]
    source.families = source.labels // 2  # type: ignore[attr-defined]
    assert IdentityPairs(2).groups_of(source).tolist() == [0, 0, 0, 0, 1, 1, 1, 1]  # type: ignore[union-attr]
    assert IdentityPairs(2, str(path)).groups_of(source).tolist() == from_file.tolist()  # type: ignore[union-attr]


def test_errors_of_groups(tmp_path: Path) -> None:
    source, path = people(4, 2), tmp_path / "groups.npy"

    def read(**arrays: Any) -> None:
        np.save(path, **arrays)
        IdentityPairs(2, str(path)).groups_of(source)

    named = re.escape(str(path))
    with pytest.raises(ValueError, match=f"{named}: groups of shape \\(7,\\), the data set has 8 images"):
        read(arr=np.zeros(7, dtype=np.int64))
    with pytest.raises(ValueError, match=f"{named}: holds float64, group numbers must be integers"):
        read(arr=np.zeros(8))
    with pytest.raises(ValueError, match=f"{named}: holds bool, group numbers must be integers"):
        read(arr=np.zeros(8, dtype=bool))
    with pytest.raises(ValueError, match=f"{named}: person2 is in two groups, 5 and 1 \\(image 4, image 4\\)"):
        read(arr=np.array([0, 0, 0, 0, 5, 1, 1, 1]))
    path.write_text("0 0 1 1")
    with pytest.raises(ValueError, match=f"{named}: is no .npy file of group numbers"):
        IdentityPairs(2, str(path)).groups_of(source)
    with path.open("wb") as file:
        np.savez(file, groups=np.zeros(8, dtype=np.int64))
    with pytest.raises(ValueError, match=f"{named}: holds several arrays"):
        IdentityPairs(2, str(path)).groups_of(source)
    with pytest.raises(FileNotFoundError, match=r"absent\.npy"):
        IdentityPairs(2, str(tmp_path / "absent.npy")).groups_of(source)
    with pytest.raises(ValueError, match="ArraySource does not know which people resemble each other"):
        IdentityPairs(2).groups_of(source)
    with pytest.raises(ValueError, match=r"identity_pairs\.groups is g\.npy, but identities_per_group is not set"):
        IdentityPairs(groups="g.npy")
    source.families = np.zeros(3, dtype=np.int64)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"families of ArraySource: groups of shape \(3,\)"):
        IdentityPairs(2).groups_of(source)
