//! As much of HTTP/1.1 (RFC 9112) as a browser on the same machine needs: one request a connection, GET and HEAD alone.

use std::io::{self, Read, Write};
use std::sync::Arc;

/// Bytes of a request; browsers send far fewer.
const MOST_BYTES: usize = 16 << 10;

/// Fields of a request's head.
const MOST_FIELDS: usize = 64;

/// Names of this machine that lead nowhere else. Another name in a request means that a page of another site had it resolve
/// to this machine (DNS rebinding). Any port: a tunnel has one of its own.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// The path, without a query.
    pub path: String,
    /// Whether the answer is to have no body.
    pub is_head: bool,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: Status,
    pub content_type: &'static str,
    /// Content security policy.
    pub policy: String,
    pub body: Arc<[u8]>,
}

/// Statuses of RFC 9110 that answers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    Found,
    BadRequest,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    TooLarge,
    Failed,
    Unavailable,
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::Found => "302 Found",
            Self::BadRequest => "400 Bad Request",
            Self::Forbidden => "403 Forbidden",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::TooLarge => "431 Request Header Fields Too Large",
            Self::Failed => "500 Internal Server Error",
            Self::Unavailable => "503 Service Unavailable",
        }
    }
}

impl Response {
    /// A sentence.
    pub fn text(status: Status, text: &str) -> Self {
        let body = format!("{text}\n").into_bytes().into();
        Self { status, content_type: "text/plain; charset=utf-8", policy: "default-src 'none'".to_owned(), body }
    }

    /// Sends the answer; `location` is where one that was found is.
    pub fn send(&self, stream: &mut impl Write, is_head: bool, location: Option<&str>) -> io::Result<()> {
        let mut head = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nContent-Security-Policy: {}\r\n",
            self.status.line(),
            self.content_type,
            self.body.len(),
            self.policy,
        );
        // Runs are nobody else's business: no copy is kept, and no other site may read, frame or learn of them.
        head += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n";
        head += "Cross-Origin-Resource-Policy: same-origin\r\nCross-Origin-Opener-Policy: same-origin\r\n";
        if self.status == Status::MethodNotAllowed {
            head += "Allow: GET, HEAD\r\n";
        }
        if let Some(location) = location {
            head += &format!("Location: {location}\r\n");
        }
        head += "Connection: close\r\n\r\n";
        stream.write_all(head.as_bytes())?;
        if !is_head {
            stream.write_all(&self.body)?;
        }
        stream.flush()
    }
}

/// Reads a request, or says what is to be answered to one that is not served; none if nobody asks.
pub fn read(stream: &mut impl Read) -> io::Result<Option<Result<Request, Response>>> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&buffer[..count]);
        if let Some(found) = parse(&bytes) {
            return Ok(Some(found));
        }
        if bytes.len() > MOST_BYTES {
            return Ok(Some(Err(Response::text(Status::TooLarge, "the request is too large"))));
        }
    }
}

/// The request in the bytes so far; none if it is not whole yet.
fn parse(bytes: &[u8]) -> Option<Result<Request, Response>> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(bytes) {
        Ok(httparse::Status::Partial) => None,
        Ok(httparse::Status::Complete(_)) => Some(check(&request)),
        Err(httparse::Error::TooManyHeaders) => Some(Err(Response::text(Status::TooLarge, "too many header fields"))),
        Err(error) => Some(Err(Response::text(Status::BadRequest, &format!("this is no request: {error}")))),
    }
}

fn check(request: &httparse::Request<'_, '_>) -> Result<Request, Response> {
    let refuse = |status, text| Err(Response::text(status, text));
    let mut hosts = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("host"));
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return refuse(Status::BadRequest, "a request needs one Host field");
    };
    if !std::str::from_utf8(host.value).is_ok_and(is_loopback) {
        return refuse(Status::Forbidden, "this server answers to 127.0.0.1 and localhost alone");
    }
    let is_head = match request.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => return refuse(Status::MethodNotAllowed, "this server shows runs, and takes nothing"),
    };
    match request.path {
        Some(target) if target.starts_with('/') => {
            let path = target.split('?').next().unwrap_or_default().to_owned();
            Ok(Request { path, is_head })
        }
        _ => refuse(Status::BadRequest, "the target of a request must be a path"),
    }
}

fn is_loopback(host: &str) -> bool {
    LOOPBACK.iter().any(|name| {
        let Some(start) = host.get(..name.len()) else { return false };
        let port = match &host[name.len()..] {
            "" => return start.eq_ignore_ascii_case(name),
            rest => rest.strip_prefix(':'),
        };
        start.eq_ignore_ascii_case(name)
            && port.is_some_and(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn status(request: &str) -> Result<Request, Status> {
        read(&mut request.as_bytes()).unwrap().unwrap().map_err(|response| response.status)
    }

    #[test]
    fn requests_from_this_machine_are_served_and_no_others() {
        let good = Request { path: "/1/".to_owned(), is_head: false };
        for host in ["127.0.0.1:4711", "localhost", "LOCALHOST:80", "[::1]:80"] {
            assert_eq!(status(&format!("GET /1/?x=2 HTTP/1.1\r\nhost: {host}\r\n\r\n")).as_ref(), Ok(&good));
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "localhost:",
            "localhost:80@evil",
            "é",
            "",
        ] {
            assert_eq!(status(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")), Err(Status::Forbidden), "{host}");
        }
        for (request, expected) in [
            ("GET / HTTP/1.1\r\n\r\n", Status::BadRequest),
            ("GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", Status::BadRequest),
            ("GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", Status::BadRequest),
            ("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", Status::MethodNotAllowed),
            ("\u{16}\u{3}\u{1}", Status::BadRequest),
        ] {
            assert_eq!(status(request), Err(expected), "{request}");
        }
        let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(40_000));
        assert_eq!(status(&long), Err(Status::TooLarge));
        // Who hangs up has asked nothing.
        assert!(read(&mut &b"GET / HT"[..]).unwrap().is_none());
    }
}
