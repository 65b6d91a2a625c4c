"""What the adapters in Python share: flags, data, clock and protocol; README.md describes them.

An adapter is a class with `framework`, `settings()`, `environment(threads)`, `version()`, and the work itself:
`network(layers, activation)`, `epoch()` -> mean loss, `predict()` -> classes, `predict_one(row)` -> class.
Nothing of the framework is imported before the environment is set: its threads are counted when it loads.
"""

import argparse
import gzip
import json
import os
import resource
import sys
import time

LATENCY_WARM_UP = 100
LATENCY_CALLS = 1000


def read_idx(folder, name):
    """One of MNIST's files, packed or not, as an array of u8."""
    import numpy

    path = os.path.join(folder, name)
    with gzip.open(path + ".gz") if os.path.exists(path + ".gz") else open(path, "rb") as stream:
        content = stream.read()
    dimensions = content[3]
    sizes = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions)]
    return numpy.frombuffer(content, numpy.uint8, offset=4 + 4 * dimensions).reshape(sizes)


class Digits:
    """Pixels as f32 in [0, 1], rows of one image each, and labels as i64, all in memory."""

    def __init__(self, folder):
        self.train_images, self.train_labels = self._part(folder, "train")
        self.test_images, self.test_labels = self._part(folder, "t10k")

    @staticmethod
    def _part(folder, part):
        import numpy

        images = read_idx(folder, part + "-images-idx3-ubyte")
        labels = read_idx(folder, part + "-labels-idx1-ubyte")
        return images.reshape(len(images), -1).astype(numpy.float32) / 255, labels.astype(numpy.int64)


def seconds_of(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def timed_epoch(peer):
    seconds, loss = seconds_of(peer.epoch)
    return {"seconds": seconds, "loss": float(loss)}


def timed_predict(peer, digits):
    seconds, classes = seconds_of(peer.predict)
    return {"seconds": seconds, "accuracy": float((classes == digits.test_labels).mean())}


def timed_latency(peer, digits):
    rows = len(digits.test_images)

    def calls(count):
        for call in range(count):
            peer.predict_one(call % rows)

    calls(LATENCY_WARM_UP)
    seconds, _ = seconds_of(lambda: calls(LATENCY_CALLS))
    return {"latency_us": 1e6 * seconds / LATENCY_CALLS}


def peak_rss_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def layers_of(text):
    return [int(width) for width in text.split(",") if width]


def answer(content):
    print(json.dumps(content), flush=True)


def serve(peer, digits):
    """One line of JSON for each command on stdin, until it ends."""
    for line in sys.stdin:
        words = line.split()
        if words[0] == "network":
            peer.network(layers_of(words[1]), words[2])
            answer({})
        elif words[0] == "epoch":
            answer(timed_epoch(peer))
        elif words[0] == "predict":
            answer(timed_predict(peer, digits))
        elif words[0] == "latency":
            answer(timed_latency(peer, digits))
        elif words[0] == "memory":
            answer({"peak_rss_mb": peak_rss_mb()})
        else:
            sys.exit(f"unknown command '{words[0]}'; there are network, epoch, predict, latency and memory")


def run_once(adapter, peer, digits, args):
    peer.network(args.layers, args.activation)
    epochs = [timed_epoch(peer) for _ in range(args.epochs)]
    timed_predict(peer, digits)  # the first call pays for what later ones find ready
    predicted = timed_predict(peer, digits)
    seconds = [epoch["seconds"] for epoch in epochs]
    answer(
        {
            "framework": adapter.framework,
            "version": adapter.version(),
            "layers": args.layers,
            "activation": args.activation,
            "epochs": args.epochs,
            "batch": args.batch,
            "threads": args.threads,
            "seed": args.seed,
            "seconds_per_epoch": seconds,
            "train_seconds": sum(seconds),
            "predict_seconds": predicted["seconds"],
            **timed_latency(peer, digits),
            "test_accuracy": predicted["accuracy"],
            "train_loss": [epoch["loss"] for epoch in epochs],
            "peak_rss_mb": peak_rss_mb(),
        }
    )


def describe(adapter):
    try:
        version = adapter.version()
    except ImportError as error:
        answer({"framework": adapter.framework, "absent": str(error)})
        return
    answer({"framework": adapter.framework, "version": version, "settings": adapter.settings()})


def parse(adapter):
    parser = argparse.ArgumentParser(description=f"Trains a digit classifier with {adapter.framework}")
    parser.add_argument("--data", help="folder with MNIST's four files")
    parser.add_argument("--layers", type=layers_of, default=[100], help="hidden widths, e.g. 100,100")
    parser.add_argument("--activation", choices=["relu", "tanh"], default="relu")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--describe", action="store_true", help="name, version and settings worth trying")
    parser.add_argument("--serve", action="store_true", help="commands on stdin instead of one run")
    args = parser.parse_args()
    if not args.describe and args.data is None:
        parser.error("--data is required")
    return args


def main(adapter):
    args = parse(adapter)
    for name, value in adapter.environment(args.threads).items():
        os.environ.setdefault(name, str(value))
    if args.describe:
        describe(adapter)
        return
    digits = Digits(args.data)
    peer = adapter(digits, args)
    if args.serve:
        serve(peer, digits)
    else:
        run_once(adapter, peer, digits, args)
