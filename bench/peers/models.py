#!/usr/bin/python3
"""The models of frontends/examples/models, written for PyTorch with the same sizes.

    models.py MODEL               then on stdin: `train N`, `predict N` (milliseconds a call, over N calls), `memory`
    models.py --variants MODEL    the names of this model in its forms, of which the fastest counts

The environment decides about threads. Tensors are made before the clock starts.
"""

import json
import math
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


def numbers(*sizes, low=-1.0, high=1.0, dtype=torch.float32):
    return torch.rand(*sizes, dtype=dtype) * (high - low) + low


def indices(*sizes, below):
    return torch.randint(below, sizes)


class Model:
    """`loss()` of a training step, and `predict()`. What `prepare` is given is trained by Adam."""

    def prepare(self, *modules, rate=1e-3):
        self.network = nn.ModuleList(modules)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=rate, foreach=True)

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss()
        loss.backward()
        self.optimizer.step()
        return loss


class Attention(nn.Module):
    def __init__(self, width, heads, length):
        super().__init__()
        self.heads = heads
        self.mixed = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.register_buffer("mask", torch.full((length, length), -math.inf).triu(1))

    def forward(self, x):
        batch, length, width = x.shape
        parts = self.mixed(x).view(batch, length, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / math.sqrt(width // self.heads) + self.mask
        seen = scores.softmax(-1) @ v
        return self.out(seen.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    def __init__(self, width, heads, length):
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, length)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        h = x + self.attention(self.first(x))
        return h + self.narrow(F.gelu(self.wide(self.second(h))))


class Transformer(Model):
    def __init__(self, batch=16, length=64, width=128, heads=4, letters=65):
        self.letters, self.places = nn.Embedding(letters, width), nn.Embedding(length, width)
        self.blocks = nn.Sequential(Block(width, heads, length), Block(width, heads, length))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, letters)
        self.text, self.next = indices(batch, length, below=letters), indices(batch, length, below=letters)
        self.prepare(self.letters, self.places, self.blocks, self.norm, self.head)

    def predict(self):
        return self.head(self.norm(self.blocks(self.letters(self.text) + self.places.weight)))

    def loss(self):
        return F.cross_entropy(self.predict().flatten(0, 1), self.next.flatten())


class LeNet(Model):
    def __init__(self, batch=64):
        self.layers = nn.Sequential(
            nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))  # fmt: skip
        self.x, self.labels = numbers(batch, 1, 28, 28, low=0.0), indices(batch, below=10)
        self.prepare(self.layers)

    def predict(self):
        return self.layers(self.x)

    def loss(self):
        return F.cross_entropy(self.predict(), self.labels)


def conv_norm(channels, filters, kernel, stride):
    conv = nn.Conv2d(channels, filters, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(filters))


class Residual(nn.Module):
    def __init__(self, channels, filters, stride):
        super().__init__()
        self.first = conv_norm(channels, filters, 3, stride)
        self.second = conv_norm(filters, filters, 3, 1)
        self.shortcut = conv_norm(channels, filters, 1, stride) if channels != filters else nn.Identity()

    def forward(self, x):
        return torch.relu(self.second(torch.relu(self.first(x))) + self.shortcut(x))


class ResNet(Model):
    def __init__(self, batch=64):
        self.layers = nn.Sequential(
            conv_norm(3, 16, 3, 1), nn.ReLU(),
            Residual(16, 16, 1), Residual(16, 32, 2), Residual(32, 64, 2),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))  # fmt: skip
        self.x, self.labels = numbers(batch, 3, 32, 32), indices(batch, below=10)
        self.prepare(self.layers)

    def predict(self):
        self.layers.eval()
        return self.layers(self.x)

    def loss(self):
        self.layers.train()
        return F.cross_entropy(self.layers(self.x), self.labels)


def channels_last(model):
    """The same in the layout that PyTorch's guide to performance recommends."""
    model.layers.to(memory_format=torch.channels_last)
    model.x = model.x.to(memory_format=torch.channels_last)
    return model


class Lstm(Model):
    def __init__(self, batch=32, length=50, letters=65, width=128, units=256):
        self.letters = nn.Embedding(letters, width)
        self.cells = nn.LSTM(width, units, batch_first=True)
        self.head = nn.Linear(units, letters)
        self.text, self.next = indices(batch, length, below=letters), indices(batch, length, below=letters)
        self.prepare(self.letters, self.cells, self.head)

    def predict(self):
        return self.head(self.cells(self.letters(self.text))[0])

    def loss(self):
        return F.cross_entropy(self.predict().flatten(0, 1), self.next.flatten())


class Gru(Lstm):
    def __init__(self, batch=32, length=50, letters=64, width=64, units=256):
        self.letters = nn.Embedding(letters, width)
        self.cells = nn.GRU(width, units, batch_first=True)
        self.head = nn.Linear(units, letters)
        self.text, self.next = indices(batch, length, below=letters), indices(batch, length, below=letters)
        self.prepare(self.letters, self.cells, self.head)


class Autoencoder(Model):
    def __init__(self, batch=128, pixels=784, hidden=400, code=20):
        self.encoder = nn.Linear(pixels, hidden)
        self.means, self.spreads = nn.Linear(hidden, code), nn.Linear(hidden, code)
        self.decoder = nn.Sequential(nn.Linear(code, hidden), nn.ReLU(), nn.Linear(hidden, pixels))
        self.x = numbers(batch, pixels, low=0.0)
        self.prepare(self.encoder, self.means, self.spreads, self.decoder)

    def predict(self):
        return torch.sigmoid(self.decoder(self.means(torch.relu(self.encoder(self.x)))))

    def loss(self):
        h = torch.relu(self.encoder(self.x))
        mu, log_variance = self.means(h), self.spreads(h)
        z = mu + torch.exp(0.5 * log_variance) * torch.randn_like(mu)
        pixels = F.binary_cross_entropy_with_logits(self.decoder(z), self.x, reduction="sum")
        divergence = -0.5 * torch.sum(1 + log_variance - mu.square() - log_variance.exp())
        return (pixels + divergence) / len(self.x)


class Adversarial(Model):
    def __init__(self, batch=64, pixels=784, noise=64):
        def leaky():
            return nn.LeakyReLU(0.2)

        self.generator = nn.Sequential(
            nn.Linear(noise, 256), leaky(), nn.Linear(256, 512), leaky(), nn.Linear(512, pixels), nn.Tanh())
        self.critic = nn.Sequential(
            nn.Linear(pixels, 512), leaky(), nn.Linear(512, 256), leaky(), nn.Linear(256, 1))
        self.noise, self.real = numbers(batch, noise), numbers(batch, pixels)
        self.ones, self.zeros = torch.ones(batch, 1), torch.zeros(batch, 1)
        self.optimizers = [
            torch.optim.Adam(part.parameters(), lr=2e-4, betas=(0.5, 0.999), foreach=True)
            for part in (self.critic, self.generator)
        ]

    def predict(self):
        return self.generator(self.noise)

    def step(self):
        loss = F.binary_cross_entropy_with_logits
        drawn = self.generator(self.noise)
        of_critic = loss(self.critic(self.real), self.ones) + loss(self.critic(drawn.detach()), self.zeros)
        of_generator = loss(self.critic(drawn), self.ones)
        critic, generator = list(self.critic.parameters()), list(self.generator.parameters())
        for weights, one in ((generator, of_generator), (critic, of_critic)):
            for weight, slope in zip(weights, torch.autograd.grad(one, weights)):
                weight.grad = slope
        for optimizer in self.optimizers:
            optimizer.step()
        return of_critic + of_generator


class Tabular(Model):
    def __init__(self, batch=512, columns=8, categories=1000, width=16, count=16, hidden=256):
        self.tables = nn.ModuleList(nn.Embedding(categories, width) for _ in range(columns))
        self.layers = nn.Sequential(
            nn.Linear(columns * width + count, hidden), nn.LayerNorm(hidden), nn.ReLU(),
            nn.Linear(hidden, hidden), nn.LayerNorm(hidden), nn.ReLU(), nn.Linear(hidden, 1))  # fmt: skip
        self.categories, self.numbers = indices(batch, columns, below=categories), numbers(batch, count)
        self.target = numbers(batch, 1)
        self.prepare(self.tables, self.layers)

    def predict(self):
        columns = [table(self.categories[:, i]) for i, table in enumerate(self.tables)]
        return self.layers(torch.cat([*columns, self.numbers], 1))

    def loss(self):
        return F.mse_loss(self.predict(), self.target)


class Physics(Model):
    def __init__(self, points=1024, units=64):
        widths = [2, units, units, units, units, 1]
        layers = []
        for pair in zip(widths, widths[1:]):
            layers += [nn.Linear(*pair), nn.Tanh()]
        self.layers = nn.Sequential(*layers[:-1])
        self.t = numbers(points, 1, low=0.0).requires_grad_()
        self.x = numbers(points, 1).requires_grad_()
        self.prepare(self.layers)

    def predict(self):
        return self.layers(torch.cat([self.t, self.x], 1))

    def loss(self):
        u = self.predict()
        u_t, u_x = torch.autograd.grad(u.sum(), (self.t, self.x), create_graph=True)
        (u_xx,) = torch.autograd.grad(u_x.sum(), self.x, create_graph=True)
        residual = u_t + u * u_x - 0.01 / math.pi * u_xx
        start = self.layers(torch.cat([0 * self.t.detach(), self.x.detach()], 1))
        return residual.square().mean() + (start + torch.sin(math.pi * self.x.detach())).square().mean()


class Maml(Model):
    def __init__(self, tasks=16, points=10, units=40):
        self.layers = [nn.Linear(1, units), nn.Linear(units, units), nn.Linear(units, 1)]
        self.tasks = tasks
        self.points = [numbers(tasks, points, 1, low=-5.0, high=5.0) for _ in range(4)]
        self.prepare(*self.layers)

    @staticmethod
    def apply(x, weights):
        x = torch.relu(torch.baddbmm(weights[1], x, weights[0]))
        x = torch.relu(torch.baddbmm(weights[3], x, weights[2]))
        return torch.baddbmm(weights[5], x, weights[4])

    def error(self, x, y, weights):
        return (self.apply(x, weights) - y).square().mean((1, 2)).sum()

    def learned(self, create_graph):
        shared = []
        for layer in self.layers:
            shared.append(layer.weight.t().expand(self.tasks, -1, -1))
            shared.append(layer.bias.expand(self.tasks, 1, -1))
        slopes = torch.autograd.grad(self.error(*self.points[:2], shared), shared, create_graph=create_graph)
        return [weight - 0.01 * slope for weight, slope in zip(shared, slopes)]

    def predict(self):
        with torch.inference_mode(False), torch.enable_grad():
            weights = self.learned(False)
        return self.apply(self.points[2], weights)

    def loss(self):
        return self.error(*self.points[2:], self.learned(True)) / self.tasks


class Wide(Model):
    def __init__(self, batch=64, width=4096):
        self.layers = nn.Sequential(
            nn.Linear(784, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10))
        self.x, self.labels = numbers(batch, 784, low=0.0), indices(batch, below=10)
        self.optimizer = torch.optim.SGD(self.layers.parameters(), lr=0.01, momentum=0.9, foreach=True)

    def predict(self):
        return self.layers(self.x)

    def loss(self):
        return F.cross_entropy(self.predict(), self.labels)


class GaussianProcess(Model):
    def __init__(self, points=256, features=4):
        self.x = numbers(points, features, dtype=torch.float64)
        self.y = numbers(points, 1, dtype=torch.float64)
        starts = (0.0, 0.0, -1.0)
        self.logarithms = [torch.tensor(start, dtype=torch.float64, requires_grad=True) for start in starts]
        self.optimizer = torch.optim.Adam(self.logarithms, lr=0.01, foreach=True)

    def parts(self):
        length, amplitude, noise = self.logarithms
        squares = self.x.square().sum(1, keepdim=True)
        distances = squares + squares.t() - 2 * self.x @ self.x.t()
        covariance = torch.exp(2 * amplitude - 0.5 * torch.exp(-2 * length) * distances)
        noisy = covariance + torch.exp(2 * noise) * torch.eye(len(self.x), dtype=torch.float64)
        root = torch.linalg.cholesky(noisy)
        half = torch.linalg.solve_triangular(root, self.y, upper=False)
        return covariance, root, torch.linalg.solve_triangular(root.t(), half, upper=True)

    def predict(self):
        covariance, _, weights = self.parts()
        return covariance @ weights

    def loss(self):
        _, root, weights = self.parts()
        constant = 0.5 * len(self.x) * math.log(2 * math.pi)
        return 0.5 * (self.y * weights).sum() + root.diagonal().log().sum() + constant


MODELS = {
    "transformer": Transformer,
    "lenet": LeNet,
    "lenet-channels-last": lambda: channels_last(LeNet()),
    "resnet8": ResNet,
    "resnet8-channels-last": lambda: channels_last(ResNet()),
    "lstm": Lstm,
    "gru": Gru,
    "vae": Autoencoder,
    "gan": Adversarial,
    "tabular": Tabular,
    "physics": Physics,
    "maml": Maml,
    "wide": Wide,
    "gp": GaussianProcess,
}


def milliseconds_of(calls, call):
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return 1000 * (time.perf_counter() - start) / calls


def answer(content):
    print(json.dumps(content), flush=True)


def predict(model):
    with torch.inference_mode():
        return model.predict()


def main():
    if sys.argv[1] == "--describe":
        answer({"framework": "PyTorch", "version": torch.__version__, "settings": []})
        return
    if sys.argv[1] == "--variants":
        answer([name for name in MODELS if name == sys.argv[2] or name.startswith(sys.argv[2] + "-")])
        return
    torch.manual_seed(1)
    model = MODELS[sys.argv[1]]()
    for line in sys.stdin:
        command, *calls = line.split()
        count = int(calls[0]) if calls else 1
        if command == "train":
            answer({"ms": milliseconds_of(count, model.step)})
        elif command == "predict":
            answer({"ms": milliseconds_of(count, lambda: predict(model))})
        else:
            answer({"mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024})


if __name__ == "__main__":
    main()
