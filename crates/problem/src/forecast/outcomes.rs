//! What arms come to, draw by draw of the posterior: shares without an event, restricted means, hazard ratios, means of
//! observables.

use super::Forecast;

/// Steps of Newton's method, of which few are needed.
const STEPS: usize = 60;

impl Forecast {
    /// The last time, until which events are waited for.
    #[must_use]
    pub fn horizon(&self) -> f64 {
        self.times.last().copied().unwrap_or_default()
    }

    /// The times of an event of all subjects under an arm and draw, infinite where it does not come by the horizon.
    pub fn event_times(&self, arm: usize, draw: usize, endpoint: usize) -> impl Iterator<Item = f64> + '_ {
        let (subjects, width) = (self.subjects.len(), self.endpoints.len());
        let first = (arm * self.draws.len() + draw) * subjects;
        (first..first + subjects).map(move |row| self.events[row * width + endpoint])
    }

    /// For each draw, the share of subjects without the event until a time, that one included: S(t) = P(T > t).
    #[must_use]
    pub fn event_free(&self, arm: usize, endpoint: usize, time: f64) -> Vec<f64> {
        let of = |draw| {
            let free = self.event_times(arm, draw, endpoint).filter(|event| *event > time).count();
            free as f64 / self.subjects.len() as f64
        };
        (0..self.draws.len()).map(of).collect()
    }

    /// For each draw, the mean time without the event from the origin to the horizon, E min(T, τ): the area under the curve
    /// (Royston & Parmar 2013, BMC Med. Res. Methodol. 13:152).
    #[must_use]
    pub fn restricted_mean(&self, arm: usize, endpoint: usize) -> Vec<f64> {
        let horizon = self.horizon();
        let of = |draw| {
            let times = self.event_times(arm, draw, endpoint);
            let total: f64 = times.map(|event| event.clamp(self.origin, horizon) - self.origin).sum();
            total / self.subjects.len() as f64
        };
        (0..self.draws.len()).map(of).collect()
    }

    /// For each draw, the hazard ratio of an arm to another until the horizon ([`hazard_ratio`]).
    #[must_use]
    pub fn hazard_ratios(&self, arm: usize, reference: usize, endpoint: usize) -> Vec<f64> {
        let horizon = self.horizon();
        let seen = |arm, draw| -> Vec<(f64, bool)> {
            self.event_times(arm, draw, endpoint).map(|event| (event.min(horizon), event.is_finite())).collect()
        };
        (0..self.draws.len()).map(|draw| hazard_ratio(&seen(arm, draw), &seen(reference, draw))).collect()
    }

    /// A value of an observable, under an arm, draw and subject, at a time, all by position.
    #[must_use]
    pub fn value(&self, arm: usize, draw: usize, subject: usize, time: usize, observable: usize) -> f64 {
        let row = (arm * self.draws.len() + draw) * self.subjects.len() + subject;
        self.values[(row * self.times.len() + time) * self.observables.len() + observable]
    }

    /// For each draw, the mean of an observable over the subjects at a time, both by position.
    #[must_use]
    pub fn mean(&self, arm: usize, observable: usize, time: usize) -> Vec<f64> {
        let of = |draw| {
            let all = (0..self.subjects.len()).map(|subject| self.value(arm, draw, subject, time, observable));
            all.sum::<f64>() / self.subjects.len() as f64
        };
        (0..self.draws.len()).map(of).collect()
    }
}

/// The hazard ratio of one set of subjects to another: the maximum of Cox's partial likelihood (Cox 1972, J. R. Stat. Soc. B
/// 34:187), ties as Efron has them (1977, J. Am. Stat. Assoc. 72:557). Each subject has the time to which it was followed and
/// whether the event ended that.
///
/// 0 or infinite where only one of the sets has events, NaN where none has.
#[must_use]
pub fn hazard_ratio(subjects: &[(f64, bool)], reference: &[(f64, bool)]) -> f64 {
    let mut all: Vec<(f64, bool, bool)> = subjects.iter().map(|&(time, event)| (time, event, true)).collect();
    all.extend(reference.iter().map(|&(time, event)| (time, event, false)));
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Of each time with events: at risk in either set, and events in either.
    let mut steps: Vec<[f64; 4]> = Vec::new();
    let mut at_risk = [reference.len() as f64, subjects.len() as f64];
    for same in all.chunk_by(|a, b| a.0 == b.0) {
        let events = |own: bool| same.iter().filter(|one| one.1 && one.2 == own).count() as f64;
        let (control, treated) = (events(false), events(true));
        if control + treated > 0.0 {
            steps.push([at_risk[0], at_risk[1], control, treated]);
        }
        same.iter().for_each(|one| at_risk[usize::from(one.2)] -= 1.0);
    }
    // Events that come while one set alone is at risk say nothing.
    let both = |set: usize| steps.iter().any(|step| step[2 + set] > 0.0 && step[0] > 0.0 && step[1] > 0.0);
    match (both(0), both(1)) {
        (false, false) => return f64::NAN,
        (true, false) => return 0.0,
        (false, true) => return f64::INFINITY,
        (true, true) => {}
    }
    let mut log_ratio = 0.0_f64;
    for _ in 0..STEPS {
        let (mut score, mut information) = (steps.iter().map(|step| step[3]).sum::<f64>(), 0.0);
        let ratio = log_ratio.exp();
        for [control, treated, ended, died] in &steps {
            let tied = (ended + died) as usize;
            for index in 0..tied {
                let share = index as f64 / tied as f64;
                let own = (treated - share * died) * ratio;
                let p = own / (control - share * ended + own);
                score -= p;
                information += p * (1.0 - p);
            }
        }
        let step = (score / information).clamp(-2.0, 2.0);
        log_ratio += step;
        if step.abs() < 1e-12 {
            break;
        }
    }
    log_ratio.exp()
}
