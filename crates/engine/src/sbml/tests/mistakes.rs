//! What is wrong or not supported is named, with its place.

use crate::Network;

const MODEL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">
  <model id="m">
    <listOfFunctionDefinitions>
      <functionDefinition id="f"><math xmlns="http://www.w3.org/1998/Math/MathML">
        <lambda><bvar><ci>a</ci></bvar><apply><times/><cn>2</cn><ci>a</ci></apply></lambda></math></functionDefinition>
    </listOfFunctionDefinitions>
    <listOfCompartments>
      <compartment id="cell" spatialDimensions="3" size="2" constant="true"/>
    </listOfCompartments>
    <listOfSpecies>
      <species id="A" compartment="cell" initialAmount="10" hasOnlySubstanceUnits="true" constant="false"/>
      <species id="B" compartment="cell" initialAmount="0" hasOnlySubstanceUnits="false" constant="false"/>
    </listOfSpecies>
    <listOfParameters>
      <parameter id="k" value="0.5" constant="true"/>
      <parameter id="v" value="1" constant="false"/>
    </listOfParameters>
    <listOfRules>
      <rateRule variable="v"><math xmlns="http://www.w3.org/1998/Math/MathML"><ci>k</ci></math></rateRule>
    </listOfRules>
    <listOfReactions>
      <reaction id="r" reversible="false" fast="false">
        <listOfReactants><speciesReference species="A" stoichiometry="1" constant="true"/></listOfReactants>
        <listOfProducts><speciesReference species="B" stoichiometry="1" constant="true"/></listOfProducts>
        <kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">
          <apply><times/><ci>k</ci><ci>A</ci></apply></math></kineticLaw>
      </reaction>
    </listOfReactions>
    <listOfEvents>
      <event id="e" useValuesFromTriggerTime="true">
        <trigger initialValue="true" persistent="true"><math xmlns="http://www.w3.org/1998/Math/MathML">
          <apply><gt/><ci>B</ci><cn>3</cn></apply></math></trigger>
        <listOfEventAssignments>
          <eventAssignment variable="A"><math xmlns="http://www.w3.org/1998/Math/MathML"><cn>5</cn></math></eventAssignment>
        </listOfEventAssignments>
      </event>
    </listOfEvents>
  </model>
</sbml>
"#;

#[test]
fn the_model_itself_is_right() {
    Network::from_sbml(MODEL, "m.xml").unwrap_or_else(|problems| panic!("{problems}"));
}

/// Each mistake: what is replaced by what, and what the message must say, with line and column.
#[test]
fn mistakes_are_shown_with_their_places() {
    const SYMBOL: &str = "<csymbol encoding=\"text\" definitionURL=\"http://www.sbml.org/sbml/symbols/";
    let delay = format!("<apply>{SYMBOL}delay\">d</csymbol><ci>A</ci><cn>1</cn></apply>");
    let rate_of = format!("<apply>{SYMBOL}rateOf\">d</csymbol><ci>A</ci></apply>");
    let time_applied = format!("<apply>{SYMBOL}time\">t</csymbol><ci>A</ci></apply>");
    let other = format!("{SYMBOL}never\">t</csymbol>");
    let cases: Vec<(&str, &str, &str)> = vec![
        (
            "level3/version1/core\" level=\"3\"",
            "level1\" level=\"1\"",
            "SBML Level 1 is not read|help: convert it|m.xml:2:1",
        ),
        ("level3/version1/core", "level4/core", "not a document in SBML Level 2 or 3|m.xml:2:1"),
        (
            "<sbml ",
            "<sbml xmlns:c=\"http://www.sbml.org/sbml/level3/version1/comp/version1\" c:required=\"true\" ",
            "needs the SBML package `comp`|m.xml:2:72|CompFlatteningConverter",
        ),
        ("</sbml>", "", "not well-formed XML|m.xml"),
        ("id=\"m\">", "id=\"m\">&evil;", "not well-formed XML"),
        ("<model id=\"m\">", "<model>", ""),
        ("<listOfRules>", "<listOfRuls>", "not well-formed"),
        ("rateRule", "algebraicRule", "algebraic rules are not supported|m.xml:20:7|solve it for one"),
        ("<rateRule variable=\"v\">", "<rateRule variable=\"w\">", "unknown id `w`|m.xml:20:27"),
        ("<rateRule variable=\"v\">", "<rateRule variable=\"r\">", "`r` has no value that can be set"),
        ("<rateRule variable=\"v\">", "<rateRule>", "this <rateRule> has no `variable`|m.xml:20:7"),
        (
            "</rateRule>",
            "</rateRule><assignmentRule variable=\"v\"><math xmlns=\"http://www.w3.org/1998/Math/MathML\"><cn>1</cn></math></assignmentRule>",
            "`v` has two rules",
        ),
        (
            "<ci>k</ci></math></rateRule>",
            "<ci>k</ci></math></rateRule><constraint/>",
            "<constraint> does not belong in <listOfRules>",
        ),
        ("<ci>k</ci></math></rateRule>", "</math></rateRule>", "the formula is empty"),
        ("<ci>k</ci></math></rateRule>", "<ci>k</ci><ci>k</ci></math></rateRule>", "holds one formula"),
        (
            "<math xmlns=\"http://www.w3.org/1998/Math/MathML\"><ci>k</ci></math></rateRule>",
            "</rateRule>",
            "this <rateRule> has no formula",
        ),
        ("fast=\"false\"", "fast=\"true\"", "fast reactions are not supported|m.xml:23:7"),
        ("fast=\"false\"", "fast=\"no\"", "`fast` is \"true\" or \"false\"|m.xml:23:49"),
        (
            "\"A\" stoichiometry=\"1\"",
            "\"A\" stoichiometry=\"0.5\"",
            "a stoichiometry of 0.5 is not supported|m.xml:24:26|help: counts change by whole numbers",
        ),
        ("\"A\" stoichiometry=\"1\"", "\"A\" stoichiometry=\"-1\"", "a stoichiometry of -1 is not supported"),
        ("\"A\" stoichiometry=\"1\"", "\"A\" stoichiometry=\"one\"", "`stoichiometry` must be a finite number"),
        ("\"A\" stoichiometry=\"1\"", "\"A\"", "this reference has no stoichiometry"),
        (
            "<speciesReference species=\"A\"",
            "<speciesReference species=\"AA\"",
            "there is no species `AA`|did you mean `A`?|m.xml:24:53",
        ),
        (
            "<speciesReference species=\"A\" stoichiometry=\"1\" constant=\"true\"/>",
            "<speciesReference species=\"A\" id=\"s\" stoichiometry=\"1\"/>",
            "",
        ),
        ("<kineticLaw>", "<kineticLow>", "not well-formed"),
        (
            "</math></kineticLaw>",
            "</math><listOfParameters/></kineticLaw>",
            "<listOfParameters> does not belong in <kineticLaw>|did you mean `listOfLocalParameters`?",
        ),
        ("reaction id=\"r\"", "reaction id=\"A\"", "the id `A` is given twice"),
        ("reaction id=\"r\"", "reaction", "this <reaction> has no `id`"),
        ("reaction id=\"r\"", "reaction id=\"r r\"", "`r r` is not an id"),
        (
            "compartment=\"cell\" initialAmount=\"10\"",
            "compartment=\"cel\" initialAmount=\"10\"",
            "there is no compartment `cel`|did you mean `cell`?|m.xml:12:36",
        ),
        ("compartment=\"cell\" initialAmount=\"10\"", "initialAmount=\"10\"", "this <species> has no `compartment`"),
        ("initialAmount=\"10\" ", "", "species `A` has no initial value"),
        ("initialAmount=\"10\"", "initialAmount=\"INF\"", "`initialAmount` must be a finite number"),
        ("initialAmount=\"10\"", "initialAmount=\"-3\"", "a count cannot be -3|m.xml:12:7"),
        ("size=\"2\" ", "", "compartment `cell` has no size|m.xml:9:7"),
        ("id=\"k\" value=\"0.5\"", "id=\"k\"", "parameter `k` has no value|m.xml:16:7"),
        ("id=\"k\" value=\"0.5\"", "id=\"k\" value=\"NaN\"", "`value` must be a finite number"),
        ("<ci>k</ci><ci>A</ci>", "<ci>kk</ci><ci>A</ci>", "unknown id `kk`|did you mean `k`?|m.xml:27:26"),
        ("<ci>k</ci><ci>A</ci>", "<ci>f</ci><ci>A</ci>", "`f` is a function and must be applied"),
        ("<ci>k</ci><ci>A</ci>", "<ci>e</ci><ci>A</ci>", "`e` has no value"),
        (
            "<apply><times/><ci>k</ci><ci>A</ci></apply>",
            "<apply><ci>g</ci><ci>A</ci></apply>",
            "there is no function `g`",
        ),
        (
            "<apply><times/><ci>k</ci><ci>A</ci></apply>",
            "<apply><ci>f</ci><ci>A</ci><ci>A</ci></apply>",
            "`f` takes 1 argument(s), 2 given",
        ),
        ("<apply><times/><ci>k</ci><ci>A</ci></apply>", "<apply/>", "<apply> is empty"),
        (
            "<apply><times/><ci>k</ci><ci>A</ci></apply>",
            &delay,
            "the symbol `delay` (a value of the past) is not supported|m.xml:27:18",
        ),
        ("<apply><times/><ci>k</ci><ci>A</ci></apply>", &rate_of, "the symbol `rateOf` is not supported"),
        ("<apply><times/><ci>k</ci><ci>A</ci></apply>", &time_applied, "this symbol is not a function"),
        ("<apply><times/><ci>k</ci><ci>A</ci></apply>", &other, "this symbol is not one of SBML's"),
        ("<times/>", "<divide/>", ""),
        (
            "<apply><times/><ci>k</ci><ci>A</ci></apply>",
            "<apply><divide/><ci>k</ci></apply>",
            "<divide/> takes two arguments, 1 given",
        ),
        (
            "<apply><times/><ci>k</ci><ci>A</ci></apply>",
            "<apply><int/><ci>k</ci></apply>",
            "<int/> is not supported|m.xml:27:18",
        ),
        ("<apply><times/><ci>k</ci><ci>A</ci></apply>", "<infinity/>", "<infinity/> is not supported"),
        ("<apply><times/><ci>k</ci><ci>A</ci></apply>", "<matrix/>", "<matrix> is not supported in formulas"),
        (
            "<apply><times/><ci>k</ci><ci>A</ci></apply>",
            "<cn type=\"complex-polar\">1</cn>",
            "numbers of type `complex-polar`",
        ),
        ("<apply><times/><ci>k</ci><ci>A</ci></apply>", "<cn>1e999</cn>", "not a finite number"),
        ("<apply><times/><ci>k</ci><ci>A</ci></apply>", "<cn base=\"16\">f</cn>", "numbers are to base 10"),
        ("<apply><times/><ci>k</ci><ci>A</ci></apply>", "<lambda/>", "<lambda> is not supported in formulas"),
        (
            "<apply><times/><cn>2</cn><ci>a</ci></apply>",
            "<ci>k</ci>",
            "`k` is not an argument of this function|help: functions know|m.xml:6:40",
        ),
        (
            "<apply><times/><cn>2</cn><ci>a</ci></apply>",
            "<apply><ci>f</ci><ci>a</ci></apply>",
            "the function `f` calls itself",
        ),
        ("<lambda>", "<lambda><ci>a</ci>", "the arguments of this function are wrong"),
        ("<trigger ", "<trigger_ ", "not well-formed"),
        ("variable=\"A\"", "variable=\"C\"", "unknown id `C`"),
        ("<event id=\"e\"", "<event id=\"e\" timeUnits=\"second\"", "units of time of an event's own"),
        (
            "<model id=\"m\"",
            "<model id=\"m\" conversionFactor=\"k\"",
            "a conversionFactor other than the constant 1|m.xml:3:17",
        ),
        ("<model id=\"m\"", "<model id=\"m\" conversionFactor=\"v\"", "a conversionFactor other than the constant 1"),
        (
            "<listOfCompartments>",
            "<listOfCompartments><kompartment/>",
            "<kompartment> does not belong in <listOfCompartments>|did you mean `compartment`?",
        ),
        ("<listOfSpecies>", "<listOfThings/><listOfSpecies>", "<listOfThings> does not belong in <model>"),
        (
            "<rateRule variable=\"v\">",
            "<rateRule variable=\"A\">",
            "`A` is continuous and cannot be changed by a reaction",
        ),
    ];
    let mut failed = String::new();
    for (from, to, expected) in cases {
        let source = MODEL.replace(from, to);
        assert_ne!(source, MODEL, "{from}");
        match Network::from_sbml(&source, "m.xml") {
            Ok(_) if expected.is_empty() => {}
            Ok(_) => failed += &format!("\n{from} => {to} is read"),
            Err(problems) => {
                let shown = problems.to_string();
                for part in expected.split('|').filter(|part| part.is_empty() || !shown.contains(*part)) {
                    failed += &format!("\n{from} => {to}: {part:?} is missing in\n{shown}\n");
                }
            }
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

#[test]
fn what_varies_cannot_be_a_concentrations_measure() {
    let source = MODEL.replace("variable=\"v\"", "variable=\"cell\"");
    let rate =
        "<rateRule variable=\"B\"><math xmlns=\"http://www.w3.org/1998/Math/MathML\"><cn>1</cn></math></rateRule>";
    let shown = Network::from_sbml(&source.replace("</rateRule>", &format!("</rateRule>{rate}")), "m.xml");
    let shown = shown.unwrap_err().to_string();
    assert!(shown.contains("the rate rule of `B` is for a concentration in a compartment that varies"), "{shown}");
    let both = MODEL.replace("variable=\"A\"", "variable=\"B\"").replace(
        "<listOfEventAssignments>",
        "<listOfEventAssignments><eventAssignment variable=\"cell\">\
         <math xmlns=\"http://www.w3.org/1998/Math/MathML\"><cn>5</cn></math></eventAssignment>",
    );
    let shown = Network::from_sbml(&both, "m.xml").unwrap_err().to_string();
    assert!(shown.contains("sets the concentration of `B` and the size of its compartment"), "{shown}");
}

#[test]
fn all_mistakes_are_shown_at_once() {
    let source = MODEL
        .replace("<ci>k</ci><ci>A</ci>", "<ci>kk</ci><ci>A</ci>")
        .replace("initialAmount=\"10\"", "initialAmount=\"-1\"")
        .replace("rateRule", "algebraicRule")
        .replace("compartment=\"cell\" initialAmount=\"0\"", "compartment=\"sell\" initialAmount=\"0\"");
    let problems = Network::from_sbml(&source, "m.xml").unwrap_err();
    let lines: Vec<_> = problems.0.iter().filter_map(|problem| Some(problem.place.as_ref()?.line)).collect();
    assert_eq!(lines, [12, 13, 20, 27], "{problems}");
}

#[test]
fn random_damage_never_panics() {
    use metacascade_random::{Key, rand::RngExt};
    let mut random = Key::new(5).stream();
    let names = ["times", "ci", "cn", "apply", "species", "A", "k", "cell", "listOf", "true", "math", "1", "rateRule"];
    for _ in 0..4000 {
        let mut text = MODEL.to_owned();
        for _ in 0..random.random_range(1..4) {
            let from = names[random.random_range(0..names.len())];
            let places: Vec<usize> = text.match_indices(from).map(|(at, _)| at).collect();
            if places.is_empty() {
                continue;
            }
            let at = places[random.random_range(0..places.len())];
            let to = ["", "A", "-1", "<", "B", "exp", "é", "reaction", "plus"][random.random_range(0..9)];
            text.replace_range(at..at + from.len(), to);
        }
        if let Err(problems) = Network::from_sbml(&text, "m.xml") {
            assert!(problems.to_string().contains("m.xml"));
        }
    }
}
