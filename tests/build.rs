//! `--build`: which sources make up which module, as a build folder tells it, and what it cannot make tplint do.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder of its own for a test, with these files.
fn folder(test: &str, files: &[(&str, &str)]) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("build")
        .join(test);
    let _ = std::fs::remove_dir_all(&root);
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::fs::canonicalize(root).unwrap()
}

/// A project whose build files say less than is true: a wrapper makes the libraries.
const PROJECT: [(&str, &str); 6] = [
    (
        "proj/CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.20)\nproject(demo C)\ninclude(rules.cmake)\nour_parts()\noption(PLUGIN \"\" OFF)\nif(PLUGIN)\n  add_library(plugin MODULE plugin/plugin.c)\nendif()\n",
    ),
    (
        "proj/rules.cmake",
        "function(our_parts)\n  foreach(part hook tool)\n    string(TOUPPER ${part} upper)\n  endforeach()\n  add_library(common STATIC src/common.c)\n  add_library(hook SHARED src/hook.c)\n  target_link_libraries(hook PRIVATE common)\n  add_executable(tool src/tool.c)\n  target_link_libraries(tool PRIVATE common)\nendfunction()\n",
    ),
    ("proj/src/common.c", "int common(void) { return 1; }\n"),
    (
        "proj/src/hook.c",
        "int common(void);\nint hook(void) { return common(); }\n",
    ),
    (
        "proj/src/tool.c",
        "int common(void);\nint main(void) { return common(); }\n",
    ),
    ("proj/plugin/plugin.c", "int plugin(void) { return 2; }\n"),
];

/// Modules by name: kind, and sources.
fn modules(root: &Path, arguments: &[&str]) -> BTreeMap<String, (String, Vec<String>)> {
    let arguments = [&["modules", "--format", "json"], arguments].concat();
    let (code, out, err) = run(root, &arguments);
    assert_eq!(code, 0, "{err}");
    let document: Value = serde_json::from_str(&out).unwrap();
    let texts = |value: &Value| -> Vec<String> {
        let list = value.as_array().unwrap().iter();
        list.map(|text| text.as_str().unwrap().to_string())
            .collect()
    };
    document["modules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|module| {
            let kind = module["kind"].as_str().unwrap().to_string();
            let name = module["name"].as_str().unwrap().to_string();
            (name, (kind, texts(&module["sources"])))
        })
        .collect()
}

fn run(root: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tplint"))
        .current_dir(root)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn module(kind: &str, sources: &[&str]) -> (String, Vec<String>) {
    (
        kind.to_string(),
        sources.iter().map(|path| path.to_string()).collect(),
    )
}

/// The reply that CMake writes for targets: name, type, sources, what is linked.
fn write_reply(build: &Path, source: &str, targets: &[(&str, &str, &[&str], &[&str])]) {
    let reply = build.join(".cmake/api/v1/reply");
    std::fs::create_dir_all(&reply).unwrap();
    let write = |name: &str, value: Value| {
        std::fs::write(reply.join(name), value.to_string()).unwrap();
    };
    write(
        "index-2026-01-01T00-00-00-0000.json",
        json!({"objects": [{"kind": "codemodel", "version": {"major": 2, "minor": 6}, "jsonFile": "codemodel-v2-1.json"}]}),
    );
    let entries: Vec<Value> = targets
        .iter()
        .map(|(name, ..)| json!({"name": name, "id": format!("{name}::@1"), "jsonFile": format!("target-{name}.json")}))
        .collect();
    write(
        "codemodel-v2-1.json",
        json!({"paths": {"source": source, "build": "unused"}, "configurations": [{"name": "Debug", "targets": entries}]}),
    );
    for (name, kind, sources, links) in targets {
        let paths: Vec<Value> = sources.iter().map(|path| json!({"path": path})).collect();
        let ids: Vec<Value> = links
            .iter()
            .map(|name| json!({"id": format!("{name}::@1")}))
            .collect();
        write(
            &format!("target-{name}.json"),
            json!({"name": name, "type": kind, "sources": paths, "dependencies": ids}),
        );
    }
}

type Target<'t> = (&'t str, &'t str, &'t [&'t str], &'t [&'t str]);

const TARGETS: [Target<'static>; 4] = [
    ("common", "STATIC_LIBRARY", &["src/common.c"], &[]),
    (
        "hook",
        "SHARED_LIBRARY",
        &["src/hook.c", "generated.c"],
        &["common"],
    ),
    ("tool", "EXECUTABLE", &["src/tool.c"], &["common"]),
    ("check", "UTILITY", &[], &[]),
];

/// What the project is made of, whatever told it.
fn expected() -> [(&'static str, (String, Vec<String>)); 2] {
    [
        (
            "hook",
            module("dll", &["proj/src/common.c", "proj/src/hook.c"]),
        ),
        (
            "tool",
            module("exe", &["proj/src/common.c", "proj/src/tool.c"]),
        ),
    ]
}

/// The modules of the project as it was built, which are those that are expected at least.
fn built(root: &Path) -> BTreeMap<String, (String, Vec<String>)> {
    write_reply(
        &root.join("out"),
        &root.join("proj").to_string_lossy(),
        &TARGETS,
    );
    let found = modules(root, &["proj", "--build", "out"]);
    for (name, module) in expected() {
        assert_eq!(found.get(name), Some(&module), "{found:?}");
    }
    found
}

#[test]
fn the_reply_of_cmake_tells_the_modules() {
    let root = folder("reply", &PROJECT);
    let found = built(&root);
    // What is not built is a module of its own, and part of no other.
    let plugin: Vec<_> = found
        .values()
        .filter(|module| module.1.contains(&"proj/plugin/plugin.c".into()))
        .collect();
    assert_eq!(plugin, [&module("dll", &["proj/plugin/plugin.c"])]);
    assert_eq!(found.len(), 3, "{found:?}");
}

/// Another list of what has been built makes no second module, whatever that list links besides.
#[test]
fn a_list_whose_sources_were_built_counts_no_more() {
    let project = |kind: &str, items: &str| {
        format!(
            "<Project><PropertyGroup><ConfigurationType>{kind}</ConfigurationType></PropertyGroup>\
             <ItemGroup>{items}</ItemGroup></Project>"
        )
    };
    let old = project(
        "DynamicLibrary",
        "<ClCompile Include=\"..\\src\\hook.c\"/><ProjectReference Include=\"zip.vcxproj\"/>",
    );
    let part = project("StaticLibrary", "<ClCompile Include=\"zip.c\"/>");
    let mut files = PROJECT.to_vec();
    files.extend([
        ("proj/old/old.vcxproj", old.as_str()),
        ("proj/old/zip.vcxproj", part.as_str()),
        ("proj/old/zip.c", "int zip(void) { return 3; }\n"),
    ]);
    let root = folder("twice", &files);
    let zip = "proj/old/zip.c".to_string();
    let unbuilt = modules(&root, &["proj"]);
    assert!(unbuilt["hook"].1.contains(&zip), "{unbuilt:?}");
    let found = built(&root);
    let with_zip: Vec<_> = found
        .iter()
        .filter(|(_, made)| made.1.contains(&zip))
        .collect();
    assert_eq!(
        with_zip,
        [(&"zip".to_string(), &module("unknown", &[&zip]))]
    );
}

#[test]
fn a_build_of_the_same_tree_in_another_folder_counts() {
    let root = folder("moved", &PROJECT);
    write_reply(&root.join("out"), "/home/builder/checkout", &TARGETS);
    let found = modules(&root, &["proj", "--build", "out"]);
    for (name, module) in expected() {
        assert_eq!(found.get(name), Some(&module), "{found:?}");
    }
    // Windows wrote it.
    write_reply(&root.join("out"), r"C:\Checkouts\demo", &TARGETS);
    let found = modules(&root, &["proj", "--build", "out"]);
    assert_eq!(found["hook"], expected()[0].1);
}

#[test]
fn compile_commands_tell_the_sources() {
    let root = folder("commands", &PROJECT);
    std::fs::create_dir_all(root.join("out")).unwrap();
    let command = |target: &str, source: &str, define: &str| {
        let file = root.join("proj").join(source);
        json!({
            "directory": root.join("out"),
            "file": file,
            "command": format!("cc {define} -o CMakeFiles/{target}.dir/{source}.obj -c {}", file.display()),
        })
    };
    let commands = json!([
        command("hook", "src/hook.c", "-Dhook_EXPORTS"),
        command("hook", "plugin/plugin.c", "-Dhook_EXPORTS"),
        command("tool", "src/tool.c", ""),
        command("common", "src/common.c", ""),
    ]);
    std::fs::write(root.join("out/compile_commands.json"), commands.to_string()).unwrap();
    let found = modules(&root, &["proj", "--build", "out"]);
    let (kind, sources) = &found["hook"];
    assert_eq!(kind, "dll");
    assert!(
        sources.contains(&"proj/plugin/plugin.c".to_string()),
        "{sources:?}"
    );
    assert!(
        sources.contains(&"proj/src/hook.c".to_string()),
        "{sources:?}"
    );
    assert!(
        !sources.contains(&"proj/src/tool.c".to_string()),
        "{sources:?}"
    );
    // Kind and links are still known from the build files.
    assert_eq!(found["tool"].0, "exe");
}

#[test]
fn a_build_folder_cannot_make_tplint_read_other_files() {
    let root = folder("outside", &PROJECT);
    std::fs::write(root.join("secret.c"), "int secret(void) { return 3; }\n").unwrap();
    let sources = ["src/hook.c", "../secret.c", "/etc/passwd"];
    write_reply(
        &root.join("out"),
        &root.join("proj").to_string_lossy(),
        &[("hook", "SHARED_LIBRARY", &sources, &[])],
    );
    let found = modules(&root, &["proj", "--build", "out"]);
    assert_eq!(found["hook"], module("dll", &["proj/src/hook.c"]));
    assert!(
        found
            .values()
            .all(|module| !module.1.iter().any(|path| path.contains("secret")))
    );
    // Names of files of the reply lead nowhere else, and links in it nowhere at all.
    let index = root.join("out/.cmake/api/v1/reply/index-2026-01-01T00-00-00-0000.json");
    std::fs::write(
        &index,
        json!({"objects": [{"kind": "codemodel", "version": {"major": 2}, "jsonFile": "../../../../../model.json"}]}).to_string(),
    )
    .unwrap();
    std::fs::copy(
        root.join("out/.cmake/api/v1/reply/codemodel-v2-1.json"),
        root.join("model.json"),
    )
    .unwrap();
    let (code, _, err) = run(&root, &["proj", "--build", "out"]);
    assert_eq!(code, 2);
    assert!(err.contains("no code model"), "{err}");
    #[cfg(unix)]
    {
        let other = root.join("linked");
        std::fs::create_dir_all(&other).unwrap();
        std::fs::write(root.join("elsewhere.json"), "[]").unwrap();
        std::os::unix::fs::symlink(
            root.join("elsewhere.json"),
            other.join("compile_commands.json"),
        )
        .unwrap();
        assert_eq!(run(&root, &["proj", "--build", "linked"]).0, 2);
    }
}

#[test]
fn builds_that_say_nothing_are_told() {
    let root = folder("nothing", &PROJECT);
    std::fs::create_dir_all(root.join("empty")).unwrap();
    let (code, _, err) = run(&root, &["proj", "--build", "empty"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("neither") && err.contains("codemodel-v2"),
        "{err}"
    );
    let (code, _, err) = run(&root, &["proj", "--build", "gone"]);
    assert_eq!(code, 2);
    assert!(err.contains("cannot read `gone`"), "{err}");
    write_reply(
        &root.join("out"),
        "/x",
        &[("a", "SHARED_LIBRARY", &["other.c"], &[])],
    );
    let (code, _, err) = run(&root, &["proj", "--build", "out"]);
    assert_eq!(code, 0);
    assert!(
        err.contains("warning: the build in `out` tells of no source among the given paths"),
        "{err}"
    );
    std::fs::write(root.join("empty/compile_commands.json"), "{").unwrap();
    // The folder, or the file in it.
    for build in ["empty", "empty/compile_commands.json"] {
        let (code, _, err) = run(&root, &["proj", "--build", build]);
        assert_eq!(code, 2);
        assert!(
            err.contains("compile_commands.json is not what it should be"),
            "{err}"
        );
    }
}

/// Up to Visual Studio 2008 the solution, and not the project, says which libraries a DLL holds.
#[test]
fn solutions_tell_what_old_projects_link() {
    let project = |kind: u32, source: &str| {
        format!(
            "<?xml version=\"1.0\"?><VisualStudioProject><Configurations><Configuration Name=\"Debug|Win32\" ConfigurationType=\"{kind}\"/></Configurations><Files><File RelativePath=\".\\{source}\"/></Files></VisualStudioProject>"
        )
    };
    let solution = "Microsoft Visual Studio Solution File, Format Version 10.00\r\nProject(\"{8BC9CEB8-8B4A-11D0-8D11-00A0C91BC942}\") = \"hook\", \"hook\\hook.vcproj\", \"{AAAAAAAA-0000-0000-0000-000000000001}\"\r\n\tProjectSection(ProjectDependencies) = postProject\r\n\t\t{aaaaaaaa-0000-0000-0000-000000000002} = {aaaaaaaa-0000-0000-0000-000000000002}\r\n\tEndProjectSection\r\nEndProject\r\nProject(\"{8BC9CEB8-8B4A-11D0-8D11-00A0C91BC942}\") = \"common\", \"common\\common.vcproj\", \"{AAAAAAAA-0000-0000-0000-000000000002}\"\r\nEndProject\r\nProject(\"{8BC9CEB8-8B4A-11D0-8D11-00A0C91BC942}\") = \"tool\", \"tool\\tool.vcproj\", \"{AAAAAAAA-0000-0000-0000-000000000003}\"\r\nEndProject\r\n";
    let root = folder(
        "solution",
        &[
            ("all.sln", solution),
            ("hook/hook.vcproj", &project(2, "hook.c")),
            ("common/common.vcproj", &project(4, "common.c")),
            ("tool/tool.vcproj", &project(1, "tool.c")),
            (
                "hook/hook.c",
                "int common(void);\nint hook(void) { return common(); }\n",
            ),
            ("common/common.c", "int common(void) { return 1; }\n"),
            ("tool/tool.c", "int main(void) { return 0; }\n"),
        ],
    );
    let found = modules(&root, &["."]);
    assert_eq!(
        found["hook"],
        module("dll", &["common/common.c", "hook/hook.c"])
    );
    assert_eq!(found["tool"], module("exe", &["tool/tool.c"]));
    assert_eq!(found.len(), 2, "{found:?}");
}

/// With the real CMake, where it is there; it needs a compiler, too.
#[test]
fn a_real_build_folder_is_understood() {
    let root = folder("real", &PROJECT);
    let query = root.join("out/.cmake/api/v1/query");
    std::fs::create_dir_all(&query).unwrap();
    std::fs::write(query.join("codemodel-v2"), "").unwrap();
    let cmake = Command::new("cmake")
        .args(["-S", "proj", "-B", "out"])
        .current_dir(&root)
        .stdin(Stdio::null())
        .output();
    match cmake {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            println!(
                "not tried with the real CMake, which cannot configure here: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            return;
        }
        Err(error) => {
            println!("not tried with the real CMake: {error}");
            return;
        }
    }
    let found = modules(&root, &["proj", "--build", "out"]);
    for (name, module) in expected() {
        assert_eq!(found.get(name), Some(&module), "{found:?}");
    }
}
