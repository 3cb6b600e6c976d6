"""The SE-CNN's training step in PyTorch, for `benchmarks/training.py`.

PyTorch is no dependency of the report. Another environment has it:

    python -m venv build/pytorch && build/pytorch/bin/pip install torch numpy
    python benchmarks/training.py --pytorch build/pytorch/bin/python

Reads JSON from standard input: `blocks` (width and depth of each), `se_ratio`, `head_dropout`,
`bn_momentum`, `size` (of the images, pixels), `batch_size`, `batches`, `repetitions`,
`learning_rate`. Writes JSON: PyTorch's `version`, the model's `parameters`, and `rows` of `mode`,
`dtype` and the `images_per_second` of the fastest repetition.

Memory is channels-last, and bfloat16 is autocast's. The mode `compiled` is `torch.compile`, which
needs a C++ compiler and is left out where it fails. PyTorch is spared augmentation, weight decay,
and the fetching of a new batch in each step.
"""

import json
import sys
import time

import torch
from torch import nn


class SqueezeExcitation(nn.Module):
    def __init__(self, channels: int, width: int):
        super().__init__()
        self.dense = nn.Sequential(
            nn.Linear(channels, width), nn.ReLU(), nn.Linear(width, channels), nn.Sigmoid()
        )

    def forward(self, maps):
        return maps * self.dense(maps.mean((2, 3)))[:, :, None, None]


def se_cnn(blocks, se_ratio: int, head_dropout: float, bn_momentum: float) -> nn.Module:
    """`fer_lib.models.custom_cnn` with squeeze-and-excitation, without dropout between blocks."""
    layers, channels = [], 1
    for number, (width, depth) in enumerate(blocks):
        if number:
            layers.append(nn.MaxPool2d(2))
        for _ in range(depth):
            layers += [
                nn.Conv2d(channels, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width, eps=1e-3, momentum=1 - bn_momentum),
                nn.ReLU(),
            ]
            channels = width
        if number:
            layers.append(SqueezeExcitation(width, width // se_ratio))
    return nn.Sequential(
        *layers,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(head_dropout),
        nn.Linear(channels, 7),
    )


def images_per_second(model: nn.Module, dtype: str, task: dict) -> float:
    """Of the fastest repetition, each of `batches` steps of stochastic gradient descent."""
    optimizer = torch.optim.SGD(
        model.parameters(), task["learning_rate"], momentum=0.9, nesterov=True
    )
    shape = (task["batch_size"], 1, task["size"], task["size"])
    pixels = torch.randint(0, 256, shape).float().to(memory_format=torch.channels_last)
    labels = torch.randint(0, 7, (task["batch_size"],))
    cross_entropy = nn.CrossEntropyLoss(label_smoothing=0.1)

    def steps():
        for _ in range(task["batches"]):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
                loss = cross_entropy(model(pixels / 127.5 - 1), labels)
            loss.backward()
            optimizer.step()

    times = []
    for _ in range(1 + task["repetitions"]):
        start = time.perf_counter()
        steps()
        times.append(time.perf_counter() - start)
    return task["batches"] * task["batch_size"] / min(times[1:])  # the first warms up


def main() -> None:
    task = json.load(sys.stdin)
    torch.manual_seed(0)
    options = {name: task[name] for name in ("blocks", "se_ratio", "head_dropout", "bn_momentum")}
    model = se_cnn(**options).to(memory_format=torch.channels_last).train()
    rows = []
    for mode, module in (("eager", model), ("compiled", torch.compile(model))):
        for dtype in ("float32", "bfloat16"):
            try:
                speed = images_per_second(module, dtype, task)
            except Exception as error:  # the compiler has kinds of its own
                reason = type(error).__name__
                print(f"PyTorch, {mode}, {dtype}: left out ({reason})", file=sys.stderr)
                continue
            rows.append({"mode": mode, "dtype": dtype, "images_per_second": speed})
    parameters = sum(parameter.numel() for parameter in model.parameters())
    json.dump({"version": torch.__version__, "parameters": parameters, "rows": rows}, sys.stdout)


if __name__ == "__main__":
    main()
