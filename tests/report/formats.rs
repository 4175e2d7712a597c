//! The formats that other programs read, each against what its consumer does with it.

use super::{
    RULE, WORKER, expected, finding, inversion, json, label, naive, numbers, origin, render,
    render_at, sources,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use tplint::diagnostic::{Diagnostic, Edit, Fix, Role};
use tplint::report::{self, Format, Origin, Style};
use tplint::rules::page;
use tplint::source::Span;

/// A workflow command, read as GitHub's runner does (actions/runner, `ActionCommand.TryParseV2`): the name, the
/// properties, the text.
fn command(line: &str) -> (String, BTreeMap<String, String>, String) {
    let unescaped = |text: &str, codes: &[(&str, &str)]| {
        codes.iter().fold(text.to_string(), |text, (code, letter)| {
            text.replace(code, letter)
        })
    };
    let in_data = [("%0D", "\r"), ("%0A", "\n"), ("%25", "%")];
    let in_property = [
        ("%0D", "\r"),
        ("%0A", "\n"),
        ("%3A", ":"),
        ("%2C", ","),
        ("%25", "%"),
    ];
    let rest = line.trim_start().strip_prefix("::").expect("a command");
    let (head, data) = rest.split_once("::").expect("a command has a text");
    let (name, properties) = head.split_once(' ').expect("a command with properties");
    let properties = properties
        .trim()
        .split(',')
        .filter_map(|property| property.split_once('='))
        .map(|(key, value)| (key.to_string(), unescaped(value, &in_property)));
    (
        name.to_string(),
        properties.collect(),
        unescaped(data, &in_data),
    )
}

#[test]
fn github_annotations_are_read_by_the_runner() {
    let sources = sources();
    let mut odd = finding(&sources);
    odd.message = "100% of `a::b, c`\nwait %0A ::error::".into();
    let findings = [odd, inversion(&sources)];
    let text = render(Format::Github, &findings);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), findings.len(), "one line a finding: {text}");
    let (name, properties, data) = command(lines[0]);
    assert_eq!(name, "error");
    assert_eq!(properties["file"], "src/wörker.cpp");
    let place = ["line", "col", "endLine"].map(|key| properties[key].parse::<u64>().unwrap());
    assert_eq!(place, [1, 23, 1]);
    let [_, _, _, end] = expected(&sources, findings[0].primary().span);
    assert_eq!(properties["endColumn"], (end - 1).to_string());
    assert_eq!(properties["title"], format!("tplint: {RULE}"));
    assert_eq!(
        data,
        "100% of `a::b, c`\nwait %0A ::error::\n1. src/dll main.cpp:2: DllMain calls `Stop` at process detach\nhelp: \
         wait in an exported function that the host calls before FreeLibrary\nnote: the thread needs the loader lock \
         to end"
    );
    let (name, _, data) = command(lines[1]);
    assert_eq!(name, "warning");
    assert!(
        data.contains("\nA1. src/dll main.cpp:2: DllMain calls"),
        "{data}"
    );
    assert!(data.contains("\nB1. src/utf16.c:2: takes `m`"), "{data}");
    let mut note = finding(&sources);
    note.level = tplint::diagnostic::Level::Note;
    assert!(render(Format::Github, &[note]).starts_with("::notice "));
}

/// What GitLab's documentation asks of a code quality report, and its validator (gitlabhq,
/// `app/validators/json_schemas/codeclimate.json`).
fn gitlab_schema() -> Value {
    json!({
        "type": "array",
        "items": {
            "type": "object",
            "required": ["description", "check_name", "fingerprint", "severity", "location"],
            "properties": {
                "description": { "type": "string" },
                "check_name": { "type": "string" },
                "fingerprint": { "type": "string" },
                "severity": { "enum": ["info", "minor", "major", "critical", "blocker"] },
                "location": {
                    "type": "object",
                    "required": ["path", "lines"],
                    "properties": {
                        "path": { "type": "string", "pattern": "^[^/.]" },
                        "lines": {
                            "type": "object",
                            "required": ["begin"],
                            "properties": { "begin": { "type": "integer" } }
                        }
                    }
                }
            }
        }
    })
}

#[test]
fn gitlab_reports_are_valid_and_no_finding_hides_another() {
    let sources = sources();
    let twice = [finding(&sources), finding(&sources), inversion(&sources)];
    let text = render(Format::Gitlab, &twice);
    assert!(text.starts_with('['), "no byte order mark");
    let mut issues: Value = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&gitlab_schema()).unwrap();
    let faults: Vec<String> = validator
        .iter_errors(&issues)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let all = issues.as_array().unwrap();
    let fingerprints: HashSet<&str> = all
        .iter()
        .map(|issue| issue["fingerprint"].as_str().unwrap())
        .collect();
    assert_eq!(fingerprints.len(), 3, "GitLab merges equal ones");
    assert_eq!(
        all[0]["location"],
        json!({ "path": "src/wörker.cpp", "lines": { "begin": 1, "end": 1 } })
    );
    assert_eq!(all[0]["severity"], "critical");
    assert_eq!(all[2]["severity"], "major");
    assert_eq!(render(Format::Gitlab, &[]), "[]\n");
    // The validator must be one that refuses.
    issues[0]["severity"] = json!("error");
    assert!(!validator.is_valid(&issues));
}

#[test]
fn paths_are_seen_from_the_root_of_the_repository() {
    let sources = sources();
    let findings = [finding(&sources)];
    let below = Origin {
        root: Some(tplint::config::Base {
            folder: "/r".into(),
            working: "/r/plug in/x".into(),
        }),
        ..origin()
    };
    let log: Value = serde_json::from_str(&render_at(Format::Sarif, &findings, &below)).unwrap();
    let run = &log["runs"][0];
    let place = &run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(place["uri"], "plug%20in/x/src/w%C3%B6rker.cpp");
    let github = render_at(Format::Github, &findings, &below);
    assert!(
        github.contains("file=plug in/x/src/wörker.cpp,"),
        "{github}"
    );
    let gitlab = render_at(Format::Gitlab, &findings, &below);
    assert!(gitlab.contains("\"plug in/x/src/wörker.cpp\""), "{gitlab}");
    for (path, seen) in [
        ("../a.c", "plug in/a.c"),
        ("../../../a.c", "../a.c"),
        ("/etc/a.c", "/etc/a.c"),
        ("C:/a.c", "C:/a.c"),
        ("./a.c", "plug in/x/a.c"),
    ] {
        assert_eq!(below.path(path), seen);
    }
    assert_eq!(Origin::default().path("./a.c"), "a.c");
}

#[test]
fn sarif_says_which_revision_it_is_about() {
    let sources = sources();
    let findings = [finding(&sources)];
    let run = &json(Format::Sarif, &findings)["runs"][0];
    assert_eq!(
        run["versionControlProvenance"],
        json!([{
            "repositoryUri": "https://example.com/o/n",
            "revisionId": "0123456789abcdef0123456789abcdef01234567",
            "branch": "main",
            "mappedTo": { "uriBaseId": "SRCROOT" },
        }])
    );
    assert_eq!(run["invocations"][0]["exitCode"], 1);
    let text = render_at(Format::Sarif, &findings, &Origin::default());
    let log: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(log["runs"][0]["versionControlProvenance"], Value::Null);
}

#[test]
fn sarif_classifies_the_rules() {
    let run = &json(Format::Sarif, &[])["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["id"] == RULE).unwrap();
    let target = &rule["relationships"][0]["target"];
    assert_eq!(target["id"], "833");
    assert_eq!(target["toolComponent"]["name"], "CWE");
    let index = target["index"].as_u64().unwrap() as usize;
    let taxon = &run["taxonomies"][0]["taxa"][index];
    assert_eq!(taxon["id"], "833");
    assert_eq!(taxon["shortDescription"]["text"], "Deadlock.");
    assert_eq!(
        run["tool"]["driver"]["supportedTaxonomies"][0]["name"],
        "CWE"
    );
}

/// The pattern for Visual Studio Code in the documentation, on what is printed.
#[test]
fn concise_lines_are_read_by_the_problem_matcher_of_the_documentation() {
    let page = include_str!("../../docs/reports.md");
    let block = page.split("```json\n").nth(1).unwrap();
    let matcher: Value = serde_json::from_str(block.split("```").next().unwrap()).unwrap();
    let pattern = &matcher["problemMatcher"]["pattern"];
    let regexp = regex::Regex::new(pattern["regexp"].as_str().unwrap()).unwrap();
    let sources = sources();
    let text = render(Format::Concise, &[finding(&sources), inversion(&sources)]);
    let part = |line: &str, name: &str| {
        let found = regexp.captures(line).unwrap_or_else(|| panic!("{line}"));
        found[pattern[name].as_u64().unwrap() as usize].to_string()
    };
    let read =
        |line: &str| ["file", "line", "column", "severity", "code"].map(|name| part(line, name));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(read(lines[0]), ["src/wörker.cpp", "1", "23", "error", RULE]);
    assert_eq!(
        read(lines[1]),
        ["src/wörker.cpp", "1", "6", "warning", RULE]
    );
    assert!(part(lines[0], "message").starts_with("`Stop` waits"));
    let drive = "C:/x/a.c:1:2: note[unguarded_rearm]: x: y";
    assert_eq!(
        read(drive),
        ["C:/x/a.c", "1", "2", "note", "unguarded_rearm"]
    );
}

#[test]
fn sarif_names_partly_read_and_unread_files() {
    let run = &json(Format::Sarif, &[])["runs"][0];
    let told = run["invocations"][0]["toolExecutionNotifications"]
        .as_array()
        .unwrap();
    let of = |index: usize| {
        let place = &told[index]["locations"][0]["physicalLocation"]["artifactLocation"];
        (
            told[index]["level"].as_str().unwrap(),
            place["uri"].as_str().unwrap(),
            told[index]["message"]["text"].as_str().unwrap(),
        )
    };
    assert_eq!(told.len(), 2);
    assert_eq!(
        of(0),
        (
            "warning",
            "src/locked%20file.c",
            "The file could not be read: permission denied."
        )
    );
    assert_eq!(
        of(1),
        (
            "note",
            "src/utf16.c",
            "The file was parsed in part: 2 regions could not be read."
        )
    );
}

/// The fingerprint that GitHub's action would write, for a file of one short line: 37 to the power of what stands
/// behind each letter, blanks left out.
#[test]
fn sarif_carries_the_fingerprint_of_githubs_action() {
    let text = "int x;";
    let letters: Vec<u64> = text
        .chars()
        .filter(|letter| *letter != ' ')
        .map(|letter| letter as u64)
        .chain([65535])
        .collect();
    let hash = (0..100).fold(0u64, |hash, index| {
        let letter = letters.get(index).copied().unwrap_or(0);
        hash.wrapping_mul(37).wrapping_add(letter)
    });
    let sources = tplint::source::Sources::new(vec![("a.c".into(), text.into())]);
    let finding = Diagnostic {
        labels: vec![label(&sources, "a.c", "x", Role::Primary, "")],
        ..finding(&super::sources())
    };
    let summary = report::Summary::default();
    let report = report::Report {
        sources: &sources,
        findings: &[finding],
        rules: &[],
        summary: &summary,
        origin: &Origin::default(),
        exit_code: 0,
    };
    let text = report::render(Format::Sarif, &report, Style::default());
    let log: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        log["runs"][0]["results"][0]["partialFingerprints"]["primaryLocationLineHash"],
        format!("{hash:x}:1")
    );
}

#[test]
fn sarif_messages_link_to_what_is_related() {
    let sources = sources();
    let mut finding = finding(&sources);
    finding.message = "`[a](b)` waits".into();
    finding.labels[2].message = "held in `m[0]` here".into();
    let log = json(Format::Sarif, &[finding]);
    let result = &log["runs"][0]["results"][0];
    let text = result["message"]["text"].as_str().unwrap();
    assert!(
        text.ends_with(r" See also: [held in `m\[0\]` here](1)."),
        "{text}"
    );
    // Every link leads to a related location, and nothing else looks like one.
    assert_eq!(text.matches("](").count(), 1, "{text}");
    assert_eq!(result["relatedLocations"][0]["id"], 1);
}

/// A fix over two lines with an insertion: its edits, made at the places that the report says, give the text that it
/// should.
#[test]
fn fixes_are_told_with_places_that_can_be_edited() {
    let sources = sources();
    let file = sources.find("src/wörker.cpp").unwrap();
    let start = WORKER.find("Wait").unwrap();
    let end = WORKER.find("Go()").unwrap();
    let mut finding = finding(&sources);
    finding.fix = Some(Fix {
        title: "end the thread".into(),
        edits: vec![
            Edit {
                span: Span::new(file, 0, 0),
                replacement: "// ß\n".into(),
            },
            Edit {
                span: Span::new(file, start, end),
                replacement: String::new(),
            },
        ],
    });
    let wanted = format!("// ß\n{}{}", &WORKER[..start], &WORKER[end..]);
    let edited = |edits: Vec<([u64; 4], String)>| {
        let mut text = WORKER.to_string();
        for ([line, column, end_line, end_column], replacement) in edits.into_iter().rev() {
            let at = |place: (u64, u64)| {
                (0..=WORKER.len())
                    .find(|&offset| {
                        WORKER.is_char_boundary(offset) && naive(WORKER, offset) == place
                    })
                    .unwrap_or_else(|| panic!("no place {place:?}"))
            };
            text.replace_range(at((line, column))..at((end_line, end_column)), &replacement);
        }
        text
    };

    let log = json(Format::Sarif, &[finding.clone()]);
    let fix = &log["runs"][0]["results"][0]["fixes"][0];
    assert_eq!(fix["description"]["text"], "End the thread.");
    let change = &fix["artifactChanges"][0];
    assert_eq!(change["artifactLocation"]["uri"], "src/w%C3%B6rker.cpp");
    let replacements = change["replacements"].as_array().unwrap().iter();
    let from_sarif = replacements.map(|replacement| {
        let inserted = &replacement["insertedContent"]["text"];
        (
            numbers(&replacement["deletedRegion"], super::REGION),
            inserted.as_str().unwrap_or("").to_string(),
        )
    });
    assert_eq!(edited(from_sarif.collect()), wanted);

    let document = json(Format::Json, &[finding]);
    let fix = &document["findings"][0]["fix"];
    assert_eq!(fix["title"], "end the thread");
    let edits = fix["edits"].as_array().unwrap().iter();
    let from_json = edits.map(|edit| {
        (
            numbers(edit, super::PLACE),
            edit["replacement"].as_str().unwrap().to_string(),
        )
    });
    assert_eq!(edited(from_json.collect()), wanted);
}

#[test]
fn links_are_asked_for_and_change_nothing_that_one_sees() {
    let sources = sources();
    let findings = [finding(&sources), inversion(&sources)];
    let plain = report::text::render(&findings, &sources, Style::default());
    for color in [false, true] {
        let style = |links| Style { color, links };
        let linked = report::text::render(&findings, &sources, style(true));
        let mut seen = String::new();
        let mut addresses = Vec::new();
        let mut rest = &*linked;
        while let Some((before, after)) = rest.split_once("\u{1b}]8;;") {
            let (address, after) = after.split_once("\u{1b}\\").expect("an end");
            seen.push_str(before);
            addresses.push(address);
            rest = after;
        }
        seen.push_str(rest);
        assert_eq!(
            seen,
            report::text::render(&findings, &sources, style(false))
        );
        // Each link is opened, and closed by an empty address.
        let page = page::of(RULE).unwrap();
        assert_eq!(addresses.len(), 8, "{addresses:?}");
        for pair in addresses.chunks(2) {
            assert_eq!(pair, [page.address().unwrap(), ""]);
        }
    }
    assert!(!plain.contains('\u{1b}'));
}
