"""Exports trainings as PyTorch scripts and runs them: each must end with what wgrad computed. Needs
torch; run from the repository's root."""

import pathlib
import subprocess
import sys
import tempfile

WGRAD = ["cargo", "run", "--quiet", "--locked", "--", "export", "--pytorch"]

# Losses, activations, full batches and others.
SETTINGS = [
    "--seed 2",
    "--loss mse-half-mean --activation tanh --layers 2,8,1",
    "--loss mse-mean --activation sigmoid --output-activation tanh --lr 0.1",
    "--loss bce-with-logits --activation leaky-relu --batch 3 --order sequential --steps 300",
    "--data parity-4 --layers 4,9,5,1 --batch 5 --steps 300",
    "--data spirals --steps 300",
    "--data iris --steps 300",
    "--data digits --steps 200",
    "--optimizer momentum --seed 2 --weight-decay 0.001",
    "--optimizer nesterov --data iris --schedule cosine --warmup 10 --steps 400",
    "--optimizer adam --activation tanh --layers 2,8,1 --clip-norm 0.1",
    "--optimizer adam --weight-decay 0.01 --decay decoupled --data iris --steps 300",
    "--activation elu --layers 2,8,1 --lr 0.2",
    "--activation gelu --data iris --steps 300",
    "--activation silu --data spirals --steps 300",
    "--activation leaky-relu --negative-slope 0.2 --seed 2",
    "--loss huber --huber-delta 0.2 --output-activation identity --lr 0.1",
    "--optimizer rmsprop --alpha 0.9 --data iris --weight-decay 0.01 --steps 300",
    "--norm batch --activation tanh --layers 2,8,1 --lr 0.1",
    "--norm batch --data iris --optimizer momentum --weight-decay 0.001 --steps 300",
    "--norm batch --data iris --layers 4,9,5,3 --optimizer adam --steps 100",
    "--dropout 0.25 --activation tanh --layers 2,8,1 --lr 0.1",
    "--dropout 0.5 --norm batch --data iris --layers 4,9,5,3 --batch 30 --steps 100",
    "--optimizer adamw --data digits --schedule exponential --clip-value 0.01 --steps 200",
]

with tempfile.TemporaryDirectory() as folder:
    for number, settings in enumerate(SETTINGS):
        path = pathlib.Path(folder) / f"{number}.py"
        subprocess.run([*WGRAD, str(path), *settings.split()], check=True, capture_output=True)
        for arguments in [], ["--f32"]:
            call = [sys.executable, str(path), *arguments]
            run = subprocess.run(call, capture_output=True, text=True)
            assert run.returncode == 0, f"{settings} {arguments}:\n{run.stdout}{run.stderr}"
            print(f"{' '.join([settings, *arguments])}: {run.stdout.splitlines()[-1]}")
