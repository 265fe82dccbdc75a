//! Pages that a server shows while fits go on: a frame around a report that is loaded again when the run has changed, and
//! a list of runs.

use askama::Template;

use crate::{Error, inline};

/// A run as such a page shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct LiveRun {
    /// Where its page is, on the server.
    pub address: String,
    /// Name of its folder.
    pub name: String,
    /// Title of its problem; empty if unknown.
    pub title: String,
    /// What became of it so far, in a sentence.
    pub words: String,
    /// What the fit says of its progress; empty if nothing.
    pub progress: String,
    /// Whether there is a report to show.
    pub is_readable: bool,
    /// Whether nothing more is to come.
    pub is_done: bool,
    /// Differs whenever the report does.
    pub version: String,
}

/// A page, and the content security policy that it is to be sent with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LivePage {
    /// The page.
    pub html: String,
    /// The policy: the page's own script and style, its server, and nothing else.
    pub policy: String,
}

const SCRIPT: &str = include_str!("../templates/live.js");
const STYLE: &str = include_str!("../templates/live.css");

#[derive(Template)]
#[template(path = "live.html")]
struct Page<'a> {
    title: &'a str,
    policy: &'a str,
    style: &'static str,
    script: &'static str,
    runs: &'a [LiveRun],
    /// The run whose report is shown; none on the page that lists runs.
    shown: Option<&'a LiveRun>,
    is_one_of_several: bool,
}

/// The page of one run: where its fit stands, and its report from `report.html` beside it. Asks `state.json` beside it for
/// a list of one [`LiveRun`], and loads the report again where its version has changed.
///
/// # Errors
/// If the template cannot be filled in.
pub fn run_page(run: &LiveRun, is_one_of_several: bool) -> Result<LivePage, Error> {
    page(&run.name, std::slice::from_ref(run), Some(run), is_one_of_several)
}

/// The page that lists runs. Asks `state.json` beside it for the list.
///
/// # Errors
/// If the template cannot be filled in.
pub fn index_page(runs: &[LiveRun]) -> Result<LivePage, Error> {
    page("Runs", runs, None, false)
}

fn page(title: &str, runs: &[LiveRun], shown: Option<&LiveRun>, is_one_of_several: bool) -> Result<LivePage, Error> {
    let policy = policy();
    let page = Page { title, policy: &policy, style: STYLE, script: SCRIPT, runs, shown, is_one_of_several };
    Ok(LivePage { html: page.render()?, policy })
}

fn policy() -> String {
    let [script, style] = [SCRIPT, STYLE].map(inline::hash);
    format!(
        "default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; frame-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_stay_text_and_the_policy_admits_what_the_page_holds() {
        let name = "</script><script>alert('x')</script>".to_owned();
        let run = LiveRun { name: name.clone(), words: name.clone(), progress: name, ..LiveRun::default() };
        for page in [run_page(&run, true).unwrap(), index_page(&[run]).unwrap()] {
            assert!(!page.html.contains("<script>alert"), "{}", page.html);
            assert_eq!(page.html.matches("<script>").count(), 1);
            let of = |start: &str, end: &str| {
                let (_, rest) = page.html.split_once(start).unwrap();
                inline::hash(rest.split_once(end).unwrap().0)
            };
            assert!(page.policy.contains(&of("<script>", "</script>")));
            assert!(page.policy.contains(&of("<style>", "</style>")));
        }
    }
}
