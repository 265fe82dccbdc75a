"""Problems of ours as SBML and PEtab, by `metacascade convert PROBLEM --petab FOLDER`.

Of all datasets and of problems with every feature that has a place in PEtab: the package's linter finds no error in what is
written, the package's own calculators agree to 1e-3 with `metacascade evaluate` of the original, and what is written is
read back as the same problem, with the same log-likelihood and log-prior.

Usage: convert.py; METACASCADE_BIN names the program.
"""

import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np
import pandas as pd
import petab.v2 as petab2
from petab.v2.calculate import calculate_chi2, calculate_llh

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("METACASCADE_BIN", ROOT / "target/release/metacascade")
DATASETS = sorted(path.parent for path in (ROOT / "datasets").glob("*/problem.yaml"))
FEATURES = sorted(path.parent for path in (ROOT / "tests/petab/problems").glob("*/problem.yaml"))
FIXTURES = [ROOT / "crates/problem/tests/fixtures" / name for name in ("switching", "immigration")]
PETAB_LAWS = {"normal", "log-normal", "laplace", "log-laplace"}


def run(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, encoding="utf-8")
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, arguments))}:\n{done.stderr}")
    return done.stdout


def evaluate(path):
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "simulations.tsv"
        found = json.loads(run("evaluate", path, "--json", "-o", table))
        return found, pd.read_csv(table, sep="\t")


def has_place(path):
    """SBML has none for lesions and parameters that vary between subjects, PEtab none for times to events alone."""
    done = subprocess.run([PROGRAM, "convert", path, "--petab", os.devnull + "/x"], capture_output=True, encoding="utf-8")
    return not any(word in done.stderr for word in ("no place in SBML", "SBML knows one", "no place in PEtab"))


def check(path):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "written"
        run("convert", path, "--petab", folder)
        read = petab2.Problem.from_yaml(folder / "problem.yaml")
        issues = [issue for issue in read.validate() if issue.level >= 30]
        if issues:
            raise AssertionError("\n".join(map(str, issues)))
        done = subprocess.run([str(Path(sys.executable).parent / "petablint"), str(folder / "problem.yaml")],
                              capture_output=True, encoding="utf-8")
        # It ends with 1 for any problem with an extension, of which it can only warn.
        told = done.stdout + done.stderr
        if done.returncode != 0 and (not told.startswith("WARNING: Validation of PEtab ext") or "ERROR" in told):
            raise AssertionError(f"petablint: {told}")
        try:
            (before, _), (after, table) = evaluate(path), evaluate(folder)
        except AssertionError as error:
            if "have no likelihood" in str(error):
                return "linted (times to events have no likelihood)"
            raise
        for name in ("log_likelihood", "chi_squared", "log_prior"):
            if not np.isclose(before[name], after[name], rtol=1e-4, atol=1e-3):
                raise AssertionError(f"{name}: {after[name]} of what was written, {before[name]} of the original")
        columns = set(read.measurement_df.columns) | set(read.observable_df.columns)
        if columns & {"noiseLaw", "censoring", "measurementN", "sampledFraction"}:
            return "linted, read back (laws beyond PEtab)"
        simulations = read.measurement_df.rename(columns={"measurement": "simulation"})
        simulations["simulation"] = list(table["simulation"])
        tables = (read.measurement_df, simulations, read.observable_df, read.parameter_df)
        for name, calculate in (("log_likelihood", calculate_llh), ("chi_squared", calculate_chi2)):
            theirs = calculate(*tables)
            if not np.isclose(before[name], theirs, rtol=1e-3, atol=1e-3):
                raise AssertionError(f"{name}: {before[name]}, by the petab package {theirs}")
        return "linted, read back, agrees"


def main():
    wrong = 0
    for path in [*DATASETS, *FIXTURES, *FEATURES]:
        try:
            result = check(path) if has_place(path) else "has no place in SBML or PEtab"
            print(f"{path.name}: {result}", flush=True)
        except Exception:  # noqa: BLE001 -- all of them are told
            wrong += 1
            print(f"{path.name}: WRONG\n{traceback.format_exc(limit=-2)}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
