from __future__ import annotations

import numpy as np
import pytest

from mtlbench.data.errors import BadSample
from mtlbench.data.files import read_array, read_shape


@pytest.mark.parametrize("read", [read_array, read_shape])
def test_garbled_headers_are_refused_with_the_file_and_the_fix(tmp_path, read):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(12.0).reshape(3, 4))
    content, rng, refused = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(200):
        garbled = bytearray(content)
        for place in rng.integers(90, size=3):
            garbled[place] = rng.integers(256)
        path.write_bytes(bytes(garbled))
        try:
            read(path, "fetch it again")
        except BadSample as error:
            refused += 1
            assert str(error).startswith(f"{path} cannot be read") and str(error).endswith(
                "; fetch it again."
            )
    assert refused > 150


def test_the_shape_is_read_from_the_header(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 4, 1)))
    assert read_shape(tmp_path / "a.npy", "x") == (3, 4, 1)
    with pytest.raises(BadSample, match=r"b.npy is missing; fetch it\."):
        read_shape(tmp_path / "b.npy", "fetch it")
