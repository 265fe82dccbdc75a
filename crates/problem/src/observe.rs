//! From parameters to trajectories to what would have been measured.

use std::{collections::BTreeMap, ops::ControlFlow};

use metacascade_engine::{Deviates, Method, Simulator, Subject};
use metacascade_inference::Failure;
use metacascade_random::{Key, rand::Rng};

use crate::{
    measurements::{Measurement, Override, Reading, Trajectory},
    noise::{NoiseDistribution, multinomial},
    observables::{Observable, is_positive},
    problem::Problem,
    start::{Start, Treatment, start},
    steady::{self, Settling},
    survival::{self, Curves, Question},
};

/// Whom a trajectory is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Design {
    /// Position among the problem's experiments.
    pub experiment: usize,
    /// Position among the problem's subjects, whose covariates are set.
    pub subject: Option<usize>,
}

/// Which individual a trajectory is of, where parameters vary between groups and subjects.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whom<'d> {
    /// One whose parameters are drawn from its keys.
    Drawn(Subject),
    /// One whose deviates are known, in the mean field, which draws nothing besides.
    Given(&'d Deviates),
    /// One whose parameters all lie at their locations, in the mean field.
    Typical,
}

impl From<Key> for Whom<'_> {
    fn from(key: Key) -> Self {
        Self::Drawn(key.into())
    }
}

/// A trajectory to be simulated, and what is read off it.
#[derive(Debug)]
pub(crate) struct Run {
    pub design: Design,
    /// How many subjects are simulated, whose mean was measured; 1 where each was.
    pub count: usize,
    /// Ascending, each once.
    pub times: Vec<f64>,
    /// For each time, what is measured then.
    pub reads: Vec<Vec<Read>>,
    /// Which events are waited for.
    pub questions: Vec<Question>,
}

impl Run {
    /// Whether nothing is measured after a time.
    pub fn is_read(&self, time: usize) -> bool {
        self.reads[time + 1..].iter().all(Vec::is_empty)
    }
}

/// One measurement and where it belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    pub series: usize,
    pub measurement: usize,
    /// Position among all data: series after series, each in order of time.
    pub position: usize,
    /// Position of its standard deviation, behind all measurements, where several subjects' is given.
    pub spread: Option<usize>,
    /// The read is the last one of a multinomial sample that begins so many reads before; 0 where it stands alone, and
    /// none where others of the sample follow.
    pub sample: Option<usize>,
}

impl Read {
    pub fn row<'p>(&self, problem: &'p Problem) -> &'p Measurement {
        &problem.series()[self.series].measurements[self.measurement]
    }

    pub fn observable<'p>(&self, problem: &'p Problem) -> &'p Observable {
        &problem.observables()[problem.series()[self.series].observable]
    }
}

/// Where the times to events begin among the data: after the measurements and the standard deviations of means.
pub(crate) fn survival_start(problem: &Problem) -> usize {
    let rows = problem.series().iter().flat_map(|series| &series.measurements);
    problem.measurement_count() + rows.filter(|row| matches!(row.reading, Reading::Mean { sd: Some(_), .. })).count()
}

/// How many data there are: measurements, then the standard deviations of means, then for each row of survival the
/// time and 1 for an event or 0 for none.
pub(crate) fn data_len(problem: &Problem) -> usize {
    survival_start(problem) + 2 * problem.survival().len()
}

/// The data as measured, in the layout of [`data_len`].
pub(crate) fn measured(problem: &Problem) -> Vec<f64> {
    let rows = || problem.series().iter().flat_map(|series| &series.measurements);
    let mut data: Vec<f64> = rows().map(|row| row.value).collect();
    data.extend(rows().filter_map(|row| match row.reading {
        Reading::Mean { sd, .. } => sd,
        _ => None,
    }));
    data.extend(problem.survival().iter().flat_map(|row| [row.time, f64::from(u8::from(row.event))]));
    data
}

/// What is wanted of one trajectory.
struct Wanted {
    design: Design,
    reads: Vec<(f64, Read)>,
    questions: Vec<Question>,
}

/// The trajectories a problem needs: one for each subject, or, where `shared` (all subjects of an experiment with the
/// same covariates are the same without stochasticity), one for each of these. `curves` say how long events are waited
/// for; without them they are not.
pub(crate) fn runs(problem: &Problem, shared: bool, curves: Option<&Curves>) -> Vec<Run> {
    let mut wanted: BTreeMap<(usize, usize), Wanted> = BTreeMap::new();
    let place = |trajectory: usize| {
        let Trajectory { experiment, subject, .. } = problem.trajectories()[trajectory];
        let class = subject.map_or(usize::MAX, |subject| problem.subjects()[subject].class);
        let key = if shared { (experiment, class) } else { (trajectory, 0) };
        (key, Wanted { design: Design { experiment, subject }, reads: Vec::new(), questions: Vec::new() })
    };
    let mut position = 0;
    let mut spread = problem.measurement_count();
    for (index, series) in problem.series().iter().enumerate() {
        let (key, none) = place(series.trajectory);
        let reads = &mut wanted.entry(key).or_insert(none).reads;
        for (measurement, row) in series.measurements.iter().enumerate() {
            let own = matches!(row.reading, Reading::Mean { sd: Some(_), .. }).then(|| {
                spread += 1;
                spread - 1
            });
            reads.push((row.time, Read { series: index, measurement, position, spread: own, sample: Some(0) }));
            position += 1;
        }
    }
    for (row, survival) in problem.survival().iter().enumerate().filter(|_| curves.is_some()) {
        let (key, none) = place(survival.trajectory);
        wanted.entry(key).or_insert(none).questions.push(Question { row, endpoint: survival.endpoint });
    }
    wanted.into_values().map(|wanted| assemble(problem, wanted, curves)).collect()
}

fn assemble(problem: &Problem, wanted: Wanted, curves: Option<&Curves>) -> Run {
    let Wanted { design, reads: mut found, questions } = wanted;
    let is_part = |read: &Read| read.observable(problem).noise == NoiseDistribution::Multinomial;
    let sample = |read: &Read| {
        is_part(read).then(|| (problem.series()[read.series].trajectory, read.observable(problem).group.as_str()))
    };
    // A stable sort: reads of one time keep their order, but those of a multinomial sample stand together at the end.
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| sample(&a.1).cmp(&sample(&b.1))));
    let mut run = Run { design, count: 1, times: Vec::new(), reads: Vec::new(), questions };
    for (time, read) in found {
        if let Reading::Mean { n, .. } = read.row(problem).reading {
            run.count = run.count.max(n as usize);
        }
        if run.times.last() != Some(&time) {
            run.times.push(time);
            run.reads.push(Vec::new());
        }
        if let Some(reads) = run.reads.last_mut() {
            reads.push(read);
        }
    }
    let ends = run.questions.iter().filter_map(|question| Some(curves?.end(question.row)));
    if let Some(end) = ends.reduce(f64::max) {
        for time in survival::looks(problem, &run.questions, end) {
            let at = run.times.partition_point(|earlier| *earlier < time);
            if run.times.get(at) != Some(&time) {
                run.times.insert(at, time);
                run.reads.insert(at, Vec::new());
            }
        }
    }
    for reads in &mut run.reads {
        let mut first = 0;
        for index in 0..reads.len() {
            if index > 0 && (sample(&reads[index]).is_none() || sample(&reads[index]) != sample(&reads[index - 1])) {
                first = index;
            }
            let last = reads.get(index + 1).is_none_or(|next| !is_part(next) || sample(next) != sample(&reads[index]));
            reads[index].sample = if is_part(&reads[index]) { last.then_some(index - first) } else { Some(0) };
        }
    }
    run
}

/// A reusable workspace: the engine's simulators and the values of all symbols.
pub(crate) struct Workspace<'p> {
    problem: &'p Problem,
    method: Method,
    /// Of the model as it is, and then of each experiment that changes it as it runs; made when first needed.
    simulators: Vec<Option<Simulator<'p>>>,
    /// What an arm sets beside the experiments.
    pub treatment: Treatment,
    /// The scope's values (see [`crate::scope`]), then an observable's own value and placeholders.
    values: Vec<f64>,
    /// Reactions fired since somebody took them.
    pub events: u64,
}

impl<'p> Workspace<'p> {
    pub fn new(problem: &'p Problem, method: &Method) -> Self {
        let values = problem.blank_values();
        let simulators = std::iter::repeat_with(|| None).take(1 + problem.experiments().len()).collect();
        Self { problem, method: *method, simulators, treatment: Treatment::default(), values, events: 0 }
    }

    /// Simulates one trajectory under values of the estimated parameters; `visit` is shown a [`View`] at each time, and
    /// may end the trajectory.
    /// The last of the times may be infinite, for the steady state.
    pub fn run(
        &mut self,
        design: Design,
        estimated: &[f64],
        times: &[f64],
        whom: Whom<'_>,
        mut visit: impl FnMut(usize, &mut View<'_>) -> Result<ControlFlow<()>, Failure>,
    ) -> Result<(), Failure> {
        let Self { problem, method, simulators, treatment, values, events } = self;
        let Start { mut parameters, initial } = start(problem, method, values, design, estimated, treatment)?;
        let network = problem.experiments()[design.experiment].network.as_ref();
        let place = if network.is_some() { 1 + design.experiment } else { 0 };
        let network = network.unwrap_or_else(|| problem.network());
        // Trajectories draw their subject's parameters themselves; the mean field draws nothing.
        let subject = match whom {
            Whom::Drawn(subject) => {
                if network.varies() && matches!(method, Method::Ode { .. }) {
                    network.individualise(&mut parameters, &subject.deviates(network));
                }
                subject
            }
            Whom::Given(deviates) => {
                network.individualise(&mut parameters, deviates);
                Key::new(0).into()
            }
            Whom::Typical => Key::new(0).into(),
        };
        let simulator = simulators[place].get_or_insert_with(|| Simulator::new(network, method));
        let finite = times.iter().take_while(|time| time.is_finite()).count();
        let mut all = times[..finite].to_vec();
        if finite < times.len() {
            steady::check(method)?;
            let last = all.last().copied().unwrap_or(network.start());
            all.extend(steady::times(last.max(network.start())));
        }
        let mut settling = Settling::default();
        let mut failure = None;
        let mut record = |index: usize, state: &[f64]| {
            let index = if index < finite {
                index
            } else if settling.is_steady(&state[1..=network.species().len()]) {
                finite
            } else {
                return ControlFlow::Continue(());
            };
            values[..state.len()].copy_from_slice(state);
            match visit(index, &mut View { values }) {
                Ok(flow) if index < finite => flow,
                Ok(_) => ControlFlow::Break(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        };
        let finished = simulator.run_from(&parameters, &initial, &all, subject, &mut record);
        *events += finished.as_ref().map_or(0, |stats| stats.events);
        match (failure, finished) {
            (Some(failure), _) => Err(failure),
            (None, Err(error)) => Err(Failure(error.to_string())),
            (None, Ok(_)) if finite < times.len() && !settling.done => Err(steady::never()),
            (None, Ok(_)) => Ok(()),
        }
    }
}

/// The values of all symbols at one time.
pub(crate) struct View<'v> {
    values: &'v mut [f64],
}

impl<'v> View<'v> {
    /// Of all values, those of observables and placeholders among them.
    pub fn new(values: &'v mut [f64]) -> Self {
        Self { values }
    }

    pub fn values(&self) -> &[f64] {
        self.values
    }

    /// The model's value of an observable, and the standard deviation or scale of its noise.
    ///
    /// Fails if either is not finite, or the noise is not positive.
    pub fn observe(&mut self, observable: &Observable, overrides: &[Override]) -> Result<(f64, f64), Failure> {
        for (slot, value) in observable.placeholder_slots().zip(overrides) {
            self.values[slot] = value.value(self.values);
        }
        let y = observable.formula_program.evaluate(self.values);
        self.values[observable.own_slot] = y;
        let sigma = observable.noise_program.evaluate(self.values);
        let time = self.values[0];
        if !y.is_finite() {
            return Err(Failure(format!("the observable `{}` is {y} at time {time}", observable.id)));
        }
        if !is_positive(sigma) {
            let message = format!("the noise of `{}` is {sigma}, not positive, at time {time}", observable.id);
            return Err(Failure(message));
        }
        Ok((y, sigma))
    }
}

/// What would have been measured of one subject at one time: `show` is given each read, its value, and the model's value
/// and the scale of the noise.
///
/// Values beyond what can be measured come as the limit.
pub(crate) fn measure(
    problem: &Problem,
    reads: &[Read],
    view: &mut View<'_>,
    random: &mut impl Rng,
    mut show: impl FnMut(&Read, f64, [f64; 2]),
) -> Result<(), Failure> {
    let mut weights = Vec::new();
    for (index, read) in reads.iter().enumerate() {
        let (observable, row) = (read.observable(problem), read.row(problem));
        let (y, sigma) = view.observe(observable, &row.overrides)?;
        if observable.noise != NoiseDistribution::Multinomial {
            let value = observable.noise.sample(y, sigma, row.exposure, random);
            show(read, limited(observable, row, value), [y, sigma]);
            continue;
        }
        weights.push(y);
        if let Some(before) = read.sample {
            let sample = multinomial::sample(row.exposure, &weights, random);
            for (read, (count, &weight)) in reads[index - before..].iter().zip(sample.into_iter().zip(&weights)) {
                show(read, count, [weight, 1.0]);
            }
            weights.clear();
        }
    }
    Ok(())
}

/// A value as the assay reports it: its limit beyond a limit, the lower end within a row's interval.
pub(crate) fn limited(observable: &Observable, row: &Measurement, value: f64) -> f64 {
    let (mut lower, mut upper) = (observable.lower_limit, observable.upper_limit);
    match row.reading {
        Reading::Below => lower = Some(row.value),
        Reading::Above => upper = Some(row.value),
        Reading::UpTo(end) if (row.value..=end).contains(&value) => return row.value,
        _ => {}
    }
    let value = lower.map_or(value, |limit| value.max(limit));
    upper.map_or(value, |limit| value.min(limit))
}
