"""The engine against its peers: the same models, grids and final times, one thread, interleaved rounds, medians."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import sysconfig
import tomllib

import rebop

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BINARY = TARGET / "release/metacascade"
WORK = ROOT / "target/bench"

# Model: end time, points of the grid, species that is compared.
MODELS = {
    "bd": (100, 100, "X"),
    "sir": (200, 100, "R"),
    "dimers": (4, 100, "P2"),
    "vilar": (200, 200, "R"),
    "schlogl": (20, 100, "X"),
    "cascade-chain": (60, 100, "E"),
    "ring100": (100, 100, "X0"),
    "ring1000": (10, 100, "X0"),
}
OURS = ["direct", "ensemble", "next-reaction", "composition-rejection"]
EXACT_PEERS = ["rebop", "rebop-run-time", "bngsim", "copasi", "gillespy2", "roadrunner"]
LEAPS = ["tau-leap"]
LEAP_PEERS = ["copasi-adaptive", "copasi-tau", "gillespy2-tau"]
LEAP_MODELS = ["bd", "sir", "dimers", "cascade-chain"]
SECONDS = 0.7
MOST_TRAJECTORIES = 2000
# Fewer would leave lanes of the ensemble method empty, which is not what it is for.
ENSEMBLE = 256


def ring(size):
    """The text of a ring of compartments: hops of rate 1 to either side, a birth a unit of time, deaths of rate 0.1."""
    lines = [f'name = "ring{size}"', "[species]"] + [f"X{i} = 10" for i in range(size)]
    lines += ["[parameters]", "hop = 1", "birth = 1", "death = 0.1"]
    for i in range(size):
        for equation, constant in [
            (f"X{i} -> X{(i + 1) % size}", "hop"),
            (f"X{i} -> X{(i - 1) % size}", "hop"),
            (f"-> X{i}", "birth"),
            (f"X{i} ->", "death"),
        ]:
            lines += ["[[reactions]]", f'equation = "{equation}"', f'rate = "mass_action({constant})"']
    return "\n".join(lines) + "\n"


class Ours:
    """metacascade by one method; seconds as `--stats` tells them, without reading the model."""

    least = 1

    def __init__(self, method, model, end, points, threads=1):
        self.command = [BINARY, "simulate", model, "--times", f"0:{end}:{end / points!r}", "--summary"]
        self.command += ["--method", method, "--threads", str(threads)]
        self.least = ENSEMBLE if method == "ensemble" else 1

    def run(self, count, seed):
        stats = WORK / "stats.json"
        words = self.command + ["-n", str(count), "--seed", str(seed), "--stats", stats]
        out = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip().splitlines()
        head, last = out[0].split(","), out[-1].split(",")
        told = json.loads(stats.read_text())
        row = dict(zip(head, last))
        species = {
            name.removesuffix("-mean"): [float(row[name]), float(row[name.removesuffix("-mean") + "-sd"])]
            for name in head
            if name.endswith("-mean")
        }
        return {"seconds": told["seconds"], "species": species, "events": told["events"] / count}

    def close(self):
        pass


class Peer:
    """A peer's program that stays loaded."""

    least = 1

    def __init__(self, words):
        self.process = subprocess.Popen(
            [str(word) for word in words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=open(WORK / "peer.log", "w"),
            text=True,
            # GillesPy2 starts SCons by the interpreter behind the virtual environment.
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": sysconfig.get_path("purelib")},
        )
        self.line("ready")

    def line(self, start):
        while True:
            line = self.process.stdout.readline()
            if not line:
                told = (WORK / "peer.log").read_text().strip().splitlines()
                raise RuntimeError(told[-1] if told else "it ended without a word")
            if line.startswith(start):
                return line

    def run(self, count, seed):
        self.process.stdin.write(f"{count} {seed}\n")
        self.process.stdin.flush()
        return json.loads(self.line("{"))

    def close(self):
        self.process.kill()


def runner(name, model, program, threads=1):
    end, points, _ = MODELS[model]
    if name in OURS + LEAPS:
        return Ours(name, WORK / f"{model}.toml", end, points, threads)
    if name.startswith("rebop"):
        return Peer([program, name, model, end, points])
    return Peer([sys.executable, HERE / "peers.py", name, WORK / f"{model}.xml", end, points])


def measure(model, names, rounds, program):
    """{name: {per_second: [...], species, events}} and {name: reason} for those that cannot."""
    found, failed, runners, counts = {}, {}, {}, {}
    for name in names:
        try:
            runners[name] = runner(name, model, program)
            first = runners[name].run(max(1, runners[name].least), 1)
            each = first["seconds"] / max(1, runners[name].least)
            count = max(runners[name].least, min(MOST_TRAJECTORIES, int(SECONDS / max(each, 1e-7))))
            counts[name] = count
            found[name] = {"per_second": [], "species": [], "count": count, "events": first.get("events")}
        except Exception as error:  # a peer that fails is reported, and does not stop the others
            failed[name] = f"{type(error).__name__}: {error}"[:200]
    for index in range(rounds):
        for name in found:
            told = runners[name].run(counts[name], 2 + index)
            found[name]["per_second"].append(counts[name] / told["seconds"])
            found[name]["species"].append(told["species"])
    for one in runners.values():
        one.close()
    return found, failed


def pooled(one):
    """Mean and standard deviation of each species over all rounds."""
    rounds = one["species"]
    result = {}
    for name in rounds[0]:
        means = [each[name][0] for each in rounds]
        variances = [each[name][1] ** 2 for each in rounds]
        mean = statistics.fmean(means)
        between = statistics.fmean([(value - mean) ** 2 for value in means])
        result[name] = (mean, (statistics.fmean(variances) + between) ** 0.5)
    return result


def exact(models, rounds, program, results):
    print("Exact methods: trajectories a second (medians), million events a second, ratio to the fastest peer\n")
    for model in models:
        ring_model = model.startswith("ring")
        peers = [peer for peer in EXACT_PEERS if not (ring_model and peer == "rebop")]
        # Minutes a trajectory.
        peers = [peer for peer in peers if not (model == "ring1000" and peer in ("copasi", "gillespy2", "roadrunner"))]
        peers = [peer for peer in peers if wanted(peer)]
        ours = [method for method in OURS if not (model == "ring1000" and method in ("direct", "ensemble"))]
        found, failed = measure(model, ours + peers, rounds, program)
        events = found[ours[-1]]["events"]
        fastest = max((statistics.median(found[p]["per_second"]) for p in peers if p in found), default=float("nan"))
        readout = MODELS[model][2]
        print(f"{model}: {events:,.0f} events a trajectory")
        print(f"  {'':24}{'a second':>12}{'min':>12}{'max':>12}{'M events/s':>12}{'ratio':>8}   mean and s.d. of {readout}")
        for name, one in found.items():
            speeds, (mean, sd) = one["per_second"], pooled(one)[readout]
            middle = statistics.median(speeds)
            row = f"{middle:>12,.1f}{min(speeds):>12,.1f}{max(speeds):>12,.1f}{middle * events / 1e6:>12.1f}"
            print(f"  {name:24}{row}{middle / fastest:>8.2f}   {mean:.2f} {sd:.2f} ({one['count'] * rounds})", flush=True)
            results.append({"table": "exact", "model": model, "name": name, "per_second": speeds, "events": events})
        for name, reason in failed.items():
            print(f"  {name:24}{'–':>12}   {reason}")
        print()


def ensembles(rounds, program, results):
    """Many short trajectories."""
    print("Ensembles of 1,000 short trajectories: trajectories a second (medians), ratio to the fastest peer\n")
    for model in ["sir1000", "chain100"]:
        found, failed = {}, {}
        names = ["direct", "ensemble"] + [p for p in EXACT_PEERS if wanted(p)]
        runners = {}
        for name in names:
            try:
                runners[name] = runner(name, model, program)
                runners[name].run(50, 1)
                found[name] = []
            except Exception as error:
                failed[name] = f"{type(error).__name__}: {error}"[:200]
        for index in range(rounds):
            for name in list(found):
                count = 1000 if name in OURS or name.startswith("rebop") else 100
                found[name].append(count / runners[name].run(count, 2 + index)["seconds"])
        for one in runners.values():
            one.close()
        fastest = max((statistics.median(v) for n, v in found.items() if n not in OURS), default=float("nan"))
        print(model)
        for name, speeds in found.items():
            middle = statistics.median(speeds)
            print(f"  {name:24}{middle:>14,.1f}{middle / fastest:>8.2f}", flush=True)
            results.append({"table": "ensembles", "model": model, "name": name, "per_second": speeds})
        for name, reason in failed.items():
            print(f"  {name:24}{'–':>14}   {reason}")
        print()


def leaps(models, rounds, program, results):
    print("Leaping: trajectories a second (medians), largest error of a species' mean and s.d. at the end\n")
    for model in models:
        truth, _ = measure(model, ["ensemble"], 2 * rounds, program)
        reference = pooled(truth["ensemble"])
        speed = statistics.median(truth["ensemble"]["per_second"])
        found, failed = measure(model, LEAPS + [p for p in LEAP_PEERS if wanted(p)], rounds, program)
        print(f"{model}: exact, by lanes, {speed:,.1f} a second")
        for name, one in found.items():
            moments, count = pooled(one), one["count"] * rounds
            errors = []
            for species, (mean, sd) in reference.items():
                # Errors that chance alone explains are not shown.
                if mean > 0 and sd > 0 and species in moments and sd / mean / count**0.5 < 0.02:
                    got = moments[species]
                    errors.append((abs(got[0] / mean - 1), abs(got[1] / sd - 1), species, sd / mean / count**0.5))
            if not errors:
                continue
            mean_error, sd_error = max(errors), max(errors, key=lambda error: error[1])
            middle = statistics.median(one["per_second"])
            print(
                f"  {name:24}{middle:>12,.1f}   mean {100 * mean_error[0]:.1f} % ({mean_error[2]}, standard error"
                f" {100 * mean_error[3]:.1f} %), s.d. {100 * sd_error[1]:.1f} % ({sd_error[2]})",
                flush=True,
            )
            results.append({"table": "leaps", "model": model, "name": name, "per_second": one["per_second"],
                            "mean_error": mean_error[0], "sd_error": sd_error[1]})
        for name, reason in failed.items():
            print(f"  {name:24}{'–':>12}   {reason}")
        print()


def threads(rounds, results):
    print("Two threads against one, ensemble method, 2,048 trajectories of cascade-chain / 40\n")
    speeds = {1: [], 2: []}
    for index in range(rounds):
        for count in speeds:
            one = Ours("ensemble", WORK / "chain100.toml", 60, 100, threads=count)
            speeds[count].append(20480 / one.run(20480, index)["seconds"])
    ratio = statistics.median(speeds[2]) / statistics.median(speeds[1])
    print(f"  {statistics.median(speeds[1]):,.0f} and {statistics.median(speeds[2]):,.0f} a second: {ratio:.2f} times\n")
    results.append({"table": "threads", "ratio": ratio})


def wanted(peer):
    return not ARGUMENTS.peers or any(peer.startswith(word) for word in ARGUMENTS.peers.split(","))


def prepare(models):
    """All models as TOML and SBML, and rebop's program."""
    WORK.mkdir(parents=True, exist_ok=True)
    parsed = {}
    for model in models:
        path = WORK / f"{model}.toml"
        if model.startswith("ring"):
            text = ring(int(model[4:]))
        else:
            source = {"sir1000": "sir", "chain100": "cascade-chain"}.get(model, model)
            text = (HERE / "models" / f"{source}.toml").read_text()
            for old, new in {
                "sir1000": [("S = 99900", "S = 990"), ("I = 100", "I = 10"), ("k1 = 3e-06", "k1 = 3e-04")],
                "chain100": [("E = 2000", "E = 100")],
            }.get(model, []):
                if old not in text:
                    sys.exit(f"{source}.toml does not say {old}")
                text = text.replace(old, new)
        path.write_text(text)
        subprocess.run([BINARY, "convert", path, WORK / f"{model}.xml"], check=True, capture_output=True)
        parsed[model] = tomllib.loads(text)
    # A macro for a thousand species takes hours to compile.
    return rebop.build({n: m for n, m in parsed.items() if not n.startswith("ring")}, WORK / "rebop")


def main():
    models = ARGUMENTS.models.split(",") if ARGUMENTS.models else list(MODELS)
    MODELS.update({"sir1000": (200, 100, "R"), "chain100": (60, 100, "E")})
    unknown = [model for model in models if model not in MODELS]
    if unknown:
        sys.exit(f"no such model: {', '.join(unknown)}; there are {', '.join(MODELS)}")
    rounds = 2 if ARGUMENTS.quick else ARGUMENTS.rounds
    results = []
    program = prepare([*models, "sir1000", "chain100"])
    exact(models, rounds, program, results)
    if not ARGUMENTS.models:
        ensembles(rounds, program, results)
        threads(rounds, results)
    leaps([model for model in LEAP_MODELS if model in models], rounds, program, results)
    (WORK / "engine.json").write_text(json.dumps(results, indent=1))
    print("Cost of an event against the size of a network: cargo bench -p metacascade-engine --bench scaling")


parser = argparse.ArgumentParser(prog="scripts/bench engine", description=__doc__)
parser.add_argument("--quick", action="store_true", help="two rounds")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--models", help="a list such as bd,sir")
parser.add_argument("--peers", help="a list such as rebop,bngsim")
ARGUMENTS = parser.parse_args()
main()
