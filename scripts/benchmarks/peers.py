"""Runs one peer on one model: prints "ready", then for each line "TRAJECTORIES SEED" of the standard input one line of
JSON: seconds, and mean and standard deviation of every species at the end. Loading and compiling are not timed."""

import json
import logging
import math
import random
import sys
import time


def basico_runner(path, end, points, method):
    import basico

    basico.load_model(path)
    settings = {"use_seed": True, "max_steps": 1_000_000_000}

    def run(seed):
        basico.set_task_settings("Time-Course", {"method": {"name": method}})
        result = basico.run_time_course(
            duration=end, intervals=points, method=method, seed=seed, update_model=False, **settings
        )
        return dict(result.iloc[-1])

    return run


def roadrunner_runner(path, end, points, _method):
    import roadrunner

    model = roadrunner.RoadRunner(path)
    model.setIntegrator("gillespie")
    model.integrator.variable_step_size = False
    names = model.model.getFloatingSpeciesIds()
    model.timeCourseSelections = ["time"] + list(names)

    def run(seed):
        model.reset()
        model.integrator.seed = seed
        result = model.simulate(0, end, points + 1)
        return dict(zip(names, result[-1][1:]))

    return run


def gillespy2_runner(path, end, points, method):
    import gillespy2
    import numpy

    logging.disable(logging.CRITICAL)
    model, _errors = gillespy2.import_SBML(path)
    kind = gillespy2.TauLeapingCSolver if method == "tau" else gillespy2.SSACSolver
    model.timespan(gillespy2.TimeSpan(numpy.linspace(0, end, points + 1)))
    solver = kind(model=model, variable=False)

    def run_many(count, seed):
        results = solver.run(number_of_trajectories=count, seed=seed)
        names = [name for name in model.get_all_species()]
        return [{name: trajectory[name][-1] for name in names} for trajectory in results]

    return run_many


def bngsim_runner(path, end, points, _method):
    import bngsim

    model = bngsim.Model.from_sbml(path)
    simulator = bngsim.Simulator(model, method="ssa")

    def run(seed):
        model.reset()
        result = simulator.run(t_span=(0, end), n_points=points + 1, seed=seed)
        return dict(zip(result.species_names, result.species[-1]))

    return run


PEERS = {
    "copasi": (basico_runner, "directmethod"),
    "copasi-adaptive": (basico_runner, "adaptivesa"),
    "copasi-tau": (basico_runner, "tauleap"),
    "roadrunner": (roadrunner_runner, None),
    "gillespy2": (gillespy2_runner, "ssa"),
    "gillespy2-tau": (gillespy2_runner, "tau"),
    "bngsim": (bngsim_runner, None),
}


def main():
    peer, path, end, points = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    make, method = PEERS[peer]
    run = make(path, end, points, method)
    many = make is gillespy2_runner
    print("ready", flush=True)
    for line in sys.stdin:
        count, seed = map(int, line.split())
        seeds = random.Random(seed)
        started = time.perf_counter()
        if many:
            ends = run(count, seeds.randrange(1, 2**31))
        else:
            ends = [run(seeds.randrange(1, 2**31)) for _ in range(count)]
        seconds = time.perf_counter() - started
        moments = {}
        for name in ends[0]:
            values = [float(one[name]) for one in ends]
            mean = sum(values) / len(values)
            square = sum((value - mean) ** 2 for value in values)
            moments[name] = [mean, math.sqrt(square / max(len(values) - 1, 1))]
        print(json.dumps({"seconds": seconds, "species": moments}), flush=True)


main()
