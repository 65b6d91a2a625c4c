"""Recomputes by PyTorch what weft_torch_runs computed, and compares losses, gradients and ten steps.

usage: compare.py PROGRAM COMBINATIONS.json
Ends with 77, which CTest shows as skipped, where PyTorch is not installed.
"""

import json
import os
import subprocess
import sys
import tempfile

try:
    import torch
except ImportError:
    print("skipped: PyTorch is not installed for this Python; ./dev deps --peers installs Debian's")
    sys.exit(77)

import torch_methods
import torch_network

# Of a tensor's largest difference to its largest element.
BOUND = 1e-5
STEPS = 10


def tensor_of(entry):
    dtype = {"f32": torch.float32, "f64": torch.float64, "i64": torch.int64}[entry["dtype"]]
    return torch.tensor(entry["numbers"], dtype=dtype).reshape(entry["sizes"])


class Comparison:
    """The worst difference of each kind in one run."""

    def __init__(self):
        self.worst = {}
        self.complaints = []

    def add(self, kind, what, theirs, ours):
        theirs = theirs.detach().double()
        ours = ours.double()
        if theirs.shape != ours.shape:
            self.complaints.append(f"{what}: sizes {list(ours.shape)} and not {list(theirs.shape)}")
            return
        largest = max(theirs.abs().max().item(), 1e-12)
        error = (theirs - ours).abs().max().item() / largest
        self.worst[kind] = max(self.worst.get(kind, 0.0), error)
        if not error <= BOUND:
            self.complaints.append(f"{what} differs by {error:.1e} of its largest element")


def compare(combination, result):
    found = Comparison()
    state = {name: tensor_of(entry) for name, entry in result["start"].items()}
    trained = [state[name].requires_grad_() for name in result["trained"]]
    x, t, w = (tensor_of(result[key]) for key in ("x", "t", "w"))

    def loss_now(buffers):
        predictions = torch_network.apply(combination["layers"], x, buffers)
        return torch_methods.loss(combination, predictions, t, w)

    # Normalization changes its running values whenever it is applied: here those of a copy.
    first = loss_now({name: value if value.requires_grad else value.clone() for name, value in state.items()})
    found.add("loss", "the loss", first, tensor_of(result["loss"]))
    gradients = torch.autograd.grad(first, trained)
    for name, gradient, entry in zip(result["trained"], gradients, result["gradients"]):
        found.add("gradients", f"the gradient of {name}", gradient, tensor_of(entry))

    training = torch_methods.Training(combination, trained)
    losses = []
    for _ in range(STEPS):
        losses.append(loss_now(state))
        training.step(losses[-1])
    found.add("losses", "the list of losses", torch.stack(losses), torch.tensor(result["losses"], dtype=torch.float64))
    for name, entry in result["end"].items():
        found.add("steps", f"{name} after {STEPS} steps", state[name], tensor_of(entry))
    return found


def main(program, combinations_path):
    with open(combinations_path, encoding="utf-8") as file:
        combinations = {entry["name"]: entry for entry in json.load(file)}
    with tempfile.TemporaryDirectory() as folder:
        results_path = os.path.join(folder, "results.json")
        subprocess.run([program, combinations_path, results_path], check=True)
        with open(results_path, encoding="utf-8") as file:
            results = json.load(file)

    failed = 0
    print(f"PyTorch {torch.__version__}, {torch.__file__}; largest differences, relative, bound {BOUND:.0e}")
    print(f"{'':<42} {'loss':>8} {'gradients':>9} {'losses':>8} {'steps':>8}")
    for result in results:
        found = compare(combinations[result["name"]], result)
        numbers = [found.worst.get(kind, 0.0) for kind in ("loss", "gradients", "losses", "steps")]
        label = f"{result['name']} {result['dtype']}"
        print(f"{label:<42} {numbers[0]:8.0e} {numbers[1]:9.0e} {numbers[2]:8.0e} {numbers[3]:8.0e}")
        for complaint in found.complaints:
            print(f"  FAILED: {complaint}")
        failed += 1 if found.complaints else 0
    print(f"{len(combinations)} combinations in f32 and f64: {len(results)} runs, {failed} failed")
    return 1 if failed or len(results) != 2 * len(combinations) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
