//! One fast pass over the bytes of a file, without parsing: where functions stand, which of them the system calls,
//! what is exported, and what the file includes.
//!
//! In come a text and the names to look for; out come `Facts`. Comments, strings and preprocessor lines are skipped,
//! `#if` arms that are false on Windows are not looked at, and of arms that do not balance the first one counts.
//! Deliberately not done here: types, calls, and anything that needs a second file, except that `link_macros` says
//! where a macro of one file makes an entry in another.

mod c;
pub mod defines;
mod head;
pub(crate) mod preprocessor;
mod rust;
pub mod words;

use crate::source::{Lang, Sources};
use rustc_hash::FxHashMap;

/// What the scan looks for.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Functions that the system or the runtime calls: `DllMain`, `main`, …
    pub entries: Vec<String>,
    /// Last path segments of Rust attributes that make a function run at load or unload: `ctor`, `dtor`, …
    pub attributes: Vec<String>,
}

/// A function definition. Offsets are bytes of the decoded text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionFact {
    pub name: String,
    /// Namespaces, modules and classes round it and the qualifier before its name, joined with `::`; "" for none.
    pub scope: String,
    /// Where its declaration starts, the return type, template head and attributes included.
    pub start: u32,
    /// The opening brace of its body.
    pub body: u32,
    /// Behind its closing brace.
    pub end: u32,
    /// Marked for export on the definition itself.
    pub exported: bool,
}

/// Something that the system or the runtime calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryFact {
    /// The entry, not the spelling: one of `Names::entries`, `#[ctor]` and its like, or a section (`.CRT$XLB`).
    pub name: String,
    /// The definition, or the use of the macro that makes it.
    pub start: u32,
    pub end: u32,
}

/// `mod name;` in Rust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModFact {
    pub name: String,
    /// `#[path = "…"]`, also those under `cfg_attr`.
    pub paths: Vec<String>,
    /// The inline modules round it, outermost first.
    pub inside: Vec<String>,
}

/// A macro used where a declaration could stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacroUse {
    pub start: u32,
    pub name_end: u32,
    pub end: u32,
}

/// What one file holds. Empty for files that are no C, C++ or Rust.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// In the order of their starts; functions inside functions are not listed.
    pub functions: Vec<FunctionFact>,
    pub entries: Vec<EntryFact>,
    /// Something that has a body is exported: `__declspec(dllexport)`, `#[no_mangle]`, `#[export_name]`.
    pub dllexport: bool,
    /// `x/y.h`, or `<x/y.h>` with its brackets; in Rust what `include!` names.
    pub includes: Vec<String>,
    /// The text of each `#pragma comment(linker, "…")`.
    pub linker_options: Vec<String>,
    pub mods: Vec<ModFact>,
    /// Macros of this file that define an entry: the macro's name and the entry's.
    pub entry_macros: Vec<(String, String)>,
    pub macro_uses: Vec<MacroUse>,
    /// Of C and C++: what is defined, and when.
    pub macros: defines::MacroFacts,
    /// Braces do not close: where a function ends is a guess.
    pub is_torn: bool,
}

/// Scans one text.
pub fn scan(text: &str, lang: Lang, names: &Names) -> Facts {
    let mut facts = match lang {
        Lang::C | Lang::Cpp => c::scan(text, lang, names),
        Lang::Rust => rust::scan(text, names),
    };
    if lang != Lang::Rust {
        facts.macros = defines::scan(text);
    }
    let own: FxHashMap<&str, &str> = facts
        .entry_macros
        .iter()
        .map(|(name, entry)| (name.as_str(), entry.as_str()))
        .collect();
    let made = entries_made(text, &facts.macro_uses, &own);
    facts.entries.extend(made);
    facts.entries.sort_by_key(|entry| (entry.start, entry.end));
    facts
}

/// Takes the facts of some files out, by their numbers, and puts what is held for them in their place.
pub fn swap_facts(wanted: &[bool], facts: &mut [Facts], held: &mut [Facts]) {
    let pairs = facts.iter_mut().zip(held).zip(wanted);
    for ((facts, held), _) in pairs.filter(|(_, wanted)| **wanted) {
        std::mem::swap(facts, held);
    }
}

/// Scans every file on all threads; the result is in `FileId` order, and entries that a macro of another file makes
/// are in it.
pub fn scan_all(sources: &Sources, names: &Names) -> Vec<Facts> {
    use rayon::prelude::*;
    let ids: Vec<_> = sources.ids().collect();
    let mut facts: Vec<Facts> = ids
        .par_iter()
        .map(|&id| {
            let file = sources.file(id);
            match file.lang {
                Some(lang) => scan(&file.text, lang, names),
                None => Facts::default(),
            }
        })
        .collect();
    link_macros(sources, &mut facts);
    facts
}

/// Adds the entries that come from using a macro which another file of the tree defines.
pub fn link_macros(sources: &Sources, facts: &mut [Facts]) {
    let all: Vec<(String, String)> = facts
        .iter()
        .flat_map(|facts| facts.entry_macros.iter().cloned())
        .collect();
    if all.is_empty() {
        return;
    }
    let macros: FxHashMap<&str, &str> = all
        .iter()
        .map(|(name, entry)| (name.as_str(), entry.as_str()))
        .collect();
    for (id, facts) in sources.ids().zip(facts) {
        for entry in entries_made(&sources.file(id).text, &facts.macro_uses, &macros) {
            if !facts.entries.contains(&entry) {
                facts.entries.push(entry);
            }
        }
        facts.entries.sort_by_key(|entry| (entry.start, entry.end));
    }
}

fn entries_made(text: &str, uses: &[MacroUse], macros: &FxHashMap<&str, &str>) -> Vec<EntryFact> {
    if macros.is_empty() {
        return Vec::new();
    }
    uses.iter()
        .filter_map(|used| {
            let name = text.get(used.start as usize..used.name_end as usize)?;
            Some(EntryFact {
                name: macros.get(name)?.to_string(),
                start: used.start,
                end: used.end,
            })
        })
        .collect()
}

/// How far before a quote the number can begin that it separates, in bytes. A file of nothing but digits and quotes would
/// else be read backwards from each of them.
const LONGEST_NUMBER: usize = 128;

/// Whether this byte can stand in an identifier. Every byte of a non-ASCII character can.
const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

const WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = is_word(byte as u8);
        byte += 1;
    }
    table
};

/// The end of the identifier or number that starts at `at`.
fn word_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && WORD[bytes[at] as usize] {
        at += 1;
    }
    at
}

/// Behind the next LF or lone CR, or the end; with `continued`, a backslash before it goes on.
pub(crate) fn line_end(bytes: &[u8], mut at: usize, continued: bool) -> usize {
    while let Some(length) = bytes
        .get(at..)
        .and_then(|rest| memchr::memchr3(b'\\', b'\n', b'\r', rest))
    {
        at += length;
        match bytes[at] {
            b'\\' if continued => {
                at += 1;
                if bytes.get(at) == Some(&b'\r') && bytes.get(at + 1) == Some(&b'\n') {
                    at += 1;
                }
                at += 1;
            }
            b'\n' => return at + 1,
            b'\r' => return at + 1 + usize::from(bytes.get(at + 1) == Some(&b'\n')),
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Behind the closing quote of a string or character that starts at `at`. One that its line does not close ends with
/// the line, if `one_line`.
pub(crate) fn quoted_end(bytes: &[u8], at: usize, one_line: bool) -> usize {
    let quote = bytes[at];
    let mut at = at + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => {
                at += 1 + usize::from(bytes.get(at + 1) == Some(&b'\r'));
                at += 1;
            }
            b'\n' if one_line => return at,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

pub(crate) fn find(bytes: &[u8], from: usize, needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut at = from;
    while at + needle.len() <= bytes.len() {
        at += memchr::memchr(first, &bytes[at..])?;
        if bytes[at..].starts_with(needle) {
            return Some(at);
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let list = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
        Names {
            entries: list(&["DllMain", "_DllMainCRTStartup", "main", "WinMain", "_tmain"]),
            attributes: list(&["ctor", "dtor"]),
        }
    }

    fn functions(text: &str, lang: Lang) -> Vec<String> {
        scan(text, lang, &names())
            .functions
            .iter()
            .map(|function| {
                assert!(text.is_char_boundary(function.start as usize));
                assert!(text[..function.end as usize].ends_with('}'), "{function:?}");
                match function.scope.as_str() {
                    "" => function.name.clone(),
                    scope => format!("{scope}::{}", function.name),
                }
            })
            .collect()
    }

    fn entries(text: &str, lang: Lang) -> Vec<String> {
        scan(text, lang, &names())
            .entries
            .into_iter()
            .map(|entry| entry.name)
            .collect()
    }

    #[test]
    fn cpp_functions_in_all_their_spellings() {
        for (text, expected) in [
            ("int f(void) { return 1; }", "f"),
            ("static inline BOOL WINAPI g(int a = h(1)) { }", "g"),
            ("namespace a { namespace b { void f() { } } }", "a::b::f"),
            ("namespace a::b { void f() { } } void g() {}", "a::b::f g"),
            (
                "namespace { struct S { void f() const noexcept { } }; }",
                "S::f",
            ),
            (
                "class __declspec(dllexport) A final : public B<int> { A() : x{1}, y(2) { } ~A() { } };",
                "A::A A::~A",
            ),
            ("A::A() : x{f({1})}, y{} { } void A::g() { }", "A::A A::g"),
            (
                "template <typename T> Foo<T>::Foo(T t) : t_(std::move(t)) {}",
                "Foo::Foo",
            ),
            (
                "bool operator==(const A& a, const A& b) { } A& A::operator=(A&&) { }",
                "operator== A::operator=",
            ),
            (
                "void A::operator()(int x) const { } A::operator bool() const { }",
                "A::operator() A::operator bool",
            ),
            ("void* operator new[](size_t n) { }", "operatornew[]"),
            ("std::function<void(int)> f() { }", "f"),
            ("struct stat *get(int a) { }", "get"),
            ("auto APIENTRY f(HMODULE m) -> BOOL { }", "f"),
            (
                "BOOL (WINAPI f)(int a) { } int (*g(int x))(char) { }",
                "f g",
            ),
            (
                "STDMETHODIMP_(ULONG) A::Release() { } STDMETHOD_(ULONG, f)(THIS) { }",
                "A::Release f",
            ),
            ("extern \"C\" STDAPI_(BOOL) f(int) { }", "f"),
            (
                "_Function_class_(DRIVER) NTSTATUS f(_In_ _Out_writes_(n) char *p) { }",
                "f",
            ),
            ("void f() __attribute__((noinline)) { }", "f"),
            (
                "void f(int a) try : x(1) { } catch (...) { } void g() {}",
                "f g",
            ),
            (
                "enum class E : int { a, b }; int x[] = { 1, 2 }; auto l = [](int a) { return a; }; void f() {}",
                "f",
            ),
            (
                "extern \"C\" { int f() { } } extern \"C\" int g() { }",
                "f g",
            ),
            (
                "void f() { std::thread t([] { if (a) { b(); } }); } void g() { }",
                "f g",
            ),
            ("static void ATTR_FORMAT(3,0) f(int a) { }", "f"),
            (
                "HRESULT A::f() try { } CATCH_RETURN()\n[[nodiscard]] HRESULT A::g() { }",
                "A::f A::g",
            ),
            ("template<> void f<int>(int) { }", "f"),
            (
                "class A { public: int a{1}; void f() { } private: void g() { } };",
                "A::f A::g",
            ),
            ("Q_DECLARE_METATYPE(X)\nvoid f() { }", "f"),
            (
                "const int big = 1'000'000; char c = '\\''; auto s = R\"x({)\" )x\"; void f() { '{'; \"{\"; 1'0; }",
                "f",
            ),
            ("#define F(x) void x() {\nvoid f() { }", "f"),
            ("void f() { // }\n /* } */ }", "f"),
            (
                "void f() {\n#ifdef A\n if (x) {\n#else\n if (y) {\n#endif\n } }\nvoid g() { }",
                "f g",
            ),
            (
                "#ifdef A\nvoid f(int a) {\n#else\nvoid f(long a) {\n#endif\n}\nvoid g() { }",
                "f g",
            ),
            (
                "#ifdef _WIN32\nvoid f() { }\n#else\nvoid u() { }\n#endif\n#ifdef A\nvoid a() { }\n#else\nvoid b() { }\n#endif",
                "f a b",
            ),
            ("#if 0\nvoid f() { {\n#endif\nvoid g() { }", "g"),
            ("void f() {\n if (a) {\n}\nvoid g() { }\n", "f g"),
        ] {
            assert_eq!(functions(text, Lang::Cpp).join(" "), expected, "{text}");
        }
    }

    /// What nothing closes ends where the next function begins in the first column; a statement there is none.
    #[test]
    fn functions_behind_one_that_nothing_closes() {
        let names = |text: &str| {
            let facts = scan(text, Lang::Cpp, &Names::default());
            assert!(facts.is_torn, "{text}");
            let names = facts.functions.iter().map(|function| function.name.clone());
            names.collect::<Vec<_>>().join(" ")
        };
        for (text, expected) in [
            (
                "void f() {\n if (a) {\n x();\nBOOL WINAPI g(int a)\n{\n}\n",
                "f g",
            ),
            (
                "void f() {\n if (a) {\nextern \"C\" int g(int a) // what {\n/* and */ {\n}\n",
                "f g",
            ),
            (
                "void f() {\n if (a) {\n#if B\nint A::g(int a) const;\nint A::h() {\n}\n",
                "f h",
            ),
            (
                "void f() {\n if (a) {\nelse if (b) {\nx = g(a) {\nreturn (a) {\nx(a) {\n}\n",
                "f",
            ),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
    }

    #[test]
    fn old_style_parameters_in_c() {
        assert_eq!(
            functions(
                "int f(a, b) int a; char *b; { return a; }\nint g(a) int a; { }",
                Lang::C
            ),
            ["f", "g"]
        );
        assert_eq!(
            functions("DEFINE(a) int x; int f(int a) { return a; }", Lang::C),
            ["f"]
        );
    }

    #[test]
    fn entries_in_c() {
        for (text, expected) in [
            (
                "BOOL WINAPI DllMain(HINSTANCE h, DWORD r, LPVOID p) { return TRUE; }",
                "DllMain",
            ),
            (
                "extern \"C\" BOOL WINAPI\nDllMain(HINSTANCE h, DWORD r, LPVOID p)\n{\n}",
                "DllMain",
            ),
            ("BOOL WINAPI DllMain(HINSTANCE, DWORD, LPVOID);", ""),
            (
                "int f() { return DllMain(0, 0, 0); } // DllMain() {}\n/* DllMain() {} */",
                "",
            ),
            ("const char *s = \"BOOL DllMain() {}\";", ""),
            (
                "struct A { int main() { } }; namespace n { int main() { } } namespace { int main() { } }",
                "",
            ),
            (
                "namespace n { extern \"C\" BOOL WINAPI DllMain(int) { } }",
                "DllMain",
            ),
            ("#define DllMain MyDllMain\nBOOL DllMain() { }", ""),
            (
                "#define DllMain MyDllMain\n#undef DllMain\nBOOL DllMain() { }",
                "DllMain",
            ),
            (
                "#define ENTRY DllMain\nBOOL WINAPI ENTRY(HINSTANCE h) { }",
                "DllMain",
            ),
            (
                "#define DEFINE(x) \\\n BOOL WINAPI DllMain(HINSTANCE h, DWORD r) \\\n { x; }\nDEFINE(f();)",
                "DllMain",
            ),
            (
                "#define CALL(x) return DllMain(x)\n#define PROTO BOOL DllMain(void);\nPROTO\nCALL(1)",
                "",
            ),
            (
                "#pragma const_seg(\".CRT$XLB\")\nextern const P p = f;",
                ".CRT$XLB",
            ),
            (
                "__attribute__((section(\".CRT$XLB\"))) P p = f;",
                ".CRT$XLB",
            ),
            (
                "#ifdef __linux__\nint main() { }\n#elif defined(X)\nBOOL DllMain() { }\n#else\nint WinMain() { }\n#endif",
                "DllMain WinMain",
            ),
        ] {
            assert_eq!(entries(text, Lang::Cpp).join(" "), expected, "{text}");
        }
        let text = "  BOOL WINAPI DllMain(HINSTANCE h) { f(); }  int x;";
        let entry = &scan(text, Lang::Cpp, &names()).entries[0];
        assert_eq!(
            &text[entry.start as usize..entry.end as usize],
            "BOOL WINAPI DllMain(HINSTANCE h) { f(); }"
        );
    }

    #[test]
    fn entries_made_by_a_macro_of_another_file() {
        let sources = Sources::new(vec![
            (
                "a.h".into(),
                b"#define DEFINE_MAIN(x) BOOL WINAPI DllMain(HINSTANCE h) { x }".to_vec(),
            ),
            (
                "b.cpp".into(),
                b"#include \"a.h\"\nDEFINE_MAIN(\n f({ 1 });\n g(); )\n".to_vec(),
            ),
            ("c.rs".into(), b"hook!(a);".to_vec()),
            (
                "d.rs".into(),
                b"macro_rules! hook { ($a:ident) => { #[no_mangle] fn DllMain() { } } }".to_vec(),
            ),
        ]);
        let facts = scan_all(&sources, &names());
        let count: Vec<usize> = facts.iter().map(|facts| facts.entries.len()).collect();
        assert_eq!(count, [0, 1, 1, 0]);
    }

    #[test]
    fn exports_includes_and_pragmas() {
        let facts = scan(
            "#include \"a\\b.h\"\n#include <c.h> // x\n#pragma comment(linker, \"/ENTRY:\" \"foo\")\nint a;",
            Lang::Cpp,
            &names(),
        );
        assert_eq!(facts.includes, ["a/b.h", "<c.h>"]);
        assert_eq!(facts.linker_options, ["/ENTRY:foo"]);
        assert!(!facts.dllexport);
        let exports = |text| scan(text, Lang::Cpp, &names()).dllexport;
        assert!(exports("__declspec(dllexport) void f() { }"));
        assert!(!exports("__declspec(dllexport) void f();"));
        assert!(exports(
            "#define API __declspec(dllexport)\nAPI int f() { }"
        ));
        assert!(!exports("#define API __declspec(dllexport)\nint f() { }"));
    }

    #[test]
    fn rust_functions() {
        for (text, expected) in [
            (
                "pub fn f<'a>(x: &'a str) -> char { '{' }\nfn g() { r#\"}\"# ; }",
                "f g",
            ),
            (
                "impl<T> Drop for Foo<T> where T: Fn() -> u8 { fn drop(&mut self) { } }",
                "Foo::drop",
            ),
            (
                "mod a { impl B { pub(crate) unsafe fn f() { } } } fn g() {}",
                "a::B::f g",
            ),
            (
                "trait T { fn f(&self); fn g(&self) { } } extern \"C\" { fn h(); }",
                "T::g",
            ),
            (
                "cfg_if! { if #[cfg(windows)] { fn f() { } } else { fn g() { } } }",
                "f g",
            ),
            (
                "static A: [fn(u8); 1] = [f]; const B: X = { fn n() {} n }; fn f(_: u8) {}",
                "f",
            ),
            (
                "/* /* */ fn no() {} */ // fn no() {}\n#[doc = \"fn no() {\"] fn f() { /* } */ }",
                "f",
            ),
            ("macro_rules! m { () => { fn no() {} } } fn f() {}", "f"),
            ("unsafe impl !Send for X {} fn f() { let c = b'\\''; }", "f"),
            (
                "use a::{b, c}; struct S { f: fn(u8) } enum E { A { x: u8 } } fn f() {}",
                "f",
            ),
            (
                "impl a::B<'_> { fn f(x: [u8; { 1 }]) -> impl Fn(u8) -> u8 { } }",
                "B::f",
            ),
        ] {
            assert_eq!(functions(text, Lang::Rust).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn entries_and_modules_in_rust() {
        for (text, expected) in [
            ("#[no_mangle] extern \"system\" fn DllMain() { }", "DllMain"),
            (
                "#[unsafe(no_mangle)]\npub unsafe extern \"system\" fn DllMain() { }",
                "DllMain",
            ),
            (
                "#[unsafe(export_name = \"DllMain\")] fn dll_main() { }",
                "DllMain",
            ),
            ("fn DllMain() { }", ""),
            ("fn main() { }", "main"),
            ("#[cfg(not(windows))] fn main() { }", ""),
            (
                "mod a { fn main() { } } impl B { fn main() { } } extern { fn main(); }",
                "",
            ),
            (
                "#[ctor::ctor] fn start() { } #[dtor] unsafe fn end() { }",
                "#[ctor] #[dtor]",
            ),
            (
                "#[link_section = \".CRT$XLB\"] #[used] static T: F = f;",
                ".CRT$XLB",
            ),
            ("// fn main() {}\nconst S: &str = \"fn main() {}\";", ""),
        ] {
            assert_eq!(entries(text, Lang::Rust).join(" "), expected, "{text}");
        }
        let text =
            "#[cfg_attr(windows, path = \"win/imp.rs\")] pub(crate) mod imp; mod a { mod b; }";
        let facts = scan(text, Lang::Rust, &names());
        assert_eq!(facts.mods[0].name, "imp");
        assert_eq!(facts.mods[0].paths, ["win/imp.rs"]);
        assert_eq!(
            (facts.mods[1].name.as_str(), facts.mods[1].inside.len()),
            ("b", 1)
        );
    }

    #[test]
    fn cut_and_broken_texts_end() {
        let c = "namespace é { class A : B { A() : x{1} { \"é\\\" } #if X\n R\"(' ) #else\n } int f(a) int a; { /* ";
        let rust =
            "#[a = \"é\"] mod é { impl<'a> F for 'b { fn f(x: &'a str) { r##\"é\"# b'\\'' /* /* ";
        for (text, lang) in [
            (c, Lang::C),
            (c, Lang::Cpp),
            (rust, Lang::Rust),
            (c, Lang::Rust),
            (rust, Lang::Cpp),
        ] {
            for (from, _) in text.char_indices() {
                for (to, _) in text[from..].char_indices() {
                    scan(&text[from..from + to], lang, &names());
                }
            }
        }
        for open in [
            "(",
            "{",
            "[",
            "<",
            "#if A\n",
            "namespace a {",
            "f() {\n",
            "\"",
            "'",
            "/*",
            "#[",
            "x!{",
        ] {
            for lang in [Lang::C, Lang::Cpp, Lang::Rust] {
                scan(&open.repeat(20_000), lang, &names());
            }
        }
    }
}
