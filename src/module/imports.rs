//! Which other DLL of the same tree a module calls: what it imports by name.
//!
//! In come the modules and the facts of their files; out goes, for a name that a module calls and nothing in it defines,
//! the one other DLL that defines it. Two DLLs that stand in one tree need not be linked with each other, so the name
//! alone is no proof: a header that both include has to declare it. Import libraries and `LoadLibrary` are not looked at.

use crate::index::Facts;
use crate::source::FileId;
use rustc_hash::FxHashMap;

use super::{Kind, Module};

/// A DLL with more functions than this is not read into the modules that call it: so large a one is a system of its own.
const MOST_FUNCTIONS: usize = 1500;

/// The free functions that the DLLs of a tree define.
#[derive(Debug, Default)]
pub struct Exports {
    /// By name the modules that define it, in their order.
    modules: FxHashMap<String, Vec<usize>>,
    /// By module: how many functions its own files define.
    sizes: Vec<usize>,
}

impl Exports {
    /// Collects them. `facts` has one element per file, in `FileId` order.
    pub fn collect(modules: &[Module], facts: &[Facts]) -> Exports {
        let sizes = modules
            .iter()
            .map(|module| {
                let files = module.sources.iter().chain(&module.headers);
                files
                    .filter_map(|file| facts.get(file.0 as usize))
                    .map(|facts| facts.functions.len())
                    .sum()
            })
            .collect();
        let mut exports = Exports {
            sizes,
            ..Exports::default()
        };
        // With a single DLL there is nothing to import from.
        let libraries = modules
            .iter()
            .enumerate()
            .filter(|(_, module)| module.kind == Kind::Dll);
        if libraries.clone().count() < 2 {
            return exports;
        }
        for (number, module) in libraries {
            for file in &module.sources {
                let Some(facts) = facts.get(file.0 as usize) else {
                    continue;
                };
                for function in facts
                    .functions
                    .iter()
                    .filter(|found| found.scope.is_empty())
                {
                    let known = exports.modules.entry(function.name.clone()).or_default();
                    if known.last() != Some(&number) {
                        known.push(number);
                    }
                }
            }
        }
        exports
    }

    /// Whether any DLL defines a function of this name.
    pub fn knows(&self, name: &str) -> bool {
        self.modules.contains_key(name)
    }

    /// The one DLL besides `from` that defines a function and shares a header that declares it. `None` where several do.
    pub fn provider<'m>(
        &self,
        modules: &'m [Module],
        from: &Module,
        name: &str,
        declared_in: &[FileId],
    ) -> Option<&'m Module> {
        let mut fitting = self
            .modules
            .get(name)?
            .iter()
            .filter(|&&number| self.sizes[number] <= MOST_FUNCTIONS)
            .map(|&number| &modules[number])
            .filter(|module| {
                module.name != from.name
                    && declared_in
                        .iter()
                        .any(|header| module.headers.binary_search(header).is_ok())
            });
        let only = fitting.next()?;
        fitting.next().is_none().then_some(only)
    }
}

/// The module with the files of others to resolve its names into, too.
pub fn with_imports(module: &Module, providers: &[&Module]) -> Module {
    let mut extended = module.clone();
    for provider in providers {
        for &file in provider.sources.iter().chain(&provider.headers) {
            if module.sources.binary_search(&file).is_err()
                && module.headers.binary_search(&file).is_err()
                && !extended.shared.contains(&file)
            {
                extended.shared.push(file);
            }
        }
    }
    extended
}
