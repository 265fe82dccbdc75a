//! Reactions: equations, laws, parameters of their own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use roxmltree::Node as Element;

use super::document::Level;
use super::model::{Meaning, Reader, Species};
use super::notes::Notes;
use super::report::named;
use super::reversible::directions;
use crate::diagnostic::Diagnostics;
use crate::expression::{Expression, Functions, Program, parse_with};
use crate::network::{Builder, ParameterPart, ReactionPart, Text};

/// The two sides of an equation: (index of the species, how many of it).
#[derive(Default)]
struct Sides {
    reactants: Vec<(usize, u32)>,
    products: Vec<(usize, u32)>,
}

/// What a model's reactions leave for later.
pub(super) struct Reactions {
    /// The species that some reaction changes.
    pub changed: BTreeSet<usize>,
    /// Name and law of each reaction.
    pub laws: Vec<(String, Text)>,
}

impl<'a, 'i> Reader<'_, '_, 'a, 'i> {
    pub fn reactions(&mut self, model: Element<'a, 'i>, builder: &mut Builder) -> Reactions {
        // What is wrong with the functions has been reported, or will be when the network is built.
        let functions = builder.functions(&mut Diagnostics::default());
        let reactions = self.report.list(model, "listOfReactions", &["reaction"]);
        let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
        for parameter in reactions.iter().flat_map(|&reaction| self.own_parameters(reaction)) {
            *uses.entry(parameter.attribute("id").unwrap_or_default()).or_default() += 1;
        }
        let mut read = Reactions { changed: BTreeSet::new(), laws: Vec::new() };
        for reaction in reactions {
            self.refuse(reaction);
            let sides = Sides {
                reactants: self.side(reaction, "listOfReactants"),
                products: self.side(reaction, "listOfProducts"),
            };
            let all = sides.reactants.iter().chain(&sides.products).map(|&(species, _)| species);
            read.changed.extend(all.filter(|&species| !self.species[species].fixed));
            let Some(kinetic_law) = self.kinetic_law(reaction) else { continue };
            let locals = self.locals(reaction, &uses, builder);
            let law = self.formula(kinetic_law, &locals);
            let text = self.text(&law, kinetic_law);
            self.push(reaction, &sides, &text, &functions, builder);
            read.laws.push((self.names.name(reaction.attribute("id").unwrap_or_default()), text));
        }
        read
    }

    /// Reports what a reaction may have that is not supported.
    fn refuse(&mut self, reaction: Element) {
        let known = ["listOfReactants", "listOfProducts", "listOfModifiers", "kineticLaw"];
        self.report.children(reaction, &known);
        if self.report.flag(reaction, "fast", false) {
            let help = "write it with a large rate, or replace what it joins by one species".to_owned();
            self.report.problem(self.report.tag(reaction), "fast reactions are not supported", help);
        }
        for modifier in self.report.list(reaction, "listOfModifiers", &["modifierSpeciesReference"]) {
            self.referred(modifier);
        }
    }

    /// The species that a reference names.
    fn referred(&mut self, reference: Element) -> Option<usize> {
        let id = self.report.required(reference, "species")?;
        if let Some(&Meaning::Species(index)) = self.meanings.get(id.value()) {
            return Some(index);
        }
        let known = self.species.iter().filter_map(|species| species.element.attribute("id"));
        let help = self.report.suggestion(id.value(), known);
        self.report.problem(id.range_value(), format!("there is no species `{}`", id.value()), help);
        None
    }

    fn side(&mut self, reaction: Element<'a, 'i>, list: &str) -> Vec<(usize, u32)> {
        let mut side = Vec::new();
        for reference in self.report.list(reaction, list, &["speciesReference"]) {
            let (species, count) = (self.referred(reference), self.stoichiometry(reference));
            side.extend(species.zip(count).filter(|(_, count)| *count > 0));
        }
        side
    }

    /// How many of a species a reference means.
    fn stoichiometry(&mut self, reference: Element) -> Option<u32> {
        let maths = self.report.children(reference, &["stoichiometryMath"]);
        let number = match (maths.first(), self.report.number(reference, "stoichiometry")) {
            (Some(&math), _) => {
                let formula = self.formula(math, &HashMap::new());
                let program = Program::compile(&formula, &|_| None, &|_| None).ok();
                program.and_then(|program| program.constant())
            }
            (None, None) if self.level >= Level(3, 1) => {
                let help = "write stoichiometry=\"1\"".to_owned();
                self.report.problem(self.report.tag(reference), "this reference has no stoichiometry", help);
                return None;
            }
            (None, number) => Some(number.unwrap_or(1.0)),
        };
        let denominator = self.report.number(reference, "denominator").unwrap_or(1.0);
        let number = number.map(|number| number / denominator);
        let whole = number.filter(|number| number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(number));
        if whole.is_none() {
            let message = match number {
                Some(number) => format!("a stoichiometry of {number} is not supported"),
                None => "stoichiometries that change are not supported".to_owned(),
            };
            let help = "counts change by whole numbers; multiply the equation, or write one reaction for each case";
            self.report.problem(self.report.tag(reference), message, help.to_owned());
        }
        whole.map(|number| number as u32)
    }

    fn kinetic_law(&mut self, reaction: Element<'a, 'i>) -> Option<Element<'a, 'i>> {
        let law = reaction.children().find(|child| child.tag_name().name() == "kineticLaw");
        let Some(law) = law else {
            let id = reaction.attribute("id").unwrap_or_default();
            let help = "a <kineticLaw> is needed to simulate it".to_owned();
            self.report.problem(self.report.tag(reaction), format!("reaction `{id}` has no rate"), help);
            return None;
        };
        let own = if self.level.0 == 2 { "listOfParameters" } else { "listOfLocalParameters" };
        self.report.children(law, &[own]);
        for name in ["timeUnits", "substanceUnits"] {
            if let Some(unit) = law.attribute_node(name) {
                let help = "write the law in the model's units".to_owned();
                self.report.problem(unit.range(), "units of a law's own are not supported", help);
            }
        }
        Some(law)
    }

    /// The parameters that a reaction has for itself.
    fn own_parameters(&mut self, reaction: Element<'a, 'i>) -> Vec<Element<'a, 'i>> {
        let Some(law) = reaction.children().find(|child| child.tag_name().name() == "kineticLaw") else {
            return Vec::new();
        };
        match self.level {
            Level(2, _) => self.report.list(law, "listOfParameters", &["parameter"]),
            _ => self.report.list(law, "listOfLocalParameters", &["localParameter"]),
        }
    }

    /// Makes parameters of a reaction's own, under names that nothing else has. Gives back the names by their ids.
    fn locals(
        &mut self,
        reaction: Element<'a, 'i>,
        uses: &BTreeMap<&str, usize>,
        builder: &mut Builder,
    ) -> HashMap<&'a str, String> {
        let mut locals = HashMap::new();
        for parameter in self.own_parameters(reaction) {
            let Some(id) = self.report.required(parameter, "id") else { continue };
            let alone = uses.get(id.value()) == Some(&1) && !self.names.is_taken(id.value());
            let name = match alone {
                true => self.names.fresh(id.value()),
                false => {
                    let wanted = format!("{}_{}", reaction.attribute("id").unwrap_or_default(), id.value());
                    self.names.fresh(&wanted)
                }
            };
            let value = self.report.number(parameter, "value");
            if value.is_none() {
                let message = format!("parameter `{}` has no value", id.value());
                self.report.problem(self.report.tag(parameter), message, "give it value=\"…\"".to_owned());
            }
            if locals.insert(id.value(), name.clone()).is_some() {
                self.report.problem(id.range_value(), format!("the id `{}` is given twice", id.value()), None);
            }
            let reaction = reaction.attribute("id").unwrap_or_default();
            self.local_names.push((format!("{reaction}.{}", id.value()), name.clone()));
            let notes = Notes::of(parameter);
            builder.parameters.push(ParameterPart {
                name: named(name, &id),
                value: value.unwrap_or_default(),
                unit: self.unit(parameter),
                source: notes.source.clone(),
                description: notes.or_name(parameter),
                ..ParameterPart::default()
            });
        }
        locals
    }

    /// Adds a reaction, or the two that it is.
    fn push(&mut self, reaction: Element, sides: &Sides, law: &Text, functions: &Functions, builder: &mut Builder) {
        let id = reaction.attribute("id").unwrap_or_default();
        let name = reaction.attribute("name").filter(|name| !name.is_empty()).unwrap_or(id);
        let stage = Notes::of(reaction).stage;
        let mut add = |name: String, left: &[(usize, u32)], right: &[(usize, u32)], rate: Text| {
            let equation = self.report.text(self.equation(left, right), reaction);
            builder.reactions.push(ReactionPart { name, equation, rate, stage: stage.clone() });
        };
        let reversible = match reaction.attribute("reversible").map(str::trim) {
            Some(text) => matches!(text, "true" | "1"),
            None => self.level < Level(3, 1),
        };
        let Sides { reactants, products } = sides;
        let both = reversible.then(|| self.directions(sides, law, functions)).flatten();
        match both {
            None => add(name.to_owned(), reactants, products, law.clone()),
            Some([forward, reverse]) => {
                let text = |part: Expression| Text { value: part.to_string(), span: law.span.clone() };
                add(name.to_owned(), reactants, products, text(forward));
                add(format!("{name}_reverse"), products, reactants, text(reverse));
            }
        }
    }

    fn directions(&self, sides: &Sides, law: &Text, functions: &Functions) -> Option<[Expression; 2]> {
        let net = |species: usize| {
            let total = |side: &[(usize, u32)]| {
                side.iter().filter(|(one, _)| *one == species).map(|&(_, count)| i64::from(count)).sum::<i64>()
            };
            total(&sides.products) - total(&sides.reactants)
        };
        let of = |side: &[(usize, u32)], sign: i64| {
            let changed = side.iter().map(|&(species, _)| species).filter(|&species| net(species).signum() == sign);
            changed.map(|species| self.species[species].name.as_str()).collect::<Vec<_>>()
        };
        let (consumed, produced) = (of(&sides.reactants, -1), of(&sides.products, 1));
        if consumed.is_empty() && !sides.reactants.is_empty() {
            return None;
        }
        let law = parse_with(&law.value, functions).ok()?;
        directions(&law, &consumed, &produced).map(|both| [both.forward, both.reverse])
    }

    /// The equation of a reaction. Species that it leaves as they are stand on both sides alike.
    fn equation(&self, left: &[(usize, u32)], right: &[(usize, u32)]) -> String {
        let mut counts: BTreeMap<usize, [u64; 2]> = BTreeMap::new();
        for (side, participants) in [left, right].into_iter().enumerate() {
            for &(species, count) in participants {
                counts.entry(species).or_default()[side] += u64::from(count);
            }
        }
        let term = |side: usize, species: usize| {
            let Species { name, fixed, ruled, .. } = &self.species[species];
            let [left, right] = counts[&species];
            match if *fixed { left.max(right) } else { [left, right][side] } {
                // A rule is no species; nothing changes it.
                _ if *ruled => None,
                0 => None,
                1 => Some(name.clone()),
                count => Some(format!("{count} {name}")),
            }
        };
        let side = |side: usize, first: &[(usize, u32)], then: &[(usize, u32)]| {
            let mut seen = BTreeSet::new();
            let order = first.iter().chain(then).map(|&(species, _)| species).filter(|&species| seen.insert(species));
            order.filter_map(|species| term(side, species)).collect::<Vec<_>>().join(" + ")
        };
        format!("{} -> {}", side(0, left, right), side(1, right, left)).trim().to_owned()
    }
}
