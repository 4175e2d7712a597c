//! What the outside world's functions, methods and types mean.
//!
//! In comes `rules/apis.toml` (and the user's `[[api]]` rows, of the same format), out come `Effect`s: roles with
//! argument positions (`effect`). All API names of the tool stand in that table; rules match on effects, never on names.
//! What an argument *is* (a constant, the own module, another thread's handle) is asked of `program`.

mod effect;

use crate::source::Lang;
pub use effect::{
    Arg, Effect, EffectRow, ModuleSource, Needs, PoolObject, Predicate, ThreadRef, Told, WaitClass,
    When, is_for_ever,
};
use rustc_hash::{FxHashMap, FxHashSet};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// One function, method or constructor.
///
/// `name` is `WaitForSingleObject`, `std::thread::spawn`, `std::thread::join` (a method with its type), `std::jthread`
/// (a constructor), or `.join` (a method on a receiver of unknown type).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub name: String,
    /// Further names with the same meaning.
    #[serde(default)]
    pub also: Vec<String>,
    /// The name stands for itself and with `A` or `W` behind it.
    #[serde(default)]
    pub aw: bool,
    /// The number of parameters; absent: any. Defaulted ones may be left out: see `min_params`.
    pub params: Option<u8>,
    pub min_params: Option<u8>,
    /// Absent: all languages.
    #[serde(default)]
    pub lang: Vec<RowLang>,
    pub effects: Vec<EffectRow>,
    /// The type of the result, where callers do not write it: `std::future` of `std::async`.
    pub gives: Option<String>,
    /// The source of the fact.
    #[serde(default)]
    pub source: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowLang {
    C,
    Cpp,
    Rust,
}

/// A type that people do not define themselves.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeRow {
    pub name: String,
    #[serde(default)]
    pub also: Vec<String>,
    #[serde(default)]
    pub lang: Vec<RowLang>,
    /// What the end of an object does; `this` is the object.
    #[serde(default)]
    pub destructor: Vec<EffectRow>,
    /// The destructor does this only to an object that a spawning call gave: std::future from std::async.
    #[serde(default)]
    pub if_started: bool,
    /// Template arguments whose objects end with it: 0 for unique_ptr and vector, 0 and 1 for map.
    #[serde(default)]
    pub owns: Vec<u8>,
    /// `->`, `*`, `[]` and iteration lead to this template argument.
    pub leads_to: Option<u8>,
    /// The template argument that names the class or function which ends what is owned, in place of its destructor:
    /// `unique_ptr<T, Deleter>`.
    pub ended_by: Option<u8>,
    /// Methods that end what is owned: reset, clear.
    #[serde(default)]
    pub ends: Vec<String>,
    /// Of `ends`, those that end one element, each with the methods that give that one: `pop_front` and `front`.
    #[serde(default)]
    pub ends_one: FxHashMap<String, Vec<String>>,
    /// Methods that take over what they get: `push_back`.
    #[serde(default)]
    pub takes: Vec<String>,
    /// Holds a number or a pointer in one piece, and zero before anything is put in.
    #[serde(default)]
    pub atomic: bool,
    /// Methods that give an iterator, which has a type of its own: begin, find. Its end ends no element.
    #[serde(default)]
    pub iterators: Vec<String>,
    /// Methods that give a raw pointer to what `->` leads to: data, the load of an atomic pointer. Its end ends nothing.
    #[serde(default)]
    pub pointers: Vec<String>,
    /// Shared ownership: the end of one owner need not end the object.
    #[serde(default)]
    pub shared: bool,
    /// Never destroyed (NoDestructor, ManuallyDrop).
    #[serde(default)]
    pub leaks: bool,
    /// A thread pool object's RAII owner.
    pub pool: Option<PoolOwner>,
}

/// What the destructor (and `reset`) of a thread pool object's owner does.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolOwner {
    pub kind: PoolObject,
    pub disarms: bool,
    pub waits: bool,
}

/// A function that the loader or the CRT calls by its name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryRow {
    pub name: String,
    #[serde(default)]
    pub module: Option<u8>,
    #[serde(default)]
    pub reason: Option<u8>,
    #[serde(default)]
    pub reserved: Option<u8>,
    /// A method of classes that derive from this one (MFC).
    pub class_base: Option<String>,
    /// Of a program and not of a DLL: main, WinMain.
    #[serde(default)]
    pub program: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    constants: FxHashMap<String, i64>,
    /// Names that are the own module's handle: __ImageBase, HINST_THISCOMPONENT.
    #[serde(default)]
    own_module: Vec<String>,
    /// DLLs that every process has, in small letters without their ending.
    #[serde(default)]
    always_loaded: Vec<String>,
    /// By calling these a function may let go of what a member owns.
    #[serde(default)]
    lets_go: Vec<String>,
    /// These tell that their object holds nothing.
    #[serde(default)]
    tells_empty: Vec<String>,
    #[serde(default)]
    entry: Vec<EntryRow>,
    #[serde(default, rename = "type")]
    types: Vec<TypeRow>,
    #[serde(default)]
    api: Vec<Row>,
    fixes: FixNames,
}

/// What fixes write: names and calls of Windows, by the name of the call that they stand beside or in place of.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixNames {
    /// A call that frees a module, and the one that ends the thread, too: the module, the exit code.
    pub end_thread: FxHashMap<String, String>,
    /// A call that frees a module, and the one that has the pool do it when the callback has returned: the callback's
    /// instance, the module.
    pub on_return: FxHashMap<String, String>,
    /// The types of a callback's instance.
    pub instance: Vec<String>,
    /// A call on a thread pool object, and the call that disarms it; `{}` stands for the object.
    pub disarm: FxHashMap<String, String>,
    /// A close, and the call that waits for the callbacks; `{}` stands for the object.
    pub wait: FxHashMap<String, String>,
}

/// The whole table, indexed.
#[derive(Debug)]
pub struct Api {
    rows: Vec<Arc<Row>>,
    by_name: FxHashMap<String, Vec<usize>>,
    types: Vec<Arc<TypeRow>>,
    types_by_name: FxHashMap<String, Vec<usize>>,
    constants: FxHashMap<String, i64>,
    own_module: Vec<String>,
    always_loaded: Vec<String>,
    entries: Vec<EntryRow>,
    /// The methods that end what a type owns, of all types.
    ending_methods: FxHashSet<String>,
    taking_methods: FxHashSet<String>,
    lets_go: Vec<String>,
    tells_empty: Vec<String>,
    /// What stands between `::` in the names of rows.
    segments: FxHashSet<String>,
    fixes: FixNames,
}

static BUILT_IN: &str = include_str!("../rules/apis.toml");

impl Api {
    /// The built-in table and the user's rows. A user's row of the same name and arity takes the built-in one's place.
    ///
    /// # Errors
    /// The message of the TOML reader, for the built-in table only.
    pub fn new(user_rows: &[Row]) -> Result<Api, String> {
        let table: Table = toml::from_str(BUILT_IN).map_err(|error| error.to_string())?;
        let mut api = Api {
            rows: Vec::new(),
            by_name: FxHashMap::default(),
            types: Vec::new(),
            types_by_name: FxHashMap::default(),
            constants: table.constants,
            own_module: table.own_module,
            always_loaded: table.always_loaded,
            entries: table.entry,
            fixes: table.fixes,
            segments: FxHashSet::default(),
            ending_methods: table
                .types
                .iter()
                .flat_map(|row| row.ends.iter().cloned())
                .collect(),
            taking_methods: table
                .types
                .iter()
                .flat_map(|row| row.takes.iter().cloned())
                .collect(),
            lets_go: table.lets_go,
            tells_empty: table.tells_empty,
        };
        for row in table.api {
            api.add(row, false);
        }
        for row in user_rows {
            api.add(row.clone(), true);
        }
        for row in table.types {
            let index = api.types.len();
            let row = Arc::new(row);
            for name in std::iter::once(&row.name).chain(&row.also) {
                api.types_by_name
                    .entry(name.clone())
                    .or_default()
                    .push(index);
            }
            api.types.push(row);
        }
        let names = api.by_name.keys().chain(api.types_by_name.keys());
        api.segments = names
            .flat_map(|name| name.split("::"))
            .map(|segment| segment.trim_start_matches('.').to_string())
            .collect();
        Ok(api)
    }

    /// Whether the name of a row can end in a name, or name a method of what it names: where it cannot, no spelling of it
    /// has to be looked up.
    pub fn may_mean(&self, name: &str) -> bool {
        self.segments.contains(last_segment(name))
    }

    fn add(&mut self, row: Row, replaces: bool) {
        let index = self.rows.len();
        let row = Arc::new(row);
        let mut names: Vec<String> = std::iter::once(&row.name)
            .chain(&row.also)
            .cloned()
            .collect();
        if row.aw {
            names.extend(
                names
                    .clone()
                    .iter()
                    .flat_map(|name| [format!("{name}A"), format!("{name}W")]),
            );
        }
        for name in names {
            let known = self.by_name.entry(name).or_default();
            if replaces {
                known.retain(|&other| {
                    self.rows[other].params.is_some() && self.rows[other].params != row.params
                });
            }
            known.push(index);
        }
        self.rows.push(row);
    }

    /// The rows of a name for a call with so many arguments.
    pub fn rows(
        &self,
        name: &str,
        arguments: usize,
        lang: Lang,
    ) -> impl Iterator<Item = &Arc<Row>> {
        self.by_name
            .get(name)
            .into_iter()
            .flatten()
            .map(|&index| &self.rows[index])
            .filter(move |row| {
                speaks(&row.lang, lang)
                    && row.params.is_none_or(|params| {
                        arguments <= params as usize
                            && arguments >= row.min_params.unwrap_or(params) as usize
                    })
            })
    }

    /// Whether every process has this DLL, named with its ending or without.
    pub fn is_always_loaded(&self, file: &str) -> bool {
        // Rust writes the zero at the end of a string for C.
        let file = file.trim_end_matches("\\0").trim_end_matches('\0');
        let name = file.to_ascii_lowercase();
        let name = name.strip_suffix(".dll").unwrap_or(&name);
        self.always_loaded.iter().any(|known| known == name)
    }

    /// What fixes write.
    pub fn fixes(&self) -> &FixNames {
        &self.fixes
    }

    /// Whether any row bears this name.
    pub fn knows(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Whether a method of this name ends what some type of the table owns: `reset`, `clear`.
    pub fn may_end(&self, method: &str) -> bool {
        self.ending_methods.contains(method)
    }

    /// The functions and methods that may let go of what some type of the table owns, sorted.
    pub fn letting_go(&self) -> Vec<&str> {
        let methods = self.ending_methods.iter().chain(&self.lets_go);
        let mut names: Vec<&str> = methods.map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether a function of this name lets go of what it gets: `std::mem::take`.
    pub fn lets_go(&self, name: &str) -> bool {
        self.lets_go.iter().any(|known| known == name)
    }

    /// Whether a method of this name tells that its object holds nothing: `empty`.
    pub fn tells_empty(&self, method: &str) -> bool {
        self.tells_empty.iter().any(|known| known == method)
    }

    /// Whether a method of this name takes over what it gets, of some type of the table: `push_back`.
    pub fn may_take(&self, method: &str) -> bool {
        self.taking_methods.contains(method)
    }

    /// The names of rows with an effect of some kinds.
    pub fn names_with(&self, wanted: impl Fn(&Effect) -> bool) -> Vec<&str> {
        let has = |index: &usize| {
            self.rows[*index]
                .effects
                .iter()
                .any(|row| wanted(&row.effect))
        };
        let mut names: Vec<&str> = self
            .by_name
            .iter()
            .filter(|(_, rows)| rows.iter().any(has))
            .map(|(name, _)| last_segment(name.trim_start_matches('.')))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The last parts of all names that a language can call, each with what `category` makes of its effects, as bits.
    pub fn words(&self, lang: Lang, category: impl Fn(&Effect) -> u32) -> Vec<(&str, u32)> {
        self.by_name
            .iter()
            .filter(|(name, _)| lang != Lang::C || !name.contains("::") && !name.starts_with('.'))
            .filter(|(name, _)| lang == Lang::Rust || !is_rust_path(name))
            .map(|(name, rows)| {
                let bits = rows
                    .iter()
                    .map(|&index| &self.rows[index])
                    .filter(|row| speaks(&row.lang, lang))
                    .flat_map(|row| &row.effects)
                    .fold(0, |bits, row| bits | category(&row.effect));
                (last_segment(name.trim_start_matches('.')), bits)
            })
            .collect()
    }

    /// The last parts of the names of types whose objects' end does something.
    pub fn blocking_types(&self) -> impl Iterator<Item = &str> {
        self.types_by_name
            .iter()
            .filter(|(_, rows)| {
                rows.iter().any(|&index| {
                    !self.types[index].destructor.is_empty() || self.types[index].pool.is_some()
                })
            })
            .map(|(name, _)| last_segment(name))
    }

    /// The names by which a text shows that it takes a lock: of functions and guards their own, of methods their class's.
    pub fn lock_names(&self) -> Vec<&str> {
        let lock_of = |index: &usize| {
            self.rows[*index]
                .effects
                .iter()
                .find_map(|row| match row.effect {
                    Effect::Acquire { lock, .. } => Some(lock),
                    _ => None,
                })
        };
        let mut names: Vec<&str> = self
            .by_name
            .iter()
            .filter_map(|(name, rows)| match rows.iter().find_map(lock_of)? {
                Arg::This => name.rsplit_once("::").map(|(class, _)| last_segment(class)),
                _ => Some(last_segment(name)),
            })
            .filter(|name| !name.is_empty())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What the table knows of a type.
    pub fn type_row(&self, name: &str, lang: Lang) -> Option<&Arc<TypeRow>> {
        self.types_by_name
            .get(name)?
            .iter()
            .map(|&index| &self.types[index])
            .find(|row| speaks(&row.lang, lang))
    }

    pub fn constant(&self, name: &str) -> Option<i64> {
        self.constants
            .get(name)
            .or_else(|| self.constants.get(last_segment(name)))
            .copied()
    }

    /// The names of the own module's handle.
    pub fn own_modules(&self) -> impl Iterator<Item = &str> {
        self.own_module.iter().map(String::as_str)
    }

    pub fn is_own_module(&self, name: &str) -> bool {
        self.own_module.iter().any(|own| own == last_segment(name))
    }

    pub fn entries(&self) -> &[EntryRow] {
        &self.entries
    }
}

fn speaks(row: &[RowLang], lang: Lang) -> bool {
    let wanted = match lang {
        Lang::C => RowLang::C,
        Lang::Cpp => RowLang::Cpp,
        Lang::Rust => RowLang::Rust,
    };
    row.is_empty() || row.contains(&wanted)
}

/// Whether only Rust writes a name so. `std` is in doubt.
fn is_rust_path(name: &str) -> bool {
    name.starts_with("tokio::")
        || name.starts_with("crossbeam")
        || name.starts_with("parking_lot::")
}

/// `b` of `a::b`.
pub fn last_segment(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_is_read() {
        let api = Api::new(&[]).expect("rules/apis.toml");
        assert!(api.rows("WaitForSingleObject", 2, Lang::C).next().is_some());
        assert!(api.rows("WaitForSingleObject", 3, Lang::C).next().is_none());
        assert_eq!(api.constant("INFINITE"), Some(0xFFFF_FFFF));
    }

    #[test]
    fn names_with_both_endings_are_known() {
        let api = Api::new(&[]).expect("rules/apis.toml");
        for name in ["LoadLibrary", "LoadLibraryA", "LoadLibraryW"] {
            assert!(api.knows(name), "{name}");
        }
    }

    #[test]
    fn names_with_an_effect_are_last_parts_in_order() {
        let api = Api::new(&[]).expect("rules/apis.toml");
        let names = api.names_with(|effect| matches!(effect, Effect::AtExit { .. }));
        // `atexit` and `std::atexit` are one name.
        assert!(names.contains(&"atexit"), "{names:?}");
        assert!(names.contains(&"__cxa_atexit"), "{names:?}");
        assert!(!names.contains(&"CreateThread"), "{names:?}");
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
        assert!(names.iter().all(|name| !name.contains(':')), "{names:?}");
    }

    #[test]
    fn what_lets_go_is_told_in_order() {
        let api = Api::new(&[]).expect("rules/apis.toml");
        let names = api.letting_go();
        // A method that ends what a type owns, and a function that moves it out.
        assert!(names.contains(&"clear"), "{names:?}");
        assert!(names.contains(&"move"), "{names:?}");
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
    }

    #[test]
    fn words_are_those_that_a_language_can_call() {
        let api = Api::new(&[]).expect("rules/apis.toml");
        let knows = |lang, word: &str| {
            let words = api.words(lang, |_| 1);
            words.iter().any(|(name, _)| *name == word)
        };
        // `parking_lot::Condvar::wait_while_for`
        assert!(knows(Lang::Rust, "wait_while_for"));
        assert!(!knows(Lang::Cpp, "wait_while_for"));
        assert!(!knows(Lang::C, "wait_while_for"));
        // `std::condition_variable::notify_one` is in doubt; C has no such names.
        assert!(knows(Lang::Cpp, "notify_one"));
        assert!(!knows(Lang::C, "notify_one"));
        assert!(knows(Lang::C, "WaitForSingleObject"));
    }
}
