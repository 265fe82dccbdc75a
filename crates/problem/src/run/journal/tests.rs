//! Journals that are cut off and damaged.

#![allow(clippy::unwrap_used)]

use metacascade_inference::Prior;

use super::*;

/// Doubles its parameter, refuses negative ones, and counts how often it is asked.
struct Double(Vec<Parameter>, AtomicU64);

impl Double {
    fn new() -> Self {
        let prior = Prior::Uniform { lower: -1.0, upper: 1.0 };
        let scale = metacascade_inference::Scale::Lin;
        Self(vec![Parameter { name: "a".into(), prior, lower: -1.0, upper: 1.0, scale }], AtomicU64::new(0))
    }
}

impl Simulator for Double {
    fn parameters(&self) -> &[Parameter] {
        &self.0
    }
    fn observed(&self) -> &[f64] {
        &[0.0]
    }
    fn simulate(&self, proposals: &[Proposal]) -> Vec<Result<Vec<f64>, Failure>> {
        self.1.fetch_add(proposals.len() as u64, Ordering::Relaxed);
        let double = |proposal: &Proposal| match proposal.parameters[0] {
            a if a < 0.0 => Err(Failure(format!("{a} is negative"))),
            a => Ok(vec![2.0 * a, f64::NAN]),
        };
        proposals.iter().map(double).collect()
    }
}

impl Likelihood for Double {
    fn parameters(&self) -> &[Parameter] {
        &self.0
    }
    fn log_likelihood(&self, parameters: &[f64]) -> Result<f64, Failure> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Ok(-parameters[0])
    }
}

fn proposals() -> Vec<Proposal> {
    (0..40)
        .map(|i| Proposal { parameters: vec![f64::from(i) / 20.0 - 0.5], key: Key::new(3).child(i as u64) })
        .collect()
}

fn bits(found: &[Result<Vec<f64>, Failure>]) -> Vec<Result<Vec<u64>, Failure>> {
    found.iter().map(|one| one.clone().map(|values| values.iter().map(|value| value.to_bits()).collect())).collect()
}

#[test]
fn what_was_answered_is_not_asked_again_wherever_the_file_ends() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("journal");
    let all = bits(&Double::new().simulate(&proposals()));
    {
        let (journal, asked) = (Journal::open(&path).unwrap(), Double::new());
        assert_eq!(bits(&journal.of(&asked).simulate(&proposals())), all);
        assert_eq!(Likelihood::log_likelihood(&journal.of(&asked), &[0.25]), Ok(-0.25));
        assert_eq!((journal.known(), journal.recalled()), (0, 0));
    }
    let whole = std::fs::read(&path).unwrap();
    for length in (0..=whole.len()).rev() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let (journal, asked) = (Journal::open(&path).unwrap(), Double::new());
        assert_eq!(bits(&journal.of(&asked).simulate(&proposals())), all, "{length} bytes");
        assert_eq!(Likelihood::log_likelihood(&journal.of(&asked), &[0.25]), Ok(-0.25));
        assert_eq!(asked.1.load(Ordering::Relaxed), 41 - journal.known() as u64, "{length} bytes");
        drop(journal);
        assert!(std::fs::read(&path).unwrap() == whole, "it is whole again");
    }
}

#[test]
fn damage_ends_what_is_known_and_other_files_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("journal");
    drop(Journal::open(&path).unwrap().of(&Double::new()).simulate(&proposals()));
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let known = Journal::open(&path).unwrap().known();
    assert!(known > 5 && known < 40, "{known}");
    std::fs::write(&path, "thesis").unwrap();
    assert!(Journal::open(&path).unwrap_err().to_string().contains("no journal"));
}
