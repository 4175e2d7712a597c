//! The main loop's state: what is open, what has been found, what is to be done next.
//!
//! In come events, one at a time; out go messages and jobs. Nothing here analyses or waits. A question about a text that
//! has changed since the last check is answered after the next one, and can be taken back until then.

mod checks;
mod editing;
mod questions;

use super::client::{self, Client};
use super::documents;
use super::project::{Checked, Home, Job, Outcome, home_of};
use super::shown;
use super::wire::{Incoming, Outgoing};
use crate::Watch;
use crate::config::FILE_NAME;
use crate::source::FileId;
use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::{MessageType, PublishDiagnosticsParams, Uri};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// How long nothing may be written before a text is looked at: a part of what a check takes, within these bounds.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// When what an edit only may have changed is looked at, if nothing more comes.
const LEISURE: Duration = Duration::from_millis(500);
/// A check that takes longer than this shows how far it is; the first one always does.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often it shows it.
const TICK: Duration = Duration::from_millis(250);

pub enum Event {
    Client(Incoming),
    Done(Outcome),
    /// Nobody reads what is written.
    Lost,
}

pub enum Step {
    GoOn,
    /// With the exit code of the process.
    End(u8),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Before `initialize`.
    New,
    Serving,
    /// After `shutdown`.
    Ending,
}

/// An open text.
struct Document {
    /// As the client writes it: clients compare addresses letter by letter.
    uri: Uri,
    version: i32,
    text: Arc<str>,
    project: usize,
}

struct Project {
    home: Home,
    /// When it is to be checked.
    due: Option<Instant>,
    reload: bool,
    saved: bool,
    changed: BTreeSet<String>,
    /// There is time to look at what an edit only may have changed.
    whole: bool,
    checked: Option<Checked>,
    /// What the client shows, by path.
    published: BTreeMap<String, (Uri, Vec<lsp_types::Diagnostic>)>,
    /// A configuration that is broken: its path, and what is shown there.
    trouble: Option<(String, lsp_types::Diagnostic)>,
    /// The last message that was told.
    told: Option<String>,
    /// Closed by the editor; its number stays.
    is_closed: bool,
    /// What the last check took.
    took: Duration,
}

#[derive(PartialEq, Eq)]
enum Bar {
    Off,
    Wanted,
    /// The client was asked, by the request of this number.
    Asked(RequestId),
    Open,
}

struct Running {
    number: u64,
    project: usize,
    watch: Arc<Watch>,
    since: Instant,
    bar: Bar,
    percentage: Option<u32>,
    /// What it was started for, to be done again if it is stopped.
    reload: bool,
    saved: bool,
    changed: BTreeSet<String>,
    whole: bool,
    /// The user has had enough.
    is_cancelled: bool,
}

impl Running {
    fn token(&self) -> String {
        format!("tplint/{}", self.number)
    }
}

pub struct Server {
    out: Sender<Outgoing>,
    jobs: Sender<Job>,
    phase: Phase,
    client: Client,
    /// By path.
    documents: BTreeMap<String, Document>,
    projects: Vec<Project>,
    running: Option<Running>,
    /// Questions that wait for a check.
    waiting: Vec<Request>,
    last_job: u64,
    last_request: i32,
}

impl Server {
    pub fn new(out: Sender<Outgoing>, jobs: Sender<Job>) -> Server {
        Server {
            out,
            jobs,
            phase: Phase::New,
            client: Client::default(),
            documents: BTreeMap::new(),
            projects: Vec::new(),
            running: None,
            waiting: Vec::new(),
            last_job: 0,
            last_request: 0,
        }
    }

    /// Lets the analysis end.
    pub fn stop(&self) {
        if let Some(running) = &self.running {
            running.watch.stop();
        }
    }

    /// How long nothing is to be done.
    pub fn wake_in(&self, now: Instant) -> Option<Duration> {
        match &self.running {
            Some(running) if running.bar == Bar::Wanted || running.bar == Bar::Open => Some(TICK),
            Some(_) => None,
            None => {
                let due = self
                    .projects
                    .iter()
                    .filter_map(|project| project.due)
                    .min()?;
                Some(due.saturating_duration_since(now))
            }
        }
    }

    pub fn handle(&mut self, event: Event, now: Instant) -> Step {
        match event {
            Event::Client(Incoming::Message(Message::Request(request))) => self.request(request),
            Event::Client(Incoming::Message(Message::Notification(notification))) => {
                return self.notification(notification, now);
            }
            Event::Client(Incoming::Message(Message::Response(response))) => {
                self.response(&response)
            }
            Event::Client(Incoming::Malformed(answer)) => self.send(Outgoing::Raw(answer)),
            Event::Client(Incoming::End) => return Step::End(self.exit_code()),
            Event::Done(outcome) => self.done(outcome, now),
            Event::Lost => return Step::End(1),
        }
        Step::GoOn
    }

    fn exit_code(&self) -> u8 {
        u8::from(self.phase != Phase::Ending)
    }

    /// Starts what is due, and shows how far the running check is.
    pub fn go_on(&mut self, now: Instant) {
        if self.phase == Phase::Serving {
            if self.running.is_none() {
                self.start_job(now);
            }
            self.show_progress(now);
        }
        self.answer_waiting();
    }

    // Messages out.

    fn send(&self, message: Outgoing) {
        // Where nobody reads any more, the writer tells it.
        let _ = self.out.send(message);
    }

    fn notify(&self, method: &str, params: impl Serialize) {
        let notification = Notification::new(method.into(), params);
        self.send(Outgoing::Message(notification.into()));
    }

    fn ask(&mut self, method: &str, params: Value) -> RequestId {
        self.last_request += 1;
        let id = RequestId::from(self.last_request);
        let request = Request::new(id.clone(), method.into(), params);
        self.send(Outgoing::Message(request.into()));
        id
    }

    fn answer(&self, id: RequestId, result: impl Serialize) {
        self.send(Outgoing::Message(Response::new_ok(id, result).into()));
    }

    fn refuse(&self, id: RequestId, code: ErrorCode, message: &str) {
        let response = Response::new_err(id, code as i32, message.into());
        self.send(Outgoing::Message(response.into()));
    }

    fn log(&self, kind: MessageType, message: &str) {
        let message = format!("tplint: {message}");
        self.notify(
            "window/logMessage",
            json!({ "type": kind, "message": message }),
        );
    }

    // Messages in.

    fn request(&mut self, request: Request) {
        let Request { id, method, params } = request;
        match (self.phase, &*method) {
            (Phase::New, "initialize") => {
                let (client, homes) = client::read(&params);
                self.client = client;
                self.projects = homes.into_iter().map(Project::new).collect();
                self.phase = Phase::Serving;
                self.answer(id, client::welcome(&self.client));
            }
            (Phase::New, _) => {
                self.refuse(
                    id,
                    ErrorCode::ServerNotInitialized,
                    "`initialize` comes first",
                );
            }
            (Phase::Serving, "shutdown") => {
                self.phase = Phase::Ending;
                self.stop();
                self.answer(id, Value::Null);
            }
            (Phase::Serving, "textDocument/hover" | "textDocument/codeAction") => {
                self.question(Request { id, method, params });
            }
            (Phase::Serving, "initialize") => {
                self.refuse(id, ErrorCode::InvalidRequest, "`initialize` comes once");
            }
            (Phase::Serving, _) => {
                let message = format!("`{method}` is not supported");
                self.refuse(id, ErrorCode::MethodNotFound, &message);
            }
            (Phase::Ending, _) => {
                self.refuse(
                    id,
                    ErrorCode::InvalidRequest,
                    "nothing comes after `shutdown`",
                );
            }
        }
    }

    fn response(&mut self, response: &Response) {
        let Some(running) = &mut self.running else {
            return;
        };
        if running.bar != Bar::Asked(response.id.clone()) {
            return;
        }
        if response.response_result.is_err() {
            running.bar = Bar::Off;
            return;
        }
        running.bar = Bar::Open;
        let begin = json!({
            "token": running.token(),
            "value": {
                "kind": "begin",
                "title": "tplint",
                "message": "reading",
                "cancellable": true,
            },
        });
        self.notify("$/progress", begin);
    }

    fn notification(&mut self, notification: Notification, now: Instant) -> Step {
        let Notification { method, params } = notification;
        if method == "exit" {
            return Step::End(self.exit_code());
        }
        if self.phase != Phase::Serving {
            return Step::GoOn;
        }
        match &*method {
            "initialized" => self.initialized(now),
            "textDocument/didOpen" => self.with(&method, params, |server, params| {
                server.opened(params, now);
            }),
            "textDocument/didChange" => self.with(&method, params, |server, params| {
                server.edited(params, now);
            }),
            "textDocument/didSave" => self.with(&method, params, |server, params| {
                server.saved(&params, now);
            }),
            "textDocument/didClose" => self.with(&method, params, |server, params| {
                server.closed(&params, now);
            }),
            "workspace/didChangeWatchedFiles" => self.with(&method, params, |server, params| {
                server.touched(params, now);
            }),
            "workspace/didChangeWorkspaceFolders" => {
                self.with(&method, params, |server, params| {
                    server.folders_changed(params, now);
                })
            }
            "window/workDoneProgress/cancel" => {
                if let Some(running) = &mut self.running
                    && params.get("token").and_then(Value::as_str) == Some(&running.token())
                {
                    running.is_cancelled = true;
                    running.watch.stop();
                }
            }
            "$/cancelRequest" => {
                let is_meant = |request: &Request| json!(request.id) == params["id"];
                if let Some(place) = self.waiting.iter().position(is_meant) {
                    let request = self.waiting.remove(place);
                    self.refuse(request.id, ErrorCode::RequestCanceled, "taken back");
                }
            }
            _ => {}
        }
        Step::GoOn
    }

    /// Reads the parameters; those that can't be read are told.
    fn with<P: DeserializeOwned>(
        &mut self,
        method: &str,
        params: Value,
        act: impl FnOnce(&mut Server, P),
    ) {
        match serde_json::from_value(params) {
            Ok(params) => act(self, params),
            Err(error) => self.log(
                MessageType::ERROR,
                &format!("`{method}` is not read: {error}"),
            ),
        }
    }

    fn initialized(&mut self, now: Instant) {
        if self.client.watches {
            self.ask("client/registerCapability", client::watchers());
        }
        // Who has configured tplint wants to see what it finds without opening a file first.
        for project in &mut self.projects {
            if Path::new(&project.home.folder).join(FILE_NAME).is_file() {
                project.due = Some(now);
            }
        }
    }

    /// Where the open projects are at home.
    fn homes(&self) -> Vec<Home> {
        let open = self.projects.iter().filter(|project| !project.is_closed);
        open.map(|project| project.home.clone()).collect()
    }

    /// Tells the client what is to be shown, file by file, as far as it has changed. A text that was changed since is
    /// left for the next check.
    fn publish(&mut self, number: usize) {
        let project = &self.projects[number];
        let mut shown: BTreeMap<String, Vec<lsp_types::Diagnostic>> = BTreeMap::new();
        if let Some(checked) = &project.checked {
            let homes = self.homes();
            let address = |file: FileId| self.address(&checked.path(file));
            for finding in &*checked.findings {
                let path = checked.path(finding.primary().span.file);
                // Of folders in one another the inner one tells of its files.
                if !project.home.is_loose && home_of(&path, &homes) != project.home {
                    continue;
                }
                let shows = self.client.shows;
                let diagnostic = shown::diagnostic(finding, &checked.sources, shows, &address);
                shown.entry(path).or_default().push(diagnostic);
            }
        }
        if let Some((path, diagnostic)) = &project.trouble {
            shown
                .entry(path.clone())
                .or_default()
                .push(diagnostic.clone());
        }
        let open = self
            .documents
            .iter()
            .filter(|(_, document)| document.project == number);
        let mut paths: BTreeSet<String> = open.map(|(path, _)| path.clone()).collect();
        paths.extend(shown.keys().cloned());
        paths.extend(project.published.keys().cloned());
        for path in paths {
            let document = self.documents.get(&path);
            let project = &self.projects[number];
            let versions = project.checked.as_ref().map(|checked| &checked.versions);
            let version = versions.and_then(|versions| versions.get(&path)).copied();
            if document.is_some_and(|document| version.is_some_and(|seen| seen != document.version))
            {
                continue;
            }
            let diagnostics = shown.remove(&path).unwrap_or_default();
            let before = project.published.get(&path);
            if document.is_none() && before.map_or(&[][..], |(_, before)| before) == diagnostics {
                continue;
            }
            let known = before.map(|(uri, _)| uri.clone());
            let Some(uri) = known
                .filter(|_| document.is_none())
                .or_else(|| self.address(&path))
            else {
                continue;
            };
            let version = document.map(|document| document.version);
            let params = PublishDiagnosticsParams::new(uri.clone(), diagnostics.clone(), version);
            self.notify("textDocument/publishDiagnostics", params);
            let published = &mut self.projects[number].published;
            if diagnostics.is_empty() {
                published.remove(&path);
            } else {
                published.insert(path, (uri, diagnostics));
            }
        }
    }

    /// The address of a file, in the client's own letters where it has it open.
    fn address(&self, path: &str) -> Option<Uri> {
        match self.documents.get(path) {
            Some(document) => Some(document.uri.clone()),
            None => documents::address(path),
        }
    }
}

impl Project {
    fn new(home: Home) -> Project {
        Project {
            home,
            due: None,
            reload: false,
            saved: false,
            changed: BTreeSet::new(),
            whole: false,
            checked: None,
            published: BTreeMap::new(),
            trouble: None,
            told: None,
            is_closed: false,
            took: Duration::ZERO,
        }
    }

    /// To be checked when nothing more comes for a while.
    fn is_changed(&mut self, now: Instant) {
        let pause = (self.took / 8).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        self.due = Some(now + pause);
        self.whole = false;
    }
}
