"""The layers of combinations.json by PyTorch's functions. `state` holds parameters by weft's names."""

import torch
import torch.nn.functional as F
from torch.nn.utils.stateless import functional_call


def name_and_options(entry):
    return (entry[0], entry[1]) if isinstance(entry, list) else (entry, {})


def dense(x, options, state, name):
    y = x @ state[f"{name}/weight"]
    return y + state[f"{name}/bias"] if options.get("bias", True) else y


def conv(function):
    def call(x, options, state, name):
        return function(
            x,
            state[f"{name}/weight"],
            state[f"{name}/bias"],
            stride=options.get("stride", 1),
            padding="same" if options.get("same") else options.get("padding", 0),
            dilation=options.get("dilation", 1),
            groups=options.get("groups", 1),
        )

    return call


def conv_transpose(function):
    def call(x, options, state, name):
        return function(
            x,
            state[f"{name}/weight"],
            state[f"{name}/bias"],
            stride=options.get("stride", 1),
            padding=options.get("padding", 0),
            output_padding=options.get("output_padding", 0),
            dilation=options.get("dilation", 1),
            groups=options.get("groups", 1),
        )

    return call


def batch_norm(x, options, state, name):
    return F.batch_norm(
        x,
        state[f"{name}/running_mean"],
        state[f"{name}/running_variance"],
        state[f"{name}/scale"],
        state[f"{name}/shift"],
        training=True,
    )


def layer_norm(x, options, state, name):
    return F.layer_norm(x, x.shape[-1:], state[f"{name}/scale"], state[f"{name}/shift"])


def group_norm(x, options, state, name):
    return F.group_norm(x, options["groups"], state[f"{name}/scale"], state[f"{name}/shift"])


def instance_norm(x, options, state, name):
    return F.instance_norm(x, weight=state[f"{name}/scale"], bias=state[f"{name}/shift"])


def rms_norm(x, options, state, name):
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-6) * state[f"{name}/scale"]


def attention_state(state, name, torch_name):
    """A multi-head attention's parameters by PyTorch's names."""
    parts = [f"{name}/{part}" for part in ("query", "key", "value")]
    return {
        f"{torch_name}.in_proj_weight": torch.cat([state[f"{part}/weight"].T for part in parts]),
        f"{torch_name}.in_proj_bias": torch.cat([state[f"{part}/bias"] for part in parts]),
        f"{torch_name}.out_proj.weight": state[f"{name}/output/weight"].T,
        f"{torch_name}.out_proj.bias": state[f"{name}/output/bias"],
    }


def transformer(kind, x, options, state, name, norms):
    """A layer of PyTorch's, and its parameters with those that are alike in encoders and decoders."""
    layer = kind(
        x.shape[-1],
        options["heads"],
        dim_feedforward=options["inner"],
        dropout=0.0,
        batch_first=True,
        norm_first=options.get("norm_first", False),
    ).to(x.dtype)
    given = attention_state(state, f"{name}/attention", "self_attn")
    for theirs, ours in (("linear1", "widen"), ("linear2", "narrow")):
        given[f"{theirs}.weight"] = state[f"{name}/{ours}/weight"].T
        given[f"{theirs}.bias"] = state[f"{name}/{ours}/bias"]
    for i, norm in enumerate(norms):
        given[f"norm{i + 1}.weight"] = state[f"{name}/{norm}/scale"]
        given[f"norm{i + 1}.bias"] = state[f"{name}/{norm}/shift"]
    return layer, given


def transformer_encoder(x, options, state, name):
    kind = torch.nn.TransformerEncoderLayer
    layer, given = transformer(kind, x, options, state, name, ("attention_norm", "dense_norm"))
    return functional_call(layer, given, (x,))


def transformer_decoder(x, options, state, name):
    kind = torch.nn.TransformerDecoderLayer
    layer, given = transformer(kind, x, options, state, name, ("attention_norm", "memory_norm", "dense_norm"))
    given.update(attention_state(state, f"{name}/memory_attention", "multihead_attn"))
    future = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
    return functional_call(layer, given, (x, x), {"tgt_mask": future})


def sinusoidal_positions(x):
    places = torch.arange(x.shape[1], dtype=torch.float64)[:, None]
    angles = places / 10000 ** (torch.arange(0, x.shape[2], 2, dtype=torch.float64) / x.shape[2])
    return x + torch.stack([angles.sin(), angles.cos()], -1).flatten(1).to(x.dtype)


def zero_padding(x, options, state, name):
    return F.pad(x, [options.get(side, 0) for side in ("left", "right", "top", "bottom")])


def pool(x, options, state, name):
    axes = x.dim() - 2
    window, stride, padding, ceil = (options.get(key) for key in ("window", "stride", "padding", "ceil"))
    if options["kind"] == "max":
        function = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[axes - 1]
        return function(x, window, stride, padding or 0, options.get("dilation", 1), ceil_mode=bool(ceil))
    if options["kind"] == "mean":
        function = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[axes - 1]
        return function(x, window, stride, padding or 0, bool(ceil), options.get("count_pad", True))
    function = (F.lp_pool1d, F.lp_pool2d)[axes - 1]
    return function(x.abs(), options["p"], window, stride, bool(ceil))


def adaptive_max_pool(x, options, state, name):
    return (F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d)[x.dim() - 3](x, options["sizes"])


def adaptive_mean_pool(x, options, state, name):
    return (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)[x.dim() - 3](x, options["sizes"])


def resize(x, options, state, name):
    lines = options["mode"] in ("bilinear", "bicubic")
    aligned = options.get("align_corners", False) if lines else None
    return F.interpolate(x, options["sizes"], mode=options["mode"], align_corners=aligned)


def spatial_transformer(x, options, state, name):
    aligned = options["align_corners"] if "align_corners" in options else False
    theta = state[f"{name}/theta"].expand(x.shape[0], 2, 3)
    grid = F.affine_grid(theta, [x.shape[0], x.shape[1], *options["sizes"]], align_corners=aligned)
    mode = "nearest" if options.get("nearest") else "bilinear"
    return F.grid_sample(x, grid, mode=mode, padding_mode=options["border"], align_corners=aligned)


def pairs(z):
    return torch.view_as_real(z.contiguous()).flatten(1)


def stft(x, options, state, name):
    window = torch.hann_window(options["window"], dtype=x.dtype)
    centred = options.get("centred", False)
    z = torch.stft(
        x, options["window"], options["hop"], window=window, center=centred, pad_mode="reflect", return_complex=True
    ).transpose(1, 2)
    return (z + complex(0.01, 0.01)).abs().flatten(1)


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


def recurrent(x, options, state, name):
    """A layer of one of PyTorch's three cells over x [batch, length, features]."""

    def weights(layer):
        bias = state[f"{layer}/bias"]
        of_state = state.get(f"{layer}/recurrent_bias", torch.zeros_like(bias))
        return [state[f"{layer}/weight"].T, state[f"{layer}/recurrent_weight"].T, bias, of_state]

    both = options.get("bidirectional", False)
    parameters = weights(f"{name}/forward") + weights(f"{name}/backward") if both else weights(name)
    units = parameters[1].shape[1]
    first = torch.zeros(2 if both else 1, x.shape[0], units, dtype=x.dtype)
    cell = options["cell"]
    function = {"rnn": torch.rnn_tanh, "relu": torch.rnn_relu, "lstm": torch.lstm, "gru": torch.gru}[cell]
    states = (first, first) if cell == "lstm" else first
    reverse = options.get("reverse", False)
    y = function(x.flip(1) if reverse else x, states, parameters, True, 1, 0.0, True, both, True)[0]
    return y.flip(1) if reverse else y


LAYERS = {
    "dense": dense,
    "conv1d": conv(F.conv1d),
    "conv2d": conv(F.conv2d),
    "conv3d": conv(F.conv3d),
    "conv_transpose1d": conv_transpose(F.conv_transpose1d),
    "conv_transpose2d": conv_transpose(F.conv_transpose2d),
    "conv_transpose3d": conv_transpose(F.conv_transpose3d),
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "rms_norm": rms_norm,
    "transformer_encoder": transformer_encoder,
    "transformer_decoder": transformer_decoder,
    "recurrent": recurrent,
    "zero_padding": zero_padding,
    "pool": pool,
    "adaptive_max_pool": adaptive_max_pool,
    "adaptive_mean_pool": adaptive_mean_pool,
    "resize": resize,
    "spatial_transformer": spatial_transformer,
    "pixel_shuffle": lambda x, options, state, name: F.pixel_shuffle(x, options["block"]),
    "stft": stft,
    "branches": branches,
    "maxout": maxout,
    "local_response_norm": local_response_norm,
    "embedding": lambda x, options, state, name: F.embedding(x, state[f"{name}/table"]),
    "embedding_bag": lambda x, options, state, name: F.embedding_bag(x, state[f"{name}/table"], mode=options["mode"]),
    "prelu": lambda x, options, state, name: F.prelu(x, state[f"{name}/alpha"]),
    "global_mean_pool": lambda x, options, state, name: F.adaptive_avg_pool2d(x, 1).flatten(1),
    "global_max_pool": lambda x, options, state, name: F.adaptive_max_pool2d(x, 1).flatten(1),
    "upsample": lambda x, options, state, name: F.interpolate(x, scale_factor=options["factor"]),
    "leaky_relu": lambda x, options, state, name: F.leaky_relu(x, options["alpha"]),
    "celu": lambda x, options, state, name: F.celu(x, options["alpha"]),
    "elu": lambda x, options, state, name: F.elu(x, options.get("alpha", 1.0)),
}

PLAIN = {
    "rfft": lambda x: pairs(torch.fft.rfft(x)),
    "rfft2": lambda x: pairs(torch.fft.rfft2(x)),
    "irfft": lambda x: torch.fft.irfft(torch.view_as_complex(x)).flatten(1),
    "flatten": lambda x: x.flatten(1),
    "sinusoidal_positions": sinusoidal_positions,
    "tanh": torch.tanh,
    "relu": F.relu,
    "relu6": F.relu6,
    "selu": F.selu,
    "sigmoid": torch.sigmoid,
    "hard_sigmoid": F.hardsigmoid,
    "hard_tanh": F.hardtanh,
    "softplus": F.softplus,
    "hard_shrink": F.hardshrink,
    "soft_shrink": F.softshrink,
    "tanh_shrink": F.tanhshrink,
    "threshold": lambda x: F.threshold(x, 0.1, -0.2),
    "mish": F.mish,
    "log_sigmoid": F.logsigmoid,
    "softmin": lambda x: F.softmin(x, -1),
    "glu": F.glu,
    "crelu": lambda x: torch.cat([F.relu(x), F.relu(-x)], -1),
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
