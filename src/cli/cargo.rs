//! `cargo tplint`: the DLLs of a workspace, chosen as cargo chooses packages, and then the analysis that `tplint` makes.
//!
//! `cargo metadata` says what there is, without the network and without resolving a dependency: packages, their targets,
//! and the paths of dependencies that lie on this machine. Of the packages that were chosen those count that make a DLL
//! (`cdylib` or `dylib`), with the packages that are linked into them. What is read is the workspace without the other
//! packages, so that manifests which inherit from the workspace are understood; what is shown lies in the packages that
//! count.

use super::{Arguments, check, flags, on_deep_stack, shell, tell};
use crate::project::read::Project;
use crate::rules::page;
use cargo_metadata::{CrateType, DependencyKind, Metadata, MetadataCommand, Package};
use clap::{CommandFactory, FromArgMatches, Parser};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Finds the code that hangs or crashes Windows processes at the edges of a DLL's life, in the DLLs of a Cargo workspace
#[derive(Parser)]
#[command(name = "cargo-tplint", bin_name = "cargo tplint", version)]
#[command(after_help = "\
Packages are chosen as cargo build chooses them; those count that make a DLL (a library or an example of crate-type cdylib or dylib), with what is linked into them.
What stands behind -- is for tplint: `cargo tplint -- -D warnings`, `cargo tplint -- --fix`; `tplint --help` lists it.
Exit codes are those of tplint.")]
struct Selection {
    /// Check this package; can be given more than once
    #[arg(short, long, value_name = "NAME")]
    package: Vec<String>,
    /// Check all packages of the workspace
    #[arg(long, visible_alias = "all", conflicts_with = "package")]
    workspace: bool,
    /// Leave this package out; can be given more than once
    #[arg(long, value_name = "NAME", requires = "workspace")]
    exclude: Vec<String>,
    /// The Cargo.toml of the package or workspace [default: the next one upward]
    #[arg(long, value_name = "PATH")]
    manifest_path: Option<PathBuf>,
    /// Arguments of tplint
    #[arg(last = true, value_name = "TPLINT ARGUMENTS")]
    rest: Vec<OsString>,
}

/// The command as clap knows it, for the manual page.
pub(super) fn command() -> clap::Command {
    Selection::command()
}

/// Runs the command line of this process: `cargo-tplint tplint …` from cargo, `cargo-tplint …` from elsewhere.
pub fn main() -> ExitCode {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    if words.get(1).is_some_and(|word| word == "tplint") {
        words.remove(1);
    }
    let selection = match Selection::try_parse_from(words) {
        Ok(selection) => selection,
        Err(error) => return shell::usage(&error),
    };
    let name = OsString::from("tplint");
    let rest = std::iter::once(&name).chain(&selection.rest);
    let matches = match Arguments::command().try_get_matches_from(rest) {
        Ok(matches) => matches,
        Err(error) => return shell::usage(&error),
    };
    on_deep_stack(move || {
        let arguments = Arguments::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        let mut arguments = match arguments.command {
            None => arguments.check,
            Some(_) => return Err("commands are tplint's own: call it without cargo".into()),
        };
        let input = &mut arguments.input;
        if !input.paths.is_empty() || input.stdin_filename.is_some() {
            return Err(
                "cargo tplint takes packages (-p NAME), and tplint itself takes paths".into(),
            );
        }
        let Some(project) = project(&selection)? else {
            tell(
                "warning: no chosen package makes a DLL (a library or an example of crate-type cdylib or dylib): nothing was checked",
            );
            return Ok(ExitCode::SUCCESS);
        };
        input.paths = project.shown;
        input.cargo = Some(project.read);
        check(&arguments, &flags(&matches)?)
    })
}

/// What of a workspace is looked at.
struct Chosen {
    /// The folders of the packages that count.
    shown: Vec<PathBuf>,
    read: Project,
}

/// None where no chosen package makes a DLL.
fn project(selection: &Selection) -> Result<Option<Chosen>, String> {
    let metadata = metadata(selection.manifest_path.as_deref())?;
    let chosen = chosen(selection, &metadata)?;
    let mut packages: BTreeMap<PathBuf, Package> = BTreeMap::new();
    let mut roots = vec![metadata.workspace_root.clone().into_std_path_buf()];
    let members: BTreeSet<PathBuf> = metadata.packages.iter().map(folder).collect();
    add(&mut packages, &metadata.packages);
    // From the DLLs to what is linked into them.
    let dlls = chosen.into_iter().filter(|package| makes_dll(package));
    let mut queue: Vec<PathBuf> = dlls.map(folder).collect();
    let mut counted = BTreeSet::new();
    while let Some(next) = queue.pop() {
        if !counted.insert(next.clone()) {
            continue;
        }
        if !packages.contains_key(&next) {
            // Outside of the workspace; where cargo knows nothing about it, its sources are read all the same.
            roots.push(next.clone());
            if let Ok(other) = self::metadata(Some(&next.join("Cargo.toml"))) {
                add(&mut packages, &other.packages);
            }
        }
        let dependencies = packages.get(&next).map(|package| &package.dependencies);
        let linked = dependencies.into_iter().flatten();
        queue.extend(
            linked
                .filter(|dependency| dependency.kind == DependencyKind::Normal)
                .filter_map(|dependency| dependency.path.clone())
                .map(|path| path.into_std_path_buf()),
        );
    }
    if counted.is_empty() {
        return Ok(None);
    }
    let mut left_out = vec![metadata.target_directory.clone().into_std_path_buf()];
    left_out.extend(members.into_iter().filter(|folder| {
        !counted.contains(folder) && !counted.iter().any(|other| other.starts_with(folder))
    }));
    Ok(Some(Chosen {
        shown: counted.into_iter().collect(),
        read: Project {
            start: metadata.workspace_root.into_std_path_buf(),
            roots,
            left_out,
        },
    }))
}

/// What cargo says about a workspace, without the network.
fn metadata(manifest: Option<&Path>) -> Result<Metadata, String> {
    let mut command = MetadataCommand::new();
    command.no_deps().other_options(["--offline".to_string()]);
    if let Some(manifest) = manifest {
        command.manifest_path(manifest);
    }
    command.exec().map_err(|error| match error {
        cargo_metadata::Error::CargoMetadata { stderr } => {
            let stderr = stderr.trim();
            stderr.strip_prefix("error: ").unwrap_or(stderr).to_string()
        }
        error => error.to_string(),
    })
}

fn add(packages: &mut BTreeMap<PathBuf, Package>, more: &[Package]) {
    for package in more {
        packages.insert(folder(package), package.clone());
    }
}

/// The folder of a package's manifest.
fn folder(package: &Package) -> PathBuf {
    let manifest = package.manifest_path.as_std_path();
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// By its library, or by an example, which can be a DLL, too.
fn makes_dll(package: &Package) -> bool {
    let mut types = package
        .targets
        .iter()
        .flat_map(|target| &target.crate_types);
    types.any(|kind| matches!(kind, CrateType::CDyLib | CrateType::DyLib))
}

/// The packages that cargo would build.
fn chosen<'m>(selection: &Selection, metadata: &'m Metadata) -> Result<Vec<&'m Package>, String> {
    let members = metadata.workspace_packages();
    for name in selection.package.iter().chain(&selection.exclude) {
        let names = || members.iter().map(|package| package.name.as_str());
        if !names().any(|known| known == name) {
            return Err(match page::nearest(name, names()) {
                Some(near) => format!(
                    "no package of the workspace is called `{name}`; the nearest is `{near}`"
                ),
                None => format!("no package of the workspace is called `{name}`"),
            });
        }
    }
    let is_in = |names: &[String], package: &Package| names.iter().any(|name| package.name == name);
    Ok(if selection.workspace {
        let kept = members.into_iter();
        kept.filter(|package| !is_in(&selection.exclude, package))
            .collect()
    } else if selection.package.is_empty() {
        metadata.workspace_default_packages()
    } else {
        let named = members.into_iter();
        named
            .filter(|package| is_in(&selection.package, package))
            .collect()
    })
}
