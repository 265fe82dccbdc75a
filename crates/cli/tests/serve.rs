//! Runs in a browser: what is served, to whom, and while fits go on.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn metacascade(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_metacascade"));
    command.args(arguments).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    command
}

fn fit(run: &Path, arguments: &[&str]) -> Running {
    let mut command = metacascade(&["fit", "datasets/sw620-switching", "--method", "abc-smc", "--quiet"]);
    command.args(arguments).arg("-o").arg(run).stdout(Stdio::null()).stderr(Stdio::null());
    Running(command.spawn().unwrap())
}

/// A server of runs, and its place such as `127.0.0.1:4711`.
fn serve(runs: &[&Path]) -> (Running, String) {
    let mut command = metacascade(&["serve", "--port", "0"]);
    let mut server = Running(command.args(runs).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let place = line.trim().strip_prefix("http://").and_then(|line| line.strip_suffix('/')).unwrap().to_owned();
    assert!(place.starts_with("127.0.0.1:"), "{place}");
    (server, place)
}

/// Head and body of the answer to a request.
fn ask(place: &str, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(place).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn get(place: &str, path: &str) -> (String, String) {
    ask(place, &format!("GET {path} HTTP/1.1\r\nHost: {place}\r\n\r\n"))
}

/// The state of the first run.
fn state(place: &str) -> Value {
    let (head, body) = get(place, "/1/state.json");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("application/json"), "{head}");
    serde_json::from_str::<Value>(&body).unwrap()[0].clone()
}

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(120), "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_fit_that_goes_on_is_shown_from_its_beginning() {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("going");
    let mut going = fit(&run, &["--population", "4000", "--max-simulations", "4000000"]);
    wait("the beginning", || place.path().join(".going.partial/settings.toml").exists());
    let (_server, at) = serve(&[&run]);
    // Nothing is complete, and the page says so in words; or it already is, on a fast machine.
    let begun = state(&at);
    assert_eq!(begun["is_done"], false);
    if begun["is_readable"] == false {
        assert!(begun["words"].as_str().unwrap().contains("no generation is complete yet"), "{begun}");
        let (_, page) = get(&at, "/1/");
        assert!(page.contains("It appears here by itself"), "{page}");
        assert!(get(&at, "/1/report.html").0.starts_with("HTTP/1.1 404 "));
    }
    wait("the first generation", || state(&at)["is_readable"] == true);
    let first = state(&at);
    assert!(first["words"].as_str().unwrap().contains("under way"), "{first}");
    // The run has no report yet: it is made of the last complete generation.
    assert!(!run.join("report.html").exists());
    let (head, page) = get(&at, "/1/report.html");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(page.contains("k_AB") && page.contains("The fit has not come to its end"));
    wait("the next generation", || state(&at)["version"] != first["version"]);
    wait("a word of progress", || state(&at)["progress"].as_str().is_some_and(|line| line.contains("gen")));
    // Cut off: what was complete stays, and how to go on is told.
    going.0.kill().unwrap();
    going.0.wait().unwrap();
    let cut = state(&at);
    assert!(cut["words"].as_str().unwrap().contains("--resume"), "{cut}");
    assert_eq!((&cut["is_readable"], &cut["is_done"]), (&Value::Bool(true), &Value::Bool(false)));
}

#[test]
fn named_runs_are_served_to_this_machine_and_nothing_else_is() {
    let place = tempfile::tempdir().unwrap();
    let (one, two) = (place.path().join("one"), place.path().join("two <b>"));
    for run in [&one, &two] {
        let mut fitted = fit(run, &["--population", "100", "--max-simulations", "2000"]);
        assert!(fitted.0.wait().unwrap().success());
    }
    let (_server, at) = serve(&[&one, &two]);
    // All runs, and each.
    let (head, list) = get(&at, "/");
    assert!(head.contains("script-src 'sha256-") && head.contains("frame-ancestors 'none'"), "{head}");
    assert!(list.contains("href=\"/1/\"") && list.contains("href=\"/2/\"") && !list.contains("two <b>"), "{list}");
    assert!(list.contains("The fit is done."), "{list}");
    let (head, page) = get(&at, "/2/");
    assert!(head.starts_with("HTTP/1.1 200 ") && page.contains("<iframe"), "{page}");
    let (head, report) = get(&at, "/2/report.html?x=1");
    assert!(head.contains("default-src 'none'") && head.contains("frame-ancestors 'self'"), "{head}");
    assert!(report.contains("k_AB"));
    let (head, body) = ask(&at, &format!("HEAD /1/report.html HTTP/1.1\r\nHost: {at}\r\n\r\n"));
    assert!(head.starts_with("HTTP/1.1 200 ") && body.is_empty());
    // No path leads into the file system, of the runs neither.
    for path in [
        "/1/settings.toml",
        "/1/../../etc/passwd",
        "/../../../../etc/passwd",
        "/1/%2e%2e/%2e%2e/etc/passwd",
        "/1//etc/passwd",
        "/1/problem/problem.yaml",
        "/0/",
        "/3/",
        "/01/",
        "/1",
        "/+1/",
        "/99999999999999999999/",
    ] {
        let (head, body) = get(&at, path);
        assert!(head.starts_with("HTTP/1.1 404 "), "{path}: {head}");
        assert_eq!(body, "there is no such page\n", "{path}");
    }
    // Nor under another name of this machine, or by another method.
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403"),
        ("GET /1/report.html HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", "403"),
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", "405"),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let (head, _) = ask(&at, request);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {head}");
    }
    let (_server, at) = serve(&[&one]);
    assert!(get(&at, "/").0.contains("Location: /1/"));
}

#[test]
fn folders_that_are_no_runs_are_refused() {
    let output = metacascade(&["serve", "datasets/sw620-switching"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("is not a run") && error.contains("metacascade fit"), "{error}");
}
