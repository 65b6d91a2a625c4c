#!/usr/bin/python3
"""PyTorch, eager: functions on tensors, without the modules and optimizers that cost it time for each call."""

import adapter


class PyTorch:
    framework = "PyTorch"

    @staticmethod
    def settings():
        return [PyTorch.threads(omp, blas) for omp in (1, 2) for blas in (1, 2)]

    @staticmethod
    def environment(threads):
        return PyTorch.threads(1, threads)  # OpenMP's threads beside those of the BLAS only fight them

    @staticmethod
    def threads(omp, blas):
        return {"OMP_NUM_THREADS": omp, "OPENBLAS_NUM_THREADS": blas}

    @staticmethod
    def version():
        import torch

        return torch.__version__

    def __init__(self, digits, args):
        import torch

        self.torch = torch
        torch.manual_seed(args.seed)
        self.batch = args.batch
        self.rate = args.lr
        self.images = torch.from_numpy(digits.train_images)
        self.labels = torch.from_numpy(digits.train_labels)
        self.test_images = torch.from_numpy(digits.test_images)
        self.classes = int(digits.train_labels.max()) + 1

    def network(self, layers, activation):
        widths = [self.images.shape[1], *layers, self.classes]
        self.activation = {"relu": self.torch.relu, "tanh": self.torch.tanh}[activation]
        dense = [self.torch.nn.Linear(*pair) for pair in zip(widths, widths[1:])]
        self.weights = [layer.weight for layer in dense]
        self.biases = [layer.bias for layer in dense]

    def logits(self, x):
        linear = self.torch.nn.functional.linear
        for weight, bias in zip(self.weights[:-1], self.biases[:-1]):
            x = self.activation(linear(x, weight, bias))
        return linear(x, self.weights[-1], self.biases[-1])

    def step(self, rows):
        images, labels = self.images.index_select(0, rows), self.labels.index_select(0, rows)
        loss = self.torch.nn.functional.cross_entropy(self.logits(images), labels)
        parameters = self.weights + self.biases
        gradients = self.torch.autograd.grad(loss, parameters)
        with self.torch.no_grad():
            self.torch._foreach_add_(parameters, gradients, alpha=-self.rate)  # torch.optim.SGD(foreach=True)
        return loss.detach() * len(rows)

    def epoch(self):
        rows = self.torch.randperm(len(self.images)).split(self.batch)
        return sum(self.step(part) for part in rows).item() / len(self.images)

    def predict(self):
        with self.torch.inference_mode():
            parts = [self.logits(part).argmax(1) for part in self.test_images.split(500)]
            return self.torch.cat(parts).numpy()

    def predict_one(self, row):
        with self.torch.inference_mode():
            return self.logits(self.test_images[row : row + 1]).argmax(1).item()


if __name__ == "__main__":
    adapter.main(PyTorch)
