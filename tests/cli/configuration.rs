//! Configuration as people see it: its schema, what is in force, which files are read, and sources from standard input.

use super::{UNUSED, command, finished, folder, places, run};
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

fn schema() -> jsonschema::Validator {
    let root = folder("schema", &[]);
    let printed = run(&root, &["config", "schema"]);
    assert_eq!(printed.code, 0);
    let schema: Value = serde_json::from_str(&printed.out).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// What the schema says of a configuration, and what tplint says of it.
fn verdicts(schema: &jsonschema::Validator, text: &str) -> (Vec<String>, bool) {
    let table: toml::Table = text
        .parse()
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    let document = serde_json::to_value(&table).unwrap();
    let faults = schema
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()));
    let base = tplint::config::Base::default();
    let is_read = tplint::config::Config::parse(text, base).is_ok();
    (faults.collect(), is_read)
}

#[test]
fn the_schema_accepts_what_tplint_reads_and_nothing_else() {
    let schema = schema();
    for (text, is_good) in [
        ("", true),
        (
            "exclude = [\"a\"]\nquiet = []\nnotes = true\nbaseline = \"b.json\"",
            true,
        ),
        ("quite = []", false),
        ("notes = \"yes\"", false),
        (
            "[rules]\nwait_in_dll_main = \"warn\"\nunused_suppression = \"deny\"",
            true,
        ),
        ("[rules]\nwait_in_dllmain = \"warn\"", false),
        ("[rules]\nwait_in_dll_main = \"error\"", false),
        (
            "[[override]]\npaths = [\"a\"]\nrules = { wait_in_dll_main = \"allow\" }",
            true,
        ),
        ("[[override]]\npaths = [\"a\"]", false),
        (
            "[[module]]\nname = \"m\"\npaths = [\"a\"]\nkind = \"dll\"",
            true,
        ),
        (
            "[[module]]\nname = \"m\"\npaths = [\"a\"]\nkind = \"lib\"",
            false,
        ),
        ("[[api]]\nname = \"f\"\neffect = \"wait\"", true),
        ("[[api]]\nname = \"f\"\neffect = \"exit_thread\"", true),
        ("[[api]]\nname = \"f\"\neffect = \"acquire\"", false),
        (
            "[[api]]\nname = \"f\"\neffect = { kind = \"acquire\", lock = 0 }",
            true,
        ),
        (
            "[[api]]\nname = \"f\"\neffect = { kind = \"wait\", on = \"this\" }",
            true,
        ),
        (
            "[[api]]\nname = \"f\"\neffects = [{ kind = \"wait\", on = \"this\" }]",
            false,
        ),
        (
            "[[api]]\nname = \"f\"\neffects = [{ kind = \"wait\", class = \"signal\", on = \"me\" }]",
            false,
        ),
        (
            "[[api]]\nname = \"f\"\neffects = [{ kind = \"exit_thread\", when = { arg = 0, is = \"null\" } }]",
            true,
        ),
        (
            "[[api]]\nname = \"f\"\neffects = [{ kind = \"exit_thread\", when = { arg = 0, is = \"nil\" } }]",
            false,
        ),
        ("[[api]]\nname = \"f\"", false),
        ("[[api]]\neffect = \"wait\"", false),
    ] {
        let (faults, is_read) = verdicts(&schema, text);
        assert_eq!(is_read, is_good, "tplint on {text}");
        assert_eq!(
            faults.is_empty(),
            is_good,
            "the schema on {text}: {faults:?}"
        );
    }
}

/// Every row of the built-in table is one that users can write, too.
#[test]
fn the_schema_knows_every_effect() {
    let schema = schema();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table: toml::Table = std::fs::read_to_string(root.join("rules/apis.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let rows = table["api"].as_array().unwrap();
    assert!(rows.len() > 100);
    for row in rows {
        let document = serde_json::json!({ "api": [row] });
        let faults: Vec<String> = schema
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{row}: {faults:?}");
    }
}

/// The copies of the schemas that editors and programs are sent to.
#[test]
fn the_schemas_in_the_documentation_are_current() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for (name, text) in [
        ("tplint.schema.json", tplint::config::schema()),
        ("report.schema.json", tplint::report::json::schema()),
    ] {
        let file = docs.join(name);
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        let there = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            there == text,
            "docs/{name} is old: UPDATE_EXPECT=1 cargo test writes it"
        );
    }
}

#[test]
fn the_configuration_in_force_is_shown() {
    let root = folder(
        "show_config",
        &[
            (
                "tplint.toml",
                "exclude = [\"gen\"]\n[rules]\nwait_in_dll_main = \"warn\"\n",
            ),
            ("src/a.c", UNUSED),
        ],
    );
    let shown = run(&root, &["--show-config", "-D", "warnings", "src"]);
    assert_eq!(shown.code, 0);
    assert!(
        shown.out.starts_with("# from tplint.toml,"),
        "{}",
        shown.out
    );
    let table: toml::Table = shown.out.parse().unwrap();
    assert_eq!(table["rules"]["wait_in_dll_main"].as_str(), Some("deny"));
    assert_eq!(
        table["rules"]["thread_without_module_ref"].as_str(),
        Some("allow")
    );
    assert_eq!(table["exclude"].as_array().unwrap().len(), 1);
    assert_eq!(table["quiet"].as_array().unwrap().len(), 5);
}

#[test]
fn the_sources_that_are_read_are_shown() {
    let root = folder(
        "show_files",
        &[
            ("tplint.toml", "exclude = [\"gen\"]\n"),
            ("CMakeLists.txt", ""),
            ("src/a.c", UNUSED),
            ("gen/b.c", UNUSED),
            ("vendor/c.c", UNUSED),
        ],
    );
    let shown = run(&root, &["--show-files"]);
    assert_eq!((shown.code, &*shown.err), (0, ""));
    assert_eq!(shown.out, "src/a.c\nvendor/c.c\tnot reported on\n");
}

#[test]
fn findings_are_counted() {
    let root = folder(
        "statistics",
        &[
            ("a.c", &UNUSED.repeat(12)),
            ("b.c", "int x; // tplint: allow(unused_suppression)\n"),
        ],
    );
    let levels = ["-D", "suppression_without_reason", "--statistics"];
    let text = run(&root, &levels);
    assert_eq!(text.code, 1);
    assert_eq!(
        text.out,
        "12  unused_suppression          a suppression comment suppresses nothing\n \
         1  suppression_without_reason  a suppression comment gives no reason\n"
    );
    let json = run(&root, &[&levels[..], &["--format", "json"]].concat());
    let document: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(document["statistics"][0]["findings"], 12);
    assert_eq!(
        document["statistics"][1]["rule"],
        "suppression_without_reason"
    );
    assert_eq!(run(&root, &["--statistics", "--format", "sarif"]).code, 2);
}

fn with_stdin(root: &Path, arguments: &[&str], text: &[u8]) -> super::Run {
    let mut child = command(root, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who refuses the arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(text);
    finished(child.wait_with_output().unwrap())
}

#[test]
fn a_source_comes_from_standard_input() {
    let root = folder(
        "stdin",
        &[
            ("tplint.toml", "[rules]\nunused_suppression = \"deny\"\n"),
            ("src/a.c", UNUSED),
            ("src/b.c", UNUSED),
        ],
    );
    let concise = ["--format", "concise", "--stdin-filename"];
    let check = |arguments: &[&str], text: &str| {
        with_stdin(&root, &[&concise[..], arguments].concat(), text.as_bytes())
    };
    // In place of the file, and nothing of the others.
    let found = check(&["src/a.c", "-"], &format!("\n{UNUSED}"));
    assert_eq!(
        (found.code, places(&found)),
        (1, vec!["src/a.c:2:25".to_string()])
    );
    assert!(found.err.starts_with("2 files read"), "{}", found.err);
    assert_eq!(check(&["src/a.c"], "int x;\n").code, 0);
    // A file, and a folder, that are not there yet.
    let found = check(&["new/sub/c.cpp"], UNUSED);
    assert_eq!(places(&found), ["new/sub/c.cpp:1:25"], "{}", found.err);
    let mut utf16: Vec<u8> = vec![0xFF, 0xFE];
    utf16.extend(UNUSED.encode_utf16().flat_map(u16::to_le_bytes));
    let found = with_stdin(&root, &[&concise[..], &["src/a.c"]].concat(), &utf16);
    assert_eq!(places(&found), ["src/a.c:1:25"]);

    for (arguments, told) in [
        (&["-"][..], "--stdin-filename"),
        (&["--stdin-filename", "a.txt"], "the ending of `a.txt`"),
        (&["--stdin-filename", "src/a.c", "src"], "the path - alone"),
        (&["--stdin-filename", "src/a.c", "--fix"], "not fixed"),
    ] {
        let refused = with_stdin(&root, arguments, b"");
        assert_eq!(refused.code, 2, "{arguments:?}");
        assert!(refused.err.contains(told), "{arguments:?}: {}", refused.err);
    }
}

/// A wait of a user's row that ends by itself, and whose argument says when: what is not known of that is no reason to
/// call it endless.
#[test]
fn a_row_of_a_bounded_wait_with_a_time() {
    let root = folder(
        "bounded_row",
        &[
            (
                "tplint.toml",
                "[[api]]\nname = \"os::Event::WaitSome\"\neffects = [{ kind = \"wait\", class = \"signal\", \
                 on = \"this\", timeout = 0, bounded = true }]\n",
            ),
            (
                "plugin.cpp",
                "#include <windows.h>\n#include \"os/event.h\"\nstatic os::Event g_done;\nstatic DWORD g_limit;\n\
                 extern \"C\" __declspec(dllexport) void SetLimit(DWORD limit) { g_limit = limit; }\n\
                 BOOL APIENTRY DllMain(HMODULE module, DWORD reason, LPVOID reserved)\n{\n    \
                 if (reason == DLL_PROCESS_DETACH && reserved == nullptr) {\n        \
                 g_done.WaitSome(g_limit);\n        g_done.WaitSome(2500);\n        g_done.WaitSome(0);\n    }\n    \
                 return TRUE;\n}\n",
            ),
        ],
    );
    let found = run(&root, &["--no-cache", "--format", "json"]);
    let document: Value = serde_json::from_str(&found.out).unwrap();
    let label = |index: usize| {
        let finding = &document["findings"][index];
        let text = finding["labels"][0]["message"].as_str().unwrap_or_default();
        (finding["line"].as_u64(), text.to_string())
    };
    assert_eq!(label(0), (Some(9), "blocks for a limited time".to_string()));
    assert_eq!(label(1), (Some(10), "blocks for up to 2500 ms".to_string()));
    assert_eq!(document["findings"].as_array().map(Vec::len), Some(2));
}
