//! The reports, on findings made by hand: lines and columns against a counter that shares no code with `source`, SARIF
//! against its schema, and what people are to read.
//!
//! `tests/data/sarif-2.1.0.json` is the schema of OASIS as the crate serde-sarif 0.8.0 carries it (src/schema.json).

#[path = "report/formats.rs"]
mod formats;

use serde_json::Value;
use tplint::config::Base;
use tplint::diagnostic::{self, Diagnostic, Label, Level, Role};
use tplint::report::{self, Format, Origin, Report, Style, Summary};
use tplint::rules::page;
use tplint::source::{FileId, Sources, Span};

const COLOURED: Style = Style {
    color: true,
    links: false,
};
const RULE: &str = "wait_in_dll_main";

const MAIN: &str =
    "// Größe 😀\r\n\tif (reason == DLL_PROCESS_DETACH)\tStop(\"é\", 1,\r\n\t\t2);\r\nint x;\r\n";
const WORKER: &str =
    "void Stop() { /* ä */ WaitForSingleObject(g_thread, INFINITE); }\nvoid Go();\n";

fn sources() -> Sources {
    let utf16: Vec<u8> = "\u{FEFF}int a;\r\n\tLock(/*ß*/m);\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    Sources::new(vec![
        ("src/dll main.cpp".into(), MAIN.into()),
        ("src/wörker.cpp".into(), WORKER.into()),
        ("src/utf16.c".into(), utf16),
    ])
}

/// A label at the n-th occurrence of some text (from 0) that need not stand on one line.
fn label(sources: &Sources, path: &str, text: &str, role: Role, message: &str) -> Label {
    let file = sources.find(path).expect(path);
    let start = sources.file(file).text.find(text).expect(text);
    Label {
        span: Span::new(file, start, start + text.len()),
        message: message.into(),
        role,
        flow: 0,
        function: if role == Role::Step {
            "DllMain"
        } else {
            "Worker::Stop"
        }
        .into(),
    }
}

fn finding(sources: &Sources) -> Diagnostic {
    let stop = "Stop(\"é\", 1,\r\n\t\t2)";
    Diagnostic {
        rule: RULE,
        level: Level::Deny,
        message: "`Stop` waits while DllMain holds the loader lock".into(),
        labels: vec![
            label(
                sources,
                "src/wörker.cpp",
                "WaitForSingleObject(g_thread, INFINITE)",
                Role::Primary,
                "blocks without a timeout",
            ),
            label(
                sources,
                "src/dll main.cpp",
                stop,
                Role::Step,
                "DllMain calls `Stop` at process detach",
            ),
            label(
                sources,
                "src/wörker.cpp",
                "Go",
                Role::Related,
                "declared here",
            ),
        ],
        help: "wait in an exported function that the host calls before FreeLibrary".into(),
        notes: vec!["the thread needs the loader lock to end".into()],
        fix: None,
    }
}

/// Two threads that take two locks in opposite orders.
fn inversion(sources: &Sources) -> Diagnostic {
    let mut finding = finding(sources);
    finding.level = Level::Warn;
    let mut other = label(
        sources,
        "src/utf16.c",
        "Lock(/*ß*/m)",
        Role::Step,
        "takes `m`",
    );
    other.flow = 1;
    finding.labels[0] = label(
        sources,
        "src/wörker.cpp",
        "Stop",
        Role::Primary,
        "takes `n`",
    );
    finding.labels.insert(2, other);
    finding
}

fn summary(sources: &Sources) -> Summary {
    Summary {
        files: sources.len(),
        partly: vec![(sources.find("src/utf16.c").unwrap(), 2)],
        unread: vec![("src/locked file.c".into(), "permission denied".into())],
        modules: 1,
        notes_hidden: 3,
        suppressed: 4,
        accepted: 5,
        stale: 0,
        known: 6,
    }
}

fn origin() -> Origin {
    Origin {
        repository: Some("https://example.com/o/n".into()),
        revision: Some("0123456789abcdef0123456789abcdef01234567".into()),
        branch: Some("main".into()),
        root: Some(Base {
            folder: "/r".into(),
            working: "/r".into(),
        }),
    }
}

fn render(format: Format, findings: &[Diagnostic]) -> String {
    render_at(format, findings, &origin())
}

fn render_at(format: Format, findings: &[Diagnostic], origin: &Origin) -> String {
    let sources = sources();
    let rules: Vec<_> = page::catalogue()
        .iter()
        .map(|(name, page)| (*name, page.level))
        .collect();
    let report = Report {
        sources: &sources,
        findings,
        rules: &rules,
        summary: &summary(&sources),
        origin,
        exit_code: 1,
    };
    report::render(format, &report, Style::default())
}

fn json(format: Format, findings: &[Diagnostic]) -> Value {
    serde_json::from_str(&render(format, findings)).expect("JSON")
}

/// Line and column of a byte offset, counted letter by letter.
fn naive(text: &str, offset: usize) -> (u64, u64) {
    let (mut line, mut column) = (1, 1);
    let mut letters = text.char_indices().peekable();
    while let Some((place, letter)) = letters.next() {
        if place >= offset {
            break;
        }
        match letter {
            '\r' if letters.peek().is_some_and(|(_, next)| *next == '\n') => column += 1,
            '\r' | '\n' => (line, column) = (line + 1, 1),
            _ => column += 1,
        }
    }
    (line, column)
}

/// What a region should say about a span: it ends with the line that it begins on.
fn expected(sources: &Sources, span: Span) -> [u64; 4] {
    let text = &*sources.file(span.file).text;
    let (start, end) = (span.start as usize, span.end as usize);
    let cut = text[start..end]
        .find(['\r', '\n'])
        .map_or(end, |length| start + length);
    let ((line, column), (end_line, end_column)) = (naive(text, start), naive(text, cut));
    [line, column, end_line, end_column]
}

fn numbers(value: &Value, names: [&str; 4]) -> [u64; 4] {
    names.map(|name| {
        value[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name} in {value}"))
    })
}

const REGION: [&str; 4] = ["startLine", "startColumn", "endLine", "endColumn"];
const PLACE: [&str; 4] = ["line", "column", "endLine", "endColumn"];

#[test]
fn the_counter_counts() {
    assert_eq!(naive("a\r\nb\rc\nd", 7), (4, 1));
    assert_eq!(naive(MAIN, MAIN.find("Stop").unwrap()), (2, 36));
    assert_eq!(naive(WORKER, WORKER.find("Wait").unwrap()), (1, 23));
}

#[test]
fn sarif_is_valid() {
    let mut schema: Value = serde_json::from_str(include_str!("data/sarif-2.1.0.json")).unwrap();
    // The schema's pattern for `language`, which is not used here, has a `]` too many and is no regular expression.
    for owner in ["run", "toolComponent"] {
        schema["definitions"][owner]["properties"]["language"]
            .as_object_mut()
            .unwrap()
            .remove("pattern")
            .unwrap();
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    let sources = sources();
    let mut note = finding(&sources);
    note.level = Level::Note;
    note.fix = Some(diagnostic::Fix {
        title: "take it out".into(),
        edits: vec![diagnostic::Edit {
            span: note.primary().span,
            replacement: String::new(),
        }],
    });
    note.labels.truncate(1);
    note.labels[0].function.clear();
    note.help.clear();
    let mut log = json(
        Format::Sarif,
        &[finding(&sources), inversion(&sources), note],
    );
    let faults: Vec<String> = validator
        .iter_errors(&log)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let empty = json(Format::Sarif, &[]);
    assert!(validator.is_valid(&empty));
    // The validator must be one that refuses.
    log["runs"][0]["results"][0]["message"] = serde_json::json!({});
    assert!(!validator.is_valid(&log));
}

#[test]
fn sarif_says_everything() {
    let sources = sources();
    let findings = [finding(&sources), inversion(&sources)];
    let log = json(Format::Sarif, &findings);
    let run = &log["runs"][0];
    assert_eq!(log["version"], "2.1.0");
    assert_eq!(run["columnKind"], "unicodeCodePoints");

    // The tool's own address, and no page of somebody else.
    let about = run["tool"]["driver"]["informationUri"].as_str().unwrap();
    let repository = env!("CARGO_PKG_REPOSITORY");
    let own = match repository {
        "" => concat!("pkg:generic/tplint@", env!("CARGO_PKG_VERSION")),
        repository => repository,
    };
    assert_eq!(about, own);

    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(
        rules.len(),
        page::catalogue().len(),
        "rules without findings are listed"
    );
    for rule in rules {
        for member in ["text", "markdown"] {
            let help = rule["help"][member].as_str().unwrap();
            assert!(!help.contains("//~"), "marks of tests: {help}");
        }
        for member in ["shortDescription", "fullDescription"] {
            let text = rule[member]["text"].as_str().unwrap();
            assert!(
                text.ends_with('.') && text.chars().count() <= 1024,
                "{text}"
            );
        }
        assert!(
            rule["help"]["text"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
        assert!(
            rule["help"]["markdown"]
                .as_str()
                .unwrap()
                .contains("## See also")
        );
        assert!(rule["helpUri"].as_str().unwrap().starts_with("https://"));
    }

    for (finding, result) in findings.iter().zip(run["results"].as_array().unwrap()) {
        assert_eq!(result["ruleId"], RULE);
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(rules[index]["id"], RULE);
        let place = &result["locations"][0]["physicalLocation"];
        let primary = finding.primary();
        assert_eq!(
            numbers(&place["region"], REGION),
            expected(&sources, primary.span)
        );
        assert_eq!(
            place["region"]["snippet"]["text"].as_str().unwrap(),
            sources.text(primary.span)
        );
        assert_eq!(place["contextRegion"]["startLine"], 1);
        assert_eq!(place["contextRegion"]["endLine"], 2);
        let context = place["contextRegion"]["snippet"]["text"].as_str();
        assert!(context.is_some_and(|text| WORKER.starts_with(text)));
        assert_eq!(place["artifactLocation"]["uri"], "src/w%C3%B6rker.cpp");
        assert_eq!(place["artifactLocation"]["uriBaseId"], "SRCROOT");
        assert!(run["originalUriBaseIds"]["SRCROOT"].is_object());
        assert_eq!(
            result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"],
            "Worker::Stop"
        );
        assert_eq!(
            result["partialFingerprints"]["tplint/v1"].as_str().unwrap(),
            finding.fingerprint(&sources)
        );
        assert_eq!(
            result["relatedLocations"][0]["message"]["text"],
            "declared here"
        );
    }
    let results = &run["results"];
    assert_eq!(results[0]["level"], "error");
    assert_eq!(results[1]["level"], "warning");
    assert_eq!(
        results[0]["message"]["text"],
        "`Stop` waits while DllMain holds the loader lock. Wait in an exported function that the host calls before \
         FreeLibrary. See also: [declared here](1)."
    );
}

#[test]
fn sarif_flows_run_from_the_entry_to_the_primary_label() {
    let sources = sources();
    let findings = [finding(&sources), inversion(&sources)];
    let log = json(Format::Sarif, &findings);
    let flows = |result: usize| {
        log["runs"][0]["results"][result]["codeFlows"][0]["threadFlows"]
            .as_array()
            .unwrap()
            .clone()
    };
    let [single] = &flows(0)[..] else {
        panic!("one thread")
    };
    let locations = single["locations"].as_array().unwrap();
    let step = &locations[0]["location"];
    assert_eq!(locations.len(), 2);
    assert_eq!(
        step["message"]["text"],
        "DllMain calls `Stop` at process detach"
    );
    assert_eq!(
        step["physicalLocation"]["artifactLocation"]["uri"],
        "src/dll%20main.cpp"
    );
    // Cut to its first line, tabs and letters outside of ASCII counted once each.
    let region = numbers(&step["physicalLocation"]["region"], REGION);
    assert_eq!(region, expected(&sources, findings[0].labels[1].span));
    assert_eq!(region, [2, 36, 2, 48]);
    assert_eq!(
        locations[1]["location"]["physicalLocation"],
        log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    );
    assert_eq!(locations[0]["nestingLevel"], 0);
    assert_eq!(locations[1]["nestingLevel"], 1);
    assert_eq!(locations[1]["executionOrder"], 2);

    let both = flows(1);
    assert_eq!(both.len(), 2);
    let other = &both[1]["locations"][0]["location"]["physicalLocation"];
    assert_eq!(numbers(&other["region"], REGION), [2, 2, 2, 14]);
}

#[test]
fn sarif_tells_what_was_not_read() {
    let log = json(Format::Sarif, &[]);
    let told = log["runs"][0]["invocations"][0]["toolExecutionNotifications"]
        .as_array()
        .unwrap();
    let uri =
        |index: usize| &told[index]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(uri(0), "src/locked%20file.c");
    assert_eq!(told[0]["level"], "warning");
    assert_eq!(uri(1), "src/utf16.c");
    assert_eq!(told[1]["level"], "note");
}

#[test]
fn json_says_everything() {
    let sources = sources();
    let findings = [finding(&sources), inversion(&sources)];
    let document = json(Format::Json, &findings);
    assert_eq!(document["version"], 1);
    assert_eq!(document["tool"]["name"], "tplint");
    for (finding, value) in findings
        .iter()
        .zip(document["findings"].as_array().unwrap())
    {
        assert_eq!(value["path"], "src/wörker.cpp");
        assert_eq!(
            numbers(value, PLACE),
            expected(&sources, finding.primary().span)
        );
        assert_eq!(value["function"], "Worker::Stop");
        assert_eq!(value["fingerprint"], finding.fingerprint(&sources).as_str());
        assert_eq!(value["notes"][0], "the thread needs the loader lock to end");
        let labels = value["labels"].as_array().unwrap();
        assert_eq!(labels.len(), finding.labels.len());
        for (label, value) in finding.labels.iter().zip(labels) {
            assert_eq!(numbers(value, PLACE), expected(&sources, label.span));
            assert_eq!(value["path"], &*sources.file(label.span.file).path);
        }
        assert!(value["articles"][0]["title"].is_string());
    }
    let labels = &document["findings"][1]["labels"];
    assert_eq!(labels[0]["role"], "primary");
    assert_eq!(labels[0]["flow"], Value::Null);
    assert_eq!(labels[1]["role"], "step");
    assert_eq!(labels[1]["flow"], 0);
    assert_eq!(labels[2]["flow"], 1);
    assert_eq!(labels[3]["role"], "related");
    let summary = &document["summary"];
    assert_eq!(summary["errors"], 1);
    assert_eq!(summary["warnings"], 1);
    assert_eq!(summary["notesHidden"], 3);
    assert_eq!(summary["suppressed"], 4);
    assert_eq!(summary["partlyParsed"][0]["regions"], 2);
    assert_eq!(summary["unreadable"][0]["path"], "src/locked file.c");
}

#[test]
fn json_is_as_its_schema_says() {
    let schema: Value = serde_json::from_str(&report::json::schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let sources = sources();
    let mut fixed = finding(&sources);
    fixed.fix = Some(diagnostic::Fix {
        title: "take it out".into(),
        edits: vec![diagnostic::Edit {
            span: fixed.primary().span,
            replacement: String::new(),
        }],
    });
    let mut document = json(Format::Json, &[fixed, inversion(&sources)]);
    let faults: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(validator.is_valid(&json(Format::Json, &[])));
    document["findings"][0]["line"] = Value::from("1");
    assert!(!validator.is_valid(&document));
}

#[test]
fn concise_is_one_line_a_finding() {
    let sources = sources();
    let findings = [finding(&sources), inversion(&sources)];
    assert_eq!(
        render(Format::Concise, &findings),
        "src/wörker.cpp:1:23: error[wait_in_dll_main]: `Stop` waits while DllMain holds the loader lock\n\
         src/wörker.cpp:1:6: warning[wait_in_dll_main]: `Stop` waits while DllMain holds the loader lock\n"
    );
}

/// The lines of a text report, without borders and carets.
fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.trim_matches([' ', '│', '^', '-']).to_string())
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn text_shows_the_source_and_the_steps() {
    let sources = sources();
    let text = render(Format::Text, &[finding(&sources)]);
    let found = lines(&text);
    assert_eq!(
        found[0],
        "error[wait_in_dll_main]: `Stop` waits while DllMain holds the loader lock"
    );
    for line in [
        "┌─ src/wörker.cpp:1:23",
        "┌─ src/dll main.cpp:2:36",
        "blocks without a timeout",
        "1. DllMain calls `Stop` at process detach",
        "declared here",
        "= help: wait in an exported function that the host calls before FreeLibrary",
        "= note: the thread needs the loader lock to end",
        "= explain: tplint explain wait_in_dll_main",
    ] {
        assert!(
            found.iter().any(|there| there.ends_with(line)),
            "{line} in {text}"
        );
    }
    // Articles that an address leads to; the others stand on the page.
    assert!(
        text.contains("= article: Dynamic-Link Library Best Practices <https://"),
        "{text}"
    );
    assert!(!text.contains("DllMain 中的死锁问题"), "{text}");
    // The step goes over two lines of source; the second is not drawn.
    assert!(!text.contains("2);"), "{text}");
    // Carets stand below the call: the place of the W and of the first caret, in letters.
    let column = |needle: &str| {
        let line = text.lines().find(|line| line.contains(needle)).unwrap();
        line[..line.find(needle).unwrap()].chars().count()
    };
    assert_eq!(column("WaitForSingle"), column("^^^^"));
    assert!(!text.contains('\u{1b}'), "no colour unless asked for");
}

#[test]
fn text_tells_two_threads_apart() {
    let sources = sources();
    let text = render(Format::Text, &[inversion(&sources)]);
    assert!(text.starts_with("warning[wait_in_dll_main]"), "{text}");
    assert!(text.contains("A1. DllMain calls `Stop`"), "{text}");
    assert!(text.contains("B1. takes `m`"), "{text}");
}

#[test]
fn text_folds_long_paths() {
    let code: String = (1..=12)
        .map(|number| format!("void f{number}();\n"))
        .collect();
    let sources = Sources::new(vec![("a.c".into(), code.into_bytes())]);
    let mut finding = Diagnostic {
        labels: vec![label(&sources, "a.c", "f12", Role::Primary, "blocks")],
        ..self::finding(&self::sources())
    };
    for number in 1..=11 {
        let name = format!("f{number}(");
        let message = format!("step number {number}");
        finding
            .labels
            .push(label(&sources, "a.c", &name, Role::Step, &message));
    }
    let text = report::text::render(&[finding.clone()], &sources, Style::default());
    assert!(text.contains("= steps 5 to 8:\n"), "{text}");
    assert!(text.contains("a.c:5:6: 5. step number 5\n"), "{text}");
    for number in 1..=11 {
        let step = format!("{number}. step number {number}\n");
        assert_eq!(text.matches(&step).count(), 1, "{step}{text}");
        let source = format!("│ void f{number}();");
        assert_eq!(
            text.contains(&source),
            !(5..=8).contains(&number),
            "{source} in {text}"
        );
    }
    finding.labels.truncate(9);
    let text = report::text::render(&[finding], &sources, Style::default());
    assert!(!text.contains("= steps"), "{text}");
}

#[test]
fn text_survives_every_line() {
    // A line of a minified file, letters of all lengths, escape sequences, and labels at the edges.
    let long = format!("{}wait(){}\n", "é😀x".repeat(500), "y".repeat(10_000));
    let code = format!("\u{1b}[31mred\u{202E}\n{long}\r\nend");
    let sources = Sources::new(vec![("a.c".into(), code.clone().into_bytes())]);
    let file = FileId(0);
    let mut finding = finding(&self::sources());
    let wait = code.find("wait").unwrap();
    let mut spans = [
        Span::new(file, 0, 0),
        Span::new(file, 0, code.len()),
        Span::new(file, code.len(), code.len()),
        Span::new(file, code.len(), code.len() + 10),
        Span::new(file, wait, wait + 6),
        Span::new(file, wait + 5000, wait + 5010),
        Span::new(file, code.find("\r\n").unwrap(), code.find("end").unwrap()),
    ];
    for _ in 0..spans.len() {
        spans.rotate_left(1);
        finding.labels = spans
            .iter()
            .enumerate()
            .map(|(index, &span)| Label {
                span,
                message: format!("label {index}"),
                role: if index == 0 {
                    Role::Primary
                } else {
                    Role::Step
                },
                flow: 0,
                function: String::new(),
            })
            .collect();
        let text = report::text::render(std::slice::from_ref(&finding), &sources, Style::default());
        for index in 0..spans.len() {
            assert!(
                text.contains(&format!("label {index}")),
                "label {index} in {text}"
            );
        }
        assert!(!text.contains(['\u{1b}', '\u{202E}']), "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() < 1000),
            "{text}"
        );
    }
}

#[test]
fn colour_is_asked_for() {
    let sources = sources();
    let plain = report::text::render(&[finding(&sources)], &sources, Style::default());
    let coloured = report::text::render(&[finding(&sources)], &sources, COLOURED);
    assert!(coloured.contains("\u{1b}["));
    let mut stripped = String::new();
    let mut rest = &*coloured;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        stripped.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    assert_eq!(stripped + rest, plain);
}

#[test]
fn the_same_findings_give_the_same_bytes() {
    let sources = sources();
    let mut findings = vec![finding(&sources), inversion(&sources)];
    let mut turned: Vec<_> = findings.iter().rev().cloned().collect();
    diagnostic::sort(&mut findings);
    diagnostic::sort(&mut turned);
    for format in [
        Format::Text,
        Format::Concise,
        Format::Json,
        Format::Sarif,
        Format::Github,
        Format::Gitlab,
    ] {
        assert_eq!(
            render(format, &findings),
            render(format, &turned),
            "{format:?}"
        );
    }
}

#[test]
fn the_summary_is_a_line() {
    let sources = sources();
    assert_eq!(
        report::summary_line(
            &summary(&sources),
            &[finding(&sources), inversion(&sources)]
        ),
        "3 files read (1 in part), 1 unreadable, 1 module: 2 findings (1 error, 1 warning), 3 notes hidden (--notes \
         shows them), 4 suppressed, 5 accepted by the baseline, 6 not new"
    );
    assert_eq!(
        report::summary_line(&Summary::default(), &[]),
        "0 files read, 0 modules: 0 findings"
    );
}
