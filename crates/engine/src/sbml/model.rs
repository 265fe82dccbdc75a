//! Reads a model: what its ids mean, then its parts.

use std::collections::{BTreeSet, HashMap};

use roxmltree::Node as Element;

use super::assignments::Assignments;
use super::document::Level;
use super::formula::{Defined, Formulas, Unknown};
use super::names::{Names, is_id};
use super::notes::Notes;
use super::reactions::Reactions;
use super::report::{Report, named};
use super::symbols::Symbols;
use super::units::Units;
use crate::diagnostic::suggestion;
use crate::expression::{Expression, Function};
use crate::network::{Builder, ParameterPart, RulePart, SpeciesPart, Text};

const LISTS: [&str; 12] = [
    "listOfFunctionDefinitions",
    "listOfUnitDefinitions",
    "listOfCompartmentTypes",
    "listOfSpeciesTypes",
    "listOfCompartments",
    "listOfSpecies",
    "listOfParameters",
    "listOfInitialAssignments",
    "listOfRules",
    // They check a simulation but do not change it.
    "listOfConstraints",
    "listOfReactions",
    "listOfEvents",
];

/// What an id of the model stands for in formulas.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning {
    Compartment(usize),
    Species(usize),
    Parameter,
    Reaction,
    /// A species reference: its stoichiometry.
    Stoichiometry(f64),
    Function,
    /// Something that has no value.
    Other,
}

pub(super) struct Compartment<'a, 'i> {
    pub element: Element<'a, 'i>,
    pub name: String,
    /// Whether its size changes during a simulation.
    pub varies: bool,
}

pub(super) struct Species<'a, 'i> {
    pub element: Element<'a, 'i>,
    pub name: String,
    /// The compartment by whose size formulas divide; none where they mean the amount.
    pub per: Option<usize>,
    /// Whether reactions leave it as it is.
    pub fixed: bool,
    /// Whether an assignment rule determines it.
    pub ruled: bool,
}

pub(super) struct Reader<'r, 's, 'a, 'i> {
    pub report: &'r mut Report<'s>,
    pub level: Level,
    pub names: Names,
    pub functions: HashMap<String, Defined>,
    pub meanings: HashMap<&'a str, Meaning>,
    pub compartments: Vec<Compartment<'a, 'i>>,
    pub species: Vec<Species<'a, 'i>>,
    pub assignments: Assignments<'a, 'i>,
    /// Compartments that some formula reads.
    pub read_compartments: BTreeSet<usize>,
    /// Names of the reactions whose rate some formula reads.
    pub read_reactions: BTreeSet<String>,
    /// Parameters of reactions' own, as `reaction.parameter`, and their names.
    pub local_names: Vec<(String, String)>,
    units: Units,
}

pub(super) fn read(model: Element, level: Level, keep_compartments: bool, report: &mut Report) -> (Builder, Symbols) {
    report.children(model, &LISTS);
    let units = Units::read(model, level, report);
    let mut reader = Reader {
        report,
        level,
        names: Names::default(),
        functions: HashMap::new(),
        meanings: HashMap::new(),
        compartments: Vec::new(),
        species: Vec::new(),
        assignments: Assignments::default(),
        read_compartments: BTreeSet::new(),
        read_reactions: BTreeSet::new(),
        local_names: Vec::new(),
        units,
    };
    let mut builder = Builder::new(model.attribute("id").unwrap_or("model"));
    builder.title = model.attribute("name").unwrap_or_default().to_owned();
    builder.description = Notes::of(model).description;
    let time = if level.0 == 2 { Some("time") } else { model.attribute("timeUnits") };
    builder.time_unit = reader.units.text(time).as_str().into();

    let parameters = reader.declare(model);
    reader.assignments(model);
    reader.functions(model, &mut builder);
    let Reactions { changed, laws } = reader.reactions(model, &mut builder);
    for index in 0..reader.species.len() {
        reader.one_species(index, changed.contains(&index), &mut builder);
    }
    for &parameter in &parameters {
        reader.quantity(parameter, "value", false, &mut builder);
    }
    reader.events(model, &mut builder);
    // Last, when it is known what formulas read. A reaction's id in a formula is its rate.
    for (name, expression) in laws {
        if reader.read_reactions.contains(&name) {
            let (name, unit) = (name.as_str().into(), "".into());
            builder.rules.push(RulePart { name, expression, unit, description: String::new() });
        }
    }
    for index in 0..reader.compartments.len() {
        let element = reader.compartments[index].element;
        let idle = !reader.read_compartments.contains(&index) && !reader.compartments[index].varies;
        let idle = idle && !(keep_compartments && element.has_attribute("size"));
        reader.quantity(element, "size", idle, &mut builder);
    }
    reader.check_conversion(model, &parameters);
    (builder, reader.symbols())
}

impl<'a, 'i> Reader<'_, '_, 'a, 'i> {
    /// Gives every id its meaning and its name. Gives back the parameters.
    fn declare(&mut self, model: Element<'a, 'i>) -> Vec<Element<'a, 'i>> {
        let functions = self.report.list(model, "listOfFunctionDefinitions", &["functionDefinition"]);
        let compartments = self.report.list(model, "listOfCompartments", &["compartment"]);
        let species = self.report.list(model, "listOfSpecies", &["species"]);
        let parameters = self.report.list(model, "listOfParameters", &["parameter"]);
        let reactions = self.report.list(model, "listOfReactions", &["reaction"]);
        let events = self.report.list(model, "listOfEvents", &["event"]);
        functions.iter().for_each(|&element| _ = self.id(element, Meaning::Function));
        for &element in &compartments {
            self.id(element, Meaning::Compartment(self.compartments.len()));
            self.compartments.push(Compartment { element, name: String::new(), varies: false });
        }
        for &element in &species {
            self.id(element, Meaning::Species(self.species.len()));
            self.species.push(Species { element, name: String::new(), per: None, fixed: false, ruled: false });
        }
        parameters.iter().for_each(|&element| _ = self.id(element, Meaning::Parameter));
        for &element in &reactions {
            self.id(element, Meaning::Reaction);
            let references = element.descendants().filter(|one| one.tag_name().name() == "speciesReference");
            for reference in references.filter(|reference| reference.has_attribute("id")) {
                let stoichiometry =
                    reference.attribute("stoichiometry").map_or(Some(1.0), |text| text.trim().parse().ok());
                self.id(reference, Meaning::Stoichiometry(stoichiometry.unwrap_or(1.0)));
            }
        }
        events.iter().filter(|event| event.has_attribute("id")).for_each(|&event| _ = self.id(event, Meaning::Other));

        self.names = Names::new(self.meanings.keys().copied());
        for compartment in &mut self.compartments {
            compartment.name = self.names.name(compartment.element.attribute("id").unwrap_or_default());
        }
        for index in 0..self.species.len() {
            let element = self.species[index].element;
            self.species[index].name = self.names.name(element.attribute("id").unwrap_or_default());
            let fixed = self.report.flag(element, "boundaryCondition", false);
            self.species[index].fixed = self.report.flag(element, "constant", false) || fixed;
            self.species[index].per = self.divisor(element);
        }
        parameters
    }

    /// The compartment by whose size formulas divide the amount of this species.
    fn divisor(&mut self, species: Element) -> Option<usize> {
        let amounts = self.report.flag(species, "hasOnlySubstanceUnits", false);
        let compartment = self.report.required(species, "compartment")?;
        let Some(&Meaning::Compartment(index)) = self.meanings.get(compartment.value()) else {
            let message = format!("there is no compartment `{}`", compartment.value());
            let known = self.compartments.iter().filter_map(|one| one.element.attribute("id"));
            let help = self.report.suggestion(compartment.value(), known);
            self.report.problem(compartment.range_value(), message, help);
            return None;
        };
        let point = self.compartments[index].element.attribute("spatialDimensions").map(str::trim);
        (!amounts && !point.is_some_and(|text| text.parse() == Ok(0.0))).then_some(index)
    }

    /// Notes what an element's id means.
    fn id(&mut self, element: Element<'a, 'i>, meaning: Meaning) -> Option<&'a str> {
        let id = self.report.required(element, "id")?;
        if !is_id(id.value()) {
            let help = "ids are ASCII letters, digits and `_`, and do not begin with a digit".to_owned();
            self.report.problem(id.range_value(), format!("`{}` is not an id", id.value()), help);
        }
        if self.meanings.insert(id.value(), meaning).is_some() {
            self.report.problem(id.range_value(), format!("the id `{}` is given twice", id.value()), None);
        }
        Some(id.value())
    }

    /// The formula of an element; 0 where it is wrong, which has been reported then.
    pub fn formula(&mut self, parent: Element, locals: &HashMap<&str, String>) -> Expression {
        let Some(math) = self.report.math(parent) else { return Expression::number(0.0) };
        let Self {
            report, functions, meanings, names, compartments, species, read_compartments, read_reactions, ..
        } = self;
        let suggest = !report.is_full();
        let mut resolve = |id: &str| {
            if let Some(local) = locals.get(id) {
                return Ok(Expression::name(local));
            }
            match meanings.get(id) {
                Some(Meaning::Compartment(index)) => {
                    read_compartments.insert(*index);
                    Ok(Expression::name(&compartments[*index].name))
                }
                Some(Meaning::Species(index)) => {
                    let amount = Expression::name(&species[*index].name);
                    let Some(per) = species[*index].per else { return Ok(amount) };
                    read_compartments.insert(per);
                    let size = Expression::name(&compartments[per].name);
                    Ok(Expression::call(Function::Divide, vec![amount, size], 0..0))
                }
                Some(Meaning::Reaction) => {
                    read_reactions.insert(names.name(id));
                    Ok(Expression::name(&names.name(id)))
                }
                Some(Meaning::Parameter) => Ok(Expression::name(&names.name(id))),
                Some(Meaning::Stoichiometry(value)) => Ok(Expression::number(*value)),
                Some(Meaning::Function) => Err(Unknown(format!("`{id}` is a function and must be applied"), None)),
                Some(Meaning::Other) => Err(Unknown(format!("`{id}` has no value"), None)),
                None => {
                    let known = meanings.keys().chain(locals.keys()).copied().filter(|_| suggest);
                    Err(Unknown(format!("unknown id `{id}`"), suggestion(id, known.collect::<BTreeSet<_>>())))
                }
            }
        };
        let read = Formulas { report, functions, resolve: &mut resolve }.math(math);
        read.unwrap_or_else(|| Expression::number(0.0))
    }

    /// An expression as text that points at the formula of `parent` where later checks find something wrong.
    pub fn text(&self, expression: &Expression, parent: Element) -> Text {
        let math = parent.children().find(|child| child.tag_name().name() == "math");
        self.report.text(expression.to_string(), math.unwrap_or(parent))
    }

    /// The formula of an element for the value of a species, compartment or parameter: of a species, the amount.
    pub fn value(&mut self, parent: Element, id: &str) -> Text {
        let formula = self.formula(parent, &HashMap::new());
        let formula = self.times_size(id, formula);
        self.text(&formula, parent)
    }

    /// A concentration, or its change, as amount.
    fn times_size(&mut self, id: &str, formula: Expression) -> Expression {
        match self.meanings.get(id) {
            Some(&Meaning::Species(index)) => match self.species[index].per {
                Some(per) => {
                    self.read_compartments.insert(per);
                    let size = Expression::name(&self.compartments[per].name);
                    Expression::call(Function::Multiply, vec![formula, size], 0..0)
                }
                None => formula,
            },
            _ => formula,
        }
    }

    fn one_species(&mut self, index: usize, changed: bool, builder: &mut Builder) {
        let Species { element, ref name, per, fixed, .. } = self.species[index];
        let Some(id) = element.attribute_node("id") else { return };
        let (name, id) = (named(name.clone(), &id), id.value());
        let description = Notes::of(element).or_name(element);
        let unit: Text = self.units.text(element.attribute("substanceUnits")).as_str().into();
        if let Some(&rule) = self.assignments.rules.get(id) {
            let expression = self.value(rule, id);
            builder.rules.push(RulePart { name, expression, unit, description });
            return;
        }
        let given = self.report.number(element, "initialAmount");
        let concentration = self.report.number(element, "initialConcentration");
        let mut whole = true;
        let initial = match (self.assignments.initial.get(id), given, concentration) {
            (Some(&assignment), ..) => self.value(assignment, id),
            (None, Some(amount), _) => {
                whole = amount.fract() == 0.0;
                self.report.text(Expression::number(amount).to_string(), element)
            }
            (None, None, Some(value)) => {
                let amount = match per {
                    Some(_) => self.times_size(id, Expression::number(value)),
                    // Formulas mean the amount, but this is a concentration all the same.
                    None => self.amount(element, value),
                };
                whole = false;
                self.report.text(amount.to_string(), element)
            }
            (None, None, None) => {
                let message = format!("species `{id}` has no initial value");
                let help = "give it an initialAmount, or an initial assignment".to_owned();
                self.report.problem(self.report.tag(element), message, help);
                "0".into()
            }
        };
        let rate = match self.assignments.rates.get(id) {
            Some(&rate) => {
                if per.is_some_and(|per| self.compartments[per].varies) {
                    let message =
                        format!("the rate rule of `{id}` is for a concentration in a compartment that varies");
                    let help = "give the species hasOnlySubstanceUnits=\"true\" and let the rule be for its amount";
                    self.report.problem(self.report.tag(rate), message, help.to_owned());
                }
                Some(self.value(rate, id))
            }
            // What no reaction changes need not be a whole number.
            None => (fixed || !(changed || whole)).then(|| "0".into()),
        };
        builder.species.push(SpeciesPart { name, initial, rate, unit, description });
    }

    /// A concentration times the size of the species' compartment.
    fn amount(&mut self, species: Element, concentration: f64) -> Expression {
        let value = Expression::number(concentration);
        let compartment = species.attribute("compartment").and_then(|id| self.meanings.get(id));
        let Some(&Meaning::Compartment(index)) = compartment else { return value };
        self.read_compartments.insert(index);
        let size = Expression::name(&self.compartments[index].name);
        Expression::call(Function::Multiply, vec![value, size], 0..0)
    }

    /// A parameter or a compartment, whose value stands in `attribute`; an idle one may be left out.
    fn quantity(&mut self, element: Element, attribute: &str, idle: bool, builder: &mut Builder) {
        let Some(id) = element.attribute_node("id") else { return };
        let name = named(self.names.name(id.value()), &id);
        let id = id.value();
        let notes = Notes::of(element);
        let (source, description) = (notes.source.clone(), notes.or_name(element));
        let unit: Text = self.units.text(element.attribute("units")).as_str().into();
        if let Some(&rule) = self.assignments.rules.get(id) {
            let expression = self.value(rule, id);
            builder.rules.push(RulePart { name, expression, unit, description });
            return;
        }
        let given = self.report.number(element, attribute);
        let assignment = self.assignments.initial.get(id).copied();
        let rate = self.assignments.rates.get(id).copied();
        if given.is_none() && assignment.is_none() && !(idle && rate.is_none()) {
            let kind = element.tag_name().name();
            let help = format!("give it {attribute}=\"…\", or an initial assignment");
            self.report.problem(self.report.tag(element), format!("{kind} `{id}` has no {attribute}"), help);
        }
        if rate.is_some() || assignment.is_some() {
            let value = Expression::number(given.unwrap_or_default()).to_string();
            let initial = match assignment {
                Some(assignment) => self.value(assignment, id),
                None => self.report.text(value, element),
            };
            let rate = Some(rate.map_or_else(|| "0".into(), |rate| self.value(rate, id)));
            builder.species.push(SpeciesPart { name, initial, rate, unit, description });
        } else if !idle {
            let value = given.unwrap_or_default();
            builder.parameters.push(ParameterPart {
                name,
                value,
                unit,
                description,
                source,
                ..ParameterPart::default()
            });
        }
    }

    /// Unit of a parameter of a reaction's own.
    pub fn unit(&self, element: Element) -> Text {
        self.units.text(element.attribute("units")).as_str().into()
    }

    /// Factors between extent and amount are supported where they are 1.
    fn check_conversion(&mut self, model: Element<'a, 'i>, parameters: &[Element<'a, 'i>]) {
        let ones: BTreeSet<&str> = parameters
            .iter()
            .filter(|one| one.attribute("value").and_then(|text| text.trim().parse().ok()) == Some(1.0))
            .filter_map(|one| one.attribute("id"))
            .filter(|id| !self.assignments.change(id))
            .collect();
        let species: Vec<Element> = self.species.iter().map(|species| species.element).collect();
        for factor in [model].into_iter().chain(species).filter_map(|one| one.attribute_node("conversionFactor")) {
            if !ones.contains(factor.value()) {
                let message = "a conversionFactor other than the constant 1 is not supported";
                let help = "multiply the kinetic laws, so that extents are amounts".to_owned();
                self.report.problem(factor.range(), message, help);
            }
        }
    }
}
