"""Writes and builds a Rust program with all models for rebop: compiled by its macro, and by its run-time interface."""

import pathlib
import re
import subprocess

MANIFEST = """[package]
name = "rebop-models"
version = "0.1.0"
edition = "2021"
[dependencies]
rebop = "=0.10.0"
[profile.release]
opt-level = 3
[workspace]
"""

MAIN = """use std::io::BufRead;
use std::time::Instant;

fn serve(mut run: impl FnMut(u64) -> Vec<f64>, names: &[&str]) {
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let mut words = line.split(' ').map(|word| word.parse::<u64>().unwrap());
        let (count, seed) = (words.next().unwrap(), words.next().unwrap());
        let started = Instant::now();
        let ends: Vec<Vec<f64>> = (0..count).map(|index| run(seed * 1_000_003 + index)).collect();
        let seconds = started.elapsed().as_secs_f64();
        let moments: Vec<String> = names.iter().enumerate().map(|(species, name)| {
            let n = count as f64;
            let mean = ends.iter().map(|end| end[species]).sum::<f64>() / n;
            let square = ends.iter().map(|end| (end[species] - mean).powi(2)).sum::<f64>();
            format!("\\"{name}\\": [{mean}, {}]", (square / (n - 1.0).max(1.0)).sqrt())
        }).collect();
        println!("{{\\"seconds\\": {seconds}, \\"species\\": {{{}}}}}", moments.join(", "));
    }
}
"""


def side(text):
    """[(count, name)] of one side of an equation."""
    found = []
    for term in filter(None, (term.strip() for term in text.split("+"))):
        number, name = re.fullmatch(r"(\d*)\s*(\w+)", term).groups()
        found.append((int(number or 1), name))
    return found


def module(name, model):
    species, parameters = model["species"], model["parameters"]
    names = list(species)
    macro, sparse = [], []
    for index, reaction in enumerate(model["reactions"]):
        left, right = map(side, reaction["equation"].split("->"))
        constant = re.fullmatch(r"mass_action\((\w+)\)", reaction["rate"]).group(1)
        text = lambda part: " + ".join(f"{n} {s}" if n > 1 else s for n, s in part)
        macro.append(f"        r{index}: {text(left)} => {text(right)} @ {constant}")
        orders = ", ".join(f"({names.index(s)}, {n})" for n, s in left)
        net = {s: 0 for s in names}
        for n, s in left:
            net[s] -= n
        for n, s in right:
            net[s] += n
        changes = ", ".join(str(n) for n in net.values())
        rate = f"Rate::lma_sparse({float(parameters[constant])!r}, [{orders}])"
        sparse.append(f"        g.add_reaction({rate}, [{changes}]);")
    values = ", ".join(repr(float(value)) for value in parameters.values())
    start = " ".join(f"s.{s} = {n};" for s, n in species.items())
    ends = ", ".join(f"s.{s} as f64" for s in names)
    lines = "\n".join(macro)
    calls = "\n".join(sparse)
    counts = ", ".join(str(n) for n in species.values())
    return f"""
mod {name} {{
    use rebop::define_system;
    use rebop::gillespie::{{Gillespie, Rate}};
    define_system! {{
        {" ".join(parameters)};
        System {{ {", ".join(names)} }}
{lines}
    }}
    pub const NAMES: &[&str] = &[{", ".join(f'"{s}"' for s in names)}];
    pub fn compiled(seed: u64, end: f64, points: u32) -> Vec<f64> {{
        let mut s = System::with_parameters({values});
        s.seed(seed);
        {start}
        for point in 1..=points {{
            s.advance_until(end * f64::from(point) / f64::from(points));
        }}
        vec![{ends}]
    }}
    pub fn run_time(seed: u64, end: f64, points: u32) -> Vec<f64> {{
        let mut g = Gillespie::new_with_seed([{counts}], true, seed);
{calls}
        for point in 1..=points {{
            g.advance_until(end * f64::from(point) / f64::from(points));
        }}
        (0..NAMES.len()).map(|species| g.get_species(species) as f64).collect()
    }}
}}
"""


def build(models, folder):
    """models: {name: parsed model}; the path of the program."""
    folder = pathlib.Path(folder)
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "Cargo.toml").write_text(MANIFEST)
    identifiers = {name: re.sub(r"\W", "_", name) for name in models}
    arms = "\n".join(
        f'        ("{kind}", "{name}") => serve(|seed| {module_name}::{function}(seed, end, points), {module_name}::NAMES),'
        for name, module_name in identifiers.items()
        for kind, function in [("rebop", "compiled"), ("rebop-run-time", "run_time")]
    )
    main = f"""
fn main() {{
    let arguments: Vec<String> = std::env::args().collect();
    let (end, points): (f64, u32) = (arguments[3].parse().unwrap(), arguments[4].parse().unwrap());
    match (arguments[1].as_str(), arguments[2].as_str()) {{
{arms}
        other => panic!("{{other:?}}"),
    }}
}}
"""
    text = "#![allow(warnings)]\n" + MAIN + "".join(module(identifiers[n], m) for n, m in models.items()) + main
    source = folder / "src/main.rs"
    if not source.exists() or source.read_text() != text:
        source.write_text(text)
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=folder, check=True)
    return folder / "target/release/rebop-models"
