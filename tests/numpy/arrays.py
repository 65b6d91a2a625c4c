"""arrays.py PROGRAM: NumPy writes arrays of every dtype and order, PROGRAM reads and writes them, NumPy compares."""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np

DTYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"]
SHAPES = [(), (1,), (5,), (0,), (3, 4), (2, 0, 3), (2, 3, 4), (1, 2, 1, 3, 2)]


def arrays():
    random = np.random.default_rng(1)
    for dtype in DTYPES:
        for shape in SHAPES:
            bits = random.integers(0, 256, size=(*shape, np.dtype(dtype).itemsize), dtype=np.uint8)
            numbers = bits[..., 0] > 127 if dtype == "b1" else bits.view(dtype).reshape(shape)
            for order in "<>":
                for layout in "CF":
                    yield numbers.astype(np.dtype(dtype).newbyteorder(order), order=layout)


def same(expected, actual):
    """The same numbers to the bit, in the machine's order."""
    little = np.ascontiguousarray(expected.astype(expected.dtype.newbyteorder("<"))).reshape(expected.shape)
    return actual.dtype == little.dtype and actual.shape == little.shape and actual.tobytes() == little.tobytes()


def main():
    made = list(arrays())
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "from"), pathlib.Path(folder, "to")
        source.mkdir()
        target.mkdir()
        for i, array in enumerate(made):
            with open(source / f"{i}.npy", "wb") as file:
                np.lib.format.write_array(file, array, version=((1, 0), (2, 0), (3, 0))[i % 3])
        named = {f"array {i}": array for i, array in enumerate(made)}
        np.savez(source / "stored.npz", **named)
        np.savez_compressed(source / "deflated.npz", **named)
        subprocess.run([sys.argv[1], source, target], check=True)
        wrong = [str(made[i].dtype) for i in range(len(made)) if not same(made[i], np.load(target / f"{i}.npy"))]
        for name in ("stored.npz", "deflated.npz"):
            with np.load(target / name) as archive:
                if sorted(archive.files) != sorted(named):
                    wrong.append(f"the names in {name}")
                wrong += [f"{key} in {name}" for key in archive.files if not same(named[key], archive[key])]
    print(f"{len(made)} arrays as files and in two archives; different: {', '.join(wrong) or 'none'}")
    return 1 if wrong else 0


sys.exit(main())
