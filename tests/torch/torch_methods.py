"""The losses, optimizers and schedules of combinations.json by PyTorch's.

Where PyTorch has none (hinges, log-cosh, soft targets of probabilities), the formula is written out and PyTorch
differentiates it.
"""

import torch
import torch.nn.functional as F
from torch_network import name_and_options


def smoothed(t, smoothing):
    return (1 - smoothing) * t + smoothing / t.shape[-1]


def categorical_hinge(x, t):
    return torch.relu(1 + ((1 - t) * x).max(-1).values - (t * x).sum(-1)).mean()


def cosine(x, t):
    return F.cosine_embedding_loss(x, t, torch.ones(len(x), dtype=x.dtype))


def categorical_focal(x, t, gamma):
    logs = F.log_softmax(x, -1)
    return -(t * (1 - logs.exp()) ** gamma * logs).sum(-1).mean()


def binary_focal(x, t, gamma, alpha):
    p = torch.sigmoid(x)
    right = p * t + (1 - p) * (1 - t)
    weight = alpha * t + (1 - alpha) * (1 - t)
    return (weight * (1 - right) ** gamma * F.binary_cross_entropy_with_logits(x, t, reduction="none")).mean()


def multi_label_margin(x, t):
    pairs = t[:, :, None] * (1 - t)[:, None, :]
    return (pairs * torch.relu(1 - x[:, :, None] + x[:, None, :])).sum((1, 2)).mean() / x.shape[-1]


def dice(x, t):
    return (1 - (2 * (x * t).sum(-1) + 1e-7) / (x.sum(-1) + t.sum(-1) + 1e-7)).mean()


# Each takes predictions, targets, weights of the classes or None, and options.
LOSSES = {
    "categorical_cross_entropy": lambda x, t, w, o: -(smoothed(t, o.get("smoothing", 0)) * x.log()).sum(-1).mean(),
    "categorical_cross_entropy_with_logits": lambda x, t, w, o: F.cross_entropy(
        x, t, label_smoothing=o.get("smoothing", 0.0)
    ),
    "sparse_categorical_cross_entropy_with_logits": lambda x, t, w, o: F.cross_entropy(
        x, t, weight=w, label_smoothing=o.get("smoothing", 0.0)
    ),
    "negative_log_likelihood": lambda x, t, w, o: F.nll_loss(x, t, weight=w),
    "kl_divergence": lambda x, t, w, o: F.kl_div(x, t, reduction="batchmean"),
    "categorical_hinge": lambda x, t, w, o: categorical_hinge(x, t),
    "multi_margin": lambda x, t, w, o: F.multi_margin_loss(x, t, p=o.get("power", 1), margin=o.get("margin", 1.0)),
    "categorical_focal_with_logits": lambda x, t, w, o: categorical_focal(x, t, o["gamma"]),
    "sparse_categorical_focal_with_logits": lambda x, t, w, o: categorical_focal(
        x, F.one_hot(t, x.shape[-1]).to(x.dtype), o["gamma"]
    ),
    "binary_focal_with_logits": lambda x, t, w, o: binary_focal(x, t, o["gamma"], o["alpha"]),
    "dice": lambda x, t, w, o: dice(x, t),
    "binary_cross_entropy": lambda x, t, w, o: F.binary_cross_entropy(x, t),
    "binary_cross_entropy_with_logits": lambda x, t, w, o: F.binary_cross_entropy_with_logits(x, t),
    "mean_squared_error": lambda x, t, w, o: F.mse_loss(x, t),
    "mean_absolute_error": lambda x, t, w, o: F.l1_loss(x, t),
    "huber": lambda x, t, w, o: F.huber_loss(x, t, delta=o.get("delta", 1.0)),
    "log_cosh": lambda x, t, w, o: torch.log(torch.cosh(x - t)).mean(),
    "hinge": lambda x, t, w, o: torch.relu(1 - t * x).mean(),
    "soft_margin": lambda x, t, w, o: F.soft_margin_loss(x, t),
    "hinge_embedding": lambda x, t, w, o: F.hinge_embedding_loss(x, t, margin=o["margin"]),
    "multi_label_margin": lambda x, t, w, o: multi_label_margin(x, t),
    "mean_absolute_relative_error": lambda x, t, w, o: ((x - t).abs() / t.abs().clamp(min=1e-7)).mean(),
    "mean_squared_logarithmic_error": lambda x, t, w, o: (torch.log1p(x) - torch.log1p(t)).square().mean(),
    "squared_hinge": lambda x, t, w, o: torch.relu(1 - t * x).square().mean(),
    "poisson": lambda x, t, w, o: F.poisson_nll_loss(x, t),
    "poisson_of_rates": lambda x, t, w, o: F.poisson_nll_loss(x, t, log_input=False),
    "cosine": lambda x, t, w, o: cosine(x, t),
}


def loss(combination, predictions, targets, weights):
    name, options = name_and_options(combination["loss"])
    weighted = combination.get("weighted")
    if weighted != "samples":
        return LOSSES[name](predictions, targets, weights if weighted else None, options)
    each = [LOSSES[name](x[None], t[None], None, options) for x, t in zip(predictions, targets)]
    return (torch.stack(each) * weights).sum() / weights.sum()


OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "adamax": torch.optim.Adamax,
    # 1.13's loop over single tensors counts a factor of the product of momenta twice; its other one does not.
    "nadam": lambda groups, **options: torch.optim.NAdam(groups, foreach=True, **options),
    "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
    "rmsprop": torch.optim.RMSprop,
    "rprop": torch.optim.Rprop,
}
RENAMED = {"initial_sum": "initial_accumulator_value"}

SCHEDULES = {
    "step_decay": lambda s, lr, o: s.StepLR(step_size=o["every"], gamma=o["gamma"]),
    "multistep": lambda s, lr, o: s.MultiStepLR(milestones=o["milestones"], gamma=o["gamma"]),
    "exponential": lambda s, lr, o: s.ExponentialLR(gamma=o["gamma"]),
    "cosine": lambda s, lr, o: s.CosineAnnealingLR(T_max=o["steps"], eta_min=o["end"]),
    "warm_up": lambda s, lr, o: s.LinearLR(start_factor=o["start"], total_iters=o["steps"]),
    "cyclic": lambda s, lr, o: s.CyclicLR(
        base_lr=o["low"], max_lr=lr, step_size_up=o["half_cycle"], cycle_momentum=False
    ),
    "one_cycle": lambda s, lr, o: s.OneCycleLR(max_lr=lr, total_steps=o["steps"], cycle_momentum=False),
}


class SchedulersOf:
    """torch.optim.lr_scheduler with the optimizer as first argument."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    def __getattr__(self, name):
        return lambda **options: getattr(torch.optim.lr_scheduler, name)(self.optimizer, **options)


class Training:
    """What happens to the parameters in one step."""

    def __init__(self, combination, parameters):
        name, options = name_and_options(combination["optimizer"])
        options = {RENAMED.get(key, key): value for key, value in options.items()}
        multipliers = combination.get("multipliers", [1.0] * len(parameters))
        groups = [{"params": [p], "lr": m * options["lr"]} for p, m in zip(parameters, multipliers)]
        self.combination = combination
        self.parameters = parameters
        self.optimizer = OPTIMIZERS[name](groups, **options)
        self.scheduler = None
        if "schedule" in combination:
            schedule, schedule_options = name_and_options(combination["schedule"])
            self.scheduler = SCHEDULES[schedule](SchedulersOf(self.optimizer), options["lr"], schedule_options)
        self.steps = 0

    def step(self, loss):
        every = self.combination.get("accumulate", 1)
        (loss / every).backward()
        self.steps += 1
        if self.steps % every != 0:
            return
        self.prepare()
        self.optimizer.step()
        if self.scheduler:
            self.scheduler.step()
        self.optimizer.zero_grad()

    def prepare(self):
        penalty = self.combination.get("penalty")
        if penalty:
            for p in self.parameters:
                p.grad += penalty["l1"] * p.detach().sign() + penalty["l2"] * p.detach()
        if "clip_by_value" in self.combination:
            torch.nn.utils.clip_grad_value_(self.parameters, self.combination["clip_by_value"])
        if "clip_by_global_norm" in self.combination:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.combination["clip_by_global_norm"])
