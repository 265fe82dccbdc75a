//! What the parts of a model become.

use super::{document, math, values};
use crate::Network;
use crate::network::{Builder, SpeciesPart, TriggerPart};

fn read(source: &str) -> Builder {
    Builder::from_sbml(source, "m.xml").unwrap_or_else(|problems| panic!("{problems}"))
}

fn lists(lists: &str) -> Builder {
    read(&document(lists))
}

/// Name, initial value and rate of each species and variable.
fn species(builder: &Builder) -> Vec<(&str, &str, Option<&str>)> {
    fn rate(part: &SpeciesPart) -> Option<&str> {
        part.rate.as_ref().map(|rate| rate.value.as_str())
    }
    builder.species.iter().map(|part| (part.name.value.as_str(), part.initial.value.as_str(), rate(part))).collect()
}

fn rules(builder: &Builder) -> Vec<(&str, &str)> {
    builder.rules.iter().map(|part| (part.name.value.as_str(), part.expression.value.as_str())).collect()
}

fn parameters(builder: &Builder) -> Vec<(&str, f64)> {
    builder.parameters.iter().map(|part| (part.name.value.as_str(), part.value)).collect()
}

fn reactions(builder: &Builder) -> Vec<(&str, &str, &str)> {
    let parts = builder.reactions.iter();
    parts.map(|part| (part.name.as_str(), part.equation.value.as_str(), part.rate.value.as_str())).collect()
}

/// A compartment of size 2, A and B as concentrations in it, N as amount.
const CELL: &str = "<listOfCompartments>\
    <compartment id=\"cell\" spatialDimensions=\"3\" size=\"2\" constant=\"true\"/>\
    <compartment id=\"point\" spatialDimensions=\"0\" constant=\"true\"/>\
    <compartment id=\"idle\" size=\"7\" constant=\"true\"/></listOfCompartments>\
    <listOfSpecies>\
    <species id=\"A\" compartment=\"cell\" initialConcentration=\"5\" hasOnlySubstanceUnits=\"false\"/>\
    <species id=\"B\" compartment=\"cell\" initialAmount=\"4\" hasOnlySubstanceUnits=\"false\"/>\
    <species id=\"N\" compartment=\"cell\" initialConcentration=\"3\" hasOnlySubstanceUnits=\"true\"/>\
    <species id=\"P\" compartment=\"point\" initialAmount=\"1\"/>\
    <species id=\"S\" compartment=\"cell\" initialAmount=\"2.5\" hasOnlySubstanceUnits=\"true\" boundaryCondition=\"true\"/>\
    </listOfSpecies>";

fn reaction(attributes: &str, left: &[(&str, &str)], right: &[(&str, &str)], law: &str) -> String {
    let side = |name: &str, side: &[(&str, &str)]| {
        let references = side.iter().map(|(species, count)| {
            format!("<speciesReference species=\"{species}\" stoichiometry=\"{count}\" constant=\"true\"/>")
        });
        format!("<listOf{name}>{}</listOf{name}>", references.collect::<String>())
    };
    let (left, right) = (side("Reactants", left), side("Products", right));
    format!("<reaction {attributes}>{left}{right}<kineticLaw>{}</kineticLaw></reaction>", math(law))
}

fn with_reactions(reactions: &str) -> Builder {
    lists(&format!(
        "{CELL}<listOfParameters><parameter id=\"k\" value=\"0.5\" constant=\"true\"/>\
         <parameter id=\"q\" value=\"3\" constant=\"true\"/></listOfParameters>\
         <listOfReactions>{reactions}</listOfReactions>"
    ))
}

fn product(names: &[&str]) -> String {
    format!("<apply><times/>{}</apply>", names.iter().map(|name| format!("<ci>{name}</ci>")).collect::<String>())
}

fn difference(left: &str, right: &str) -> String {
    format!("<apply><minus/>{left}{right}</apply>")
}

#[test]
fn concentrations_are_amounts_over_sizes() {
    let law = product(&["cell", "k", "A", "N", "P"]);
    let builder =
        with_reactions(&reaction("id=\"r\" reversible=\"false\"", &[("A", "1"), ("S", "2")], &[("B", "2")], &law));
    assert_eq!(
        species(&builder),
        [
            ("A", "5 * cell", None),
            ("B", "4", None),
            ("N", "3 * cell", Some("0")),
            ("P", "1", None),
            ("S", "2.5", Some("0"))
        ]
    );
    assert_eq!(reactions(&builder), [("r", "A + 2 S -> 2 B + 2 S", "cell * k * (A / cell) * N * P")]);
    // Compartments that nothing reads are left out.
    assert_eq!(parameters(&builder), [("k", 0.5), ("q", 3.0), ("cell", 2.0)]);
    let network = builder.build().unwrap();
    assert_eq!(values(&network, &["A", "N", "S"], 0.0), [10.0, 6.0, 2.5]);
    assert_eq!(network.reactions()[0].changes, [(0, -1.0), (1, 2.0)]);
}

#[test]
fn rules_assignments_and_events_set_amounts() {
    let builder = lists(&format!(
        "{CELL}<listOfParameters><parameter id=\"k\" value=\"0.5\"/><parameter id=\"v\" value=\"1\"/>\
         <parameter id=\"w\"/><parameter id=\"twice\"/></listOfParameters>\
         <listOfInitialAssignments><initialAssignment symbol=\"B\">{}</initialAssignment>\
         <initialAssignment symbol=\"w\">{}</initialAssignment></listOfInitialAssignments>\
         <listOfRules><rateRule variable=\"A\">{}</rateRule><rateRule variable=\"v\">{}</rateRule>\
         <assignmentRule variable=\"N\">{}</assignmentRule><assignmentRule variable=\"twice\">{}</assignmentRule>\
         </listOfRules><listOfEvents><event id=\"e\" useValuesFromTriggerTime=\"false\">\
         <trigger initialValue=\"true\" persistent=\"false\">{}</trigger><delay>{}</delay><priority>{}</priority>\
         <listOfEventAssignments><eventAssignment variable=\"B\">{}</eventAssignment>\
         <eventAssignment variable=\"k\">{}</eventAssignment></listOfEventAssignments></event></listOfEvents>",
        math("<cn>2</cn>"),
        math("<apply><plus/><ci>k</ci><cn>1</cn></apply>"),
        math("<ci>k</ci>"),
        math("<ci>v</ci>"),
        math("<ci>A</ci>"),
        math("<apply><times/><cn>2</cn><ci>B</ci></apply>"),
        math("<apply><gt/><ci>B</ci><cn>3</cn></apply>"),
        math("<cn>1.5</cn>"),
        math("<ci>k</ci>"),
        math("<apply><plus/><ci>B</ci><cn>1</cn></apply>"),
        math("<cn>2</cn>"),
    ));
    assert_eq!(
        species(&builder),
        [
            ("A", "5 * cell", Some("k * cell")),
            ("B", "2 * cell", None),
            ("P", "1", None),
            ("S", "2.5", Some("0")),
            ("v", "1", Some("v")),
            ("w", "k + 1", Some("0"))
        ]
    );
    assert_eq!(rules(&builder), [("N", "A / cell"), ("twice", "2 * (B / cell)")]);
    assert_eq!(parameters(&builder), [("k", 0.5), ("cell", 2.0)]);
    let event = &builder.events[0];
    let set: Vec<_> = event.set.iter().map(|(target, value)| (target.value.as_str(), value.value.as_str())).collect();
    assert_eq!(set, [("B", "(B / cell + 1) * cell"), ("k", "2")]);
    assert!(!event.values_from_trigger_time);
    assert_eq!(event.delay.as_ref().unwrap().value, "1.5");
    assert_eq!(event.priority.as_ref().unwrap().value, "k");
    let TriggerPart::When { condition, initially, persistent } = &event.trigger else { panic!("a condition") };
    assert_eq!((condition.value.as_str(), *initially, *persistent), ("B / cell > 3", true, false));
    let network = builder.build().unwrap();
    let moving: Vec<bool> = network.species().iter().map(|species| species.moves()).collect();
    assert_eq!(moving, [true, false, false, false, true, false]);
}

#[test]
fn reversible_differences_are_two_reactions() {
    let reversible = "id=\"r\" reversible=\"true\"";
    let (forward, back) = (product(&["k", "A"]), product(&["q", "B"]));
    let law = format!("<apply><times/><ci>cell</ci>{}</apply>", difference(&forward, &back));
    let builder = with_reactions(&reaction(reversible, &[("A", "1")], &[("B", "2")], &law));
    assert_eq!(
        reactions(&builder),
        [("r", "A -> 2 B", "cell * (k * (A / cell))"), ("r_reverse", "2 B -> A", "cell * (q * (B / cell))")]
    );
    // A saturating denominator belongs to both.
    let over = format!("<apply><divide/>{}<ci>q</ci></apply>", difference("<ci>N</ci>", "<ci>P</ci>"));
    let builder = with_reactions(&reaction(reversible, &[("N", "1")], &[("P", "1")], &over));
    assert_eq!(reactions(&builder), [("r", "N -> P", "N / q"), ("r_reverse", "P -> N", "P / q")]);
    let negated = "<apply><plus/><apply><minus/><ci>P</ci></apply><ci>N</ci></apply>";
    let builder = with_reactions(&reaction(reversible, &[("N", "1")], &[("P", "1")], negated));
    assert_eq!(reactions(&builder), [("r", "N -> P", "N"), ("r_reverse", "P -> N", "P")]);
    let source =
        with_reactions(&reaction(reversible, &[], &[("P", "1")], &difference("<ci>k</ci>", &product(&["q", "P"]))));
    assert_eq!(reactions(&source), [("r", "-> P", "k"), ("r_reverse", "P ->", "q * P")]);

    // These differences are laws of one direction: a falling factorial, logistic growth, and one said irreversible.
    let pairs = format!("<apply><times/><ci>k</ci><ci>N</ci>{}</apply>", difference("<ci>N</ci>", "<cn>1</cn>"));
    let logistic = format!(
        "<apply><times/><ci>k</ci><ci>N</ci>{}</apply>",
        difference("<cn>1</cn>", "<apply><divide/><ci>N</ci><ci>q</ci></apply>")
    );
    for (attributes, left, right, law) in [
        (reversible, ("N", "2"), ("P", "1"), &pairs),
        (reversible, ("N", "1"), ("N", "2"), &logistic),
        ("id=\"r\" reversible=\"false\"", ("A", "1"), ("B", "2"), &difference(&forward, &back)),
        ("id=\"r\"", ("A", "1"), ("B", "2"), &difference(&forward, &back)),
    ] {
        assert_eq!(with_reactions(&reaction(attributes, &[left], &[right], law)).reactions.len(), 1, "{law}");
    }
}

#[test]
fn reversible_laws_within_functions_are_found() {
    let body = difference("<apply><times/><ci>k</ci><ci>a</ci></apply>", "<ci>b</ci>");
    let builder = lists(&format!(
        "<listOfFunctionDefinitions><functionDefinition id=\"flow\">{}</functionDefinition></listOfFunctionDefinitions>\
         {CELL}<listOfParameters><parameter id=\"k\" value=\"0.5\"/></listOfParameters><listOfReactions>{}</listOfReactions>",
        math(&format!("<lambda><bvar><ci>k</ci></bvar><bvar><ci>a</ci></bvar><bvar><ci>b</ci></bvar>{body}</lambda>")),
        reaction(
            "id=\"r\" reversible=\"true\"",
            &[("N", "1")],
            &[("P", "1")],
            "<apply><ci>flow</ci><ci>k</ci><ci>N</ci><ci>P</ci></apply>"
        ),
    ));
    assert_eq!(reactions(&builder), [("r", "N -> P", "k * N"), ("r_reverse", "P -> N", "P")]);
    assert_eq!(builder.functions[0].expression.value, "k * a - b");
}

#[test]
fn local_parameters_shadow_and_reserved_ids_are_renamed() {
    let law = |value: &str| {
        format!(
            "<kineticLaw>{}<listOfLocalParameters><localParameter id=\"k\" value=\"{value}\"/>\
             <localParameter id=\"own{value}\" value=\"1\"/></listOfLocalParameters></kineticLaw>",
            math("<apply><times/><ci>k</ci><ci>exp</ci><ci>time</ci></apply>")
        )
    };
    let builder = lists(&format!(
        "<listOfCompartments><compartment id=\"c\"/></listOfCompartments><listOfSpecies>\
         <species id=\"exp\" compartment=\"c\" initialAmount=\"1\" hasOnlySubstanceUnits=\"true\"/></listOfSpecies>\
         <listOfParameters><parameter id=\"k\" value=\"9\"/><parameter id=\"time\" value=\"8\"/>\
         <parameter id=\"time_\" value=\"7\"/></listOfParameters>\
         <listOfReactions><reaction id=\"first\">{}</reaction><reaction id=\"second\">{}</reaction></listOfReactions>",
        law("1"),
        law("2")
    ));
    assert_eq!(reactions(&builder)[0], ("first", "->", "first_k * exp_ * time__"));
    assert_eq!(reactions(&builder)[1].2, "second_k * exp_ * time__");
    assert_eq!(
        parameters(&builder),
        [
            ("first_k", 1.0),
            ("own1", 1.0),
            ("second_k", 2.0),
            ("own2", 1.0),
            ("k", 9.0),
            ("time__", 8.0),
            ("time_", 7.0)
        ]
    );
    builder.build().unwrap();
}

#[test]
fn a_reactions_id_is_its_rate_and_a_references_its_stoichiometry() {
    let builder = lists(&format!(
        "{CELL}<listOfParameters><parameter id=\"sum\"/></listOfParameters>\
         <listOfRules><assignmentRule variable=\"sum\">{}</assignmentRule></listOfRules>\
         <listOfReactions><reaction id=\"r\"><listOfReactants>\
         <speciesReference id=\"two\" species=\"N\" stoichiometry=\"2\"/></listOfReactants>\
         <kineticLaw>{}</kineticLaw></reaction></listOfReactions>",
        math("<apply><plus/><ci>r</ci><ci>two</ci></apply>"),
        math("<ci>N</ci>"),
    ));
    assert_eq!(rules(&builder), [("sum", "r + 2"), ("r", "N")]);
    assert_eq!(values(&builder.build().unwrap(), &["sum"], 0.0), [8.0]);
}

#[test]
fn level_2_has_its_own_defaults() {
    let source = format!(
        "<sbml xmlns=\"http://www.sbml.org/sbml/level2/version4\" level=\"2\" version=\"4\"><model id=\"m\" name=\"A model\">\
         <notes><body xmlns=\"http://www.w3.org/1999/xhtml\"><p>What it\n says.</p><p>And more.</p></body></notes>\
         <listOfUnitDefinitions><unitDefinition id=\"time\"><listOfUnits><unit kind=\"second\" multiplier=\"86400\"/>\
         </listOfUnits></unitDefinition><unitDefinition id=\"rate\"><listOfUnits>\
         <unit kind=\"second\" exponent=\"-1\" multiplier=\"3600\"/></listOfUnits></unitDefinition></listOfUnitDefinitions>\
         <listOfCompartments><compartment id=\"c\"/></listOfCompartments><listOfSpecies>\
         <species id=\"X\" name=\"cells\" compartment=\"c\" initialAmount=\"10\" hasOnlySubstanceUnits=\"true\"/>\
         </listOfSpecies><listOfParameters><parameter id=\"slow\" value=\"1\" units=\"rate\"/></listOfParameters>\
         <listOfReactions><reaction id=\"r\"><listOfReactants><speciesReference species=\"X\">\
         <stoichiometryMath>{}</stoichiometryMath></speciesReference></listOfReactants>\
         <kineticLaw>{}<listOfParameters><parameter id=\"k\" value=\"0.1\"/></listOfParameters></kineticLaw></reaction>\
         </listOfReactions><listOfEvents><event id=\"e\"><trigger>{}</trigger><listOfEventAssignments>\
         <eventAssignment variable=\"slow\">{}</eventAssignment></listOfEventAssignments></event></listOfEvents></model></sbml>",
        math("<apply><plus/><cn>1</cn><cn>1</cn></apply>"),
        math("<apply><times/><ci>k</ci><ci>X</ci></apply>"),
        math("<apply><geq/><ci>X</ci><cn>0</cn></apply>"),
        math("<cn>3</cn>"),
    );
    let builder = read(&source);
    assert_eq!((builder.title.as_str(), builder.description.as_str()), ("A model", "What it says.\nAnd more."));
    assert_eq!(builder.time_unit.value, "day");
    assert_eq!(builder.parameters[1].unit.value, "1/hour");
    assert_eq!(builder.species[0].description, "cells");
    assert_eq!(reactions(&builder), [("r", "2 X ->", "k * X")]);
    // The condition holds from the start, which in Level 2 sets nothing off.
    let TriggerPart::When { initially, persistent, .. } = builder.events[0].trigger else { panic!("a condition") };
    assert!(initially && persistent && builder.events[0].values_from_trigger_time);
    assert_eq!(values(&builder.build().unwrap(), &["slow"], 1.0), [1.0]);
}

#[test]
fn units_that_contradict_each_other_are_left_out() {
    let model = |unit: &str| {
        format!(
            "<sbml xmlns=\"http://www.sbml.org/sbml/level3/version1/core\" level=\"3\" version=\"1\">\
             <model id=\"m\" timeUnits=\"second\">{CELL}<listOfParameters>\
             <parameter id=\"k\" value=\"1\" units=\"{unit}\"/></listOfParameters>\
             <listOfReactions>{}</listOfReactions></model></sbml>",
            reaction("id=\"r\"", &[("N", "1")], &[], &product(&["k", "N"]))
        )
    };
    let odd = read(&model("second"));
    assert_eq!((odd.time_unit.value.as_str(), odd.parameters[0].unit.value.as_str()), ("second", ""));
    let plain = read(&model("mole"));
    assert_eq!((plain.time_unit.value.as_str(), plain.parameters[0].unit.value.as_str()), ("second", ""));
    assert!(Network::from_sbml(&model("second"), "m.xml").is_ok());
}
