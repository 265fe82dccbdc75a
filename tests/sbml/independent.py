"""Hands models as SBML to two other programs.

libSBML must find no error in what is written, consistency checks on (units are allowed to draw warnings), and
libRoadRunner's Gillespie method must have the means and variances that `metacascade simulate` has of the model itself.

Both are samples of N trajectories. At each time z is the difference of the two over its standard error, that of a
variance from the fourth moments; |z| < 4.5 has a false-alarm rate of 7e-6, about 7e-4 for the whole script. Seeds are
fixed. Models with events at times are validated only: libRoadRunner says itself that it is not exact there.

Usage: independent.py; METACASCADE_BIN names the program.
"""

import csv
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import libsbml
import numpy as np
import roadrunner

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("METACASCADE_BIN", ROOT / "target/release/metacascade")
# Model, end of time, trajectories.
SIMULATED = [("birth-death", 4, 4000), ("sir", 4, 1000), ("switching", 4, 1000),
             (ROOT / "tests/sbml/features.toml", 4, 4000)]
VALIDATED = [ROOT / "tests/sbml/times.toml"]
POINTS = 5
BOUND = 4.5


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], check=True, capture_output=True, encoding="utf-8").stdout


def validate(path):
    """What libSBML has against a document, beyond warnings about units."""
    document = libsbml.readSBMLFromFile(str(path))
    document.setConsistencyChecks(libsbml.LIBSBML_CAT_MODELING_PRACTICE, False)
    document.checkConsistency()
    found = [document.getError(index) for index in range(document.getNumErrors())]
    wrong = [one for one in found if one.getSeverity() >= libsbml.LIBSBML_SEV_ERROR]
    odd = [one for one in found if one not in wrong and one.getCategory() != libsbml.LIBSBML_CAT_UNITS_CONSISTENCY]
    return [f"{path.name}:{one.getLine()}: {one.getMessage().strip()}" for one in wrong + odd], len(found)


def ours(model, end, trajectories):
    """Names, and trajectories as [trajectory, time, name]."""
    times = f"0:{end}:{end / (POINTS - 1)}"
    text = run("simulate", model, "--times", times, "-n", trajectories, "--method", "direct", "--seed", 11)
    rows = list(csv.reader(io.StringIO(text)))
    values = np.array(rows[1:], dtype=float).reshape(trajectories, POINTS, -1)
    return rows[0][2:], values[:, :, 2:]


def theirs(path, names, end, trajectories):
    model = libsbml.readSBMLFromFile(str(path)).getModel()
    quantities = [*model.getListOfSpecies(), *model.getListOfParameters()]
    ids = {one.getName(): one.getId() for one in quantities if one.isSetName()}
    runner = roadrunner.RoadRunner(str(path))
    runner.setIntegrator("gillespie")
    runner.getIntegrator().setValue("seed", 12)
    runner.getIntegrator().setValue("variable_step_size", False)
    runner.timeCourseSelections = [ids.get(name, name) for name in names]
    runs = []
    for _ in range(trajectories):
        runner.resetAll()
        runs.append(np.array(runner.simulate(0, end, POINTS)))
    return np.array(runs)


def scores(one, other):
    """z of the means and of the variances at each time and of each quantity; None where nothing varies."""
    for time in range(POINTS):
        for column in range(one.shape[2]):
            a, b = one[:, time, column], other[:, time, column]
            if a.var() == 0 and b.var() == 0:
                yield time, column, None, a[0] == b[0]
                continue
            mean = (a.mean() - b.mean()) / np.sqrt(a.var() / len(a) + b.var() / len(b))
            error = lambda x: (np.mean((x - x.mean()) ** 4) - x.var() ** 2) / len(x)
            spread = (a.var() - b.var()) / np.sqrt(error(a) + error(b))
            yield time, column, (mean, spread), max(abs(mean), abs(spread)) < BOUND


def main():
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stderr.reconfigure(encoding="utf-8")
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        for model in [model for model, _, _ in SIMULATED] + VALIDATED:
            path = Path(folder) / f"{Path(model).stem}.xml"
            run("convert", model, path)
            wrong, count = validate(path)
            failures += wrong
            print(f"{path.stem}: libSBML has {len(wrong)} errors, {count - len(wrong)} warnings about units")
        for model, end, trajectories in SIMULATED:
            names, one = ours(model, end, trajectories)
            model = Path(model).stem
            other = theirs(Path(folder) / f"{model}.xml", names, end, trajectories)
            worst = [0.0, 0.0]
            for time, column, found, fine in scores(one, other):
                if found:
                    worst = [max(worst, abs(new)) for worst, new in zip(worst, found)]
                if not fine:
                    failures.append(f"{model}: {names[column]} at time {time}: {found or 'not the same'}")
            print(f"{model}: {trajectories} trajectories each, worst |z| of means {worst[0]:.2f}, "
                  f"of variances {worst[1]:.2f}")
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
