//! What is asked of a trajectory, and trajectories that are asked.

use metacascade_random::Key;

use super::{ProbabilityError, RareEvent};
use crate::expression::{Expression, ExpressionError, Function, Node, Program, parse};
use crate::methods::{Direct, Stop};
use crate::network::TIME;
use crate::simulator::Stats;
use crate::state::State;

/// With fewer events in all even short trajectories would be taken for endless ones.
const FEWEST_EVENTS: u64 = 10_000;

/// Time and counts where a trajectory passed a level.
pub(super) type Entry = Vec<f64>;

/// A rare event, checked and compiled.
pub(super) struct Question<'n> {
    event: Program,
    unless: Option<Program>,
    level: Program,
    /// The level as text.
    pub name: String,
    /// Time at which trajectories end.
    end: f64,
    /// Whether a condition or the level reads rules, which then have to follow every event.
    reads_rules: bool,
    /// Events that one trajectory may take.
    most_events: u64,
    /// At the start.
    state: State<'n>,
}

/// Where a trajectory stands when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// In the event already.
    Met,
    /// Where it may not go on.
    Over,
    Open,
}

impl<'n> Question<'n> {
    pub fn new(asked: &RareEvent<'n>) -> Result<Self, ProbabilityError> {
        let network = asked.network;
        if !(asked.relative_error > 0.0 && asked.relative_error.is_finite()) {
            return Err(ProbabilityError::Setting("the relative error must be positive".to_owned()));
        }
        if asked.before.is_some_and(|time| !(time > 0.0 && time.is_finite())) {
            return Err(ProbabilityError::Setting(
                "the time before which the event counts must be positive".to_owned(),
            ));
        }
        if asked.maximum_events < FEWEST_EVENTS {
            return Err(ProbabilityError::Setting(format!("at least {FEWEST_EVENTS} events must be allowed")));
        }
        if !network.events.is_empty() {
            return Err(ProbabilityError::Unsupported(format!(
                "`{}` has events or lesions; trajectories can be split only where counts and time say all that matters",
                network.name
            )));
        }
        if let Some(variation) = network.variations.first() {
            return Err(ProbabilityError::Unsupported(format!(
                "`{}` varies between subjects; a probability is that of one",
                network.parameters[variation.parameter].name
            )));
        }
        let mut state = State::new(network);
        state.check_autonomous().map_err(|error| ProbabilityError::Unsupported(error.to_string()))?;
        let compiled = |name, text: &str| network.compile(text, &[]).map_err(|error| wrong(name, text, error));
        let condition = |name, text: &str| {
            let program = compiled(name, text)?;
            if network.follow(program.reads()).contains(&TIME) {
                let error = ExpressionError::new("the condition depends on time", 0..text.len());
                return Err(wrong(name, text, error.help("limits of time are given apart")));
            }
            Ok(program)
        };
        let event = condition("event", asked.event)?;
        let unless = asked.unless.map(|text| condition("unless", text)).transpose()?;
        let (name, level) = match asked.level {
            Some(text) => (text.to_owned(), compiled("level", text)?),
            None => {
                let level = parse(asked.event).ok().as_ref().and_then(default_level).ok_or_else(|| {
                    let error = ExpressionError::new("no level follows from this event", 0..asked.event.len());
                    let help = "give a level, an expression that grows towards the event; \
                                for an event such as `X >= 60` it would be X";
                    wrong("event", asked.event, error.help(help))
                })?;
                let text = level.to_string();
                let program = compiled("event", &text)?;
                (text, program)
            }
        };
        assert_eq!(asked.parameters.len(), network.parameters.len(), "one value for each parameter");
        state.initialise(asked.parameters, asked.initial, true, None)?;
        let programs = [&event, &level].into_iter().chain(&unless);
        let reads_rules = programs.flat_map(Program::reads).any(|slot| *slot >= network.rule_slot(0));
        Ok(Self {
            event,
            unless,
            level,
            name,
            // Waiting for ever ends there too.
            end: asked.before.unwrap_or(f64::MAX),
            reads_rules,
            most_events: asked.maximum_events / 100,
            state,
        })
    }

    pub fn start(&self) -> Start {
        let holds = |condition: &Program| condition.evaluate(self.state.shown()) != 0.0;
        match (holds(&self.event), &self.unless) {
            (true, _) => Start::Met,
            (false, Some(unless)) if holds(unless) => Start::Over,
            _ => Start::Open,
        }
    }

    /// The level at the start.
    pub fn lowest(&self) -> f64 {
        self.level.evaluate(self.state.shown())
    }

    pub fn entry(&self) -> Entry {
        entry(&self.state)
    }

    pub fn walker(&self) -> Walker<'_, 'n> {
        Walker { question: self, state: self.state.clone(), direct: Direct::one_by_one() }
    }
}

fn wrong(name: &'static str, text: &str, error: ExpressionError) -> ProbabilityError {
    ProbabilityError::Expression { name, text: text.to_owned(), error }
}

/// What grows towards the event, where that is a comparison; the comparison itself then says when it is met.
fn default_level(event: &Expression) -> Option<Expression> {
    let Node::Call(function, sides) = &event.node else { return None };
    let [large, small] = match function {
        Function::GreaterEqual | Function::Greater => [&sides[0], &sides[1]],
        Function::LessEqual | Function::Less => [&sides[1], &sides[0]],
        _ => return None,
    };
    let fixed = |side: &Expression| {
        let mut names = 0;
        side.names(&mut |_, _| names += 1);
        names == 0
    };
    let span = event.span.clone();
    Some(match (fixed(large), fixed(small)) {
        (_, true) => large.clone(),
        (true, false) => Expression::call(Function::Negate, vec![small.clone()], span),
        _ => Expression::call(Function::Subtract, vec![large.clone(), small.clone()], span),
    })
}

fn entry(state: &State) -> Entry {
    state.values[..=state.network.species.len()].to_vec()
}

/// A workspace for trajectories.
pub(super) struct Walker<'q, 'n> {
    question: &'q Question<'n>,
    state: State<'n>,
    direct: Direct,
}

impl Walker<'_, '_> {
    /// A trajectory from an entry until its level is `target` or more, or it meets the event, or ends. Gives the highest
    /// level it had, infinite where it met the event.
    pub fn walk(&mut self, from: &[f64], target: f64, key: Key, stats: &mut Stats) -> Result<f64, ProbabilityError> {
        let Self { question, state, direct } = self;
        state.values[..from.len()].copy_from_slice(from);
        state.update_rules();
        direct.restart(state)?;
        let mut random = key.stream();
        let mut highest = f64::NEG_INFINITY;
        let last = stats.events + question.most_events;
        loop {
            let values = &state.values;
            if question.event.evaluate(values) != 0.0 {
                return Ok(f64::INFINITY);
            }
            // Only the event is infinitely high.
            highest = highest.max(question.level.evaluate(values).min(f64::MAX));
            let over = question.unless.as_ref().is_some_and(|unless| unless.evaluate(values) != 0.0);
            if highest >= target || over {
                return Ok(highest);
            }
            if stats.events >= last {
                return Err(ProbabilityError::Endless { events: question.most_events, time: state.time() });
            }
            if direct.events(state, question.end, 1, &mut random, stats)? == Stop::Quiet {
                return Ok(highest);
            }
            if question.reads_rules {
                state.update_rules();
            }
        }
    }

    /// Where the trajectory stands.
    pub fn entry(&self) -> Entry {
        entry(&self.state)
    }
}
