//! What continuous integration is given: the action, the workflows, the hooks and those that the documentation shows are
//! YAML, and what they call exists in the command line. The action's own step is run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use yaml_rust2::{Yaml, YamlLoader};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn parse(name: &str, text: &str) -> Yaml {
    let mut documents =
        YamlLoader::load_from_str(text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
    assert_eq!(documents.len(), 1, "{name}");
    documents.remove(0)
}

fn file(name: &str) -> Yaml {
    parse(name, &std::fs::read_to_string(root().join(name)).unwrap())
}

/// The YAML examples of a page, with the indentation of the first line taken away.
fn examples(page: &str) -> Vec<Yaml> {
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    let blocks = text.split("```yaml\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap())
        .map(|block| {
            let indentation = block.len() - block.trim_start().len();
            let lines = block
                .lines()
                .map(|line| line.get(indentation..).unwrap_or(""));
            parse(page, &lines.collect::<Vec<_>>().join("\n"))
        })
        .collect()
}

/// All texts in a document.
fn texts(yaml: &Yaml) -> Vec<String> {
    match yaml {
        Yaml::String(text) => vec![text.clone()],
        Yaml::Array(items) => items.iter().flat_map(texts).collect(),
        Yaml::Hash(map) => map.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// A folder of its own for a test, with one source without findings and a build to name.
fn folder(test: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("workflows")
        .join(test);
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(root.join("build")).unwrap();
    std::fs::create_dir_all(root.join("src")).unwrap();
    std::fs::write(root.join("src/a.c"), "int f(void) { return 0; }\n").unwrap();
    std::fs::write(root.join("build/compile_commands.json"), "[]").unwrap();
    root
}

fn tplint(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tplint"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs the tplint commands among some texts, each of which must be understood; gives their number.
fn run_commands(test: &str, texts: &[String]) -> usize {
    let folder = folder(test);
    let lines = texts.iter().flat_map(|text| text.lines()).map(str::trim);
    let commands: Vec<&str> = lines
        .filter_map(|line| line.strip_prefix("tplint "))
        .collect();
    for command in &commands {
        let arguments: Vec<&str> = command
            .split_whitespace()
            .take_while(|word| *word != ">")
            .collect();
        let output = tplint(&folder, &arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "tplint {command}\n{error}");
    }
    commands.len()
}

#[test]
fn workflows_of_the_documentation_call_what_exists() {
    let documents = examples("docs/ci.md");
    assert!(documents.len() >= 8, "{}", documents.len());
    let all: Vec<String> = documents.iter().flat_map(texts).collect();
    assert!(run_commands("docs", &all) >= 5);
    let readme: Vec<String> = examples("README.md").iter().flat_map(texts).collect();
    assert!(!readme.is_empty());
    run_commands("readme", &readme);
    // The hooks and inputs that they name are there.
    let hooks = file(".pre-commit-hooks.yaml");
    let hooks = hooks.as_vec().unwrap();
    let known = |id: &str| hooks.iter().any(|hook| hook["id"].as_str() == Some(id));
    let action = file("action.yml");
    let mut used = 0;
    for document in documents.iter().chain(&examples("README.md")) {
        for repository in document["repos"].as_vec().into_iter().flatten() {
            for hook in repository["hooks"].as_vec().unwrap() {
                assert!(known(hook["id"].as_str().unwrap()), "{hook:?}");
                used += 1;
            }
        }
        let steps = document["jobs"]["tplint"]["steps"]
            .as_vec()
            .or(document.as_vec());
        for step in steps.into_iter().flatten() {
            if step["uses"]
                .as_str()
                .is_some_and(|uses| uses.starts_with("OWNER/tplint@"))
            {
                for input in step["with"].as_hash().unwrap().keys() {
                    assert!(
                        !action["inputs"][input.as_str().unwrap()].is_badvalue(),
                        "{input:?}"
                    );
                    used += 1;
                }
            }
        }
    }
    assert!(used >= 5, "{used}");
}

#[test]
fn the_action_is_composite_and_every_step_says_its_shell() {
    let action = file("action.yml");
    assert_eq!(action["runs"]["using"].as_str(), Some("composite"));
    let steps = action["runs"]["steps"].as_vec().unwrap();
    for step in steps {
        let runs = step["run"].as_str().is_some();
        assert_eq!(runs, step["shell"].as_str().is_some(), "{step:?}");
        assert_ne!(runs, step["uses"].as_str().is_some(), "{step:?}");
    }
    // Every input that is used is declared, and every declared one used.
    let text = std::fs::read_to_string(root().join("action.yml")).unwrap();
    let inputs: Vec<&str> = action["inputs"]
        .as_hash()
        .unwrap()
        .keys()
        .map(|key| key.as_str().unwrap())
        .collect();
    for input in &inputs {
        assert!(
            text.contains(&format!("inputs.{input}")),
            "{input} is not used"
        );
    }
    for used in text.split("inputs.").skip(1) {
        let end = used
            .find(|c: char| !(c.is_alphanumeric() || c == '-'))
            .unwrap();
        assert!(
            inputs.contains(&&used[..end]),
            "{} is not declared",
            &used[..end]
        );
    }
}

/// The action's step as GitHub runs it, with the defaults of its inputs.
#[test]
#[cfg(unix)]
fn the_step_of_the_action_reports_and_tells_the_exit_code() {
    let action = file("action.yml");
    let steps = action["runs"]["steps"].as_vec().unwrap();
    let step = steps
        .iter()
        .find(|step| step["id"].as_str() == Some("run"))
        .unwrap();
    let folder = folder("action");
    let value = |input: &str| {
        action["inputs"][input]["default"]
            .as_str()
            .unwrap()
            .to_string()
    };
    let run = |arguments: &str, paths: &str, format: &str| {
        let path = std::env::var("PATH").unwrap();
        let bin = Path::new(env!("CARGO_BIN_EXE_tplint"))
            .parent()
            .unwrap()
            .display();
        let outputs = folder.join("outputs");
        std::fs::write(&outputs, "").unwrap();
        let output = Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c"])
            .arg(step["run"].as_str().unwrap())
            .current_dir(&folder)
            .env("PATH", format!("{bin}:{path}"))
            .env("PATHS", paths)
            .env("ARGUMENTS", arguments)
            .env("FORMAT", format)
            .env("SARIF", value("sarif-file"))
            .env("GITHUB_OUTPUT", &outputs)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (
            output.status.code(),
            std::fs::read_to_string(&outputs).unwrap(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let (paths, format) = (value("paths"), value("format"));
    assert_eq!(
        run("", &paths, &format),
        (Some(0), "exit-code=0\n".into(), String::new())
    );
    let sarif = std::fs::read_to_string(folder.join("tplint.sarif")).unwrap();
    assert!(sarif.contains("\"version\": \"2.1.0\""));
    // A finding does not end the step: the report has still to be uploaded.
    std::fs::write(
        folder.join("src/b.c"),
        "int x; // tplint: allow(wait_in_dll_main) old\n",
    )
    .unwrap();
    assert_eq!(run("-D warnings", "src", &format).1, "exit-code=1\n");
    let (code, outputs, log) = run("-D warnings", "src", "concise");
    assert_eq!((code, &*outputs), (Some(0), "exit-code=1\n"));
    assert!(log.starts_with("src/b.c:1:"), "{log}");
    let (code, outputs, _) = run("--no-such-option", ".", &format);
    assert_eq!((code, &*outputs), (Some(2), "exit-code=2\n"));
}

#[test]
fn the_release_builds_what_the_action_fetches() {
    let release = file(".github/workflows/release.yml");
    let matrix = &release["jobs"]["build"]["strategy"]["matrix"]["include"];
    let mut targets: Vec<&str> = matrix
        .as_vec()
        .unwrap()
        .iter()
        .map(|entry| entry["target"].as_str().unwrap())
        .collect();
    let action = std::fs::read_to_string(root().join("action.yml")).unwrap();
    let mut fetched: Vec<&str> = action
        .split("target=")
        .skip(1)
        .filter_map(|rest| rest.split_whitespace().next())
        .filter(|target| *target != "none")
        .collect();
    targets.sort_unstable();
    fetched.sort_unstable();
    assert_eq!(targets, fetched);
    for wanted in ["windows-msvc", "linux-musl", "apple-darwin"] {
        assert!(
            targets.iter().any(|target| target.contains(wanted)),
            "{wanted}"
        );
    }
}

/// What `cargo binstall` fetches is what the step of the release packs, with every program where it looks for it.
#[test]
#[cfg(unix)]
fn the_archives_of_a_release_are_those_that_binstall_fetches() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let binstall = &manifest["package"]["metadata"]["binstall"];
    let text = |value: &toml::Value, key: &str| value[key].as_str().unwrap().to_string();
    assert_eq!(text(binstall, "pkg-fmt"), "tgz");
    let programs: Vec<String> = manifest["bin"]
        .as_array()
        .unwrap()
        .iter()
        .map(|program| text(program, "name"))
        .collect();
    assert!(programs.contains(&"cargo-tplint".to_string()));
    let release = file(".github/workflows/release.yml");
    let build = &release["jobs"]["build"];
    let steps = build["steps"].as_vec().unwrap();
    let pack = steps
        .iter()
        .find(|step| step["name"].as_str() == Some("Pack"))
        .unwrap();
    let folder = folder("release");
    let mut fetched = Vec::new();
    for entry in build["strategy"]["matrix"]["include"].as_vec().unwrap() {
        let target = entry["target"].as_str().unwrap();
        let ending = if target.contains("windows") {
            ".exe"
        } else {
            ""
        };
        let built = folder.join("target").join(target).join("release");
        std::fs::create_dir_all(&built).unwrap();
        for program in &programs {
            std::fs::write(built.join(format!("{program}{ending}")), "a program").unwrap();
        }
        let step = pack["run"].as_str().unwrap();
        let output = Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c"])
            .arg(step.replace("${{ matrix.target }}", target))
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let address = text(binstall, "pkg-url").replace("{ target }", target);
        assert!(
            address.starts_with("{ repo }/releases/download/v{ version }/"),
            "{address}"
        );
        let archive = address.rsplit('/').next().unwrap();
        let output = Command::new("tar")
            .args(["--list", "--gzip", "--file", archive])
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{archive}: {output:?}");
        let held = String::from_utf8(output.stdout).unwrap();
        for program in &programs {
            let place = text(binstall, "bin-dir")
                .replace("{ bin }", program)
                .replace("{ binary-ext }", ending);
            assert!(held.lines().any(|name| name == place), "{archive}: {held}");
        }
        fetched.push(target.to_string());
    }
    // Where an address names its target itself, that is one of those.
    for (target, other) in binstall["overrides"].as_table().unwrap() {
        let address = text(other, "pkg-url");
        let known = |target: &String| address.ends_with(&format!("/tplint-{target}.tar.gz"));
        assert!(fetched.iter().any(known), "{target}: {address}");
    }
}
