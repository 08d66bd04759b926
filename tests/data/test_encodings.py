from __future__ import annotations

import numpy as np
import pytest

from mtlbench.data.encodings import decode, encode

RNG = np.random.default_rng(0)
LEVELS = RNG.integers(0, 2**16, (40, 50), dtype=np.uint16)
ARRAYS = {
    "uint8/255": (LEVELS % 256).astype(np.uint8) / np.float32(255),
    "float16": RNG.normal(size=(40, 50)).astype(np.float16).astype(np.float32),
    "uint16/1000": (LEVELS / 1000).astype(np.float32),
    "uint16/512": LEVELS / np.float32(512),
    "uint16/256": LEVELS / np.float32(256),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_values_on_a_grid_take_fewer_bytes(name):
    encoding, stored = encode(ARRAYS[name])
    assert encoding == name and stored.nbytes <= ARRAYS[name].nbytes / 2
    assert decode(encoding, stored).tobytes() == ARRAYS[name].tobytes()


def off_grid(value: float) -> np.ndarray:
    """Return values on the finest grid but for one, which no probe of every second value meets."""
    array = np.repeat(ARRAYS["uint8/255"], 2, axis=1)
    array[0, 1] = value
    return array


@pytest.mark.parametrize(
    "array",
    [
        RNG.random((40, 50), dtype=np.float32),
        *map(off_grid, (-0.0, np.nan, np.inf, -1.0, 1e30, 1e-40, 1 / 3)),
        RNG.integers(0, 256, (4, 5, 3), dtype=np.uint8),
        RNG.random((4, 5)),
        np.empty((0, 3), np.float32),
    ],
)
def test_whatever_the_values_the_very_same_bytes_come_back(array):
    restored = decode(*encode(array))
    assert restored.dtype == array.dtype and restored.shape == array.shape
    assert restored.tobytes() == array.tobytes()


def test_an_unknown_encoding_is_refused():
    with pytest.raises(KeyError):
        decode("float8", np.zeros(3))
