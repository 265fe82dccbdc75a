//! Documents made to exhaust memory, time or the stack.

use std::time::{Duration, Instant};

use super::{document, math};
use crate::Network;

fn refused(source: &str, expected: &str) {
    let started = Instant::now();
    let shown = Network::from_sbml(source, "m.xml").unwrap_err().to_string();
    assert!(shown.contains(expected), "{expected} is missing in\n{}", shown.chars().take(2000).collect::<String>());
    assert!(started.elapsed() < Duration::from_secs(10), "{expected}: {:?}", started.elapsed());
}

fn rule(formula: &str) -> String {
    document(&format!(
        "<listOfParameters><parameter id=\"x\" value=\"3\"/><parameter id=\"r\"/></listOfParameters>\
         <listOfRules><assignmentRule variable=\"r\">{}</assignmentRule></listOfRules>",
        math(formula)
    ))
}

#[test]
fn entities_are_refused() {
    let mut source = "<!DOCTYPE sbml [<!ENTITY a \"lol\">".to_owned();
    for (name, inner) in [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d")] {
        source += &format!("<!ENTITY {name} \"{}\">", format!("&{inner};").repeat(100));
    }
    refused(&format!("{source}]><sbml>&e;</sbml>"), "remove the <!DOCTYPE");
}

#[test]
fn depth_is_bounded() {
    let deep = |open: &str, close: &str, depth: usize| open.repeat(depth) + "<ci>x</ci>" + &close.repeat(depth);
    refused(&rule(&deep("<apply><exp/>", "</apply>", 100_000)), "nested more than 512 deep");
    refused(&rule(&deep("<apply><exp/>", "</apply>", 300)), "the formula is nested too deeply");
    refused(&rule(&deep("<semantics>", "</semantics>", 300)), "the formula is nested too deeply");
    refused(&document(&("<notes>".repeat(200_000) + &"</notes>".repeat(200_000))), "nested more than 512 deep");
    refused(&"<a>".repeat(1_000_000), "not well-formed");
    // As deep as the formula's limit allows, but not what is made of it.
    refused(&rule(&deep("<apply><minus/><cn>1</cn>", "</apply>", 120)), "nested too deeply");
    assert!(Network::from_sbml(&rule(&deep("<apply><exp/>", "</apply>", 100)), "m.xml").is_ok());
}

#[test]
fn size_is_bounded() {
    let wide = |count: usize| format!("<apply><plus/>{}</apply>", "<ci>x</ci>".repeat(count));
    refused(&rule(&wide(100_000)), "the formula is too long");
    refused(&rule(&wide(2_000)), "the formula is too long");
    assert!(Network::from_sbml(&rule(&wide(1_000)), "m.xml").is_ok());
    // Each level repeats its argument.
    let doubling = "<apply><arcsinh/>".repeat(60) + "<ci>x</ci>" + &"</apply>".repeat(60);
    refused(&rule(&doubling), "the formula is too long");
    let chain = "<apply><rem/><ci>x</ci>".repeat(60) + "<ci>x</ci>" + &"</apply>".repeat(60);
    refused(&rule(&chain), "the formula is too long");
    let functions: String = (0..60)
        .map(|index| {
            let (call, inner) = match index {
                0 => (String::new(), "<ci>a</ci>".to_owned()),
                _ => (format!("<ci>f{}</ci>", index - 1), "<ci>a</ci>".to_owned()),
            };
            let once = if index == 0 { inner } else { format!("<apply>{call}{inner}</apply>") };
            let body = format!("<lambda><bvar><ci>a</ci></bvar><apply><times/>{once}{once}</apply></lambda>");
            format!("<functionDefinition id=\"f{index}\">{}</functionDefinition>", math(&body))
        })
        .collect();
    refused(&document(&format!("<listOfFunctionDefinitions>{functions}</listOfFunctionDefinitions>")), "too long");
    let long = format!("<notes>{}</notes>", "x".repeat(65 << 20));
    refused(&document(&long), "models of up to 64 MB are read");
}

#[test]
fn many_mistakes_are_cut_short() {
    let wrong = "<parameter id=\"k\" value=\"z\"/>".repeat(50_000);
    let source = document(&format!("<listOfParameters>{wrong}</listOfParameters>"));
    refused(&source, "the id `k` is given twice");
    assert!(Network::from_sbml(&source, "m.xml").unwrap_err().0.len() < 300);
}
