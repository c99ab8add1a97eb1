"""The scripts of `examples/scripts` as tests and documents run them; Python 3.8 reads this, too.

`SCRIPTS` has one entry for each file, in the order of the table in the documents: what the script shows,
the arguments it gets (none where its defaults are quick), and how near to MXNet's each of its final metrics
must come. Both sides draw the same random numbers; what is left are sums of float32 in another order, which
training makes larger from step to step.
"""

import json
import subprocess
import tempfile
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "scripts"
RECORD = Path(__file__).with_name("scripts.json")


class Script:
    """How one script is run and judged.

    `tolerance` is absolute, for every metric; `tolerances` names those that have another. With the further
    arguments `worse` the script does not reach what it demands of itself and ends with status 1.
    """

    def __init__(self, shows, arguments=(), worse=("--num-epochs", "1"), tolerance=1e-3, tolerances=None):
        self.shows, self.arguments, self.worse = shows, list(arguments), list(worse)
        self.tolerance, self.tolerances = tolerance, dict(tolerances or {})

    def differences(self, got, want):
        """One line for each metric of two dictionaries that is not within its tolerance."""
        if list(got) != list(want):
            return [f"metrics {list(got)} for {list(want)}"]
        return [
            f"{name}: {got[name]} for {value}, tolerance {allowed}"
            for name, value in want.items()
            for allowed in [self.tolerances.get(name, self.tolerance)]
            if not abs(got[name] - value) <= allowed
        ]


SCRIPTS = {
    "train_digits": Script("`Module.fit` with callbacks, a schedule of rates, checkpoints, resuming"),
    "custom_iterator": Script(
        "a `DataIter` and metrics of one's own", worse=["--num-epochs", "1", "--lr", "0.001"]
    ),
    "spelling_lstm": Script("`mx.rnn` cells and `BucketingModule` on text"),
    "two_losses": Script("a `Group` of two losses, two labels, a metric for both"),
    "finetune": Script("fine-tuning: `get_internals()`, a new head, `fixed_param_names`, `allow_missing`"),
    "extract_features": Script("a hidden layer's output as features"),
    # Two networks that train against each other: the smallest difference grows, only the course is the same.
    "gan": Script(
        "two Modules against each other, `inputs_need_grad`, `get_input_grads`",
        tolerances={
            "distance": 0.06,
            "accuracy of the discriminator": 0.08,
            "loss of the discriminator": 0.01,
            "spread": 0.1,
        },
    ),
    # Its noise is Dropout's; in MXNet, too, a GPU has random numbers of its own.
    "autoencoder": Script(
        "layers trained one by one, tied weights, `lr_mult`",
        tolerance=0.01,
        tolerances={
            "squared error": 2e-3,
            "squared error of principal components": 1e-5,
            "deviation of the code": 0.2,
        },
    ),
    "monitor_weights": Script("`Monitor` in `fit` and in a loop, statistics of one's own"),
    "feedforward": Script("`mx.model.FeedForward`"),
    "simple_bind_loop": Script("`simple_bind` and updates written by hand"),
    "predictor": Script("the commonest program: checkpoint, `label_names=None`, namedtuple batches"),
}


def started(start, name, *more):
    """A script's process after its end, run in an empty folder of its own.

    `start` is the command that runs a script, such as `[python]` or `[python, "-m", "cysym", "run"]`.
    """
    command = [*start, str(FOLDER / (name + ".py")), *SCRIPTS[name].arguments, *more]
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def run(start, name, gpu=False):
    """Final metrics of a script and the seconds its process took."""
    begun = time.perf_counter()
    done = started(start, name, *(["--gpus", "0"] if gpu else []))
    seconds = time.perf_counter() - begun
    if done.returncode != 0:
        raise AssertionError(f"{name} ended with {done.returncode}:\n{done.stdout}\n{done.stderr[-3000:]}")
    return final(done.stdout), round(seconds, 1)


def final(printed):
    """The metrics in the last line of what a script printed."""
    lines = printed.splitlines()
    if not lines or not lines[-1].startswith("final {"):
        raise AssertionError("the last line is not 'final {...}': " + repr(lines[-1:]))
    return json.loads(lines[-1][len("final ") :])


def table(record):
    """The Markdown table of the documents: what each script shows, its metrics and seconds on each side."""
    sides = {"mxnet": "MXNet 1.9.1", "cpu": "cysym, CPU", "opencl": "cysym, OpenCL"}
    head = ["script", "what it shows", "metric", *sides.values()]
    rows = ["| " + " | ".join(head) + " |", "|---|---|---|" + "---:|" * len(sides)]
    for name, script in SCRIPTS.items():
        columns = [record[name][side] for side in sides]
        cells = [f"[`{name}.py`](../../examples/scripts/{name}.py)", script.shows]
        cells.append("<br>".join([*columns[0]["final"], "seconds"]))
        for column in columns:
            numbers = [f"{v:.4f}" if isinstance(v, float) else str(v) for v in column["final"].values()]
            cells.append("<br>".join([*numbers, f"{column['seconds']:.1f}"]))
        rows.append("| " + " | ".join(cells) + " |")
    rows += [
        "",
        "Seconds are those of the whole process, imports included, with one thread where the CPU works",
        "alone; OpenCL is PoCL on that processor, kernels compiled before. Metrics may differ by 0.001;",
        "but the networks of `gan.py` drift, and Dropout in `autoencoder.py` draws other numbers on a GPU.",
    ]
    return "\n".join(rows) + "\n"
