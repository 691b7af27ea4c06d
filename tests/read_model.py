"""Reads a network that wgrad saved with safetensors' own Python package, runs it with numpy, and
compares with what wgrad reported. Needs numpy and safetensors; run from the repository's root."""

import json
import pathlib
import subprocess
import tempfile

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file

WGRAD = ["cargo", "run", "--quiet", "--locked", "--", "train", "--engine", "cpu", "--json", "--save"]

with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "xor.safetensors"
    run = subprocess.run([*WGRAD, str(path)], check=True, capture_output=True, text=True)
    result = json.loads(run.stdout.splitlines()[-1])
    tensors = load_file(path)
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()

network = json.loads(metadata["network"])
assert network["sizes"] == [2, 3, 1] and network["loss"] == "bce", network
assert len(metadata["sha256"]) == 64, metadata
shapes = {name: tensor.shape for name, tensor in tensors.items()}
expected = {"layers.0.weight": (3, 2), "layers.0.bias": (3,), "layers.1.weight": (1, 3), "layers.1.bias": (1,)}
assert shapes == expected, shapes

x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
hidden = np.maximum(x @ tensors["layers.0.weight"].T + tensors["layers.0.bias"], 0)
z = hidden @ tensors["layers.1.weight"].T + tensors["layers.1.bias"]
outputs = 1 / (1 + np.exp(-z))
difference = np.abs(outputs - np.array(result["outputs"])).max()
assert difference < 1e-6, difference
print(f"a saved network read from Python gives wgrad's outputs within {difference:.1e}")
