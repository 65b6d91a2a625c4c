"""The layers of combinations.json by PyTorch's functions. `state` holds parameters by weft's names."""

import torch
import torch.nn.functional as F


def name_and_options(entry):
    return (entry[0], entry[1]) if isinstance(entry, list) else (entry, {})


def dense(x, options, state, name):
    y = x @ state[f"{name}/weight"]
    return y + state[f"{name}/bias"] if options.get("bias", True) else y


def conv2d(x, options, state, name):
    return F.conv2d(
        x,
        state[f"{name}/weight"],
        state[f"{name}/bias"],
        stride=options.get("stride", 1),
        padding=options.get("padding", 0),
        dilation=options.get("dilation", 1),
        groups=options.get("groups", 1),
    )


def batch_norm(x, options, state, name):
    kept = state[f"{name}/running_variance"]  # f64 in weft, but PyTorch wants the type of x
    variance = kept.to(x.dtype)
    y = F.batch_norm(
        x,
        state[f"{name}/running_mean"],
        variance,
        state[f"{name}/scale"],
        state[f"{name}/shift"],
        training=True,
    )
    kept.copy_(variance)
    return y


def layer_norm(x, options, state, name):
    return F.layer_norm(x, x.shape[-1:], state[f"{name}/scale"], state[f"{name}/shift"])


def zero_padding(x, options, state, name):
    return F.pad(x, [options.get(side, 0) for side in ("left", "right", "top", "bottom")])


def max_pool(x, options, state, name):
    return F.max_pool2d(x, options["window"], options.get("stride"), options.get("padding", 0))


def avg_pool(x, options, state, name):
    return F.avg_pool2d(
        x,
        options["window"],
        options.get("stride"),
        options.get("padding", 0),
        count_include_pad=options.get("count_pad", True),
    )


def branches(x, options, state, name):
    ends = [apply(layers, x, state, f"{name}.{i}.") for i, layers in enumerate(options["branches"])]
    if options["merge"] == "concat":
        return torch.cat(ends, 1)
    merge = {"sum": torch.add, "product": torch.mul, "max": torch.maximum}[options["merge"]]
    y = ends[0]
    for end in ends[1:]:
        y = merge(y, end)
    return y


def maxout(x, options, state, name):
    return x.unflatten(-1, (-1, options["pieces"])).max(-1).values


def local_response_norm(x, options, state, name):
    return F.local_response_norm(x, options["size"], alpha=options["alpha"])


LAYERS = {
    "dense": dense,
    "conv2d": conv2d,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "zero_padding": zero_padding,
    "max_pool": max_pool,
    "avg_pool": avg_pool,
    "branches": branches,
    "maxout": maxout,
    "local_response_norm": local_response_norm,
    "embedding": lambda x, options, state, name: F.embedding(x, state[f"{name}/table"]),
    "prelu": lambda x, options, state, name: F.prelu(x, state[f"{name}/alpha"]),
    "global_mean_pool": lambda x, options, state, name: F.adaptive_avg_pool2d(x, 1).flatten(1),
    "global_max_pool": lambda x, options, state, name: F.adaptive_max_pool2d(x, 1).flatten(1),
    "upsample": lambda x, options, state, name: F.interpolate(x, scale_factor=options["factor"]),
    "leaky_relu": lambda x, options, state, name: F.leaky_relu(x, options["alpha"]),
    "elu": lambda x, options, state, name: F.elu(x, options.get("alpha", 1.0)),
}

PLAIN = {
    "flatten": lambda x: x.flatten(1),
    "tanh": torch.tanh,
    "relu": F.relu,
    "relu6": F.relu6,
    "selu": F.selu,
    "sigmoid": torch.sigmoid,
    "hard_sigmoid": F.hardsigmoid,
    "hard_tanh": F.hardtanh,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "swish": F.silu,
    "gelu": F.gelu,
    "softmax": lambda x: F.softmax(x, -1),
    "log_softmax": lambda x: F.log_softmax(x, -1),
}


def apply(layers, x, state, prefix=""):
    for i, layer in enumerate(layers):
        name, options = name_and_options(layer)
        if name in PLAIN:
            x = PLAIN[name](x)
        else:
            x = LAYERS[name](x, options, state, f"{prefix}{i}")
    return x
