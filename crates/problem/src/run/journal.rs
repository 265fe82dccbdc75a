//! What a fit was answered, kept as it goes, so that one that was killed can be gone through again without simulating
//! again.
//!
//! A fit is a function of its settings and of the answers of its simulator or likelihood, and each answer depends on its
//! question alone. To resume is to begin anew with the same settings and to read from the journal what was answered
//! before: the result is the same to the last bit, wherever the fit was cut off.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use metacascade_inference::{Failure, Law, Likelihood, Parameter, Proposal, Simulator, pseudo_marginal::Estimator};
use metacascade_random::Key;

use super::RunError;

/// The first bytes of a journal: what it is, and the version of its format.
const MAGIC: &[u8; 16] = b"metacascade-jn 1";

/// Answers wait in memory until they are so many bytes …
const WAITING: usize = 1 << 16;

/// … or so old.
const AGE: Duration = Duration::from_millis(500);

/// Marks an answer that is the text of a failure.
const FAILED: u32 = 1 << 31;

/// What identifies a question: the place of its randomness and its parameters, hashed.
type Question = [u64; 2];

/// An answer: numbers, or why there are none.
type Answer = Result<Vec<f64>, String>;

/// Questions and answers of a fit, in memory and in a file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    known: HashMap<Question, Answer>,
    recalled: AtomicU64,
    file: Mutex<Pen>,
}

#[derive(Debug)]
struct Pen {
    file: File,
    waiting: Vec<u8>,
    written: Instant,
    failed: Option<std::io::Error>,
    /// Raised when it fails.
    alarm: Arc<AtomicBool>,
}

impl Journal {
    /// Opens a journal, or begins it. Whatever follows the last whole answer is cut off: there a process was killed while
    /// it wrote.
    ///
    /// # Errors
    /// If the file system refuses, or the file is something else.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        Self::with_alarm(path, Arc::default())
    }

    /// The same; `alarm` is raised when answers cannot be written.
    pub(super) fn with_alarm(path: &Path, alarm: Arc<AtomicBool>) -> Result<Self, RunError> {
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = open.map_err(RunError::io("write", path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(RunError::io("read", path))?;
        let (known, whole) = match bytes.strip_prefix(MAGIC) {
            Some(records) => read(records),
            None if MAGIC.starts_with(&bytes) => (HashMap::new(), 0),
            None => return Err(RunError::damaged(path, "it is no journal of this version of metacascade")),
        };
        let end = (MAGIC.len() + whole) as u64;
        let begin = |file: &mut File| {
            if bytes.len() < MAGIC.len() {
                file.seek(SeekFrom::Start(0))?;
                file.write_all(MAGIC)?;
            }
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end)).map(drop)
        };
        begin(&mut file).map_err(RunError::io("write", path))?;
        if !known.is_empty() {
            let cut = bytes.len() as u64 - end;
            tracing::info!(journal = %path.display(), answers = known.len(), bytes = end, cut, "journal read");
        }
        let pen = Pen { file, waiting: Vec::new(), written: Instant::now(), failed: None, alarm };
        Ok(Self { path: path.to_owned(), known, recalled: AtomicU64::new(0), file: Mutex::new(pen) })
    }

    /// Answers known from before.
    #[must_use]
    pub fn known(&self) -> usize {
        self.known.len()
    }

    /// Answers that were given from memory so far.
    #[must_use]
    pub fn recalled(&self) -> u64 {
        self.recalled.load(Ordering::Relaxed)
    }

    /// Whether a file is a journal with answers.
    pub(super) fn has_answers(path: &Path) -> bool {
        path.metadata().is_ok_and(|file| file.len() > MAGIC.len() as u64)
    }

    /// Why answers could not be written, if so. The fit goes on without, but cannot be resumed from there.
    #[must_use]
    pub fn failure(&self) -> Option<RunError> {
        let pen = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let error = pen.failed.as_ref()?;
        Some(RunError::io("write", &self.path)(std::io::Error::new(error.kind(), error.to_string())))
    }

    /// A simulator or likelihood whose answers are kept.
    #[must_use]
    pub fn of<'a, T>(&'a self, asked: &'a T) -> Journaled<'a, T> {
        self.apart(0, asked)
    }

    /// The same, for a further simulator that may be asked the same questions and answers otherwise; `kind` tells them
    /// apart.
    #[must_use]
    pub fn apart<'a, T>(&'a self, kind: u64, asked: &'a T) -> Journaled<'a, T> {
        Journaled { journal: self, kind, asked }
    }

    fn recall(&self, question: &Question) -> Option<&Answer> {
        let answer = self.known.get(question)?;
        self.recalled.fetch_add(1, Ordering::Relaxed);
        Some(answer)
    }

    fn keep<'a>(&self, answers: impl Iterator<Item = (Question, Result<&'a [f64], &'a str>)>) {
        let mut pen = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        for (question, answer) in answers {
            pen.add(question, answer);
        }
        if pen.waiting.len() >= WAITING || pen.written.elapsed() >= AGE {
            pen.write();
        }
    }
}

impl Pen {
    fn add(&mut self, question: Question, answer: Result<&[f64], &str>) {
        if self.failed.is_some() {
            return;
        }
        let begin = self.waiting.len();
        question.iter().for_each(|word| self.waiting.extend(word.to_le_bytes()));
        match answer {
            Ok(values) => {
                self.waiting.extend((values.len() as u32).to_le_bytes());
                values.iter().for_each(|value| self.waiting.extend(value.to_le_bytes()));
            }
            Err(text) => {
                self.waiting.extend((text.len() as u32 | FAILED).to_le_bytes());
                self.waiting.extend(text.as_bytes());
            }
        }
        let check = crc32fast::hash(&self.waiting[begin..]);
        self.waiting.extend(check.to_le_bytes());
    }

    fn write(&mut self) {
        self.written = Instant::now();
        if let Err(error) = self.file.write_all(&self.waiting) {
            tracing::debug!(%error, "the journal could not be written");
            self.alarm.store(true, Ordering::Relaxed);
            self.failed = Some(error);
        }
        self.waiting.clear();
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.file.get_mut().unwrap_or_else(PoisonError::into_inner).write();
    }
}

/// The whole records at the beginning, and their length in bytes.
fn read(records: &[u8]) -> (HashMap<Question, Answer>, usize) {
    let mut known = HashMap::new();
    let mut rest = records;
    while let Some((question, answer, length)) = record(rest) {
        known.insert(question, answer);
        rest = &rest[length..];
    }
    (known, records.len() - rest.len())
}

/// The record at the beginning, and its length; none if it is not whole.
fn record(bytes: &[u8]) -> Option<(Question, Answer, usize)> {
    let word = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let short = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?));
    let question = [word(0)?, word(8)?];
    let size = short(16)?;
    let length = (size & !FAILED) as usize;
    let end = 20 + if size & FAILED == 0 { length.checked_mul(8)? } else { length };
    let content = bytes.get(20..end)?;
    if short(end)? != crc32fast::hash(&bytes[..end]) {
        return None;
    }
    let answer = match size & FAILED {
        0 => {
            Ok(content.chunks_exact(8).map(|value| f64::from_le_bytes(value.try_into().unwrap_or_default())).collect())
        }
        _ => Err(String::from_utf8_lossy(content).into_owned()),
    };
    Some((question, answer, end + 4))
}

/// A simulator or likelihood whose answers are kept in a [`Journal`], and read from there where they are known.
#[derive(Debug)]
pub struct Journaled<'a, T> {
    journal: &'a Journal,
    kind: u64,
    asked: &'a T,
}

impl<T: Simulator> Simulator for Journaled<'_, T> {
    fn parameters(&self) -> &[Parameter] {
        self.asked.parameters()
    }

    fn observed(&self) -> &[f64] {
        self.asked.observed()
    }

    fn laws(&self) -> &[Law] {
        self.asked.laws()
    }

    fn simulate(&self, proposals: &[Proposal]) -> Vec<Result<Vec<f64>, Failure>> {
        self.answers(proposals, |asked| self.asked.simulate(asked))
    }

    /// What is abandoned is kept as an answer without numbers.
    fn simulate_near(
        &self,
        proposals: &[Proposal],
        near: &(dyn Fn(&[f64]) -> bool + Sync),
    ) -> Vec<Result<Option<Vec<f64>>, Failure>> {
        let simulate = |asked: &[Proposal]| {
            let found = self.asked.simulate_near(asked, near);
            found.into_iter().map(|result| result.map(Option::unwrap_or_default)).collect()
        };
        let answers = self.answers(proposals, simulate);
        answers.into_iter().map(|answer| answer.map(|values| (!values.is_empty()).then_some(values))).collect()
    }
}

impl<T: Simulator> Journaled<'_, T> {
    /// From the journal, and for what is not in it by simulation.
    fn answers(
        &self,
        proposals: &[Proposal],
        simulate: impl Fn(&[Proposal]) -> Vec<Result<Vec<f64>, Failure>>,
    ) -> Vec<Result<Vec<f64>, Failure>> {
        let questions: Vec<Question> =
            proposals.iter().map(|proposal| self.question(proposal.key, &proposal.parameters)).collect();
        let mut answers: Vec<Option<Result<Vec<f64>, Failure>>> =
            questions.iter().map(|question| self.journal.recall(question).cloned().map(told)).collect();
        let new: Vec<usize> = (0..proposals.len()).filter(|&index| answers[index].is_none()).collect();
        if new.len() == proposals.len() {
            let found = simulate(proposals);
            self.journal.keep(questions.iter().copied().zip(found.iter().map(kept)));
            return found;
        }
        let asked: Vec<Proposal> = new.iter().map(|&index| proposals[index].clone()).collect();
        let found = simulate(&asked);
        self.journal.keep(new.iter().map(|&index| questions[index]).zip(found.iter().map(kept)));
        for (index, found) in new.into_iter().zip(found) {
            answers[index] = Some(found);
        }
        answers.into_iter().flatten().collect()
    }
}

impl<T: Likelihood> Likelihood for Journaled<'_, T> {
    fn parameters(&self) -> &[Parameter] {
        self.asked.parameters()
    }

    fn log_likelihood(&self, parameters: &[f64]) -> Result<f64, Failure> {
        // A likelihood has no randomness of its own.
        self.number(self.question(Key::new(0), parameters), || self.asked.log_likelihood(parameters))
    }
}

impl<T: Estimator> Estimator for Journaled<'_, T> {
    fn parameters(&self) -> &[Parameter] {
        self.asked.parameters()
    }

    fn log_likelihood(&self, parameters: &[f64], effort: usize, key: Key) -> Result<f64, Failure> {
        let question = self.question(key.child(effort as u64), parameters);
        self.number(question, || self.asked.log_likelihood(parameters, effort, key))
    }

    fn starts(&self) -> &[Vec<f64>] {
        self.asked.starts()
    }

    fn least_effort(&self) -> usize {
        self.asked.least_effort()
    }
}

impl<T> Journaled<'_, T> {
    fn question(&self, key: Key, parameters: &[f64]) -> Question {
        let place = key.child(self.kind);
        let [high, low, ..] = parameters.iter().fold(place, |place, value| place.child(value.to_bits())).state();
        [high, low]
    }

    /// An answer that is one number.
    fn number(&self, question: Question, ask: impl FnOnce() -> Result<f64, Failure>) -> Result<f64, Failure> {
        if let Some(answer) = self.journal.recall(&question) {
            return told(answer.clone()).map(|values| values.first().copied().unwrap_or(f64::NAN));
        }
        let found = ask();
        let values = found.as_ref().map(std::slice::from_ref);
        self.journal.keep(std::iter::once((question, values.map_err(|failure| failure.0.as_str()))));
        found
    }
}

fn told(answer: Answer) -> Result<Vec<f64>, Failure> {
    answer.map_err(Failure)
}

fn kept(answer: &Result<Vec<f64>, Failure>) -> Result<&[f64], &str> {
    answer.as_ref().map(Vec::as_slice).map_err(|failure| failure.0.as_str())
}

#[cfg(test)]
mod tests;
