//! What is served: made of the named runs, found by number. No path of a request is one of the file system.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use metacascade_problem::{FitMethod, Run, RunState, Stage};
use metacascade_report::{LivePage, LiveRun, content_of, index_page, inline, render, run_page};

use super::http::{Response, Status};
use crate::error::Failed;

/// The runs, and their reports as rendered last.
#[derive(Debug)]
pub struct Pages {
    runs: Vec<Served>,
}

/// A run.
#[derive(Debug)]
struct Served {
    folder: PathBuf,
    name: String,
    /// The version of the run, and its report.
    report: Mutex<Option<(String, Arc<[u8]>)>>,
}

impl Pages {
    /// Pages of the runs in these folders.
    pub fn of(folders: &[PathBuf]) -> Result<Self, Failed> {
        let served = |folder: &PathBuf| {
            if RunState::of(folder).is_none() {
                let failed = Failed::usage(format!("{} is not a run of metacascade", folder.display()));
                return Err(failed.help("`metacascade fit` writes runs, `metacascade runs` lists them"));
            }
            // Also of `.`
            let whole = folder.canonicalize().unwrap_or_else(|_| folder.clone());
            let name =
                whole.file_name().map_or_else(|| whole.display().to_string(), |name| name.to_string_lossy().into());
            Ok(Served { folder: folder.clone(), name, report: Mutex::new(None) })
        };
        Ok(Self { runs: folders.iter().map(served).collect::<Result<_, _>>()? })
    }

    /// What is served.
    pub fn in_words(&self) -> String {
        match &self.runs[..] {
            [one] => one.folder.display().to_string(),
            several => format!("{} runs", several.len()),
        }
    }

    /// The answer to a path, and where to look instead, if elsewhere.
    pub fn answer(&self, path: &str) -> (Response, Option<&'static str>) {
        let response = match path {
            "/" if self.runs.len() == 1 => return (Response::text(Status::Found, "the run is at /1/"), Some("/1/")),
            "/" => page(index_page(&self.live())),
            "/state.json" => json(&self.live()),
            _ => self.of_run(path).unwrap_or_else(|| Response::text(Status::NotFound, "there is no such page")),
        };
        (response, None)
    }

    /// `/1/` and what is below.
    fn of_run(&self, path: &str) -> Option<Response> {
        let (number, rest) = path.strip_prefix('/')?.split_once('/')?;
        let number = number.parse::<usize>().ok().filter(|parsed| parsed.to_string() == number)?;
        let run = self.runs.get(number.checked_sub(1)?)?;
        match rest {
            "" => Some(page(run_page(&run.live(number), self.runs.len() > 1))),
            "state.json" => Some(json(&[run.live(number)])),
            "report.html" => Some(run.report()),
            _ => None,
        }
    }

    fn live(&self) -> Vec<LiveRun> {
        self.runs.iter().zip(1..).map(|(run, number)| run.live(number)).collect()
    }
}

impl Served {
    fn live(&self, number: usize) -> LiveRun {
        let address = format!("/{number}/");
        let Some(state) = RunState::of(&self.folder) else {
            let words = "It is no longer there.".to_owned();
            return LiveRun { address, name: self.name.clone(), words, ..LiveRun::default() };
        };
        LiveRun {
            address,
            name: self.name.clone(),
            title: state.settings.as_ref().map_or_else(String::new, |settings| settings.title.clone()),
            words: words(&state, &self.folder),
            progress: if state.is_written { state.progress.unwrap_or_default() } else { String::new() },
            is_readable: state.stage != Stage::Begun,
            is_done: state.stage == Stage::Done,
            version: state.version,
        }
    }

    /// The report of what is complete, made anew where the run has changed.
    fn report(&self) -> Response {
        let state = RunState::of(&self.folder);
        let Some(state) = state.filter(|state| state.stage != Stage::Begun) else {
            return Response::text(Status::NotFound, "no generation of this fit is complete yet");
        };
        // One at a time: whoever waits is given what the first had made.
        let mut kept = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let body = match &*kept {
            Some((version, body)) if *version == state.version => Arc::clone(body),
            _ => match rendered(&self.folder) {
                Ok(body) => {
                    *kept = Some((state.version, Arc::clone(&body)));
                    body
                }
                // A file may have been replaced in between; the page asks again when the next one has.
                Err(reason) => {
                    tracing::warn!(run = %self.folder.display(), reason, "the report could not be made");
                    return Response::text(Status::Failed, &format!("the report could not be made: {reason}"));
                }
            },
        };
        // What a page can say of itself, and that none but ours may frame it.
        let policy = format!("{}; frame-ancestors 'self'", inline::content_security_policy());
        Response { status: Status::Ok, content_type: "text/html; charset=utf-8", policy, body }
    }
}

/// The report of a run as it is now.
fn rendered(folder: &Path) -> Result<Arc<[u8]>, String> {
    let run = Run::open(folder).map_err(|error| error.to_string())?;
    let page = render(&content_of(&run)).map_err(|error| error.to_string())?;
    Ok(page.into_bytes().into())
}

/// Where a fit stands, in a sentence.
fn words(state: &RunState, folder: &Path) -> String {
    let resume = || format!("`metacascade fit --resume {}` goes on with it", folder.display());
    match (state.stage, state.is_written) {
        (Stage::Done, _) => "The fit is done.".to_owned(),
        (Stage::Begun, true) => match state.settings.as_ref().map(|settings| settings.method) {
            Some(FitMethod::AbcSmc) => "The fit is under way; no generation is complete yet.".to_owned(),
            _ => "The fit is under way; its result comes at the end.".to_owned(),
        },
        (Stage::Readable, true) => "The fit is under way; this is what is complete of it.".to_owned(),
        (Stage::Begun, false) => format!("The fit was cut off before anything was complete; {}.", resume()),
        (Stage::Readable, false) => format!("The fit was cut off; this is what was complete of it. {}.", resume()),
    }
}

fn page(page: Result<LivePage, metacascade_report::Error>) -> Response {
    match page {
        Ok(LivePage { html, policy }) => Response {
            status: Status::Ok,
            content_type: "text/html; charset=utf-8",
            policy: format!("{policy}; frame-ancestors 'none'"),
            body: html.into_bytes().into(),
        },
        Err(error) => Response::text(Status::Failed, &error.to_string()),
    }
}

fn json(runs: &[LiveRun]) -> Response {
    match serde_json::to_vec(runs) {
        Ok(body) => Response {
            status: Status::Ok,
            content_type: "application/json",
            policy: "default-src 'none'".to_owned(),
            body: body.into(),
        },
        Err(error) => Response::text(Status::Failed, &error.to_string()),
    }
}
