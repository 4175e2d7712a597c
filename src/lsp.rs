//! The language server: `tplint lsp`.
//!
//! In come the protocol's messages on standard input, out go answers and diagnostics on standard output. One thread
//! reads, one writes, one analyses (`project`), and the one here keeps what the editor has open and decides what is
//! done when; it never waits for any of them. What is found, and under which configuration, is what the command line
//! finds and uses.

mod actions;
mod again;
mod client;
mod documents;
mod project;
mod server;
mod shown;
mod wire;

pub use project::Setup;

use server::{Event, Server, Step};
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long the last messages may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Serves until the client says `exit` or is gone; 0 where it has said `shutdown` before, else 1.
///
/// # Errors
/// No thread can be started.
pub fn serve(setup: Setup) -> Result<ExitCode, String> {
    let fail = |error: std::io::Error| format!("no thread can be started: {error}");
    let (events, received) = channel();
    let lost = events.clone();
    let (out, _) = wire::write(std::io::stdout(), move || {
        let _ = lost.send(Event::Lost);
    })
    .map_err(fail)?;
    let done = events.clone();
    let jobs = project::start(setup, move |outcome| {
        done.send(Event::Done(outcome)).is_ok()
    })
    .map_err(fail)?;
    std::thread::Builder::new()
        .name("reader".into())
        .spawn(move || {
            wire::read(std::io::stdin(), |incoming| {
                events.send(Event::Client(incoming)).is_ok()
            });
        })
        .map_err(fail)?;
    let mut server = Server::new(out, jobs);
    let code = loop {
        let event = match server.wake_in(Instant::now()) {
            Some(time) => match received.recv_timeout(time) {
                Ok(event) => Some(event),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break 1,
            },
            None => match received.recv() {
                Ok(event) => Some(event),
                Err(_) => break 1,
            },
        };
        // What has come together is looked at together: of ten changes only the last text is analysed.
        let mut step = Step::GoOn;
        for event in event.into_iter().chain(received.try_iter()) {
            step = server.handle(event, Instant::now());
            if let Step::End(_) = step {
                break;
            }
        }
        if let Step::End(code) = step {
            break code;
        }
        server.go_on(Instant::now());
    };
    server.stop();
    drop(server);
    // The writer says when all is written; a client that does not read is not waited for.
    let end = Instant::now() + LAST_WORDS;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        match received.recv_timeout(left) {
            Ok(Event::Lost) | Err(_) => break,
            Ok(_) => {}
        }
    }
    Ok(ExitCode::from(code))
}
