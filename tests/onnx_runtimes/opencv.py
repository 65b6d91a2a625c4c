"""opencv.py CASES: OpenCV reads networks from the cases of weft_onnx_runtime_cases and gives weft's numbers."""

import pathlib
import sys

import cv2
import numpy as np

NETWORKS = ("lenet", "mlp")
BOUND = 1e-4  # beside max(1, |number|)


def difference(case):
    """The largest difference of a network with one input and one output."""
    (name,) = [file for file in case.glob("*.npy") if file.name != "y0.npy"]
    network = cv2.dnn.readNetFromONNX(str(case / "model.onnx"))
    network.setInput(np.load(name))
    expected = np.load(case / "y0.npy")
    actual = network.forward()
    if actual.shape != expected.shape:
        return np.inf
    return np.max(np.abs(actual - expected) / np.maximum(1, np.abs(expected)))


def main():
    wrong = 0
    for network in NETWORKS:
        worst = difference(pathlib.Path(sys.argv[1], "predictions", network))
        wrong += not worst <= BOUND
        print(f"{network}: OpenCV {cv2.__version__} differs by {worst:.1e}")
    return 1 if wrong else 0


sys.exit(main())
