//! Function definitions, each after those it calls.

use std::collections::{BTreeSet, HashMap};

use roxmltree::Node as Element;

use super::formula::{Defined, Formulas, Unknown};
use super::model::Reader;
use super::names::is_reserved;
use super::report::named;
use crate::diagnostic::suggestion;
use crate::expression::Expression;
use crate::network::{Builder, FunctionPart, Text};

/// A definition before its body is read.
struct Definition<'a, 'i> {
    element: Element<'a, 'i>,
    id: &'a str,
    /// Ids of the arguments and the elements that name them.
    arguments: Vec<(&'a str, Element<'a, 'i>)>,
    body: Element<'a, 'i>,
}

impl<'a, 'i> Reader<'_, '_, 'a, 'i> {
    pub fn functions(&mut self, model: Element<'a, 'i>, builder: &mut Builder) {
        let mut definitions = Vec::new();
        for element in self.report.list(model, "listOfFunctionDefinitions", &["functionDefinition"]) {
            if let Some(definition) = self.definition(element) {
                let (name, arguments) = (self.names.name(definition.id), definition.arguments.len());
                self.functions.insert(definition.id.to_owned(), Defined { name, arguments });
                definitions.push(definition);
            }
        }
        for definition in self.in_order(definitions) {
            builder.functions.extend(self.function(&definition));
        }
    }

    fn definition(&mut self, element: Element<'a, 'i>) -> Option<Definition<'a, 'i>> {
        let id = element.attribute("id")?;
        let math = self.report.math(element)?;
        // Annotated formulas have one more element around them.
        let mut lambda = math.first_element_child();
        while let Some(semantics) = lambda.filter(|one| one.tag_name().name() == "semantics") {
            lambda = semantics.first_element_child();
        }
        let parts: Vec<Element> = match lambda.filter(|one| one.tag_name().name() == "lambda") {
            Some(lambda) => lambda.children().filter(Element::is_element).collect(),
            None => Vec::new(),
        };
        let Some((&body, names)) = parts.split_last() else {
            let help = "a <lambda> with its arguments in <bvar> and a formula is needed".to_owned();
            self.report.problem(self.report.tag(math), "this function has no formula", help);
            return None;
        };
        let name = |part: &Element<'a, 'i>| {
            let inner = part.first_element_child().filter(|_| part.tag_name().name() == "bvar")?;
            Some((inner.text()?.trim(), inner))
        };
        let arguments: Option<Vec<_>> = names.iter().map(name).collect();
        if arguments.is_none() || body.tag_name().name() == "bvar" {
            self.report.problem(self.report.tag(math), "the arguments of this function are wrong", None);
        }
        Some(Definition { element, id, arguments: arguments?, body })
    }

    /// The definitions in an order in which each comes after those it calls (Kahn 1962).
    fn in_order(&mut self, definitions: Vec<Definition<'a, 'i>>) -> Vec<Definition<'a, 'i>> {
        let places: HashMap<&str, usize> = definitions.iter().enumerate().map(|(at, one)| (one.id, at)).collect();
        let mut waits = vec![0_usize; definitions.len()];
        let mut callers = vec![Vec::new(); definitions.len()];
        for (at, definition) in definitions.iter().enumerate() {
            let applied = definition.body.descendants().filter(|one| one.tag_name().name() == "ci");
            let called = applied.filter_map(|ci| places.get(ci.text()?.trim()).copied()).collect::<BTreeSet<_>>();
            waits[at] = called.len();
            called.into_iter().for_each(|callee: usize| callers[callee].push(at));
        }
        let mut order: Vec<usize> = (0..definitions.len()).filter(|&at| waits[at] == 0).collect();
        let mut next = 0;
        while let Some(&at) = order.get(next) {
            next += 1;
            for &caller in &callers[at] {
                waits[caller] -= 1;
                if waits[caller] == 0 {
                    order.push(caller);
                }
            }
        }
        for (at, definition) in definitions.iter().enumerate() {
            if waits[at] > 0 {
                let message = format!("the function `{}` calls itself, or functions that do", definition.id);
                self.report.problem(self.report.tag(definition.element), message, None);
            }
        }
        let mut definitions: Vec<Option<Definition>> = definitions.into_iter().map(Some).collect();
        order.into_iter().filter_map(|at| definitions[at].take()).collect()
    }

    fn function(&mut self, definition: &Definition<'a, 'i>) -> Option<FunctionPart> {
        let mut names: HashMap<&str, String> = HashMap::new();
        for &(id, _) in &definition.arguments {
            let mut name = id.to_owned();
            while is_reserved(&name) || (name != id && definition.arguments.iter().any(|(other, _)| *other == name)) {
                name.push('_');
            }
            names.insert(id, name);
        }
        let mut resolve = |id: &str| match names.get(id) {
            Some(name) => Ok(Expression::name(name)),
            None => {
                let help = suggestion(id, names.keys().copied().collect::<BTreeSet<_>>());
                let help = help.or(Some("functions know their arguments only; pass it as one".to_owned()));
                Err(Unknown(format!("`{id}` is not an argument of this function"), help))
            }
        };
        let (report, functions) = (&mut *self.report, &self.functions);
        let expression = Formulas { report, functions, resolve: &mut resolve }.body(definition.body)?;
        let argument = |&(id, element): &(&str, Element)| self.report.text(names[id].clone(), element);
        let arguments: Vec<Text> = definition.arguments.iter().map(argument).collect();
        let id = definition.element.attribute_node("id")?;
        let name = named(self.names.name(definition.id), &id);
        Some(FunctionPart { name, arguments, expression: self.text(&expression, definition.element) })
    }
}
