"""Fits the reference problems with metacascade and with pyABC: same data, same priors, same summaries, one go.

Errors are mean marginal Wasserstein-1 distances to the exact posterior in posterior standard deviations.
"""

import argparse
import csv
import json
import logging
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
import pyabc
from scipy.stats import lognorm, wasserstein_distance

PROBLEMS = ["birth-death-immigration", "switching", "metastases", "recurrence"]


def spread(values, axis):
    return np.log(np.std(values, axis=axis) + 0.01)


class BirthDeathImmigration:
    bounds = {"birth": (0.1, 2.0), "death": (0.1, 2.0), "immigration": (0.3, 10.0)}
    times = np.array([0.5, 1.0, 1.5, 2.0, 3.0, 4.0])

    def simulate(self, p, rng):
        counts = np.full(10, 10)
        columns = []
        for gap in np.diff(np.concatenate([[0.0], self.times])):
            rate = p["birth"] - p["death"]
            growth = np.expm1(rate * gap) / rate if abs(rate * gap) > 1e-12 else gap
            share = growth / (1 + p["birth"] * growth)
            lines = rng.binomial(counts, 1 - p["death"] * share)
            ratio = p["birth"] * share
            counts = lines + rng.poisson(rng.gamma(lines + p["immigration"] / p["birth"], ratio / (1 - ratio)))
            columns.append(counts)
        return np.array(columns).T

    def summaries(self, data):
        roots = np.sqrt(np.concatenate([np.full((len(data), 1), 10), data], axis=1))
        found = []
        for t in range(1, roots.shape[1]):
            found += [roots[:, t].mean(), spread(roots[:, t], 0), spread(roots[:, t] - roots[:, t - 1], 0)]
            if t > 1:
                found.append(np.cov(roots[:, t], roots[:, t - 1], bias=True)[0, 1])
        return np.array(found)


class Switching:
    bounds = {name: (0.01, 1.0) for name in
              ["epithelial_to_hybrid", "hybrid_to_epithelial", "hybrid_to_mesenchymal", "mesenchymal_to_hybrid"]}

    def simulate(self, p, rng):
        from scipy.linalg import expm
        a, b, c, d = p.values()
        generator = np.array([[-a, b, 0], [a, -b - c, d], [0, c, -d]])
        flows = [expm(generator * t) for t in (1.0, 2.0, 4.0, 8.0)]
        chances = [np.clip(flow[:, start], 0, 1) for start in (0, 2) for flow in flows]
        return np.array([rng.multinomial(100, chance / chance.sum()) for chance in chances])

    def summaries(self, data):
        return (data[:, [0, 2]] / 100).ravel()


class Metastases:
    bounds = {"founders": (0.5, 20.0), "effect": None, "growth_ratio": (0.5, 4.0)}

    def simulate(self, p, rng):
        arms = []
        for mean in (p["founders"], p["founders"] * p["effect"]):
            founders = rng.poisson(mean, 20)
            ages = rng.exponential(1 / p["growth_ratio"], founders.sum())
            # Counts above the limit are all the same; the bound keeps the geometric law within integers.
            sizes = rng.geometric(np.maximum(np.exp(-ages), 1e-9))
            owner = np.repeat(np.arange(20), founders)
            arms.append(np.minimum(np.bincount(owner, sizes, 20), 100))
        return np.array(arms)

    def summaries(self, data):
        return np.array([[(arm == 0).mean(), np.log1p(arm).mean(), np.log1p(arm).std()] for arm in data]).ravel()


class Recurrence:
    bounds = {"seeding": (1e-11, 1e-8), "growth": (0.002, 0.03), "birth": (0.05, 0.5)}
    sizes = np.repeat([2e8, 1e9, 5e9], 30)
    ends = np.tile(365.25 * (2 + 10 * np.arange(30) / 29), 3)

    def hazard(self, p, time):
        r = p["growth"]
        y = 1e8 * (r / p["birth"]) * np.exp(-r * time) / self.sizes
        factor = p["seeding"] * self.sizes * np.exp(r * time) / (r * 1e8)
        return factor * np.exp(-y) * -np.expm1(-y * (self.sizes - 1))

    def simulate(self, p, rng):
        wanted = rng.exponential(size=90)
        low, high = np.zeros(90), self.ends.copy()
        for _ in range(30):
            middle = (low + high) / 2
            below = self.hazard(p, middle) < wanted
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        times = np.where(self.hazard(p, self.ends) < wanted, self.ends, low)
        return np.where(self.hazard(p, np.zeros(90)) >= wanted, 0.0, times).reshape(3, 30)

    def summaries(self, data):
        counts = [(data <= by).sum(axis=1) for by in (0, 180, 365, 730, 1460, 2920)]
        shares = [np.arcsin(np.sqrt((count + 0.375) / (data.shape[1] + 0.75))) for count in counts]
        logs = np.log1p(data)
        recurred = np.where((data > 0) & (data < self.ends.reshape(3, 30)), logs, np.nan)
        found = [row[~np.isnan(row)] for row in recurred]
        means, spreads = zip(*[(row.mean(), row.std()) if row.size else (0.0, 0.0) for row in found])
        spreads = np.log(np.array(spreads) + 0.01)
        return np.array([*shares, logs.mean(axis=1), logs.std(axis=1), means, spreads]).T.ravel()


MODELS = dict(zip(PROBLEMS, [BirthDeathImmigration(), Switching(), Metastases(), Recurrence()]))


def pyabc_fit(case, simulations, seed):
    """pyABC with its adaptive distance, median thresholds and the multivariate normal kernel of local covariance."""
    model = MODELS[case["problem"]]
    rng = np.random.default_rng(seed)
    np.random.seed(seed)
    priors, logarithmic = {}, []
    for name, bounds in model.bounds.items():
        if bounds is None:
            # ln(effect) ~ N(-.5, .7), moved in its logarithm to base 10.
            priors[name] = pyabc.RV("norm", -0.5 / np.log(10), 0.7 / np.log(10))
        else:
            low, high = np.log10(bounds)
            priors[name] = pyabc.RV("uniform", low, high - low)
        logarithmic.append(name)

    def simulate(parameters):
        natural = {name: 10 ** parameters[name] for name in logarithmic}
        return {"s": model.summaries(model.simulate(natural, rng))}

    abc = pyabc.ABCSMC(
        simulate,
        pyabc.Distribution(**priors),
        pyabc.AdaptivePNormDistance(p=2),
        population_size=min(1000, max(100, simulations // 20)),
        transitions=pyabc.LocalTransition(k_fraction=0.3),
        eps=pyabc.MedianEpsilon(),
        sampler=pyabc.sampler.SingleCoreSampler(),
    )
    with tempfile.TemporaryDirectory() as folder:
        abc.new("sqlite:///" + os.path.join(folder, "run.db"), {"s": np.array(case["summaries"])})
        started = time.time()
        history = abc.run(max_total_nr_simulations=simulations)
        seconds = time.time() - started
        draws, weights = history.get_distribution()
        total = history.total_nr_simulations
    exact = np.array(case["exact"])
    errors = [
        wasserstein_distance(draws[name].to_numpy(), exact[:, i], weights) / exact[:, i].std()
        for i, name in enumerate(case["names"])
    ]
    return float(np.mean(errors)), total, seconds


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="one data set of one problem, few simulations")
    arguments.add_argument("--problems", default=",".join(PROBLEMS))
    arguments.add_argument("--data-sets", type=int, default=12)
    arguments.add_argument("--simulations", type=int, default=5000)
    options = arguments.parse_args()
    if options.quick:
        options.problems, options.data_sets, options.simulations = "metastases", 1, 2000
    logging.getLogger("ABC").setLevel(logging.WARNING)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target"))
    program = target / "release" / "examples" / "reference"
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["exact,surrogate,abc-smc", options.problems, options.data_sets, options.simulations, folder]
        command = [str(program), *map(str, arguments)]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        for row in csv.DictReader(output.splitlines(), delimiter="\t"):
            rows.append((row["problem"], row["method"], float(row["error"]), int(row["simulations"]), float(row["seconds"])))
        for path in sorted(pathlib.Path(folder).glob("*.json")):
            case = json.loads(path.read_text())
            error, simulations, seconds = pyabc_fit(case, options.simulations, seed=1)
            rows.append((case["problem"], "pyABC", error, simulations, seconds))
    print(f"{'problem':24} {'method':10} {'median error':>12} {'worst':>7} {'simulations':>12} {'seconds':>8}")
    for problem in options.problems.split(","):
        for method in ["exact", "surrogate", "abc-smc", "pyABC"]:
            found = [row for row in rows if row[:2] == (problem, method)]
            if found:
                errors, counts, seconds = ([row[i] for row in found] for i in (2, 3, 4))
                print(
                    f"{problem:24} {method:10} {statistics.median(errors):12.3f} {max(errors):7.3f} "
                    f"{statistics.median(counts):12.0f} {statistics.median(seconds):8.2f}"
                )


if __name__ == "__main__":
    main()
