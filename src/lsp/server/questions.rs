//! Questions about a text: hovers and actions.
//!
//! In come requests, out go answers from what the last check of the text has found.

use super::{Phase, Server};
use crate::config::FILE_NAME;
use crate::diagnostic::Diagnostic;
use crate::lsp::actions::{self, REASON};
use crate::lsp::documents;
use crate::lsp::project::Checked;
use crate::lsp::shown;
use crate::source::{FileId, Sources};
use lsp_server::{ErrorCode, Request};
use lsp_types::{CodeActionParams, HoverParams, Position, Range, Uri};
use serde_json::{Value, json};

impl Server {
    pub(super) fn question(&mut self, request: Request) {
        match self.reply(&request) {
            Some(Ok(result)) => self.answer(request.id, result),
            Some(Err(message)) => self.refuse(request.id, ErrorCode::InvalidParams, &message),
            None => self.waiting.push(request),
        }
    }

    pub(super) fn answer_waiting(&mut self) {
        for request in std::mem::take(&mut self.waiting) {
            if self.phase == Phase::Ending {
                self.refuse(request.id, ErrorCode::RequestCanceled, "the server ends");
            } else {
                self.question(request);
            }
        }
    }

    /// The answer to a question; none as long as a check of its text is to come.
    fn reply(&self, request: &Request) -> Option<Result<Value, String>> {
        let params = request.params.clone();
        Some(match &*request.method {
            "textDocument/hover" => match serde_json::from_value::<HoverParams>(params) {
                Err(error) => Err(error.to_string()),
                Ok(params) => {
                    let params = params.text_document_position_params;
                    Ok(self.hover(&params.text_document.uri, params.position)?)
                }
            },
            _ => match serde_json::from_value::<CodeActionParams>(params) {
                Err(error) => Err(error.to_string()),
                Ok(params) => Ok(self.actions(&params)?),
            },
        })
    }

    /// The last check of a text, with the file; the outer none: one is to come. The inner: there is none.
    fn current(&self, path: &str) -> Option<Option<(&Checked, FileId)>> {
        let Some(document) = self.documents.get(path) else {
            return Some(None);
        };
        let project = &self.projects[document.project];
        let Some(checked) = &project.checked else {
            return Some(None);
        };
        let mut files = checked.sources.ids().filter(|&file| {
            let source = checked.sources.file(file);
            path.ends_with(source.path.trim_start_matches("../")) && checked.path(file) == path
        });
        let file = files.next();
        let is_seen = file.is_some_and(|file| checked.sources.file(file).text == document.text);
        let running = self.running.as_ref().map(|running| running.project);
        let is_coming = project.due.is_some() || running == Some(document.project);
        match (file, is_seen, is_coming) {
            (Some(file), true, _) => Some(Some((checked, file))),
            (_, _, true) => None,
            _ => Some(None),
        }
    }

    /// The findings of a file whose place touches a range.
    fn findings<'c>(
        &self,
        checked: &'c Checked,
        file: FileId,
        range: Range,
    ) -> Vec<&'c Diagnostic> {
        let encoding = self.client.shows.encoding;
        let touches = |finding: &&Diagnostic| {
            let span = finding.primary().span;
            span.file == file && shown::touch(shown::place(&checked.sources, span, encoding), range)
        };
        checked.findings.iter().filter(touches).collect()
    }

    fn hover(&self, uri: &Uri, at: Position) -> Option<Value> {
        let Some(path) = documents::path(uri) else {
            return Some(Value::Null);
        };
        let Shown { text, range } = match self.named(&path, at) {
            Some(text) => Shown { text, range: None },
            None => {
                let Some((checked, file)) = self.current(&path)? else {
                    return Some(Value::Null);
                };
                let findings = self.findings(checked, file, Range::new(at, at));
                let encoding = self.client.shows.encoding;
                match shown::hover(&findings, &checked.sources, encoding) {
                    Some((text, range)) => Shown {
                        text,
                        range: Some(range),
                    },
                    None => return Some(Value::Null),
                }
            }
        };
        let kind = if self.client.shows.markdown {
            "markdown"
        } else {
            "plaintext"
        };
        let mut hover = json!({ "contents": { "kind": kind, "value": text } });
        if let Some(range) = range {
            hover["range"] = json!(range);
        }
        Some(hover)
    }

    /// The page of the rule that is named at a place of an open text.
    fn named(&self, path: &str, at: Position) -> Option<String> {
        let document = self.documents.get(path)?;
        let is_config = path.rsplit('/').next() == Some(FILE_NAME);
        shown::named_rule(&document.text, at, self.client.shows.encoding, is_config)
    }

    fn actions(&self, params: &CodeActionParams) -> Option<Value> {
        let wants_fixes = params.context.only.as_ref().is_none_or(|only| {
            only.iter()
                .any(|kind| matches!(kind.as_str(), "" | "quickfix"))
        });
        let Some(path) = documents::path(&params.text_document.uri) else {
            return Some(json!([]));
        };
        if !wants_fixes || !self.client.actions {
            return Some(json!([]));
        }
        let Some((checked, file)) = self.current(&path)? else {
            return Some(json!([]));
        };
        let address = |file: FileId| self.address(&checked.path(file));
        let mut all = Vec::new();
        for finding in self.findings(checked, file, params.range) {
            let diagnostic =
                shown::diagnostic(finding, &checked.sources, self.client.shows, &address);
            if let Some(fix) = &finding.fix {
                let edits = fix.edits.iter().map(|edit| {
                    let range =
                        documents::range(&checked.sources, edit.span, self.client.shows.encoding);
                    json!({ "range": range, "newText": edit.replacement })
                });
                all.push(json!({
                    "title": format!("tplint: {}", fix.title),
                    "kind": "quickfix",
                    "diagnostics": [diagnostic],
                    "isPreferred": true,
                    "edit": self.edit(&path, edits.collect())?,
                }));
            }
            if let Some(comment) = actions::suppression(finding, &checked.sources) {
                let source = checked.sources.file(file);
                let encoding = self.client.shows.encoding;
                let at = documents::position(source, comment.at, encoding);
                let edit = json!({ "range": Range::new(at, at), "newText": comment.text });
                let title = format!("tplint: suppress {} with a reason", finding.rule);
                let mut action = json!({
                    "title": title,
                    "kind": "quickfix",
                    "diagnostics": [diagnostic],
                    "edit": self.edit(&path, vec![edit])?,
                });
                if let Some(command) = &self.client.reason_command {
                    let mut text = source.text.to_string();
                    text.insert_str(comment.at as usize, &comment.text);
                    let range = reason_place(&text, comment.at as usize, encoding);
                    action["command"] = json!({
                        "title": title,
                        "command": command,
                        "arguments": [params.text_document.uri, range],
                    });
                }
                all.push(action);
            }
        }
        Some(Value::Array(all))
    }

    /// Edits of one file, for the version that is open.
    fn edit(&self, path: &str, edits: Vec<Value>) -> Option<Value> {
        let document = self.documents.get(path)?;
        let uri = document.uri.as_str();
        Some(match self.client.versions {
            true => json!({
                "documentChanges": [{
                    "textDocument": { "uri": uri, "version": document.version },
                    "edits": edits,
                }],
            }),
            false => json!({ "changes": { uri: edits } }),
        })
    }
}

/// A hover.
struct Shown {
    text: String,
    range: Option<Range>,
}

/// Where the reason is to be written, behind an offset.
fn reason_place(text: &str, from: usize, encoding: documents::Encoding) -> Option<Range> {
    let start = from + text.get(from..)?.find(REASON)?;
    let sources = Sources::new(vec![("text".into(), text.as_bytes().to_vec())]);
    let file = sources.file(FileId(0));
    let place = |at: usize| documents::position(file, at as u32, encoding);
    Some(Range::new(place(start), place(start + REASON.len())))
}
