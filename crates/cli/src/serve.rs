//! `metacascade serve`: reports of runs in a browser on this machine, while their fits go on.

mod http;
mod pages;

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Response, Status};
use pages::Pages;

use crate::args::Serve;
use crate::error::Failed;

/// How long a browser may take to ask, or to take an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections that are served at once; browsers keep six.
const MOST_CONNECTIONS: usize = 32;

/// Serves runs until it is interrupted.
pub fn run(typed: &Serve) -> Result<(), Failed> {
    let pages = Pages::of(&typed.runs)?;
    // No other interface: whoever reaches this machine by its network is not served.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, typed.port)).map_err(|error| {
        let failed = Failed::usage(format!("cannot listen on port {} of this machine: {error}", typed.port));
        failed.help("choose another --port, or none")
    })?;
    let place = listener.local_addr().map_err(|error| Failed::Work(format!("cannot tell the port: {error}")))?;
    say!("serving {} on this machine alone; Ctrl-C ends it", pages.in_words());
    anstream::println!("http://{place}/");
    // A reader of a pipe is to know at once; nobody misses it if there is none.
    let _ = std::io::stdout().flush();
    let busy = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for stream in listener.incoming() {
            // Who could not be accepted has gone.
            let Ok(mut stream) = stream else { continue };
            if busy.fetch_add(1, Ordering::Relaxed) >= MOST_CONNECTIONS {
                busy.fetch_sub(1, Ordering::Relaxed);
                let _ = Response::text(Status::Unavailable, "too many connections").send(&mut stream, false, None);
                continue;
            }
            let (pages, shared) = (&pages, &busy);
            let thread = std::thread::Builder::new().spawn_scoped(scope, move || {
                // An answer that cannot be sent has nobody to take it.
                let _ = answer(pages, stream);
                shared.fetch_sub(1, Ordering::Relaxed);
            });
            if let Err(error) = thread {
                tracing::warn!(%error, "no thread for a request, which is dropped");
                busy.fetch_sub(1, Ordering::Relaxed);
            }
        }
    });
    Ok(())
}

fn answer(pages: &Pages, mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    match http::read(&mut stream)? {
        None => Ok(()),
        Some(Err(refusal)) => {
            tracing::debug!(status = ?refusal.status, "request refused");
            refusal.send(&mut stream, false, None)
        }
        Some(Ok(request)) => {
            let (response, location) = pages.answer(&request.path);
            tracing::debug!(path = ?request.path, status = ?response.status, "request answered");
            response.send(&mut stream, request.is_head, location)
        }
    }
}
