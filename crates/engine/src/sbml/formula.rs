//! MathML of SBML (Hucka et al. 2019, section 3.4) as expressions.

use std::collections::{BTreeSet, HashMap};
use std::f64::consts;

use roxmltree::Node as Element;

use super::report::Report;
use crate::expression::{Expression, Function, MAXIMUM_DEPTH, MAXIMUM_TOKENS, Node};

const MATHML: &str = "http://www.w3.org/1998/Math/MathML";

/// As SBML fixes it (CODATA 2006).
const AVOGADRO: f64 = 6.022_141_79e23;

/// A function that the model defines: its name in expressions, and how many arguments it takes.
pub(super) struct Defined {
    pub name: String,
    pub arguments: usize,
}

/// Reads formulas; `resolve` says what an id stands for, or why it stands for nothing here.
pub(super) struct Formulas<'r, 's> {
    pub report: &'r mut Report<'s>,
    pub functions: &'r HashMap<String, Defined>,
    pub resolve: &'r mut dyn FnMut(&str) -> Result<Expression, Unknown>,
}

/// Why an id stands for nothing: message and help.
pub(super) struct Unknown(pub String, pub Option<String>);

/// A formula is given up where something in it is wrong; the report has been made then.
type Read = Option<Expression>;

impl Formulas<'_, '_> {
    /// The formula within a `<math>` element.
    pub fn math(&mut self, math: Element) -> Read {
        let mut elements = math.children().filter(Element::is_element);
        match (elements.next(), elements.next()) {
            (Some(only), None) => self.body(only),
            (None, _) => self.wrong(math, "the formula is empty", None),
            (_, Some(second)) => self.wrong(second, "a <math> element holds one formula", None),
        }
    }

    /// A formula without the element around it.
    pub fn body(&mut self, element: Element) -> Read {
        let size = element.descendants().filter(Element::is_element).take(MAXIMUM_TOKENS + 1).count();
        if size > MAXIMUM_TOKENS { self.too_long(element) } else { self.read(element, 0) }
    }

    fn wrong(&mut self, element: Element, message: impl Into<String>, help: Option<String>) -> Read {
        self.report.problem(self.report.tag(element), message, help);
        None
    }

    fn too_long(&mut self, element: Element) -> Read {
        self.wrong(element, "the formula is too long", Some("name its parts by assignment rules".to_owned()))
    }

    fn read(&mut self, element: Element, depth: usize) -> Read {
        let name = element.tag_name().name();
        if element.tag_name().namespace() != Some(MATHML) {
            let help = format!("formulas are in the namespace {MATHML}");
            return self.wrong(element, format!("<{name}> is not MathML"), Some(help));
        }
        if depth > MAXIMUM_DEPTH {
            let help = Some("name its parts by assignment rules".to_owned());
            return self.wrong(element, "the formula is nested too deeply", help);
        }
        match name {
            "cn" => self.number(element),
            "ci" => self.name(element),
            "csymbol" => self.symbol(element),
            "apply" => self.apply(element, depth),
            "piecewise" => self.piecewise(element, depth),
            "semantics" => match element.first_element_child() {
                Some(inner) => self.read(inner, depth + 1),
                None => self.wrong(element, "<semantics> is empty", None),
            },
            "true" => Some(Expression::number(1.0)),
            "false" => Some(Expression::number(0.0)),
            "pi" => Some(Expression::number(consts::PI)),
            "exponentiale" => Some(Expression::number(consts::E)),
            "infinity" | "notanumber" => {
                let help = "values of a simulation are finite; leave out the bound that it stands for".to_owned();
                self.wrong(element, format!("<{name}/> is not supported"), Some(help))
            }
            _ => self.wrong(element, format!("<{name}> is not supported in formulas"), None),
        }
    }

    fn number(&mut self, element: Element) -> Read {
        let parts: Vec<&str> = texts(element);
        let kind = element.attribute("type").unwrap_or("real").trim();
        if element.attribute("base").is_some_and(|base| base.trim() != "10") {
            return self.wrong(element, "numbers are to base 10", None);
        }
        let parse = |text: &str| text.parse::<f64>().ok();
        let value = match (kind, parts.as_slice()) {
            ("real" | "integer", [number]) => parse(number),
            ("e-notation", [number, exponent]) if parse(exponent).is_some_and(|exponent| exponent.fract() == 0.0) => {
                parse(&format!("{number}e{exponent}"))
            }
            ("rational", [above, below]) => parse(above).zip(parse(below)).map(|(above, below)| above / below),
            ("real" | "integer" | "e-notation" | "rational", _) => None,
            _ => return self.wrong(element, format!("numbers of type `{kind}` are not supported"), None),
        };
        match value.filter(|value| value.is_finite()) {
            Some(value) => Some(Expression::number(value)),
            None => self.wrong(element, "this is not a finite number", None),
        }
    }

    fn name(&mut self, element: Element) -> Read {
        let id = texts(element).concat();
        match (self.resolve)(&id) {
            Ok(expression) => Some(expression),
            Err(Unknown(message, help)) => self.wrong(element, message, help),
        }
    }

    fn symbol(&mut self, element: Element) -> Read {
        match meaning(element) {
            "time" => Some(Expression::name("time")),
            "avogadro" => Some(Expression::number(AVOGADRO)),
            "delay" => {
                let help = "delays between a condition and its effect can be written as events".to_owned();
                self.wrong(element, "the symbol `delay` (a value of the past) is not supported", Some(help))
            }
            "rateOf" => {
                let help = "write the rate of change out".to_owned();
                self.wrong(element, "the symbol `rateOf` is not supported", Some(help))
            }
            _ => self.wrong(element, "this symbol is not one of SBML's", Some("known: time, avogadro".to_owned())),
        }
    }

    fn piecewise(&mut self, element: Element, depth: usize) -> Read {
        let mut arguments = Vec::new();
        let mut otherwise = None;
        for part in element.children().filter(Element::is_element) {
            let inner: Vec<Element> = part.children().filter(Element::is_element).collect();
            match (part.tag_name().name(), inner.as_slice()) {
                ("piece", [value, condition]) => {
                    arguments.push(self.read(*value, depth + 1)?);
                    arguments.push(self.read(*condition, depth + 1)?);
                }
                ("otherwise", [value]) if otherwise.is_none() => otherwise = Some(self.read(*value, depth + 1)?),
                _ => {
                    let help = "<piecewise> holds <piece> with value and condition, and at most one <otherwise>";
                    return self.wrong(part, "this part of <piecewise> is wrong", Some(help.to_owned()));
                }
            }
        }
        // Without <otherwise> there is no value where no condition holds; a simulation that comes there stops.
        let undefined = || call(Function::Divide, vec![Expression::number(0.0), Expression::number(0.0)]);
        let otherwise = otherwise.unwrap_or_else(undefined);
        if arguments.is_empty() {
            return Some(otherwise);
        }
        arguments.push(otherwise);
        self.sized(element, call(Function::Piecewise, arguments))
    }

    fn apply(&mut self, element: Element, depth: usize) -> Read {
        let mut children = element.children().filter(Element::is_element);
        let Some(operator) = children.next() else { return self.wrong(element, "<apply> is empty", None) };
        let name = operator.tag_name().name();
        let mut qualifier = None;
        let mut arguments = Vec::new();
        for child in children {
            let read = match child.tag_name().name() {
                "degree" | "logbase" => {
                    let Some(inner) = child.first_element_child() else {
                        return self.wrong(child, "this is empty", None);
                    };
                    qualifier = Some(self.read(inner, depth + 1)?);
                    continue;
                }
                _ => self.read(child, depth + 1)?,
            };
            arguments.push(read);
        }
        if arguments.len() > MAXIMUM_TOKENS / 2 {
            return self.too_long(element);
        }
        let result = match name {
            "ci" => return self.defined(operator, element, arguments),
            "csymbol" => match self.symbol(operator) {
                Some(_) => return self.wrong(operator, "this symbol is not a function", None),
                None => return None,
            },
            _ => operation(name, arguments, qualifier),
        };
        match result {
            Ok(expression) => self.sized(element, expression),
            Err(message) => self.wrong(operator, message, None),
        }
    }

    /// A call of a function that the model defines.
    fn defined(&mut self, operator: Element, element: Element, arguments: Vec<Expression>) -> Read {
        let id = texts(operator).concat();
        let Some(function) = self.functions.get(&id) else {
            let known = self.functions.keys().map(String::as_str).collect::<BTreeSet<_>>();
            let help = self.report.suggestion(&id, known);
            return self.wrong(operator, format!("there is no function `{id}`"), help);
        };
        if function.arguments != arguments.len() {
            let message = format!("`{id}` takes {} argument(s), {} given", function.arguments, arguments.len());
            return self.wrong(operator, message, None);
        }
        let name = function.name.clone();
        self.sized(element, Expression { node: Node::Defined(name, arguments), span: 0..0 })
    }

    /// Some operators repeat their arguments, so that sizes multiply.
    fn sized(&mut self, element: Element, expression: Expression) -> Read {
        if expression.size() > MAXIMUM_TOKENS { self.too_long(element) } else { Some(expression) }
    }
}

/// The texts within an element, cut where it has elements such as `<sep/>`.
fn texts<'a>(element: Element<'a, '_>) -> Vec<&'a str> {
    element.children().filter(Element::is_text).filter_map(|text| text.text()).map(str::trim).collect()
}

/// What a `csymbol` stands for, by the end of its definition's address.
pub(super) fn meaning<'a>(element: Element<'a, '_>) -> &'a str {
    let address = element.attribute("definitionURL").unwrap_or_default().trim();
    address.strip_prefix("http://www.sbml.org/sbml/symbols/").unwrap_or_default()
}

fn call(function: Function, arguments: Vec<Expression>) -> Expression {
    Expression::call(function, arguments, 0..0)
}

fn number(value: f64) -> Expression {
    Expression::number(value)
}

/// An operator of MathML on its arguments; the error says what is wrong with it.
fn operation(name: &str, mut arguments: Vec<Expression>, qualifier: Option<Expression>) -> Result<Expression, String> {
    let count = arguments.len();
    let one = |function: Function, arguments: &mut Vec<Expression>| match arguments.pop() {
        Some(argument) if count == 1 => Ok(call(function, vec![argument])),
        _ => Err(format!("<{name}/> takes one argument, {count} given")),
    };
    let mut two = |function: Function| match count {
        2 => Ok(call(function, std::mem::take(&mut arguments))),
        _ => Err(format!("<{name}/> takes two arguments, {count} given")),
    };
    match name {
        "divide" => return two(Function::Divide),
        "power" => return two(Function::Power),
        "neq" => return two(Function::NotEqual),
        "minus" if count == 2 => return two(Function::Subtract),
        _ => {}
    }
    let simple = match name {
        "minus" => Some(Function::Negate),
        "not" => Some(Function::Not),
        "ln" => Some(Function::Ln),
        "exp" => Some(Function::Exp),
        "abs" => Some(Function::Abs),
        "floor" => Some(Function::Floor),
        "ceiling" => Some(Function::Ceil),
        "factorial" => Some(Function::Factorial),
        "sin" => Some(Function::Sin),
        "cos" => Some(Function::Cos),
        "tan" => Some(Function::Tan),
        "sinh" => Some(Function::Sinh),
        "cosh" => Some(Function::Cosh),
        "tanh" => Some(Function::Tanh),
        "arcsin" => Some(Function::Asin),
        "arccos" => Some(Function::Acos),
        "arctan" => Some(Function::Atan),
        _ => None,
    };
    if let Some(function) = simple {
        return one(function, &mut arguments);
    }
    let fold = |function: Function, empty: f64, arguments: Vec<Expression>| {
        let folded = arguments.into_iter().reduce(|left, right| call(function, vec![left, right]));
        folded.unwrap_or_else(|| number(empty))
    };
    Ok(match name {
        "plus" => fold(Function::Add, 0.0, arguments),
        "times" => fold(Function::Multiply, 1.0, arguments),
        "and" => fold(Function::And, 1.0, arguments),
        "or" => fold(Function::Or, 0.0, arguments),
        "xor" => {
            // Of two truths, whatever numbers stand for them.
            let not = |part: Expression| call(Function::Not, vec![part]);
            let either = |left, right| call(Function::NotEqual, vec![not(left), not(right)]);
            arguments.into_iter().reduce(either).unwrap_or_else(|| number(0.0))
        }
        "eq" => chain(name, Function::Equal, arguments)?,
        "lt" => chain(name, Function::Less, arguments)?,
        "leq" => chain(name, Function::LessEqual, arguments)?,
        "gt" => chain(name, Function::Greater, arguments)?,
        "geq" => chain(name, Function::GreaterEqual, arguments)?,
        "min" | "max" if count > 0 => call(if name == "min" { Function::Min } else { Function::Max }, arguments),
        "root" => match (one(Function::Sqrt, &mut arguments)?, qualifier) {
            (root, None) => root,
            (root, Some(degree)) if degree.node == Node::Number(2.0) => root,
            (Expression { node: Node::Call(_, mut argument), .. }, Some(degree)) => {
                argument.push(over(1.0, degree));
                call(Function::Power, argument)
            }
            (root, _) => root,
        },
        "log" => {
            let ln = |part: Expression| call(Function::Ln, vec![part]);
            match qualifier.as_ref().map(|base| &base.node) {
                None | Some(Node::Number(10.0)) => one(Function::Log10, &mut arguments)?,
                Some(Node::Number(2.0)) => one(Function::Log2, &mut arguments)?,
                Some(base) => {
                    let base = ln(Expression { node: base.clone(), span: 0..0 });
                    call(Function::Divide, vec![one(Function::Ln, &mut arguments)?, base])
                }
            }
        }
        "quotient" | "rem" | "implies" => match (arguments.pop(), arguments.pop(), arguments.pop()) {
            (Some(right), Some(left), None) => binary(name, left, right),
            _ => return Err(format!("<{name}/> takes two arguments, {count} given")),
        },
        _ => match (arguments.pop(), arguments.pop()) {
            (Some(x), None) => trigonometric(name, x).ok_or_else(|| format!("<{name}/> is not supported"))?,
            _ => return Err(format!("<{name}/> is not supported, or not with {count} arguments")),
        },
    })
}

/// `a < b < c` means that each pair holds.
fn chain(name: &str, function: Function, arguments: Vec<Expression>) -> Result<Expression, String> {
    let pairs = arguments.windows(2).map(|pair| call(function, pair.to_vec()));
    let all = pairs.reduce(|left, right| call(Function::And, vec![left, right]));
    all.ok_or_else(|| format!("<{name}/> takes at least two arguments"))
}

fn binary(name: &str, left: Expression, right: Expression) -> Expression {
    if name == "implies" {
        return call(Function::Or, vec![call(Function::Not, vec![left]), right]);
    }
    // Division with truncation towards 0.
    let ratio = call(Function::Divide, vec![left.clone(), right.clone()]);
    let (down, up) = (call(Function::Floor, vec![ratio.clone()]), call(Function::Ceil, vec![ratio.clone()]));
    let positive = call(Function::GreaterEqual, vec![ratio, number(0.0)]);
    let quotient = call(Function::Piecewise, vec![down, positive, up]);
    match name {
        "quotient" => quotient,
        _ => call(Function::Subtract, vec![left, call(Function::Multiply, vec![right, quotient])]),
    }
}

fn over(value: f64, divisor: Expression) -> Expression {
    call(Function::Divide, vec![number(value), divisor])
}

/// The functions that follow from others (Abramowitz & Stegun 1964, sections 4.3 to 4.6).
fn trigonometric(name: &str, x: Expression) -> Option<Expression> {
    let of = |function: Function, x: Expression| call(function, vec![x]);
    let square = |x: &Expression| call(Function::Power, vec![x.clone(), number(2.0)]);
    Some(match name {
        "sec" => over(1.0, of(Function::Cos, x)),
        "csc" => over(1.0, of(Function::Sin, x)),
        "cot" => over(1.0, of(Function::Tan, x)),
        "sech" => over(1.0, of(Function::Cosh, x)),
        "csch" => over(1.0, of(Function::Sinh, x)),
        "coth" => over(1.0, of(Function::Tanh, x)),
        "arcsec" => of(Function::Acos, over(1.0, x)),
        "arccsc" => of(Function::Asin, over(1.0, x)),
        "arccot" => of(Function::Atan, over(1.0, x)),
        "arcsinh" => {
            let root = of(Function::Sqrt, call(Function::Add, vec![square(&x), number(1.0)]));
            of(Function::Ln, call(Function::Add, vec![x, root]))
        }
        "arccosh" => {
            let root = of(Function::Sqrt, call(Function::Subtract, vec![square(&x), number(1.0)]));
            of(Function::Ln, call(Function::Add, vec![x, root]))
        }
        "arctanh" => {
            let (above, below) =
                (call(Function::Add, vec![number(1.0), x.clone()]), call(Function::Subtract, vec![number(1.0), x]));
            call(Function::Divide, vec![of(Function::Ln, call(Function::Divide, vec![above, below])), number(2.0)])
        }
        "arcsech" => trigonometric("arccosh", over(1.0, x))?,
        "arccsch" => trigonometric("arcsinh", over(1.0, x))?,
        "arccoth" => trigonometric("arctanh", over(1.0, x))?,
        _ => return None,
    })
}
