//! Checks of projects: when one begins, how far it is, and what becomes of its outcome.
//!
//! In come due projects and outcomes, out go jobs and messages about their progress.

use super::{Bar, LEISURE, PATIENCE, Running, Server};
use crate::lsp::project::{Failure, Job, Outcome};
use lsp_types::{MessageType, Position, Range};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

impl Server {
    /// A running check of this project would find what is of no use any more. The first one goes on: the next ones rest
    /// on it.
    pub(super) fn outdated(&self, project: usize) {
        if let Some(running) = self
            .running
            .as_ref()
            .filter(|running| running.project == project)
            && self.projects[project].checked.is_some()
        {
            running.watch.stop();
        }
    }

    pub(super) fn start_job(&mut self, now: Instant) {
        let due = self.projects.iter().enumerate();
        let due = due.filter_map(|(number, project)| Some((project.due?, number)));
        let Some((_, number)) = due.filter(|(due, _)| *due <= now).min() else {
            return;
        };
        let texts = self
            .documents
            .iter()
            .filter(|(_, document)| document.project == number);
        let texts = texts
            .map(|(path, document)| (path.clone(), (document.version, Arc::clone(&document.text))))
            .collect();
        let project = &mut self.projects[number];
        project.due = None;
        self.last_job += 1;
        let running = Running {
            number: self.last_job,
            project: number,
            watch: Arc::default(),
            since: now,
            bar: if self.client.progress {
                Bar::Wanted
            } else {
                Bar::Off
            },
            percentage: None,
            reload: std::mem::take(&mut project.reload),
            saved: std::mem::take(&mut project.saved),
            changed: std::mem::take(&mut project.changed),
            whole: std::mem::take(&mut project.whole),
            is_cancelled: false,
        };
        let job = Job {
            number: running.number,
            project: number,
            home: project.home.clone(),
            texts,
            reload: running.reload,
            saved: running.saved,
            changed: running.changed.clone(),
            whole: running.whole,
            watch: Arc::clone(&running.watch),
        };
        self.running = Some(running);
        // The thread that analyses ends with this one only.
        let _ = self.jobs.send(job);
    }

    pub(super) fn show_progress(&mut self, now: Instant) {
        let Some(running) = &mut self.running else {
            return;
        };
        let is_first = self.projects[running.project].checked.is_none();
        match running.bar {
            Bar::Wanted if is_first || now.duration_since(running.since) > PATIENCE => {
                let token = json!({ "token": running.token() });
                let id = self.ask("window/workDoneProgress/create", token);
                if let Some(running) = &mut self.running {
                    running.bar = Bar::Asked(id);
                }
            }
            Bar::Open => {
                let (done, total) = running.watch.progress();
                let percentage = (total > 0).then(|| done.min(total) * 100 / total.max(1));
                if percentage.is_some() && percentage != running.percentage {
                    running.percentage = percentage;
                    let report = json!({
                        "token": running.token(),
                        "value": {
                            "kind": "report",
                            "message": format!("{done} of {total} modules"),
                            "percentage": percentage,
                        },
                    });
                    self.notify("$/progress", report);
                }
            }
            _ => {}
        }
    }

    pub(super) fn done(&mut self, outcome: Outcome, now: Instant) {
        let Some(running) = self
            .running
            .take_if(|running| running.number == outcome.number)
        else {
            return;
        };
        if running.bar == Bar::Open {
            let end = json!({ "token": running.token(), "value": { "kind": "end" } });
            self.notify("$/progress", end);
        }
        let project = &mut self.projects[outcome.project];
        if project.is_closed {
            return;
        }
        match outcome.result {
            Ok(checked) => {
                if !running.whole {
                    project.took = now.duration_since(running.since);
                }
                if checked.is_left && project.due.is_none() {
                    (project.due, project.whole) = (Some(now + LEISURE), true);
                }
                (project.trouble, project.told) = (None, None);
                let warnings = checked.warnings.clone();
                project.checked = Some(checked);
                for warning in warnings {
                    self.log(MessageType::WARNING, &warning);
                }
                self.publish(outcome.project);
            }
            Err(Failure::Stopped) => {
                project.reload |= running.reload;
                project.saved |= running.saved;
                project.changed.extend(running.changed);
                // Stopped by the user: the next change starts it again.
                if !running.is_cancelled {
                    project.due.get_or_insert(now);
                }
            }
            Err(Failure::Broken(message, place)) => {
                // The next check must not take what was read before for what is there.
                project.reload = true;
                project.trouble = place.map(|(path, line, column)| {
                    let start = Position::new(line.saturating_sub(1), column.saturating_sub(1));
                    let end = Position::new(start.line, start.character + 1);
                    let diagnostic = lsp_types::Diagnostic {
                        range: Range::new(start, end),
                        severity: Some(lsp_types::DiagnosticSeverity::ERROR),
                        source: Some("tplint".into()),
                        message: message.clone(),
                        ..lsp_types::Diagnostic::default()
                    };
                    (path, diagnostic)
                });
                if project.told.as_ref() != Some(&message) {
                    project.told = Some(message.clone());
                    let shown = json!({
                        "type": MessageType::ERROR,
                        "message": format!("tplint: {message}"),
                    });
                    self.notify("window/showMessage", shown);
                }
                self.publish(outcome.project);
            }
        }
    }
}
