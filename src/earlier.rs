//! What an earlier run over the same files, some of which had other texts, has found of modules that cannot have changed.
//!
//! In come the record of that run and what this one knows before it lowers anything; out goes, for every module, whether
//! what was found in it holds. That is told from all that findings rest on, and not from what an edit may bring about: a
//! module is the same where its definition is, where what is read of each of its files is (the text, the choice of
//! bodies, and all that decides about conditions of the preprocessor there), and where the names that it imports lead to
//! the same modules, of which the same is true. So the report is that of a run from the start, byte by byte, with the
//! parts that could not be read.
//!
//! Which bodies are read is chosen for all files at once. That choice holds as long as no file says anything else outside
//! bodies, and no body mentions other names that the choice knows; otherwise it is made anew.
//!
//! A record is plain data. Where a build file has changed, or what a macro is worth, nothing of it holds.

mod outline;
mod stored;

use crate::diagnostic::Diagnostic;
use crate::index::Facts;
use crate::module::Module;
use crate::module::imports::Exports;
use crate::module::macros::Macros;
use crate::program::demand::{Demand, KnownNames};
use crate::source::{FileId, Sources};
use crate::{Found, ModuleSummary};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
pub use stored::Stored;

/// The first half of a hash: short, and no two texts of one tree have the same.
type Short = u128;

fn short(hash: &blake3::Hash) -> Short {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    Short::from_le_bytes(bytes)
}

/// A name that nothing in a module defines, called where the loader lock is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub name: String,
    /// Whether some DLL of the tree defines it.
    pub is_known: bool,
    /// Of a known one: the files of the module that declare it.
    pub declared_in: Vec<u32>,
    /// The name of the module that it leads to.
    pub provider: Option<String>,
}

impl Asked {
    /// A name that no DLL of the tree defines.
    pub fn unknown(name: &str) -> Asked {
        Asked {
            name: name.to_string(),
            is_known: false,
            declared_in: Vec::new(),
            provider: None,
        }
    }

    /// One that some do, of which it leads to this one, or to none.
    pub fn known(name: &str, declared_in: &[FileId], provider: Option<&Module>) -> Asked {
        Asked {
            name: name.to_string(),
            is_known: true,
            declared_in: declared_in.iter().map(|file| file.0).collect(),
            provider: provider.map(|module| module.name.clone()),
        }
    }
}

#[derive(Default, Serialize, Deserialize)]
struct ModuleRecord {
    name: String,
    definition: Short,
    /// Whether its files were lowered.
    is_read: bool,
    asked: Vec<Asked>,
    /// By name.
    providers: Vec<String>,
    diagnostics: Vec<Stored>,
}

/// What a run leaves to the next one over the same files.
#[derive(Default, Serialize, Deserialize)]
pub struct Earlier {
    /// Of all build files.
    build: Short,
    /// Of what macros are worth in every file.
    macros: Short,
    /// By file.
    texts: Vec<Short>,
    /// By file: what it includes.
    includes: Vec<Short>,
    demand: Demand,
    /// The names that it knew.
    known: KnownNames,
    /// By file: what it has taken from it.
    outlines: Vec<Short>,
    modules: Vec<ModuleRecord>,
    /// Files of which a part could not be read, with the number of opaque regions.
    partly: BTreeMap<u32, usize>,
}

/// What is wanted of a run besides its findings.
pub struct Record<'r> {
    /// By file: a hash of its text.
    pub texts: &'r [blake3::Hash],
    /// What is known already.
    pub earlier: Option<Earlier>,
}

/// Which bodies a run reads, and what that choice rests on.
pub struct Chosen {
    pub demand: Demand,
    known: KnownNames,
    outlines: Vec<Short>,
}

impl Record<'_> {
    /// The choice of the earlier run, if it is that of this one, too. `is_c` is what `demand::files_in_c` says now.
    pub fn chosen(
        &mut self,
        sources: &Sources,
        facts: &[Facts],
        modules: &[Module],
        is_c: &[bool],
    ) -> Option<Chosen> {
        let before = self.earlier.as_mut()?;
        let same_modules = before.modules.len() == modules.len()
            && before
                .modules
                .par_iter()
                .zip(modules)
                .all(|(before, now)| before.definition == definition(now));
        let is_of_these = before.demand.is_of(modules.len(), sources.len())
            && before.texts.len() == sources.len()
            && before.outlines.len() == sources.len();
        if !is_of_these || !same_modules || before.demand.is_c() != is_c {
            return None;
        }
        let mut changed = sources
            .ids()
            .filter(|id| before.texts[id.0 as usize] != short(&self.texts[id.0 as usize]));
        let same = changed.all(|id| {
            let (file, facts) = (sources.file(id), &facts[id.0 as usize]);
            let now = outline::outline(file, facts, &before.known);
            file.lang.is_some() && before.outlines[id.0 as usize] == short(&now)
        });
        // It is looked into later on, too.
        same.then(|| Chosen {
            demand: before.demand.clone(),
            known: std::mem::take(&mut before.known),
            outlines: std::mem::take(&mut before.outlines),
        })
    }
}

impl Chosen {
    /// A choice that knew these names.
    pub fn new(sources: &Sources, facts: &[Facts], demand: Demand, known: KnownNames) -> Chosen {
        let ids: Vec<FileId> = sources.ids().collect();
        let outlines = ids
            .par_iter()
            .zip(facts)
            .map(|(&id, facts)| short(&outline::outline(sources.file(id), facts, &known)))
            .collect();
        Chosen {
            demand,
            known,
            outlines,
        }
    }
}

impl From<Demand> for Chosen {
    /// Of a run that leaves nothing.
    fn from(demand: Demand) -> Chosen {
        Chosen {
            demand,
            known: KnownNames::default(),
            outlines: Vec::new(),
        }
    }
}

fn definition(module: &Module) -> Short {
    short(&blake3::hash(format!("{module:?}").as_bytes()))
}

/// What a run rests on, and what of the last one still holds.
pub struct Again {
    now: Earlier,
    before: Earlier,
    holding: Holding,
}

/// What an earlier run still says.
struct Holding {
    /// By module: the one of the earlier run whose findings are its own.
    modules: Vec<Option<usize>>,
    /// By file: the earlier run has lowered it, and would do so in the same way.
    is_lowered: Vec<bool>,
}

impl Again {
    /// Compares a run, of which nothing is lowered yet, with an earlier one.
    pub fn new(
        record: Record,
        sources: &Sources,
        modules: &[Module],
        exports: &Exports,
        macros: &Macros,
        demand: &Demand,
    ) -> Again {
        let now = Earlier::about(sources, record.texts, modules, macros);
        let before = record.earlier.unwrap_or_default();
        let holding = before
            .holding(&now, modules, exports, macros, demand)
            .unwrap_or_else(|| Holding {
                modules: vec![None; modules.len()],
                is_lowered: vec![false; sources.len()],
            });
        Again {
            now,
            before,
            holding,
        }
    }

    /// By file: how much of it cannot be read is known, whatever of it is lowered now.
    pub fn is_lowered(&self) -> &[bool] {
        &self.holding.is_lowered
    }

    /// The names of the modules that the earlier run has read with one of this name.
    pub fn providers(&self, name: &str) -> &[String] {
        let before = self.before.modules.iter();
        let mut before = before.filter(|module| module.name == name);
        before.next().map_or(&[], |module| &module.providers)
    }

    /// The modules that have to be looked at, by number.
    pub fn stale(&self) -> Vec<usize> {
        let holds = &self.holding.modules;
        let numbers = 0..holds.len();
        numbers.filter(|&number| holds[number].is_none()).collect()
    }

    /// Joins what was found in the stale modules, and in which files there are opaque regions, with what was known.
    /// Gives the findings by module, in the order of the modules, the files that were read in part, and what to keep.
    pub(crate) fn join(
        self,
        found: Vec<(usize, Found)>,
        partly: Vec<(FileId, usize)>,
        modules: &[Module],
        chosen: Chosen,
    ) -> (Vec<Found>, Vec<(FileId, usize)>, Earlier) {
        let Again {
            mut now,
            mut before,
            holding:
                Holding {
                    modules: holds,
                    is_lowered,
                },
        } = self;
        let numbers: BTreeMap<&str, usize> = modules
            .iter()
            .enumerate()
            .map(|(number, module)| (module.name.as_str(), number))
            .collect();
        let mut new: BTreeMap<usize, Found> = found.into_iter().collect();
        let mut all: Vec<Found> = Vec::new();
        for (number, module) in modules.iter().enumerate() {
            let about = &mut now.modules[number];
            let found = match holds[number] {
                Some(place) => {
                    let kept = std::mem::take(&mut before.modules[place]);
                    about.is_read = kept.is_read;
                    about.asked = kept.asked;
                    about.providers = kept.providers;
                    about.diagnostics = kept.diagnostics;
                    Found {
                        diagnostics: restored(&about.diagnostics).unwrap_or_default(),
                        summary: ModuleSummary::of(module, &about.providers),
                        ..Found::default()
                    }
                }
                None => {
                    let found = new.remove(&number).unwrap_or_default();
                    about.is_read = found.is_read;
                    about.asked = found.asked.clone();
                    about.providers = found.summary.imports.clone();
                    about.diagnostics = found.diagnostics.iter().map(Stored::from).collect();
                    found
                }
            };
            all.push(found);
        }
        // Which files a run from the start lowers, and what each of them comes to.
        let mut lowered = vec![false; now.texts.len()];
        let mut lowered_now = vec![false; now.texts.len()];
        for (number, about) in now.modules.iter().enumerate() {
            if !about.is_read {
                continue;
            }
            let mut take = |file: FileId| {
                lowered[file.0 as usize] = true;
                lowered_now[file.0 as usize] |= holds[number].is_none();
            };
            modules[number].files().into_iter().for_each(&mut take);
            let providers = about.providers.iter();
            for &provider in providers.filter_map(|name| numbers.get(name.as_str())) {
                let Module {
                    sources, headers, ..
                } = &modules[provider];
                sources.iter().chain(headers).copied().for_each(&mut take);
            }
        }
        let new: BTreeMap<u32, usize> = partly
            .into_iter()
            .map(|(file, count)| (file.0, count))
            .collect();
        for (file, _) in lowered.iter().enumerate().filter(|(_, there)| **there) {
            let from = if lowered_now[file] && !is_lowered[file] {
                &new
            } else {
                &before.partly
            };
            if let Some(count) = from.get(&(file as u32)) {
                now.partly.insert(file as u32, *count);
            }
        }
        (now.demand, now.known, now.outlines) = (chosen.demand, chosen.known, chosen.outlines);
        let partly = now.partly.iter();
        let partly = partly.map(|(file, count)| (FileId(*file), *count));
        (all, partly.collect(), now)
    }
}

fn restored(diagnostics: &[Stored]) -> Option<Vec<Diagnostic>> {
    diagnostics.iter().map(Stored::restore).collect()
}

impl Earlier {
    /// What a run rests on besides the choice of bodies; nothing is found yet.
    fn about(
        sources: &Sources,
        texts: &[blake3::Hash],
        modules: &[Module],
        macros: &Macros,
    ) -> Earlier {
        let mut build = blake3::Hasher::new();
        for (id, text) in sources.ids().zip(texts) {
            if sources.file(id).lang.is_none() {
                build.update(text.as_bytes());
            }
        }
        let record = |module: &Module| ModuleRecord {
            name: module.name.clone(),
            definition: definition(module),
            ..ModuleRecord::default()
        };
        Earlier {
            build: short(&build.finalize()),
            macros: short(&macros.hash()),
            texts: texts.iter().map(short).collect(),
            includes: macros.hashes_of_includes().iter().map(short).collect(),
            modules: modules.par_iter().map(record).collect(),
            ..Earlier::default()
        }
    }

    /// What of this run still holds; none where nothing does.
    fn holding(
        &self,
        now: &Earlier,
        modules: &[Module],
        exports: &Exports,
        macros: &Macros,
        demand: &Demand,
    ) -> Option<Holding> {
        let is_of_these = self.texts.len() == now.texts.len()
            && self.includes.len() == now.includes.len()
            && self.demand.is_of(self.modules.len(), now.texts.len());
        if !is_of_these || self.build != now.build || self.macros != now.macros {
            return None;
        }
        // What is lowered is another thing where the text is, where other bodies are chosen, or where the preprocessor
        // sees other files.
        let mut changed = includers(macros, |file| self.includes[file] != now.includes[file]);
        for (file, changed) in changed.iter_mut().enumerate() {
            let id = FileId(file as u32);
            *changed |=
                self.texts[file] != now.texts[file] || self.demand.kept(id) != demand.kept(id);
        }
        let places: BTreeMap<&str, usize> = self
            .modules
            .iter()
            .enumerate()
            .map(|(place, module)| (module.name.as_str(), place))
            .collect();
        // By module: where it stands in the record, if it is the same and is made of the same.
        let same: Vec<Option<usize>> = modules
            .par_iter()
            .zip(&now.modules)
            .enumerate()
            .map(|(number, (module, about))| {
                let place = *places.get(module.name.as_str())?;
                let is_same = self.modules[place].definition == about.definition
                    && self.demand.wants(place) == demand.wants(number)
                    && !module.files().iter().any(|file| changed[file.0 as usize]);
                is_same.then_some(place)
            })
            .collect();
        let made_of_same: BTreeMap<&str, bool> = modules
            .iter()
            .zip(&same)
            .map(|(module, same)| (module.name.as_str(), same.is_some()))
            .collect();
        let holds = modules.par_iter().zip(&same).map(|(module, same)| {
            let place = (*same)?;
            let kept = &self.modules[place];
            let leads_there = |asked: &Asked| {
                if !asked.is_known {
                    return !exports.knows(&asked.name);
                }
                let files: Vec<FileId> = asked.declared_in.iter().copied().map(FileId).collect();
                let provider = exports.provider(modules, module, &asked.name, &files);
                provider.map(|module| &module.name) == asked.provider.as_ref()
            };
            let holds = kept.asked.iter().all(leads_there)
                && kept
                    .providers
                    .iter()
                    .all(|name| made_of_same.get(name.as_str()) == Some(&true))
                && restored(&kept.diagnostics).is_some();
            holds.then_some(place)
        });
        let mut is_lowered = vec![false; now.texts.len()];
        for (module, about) in modules.iter().zip(&now.modules) {
            let before = places
                .get(module.name.as_str())
                .map(|&place| &self.modules[place]);
            if before.is_some_and(|before| before.is_read && before.definition == about.definition)
            {
                for file in module.files() {
                    is_lowered[file.0 as usize] = !changed[file.0 as usize];
                }
            }
        }
        Some(Holding {
            modules: holds.collect(),
            is_lowered,
        })
    }
}

/// By file: whether it is one of these or leads to one by what it includes.
fn includers(macros: &Macros, is_one: impl Fn(usize) -> bool) -> Vec<bool> {
    let includes = macros.includes();
    let mut found: Vec<bool> = (0..includes.len()).map(is_one).collect();
    if !found.contains(&true) {
        return found;
    }
    let mut included_by: Vec<Vec<usize>> = vec![Vec::new(); includes.len()];
    for (from, list) in includes.iter().enumerate() {
        for to in list {
            included_by[to.0 as usize].push(from);
        }
    }
    let mut work: Vec<usize> = (0..found.len()).filter(|&file| found[file]).collect();
    while let Some(file) = work.pop() {
        for &from in &included_by[file] {
            if !std::mem::replace(&mut found[from], true) {
                work.push(from);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
