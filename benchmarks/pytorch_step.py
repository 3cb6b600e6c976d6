"""The small CNN's training step in PyTorch, for `benchmarks/training.py`, which runs this with the
Python of another environment.

PyTorch is no dependency of the report. Where it is wanted:

    python -m venv build/pytorch && build/pytorch/bin/pip install torch numpy
    python benchmarks/training.py --pytorch build/pytorch/bin/python

Reads JSON from standard input: `blocks` (width and depth of each), `attention`, `head_dropout`,
`momentum`, `side`, `batch_size`,
`batches`, `repetitions`, `learning_rate`. Writes JSON: PyTorch's version, the network's parameters,
and rows of `mode`, `precision` and the
images a second of the fastest repetition. Channels stand last, and bfloat16 is autocast's. Compiled
is `torch.compile`, which needs a C++ compiler
and is left out where it fails. PyTorch is spared what ours does besides: augmentation, weight
decay, and the fetching of a new batch each step.
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


def se_cnn(blocks, attention: int, head_dropout: float, momentum: float) -> nn.Module:
    """`fer_lib.models.custom_cnn` without a stem."""
    layers, channels = [], 1
    for number, (width, depth) in enumerate(blocks):
        if number:
            layers.append(nn.MaxPool2d(2))
        for _ in range(depth):
            layers += [
                nn.Conv2d(channels, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width, eps=1e-3, momentum=1 - momentum),
                nn.ReLU(),
            ]
            channels = width
        if number:
            layers.append(SqueezeExcitation(width, width // attention))
    return nn.Sequential(
        *layers,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(head_dropout),
        nn.Linear(channels, 7),
    )


def images_per_second(network: nn.Module, precision: str, task: dict) -> float:
    """Of the fastest repetition, each of `batches` steps of stochastic gradient descent."""
    optimizer = torch.optim.SGD(
        network.parameters(), task["learning_rate"], momentum=0.9, nesterov=True
    )
    pixels = (
        torch.randint(0, 256, (task["batch_size"], 1, task["side"], task["side"]))
        .float()
        .to(memory_format=torch.channels_last)
    )
    labels = torch.randint(0, 7, (task["batch_size"],))
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.1)

    def steps():
        for _ in range(task["batches"]):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                loss = loss_of(network(pixels / 127.5 - 1), labels)
            loss.backward()
            optimizer.step()

    times = []
    for _ in range(1 + task["repetitions"]):
        began = time.perf_counter()
        steps()
        times.append(time.perf_counter() - began)
    return task["batches"] * task["batch_size"] / min(times[1:])  # the first warms up


def main() -> None:
    task = json.load(sys.stdin)
    torch.manual_seed(0)
    network = (
        se_cnn(task["blocks"], task["se_ratio"], task["head_dropout"], task["bn_momentum"])
        .to(memory_format=torch.channels_last)
        .train()
    )
    rows = []
    for mode, form in (("eager", network), ("compiled", torch.compile(network))):
        for precision in ("float32", "bfloat16"):
            try:
                speed = images_per_second(form, precision, task)
            except Exception as error:  # the compiler's own kinds
                print(
                    f"PyTorch, {mode}, {precision}: left out ({type(error).__name__})",
                    file=sys.stderr,
                )
                continue
            rows.append({"mode": mode, "precision": precision, "images_per_second": speed})
    parameters = sum(parameter.numel() for parameter in network.parameters())
    json.dump({"version": torch.__version__, "parameters": parameters, "rows": rows}, sys.stdout)


if __name__ == "__main__":
    main()
