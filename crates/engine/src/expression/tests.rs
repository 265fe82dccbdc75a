use super::*;

fn value(text: &str) -> f64 {
    let names = ["x", "y", "time"];
    let slot = |name: &str| names.iter().position(|&known| known == name);
    let program = Program::compile(&parse(text).unwrap(), &slot, &|_| None).unwrap();
    program.evaluate(&[3.0, 5.0, 7.0])
}

#[test]
fn expressions_have_their_usual_values() {
    for (text, expected) in [
        ("1 + 2*3", 7.0),
        ("(1 + 2)*3", 9.0),
        ("-x^2", -9.0),
        ("2^3^2", 512.0),
        ("2**-1", 0.5),
        ("x - y - 1", -3.0),
        ("x / y / 2", 0.3),
        ("1e-3*x", 0.003),
        ("1.5E+2", 150.0),
        ("x < y && !(y <= x)", 1.0),
        ("x > y || time == 7", 1.0),
        ("min(x, y, 1)", 1.0),
        ("max(x, y, 1)", 5.0),
        ("hill(x, 3, 4)", 0.5),
        ("hill(0, 3, 4)", 0.0),
        ("piecewise(1, x > y, 2, x < y, 3)", 2.0),
        ("piecewise(1, x > y, 2, x == y, 3)", 3.0),
        ("piecewise(10, x < y, 3)", 10.0),
        ("ln(exp(x)) + log(1) + log10(100) + log2(8)", 8.0),
        ("sqrt(abs(-16)) + floor(1.5) + ceil(1.5)", 7.0),
        ("pow(x, 2)", 9.0),
        ("2·x", 6.0),
    ] {
        assert!((value(text) - expected).abs() < 1e-12, "{text} = {} instead of {expected}", value(text));
    }
}

#[test]
fn constants_fold_and_reads_are_known() {
    let slot = |name: &str| (name == "x").then_some(4);
    let program = Program::compile(&parse("2*3 + exp(0)").unwrap(), &slot, &|_| None).unwrap();
    assert_eq!(program.constant(), Some(7.0));
    let program = Program::compile(&parse("x + x*2").unwrap(), &slot, &|_| None).unwrap();
    assert_eq!((program.constant(), program.reads()), (None, &[4][..]));
}

#[test]
fn errors_point_at_the_place() {
    for (text, place, message) in [
        ("k*", "*", "ends too early"),
        ("(a + b", "(", "never closed"),
        ("a + b)", ")", "never opened"),
        ("a b", "b", "operator is missing"),
        ("2k", "2k", "not a number"),
        ("a = b", "=", "does not belong"),
        ("expp(1)", "expp", "no function"),
        ("exp(1, 2)", "exp(1, 2)", "takes 1 argument"),
        ("piecewise(1, x)", "piecewise(1, x)", "lacks its last value"),
        ("a + * b", "*", "was expected"),
        ("min()", "min()", "at least one"),
        ("a $ b", "$", "does not belong"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(&text[error.span.clone()], place, "{text}: {error}");
        assert!(error.message.contains(message), "{text}: {error}");
    }
    assert!(parse("").is_err());
    assert!(parse("   ").is_err());
}

#[test]
fn deep_nesting_is_an_error_not_a_crash() {
    for text in ["(".repeat(100_000), "-".repeat(100_000), "2^".repeat(100_000), "exp(".repeat(100_000)] {
        assert!(parse(&text).is_err());
    }
    let wide = vec!["x"; 1_000].join("+");
    assert!((value(&wide) - 3_000.0).abs() < 1e-9);
    assert!(parse(&vec!["x"; 100_000].join("+")).is_err());
}

/// What runs in one step is what its instructions give, to the last bit.
#[test]
fn joined_steps_change_no_bit() {
    let values = [0.0, 1.7, -0.3, 2.9_f64];
    let [a, b, c]: [f64; 3] = [values[1], values[2], values[3]];
    let slot = |name: &str| ["time", "a", "b", "c"].iter().position(|known| *known == name);
    for (text, expected) in [
        ("a - b * c / (b - 2) - (1 - a)", a - b * c / (b - 2.0) - (1.0 - a)),
        ("2 / a - (a / 3 - b) * (c - 0.1)", 2.0 / a - (a / 3.0 - b) * (c - 0.1)),
        ("piecewise(a - 1, b < 0, c * 2)", a - 1.0),
        ("piecewise(a - 1, b > 0, c * 2) / b", c * 2.0 / b),
        ("max(a, b, 3 - c) - min(a * b, 1)", a - a * b),
        ("hill(c, 2, a) + exp(-b) * (a + b + c)", 1.0 / (1.0 + (2.0 / c).powf(a)) + f64::exp(-b) * (a + b + c)),
        ("a * (b - c)", a * (b - c)),
    ] {
        let program = Program::compile(&parse(text).unwrap(), &slot, &|_| None).unwrap();
        assert_eq!(program.evaluate(&values), expected, "{text}");
    }
}
