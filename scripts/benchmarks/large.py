"""Time and memory of fits that are large: many subjects and observables, and many particles.

Writes a problem with so many subjects, each measured once by ten observables, fits it, and fits it again with fewer
measurements and so many particles. Prints seconds and the most memory of each.
"""

import argparse
import math
import os
import pathlib
import random
import subprocess
import tempfile
import time

def write(folder, subjects, rng):
    """A problem whose truth is k = .3 a day and scale 100."""
    observables = range(1, 11)
    rules = "".join(f'label_{i} = {{ expression = "scale * exp(-k * {i} / 5 * time)" }}\n' for i in observables)
    (folder / "model.toml").write_text(
        'name = "clearance"\ntitle = "Clearance of ten labels"\ntime_unit = "day"\n\n'
        + '[parameters]\nk = { value = 0.3, unit = "1/day" }\nscale = { value = 100 }\n\n[rules]\n' + rules
    )
    (folder / "problem.yaml").write_text(
        "format_version: 2.0.0\nparameter_files: [parameters.tsv]\nmodel_files:\n  clearance:\n    location: model.toml\n"
        "    language: metacascade\nobservable_files: [observables.tsv]\nmeasurement_files: [measurements.tsv]\n"
        'extensions:\n  metacascade:\n    version: "1"\n    required: true\n    title: Clearance of ten labels\n'
        "    simulation:\n      method: ode\n"
    )
    (folder / "parameters.tsv").write_text(
        "parameterId\tlowerBound\tupperBound\tnominalValue\testimate\tpriorDistribution\tpriorParameters\n"
        "k\t0.01\t10\t0.3\ttrue\tlog-uniform\t0.01;10\nscale\t1\t10000\t100\ttrue\tlog-uniform\t1;10000\n"
        "sigma\t0.01\t2\t0.2\ttrue\tlog-uniform\t0.01;2\n"
    )
    (folder / "observables.tsv").write_text(
        "observableId\tobservableFormula\tnoiseFormula\tnoiseDistribution\n"
        + "".join(f"seen_{i}\tlabel_{i}\tsigma\tlog-normal\n" for i in observables)
    )
    rows = ["observableId\texperimentId\ttime\tmeasurement\treplicateId"]
    for subject in range(subjects):
        when = subject % 10 + 1
        rows += [
            f"seen_{i}\t\t{when}\t{100 * math.exp(-0.3 * i / 5 * when + rng.gauss(0, 0.2)):.6g}\tsubject_{subject}"
            for i in observables
        ]
    (folder / "measurements.tsv").write_text("\n".join(rows) + "\n")


def run(name, *arguments):
    """Seconds and megabytes of a command."""
    started = time.time()
    process = subprocess.Popen([str(argument) for argument in arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    print(f"{name:60} {time.time() - started:8.1f} s {usage.ru_maxrss / 1024:8.0f} MB  exit {status >> 8}", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--program", default="target/release/metacascade")
    arguments.add_argument("--subjects", type=int, default=100_000)
    arguments.add_argument("--particles", type=int, default=1_000_000)
    options = arguments.parse_args()
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        many, few = pathlib.Path(folder, "many"), pathlib.Path(folder, "few")
        for problem, subjects in ((many, options.subjects), (few, 1)):
            problem.mkdir()
            write(problem, subjects, rng)
        print(f"{'':60} {'time':>10} {'memory':>11}")
        run(f"check, {options.subjects} subjects, 10 observables", options.program, "check", many)
        for method in ("mle", "mcmc", "surrogate"):
            run(f"fit --method {method}, the same", options.program, "fit", many, "--method", method, "-q",
                "-o", f"{folder}/{method}")
        run(f"fit --method abc-smc, {options.particles} particles", options.program, "fit", few, "--method", "abc-smc", "-q",
            "--population", options.particles, "--max-simulations", 20 * options.particles, "-o", f"{folder}/abc")


if __name__ == "__main__":
    main()
