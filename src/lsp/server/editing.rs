//! What the user does in the editor: texts are opened, edited, saved and closed, files change, folders come and go.
//!
//! In come notifications, out go projects that are due for a check.

use super::{Document, Project, Server};
use crate::baseline;
use crate::config::FILE_NAME;
use crate::lsp::client;
use crate::lsp::documents::{self, lies_below};
use crate::lsp::project::{Home, home_of};
use crate::module::is_build_file;
use lsp_types::{
    DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidChangeWorkspaceFoldersParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams,
    FileChangeType, PublishDiagnosticsParams,
};
use std::time::Instant;

impl Server {
    pub(super) fn opened(&mut self, params: DidOpenTextDocumentParams, now: Instant) {
        let document = params.text_document;
        let Some(path) = documents::path(&document.uri) else {
            return;
        };
        let project = self.project_of(&path);
        self.projects[project].due = Some(now);
        self.documents.insert(
            path,
            Document {
                uri: document.uri,
                version: document.version,
                text: document.text.into(),
                project,
            },
        );
        self.outdated(project);
    }

    pub(super) fn edited(&mut self, params: DidChangeTextDocumentParams, now: Instant) {
        let encoding = self.client.shows.encoding;
        let path = documents::path(&params.text_document.uri);
        let Some(document) = path.and_then(|path| self.documents.get_mut(&path)) else {
            return;
        };
        let mut text = document.text.to_string();
        documents::change(&mut text, params.content_changes, encoding);
        document.text = text.into();
        document.version = params.text_document.version;
        let project = document.project;
        self.projects[project].is_changed(now);
        self.outdated(project);
    }

    pub(super) fn saved(&mut self, params: &DidSaveTextDocumentParams, now: Instant) {
        let path = documents::path(&params.text_document.uri);
        let Some(document) = path.and_then(|path| self.documents.get(&path)) else {
            return;
        };
        let project = &mut self.projects[document.project];
        project.saved = true;
        project.due = Some(now);
    }

    pub(super) fn closed(&mut self, params: &DidCloseTextDocumentParams, now: Instant) {
        let path = documents::path(&params.text_document.uri);
        let Some(document) = path.and_then(|path| self.documents.remove(&path)) else {
            return;
        };
        let project = document.project;
        let is_last = !self
            .documents
            .values()
            .any(|other| other.project == project);
        if is_last && self.projects[project].home.is_loose {
            self.close_project(project);
        } else {
            self.projects[project].due = Some(now);
            self.outdated(project);
        }
    }

    pub(super) fn touched(&mut self, params: DidChangeWatchedFilesParams, now: Instant) {
        for event in params.changes {
            let Some(path) = documents::path(&event.uri) else {
                continue;
            };
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
            let is_config = name == FILE_NAME;
            let decides = is_config
                || matches!(name, baseline::FILE_NAME | ".gitignore" | ".ignore")
                || is_build_file(&path);
            let is_open = self.documents.contains_key(&path);
            if !decides && is_open {
                continue;
            }
            for project in &mut self.projects {
                let home = &project.home.folder;
                let is_above = home == folder || lies_below(home, folder);
                let is_idle = project.checked.is_none() && project.due.is_none();
                if project.is_closed || !(lies_below(&path, home) || decides && is_above) {
                    continue;
                }
                // Nobody has asked about this folder so far, but who configures it does.
                if is_idle && project.trouble.is_none() && !(is_config && home == folder) {
                    continue;
                }
                if decides || event.typ != FileChangeType::CHANGED {
                    project.reload = true;
                } else {
                    project.changed.insert(path.clone());
                }
                project.is_changed(now);
            }
        }
        for project in 0..self.projects.len() {
            if self.projects[project].due.is_some() {
                self.outdated(project);
            }
        }
    }

    pub(super) fn folders_changed(
        &mut self,
        params: DidChangeWorkspaceFoldersParams,
        now: Instant,
    ) {
        let paths = |folders: Vec<lsp_types::WorkspaceFolder>| {
            let paths = folders
                .into_iter()
                .filter_map(|folder| documents::path(&folder.uri));
            paths.map(client::home).collect::<Vec<Home>>()
        };
        for home in paths(params.event.removed) {
            let found = |project: &Project| !project.is_closed && project.home == home;
            if let Some(project) = self.projects.iter().position(found) {
                self.close_project(project);
            }
        }
        for home in paths(params.event.added) {
            self.projects.push(Project::new(home));
        }
        let open: Vec<String> = self.documents.keys().cloned().collect();
        for path in open {
            let project = self.project_of(&path);
            let Some(document) = self.documents.get_mut(&path) else {
                continue;
            };
            let before = std::mem::replace(&mut document.project, project);
            if before == project {
                continue;
            }
            self.projects[project].due = Some(now);
            let is_left = !self.documents.values().any(|other| other.project == before);
            if is_left && self.projects[before].home.is_loose {
                self.close_project(before);
            } else if !self.projects[before].is_closed {
                self.projects[before].due = Some(now);
            }
        }
    }

    /// The project that a file belongs to; made where there is none.
    pub(super) fn project_of(&mut self, path: &str) -> usize {
        let home = home_of(path, &self.homes());
        let known = |project: &Project| !project.is_closed && project.home == home;
        match self.projects.iter().position(known) {
            Some(project) => project,
            None => {
                self.projects.push(Project::new(home));
                self.projects.len() - 1
            }
        }
    }

    pub(super) fn close_project(&mut self, number: usize) {
        if let Some(running) = self
            .running
            .as_ref()
            .filter(|running| running.project == number)
        {
            running.watch.stop();
        }
        let project = &mut self.projects[number];
        let published = std::mem::take(&mut project.published);
        *project = Project {
            is_closed: true,
            ..Project::new(project.home.clone())
        };
        for (uri, _) in published.into_values() {
            let params = PublishDiagnosticsParams::new(uri, Vec::new(), None);
            self.notify("textDocument/publishDiagnostics", params);
        }
    }
}
