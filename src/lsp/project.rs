//! What is analysed: one project at a time, on a thread of its own.
//!
//! In come jobs with the texts that are open in the editor; out go findings, by the same configuration, baseline and
//! rules as on the command line. Between jobs a project keeps what it has read. A job can be stopped between stages.

use super::again::{Base, Taken};
use super::documents::lies_below;
use crate::config::{FILE_NAME, Flag, Policy};
use crate::diagnostic::Diagnostic;
use crate::project::around::around;
use crate::project::known::{self, Known};
use crate::project::paths::{resolved, slashed};
use crate::project::progress::Progress;
use crate::project::read::{self, Input, Wanted};
use crate::project::{STACK, enabled, options};
use crate::source::{FileId, Sources};
use crate::suppress::{Marked, Suppressions, judge};
use crate::{Options, STOPPED, Watch};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::SystemTime;

/// What the command line of the server asks for, for every project.
#[derive(Debug, Default, Clone)]
pub struct Setup {
    /// A project's configuration, where it is not to be looked for.
    pub config: Option<PathBuf>,
    pub no_ignore: bool,
    pub no_index: bool,
    pub build: Option<PathBuf>,
    pub flags: Vec<Flag>,
    pub notes: bool,
    pub known: known::Asked,
}

/// Where a project lies: absolute, with `/` between the parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    pub folder: String,
    /// No folder that the editor has opened: only findings that touch open files are shown.
    pub is_loose: bool,
}

/// Open texts with their versions, by absolute path.
pub type Texts = BTreeMap<String, (i32, Arc<str>)>;

/// An order to analyse.
pub struct Job {
    pub number: u64,
    pub project: usize,
    pub home: Home,
    pub texts: Texts,
    /// Read everything anew.
    pub reload: bool,
    /// A file was saved: a configuration may have been written with it.
    pub saved: bool,
    /// Files that are another on the disk than they were.
    pub changed: BTreeSet<String>,
    /// Look at what an edit only may have changed, too.
    pub whole: bool,
    pub watch: Arc<Watch>,
}

/// What became of a job.
pub struct Outcome {
    pub number: u64,
    pub project: usize,
    pub result: Result<Checked, Failure>,
}

/// What is found.
#[derive(Clone)]
pub struct Checked {
    pub sources: Sources,
    /// The folder that the paths of the sources are seen from: absolute, with `/` between the parts.
    pub working: String,
    pub findings: Arc<Vec<Diagnostic>>,
    /// The versions of the open texts, by absolute path.
    pub versions: BTreeMap<String, i32>,
    /// Whether some findings may still be those from before an edit elsewhere.
    pub is_left: bool,
    /// Things to tell, at most once for every reading of the project.
    pub warnings: Vec<String>,
}

impl Checked {
    /// The absolute path of a file.
    pub fn path(&self, file: FileId) -> String {
        resolved(Path::new(&self.working), &self.sources.file(file).path)
    }
}

pub enum Failure {
    Stopped,
    /// Why, for people, and the absolute path with line and column, from 1, of the file to mend.
    Broken(String, Option<(String, u32, u32)>),
}

/// Starts the thread that works jobs off one after the other; it ends when its sender is dropped.
///
/// # Errors
/// No thread can be started.
pub fn start(
    setup: Setup,
    tell: impl Fn(Outcome) -> bool + Send + 'static,
) -> std::io::Result<Sender<Job>> {
    let (sender, receiver) = channel();
    std::thread::Builder::new()
        .name("analysis".into())
        .stack_size(STACK)
        .spawn(move || work(&setup, &receiver, &tell))?;
    Ok(sender)
}

fn work(setup: &Setup, jobs: &Receiver<Job>, tell: &dyn Fn(Outcome) -> bool) {
    let mut projects: HashMap<usize, Project> = HashMap::new();
    for job in jobs {
        let (number, project) = (job.number, job.project);
        let before = projects.remove(&project);
        // A panic is a bug; the next text may not meet it.
        let done = catch_unwind(AssertUnwindSafe(|| check(setup, &job, before)));
        let result = match done {
            Ok(Ok((kept, checked))) => {
                projects.insert(project, kept);
                Ok(checked)
            }
            Ok(Err((kept, failure))) => {
                projects.extend(kept.map(|kept| (project, *kept)));
                Err(failure)
            }
            Err(_) => Err(Failure::Broken(
                "the analysis has failed; this is a bug of tplint, and its message stands on standard error".into(),
                None,
            )),
        };
        if !tell(Outcome {
            number,
            project,
            result,
        }) {
            return;
        }
    }
}

/// What is kept of a project.
struct Project {
    input: Input,
    known: Known,
    /// The texts of the disk.
    disk: Sources,
    /// The files that were open at the last check.
    open: BTreeSet<FileId>,
    /// Open files that are none of the project's.
    strange: BTreeSet<String>,
    /// The files that were open when it was read: a loose project is about them.
    named: BTreeSet<String>,
    read_at: SystemTime,
    /// The configurations there could be, with what tells one state from another.
    stamps: Vec<(PathBuf, Option<(SystemTime, u64)>)>,
    last: Option<Checked>,
    /// What the next check can rest on.
    base: Option<Base>,
    marked: Marked,
}

type Kept = Option<Box<Project>>;

fn check(
    setup: &Setup,
    job: &Job,
    before: Option<Project>,
) -> Result<(Project, Checked), (Kept, Failure)> {
    let may_stay = before.filter(|project| {
        let is_named = job.texts.keys().eq(&project.named);
        !(job.reload
            || (job.saved && project.stamps != stamps(setup, &job.home, &project.input))
            || (job.home.is_loose && !is_named)
            || job
                .texts
                .keys()
                .chain(&job.changed)
                .any(|path| project.may_be_new(path)))
    });
    let mut project = match may_stay {
        Some(project) => project,
        None => load(setup, job).map_err(|failure| (None, failure))?,
    };
    project.refresh(job);
    let sources = project.overlaid(job);
    match found(setup, job, &mut project, sources) {
        Ok(checked) => Ok((project, checked)),
        Err(failure) => Err((Some(Box::new(project)), failure)),
    }
}

/// Reads a project anew.
fn load(setup: &Setup, job: &Job) -> Result<Project, Failure> {
    let home = &job.home;
    let working = PathBuf::from(&home.folder);
    let texts = job.texts.keys().map(PathBuf::from);
    let wanted = Wanted {
        paths: if home.is_loose {
            texts.clone().collect()
        } else {
            vec![working.clone()]
        },
        config: setup.config.as_ref().map(|config| working.join(config)),
        no_ignore: setup.no_ignore,
        build: setup.build.as_ref().map(|build| working.join(build)),
        commands: &[],
        project: None,
        unsaved: texts
            .filter(|path| is_source(path) && !path.exists())
            .collect(),
        working,
    };
    let broken = |message: String| {
        let place = place_in(&message, &home.folder);
        Failure::Broken(message, place)
    };
    let read_at = SystemTime::now();
    let mut input = read::read(&wanted, None, &Progress::quiet()).map_err(broken)?;
    if job.watch.is_stopped() {
        return Err(Failure::Stopped);
    }
    input.whole = setup.no_index;
    let config = Arc::clone(&input.config);
    let policy = policy(setup, &config);
    let known = known::read(&setup.known, &input, &policy).map_err(broken)?;
    let mut project = Project {
        disk: input.sources.clone(),
        known,
        open: BTreeSet::new(),
        strange: BTreeSet::new(),
        named: job.texts.keys().cloned().collect(),
        read_at,
        stamps: stamps(setup, home, &input),
        last: None,
        base: None,
        marked: Marked::default(),
        input,
    };
    let files = job.texts.keys().chain(&job.changed);
    project.strange = files
        .filter(|path| project.file(path).is_none())
        .cloned()
        .collect();
    Ok(project)
}

fn is_source(path: &Path) -> bool {
    crate::source::Lang::of_path(&slashed(path)).is_some()
}

fn policy<'a>(setup: &'a Setup, config: &'a crate::config::Config) -> Policy<'a> {
    Policy {
        config,
        flags: &setup.flags,
        notes: setup.notes,
    }
}

/// The file, line and column that a message begins with: `tplint.toml:3:7: …`.
fn place_in(message: &str, folder: &str) -> Option<(String, u32, u32)> {
    let (name, rest) = message.split_once(':')?;
    if name.contains('`') {
        return None;
    }
    let mut numbers = rest.splitn(3, ':');
    let mut number = || numbers.next()?.trim().parse().ok();
    Some((resolved(Path::new(folder), name), number()?, number()?))
}

/// The files that decide about a project, upward, with time and size.
fn stamps(setup: &Setup, home: &Home, input: &Input) -> Vec<(PathBuf, Option<(SystemTime, u64)>)> {
    let folder = Path::new(&home.folder);
    let mut files: Vec<PathBuf> = match &setup.config {
        Some(config) => vec![folder.join(config)],
        None => folder
            .ancestors()
            .map(|folder| folder.join(FILE_NAME))
            .collect(),
    };
    if !setup.known.no_baseline {
        files.extend(known::file(setup.known.baseline.as_deref(), input).map(|file| file.path));
    }
    let stamp = |path: PathBuf| {
        let there = path.metadata().ok();
        let stamp = there.and_then(|there| Some((there.modified().ok()?, there.len())));
        (path, stamp)
    };
    files.into_iter().map(stamp).collect()
}

impl Project {
    /// The file of an absolute path.
    fn file(&self, path: &str) -> Option<FileId> {
        self.disk.find(&self.input.listed(path)?)
    }

    /// Whether a file would come to the project if it were read again. One that was there before and was not taken, as
    /// it is ignored or excluded, would not.
    fn may_be_new(&self, path: &str) -> bool {
        let is_old = || {
            let written = Path::new(path)
                .metadata()
                .and_then(|there| there.modified());
            written.is_ok_and(|written| written < self.read_at)
        };
        self.file(path).is_none() && !self.strange.contains(path) && !is_old()
    }

    /// Reads what has changed on the disk: files that were told of, and those that are no longer open.
    fn refresh(&mut self, job: &Job) {
        let open: BTreeSet<FileId> = job
            .texts
            .keys()
            .filter_map(|path| self.file(path))
            .collect();
        let told = job.changed.iter().filter_map(|path| self.file(path));
        let mut stale: BTreeSet<FileId> = told.filter(|file| !open.contains(file)).collect();
        stale.extend(self.open.difference(&open));
        for file in stale {
            let path = resolved(&self.input.working, &self.disk.file(file).path);
            // What can't be read any more is empty until the project is read anew.
            let bytes = read::bytes_of(Path::new(&path)).unwrap_or_default();
            self.disk = self.disk.with_bytes(file, bytes);
        }
        self.open = open;
    }

    /// The sources with the texts of the editor.
    fn overlaid(&self, job: &Job) -> Sources {
        let texts = job.texts.iter().filter_map(|(path, (_, text))| {
            let file = self.file(path)?;
            (*self.disk.file(file).text != **text).then(|| (file, text.to_string()))
        });
        self.disk.with_texts(&texts.collect())
    }
}

/// Analyses, unless nothing has changed since the last time.
fn found(
    setup: &Setup,
    job: &Job,
    project: &mut Project,
    sources: Sources,
) -> Result<Checked, Failure> {
    let versions = job
        .texts
        .iter()
        .map(|(path, (version, _))| (path.clone(), *version))
        .collect();
    let is_left = project.base.as_ref().is_some_and(|base| !base.is_whole());
    if let Some(last) = &mut project.last
        && last.sources.same_texts(&sources)
        && !(job.whole && is_left)
    {
        last.versions = versions;
        last.is_left = is_left;
        last.warnings.clear();
        return Ok(last.clone());
    }
    let input = &project.input;
    let config = Arc::clone(&input.config);
    let policy = policy(setup, &config);
    let options = Options {
        rules: enabled(&policy).iter().map(|(name, _)| *name).collect(),
        watch: Some(Arc::clone(&job.watch)),
        ..options(input, &sources)
    };
    let fail = |message: String| match &*message {
        STOPPED => Failure::Stopped,
        _ => Failure::Broken(message, None),
    };
    let mut taken = Taken::No;
    if let Some(base) = &mut project.base {
        taken = base
            .take(&sources, &options, &project.open, job.whole)
            .map_err(fail)?;
    }
    if taken == Taken::No {
        let new = Base::new(&sources, &options).map_err(fail)?;
        let base = project.base.insert(new);
        taken = base
            .take(&sources, &options, &project.open, true)
            .map_err(fail)?;
    }
    let diagnostics = project
        .base
        .as_ref()
        .map_or_else(Vec::new, Base::diagnostics);
    let is_mine = |finding: &Diagnostic| input.shows(finding);
    project.marked.follow(&sources);
    let comments = Suppressions::find_in(&project.marked);
    let mut judged = judge::judge_with(comments, diagnostics, &sources, &policy, is_mine);
    project.known.take(&mut judged, &sources, input, &policy);
    let mut warnings = Vec::new();
    if project.last.is_none() {
        let unread = input.unread.iter();
        warnings.extend(unread.map(|(path, why)| format!("cannot read `{path}`: {why}")));
        warnings.extend(input.warnings.iter().cloned());
    }
    let checked = Checked {
        working: slashed(&input.working),
        findings: Arc::new(judged.findings),
        sources,
        versions,
        is_left: taken == Taken::Near,
        warnings,
    };
    project.last = Some(checked.clone());
    Ok(checked)
}

/// The folder that a file outside of all open folders belongs to.
pub fn home_of(path: &str, folders: &[Home]) -> Home {
    let holding = folders
        .iter()
        .filter(|home| !home.is_loose && lies_below(path, &home.folder));
    let nearest = holding.max_by_key(|home| home.folder.len());
    nearest.cloned().unwrap_or_else(|| {
        let path = Path::new(path);
        let folder = match around(path) {
            Some(around) => around.folder,
            // A new file in a folder that is not there yet.
            None => path.parent().unwrap_or(path).to_path_buf(),
        };
        Home {
            folder: slashed(&folder),
            is_loose: true,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_begin_with_their_place() {
        let place = |message: &str| place_in(message, "/r/x");
        assert_eq!(
            place("../tplint.toml:3:7: unknown field"),
            Some(("/r/tplint.toml".into(), 3, 7))
        );
        assert_eq!(place("cannot read `a:1:2: b`: why"), None);
        assert_eq!(place("tplint.toml: the file is not UTF-8"), None);
    }
}
