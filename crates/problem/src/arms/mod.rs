//! Arms that were not in the data: parameters that are set, and what is assumed of parameters that were not fitted.
//!
//! ```toml
//! model = "model.toml"     # optional, beside this file: the fitted model, extended by what the arms need
//!
//! [assumed]                # parameters that no data were fitted for; the same values in all arms
//! slowing = { prior = "uniform", parameters = [0.2, 0.6], description = "…", source = "…" }
//!
//! [[arms]]
//! name = "neoadjuvant"
//! title = "two weeks of treatment before the resection"   # optional, as description
//! arms = ["anti_VEGF"]                                    # optional: arms of the model, one after the other
//! set = { drug_start = "resection_day - 14", drug_dose = 1 }
//! ```
//!
//! What is set is a number or an expression over the parameters as they are without the arm: fitted, assumed, or a covariate
//! of each subject. It replaces what the experiment sets at its beginning; later periods of the experiment go on as ever.

mod read;

use metacascade_engine::{Program, suggestion};
use metacascade_inference::Prior;
pub use read::ArmFile;

use crate::{experiments::parameter_slots, problem::Problem};

/// A named set of parameter values.
#[derive(Clone, Debug)]
pub struct Arm {
    /// Its name.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// What it is; may be empty.
    pub description: String,
    /// What it sets, each parameter once.
    pub set: Vec<Setting>,
}

/// A parameter and the value it is given.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The parameter.
    pub parameter: String,
    /// Its value as written: a number or an expression.
    pub value: String,
    pub(crate) slot: usize,
    pub(crate) program: Program,
}

/// A parameter that was not fitted, and what is assumed of it.
#[derive(Clone, Debug)]
pub struct Assumed {
    /// The parameter.
    pub name: String,
    /// What it means; may be empty.
    pub description: String,
    /// Unit, as the model has it; may be empty.
    pub unit: String,
    /// Where the assumption comes from; may be empty.
    pub source: String,
    /// The law its values are drawn from.
    pub prior: Prior,
    pub(crate) slot: usize,
}

/// Arms to be compared, the first of which is the one the others are held against.
#[derive(Clone, Debug)]
pub struct Arms {
    /// The arms.
    pub arms: Vec<Arm>,
    /// What is assumed in all of them.
    pub assumed: Vec<Assumed>,
}

/// The name of the arm in which nothing is set.
pub const BASELINE: &str = "baseline";

impl Arms {
    /// The model as it was fitted, alone.
    #[must_use]
    pub fn baseline() -> Self {
        let title = "as fitted".to_owned();
        let arm = Arm { name: BASELINE.to_owned(), title, description: String::new(), set: Vec::new() };
        Self { arms: vec![arm], assumed: Vec::new() }
    }

    /// Adds arms of the model, several of which combine to one: `surgery,chemotherapy`.
    ///
    /// # Errors
    /// The name that the model does not know, with what may help.
    pub fn add_named(&mut self, problem: &Problem, names: &str) -> Result<(), (String, String)> {
        let names: Vec<&str> = names.split(',').map(str::trim).collect();
        let mut arm = Arm { name: names.join(","), title: String::new(), description: String::new(), set: Vec::new() };
        let mut titles = Vec::new();
        for name in names {
            let found = combine(problem, name, &mut arm.set).ok_or_else(|| unknown(problem, name))?;
            titles.push(if found.is_empty() { name.replace('_', " ") } else { found.to_owned() });
        }
        arm.title = titles.join("; ");
        self.arms.push(arm);
        Ok(())
    }
}

/// What is said of an arm that the model lacks, and help.
fn unknown(problem: &Problem, name: &str) -> (String, String) {
    let known = || problem.network().arms().iter().map(|arm| arm.name.as_str());
    let list = || match known().collect::<Vec<_>>() {
        names if names.is_empty() => "the model has none; name a file of arms (TOML)".to_owned(),
        names => format!("its arms: {}; or name a file of arms (TOML)", names.join(", ")),
    };
    let message = format!("the model has no arm `{name}`");
    (message, suggestion(name, known()).unwrap_or_else(list))
}

/// Adds what an arm of the model sets, over what is set already; gives its description.
fn combine<'p>(problem: &'p Problem, name: &str, set: &mut Vec<Setting>) -> Option<&'p str> {
    let network = problem.network();
    let arm = network.arms().iter().find(|arm| arm.name == name)?;
    let slots = parameter_slots(network);
    for &(index, number) in &arm.set {
        let (parameter, value) = (network.parameters()[index].name.clone(), number.to_string());
        // A number is an expression.
        let Ok(program) = network.compile(&value, &[]) else { continue };
        put(set, Setting { parameter, value, slot: slots.start + index, program });
    }
    Some(&arm.description)
}

/// Adds a setting in place of the one of the same parameter.
fn put(set: &mut Vec<Setting>, setting: Setting) {
    set.retain(|other| other.slot != setting.slot);
    set.push(setting);
}
