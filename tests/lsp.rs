//! `tplint lsp` as an editor meets it: a scripted client and the real binary.

#[path = "lsp/neovim.rs"]
mod neovim;
#[path = "lsp/session.rs"]
mod session;

use serde_json::{Value, json};
use session::{Session, applied, capabilities, folder};
use std::time::Duration;

/// A DLL that waits in DllMain, with `//A` before the wait.
const WAITS: &str = r#"#include <windows.h>
static HANDLE g_thread;
static DWORD WINAPI Work(LPVOID context)
{
    return 0;
}
BOOL APIENTRY DllMain(HMODULE module, DWORD reason, LPVOID reserved)
{
    if (reason == DLL_PROCESS_ATTACH)
        g_thread = CreateThread(NULL, 0, Work, NULL, 0, NULL);
    if (reason == DLL_PROCESS_DETACH)
        //AWaitForSingleObject(g_thread, INFINITE);
    return TRUE;
}
"#;

/// A thread that frees its DLL and returns into it: this has a fix.
const FREES: &str = r#"#include <windows.h>
static HMODULE g_self;
static DWORD WINAPI Work(LPVOID context)
{
    Sleep(10);
    FreeLibrary(g_self);
    return 0;
}
__declspec(dllexport) void Start(void)
{
    HANDLE thread;
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (LPCWSTR)Work, &g_self);
    thread = CreateThread(NULL, 0, Work, NULL, 0, NULL);
    CloseHandle(thread);
}
"#;

fn waits(lead: &str) -> String {
    WAITS.replace("//A", lead)
}

fn codes(diagnostics: &[Value]) -> Vec<&str> {
    diagnostics
        .iter()
        .map(|found| found["code"].as_str().unwrap_or(""))
        .collect()
}

/// Line and column of both ends.
fn place(diagnostic: &Value) -> [u64; 4] {
    [
        "/range/start/line",
        "/range/start/character",
        "/range/end/line",
        "/range/end/character",
    ]
    .map(|path| diagnostic.pointer(path).unwrap().as_u64().unwrap())
}

fn at(uri: &str, line: u64, character: u64) -> Value {
    json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } })
}

fn actions_at(session: &mut Session, path: &str, line: u64) -> Vec<Value> {
    let range = json!({ "start": { "line": line, "character": 10 }, "end": { "line": line, "character": 10 } });
    let params = json!({
        "textDocument": { "uri": session.uri(path) },
        "range": range,
        "context": { "diagnostics": [] },
    });
    let answer = session.request("textDocument/codeAction", params);
    answer["result"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer}"))
        .clone()
}

#[test]
fn a_finding_is_shown_with_its_path_and_its_page() {
    let demo = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let read = |name: &str| std::fs::read_to_string(demo.join(name)).unwrap();
    let texts =
        ["CMakeLists.txt", "dllmain.cpp", "worker.cpp", "worker.h"].map(|name| (name, read(name)));
    let files: Vec<(&str, &str)> = texts
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    let root = folder("shown", &files);
    let mut session = Session::open(&root, &[], capabilities());
    // Files that are not open are told of, too.
    session.did_open("dllmain.cpp", &read("dllmain.cpp"));
    let found = session.diagnostics("worker.cpp", None);
    let finding = &found[0];
    assert_eq!(codes(&found)[0], "wait_in_dll_main");
    assert_eq!(place(finding), [14, 4, 14, 42]);
    assert_eq!(
        (&finding["severity"], &finding["source"]),
        (&json!(1), &json!("tplint"))
    );
    let href = finding["codeDescription"]["href"].as_str().unwrap();
    assert!(href.starts_with("https://learn.microsoft.com/"), "{href}");
    let message = finding["message"].as_str().unwrap();
    assert!(
        message.contains("waits for a thread to end")
            && message.contains("\nhelp: stop the thread"),
        "{message}"
    );
    let related: Vec<(String, String)> = finding["relatedInformation"]
        .as_array()
        .unwrap()
        .iter()
        .map(|place| {
            let uri = place["location"]["uri"].as_str().unwrap();
            let name = uri.rsplit('/').next().unwrap().to_string();
            (
                name,
                place["message"].as_str().unwrap().chars().take(3).collect(),
            )
        })
        .collect();
    let expected = [
        ("worker.cpp", "blo"),
        ("dllmain.cpp", "A1."),
        ("dllmain.cpp", "A2."),
        ("worker.cpp", "B1."),
        ("worker.cpp", "B2."),
    ];
    assert_eq!(
        related,
        expected.map(|(name, text)| (name.to_string(), text.to_string()))
    );
    // The same findings as on the command line.
    let mine = session.diagnostics("dllmain.cpp", None);
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_tplint"))
        .args(["--format", "json", "."])
        .current_dir(&root)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&run.stdout).unwrap();
    let reported = report["findings"].as_array().unwrap().iter();
    let mut reported: Vec<String> = reported
        .map(|finding| format!("{}:{}", finding["line"], finding["rule"]))
        .collect();
    let shown = found.iter().chain(&mine);
    let mut shown: Vec<String> = shown
        .map(|finding| format!("{}:{}", place(finding)[0] + 1, finding["code"]))
        .collect();
    reported.sort();
    shown.sort();
    assert_eq!(shown, reported);

    let uri = session.uri("dllmain.cpp");
    let [line, column, ..] = place(&mine[0]);
    let hover = session.request("textDocument/hover", at(&uri, line, column + 1));
    let text = hover["result"]["contents"]["value"].as_str().unwrap();
    let rule = codes(&mine)[0];
    assert!(
        text.contains(&format!("# {rule}\n")) && text.contains("## Not flagged"),
        "{text}"
    );
    assert_eq!(hover["result"]["range"], mine[0]["range"]);
    let nothing = session.request("textDocument/hover", at(&uri, 0, 0));
    assert_eq!(nothing["result"], Value::Null);
    assert_eq!(session.end(), 0);
}

#[test]
fn unsaved_text_is_what_counts_and_columns_are_those_agreed_on() {
    let root = folder("unsaved", &[("a.cpp", "int a;\n")]);
    for (encodings, column) in [
        (json!(["utf-16"]), 19),
        (json!(null), 19),
        (json!(["utf-8"]), 22),
        (json!(["x", "utf-32"]), 18),
    ] {
        let mut session = Session::start(&root, &[]);
        let mut can = capabilities();
        can["general"]["positionEncodings"] = encodings.clone();
        let welcome = session.hello(can);
        let agreed = encodings.as_array().and_then(|all| all.last()).cloned();
        assert_eq!(
            welcome["capabilities"]["positionEncoding"],
            agreed.unwrap_or("utf-16".into())
        );
        session.did_open("a.cpp", "int a;\n");
        assert!(session.diagnostics("a.cpp", Some(1)).is_empty());
        // A letter of two UTF-16 units and one of two bytes, before the finding in its line.
        let text = waits("/* \u{1F600}\u{E9} */  ").replace('\n', "\r\n");
        session.did_change("a.cpp", 2, json!([{ "text": text }]));
        let found = session.diagnostics("a.cpp", Some(2));
        assert_eq!(codes(&found), ["wait_in_dll_main"]);
        assert_eq!(
            place(&found[0]),
            [11, column, 11, column + 39],
            "{encodings}"
        );
        // Nothing of it is on the disk, and what is saved there is not what is open.
        assert_eq!(
            std::fs::read_to_string(root.join("a.cpp")).unwrap(),
            "int a;\n"
        );
        session.did_save("a.cpp");
        assert_eq!(
            codes(&session.diagnostics("a.cpp", Some(2))),
            ["wait_in_dll_main"]
        );
        // A closed file is what the disk says.
        let uri = session.uri("a.cpp");
        session.notify(
            "textDocument/didClose",
            json!({ "textDocument": { "uri": uri } }),
        );
        assert!(session.diagnostics("a.cpp", None).is_empty());
        assert_eq!(session.end(), 0);
    }
}

#[test]
fn edits_in_part_are_followed() {
    let root = folder("parts", &[]);
    let text = waits("");
    std::fs::write(root.join("a.cpp"), &text).unwrap();
    let mut session = Session::open(&root, &[], capabilities());
    session.did_open("a.cpp", &text);
    let found = session.diagnostics("a.cpp", Some(1));
    assert_eq!(place(&found[0])[..2], [11, 8]);
    let insert = |line: u64, character: u64, text: &str| {
        let place = json!({ "line": line, "character": character });
        json!({ "range": { "start": place, "end": place }, "text": text })
    };
    // Two in one message, the second seen from what the first has made.
    session.did_change(
        "a.cpp",
        2,
        json!([
            insert(0, 0, "// \u{1F600}\n"),
            insert(12, 8, "/* \u{1F600} */ ")
        ]),
    );
    let found = session.diagnostics("a.cpp", Some(2));
    assert_eq!(place(&found[0])[..2], [12, 17]);
    // With a time that is zero nothing is waited for.
    let infinite =
        json!({ "start": { "line": 12, "character": 47 }, "end": { "line": 12, "character": 55 } });
    session.did_change("a.cpp", 3, json!([{ "range": infinite, "text": "0" }]));
    assert!(session.diagnostics("a.cpp", Some(3)).is_empty());
    assert_eq!(session.end(), 0);
}

#[test]
fn fixes_and_suppressions_can_be_applied() {
    for (name, line_end) in [("unix", "\n"), ("windows", "\r\n")] {
        let root = folder(&format!("actions-{name}"), &[]);
        let text = FREES.replace('\n', line_end);
        std::fs::write(root.join("a.c"), &text).unwrap();
        let mut session = Session::open(&root, &[], capabilities());
        session.did_open("a.c", &text);
        assert_eq!(
            codes(&session.diagnostics("a.c", Some(1))),
            ["free_library_then_return"]
        );
        let actions = actions_at(&mut session, "a.c", 5);
        assert_eq!(actions.len(), 2, "{actions:#?}");
        assert!(actions.iter().all(|action| action["kind"] == "quickfix"
            && action["diagnostics"][0]["code"] == "free_library_then_return"));
        assert!(actions_at(&mut session, "a.c", 1).is_empty());
        let edits = |action: &Value| {
            let change = &action["edit"]["documentChanges"][0];
            assert_eq!(change["textDocument"]["version"], 1);
            change["edits"].as_array().unwrap().clone()
        };
        let fixed = applied(&text, &edits(&actions[0]));
        assert_eq!(actions[0]["isPreferred"], true);
        let body =
            "    Sleep(10);\n    FreeLibraryAndExitThread(g_self, 0);\n}\n".replace('\n', line_end);
        assert!(fixed.contains(&body), "{fixed}");
        session.did_change("a.c", 2, json!([{ "text": fixed }]));
        assert!(session.diagnostics("a.c", Some(2)).is_empty());

        let suppressed = applied(&text, &edits(&actions[1]));
        let comment = "    /* tplint: allow(free_library_then_return) TODO: say why this is no hazard here */\n    FreeLibrary(g_self);\n";
        assert!(
            suppressed.contains(&comment.replace('\n', line_end)),
            "{suppressed}"
        );
        session.did_change("a.c", 3, json!([{ "text": suppressed }]));
        assert!(session.diagnostics("a.c", Some(3)).is_empty());
        // The name in the comment leads to the page.
        let hover = {
            let uri = session.uri("a.c");
            session.request("textDocument/hover", at(&uri, 5, 30))
        };
        let page = hover["result"]["contents"]["value"].as_str().unwrap();
        assert!(page.starts_with("# free_library_then_return\n"), "{page}");
        // Only what is asked for.
        let params = json!({
            "textDocument": { "uri": session.uri("a.c") },
            "range": { "start": { "line": 5, "character": 0 }, "end": { "line": 7, "character": 0 } },
            "context": { "diagnostics": [], "only": ["refactor"] },
        });
        let answer = session.request("textDocument/codeAction", params);
        assert_eq!(answer["result"], json!([]));
        assert_eq!(session.end(), 0);
    }
}

#[test]
fn the_reason_can_be_written_at_once_where_the_client_knows_how() {
    let root = folder("reason", &[("a.cpp", &waits(""))]);
    let mut session = Session::start(&root, &[]);
    let mut can = capabilities();
    can["workspace"]["workspaceEdit"]["documentChanges"] = json!(false);
    let params = json!({
        "capabilities": can,
        "rootUri": session::uri(&root),
        "initializationOptions": { "reasonCommand": "write" },
    });
    session.request("initialize", params);
    session.notify("initialized", json!({}));
    session.did_open("a.cpp", &waits(""));
    session.diagnostics("a.cpp", Some(1));
    let actions = actions_at(&mut session, "a.cpp", 11);
    let [action] = &actions[..] else {
        panic!("{actions:#?}")
    };
    assert_eq!(action["command"]["command"], "write");
    let uri = session.uri("a.cpp");
    assert_eq!(action["command"]["arguments"][0], uri.as_str());
    let text = applied(
        &waits(""),
        action["edit"]["changes"][&uri].as_array().unwrap(),
    );
    let range = &action["command"]["arguments"][1];
    let (start, end) = (&range["start"], &range["end"]);
    assert_eq!((&start["line"], &end["line"]), (&json!(11), &json!(11)));
    let line = text.lines().nth(11).unwrap();
    let columns =
        start["character"].as_u64().unwrap() as usize..end["character"].as_u64().unwrap() as usize;
    assert_eq!(&line[columns], "TODO: say why this is no hazard here");
    assert_eq!(session.end(), 0);
}

#[test]
fn the_configuration_is_that_of_the_command_line_and_is_followed() {
    let root = folder(
        "configuration",
        &[
            ("src/a.cpp", &waits("")),
            ("tplint.toml", "[rules]\nwait_in_dll_main = \"warn\"\n"),
        ],
    );
    let mut session = Session::open(&root, &[], capabilities());
    // Configured: checked before a file is open.
    let found = session.diagnostics("src/a.cpp", None);
    assert_eq!(
        (codes(&found), &found[0]["severity"]),
        (vec!["wait_in_dll_main"], &json!(2))
    );
    session.did_open("src/a.cpp", &waits(""));
    session.diagnostics("src/a.cpp", Some(1));
    let registered = session.wait("a registration", |message| {
        message["method"] == "client/registerCapability"
    });
    assert!(registered.to_string().contains("tplint.toml"));

    let change = |session: &mut Session, text: &str| {
        std::fs::write(root.join("tplint.toml"), text).unwrap();
        let uri = session.uri("tplint.toml");
        session.notify(
            "workspace/didChangeWatchedFiles",
            json!({ "changes": [{ "uri": uri, "type": 2 }] }),
        );
    };
    change(&mut session, "[rules]\nwait_in_dll_main = \"allow\"\n");
    assert!(session.diagnostics("src/a.cpp", Some(1)).is_empty());

    // A broken one is shown where it is broken, what was found stays, and the mended one takes the message away.
    change(&mut session, "[rules]\nwait_in_dllmain = \"deny\"\n");
    let trouble = session.diagnostics("tplint.toml", None);
    assert_eq!(place(&trouble[0])[..2], [1, 0], "{trouble:?}");
    assert!(
        trouble[0]["message"]
            .as_str()
            .unwrap()
            .contains("wait_in_dll_main"),
        "{trouble:?}"
    );
    let told = session.wait("a message", |message| {
        message["method"] == "window/showMessage"
    });
    let told = told["params"]["message"].as_str().unwrap();
    assert!(told.starts_with("tplint: tplint.toml:2:1: "), "{told}");
    assert!(!told.contains(root.to_str().unwrap()), "{told}");
    change(&mut session, "");
    assert!(session.diagnostics("tplint.toml", None).is_empty());
    session.seen.clear();

    // A client that does not watch files: saving one looks at the configuration, too.
    std::fs::write(
        root.join("tplint.toml"),
        "exclude = [\"other/\"]\n[rules]\nwait_in_dll_main = \"allow\"\n",
    )
    .unwrap();
    session.did_save("src/a.cpp");
    assert!(session.diagnostics("src/a.cpp", Some(1)).is_empty());
    assert_eq!(session.end(), 0);
}

#[test]
fn flags_and_baselines_count() {
    let root = folder("flags", &[("a.cpp", &waits(""))]);
    let command = |arguments: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_tplint"))
            .args(arguments)
            .current_dir(&root)
            .output()
            .unwrap()
    };
    let shown = |arguments: &[&str]| {
        let mut session = Session::open(&root, arguments, capabilities());
        session.did_open("a.cpp", &waits(""));
        let found = session.diagnostics("a.cpp", Some(1));
        assert_eq!(session.end(), 0);
        codes(&found).join(" ")
    };
    assert_eq!(shown(&["--stdio"]), "wait_in_dll_main");
    assert_eq!(shown(&["-A", "wait_in_dll_main"]), "");
    assert!(command(&["baseline", "write"]).status.success());
    assert_eq!(shown(&[]), "");
    assert_eq!(shown(&["--no-baseline"]), "wait_in_dll_main");
}

#[test]
fn files_come_and_go() {
    let root = folder("files", &[("a.cpp", "int a;\n")]);
    let mut session = Session::open(&root, &[], capabilities());
    // One that is not on the disk yet.
    session.did_open("new.cpp", &waits(""));
    assert_eq!(
        codes(&session.diagnostics("new.cpp", Some(1))),
        ["wait_in_dll_main"]
    );
    let uri = session.uri("new.cpp");
    session.notify(
        "textDocument/didClose",
        json!({ "textDocument": { "uri": uri } }),
    );
    assert!(session.diagnostics("new.cpp", None).is_empty());
    // One that is written by somebody else.
    let told = |session: &mut Session, kind: u32| {
        let uri = session.uri("a.cpp");
        session.notify(
            "workspace/didChangeWatchedFiles",
            json!({ "changes": [{ "uri": uri, "type": kind }] }),
        );
    };
    std::fs::write(root.join("a.cpp"), waits("")).unwrap();
    told(&mut session, 2);
    assert_eq!(
        codes(&session.diagnostics("a.cpp", None)),
        ["wait_in_dll_main"]
    );
    std::fs::remove_file(root.join("a.cpp")).unwrap();
    told(&mut session, 3);
    assert!(session.diagnostics("a.cpp", None).is_empty());
    // One that is left out: silence, as on the command line.
    std::fs::write(root.join(".gitignore"), "gen/\n").unwrap();
    session.did_open("gen/b.cpp", &waits(""));
    session.diagnostics("gen/b.cpp", Some(1));
    // One outside of all folders, and then the folder round it.
    let outside = folder("files-outside", &[(".git/HEAD", ""), ("b.cpp", &waits(""))]);
    let uri = session::uri(&outside.join("b.cpp"));
    let document = json!({ "uri": uri, "languageId": "cpp", "version": 7, "text": waits("") });
    session.notify("textDocument/didOpen", json!({ "textDocument": document }));
    session.root = outside.clone();
    assert_eq!(
        codes(&session.diagnostics("b.cpp", Some(7))),
        ["wait_in_dll_main"]
    );
    let folders = json!([{ "uri": session::uri(&outside), "name": "b" }]);
    session.notify(
        "workspace/didChangeWorkspaceFolders",
        json!({ "event": { "added": folders, "removed": [] } }),
    );
    assert!(session.diagnostics("b.cpp", None).is_empty());
    assert_eq!(
        codes(&session.diagnostics("b.cpp", Some(7))),
        ["wait_in_dll_main"]
    );
    session.notify(
        "workspace/didChangeWorkspaceFolders",
        json!({ "event": { "added": [], "removed": folders } }),
    );
    assert!(session.diagnostics("b.cpp", None).is_empty());
    assert_eq!(
        codes(&session.diagnostics("b.cpp", Some(7))),
        ["wait_in_dll_main"]
    );
    assert_eq!(session.end(), 0);
}

#[test]
fn without_a_folder_open_files_are_shown_alone() {
    let text = waits("");
    let files = [
        ("x/a.cpp", &*text),
        ("y/b.cpp", &*text),
        ("tplint.toml", ""),
    ];
    let root = folder("loose", &files);
    let mut session = Session::start(&root, &[]);
    let params = json!({ "capabilities": capabilities(), "rootUri": null });
    session.request("initialize", params);
    session.notify("initialized", json!({}));
    session.did_open("x/a.cpp", &text);
    assert_eq!(
        codes(&session.diagnostics("x/a.cpp", Some(1))),
        ["wait_in_dll_main"]
    );
    session.listen(Duration::from_millis(200));
    let other = session.uri("y/b.cpp");
    assert!(
        !session
            .seen
            .iter()
            .any(|message| message["params"]["uri"] == *other)
    );
    session.did_open("y/b.cpp", &text);
    assert_eq!(
        codes(&session.diagnostics("y/b.cpp", Some(1))),
        ["wait_in_dll_main"]
    );
    // Closed, it is of no interest any more; the other one is.
    session.notify(
        "textDocument/didClose",
        json!({ "textDocument": { "uri": other } }),
    );
    assert!(session.diagnostics("y/b.cpp", None).is_empty());
    session.seen.clear();
    session.did_change("x/a.cpp", 2, json!([{ "text": "int a;\n" }]));
    assert!(session.diagnostics("x/a.cpp", Some(2)).is_empty());
    assert_eq!(session.end(), 0);
}

/// Sources that take a while: many functions that lead to waits.
fn heavy(functions: usize) -> String {
    let mut text = String::from(
        "#include <windows.h>\nstatic HANDLE g_thread;\nvoid f0(int a) { WaitForSingleObject(g_thread, a); }\n",
    );
    for number in 1..functions {
        let body: String = (1..8)
            .map(|step| {
                format!(
                    "    if (a == {step}) f{}(a + {step});\n",
                    number.max(step) - step
                )
            })
            .collect();
        text.push_str(&format!("void f{number}(int a)\n{{\n{body}}}\n"));
    }
    text.push_str(&format!("BOOL APIENTRY DllMain(HMODULE m, DWORD reason, LPVOID r) {{ f{}(reason); return TRUE; }}\n", functions - 1));
    text
}

#[test]
fn progress_is_shown_and_a_check_can_be_stopped() {
    let text = heavy(4000);
    let root = folder("progress", &[("heavy.cpp", &text)]);
    let mut session = Session::open(&root, &[], capabilities());
    session.did_open("heavy.cpp", &text);
    let bar = |message: &Value| message["method"] == "window/workDoneProgress/create";
    let token = session.wait("a bar", bar)["params"]["token"].clone();
    session.notify(
        "window/workDoneProgress/cancel",
        json!({ "token": "other" }),
    );
    session.notify("window/workDoneProgress/cancel", json!({ "token": token }));
    let published = |message: &Value| message["method"] == "textDocument/publishDiagnostics";
    session.listen(Duration::from_millis(500));
    assert!(!session.seen.iter().any(published), "{:#?}", session.seen);
    // The next change starts it again, and this time it may end.
    session.did_change("heavy.cpp", 2, json!([{ "text": text }]));
    session.diagnostics("heavy.cpp", Some(2));
    session.listen(Duration::from_millis(100));
    let kinds: Vec<&Value> = session
        .seen
        .iter()
        .filter(|message| message["method"] == "$/progress")
        .map(|message| &message["params"]["value"]["kind"])
        .collect();
    let count = |kind: &str| kinds.iter().filter(|seen| **seen == kind).count();
    assert!(count("begin") > 0, "{kinds:?}");
    assert_eq!(count("begin"), count("end"), "{kinds:?}");
    assert_eq!(session.end(), 0);
}

#[test]
fn a_question_waits_for_the_check_and_can_be_taken_back() {
    let text = heavy(1500);
    let root = folder("questions", &[("heavy.cpp", &text)]);
    let mut session = Session::open(&root, &[], capabilities());
    session.did_open("heavy.cpp", &text);
    session.diagnostics("heavy.cpp", Some(1));
    let uri = session.uri("heavy.cpp");
    let change = json!([{ "range": { "start": { "line": 0, "character": 0 }, "end": { "line": 0, "character": 0 } }, "text": "\n" }]);
    session.did_change("heavy.cpp", 2, change.clone());
    let asked = session.ask("textDocument/hover", at(&uri, 3, 20));
    let other = session.ask("textDocument/hover", at(&uri, 4, 0));
    session.notify("$/cancelRequest", json!({ "id": asked }));
    // Numbers that nobody knows, and none at all.
    session.notify("$/cancelRequest", json!({ "id": 4711 }));
    session.notify("$/cancelRequest", json!({}));
    // The main loop does not wait: this one needs no check.
    let unknown = session.request("textDocument/nothing", json!({}));
    assert_eq!(unknown["error"]["code"], -32601);
    assert_eq!(session.answer(asked)["error"]["code"], -32800);
    assert_eq!(session.answer(other)["result"], Value::Null);
    // Many changes, one behind the other: what is shown in the end is the last text.
    for version in 3..40 {
        session.did_change("heavy.cpp", version, change.clone());
    }
    session.diagnostics("heavy.cpp", Some(39));
    let publications = session.seen.iter().filter(|message| {
        message["method"] == "textDocument/publishDiagnostics"
            && message["params"]["version"]
                .as_i64()
                .is_some_and(|version| version > 2)
    });
    assert!(publications.count() < 5, "{:#?}", session.seen);
    // The end does not wait for a check either.
    session.did_change("heavy.cpp", 40, change);
    session.listen(Duration::from_millis(150));
    assert_eq!(session.end(), 0);
}

#[test]
fn malformed_messages_are_survived() {
    let root = folder("malformed", &[("a.cpp", &waits(""))]);
    let mut session = Session::start(&root, &[]);
    // Too early.
    let early = session.request("textDocument/hover", at("file:///a.cpp", 0, 0));
    assert_eq!(early["error"]["code"], -32002);
    session.notify("textDocument/didOpen", json!({}));
    session.hello(capabilities());
    session.write(b"Content-Length: 9\r\n\r\n{\"id\": 5,");
    let answer = session.wait("a refusal", |message| message["error"]["code"] == -32700);
    assert_eq!(answer["id"], Value::Null);
    session.write(b"Content-Length: 23\r\n\r\n{\"id\": 77, \"method\": 1}");
    let answer = session.wait("a refusal", |message| message["error"]["code"] == -32600);
    assert_eq!(answer["id"], 77);
    session.write(b"what is this?\r\n\r\nX: y\r\n\r\n");
    session.wait("a refusal", |message| message["error"]["code"] == -32700);
    // Parameters that make no sense.
    session.notify("textDocument/didOpen", json!({ "textDocument": 7 }));
    session.notify("textDocument/didChange", json!([1, 2]));
    session.notify("nobody/knows", json!({}));
    let told = session.wait("a log message", |message| {
        message["method"] == "window/logMessage"
    });
    assert!(
        told["params"]["message"]
            .as_str()
            .unwrap()
            .contains("textDocument/didOpen")
    );
    let answer = session.request("textDocument/hover", json!({ "position": "here" }));
    assert_eq!(answer["error"]["code"], -32602);
    let answer = session.request("initialize", json!({}));
    assert_eq!(answer["error"]["code"], -32600);
    // An answer to a question that was never asked, and a change of a file that is not open.
    session.send(&json!({ "jsonrpc": "2.0", "id": 999, "result": null }));
    session.did_change("b.cpp", 2, json!([{ "text": "x" }]));
    let document =
        json!({ "uri": "untitled:Untitled-1", "languageId": "cpp", "version": 1, "text": "x" });
    session.notify("textDocument/didOpen", json!({ "textDocument": document }));
    // It still works.
    session.did_open("a.cpp", &waits(""));
    assert_eq!(
        codes(&session.diagnostics("a.cpp", Some(1))),
        ["wait_in_dll_main"]
    );
    // Places that are nowhere.
    let nowhere = json!({ "start": { "line": 4_000_000_000_u32, "character": 9 }, "end": { "line": 0, "character": 4_000_000_000_u32 } });
    session.did_change("a.cpp", 2, json!([{ "range": nowhere, "text": "\n" }]));
    assert_eq!(
        codes(&session.diagnostics("a.cpp", Some(2))),
        ["wait_in_dll_main"]
    );
    assert_eq!(session.end(), 0);
}

#[test]
fn the_end_has_the_exit_code_of_the_protocol() {
    let root = folder("end", &[("a.cpp", &waits(""))]);
    // `exit` without `shutdown`, before and after `initialize`.
    for hello in [false, true] {
        let mut session = Session::start(&root, &[]);
        if hello {
            session.hello(capabilities());
        }
        session.notify("exit", Value::Null);
        assert_eq!(session.exit_code(), 1);
    }
    // A client that dies, in the middle of a message too.
    for cut in [&b""[..], b"Content-Length: 100\r\n\r\n{", b"Content-Le"] {
        let mut session = Session::open(&root, &[], capabilities());
        session.did_open("a.cpp", &waits(""));
        session.write(cut);
        session.hang_up();
        assert_eq!(session.exit_code(), 1);
    }
    // One that has said `shutdown` and dies then; nothing is answered in between.
    let mut session = Session::open(&root, &[], capabilities());
    session.request("shutdown", Value::Null);
    let answer = session.request("textDocument/hover", at("file:///a.cpp", 0, 0));
    assert_eq!(answer["error"]["code"], -32600);
    session.hang_up();
    assert_eq!(session.exit_code(), 0);
}
