//! How long the stages take on the fixtures: `cargo bench`, or `cargo bench --bench stages -- link` for some of them.
//!
//! The fixtures are small programs of real shape, all read as one tree. What a large tree costs is measured from outside,
//! by `benches/compare`.

use divan::Bencher;
use divan::counter::BytesCount;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tplint::api::Api;
use tplint::index::{self, Facts, Names};
use tplint::ir::Unit;
use tplint::module::{self, Module};
use tplint::program::Program;
use tplint::rules::{self, Engines, timings::Timings};
use tplint::source::{FileId, Lang, Sources};
use tplint::{Options, analyze, syntax};

fn main() {
    divan::main();
}

/// The fixtures, read.
struct Input {
    sources: Sources,
    api: Api,
    names: Names,
}

impl Input {
    fn read() -> Input {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let mut files = Vec::new();
        let mut pending: Vec<PathBuf> = vec![root.clone()];
        while let Some(folder) = pending.pop() {
            for entry in std::fs::read_dir(&folder).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    pending.push(path);
                    continue;
                }
                let name = path.strip_prefix(&root).unwrap();
                let name = name.to_string_lossy().replace('\\', "/");
                if Lang::of_path(&name).is_some() || module::is_build_file(&name) {
                    files.push((name, std::fs::read(&path).unwrap()));
                }
            }
        }
        let api = Api::new(&[]).unwrap();
        let names = Names {
            entries: api.entries().iter().map(|row| row.name.clone()).collect(),
            attributes: vec!["ctor".to_string(), "dtor".to_string()],
        };
        Input {
            sources: Sources::new(files),
            api,
            names,
        }
    }

    fn facts(&self) -> Vec<Facts> {
        index::scan_all(&self.sources, &self.names)
    }

    fn modules(&self) -> Vec<Module> {
        module::find(&self.sources, &self.facts(), &[])
    }

    fn files_in(&self, lang: Lang) -> Vec<FileId> {
        let sources = &self.sources;
        sources
            .ids()
            .filter(|&id| sources.file(id).lang == Some(lang))
            .collect()
    }

    fn bytes_of(&self, files: &[FileId]) -> BytesCount {
        BytesCount::new(
            files
                .iter()
                .map(|&id| self.sources.file(id).text.len())
                .sum::<usize>(),
        )
    }

    /// What the modules hold, lowered.
    fn units(&self, modules: &[Module]) -> Vec<Vec<Arc<Unit>>> {
        let lowered: Vec<Option<Arc<Unit>>> = self
            .sources
            .ids()
            .map(|id| syntax::lower(&self.sources, id).map(Arc::new))
            .collect();
        let of_module = |module: &Module| {
            let files = module.files().into_iter();
            files
                .filter_map(|id| lowered[id.0 as usize].clone())
                .collect()
        };
        modules.iter().map(of_module).collect()
    }

    /// The modules, linked.
    fn programs<'i>(&'i self, modules: &'i [Module]) -> Vec<Program<'i>> {
        modules
            .iter()
            .zip(self.units(modules))
            .map(|(module, units)| Program::link(&self.sources, &self.api, module, units))
            .collect()
    }
}

#[divan::bench]
fn index(bencher: Bencher) {
    let input = Input::read();
    let all: Vec<FileId> = input.sources.ids().collect();
    bencher
        .counter(input.bytes_of(&all))
        .bench_local(|| input.facts());
}

#[divan::bench]
fn modules(bencher: Bencher) {
    let input = Input::read();
    let facts = input.facts();
    bencher.bench_local(|| module::find(&input.sources, &facts, &[]));
}

#[divan::bench(args = ["C", "C++", "Rust"])]
fn lower(bencher: Bencher, lang: &str) {
    let input = Input::read();
    let files = input.files_in(match lang {
        "C" => Lang::C,
        "C++" => Lang::Cpp,
        _ => Lang::Rust,
    });
    bencher.counter(input.bytes_of(&files)).bench_local(|| {
        files
            .iter()
            .filter_map(|&file| syntax::lower(&input.sources, file))
            .count()
    });
}

#[divan::bench]
fn link(bencher: Bencher) {
    let input = Input::read();
    let modules = input.modules();
    let units = input.units(&modules);
    bencher.bench_local(|| {
        for (module, units) in modules.iter().zip(&units) {
            divan::black_box(Program::link(
                &input.sources,
                &input.api,
                module,
                units.clone(),
            ));
        }
    });
}

/// Entries, events, locks, and the walks that all rules ask for.
#[divan::bench]
fn engines(bencher: Bencher) {
    let input = Input::read();
    let modules = input.modules();
    let programs = input.programs(&modules);
    let timings = Timings::default();
    bencher.bench_local(|| {
        for program in &programs {
            let engines = Engines::new(program, &timings);
            for entry in 0..engines.entries.len() {
                divan::black_box(engines.walk(entry));
            }
        }
    });
}

#[divan::bench]
fn all_rules(bencher: Bencher) {
    let input = Input::read();
    let modules = input.modules();
    let programs = input.programs(&modules);
    let timings = Timings::default();
    let engines: Vec<Engines> = programs
        .iter()
        .map(|program| Engines::new(program, &timings))
        .collect();
    bencher.bench_local(|| {
        let mut findings = rules::Findings::default();
        for engines in &engines {
            for rule in rules::RULES {
                (rule.check)(engines, &mut findings);
            }
        }
        findings.diagnostics.len()
    });
}

#[divan::bench(sample_count = 10)]
fn whole_run(bencher: Bencher) {
    let input = Input::read();
    let all: Vec<FileId> = input.sources.ids().collect();
    bencher
        .counter(input.bytes_of(&all))
        .bench_local(|| analyze(&input.sources, &Options::default()).unwrap());
}
