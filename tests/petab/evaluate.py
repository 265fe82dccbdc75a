"""Problems written by the petab package, read and evaluated by `metacascade evaluate`.

Of every problem, versions 1 and 2:

* the package's linter finds no error in it;
* the simulation table agrees with the closed form of the model, to 1e-4 of each value;
* log-likelihood and chi² agree to 1e-3 with what the package's own calculators make of that table;
* the log-prior agrees to 1e-6 with the package's own laws.

Usage: evaluate.py; METACASCADE_BIN names the program.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np
import pandas as pd
import petab.v1 as petab1
import petab.v2 as petab2
from petab.v1.calculate import calculate_chi2 as chi2_1, calculate_llh as llh_1
from petab.v1.priors import Prior
from petab.v2.calculate import calculate_chi2 as chi2_2, calculate_llh as llh_2
from petab.v2.core import Mapping, MappingTable, MeasurementTable, ModelFile, ParameterTable, ProblemConfig
from petab.v2.models.sbml_model import SbmlModel

from models import conversion, converted

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("METACASCADE_BIN", ROOT / "target/release/metacascade")
INF = math.inf


def close(name, found, expected, relative, absolute):
    if not np.allclose(found, expected, rtol=relative, atol=absolute):
        raise AssertionError(f"{name}: {found}, where {expected} was expected")


def run(path, *arguments):
    """What `metacascade evaluate` says, and its simulation table."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "simulations.tsv"
        command = [PROGRAM, "evaluate", str(path), "--json", "-o", str(table), *arguments]
        done = subprocess.run(command, capture_output=True, encoding="utf-8")
        if done.returncode != 0:
            raise AssertionError(f"{path}:\n{done.stderr}")
        return json.loads(done.stdout), pd.read_csv(table, sep="\t")


# Version 2.


def new(model, **options):
    problem = petab2.Problem()
    problem.model = SbmlModel.from_string(model)
    problem.model.model_id = "conversion"
    return problem


def with_rates(problem, k1=0.8, k2=0.6, **others):
    problem.add_parameter("k1", estimate=True, nominal_value=k1, lb=1e-3, ub=10)
    problem.add_parameter("k2", estimate=True, nominal_value=k2, lb=1e-3, ub=10)
    for name, value in others.items():
        problem.add_parameter(name, estimate=True, nominal_value=value, lb=1e-4, ub=100)
    return problem


def write(problem, folder):
    """By the package itself."""
    folder = Path(folder)
    problem.model.rel_path = "model.xml"
    for kind in ("condition", "experiment", "observable", "measurement", "parameter", "mapping"):
        tables = getattr(problem, f"{kind}_tables")
        for index, table in enumerate(tables):
            if table.elements:
                table.rel_path = f"{kind}{index}.tsv"
    problem.config = ProblemConfig(format_version="2.0.0")
    problem.to_files(folder)
    found = folder / "problem.yaml"
    if not found.exists():
        problem.config.model_files = {problem.model.model_id: ModelFile(location="model.xml", language="sbml")}
        for kind in ("condition", "experiment", "observable", "measurement", "parameter", "mapping"):
            names = [table.rel_path for table in getattr(problem, f"{kind}_tables") if table.rel_path]
            setattr(problem.config, f"{kind}_files", names)
        problem.config.to_yaml(found)
    return found


def check2(problem, expected, formulas=None):
    """`formulas`: of the observables, where the package cannot write them itself."""
    with tempfile.TemporaryDirectory() as folder:
        path = write(problem, folder)
        if formulas:
            table = Path(folder) / "observable0.tsv"
            rows = pd.read_csv(table, sep="\t", dtype=str)
            rows["observableFormula"] = formulas
            rows.to_csv(table, sep="\t", index=False)
        read = petab2.Problem.from_yaml(path)
        issues = [issue for issue in read.validate() if issue.level >= 30]
        if issues:
            raise AssertionError("\n".join(map(str, issues)))
        found, table = run(path)
        close("simulations", table["simulation"], expected, 1e-4, 1e-8)
        # The package matches rows by the texts of their cells: these must be its own.
        simulations = read.measurement_df.rename(columns={"measurement": "simulation"})
        simulations["simulation"] = list(table["simulation"])
        tables = (read.measurement_df, simulations, read.observable_df, read.parameter_df)
        close("log-likelihood", found["log_likelihood"], llh_2(*tables), 1e-3, 1e-3)
        close("chi²", found["chi_squared"], chi2_2(*tables), 1e-3, 1e-3)
        # Without a prior, the parameter is uniform between its bounds.
        densities = [p.prior_dist.pdf(p.nominal_value) if p.prior_dist else 1 / (p.ub - p.lb)
                     for p in read.parameters if p.estimate]
        prior = sum(map(math.log, densities))
        close("log-prior", found["log_prior"], prior, 1e-6, 1e-6)
        close("log-posterior", found["log_posterior"], prior + found["log_likelihood"], 1e-9, 1e-9)


def noise_laws():
    problem = with_rates(new(conversion()), sd=0.3, share=0.2)
    expected = []
    for law in ("normal", "log-normal", "laplace", "log-laplace"):
        name = law.replace("-", "_")
        problem.add_observable(f"a_{name}", "A", 0.2, law)
        problem.add_observable(f"b_{name}", "2 * B + 0.1", "sd", law)
        problem.add_observable(f"p_{name}", "A + s * B", f"e + share * p_{name}", law,
                               observable_placeholders=["s"], noise_placeholders=["e"])
        for time, value in ((1, 0.7), (4, 0.5)):
            a, b = converted(1, 0, 0.8, 0.6, time)
            problem.add_measurement(f"a_{name}", time=time, measurement=value)
            problem.add_measurement(f"b_{name}", time=time, measurement=value + 0.3)
            problem.add_measurement(f"p_{name}", time=time, measurement=value + 0.4,
                                    observable_parameters=[3 if time == 1 else "sd"], noise_parameters=[0.05])
            expected += [a, 2 * b + 0.1, a + (3 if time == 1 else 0.3) * b]
    check2(problem, expected)


def priors():
    problem = new(conversion())
    laws = {"cauchy": (0.5, 0.4), "chisquare": (3,), "exponential": (0.7,), "gamma": (2, 0.4), "laplace": (0.5, 0.3),
            "log-laplace": (-0.5, 0.6), "log-normal": (-0.4, 0.8), "log-uniform": (0.1, 4), "normal": (0.8, 0.3),
            "rayleigh": (0.9,), "uniform": (0.1, 3)}
    names = ["k1", "k2", *(f"p{index}" for index in range(9))]
    for name, (law, parameters) in zip(names, laws.items()):
        problem.add_parameter(name, estimate=True, nominal_value=0.6, lb=0.2, ub=2.5, prior_dist=law,
                              prior_pars=parameters)
    problem.add_parameter("flat", estimate=True, nominal_value=0.6, lb=0.2, ub=2.5)
    problem.add_parameter("fixed", estimate=False, nominal_value=2)
    total = " + ".join([*names[2:], "flat"])
    problem.add_observable("a", f"fixed * A * ({total})", 0.5)
    problem.add_measurement("a", time=2, measurement=4)
    check2(problem, [2 * converted(1, 0, 0.6, 0.6, 2)[0] * 10 * 0.6])


def periods():
    """Several periods, two conditions at once, values from the state, from parameters, and of parameters of the output."""
    problem = with_rates(new(conversion()), late=0.3, dose=2.0)
    problem.add_condition("start", a0=3)
    problem.add_condition("fed", A="A + dose", B="B / 2")
    problem.add_condition("slow", k3="late * 5")
    problem.add_condition("on", offset=1)
    problem.add_condition("off", offset="k3 + 1")
    problem.add_condition("quiet", k3=0)
    problem.add_experiment("course", 0, ["start", "on", "quiet"], 2, ["fed", "off"], 5, "slow")
    problem.add_observable("a", "A + offset + k3", 0.3)
    problem.add_observable("b", "B", 0.3)
    a, b = converted(3, 0, 0.8, 0.6, 1)
    expected = [a + 1, b]
    a, b = converted(3, 0, 0.8, 0.6, 2)
    a, b = a + 2, b / 2
    expected += [a + 1, b]
    a, b = converted(a, b, 0.8, 0.6, 3)
    expected += [a + 1 + 1.5, b]
    a, b = converted(a, b, 0.8, 0.6, 1)
    expected += [a + 1 + 1.5, b]
    for time in (1, 2, 5, 6):
        problem.add_measurement("a", time=time, measurement=2, experiment_id="course")
        problem.add_measurement("b", time=time, measurement=1, experiment_id="course")
    check2(problem, expected)


def rates_that_change():
    """A parameter of the model set to one of the table, in the middle; a start before time 0; an event of the model."""
    problem = new(conversion(event=1.0))
    for name, value in (("k1", 0.8), ("fast", 2.0)):
        problem.add_parameter(name, estimate=True, nominal_value=value, lb=1e-3, ub=10)
    problem.add_condition("first", k2="fast / 4")
    problem.add_condition("second", k2="fast")
    problem.add_experiment("course", -2, "first", 0.5, "second")
    problem.add_observable("a", "A + time / 100", 0.3)
    expected = []
    for time in (-2, -1, 0.5):
        expected.append(converted(1, 0, 0.8, 0.5, time + 2)[0] + time / 100)
    a, b = converted(*converted(1, 0, 0.8, 0.5, 2.5), 0.8, 2, 0.5)
    expected.append(converted(0, b, 0.8, 2, 2)[0] + 0.03)
    for time in (-2, -1, 0.5, 3):
        problem.add_measurement("a", time=time, measurement=0.4, experiment_id="course")
    check2(problem, expected)


def steady_states():
    """Before the experiment, and at its end."""
    problem = with_rates(new(conversion()))
    problem.add_condition("rest", a0=2, b0=1)
    problem.add_condition("pulse", A="A + 1")
    problem.add_experiment("course", -INF, "rest", 0, "pulse")
    problem.add_experiment("later", -INF, "rest", 5, "pulse", 7, "pulse")
    problem.add_observable("a", "A", 0.3)
    a, b = converted(2, 1, 0.8, 0.6, INF)
    expected = []
    for time in (0, 1, INF):
        problem.add_measurement("a", time=time, measurement=1.5, experiment_id="course")
        expected.append(converted(a + 1, b, 0.8, 0.6, time)[0])
    for time in (6, 7):
        problem.add_measurement("a", time=time, measurement=1.5, experiment_id="later")
        expected.append(converted(a + 1, b, 0.8, 0.6, time - 5)[0] + (time == 7))
    problem.add_measurement("a", time=INF, measurement=1.5)
    expected.append(converted(1, 0, 0.8, 0.6, INF)[0])
    check2(problem, expected)


def compartments():
    """Concentrations in a compartment that is not of size 1, set and kept when its size is."""
    problem = with_rates(new(conversion(size=2.5)))
    problem.add_condition("more", A=4)
    problem.add_condition("wider", cell=5, B="B + 1")
    problem.add_experiment("course", 0, "more", 1, "wider")
    problem.add_observable("a", "A", 0.3)
    problem.add_observable("amount", "B * cell", 0.3)
    expected = []
    a, b = converted(4, 0, 0.8, 0.6, 0.5)
    expected += [a, b * 2.5]
    a, b = converted(4, 0, 0.8, 0.6, 1)
    a, b = converted(a, b + 1, 0.8, 0.6, 1)
    expected += [a, b * 5]
    for time in (0.5, 2):
        problem.add_measurement("a", time=time, measurement=1.5, experiment_id="course")
        problem.add_measurement("amount", time=time, measurement=1.5, experiment_id="course")
    check2(problem, expected)


def mapping_and_files():
    """A parameter of a reaction's own by the mapping table; two files of measurements and of parameters."""
    problem = new(conversion(local=True))
    problem.mapping_tables = [MappingTable([Mapping(petab_id="k_forth", model_id="forth.k")])]
    problem.add_parameter("k_forth", estimate=True, nominal_value=0.5, lb=0.1, ub=3)
    problem.parameter_tables.append(ParameterTable())
    problem.add_parameter("k2", estimate=True, nominal_value=0.6, lb=0.1, ub=3)
    problem.add_observable("a", "A + k_forth", 0.3)
    problem.add_measurement("a", time=1, measurement=1.5)
    problem.measurement_tables.append(MeasurementTable())
    problem.add_measurement("a", time=2, measurement=1.2)
    check2(problem, [converted(1, 0, 0.5, 0.6, time)[0] + 0.5 for time in (1, 2)])


def mathematics():
    problem = with_rates(new(conversion()))
    a, b = converted(1, 0, 0.8, 0.6, 1.5)
    formulas = {
        "A^2 + sqrt(B) - log(A) + log10(B) + log2(A)": a**2 + b**0.5 - math.log(a) + math.log10(b) + math.log2(a),
        "exp(-A) + pow(B, 3) + log(A + 1, 3)": math.exp(-a) + b**3 + math.log(a + 1, 3),
        "-A^2 + sin(A) * cos(B) / tan(A)": -a**2 + math.sin(a) * math.cos(b) / math.tan(a),
        "arcsin(A) + arccos(B) + arctan(A)": math.asin(a) + math.acos(b) + math.atan(a),
        "sinh(A) + cosh(B) + tanh(A)": math.sinh(a) + math.cosh(b) + math.tanh(a),
        "arcsinh(A) + arccosh(B + 1) + arctanh(A)": math.asinh(a) + math.acosh(b + 1) + math.atanh(a),
        "sec(A) + csc(A) + cot(B) + sech(A) + csch(A) + coth(B)":
            1 / math.cos(a) + 1 / math.sin(a) + 1 / math.tan(b) + 1 / math.cosh(a) + 1 / math.sinh(a) + 1 / math.tanh(b),
        "min(A, B) + max(A, B) * abs(A - B) + sign(A - B)": min(a, b) + max(a, b) * abs(a - b) + math.copysign(1, a - b),
        "piecewise(1, A > B && time > 1, 2, A == B || !(B < 0), 3)": 1 if a > b else 2,
        "piecewise(4, A > 10, 2, time >= 1.5, 3) + time": 3.5,
    }
    for index in range(len(formulas)):
        problem.add_observable(f"f{index}", "A", 0.3)
        problem.add_measurement(f"f{index}", time=1.5, measurement=1)
    check2(problem, list(formulas.values()), list(formulas))


# Version 1.


def check1(tables, expected, model=None):
    """`tables`: parameters, conditions, observables, measurements."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "model.xml").write_text(model or conversion(), encoding="utf-8")
        for kind, rows in tables.items():
            pd.DataFrame(rows).to_csv(folder / f"{kind}.tsv", sep="\t", index=False)
        path = folder / "test.yaml"
        files = [str(folder / f"{kind}.tsv") for kind in ("conditions", "measurements", "parameters", "observables")]
        petab1.create_problem_yaml(str(folder / "model.xml"), *files, str(path))
        read = petab1.Problem.from_yaml(path)
        if petab1.lint_problem(read):
            raise AssertionError("the linter finds errors")
        found, table = run(path)
        close("simulations", table["simulation"], expected, 1e-4, 1e-8)
        with tempfile.TemporaryDirectory() as other:
            table.to_csv(Path(other) / "simulations.tsv", sep="\t", index=False)
            petab1.get_simulation_df(str(Path(other) / "simulations.tsv"))
        simulations = read.measurement_df.rename(columns={"measurement": "simulation"})
        simulations["simulation"] = list(table["simulation"])
        tables = (read.measurement_df, simulations, read.observable_df, read.parameter_df)
        close("log-likelihood", found["log_likelihood"], llh_1(*tables), 1e-3, 1e-3)
        close("chi²", found["chi_squared"], chi2_1(*tables), 1e-3, 1e-3)
        rows = read.parameter_df.reset_index().to_dict("records")
        priors = [-Prior.from_par_dict(row, "objective").neglogprior(row["nominalValue"])
                  for row in rows if row["estimate"] == 1]
        close("log-prior", found["log_prior"], sum(priors), 1e-6, 1e-6)


def parameter1(name, value, scale="log10", estimate=1, lower=1e-3, upper=100, **more):
    return {"parameterId": name, "parameterScale": scale, "lowerBound": lower, "upperBound": upper,
            "nominalValue": value, "estimate": estimate, **more}


def transformations_1():
    laws = [(scale, law) for scale in ("lin", "log", "log10") for law in ("normal", "laplace")]
    observables, measurements, expected = [], [], []
    for scale, law in laws:
        name = f"a_{scale}_{law}"
        observables.append({
            "observableId": name, "observableFormula": f"observableParameter1_{name} * A + observableParameter2_{name}",
            "observableTransformation": scale, "noiseDistribution": law,
            "noiseFormula": f"noiseParameter1_{name} + 0.1 * noiseParameter2_{name}"})
        for time, noise in ((1, 0.2), (3, "sd")):
            measurements.append({
                "observableId": name, "simulationConditionId": "only", "measurement": 1.7, "time": time,
                "observableParameters": "scale;0.5", "noiseParameters": f"{noise};0.4", "datasetId": "d", "replicateId": "r1"})
            expected.append(2 * converted(1, 0, 0.8, 0.6, time)[0] + 0.5)
    check1({
        "parameters": [parameter1("k1", 0.8), parameter1("k2", 0.6, "lin"), parameter1("scale", 2, "log"),
                       parameter1("sd", 0.3, estimate=0)],
        "conditions": [{"conditionId": "only", "conditionName": "the only one"}],
        "observables": observables, "measurements": measurements}, expected)


def priors_1():
    rows = []
    for scale, factor in (("lin", 1), ("log", 1), ("log10", 1)):
        for law, numbers in (("uniform", "0.1;5"), ("normal", "0.7;0.4"), ("laplace", "0.7;0.4"),
                             ("logNormal", "-0.3;0.5"), ("logLaplace", "-0.3;0.5"),
                             ("parameterScaleUniform", "-0.5;0.6" if scale != "lin" else "0.1;5"),
                             ("parameterScaleNormal", "0.1;0.4"), ("parameterScaleLaplace", "0.1;0.4"), ("", "")):
            name = f"p_{scale}_{law or 'none'}"
            rows.append(parameter1(name, 0.7, scale, lower=0.05, upper=6, objectivePriorType=law,
                                   objectivePriorParameters=numbers, initializationPriorType="uniform",
                                   initializationPriorParameters="0.1;1"))
    total = " + ".join(row["parameterId"] for row in rows)
    check1({
        "parameters": rows,
        "conditions": [{"conditionId": "only"}],
        "observables": [{"observableId": "obs", "observableFormula": f"A * ({total})", "noiseFormula": 1.5}],
        "measurements": [{"observableId": "obs", "simulationConditionId": "only", "measurement": 3, "time": 1}]},
        [converted(1, 0, 0.1, 0.1, 1)[0] * 0.7 * len(rows)])


def conditions_1():
    """Numbers and parameters, of rates and initial values; a steady state before, kept where a cell is empty."""
    conditions = [
        {"conditionId": "c0", "k1": 0.8, "a0": 1, "B": "", "offset": 0},
        {"conditionId": "c1", "k1": "fast", "a0": "start", "B": 0.5, "offset": "shift"},
        {"conditionId": "c2", "k1": 0.2, "a0": 1, "B": "", "offset": 1},
        {"conditionId": "c3", "k1": 0.2, "a0": 1, "B": 3, "offset": 1},
    ]
    rows, expected = [], []

    def add(before, during, time, value):
        rows.append({"observableId": "a", "preequilibrationConditionId": before, "simulationConditionId": during,
                     "measurement": 1, "time": time})
        expected.append(value)

    for time in (0, 1, 4):
        add("", "c0", time, converted(1, 0, 0.8, 0.6, time)[0])
        add("", "c1", time, converted(2, 0.5, 1.4, 0.6, time)[0] + 0.7)
        a, b = converted(1, 0, 0.8, 0.6, INF)
        add("c0", "c2", time, converted(a, b, 0.2, 0.6, time)[0] + 1)
        add("c0", "c3", time, converted(a, 3, 0.2, 0.6, time)[0] + 1)
    add("", "c0", INF, converted(1, 0, 0.8, 0.6, INF)[0])
    check1({
        "parameters": [parameter1("k2", 0.6), parameter1("fast", 1.4), parameter1("start", 2, "lin"),
                       parameter1("shift", 0.7, estimate=0)],
        "conditions": conditions,
        "observables": [{"observableId": "a", "observableFormula": "A + offset", "noiseFormula": 0.3}],
        "measurements": rows}, expected)


TESTS = [noise_laws, priors, periods, rates_that_change, steady_states, compartments, mapping_and_files, mathematics,
         transformations_1, priors_1, conditions_1]


def main():
    wrong = 0
    for test in TESTS:
        try:
            test()
            print(f"{test.__name__}: agrees")
        except Exception:  # noqa: BLE001 -- all of them are told
            wrong += 1
            print(f"{test.__name__}: WRONG\n{traceback.format_exc(limit=-2)}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
