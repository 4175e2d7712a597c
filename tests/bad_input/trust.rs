//! Trees that want more read, run or written than they hold: what SECURITY.md promises.

use super::world::{is_root, listing, needs};
use super::{Case, DLL, FIXABLE, Outcome, command, finish, run};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a tree must not get at: it stands in the file that links and settings lead to.
const SECRET: &str = "secret_outside_of_the_tree";

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("links out of the tree", links_out),
        Case::new(
            "a tplint.toml that is a link out of the tree",
            configuration_out,
        ),
        Case::new("a baseline that is a link out of the tree", baseline_out),
        Case::new("a tplint.toml that names files outside", names_outside),
        Case::new("build files that name files outside", builds_outside),
        Case::new("nothing is written", nothing_is_written),
        Case::new("a fix through a link out of the tree", fix_outside),
        Case::new("hard links and links to a source, and --fix", fix_links),
        needs(
            Case::new("a repository that wants something run", hostile_repository),
            Command::new("git").arg("--version").output().is_ok(),
            "there is no git",
        ),
        needs(
            Case::new("no network", no_network),
            can_do_without_network(),
            "a name space without network can't be made here",
        ),
    ]
}

/// The tree of a case, with a good source, and a secret beside it.
fn tree(folder: &Path) -> std::io::Result<std::path::PathBuf> {
    let tree = folder.join("tree");
    fs::create_dir_all(&tree)?;
    fs::write(tree.join("dll.c"), DLL)?;
    fs::create_dir_all(folder.join("outside"))?;
    fs::write(folder.join("outside/a.c"), format!("{DLL}// {SECRET}\n"))?;
    fs::write(folder.join("outside/secret.txt"), format!("{SECRET} = 1\n"))?;
    Ok(tree)
}

/// Nothing of what lies outside is told, in any format.
fn keeps_the_secret(tree: &Path, code: i32, said: &[&str]) -> Outcome {
    let mut line = String::new();
    for format in ["text", "json", "sarif", "concise"] {
        let told = run(tree, &["--format", format, "."])?;
        told.must(code, said)?;
        if told.out.contains(SECRET)
            || told.err.contains(SECRET)
            || told.out.contains("outside/a.c")
        {
            return Err(format!("what lies outside was read: {}{}", told.out, told.err).into());
        }
        line = told.told();
    }
    Ok(line)
}

fn links_out(folder: &Path) -> Outcome {
    let tree = tree(folder)?;
    symlink("../outside/a.c", tree.join("a.c"))?;
    symlink("../outside", tree.join("folder"))?;
    symlink("/", tree.join("root"))?;
    keeps_the_secret(
        &tree,
        1,
        &[
            "1 file read",
            "3 links that lead out of the analysed folders are not followed: `a.c`",
        ],
    )
}

fn configuration_out(folder: &Path) -> Outcome {
    let tree = tree(folder)?;
    symlink("../outside/secret.txt", tree.join("tplint.toml"))?;
    keeps_the_secret(
        &tree,
        2,
        &["`tplint.toml`: it is a link out of its project"],
    )
}

fn baseline_out(folder: &Path) -> Outcome {
    let tree = tree(folder)?;
    symlink("../outside/secret.txt", tree.join("tplint-baseline.json"))?;
    keeps_the_secret(
        &tree,
        2,
        &["`tplint-baseline.json`: it is a link out of its project"],
    )
}

fn names_outside(folder: &Path) -> Outcome {
    let tree = tree(folder)?;
    let outside = folder.join("outside");
    let outside = outside.display();
    for (name, code, text) in [
        (
            "a module",
            None,
            format!(
                "[[module]]\nname = \"m\"\nkind = \"dll\"\npaths = [\"../outside/\", \"{outside}/\"]\n"
            ),
        ),
        (
            "an override",
            None,
            "[[override]]\npaths = [\"../outside/\"]\nrules = { wait_in_dll_main = \"warn\" }\n"
                .to_string(),
        ),
        (
            "a baseline",
            Some(2),
            "baseline = \"../outside/secret.txt\"\n".to_string(),
        ),
        (
            "a baseline by its whole path",
            Some(2),
            format!("baseline = \"{outside}/secret.txt\"\n"),
        ),
        (
            "an include",
            Some(2),
            "extend = \"../outside/secret.txt\"\n".to_string(),
        ),
    ] {
        fs::write(tree.join("tplint.toml"), text)?;
        let told = run(&tree, &["--format", "json", "."])?;
        if told.out.contains(SECRET)
            || told.err.contains(SECRET)
            || told.out.contains("outside/a.c")
        {
            return Err(format!(
                "{name}: what lies outside was read: {}{}",
                told.out, told.err
            )
            .into());
        }
        match (code, told.code) {
            (Some(code), _) => told.must(code, &["error: tplint.toml:"])?,
            (None, Some(1 | 2)) => {}
            (None, code) => return Err(format!("{name}: exit code {code:?}: {}", told.err).into()),
        }
    }
    Ok("five settings, none of which is followed".into())
}

fn builds_outside(folder: &Path) -> Outcome {
    let tree = tree(folder)?;
    let outside = folder.join("outside/a.c");
    let outside = outside.display();
    fs::write(
        tree.join("CMakeLists.txt"),
        format!(
            "include(../outside/secret.txt)\nadd_subdirectory(../outside b)\nadd_library(a SHARED dll.c ../outside/a.c {outside})\nexecute_process(COMMAND touch ran)\n"
        ),
    )?;
    fs::write(
        tree.join("a.vcxproj"),
        format!(
            "<!DOCTYPE p [<!ENTITY x SYSTEM \"../outside/secret.txt\">]><Project><PropertyGroup><ConfigurationType>DynamicLibrary</ConfigurationType></PropertyGroup><ItemGroup><ClCompile Include=\"dll.c\"/><ClCompile Include=\"..\\outside\\a.c\"/><ClCompile Include=\"{outside}\"/></ItemGroup><Import Project=\"..\\outside\\secret.txt\"/></Project>"
        ),
    )?;
    fs::create_dir_all(tree.join("rust/src"))?;
    fs::write(
        tree.join("rust/Cargo.toml"),
        format!(
            "[package]\nname = \"r\"\nbuild = \"build.rs\"\n[lib]\ncrate-type = [\"cdylib\"]\npath = \"{outside}\"\n[dependencies]\no = {{ path = \"../../outside\" }}\n"
        ),
    )?;
    fs::write(
        tree.join("rust/src/lib.rs"),
        "#[path = \"../../../outside/a.c\"] mod a;\n",
    )?;
    fs::write(
        tree.join("rust/build.rs"),
        "fn main() { std::fs::write(\"ran\", \"\").unwrap(); }\n",
    )?;
    fs::create_dir_all(tree.join("build"))?;
    fs::write(
        tree.join("build/compile_commands.json"),
        format!(
            "[{{\"directory\":\"{0}\",\"command\":\"cc -c {outside}\",\"file\":\"{outside}\"}},{{\"directory\":\"{0}\",\"command\":\"cc -c dll.c\",\"file\":\"dll.c\"}}]",
            tree.display()
        ),
    )?;
    let built = run(&tree, &["--format", "json", "--build", "build", "."])?;
    if built.out.contains(SECRET) || built.out.contains("outside/a.c") || built.err.contains(SECRET)
    {
        return Err(format!("what lies outside was read: {}{}", built.out, built.err).into());
    }
    let line = keeps_the_secret(&tree, 1, &["3 files read"])?;
    if tree.join("ran").exists() || tree.join("rust/ran").exists() {
        return Err("a build file was run".into());
    }
    Ok(line)
}

fn nothing_is_written(folder: &Path) -> Outcome {
    let tree = tree(folder)?;
    let before = listing(folder)?;
    for arguments in [
        &["."][..],
        &["--format", "sarif", "."],
        &["--diff", "."],
        &["--show-config", "."],
        &["--show-files", "."],
        &["--statistics", "."],
        &["modules", "."],
        &["dll.c"],
    ] {
        let mut command = command(&tree, arguments);
        for variable in ["HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TMPDIR"] {
            command.env(variable, folder.join("outside"));
        }
        // What the run says goes to files elsewhere.
        let told = finish(command, &folder.with_extension("said"))?;
        if !matches!(told.code, Some(0 | 1)) {
            return Err(format!("{arguments:?}: {:?}: {}", told.code, told.err).into());
        }
        if listing(folder)? != before {
            return Err(format!("{arguments:?} wrote something").into());
        }
    }
    Ok("eight commands, after each of which the tree, HOME and TMPDIR are as they were".into())
}

/// Sources outside that links lead to stay as they are; those of the tree are fixed.
fn fix_outside(folder: &Path) -> Outcome {
    let tree = tree(folder)?;
    fs::write(folder.join("outside/fixable.c"), FIXABLE)?;
    fs::write(tree.join("own.c"), FIXABLE)?;
    symlink("../outside/fixable.c", tree.join("fixable.c"))?;
    symlink("../outside", tree.join("below"))?;
    let told = run(&tree, &["--fix", "."])?;
    told.must(1, &["1 finding in 1 file fixed"])?;
    if fs::read_to_string(folder.join("outside/fixable.c"))? != FIXABLE {
        return Err("a file outside was changed".into());
    }
    Ok(told.told())
}

/// A link that is given by itself stays a link, and what it leads to is fixed: that is what was named.
fn fix_links(folder: &Path) -> Outcome {
    fs::write(folder.join("real.c"), FIXABLE)?;
    symlink("real.c", folder.join("named.c"))?;
    let told = run(folder, &["--fix", "named.c"])?;
    if !matches!(told.code, Some(0)) || !told.err.contains("1 file fixed") {
        return Err(format!("{:?}: {}", told.code, told.err).into());
    }
    let is_link = fs::symlink_metadata(folder.join("named.c"))?.is_symlink();
    if !is_link || fs::read_to_string(folder.join("real.c"))? == FIXABLE {
        return Err("the link was replaced, or nothing was fixed".into());
    }
    Ok(told.told())
}

/// A repository whose configuration names programs for everything that git could want, and that lacks an object which
/// only its remote has.
fn hostile_repository(folder: &Path) -> Outcome {
    let tree = tree(folder)?;
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(&tree)
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        git.status()
    };
    git(&["init", "--quiet"])?;
    fs::write(tree.join(".gitattributes"), "*.c filter=run diff=run\n")?;
    git(&["add", "."])?;
    git(&["commit", "--quiet", "-m", "one"])?;
    let ran = folder.join("ran");
    let program = format!("touch {}", ran.display());
    fs::write(
        tree.join("config.new"),
        format!(
            "[core]\nfsmonitor = {program}\nsshCommand = {program}\npager = {program}\nhooksPath = hooks\neditor = {program}\ngitProxy = {program}\naskPass = {program}\n[filter \"run\"]\nclean = {program}\nsmudge = {program}\nprocess = {program}\nrequired = true\n[diff \"run\"]\ntextconv = {program}\ncommand = {program}\n[diff]\nexternal = {program}\n[alias]\nrev-parse = !{program}\nls-tree = !{program}\ncat-file = !{program}\n[protocol]\nallow = always\n[remote \"origin\"]\nurl = ext::sh -c touch% {}\npromisor = true\npartialCloneFilter = blob:none\nuploadpack = {program}\n[extensions]\npartialClone = origin\n",
            ran.display()
        ),
    )?;
    let mut config = fs::read_to_string(tree.join(".git/config"))?;
    config.push_str(&fs::read_to_string(tree.join("config.new"))?);
    config = config.replace("repositoryformatversion = 0", "repositoryformatversion = 1");
    fs::write(tree.join(".git/config"), config)?;
    fs::remove_file(tree.join("config.new"))?;
    fs::write(tree.join("dll.c"), format!("\n{DLL}"))?;
    let told = run(&tree, &["--format", "concise", "--since", "HEAD", "."])?;
    told.must(0, &["1 not new"])?;
    // Now without the objects: what is missing would be fetched.
    let mut pending = vec![tree.join(".git/objects")];
    while let Some(below) = pending.pop() {
        for entry in fs::read_dir(below)? {
            let path = entry?.path();
            if path.is_dir() {
                pending.push(path);
            } else if is_blob(&tree, &path) {
                fs::remove_file(&path)?;
            }
        }
    }
    let told = run(&tree, &["--format", "concise", "--since", "HEAD", "."])?;
    told.must(2, &["error: git cat-file: `dll.c` cannot be read"])?;
    if ran.exists() {
        return Err("a program that the repository names was run".into());
    }
    Ok(told.told())
}

/// Whether a loose object of a repository is the content of a file.
fn is_blob(tree: &Path, object: &Path) -> bool {
    let name = object
        .file_name()
        .map_or("".into(), |name| name.to_string_lossy());
    let folder = object.parent().and_then(Path::file_name);
    let folder = folder.map_or("".into(), |name| name.to_string_lossy());
    let mut git = Command::new("git");
    git.current_dir(tree)
        .args(["cat-file", "-t", &format!("{folder}{name}")])
        .env("GIT_NO_LAZY_FETCH", "1");
    git.output().is_ok_and(|output| output.stdout == b"blob\n")
}

fn can_do_without_network() -> bool {
    let mut unshare = Command::new("unshare");
    unshare.args(["--net", "true"]).stderr(Stdio::null());
    is_root() && unshare.status().is_ok_and(|status| status.success())
}

/// The same report where there is no network at all, and no call that asks for one.
fn no_network(folder: &Path) -> Outcome {
    let tree = tree(folder)?;
    let expected = run(&tree, &["--format", "sarif", "."])?;
    let mut unshare = Command::new("unshare");
    unshare
        .args([
            "--net",
            env!("CARGO_BIN_EXE_tplint"),
            "--format",
            "sarif",
            ".",
        ])
        .current_dir(&tree);
    let told = finish(unshare, folder)?;
    told.must(1, &["1 file read"])?;
    if told.out != expected.out {
        return Err("without network the report is another".into());
    }
    Ok(told.told())
}
