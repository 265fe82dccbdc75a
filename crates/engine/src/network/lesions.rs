//! Lesions as individuals: what a model says of them, and what that compiles to.

use super::parts::{Builder, SpeciesPart, Text};
use super::variation::Law;
use super::{Event, Network, TIME, Trigger};
use crate::diagnostic::{Diagnostics, suggestion};
use crate::expression::{Expression, ExpressionError, Function, Functions, Node, Program, parse_with};

/// A kind of lesions, such as those of the lung: how they are founded, live, grow and are seen.
///
/// Reactions found them: a product with the kind's name, as in `C -> lung`, is a new lesion of `size` cells. While it is
/// small, each of its cells divides and dies with the rates `birth` and `death`. From `large` cells on, it follows its
/// `growth` curve. All laws may use the model's symbols, and `size`, the lesion's number of cells.
///
/// These symbols come with a kind named `lung`: `lung_founded`, lesions founded so far; `lung`, those alive; `lung_lost`,
/// those that died out; `lung_cells`, all their cells; with dormancy `lung_dormant`, those dormant; with emission
/// `lung_emission`, the sum of the emission of large lesions; with a detection size `lung_detected`, lesions of at least
/// that size, and `lung_first_detected`, the time at which the first reached it (infinite until then).
///
/// ```
/// use metacascade_engine::{Lesions, Network};
/// let network = Network::builder("seeding")
///     .species("P", "1e8")
///     .lesions(Lesions::new("lung", "0.3", "0.25").growth("0.005 * ln(1e12 / size)").detection("1e8"))
///     .reaction("P -> P + lung", "1e-9 * P")
///     .build()?;
/// assert!(network.slot("lung_detected").is_some());
/// # Ok::<(), metacascade_engine::Diagnostics>(())
/// ```
#[derive(Clone)]
pub struct Lesions {
    pub(crate) name: Text,
    pub(crate) description: String,
    pub(crate) initial: Text,
    pub(crate) size: Text,
    pub(crate) birth: Text,
    pub(crate) death: Text,
    pub(crate) dormancy: Option<[Text; 3]>,
    pub(crate) large: Text,
    pub(crate) growth: Option<Text>,
    pub(crate) own: Vec<OwnPart>,
    pub(crate) emission: Option<Text>,
    pub(crate) detection: Option<Text>,
    pub(crate) counts: Vec<(Text, Text)>,
}

#[derive(Clone)]
pub(crate) struct OwnPart {
    pub name: Text,
    pub law: Law,
    pub location: Text,
    pub spread: Text,
}

/// Cells from which a lesion follows its growth curve, unless the model says otherwise: chance then moves its size by
/// some hundredths only.
pub(crate) const LARGE: &str = "1000";

impl Lesions {
    /// Lesions founded by one cell, of which each divides with rate `birth` and dies with rate `death`.
    #[must_use]
    pub fn new(name: &str, birth: &str, death: &str) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            initial: "0".into(),
            size: "1".into(),
            birth: birth.into(),
            death: death.into(),
            dormancy: None,
            large: LARGE.into(),
            growth: None,
            own: Vec::new(),
            emission: None,
            detection: None,
            counts: Vec::new(),
        }
    }

    /// Lesions that are there at the start.
    #[must_use]
    pub fn initial(mut self, number: &str) -> Self {
        self.initial = number.into();
        self
    }

    /// Cells that found a lesion.
    #[must_use]
    pub fn size(mut self, cells: &str) -> Self {
        self.size = cells.into();
        self
    }

    /// A lesion is dormant at first with this probability; it wakes and dies with these rates.
    #[must_use]
    pub fn dormant(mut self, probability: &str, waking: &str, death: &str) -> Self {
        self.dormancy = Some([probability.into(), waking.into(), death.into()]);
        self
    }

    /// Cells from which a lesion follows its growth curve.
    #[must_use]
    pub fn large(mut self, cells: &str) -> Self {
        self.large = cells.into();
        self
    }

    /// Growth of a large lesion, d ln(size) / dt; birth less death unless given.
    #[must_use]
    pub fn growth(mut self, rate: &str) -> Self {
        self.growth = Some(rate.into());
        self
    }

    /// A value of each lesion's own, which `growth` and `emission` may use.
    #[must_use]
    pub fn own(mut self, name: &str, law: Law, location: &str, spread: &str) -> Self {
        self.own.push(OwnPart { name: name.into(), law, location: location.into(), spread: spread.into() });
        self
    }

    /// What a large lesion emits; the sum over all is the symbol with `_emission` behind the kind's name.
    #[must_use]
    pub fn emission(mut self, rate: &str) -> Self {
        self.emission = Some(rate.into());
        self
    }

    /// Cells from which a lesion can be seen.
    #[must_use]
    pub fn detection(mut self, cells: &str) -> Self {
        self.detection = Some(cells.into());
        self
    }

    /// A symbol for the number of lesions of at least so many cells.
    #[must_use]
    pub fn count(mut self, name: &str, cells: &str) -> Self {
        self.counts.push((name.into(), cells.into()));
        self
    }

    /// The symbol with this behind the kind's name.
    fn symbol(&self, suffix: &str) -> Text {
        Text { value: format!("{}{suffix}", self.name.value), span: self.name.span.clone() }
    }

    /// All symbols that come with the kind: its founded lesions, which reactions count, then the others.
    pub(crate) fn symbols(&self) -> Vec<Text> {
        let optional = [
            (self.dormancy.is_some(), "_dormant"),
            (self.emission.is_some(), "_emission"),
            (self.detection.is_some(), "_detected"),
            (self.detection.is_some(), "_first_detected"),
        ];
        let mut all: Vec<Text> = ["_founded", "", "_lost", "_cells"].map(|suffix| self.symbol(suffix)).into();
        all.extend(optional.iter().filter(|(there, _)| *there).map(|(_, suffix)| self.symbol(suffix)));
        all.extend(self.counts.iter().map(|(name, _)| name.clone()));
        all
    }
}

impl Builder {
    /// Adds a kind of lesions, which are followed as individuals.
    #[must_use]
    pub fn lesions(mut self, kind: Lesions) -> Self {
        self.push_lesions(kind);
        self
    }

    pub(super) fn push_lesions(&mut self, kind: Lesions) {
        for (index, name) in kind.symbols().into_iter().enumerate() {
            let (initial, rate) =
                if index == 0 { (kind.initial.clone(), None) } else { ("0".into(), Some("0".into())) };
            let description = if index == 1 { kind.description.clone() } else { String::new() };
            self.species.push(SpeciesPart { name, initial, rate, unit: "".into(), description });
        }
        self.lesions.push(kind);
    }
}

/// A kind of lesions, compiled. Laws read a network's values, behind them `size` and the lesion's own values.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub name: String,
    /// Slots of the symbols.
    pub founded: usize,
    pub alive: usize,
    pub lost: usize,
    pub cells: usize,
    pub dormant: usize,
    pub emitted: usize,
    pub detected: usize,
    pub first_detected: usize,
    pub counts: Vec<(usize, Program)>,
    pub size: Program,
    pub birth: Program,
    pub death: Program,
    pub dormancy: Option<Dormancy>,
    pub large: Program,
    pub growth: Option<Program>,
    /// Whether growth is an affine function of ln(size), as Gompertz's and exponential growth are.
    pub affine: bool,
    pub own: Vec<(Law, Program, Program)>,
    pub emission: Option<Program>,
    /// Whether emission is a power of the size, the same for all lesions.
    pub power: bool,
    pub detection: Option<Program>,
    /// Whether birth or death depends on the size of the lesion.
    pub cellwise: bool,
    /// Whether the environment changes rates between events.
    pub moving: bool,
    /// Whether something reads its emission; its other symbols; those of detection.
    pub emission_watched: bool,
    pub watched: bool,
    pub detection_watched: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Dormancy {
    pub probability: Program,
    pub waking: Program,
    pub death: Program,
}

impl Kind {
    /// Whether anything in the model changes with what lesions do.
    pub fn heard(&self) -> bool {
        self.watched || self.emission_watched
    }

    pub(super) fn is_symbol(&self, slot: usize) -> bool {
        let own = [self.alive, self.lost, self.cells, self.dormant, self.emitted, self.detected, self.first_detected];
        slot != TIME && (own.contains(&slot) || self.counts.iter().any(|(count, _)| *count == slot))
    }
}

impl Network {
    /// The names of all kinds of lesions.
    pub fn lesion_kinds(&self) -> impl Iterator<Item = &str> {
        self.lesions.iter().map(|kind| kind.name.as_str())
    }

    /// Slot of `size` among the values that laws of lesions read; own values follow.
    pub(crate) fn size_slot(&self) -> usize {
        self.slots() + 1
    }
}

impl Builder {
    /// The event that stops a trajectory when a lesion has been founded.
    pub(super) fn founding_event(kind: &Lesions, slot: &impl Fn(&str) -> Option<usize>) -> Option<Event> {
        let name = |suffix: &str| Expression::name(&kind.symbol(suffix).value);
        let known = Expression::call(Function::Add, vec![name(""), name("_lost")], 0..0);
        let condition = Expression::call(Function::Greater, vec![name("_founded"), known], 0..0);
        let condition = Program::compile(&condition, slot, &|_| None).ok()?;
        let trigger = Trigger::When { condition, clocks: Vec::new(), initially: false, persistent: true };
        let (delay, priority, assignments) = (None, None, Vec::new());
        Some(Event { trigger, delay, priority, values_from_trigger_time: false, assignments, imposed: false })
    }

    /// Compiles the kinds of lesions of a network that is complete but for them.
    pub(super) fn compile_lesions(&self, network: &mut Network, functions: &Functions, problems: &mut Diagnostics) {
        let mut kinds: Vec<Kind> =
            self.lesions.iter().map(|part| self.compile_kind(part, network, functions, problems)).collect();
        let is_symbol = |slot: &usize| kinds.iter().any(|kind| kind.is_symbol(*slot));
        let mut heard: Vec<usize> = network.reads.iter().flatten().copied().collect();
        // The last events are those of foundings.
        for (event, _) in network.events.iter().zip(&self.events) {
            if let Trigger::When { condition, .. } = &event.trigger {
                heard.extend(network.follow(condition.reads()));
            }
            let programs = event.delay.iter().chain(&event.priority);
            programs.for_each(|program| heard.extend(network.follow(program.reads())));
        }
        network.species.iter().filter_map(|species| species.rate.as_ref()).for_each(|rate| {
            heard.extend(network.follow(rate.reads()));
        });
        let mut laws = Vec::new();
        for kind in &kinds {
            let mut all = vec![&kind.birth, &kind.death];
            all.extend(kind.growth.iter().chain(&kind.emission));
            all.extend(kind.dormancy.iter().flat_map(|dormancy| [&dormancy.waking, &dormancy.death]));
            let reads = all.iter().flat_map(|law| law.reads()).copied().filter(|&slot| slot < network.slots());
            laws.push(network.follow(&reads.collect::<Vec<_>>()));
        }
        heard.extend(laws.iter().flatten());
        let count =
            |slot: usize| network.species.get(slot.wrapping_sub(1)).is_some_and(|species| !species.is_continuous());
        let moves = |slot: usize| network.species.get(slot.wrapping_sub(1)).is_some_and(|species| species.moves());
        let moving: Vec<bool> = laws
            .iter()
            .map(|reads| reads.iter().any(|&slot| slot == TIME || count(slot) || moves(slot) || is_symbol(&slot)))
            .collect();
        for (kind, moving) in kinds.iter_mut().zip(moving) {
            let reads = |slot: usize| slot != TIME && heard.contains(&slot);
            kind.moving = moving;
            kind.emission_watched = reads(kind.emitted);
            kind.detection_watched = reads(kind.detected) || reads(kind.first_detected);
            kind.watched = kind.detection_watched
                || [kind.alive, kind.lost, kind.cells, kind.dormant].into_iter().any(reads)
                || kind.counts.iter().any(|(slot, _)| reads(*slot));
        }
        network.lesions = kinds;
    }

    fn compile_kind(
        &self,
        part: &Lesions,
        network: &Network,
        functions: &Functions,
        problems: &mut Diagnostics,
    ) -> Kind {
        let size = network.size_slot();
        let slot_of = |suffix: &str| network.slot(&part.symbol(suffix).value).unwrap_or(TIME);
        let mut compile = |text: &Text, with_size: bool, own: &[OwnPart]| {
            let slot = |name: &str| {
                let of_size = (with_size && name == "size").then_some(size);
                let of_own = own.iter().position(|own| own.name.value == name).map(|index| size + 1 + index);
                of_size.or(of_own).or_else(|| network.slot(name))
            };
            let help = |name: &str| match name {
                "size" => Some("`size` is that of a lesion, known to its birth, death, growth and emission".to_owned()),
                name if part.own.iter().any(|own| own.name.value == name) => {
                    Some("a lesion's own values are known to its growth and emission".to_owned())
                }
                name => suggestion(name, network.symbols().chain(own.iter().map(|own| own.name.value.as_str()))),
            };
            let parsed = parse_with(&text.value, functions);
            let form = (parsed.as_ref().is_ok_and(affine), parsed.as_ref().is_ok_and(monomial));
            let program = parsed.and_then(|expression| Program::compile(&expression, &slot, &help));
            let program = program.unwrap_or_else(|error| {
                self.report(problems, text, error);
                Program::zero()
            });
            (program, form)
        };
        let (birth, death) = (compile(&part.birth, true, &[]).0, compile(&part.death, true, &[]).0);
        let growth = part.growth.as_ref().map(|law| compile(law, true, &part.own));
        let affine = growth.as_ref().is_none_or(|(_, (affine, _))| *affine);
        let cellwise = birth.reads().contains(&size) || death.reads().contains(&size);
        let emission = part.emission.as_ref().map(|law| compile(law, true, &part.own));
        let power = emission.as_ref().is_some_and(|(law, (_, power))| *power && law.reads().iter().all(|&s| s <= size));
        let emission = emission.map(|(law, _)| law);
        let detection = part.detection.as_ref().map(|law| compile(law, false, &[]).0);
        let dormancy = part.dormancy.as_ref().map(|[probability, waking, death]| Dormancy {
            probability: compile(probability, false, &[]).0,
            waking: compile(waking, false, &[]).0,
            death: compile(death, false, &[]).0,
        });
        let counts = part
            .counts
            .iter()
            .map(|(name, cells)| (network.slot(&name.value).unwrap_or(TIME), compile(cells, false, &[]).0));
        let counts = counts.collect();
        let own = part
            .own
            .iter()
            .map(|own| (own.law, compile(&own.location, false, &[]).0, compile(&own.spread, false, &[]).0));
        let own = own.collect();
        let kind = Kind {
            name: part.name.value.clone(),
            founded: slot_of("_founded"),
            alive: slot_of(""),
            lost: slot_of("_lost"),
            cells: slot_of("_cells"),
            dormant: if dormancy.is_some() { slot_of("_dormant") } else { TIME },
            emitted: if emission.is_some() { slot_of("_emission") } else { TIME },
            detected: if detection.is_some() { slot_of("_detected") } else { TIME },
            first_detected: if detection.is_some() { slot_of("_first_detected") } else { TIME },
            counts,
            size: compile(&part.size, false, &[]).0,
            birth,
            death,
            dormancy,
            large: compile(&part.large, false, &[]).0,
            // Without a curve of its own, growth is birth less death.
            affine: affine && !(growth.is_none() && cellwise),
            growth: growth.map(|(law, _)| law),
            own,
            emission,
            power,
            detection,
            cellwise,
            moving: false,
            emission_watched: false,
            watched: false,
            detection_watched: false,
        };
        for own in &part.own {
            if network.slot(&own.name.value).is_some() || own.name.value == "size" {
                let error =
                    ExpressionError::new(format!("`{}` is declared twice", own.name.value), 0..own.name.value.len());
                self.report(problems, &own.name, error.help("a lesion's own values need names of their own"));
            }
        }
        kind
    }

    /// Whether a name in an equation is that of a kind of lesions.
    pub(super) fn is_lesions(&self, name: &str) -> Option<usize> {
        self.lesions.iter().position(|part| part.name.value == name)
    }

    /// Events cannot set the symbols of lesions.
    pub(super) fn check_lesion_targets(&self, problems: &mut Diagnostics) {
        let symbols: Vec<Text> = self.lesions.iter().flat_map(Lesions::symbols).collect();
        for (target, _) in self.events.iter().flat_map(|part| &part.set) {
            if symbols.iter().any(|symbol| symbol.value == target.value) {
                let message = format!("an event cannot set `{}`, which follows from the lesions", target.value);
                self.report(problems, target, ExpressionError::new(message, 0..target.value.len()));
            }
        }
    }
}

/// Whether an expression is an affine function of ln(size), by its form.
fn affine(expression: &Expression) -> bool {
    if independent(expression) {
        return true;
    }
    let Node::Call(function, parts) = &expression.node else { return false };
    match function {
        Function::Add | Function::Subtract | Function::Negate => parts.iter().all(affine),
        Function::Multiply => {
            (affine(&parts[0]) && independent(&parts[1])) || (independent(&parts[0]) && affine(&parts[1]))
        }
        Function::Divide => affine(&parts[0]) && independent(&parts[1]),
        Function::Ln | Function::Log10 | Function::Log2 => monomial(&parts[0]),
        _ => false,
    }
}

/// Whether it is a power of `size` times what does not depend on it.
fn monomial(expression: &Expression) -> bool {
    if independent(expression) {
        return true;
    }
    match &expression.node {
        Node::Name(name) => name == "size",
        Node::Call(Function::Multiply | Function::Divide, parts) => parts.iter().all(monomial),
        Node::Call(Function::Power, parts) => monomial(&parts[0]) && independent(&parts[1]),
        Node::Call(Function::Sqrt, parts) => monomial(&parts[0]),
        _ => false,
    }
}

fn independent(expression: &Expression) -> bool {
    let mut independent = true;
    expression.names(&mut |name, _| independent &= name != "size");
    independent
}
