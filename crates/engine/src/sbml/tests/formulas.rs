//! Every construct of MathML that SBML knows.

use super::{document, math, values};
use crate::Network;

fn value(formula: &str) -> f64 {
    let lists = format!(
        "<listOfFunctionDefinitions>\
         <functionDefinition id=\"late\">{}</functionDefinition>\
         <functionDefinition id=\"twice\">{}</functionDefinition></listOfFunctionDefinitions>\
         <listOfParameters><parameter id=\"x\" value=\"3\"/><parameter id=\"y\" value=\"5\"/>\
         <parameter id=\"r\" constant=\"false\"/></listOfParameters>\
         <listOfRules><assignmentRule variable=\"r\">{}</assignmentRule></listOfRules>",
        // A function may call one that is defined after it, and name its arguments like functions of ours.
        math(
            "<lambda><bvar><ci>max</ci></bvar><apply><ci>twice</ci><apply><plus/><ci>max</ci><cn>1</cn></apply></apply></lambda>"
        ),
        math("<lambda><bvar><ci> a </ci></bvar><apply><times/><cn>2</cn><ci>a</ci></apply></lambda>"),
        math(formula)
    );
    let source = document(&lists);
    let network = Network::from_sbml(&source, "m.xml").unwrap_or_else(|problems| panic!("{formula}: {problems}"));
    values(&network, &["r"], 7.0)[0]
}

fn applied(operator: &str, arguments: &str) -> String {
    format!("<apply><{operator}/>{arguments}</apply>")
}

#[test]
fn every_operator_has_its_value() {
    const XY: &str = "<ci>x</ci><ci>y</ci>";
    let x = "<ci> x </ci>";
    let half = "<cn>0.5</cn>";
    for (operator, arguments, expected) in [
        ("plus", "", 0.0),
        ("plus", x, 3.0),
        ("plus", "<ci>x</ci><ci>y</ci><cn>1</cn>", 9.0),
        ("times", "", 1.0),
        ("times", "<ci>x</ci><ci>y</ci><cn>2</cn>", 30.0),
        ("minus", x, -3.0),
        ("minus", XY, -2.0),
        ("divide", XY, 0.6),
        ("power", XY, 243.0),
        ("root", "<cn>16</cn>", 4.0),
        ("root", "<degree><cn>3</cn></degree><cn>27</cn>", 3.0),
        ("root", "<degree><cn type=\"integer\">2</cn></degree><cn>9</cn>", 3.0),
        ("log", "<cn>1000</cn>", 3.0),
        ("log", "<logbase><cn>2</cn></logbase><cn>8</cn>", 3.0),
        ("log", "<logbase><ci>x</ci></logbase><cn>9</cn>", 2.0),
        ("ln", "<exponentiale/>", 1.0),
        ("exp", "<cn>1</cn>", std::f64::consts::E),
        ("abs", "<cn>-2.5</cn>", 2.5),
        ("floor", "<cn>-2.5</cn>", -3.0),
        ("ceiling", "<cn>-2.5</cn>", -2.0),
        ("factorial", "<cn>4</cn>", 24.0),
        ("min", "<ci>y</ci><ci>x</ci><cn>4</cn>", 3.0),
        ("max", "<ci>y</ci><ci>x</ci><cn>4</cn>", 5.0),
        ("quotient", "<cn>-7</cn><cn>2</cn>", -3.0),
        ("rem", "<cn>-7</cn><cn>2</cn>", -1.0),
        ("rem", "<cn>7</cn><cn>-2</cn>", 1.0),
        ("implies", "<true/><false/>", 0.0),
        ("implies", "<false/><false/>", 1.0),
        ("and", "", 1.0),
        ("and", "<true/><cn>2</cn><true/>", 1.0),
        ("or", "", 0.0),
        ("or", "<false/><true/>", 1.0),
        ("xor", "<true/><cn>2</cn>", 0.0),
        ("xor", "<true/><true/><true/>", 1.0),
        ("not", "<false/>", 1.0),
        ("eq", "<cn>3</cn><ci>x</ci><cn>3</cn>", 1.0),
        ("eq", "<cn>3</cn><ci>x</ci><cn>4</cn>", 0.0),
        ("neq", XY, 1.0),
        ("lt", "<cn>1</cn><ci>x</ci><ci>y</ci>", 1.0),
        ("lt", "<cn>1</cn><ci>y</ci><ci>x</ci>", 0.0),
        ("leq", "<ci>x</ci><cn>3</cn><ci>y</ci>", 1.0),
        ("gt", "<ci>y</ci><ci>x</ci><cn>1</cn>", 1.0),
        ("geq", "<ci>y</ci><cn>5</cn><cn>6</cn>", 0.0),
        ("sin", half, 0.479_425_538_604_203),
        ("cos", half, 0.877_582_561_890_372_8),
        ("tan", half, 0.546_302_489_843_790_5),
        ("sec", half, 1.139_493_927_324_549),
        ("csc", half, 2.085_829_642_933_488),
        ("cot", half, 1.830_487_721_712_452),
        ("sinh", half, 0.521_095_305_493_747_3),
        ("cosh", half, 1.127_625_965_206_380_6),
        ("tanh", half, 0.462_117_157_260_009_8),
        ("sech", half, 0.886_818_883_970_073_9),
        ("csch", half, 1.919_034_751_334_943_7),
        ("coth", half, 2.163_953_413_738_653),
        ("arcsin", half, std::f64::consts::FRAC_PI_6),
        ("arccos", half, std::f64::consts::FRAC_PI_3),
        ("arctan", half, 0.463_647_609_000_806_1),
        ("arcsec", x, 1.230_959_417_340_774_7),
        ("arccsc", x, 0.339_836_909_454_121_9),
        ("arccot", x, 0.321_750_554_396_642_2),
        ("arcsinh", x, 1.818_446_459_232_066_8),
        ("arccosh", x, 1.762_747_174_039_086),
        ("arctanh", half, 0.549_306_144_334_054_9),
        ("arcsech", half, 1.316_957_896_924_816_6),
        ("arccsch", half, 1.443_635_475_178_810_3),
        ("arccoth", x, 0.346_573_590_279_972_65),
    ] {
        let found = value(&applied(operator, arguments));
        assert!((found - expected).abs() < 1e-12, "{operator} {arguments}: {found}, not {expected}");
    }
}

#[test]
fn numbers_constants_symbols_and_functions_have_their_values() {
    let symbol = |name: &str| {
        format!("<csymbol encoding=\"text\" definitionURL=\"http://www.sbml.org/sbml/symbols/{name}\"> t </csymbol>")
    };
    for (formula, expected) in [
        ("<cn> 1.5e2 </cn>".to_owned(), 150.0),
        ("<cn type=\"integer\">-4</cn>".to_owned(), -4.0),
        ("<cn type=\"e-notation\"> 6.02 <sep/> 23 </cn>".to_owned(), 6.02e23),
        ("<cn type=\"e-notation\">-1<sep/>-300</cn>".to_owned(), -1e-300),
        ("<cn type=\"rational\">3<sep/>4</cn>".to_owned(), 0.75),
        ("<!-- a comment --><pi/>".to_owned(), std::f64::consts::PI),
        (symbol("time"), 7.0),
        (symbol("avogadro"), 6.022_141_79e23),
        ("<semantics><ci>y</ci><annotation>why</annotation></semantics>".to_owned(), 5.0),
        ("<apply><ci> late </ci><ci>x</ci></apply>".to_owned(), 8.0),
        (
            "<piecewise><piece><cn>1</cn><apply><gt/><ci>x</ci><ci>y</ci></apply></piece>\
             <piece><cn>2</cn><apply><lt/><ci>x</ci><ci>y</ci></apply></piece>\
             <otherwise><cn>3</cn></otherwise></piecewise>"
                .to_owned(),
            2.0,
        ),
        ("<piecewise><piece><cn>4</cn><true/></piece></piecewise>".to_owned(), 4.0),
        ("<piecewise><otherwise><cn>5</cn></otherwise></piecewise>".to_owned(), 5.0),
    ] {
        let found = value(&formula);
        assert!((found - expected).abs() <= 1e-12 * expected.abs(), "{formula}: {found}, not {expected}");
    }
    assert!(value("<piecewise><piece><cn>4</cn><false/></piece></piecewise>").is_nan());
}

/// Nesting, precedence and signs survive being written as text.
#[test]
fn texts_mean_what_the_formula_means() {
    let y = "<ci>y</ci>";
    let minus = applied("minus", "<ci>x</ci><ci>y</ci>");
    for (formula, expected) in [
        (applied("minus", &format!("<ci>x</ci>{minus}")), 5.0),
        (applied("minus", &format!("{minus}<ci>x</ci>")), -5.0),
        (applied("divide", &format!("<ci>x</ci>{}", applied("divide", "<cn>1</cn><ci>y</ci>"))), 15.0),
        (applied("power", &format!("{}<cn>2</cn>", applied("minus", "<ci>x</ci>"))), 9.0),
        (applied("minus", &applied("power", "<ci>x</ci><cn>2</cn>")), -9.0),
        (applied("power", &format!("<cn>-2</cn>{}", applied("minus", "<cn>-2</cn>"))), 4.0),
        (applied("power", &format!("{}{y}", applied("power", "<cn>2</cn><cn>3</cn>"))), 32768.0),
        (applied("power", &format!("<cn>2</cn>{}", applied("power", "<cn>3</cn><cn>2</cn>"))), 512.0),
        (applied("times", &format!("{}<cn>-2</cn>", applied("plus", "<ci>x</ci><cn>-1</cn>"))), -4.0),
        (applied("not", &applied("and", "<true/><false/>")), 1.0),
        (applied("lt", &format!("{}<cn>1</cn>", applied("gt", "<ci>x</ci><ci>y</ci>"))), 1.0),
    ] {
        let found = value(&formula);
        assert!((found - expected).abs() < 1e-9, "{formula}: {found}, not {expected}");
    }
}
