//! What the client is and can do: read from the parameters of `initialize`, without insisting on what is not needed.

use super::documents::{self, Encoding};
use super::project::Home;
use super::shown::Shows;
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionProviderCapability, HoverProviderCapability,
    InitializeResult, OneOf, PositionEncodingKind, SaveOptions, ServerCapabilities, ServerInfo,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions,
    TextDocumentSyncSaveOptions, Uri, WorkspaceFoldersServerCapabilities,
    WorkspaceServerCapabilities,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// A client.
#[derive(Default)]
pub struct Client {
    pub shows: Shows,
    /// Edits that name the version they are about.
    pub versions: bool,
    /// Actions that carry an edit.
    pub actions: bool,
    pub progress: bool,
    /// Tells of files that change on the disk when it is asked to.
    pub watches: bool,
    /// A command of the client that lets the user write over a range.
    pub reason_command: Option<String>,
}

/// Reads the parameters of `initialize`: the client, and the folders that are open.
pub fn read(params: &Value) -> (Client, Vec<Home>) {
    let can = |path: &str| {
        let value = params.pointer(&format!("/capabilities/{path}"));
        value.and_then(Value::as_bool).unwrap_or(false)
    };
    let list = |path: &str| -> Vec<String> {
        let value = params.pointer(&format!("/capabilities/{path}"));
        let items = value.and_then(Value::as_array).into_iter().flatten();
        items
            .filter_map(|item| Some(item.as_str()?.to_string()))
            .collect()
    };
    let encodings = list("general/positionEncodings").into_iter();
    let encodings: Vec<PositionEncodingKind> = encodings.map(PositionEncodingKind::from).collect();
    let has = |path: &str| {
        let value = params.pointer(&format!("/capabilities/{path}"));
        value.is_some_and(|value| !value.is_null() && *value != Value::Bool(false))
    };
    let client = Client {
        shows: Shows {
            encoding: Encoding::offered(&encodings),
            related: can("textDocument/publishDiagnostics/relatedInformation"),
            tags: has("textDocument/publishDiagnostics/tagSupport"),
            markdown: list("textDocument/hover/contentFormat")
                .iter()
                .any(|kind| kind == "markdown"),
        },
        versions: can("workspace/workspaceEdit/documentChanges"),
        actions: has("textDocument/codeAction/codeActionLiteralSupport"),
        progress: can("window/workDoneProgress"),
        watches: can("workspace/didChangeWatchedFiles/dynamicRegistration"),
        reason_command: params
            .pointer("/initializationOptions/reasonCommand")
            .and_then(|name| Some(name.as_str()?.to_string())),
    };
    (client, folders(params))
}

/// The folders: those of the workspace, else the one root.
fn folders(params: &Value) -> Vec<Home> {
    let uri = |value: &Value| {
        Uri::deserialize(value)
            .ok()
            .and_then(|uri| documents::path(&uri))
    };
    let named = params.get("workspaceFolders").and_then(Value::as_array);
    let mut paths: Vec<String> = match named {
        Some(folders) => folders
            .iter()
            .filter_map(|folder| uri(&folder["uri"]))
            .collect(),
        None => params.get("rootUri").and_then(uri).into_iter().collect(),
    };
    if named.is_none() && paths.is_empty() {
        paths.extend(
            params
                .get("rootPath")
                .and_then(|path| Some(path.as_str()?.replace('\\', "/"))),
        );
    }
    paths.into_iter().map(home).collect()
}

/// An open folder.
pub fn home(path: String) -> Home {
    let folder = path.trim_end_matches('/');
    Home {
        folder: if folder.is_empty() {
            "/".into()
        } else {
            folder.into()
        },
        is_loose: false,
    }
}

/// The answer to `initialize`.
pub fn welcome(client: &Client) -> Value {
    let capabilities = ServerCapabilities {
        position_encoding: Some(client.shows.encoding.kind()),
        text_document_sync: Some(TextDocumentSyncCapability::Options(
            TextDocumentSyncOptions {
                open_close: Some(true),
                change: Some(TextDocumentSyncKind::INCREMENTAL),
                save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions {
                    include_text: Some(false),
                })),
                ..TextDocumentSyncOptions::default()
            },
        )),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
            ..CodeActionOptions::default()
        })),
        workspace: Some(WorkspaceServerCapabilities {
            workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                supported: Some(true),
                change_notifications: Some(OneOf::Left(true)),
            }),
            file_operations: None,
        }),
        ..ServerCapabilities::default()
    };
    let result = InitializeResult {
        capabilities,
        server_info: Some(ServerInfo {
            name: "tplint".into(),
            version: Some(env!("CARGO_PKG_VERSION").into()),
        }),
    };
    serde_json::to_value(result).unwrap_or_default()
}

/// The files to be told of when they change on the disk: configurations, what says which sources make up a module, and
/// the sources.
pub fn watchers() -> Value {
    const FILES: [&str; 5] = [
        "**/{tplint.toml,tplint-baseline.json,.gitignore,.ignore}",
        "**/{CMakeLists.txt,Cargo.toml,meson.build,BUILD,SConscript,SConstruct,sources,SOURCES,dirs,DIRS}",
        "**/{Makefile,makefile,GNUmakefile,Makefile.*,premake5.lua,xmake.lua,wscript}",
        "**/*.{cmake,vcxproj,vcxitems,props,targets,sln,slnx,def,mk,pro,pri,gn,gni,bazel}",
        "**/*.{c,cc,cpp,cxx,h,hh,hpp,hxx,inl,ipp,ixx,cppm,tcc,rs}",
    ];
    let watchers: Vec<Value> = FILES
        .iter()
        .map(|glob| json!({ "globPattern": glob }))
        .collect();
    json!({
        "registrations": [{
            "id": "files",
            "method": "workspace/didChangeWatchedFiles",
            "registerOptions": { "watchers": watchers },
        }],
    })
}
