//! The shapes: each a file of C, C++ or Rust that grows in one direction.

use crate::{Shape, check};
use std::fmt::Display;

const HEAD: &str = "#include <windows.h>\nstatic HANDLE g_thread;\n";
const WAIT: &str = "WaitForSingleObject(g_thread, INFINITE);";

/// Pieces of text, one behind the other.
fn all<T: Display>(count: usize, piece: impl Fn(usize) -> T) -> String {
    (0..count).map(|number| piece(number).to_string()).collect()
}

fn joined(count: usize, between: &str, piece: impl Fn(usize) -> String) -> String {
    (0..count).map(piece).collect::<Vec<_>>().join(between)
}

/// A file of C or C++ with a DllMain that runs this at unload.
fn dll(before: impl Display, body: impl Display) -> String {
    format!(
        "{HEAD}{before}\nBOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved)\n{{\n    if \
         (reason == DLL_PROCESS_DETACH) {{\n{body}\n    }}\n    return TRUE;\n}}\n"
    )
}

/// A file of Rust with a DllMain that runs this at unload, with the handle of a thread.
fn rust(before: impl Display, body: impl Display) -> String {
    format!(
        "use std::thread::JoinHandle;\n{before}\n#[no_mangle]\npub extern \"system\" fn DllMain(_: *mut u8, reason: u32, \
         _: *mut u8) -> i32 {{\n    if reason == 0 {{\n        let handle = thread();\n{body}\n        \
         handle.join().unwrap();\n    }}\n    1\n}}\nfn thread() -> JoinHandle<()> {{ std::thread::spawn(|| {{}}) }}\n"
    )
}

macro_rules! shapes {
    ($($name:ident, $file:literal, $size:literal, $findings:expr, $text:expr;)*) => {
        $(#[test]
        fn $name() {
            check(Shape { file: $file, size: $size, text: $text, findings: $findings });
        })*
    };
}

shapes! {
    chain_that_leads_nowhere, "dll.c", 2000, |_| 1..=1, |n| {
        dll(all(n, |k| format!("void f{k}(void) {{ f{}(); }}\n", k + 1)), format!("f0(); {WAIT}"))
    };
    chain_to_a_wait, "dll.c", 500, |_| 1..=1, |n| {
        let chain = all(n, |k| format!("void f{k}(HANDLE h, int a) {{ f{}(h, a); }}\n", k + 1));
        dll(format!("{chain}void f{n}(HANDLE h, int a) {{ if (a) WaitForSingleObject(h, INFINITE); }}\n"), "f0(g_thread, 1);")
    };
    chain_to_a_wait_in_cpp, "dll.cpp", 500, |_| 1..=1, |n| {
        dll(format!("{}void f{n}() {{ {WAIT} }}\n", all(n, |k| format!("void f{k}() {{ f{}(); }}\n", k + 1))), "f0();")
    };
    chain_to_a_wait_in_rust, "dll.rs", 300, |_| 1..=4, |n| {
        let chain = all(n, |k| format!("fn f{k}(h: JoinHandle<()>) {{ f{}(h); }}\n", k + 1));
        rust(format!("{chain}fn f{n}(h: JoinHandle<()>) {{ h.join().unwrap(); }}\n"), "f0(thread());")
    };
    chain_that_waits_everywhere, "dll.c", 300, |n| n..=n + 2, |n| {
        let chain = all(n, |k| format!("void f{k}(int a) {{ f{}(a); if (a) {WAIT} }}\n", k + 1));
        dll(format!("{chain}void f{n}(int a) {{ {WAIT} }}\n"), "f0(1);")
    };
    ring_of_functions, "dll.c", 200, |n| n..=n, |n| {
        let ring = |k: usize| format!("void f{k}(int a) {{ f{}(a); f{}(a); if (a) {WAIT} }}\n", (k + 1) % n, (k * 7 + 3) % n);
        dll(all(n, ring), "f0(1);")
    };
    ring_of_functions_in_rust, "dll.rs", 500, |_| 1..=2, |n| {
        rust(all(n, |k| format!("fn f{k}(a: u32) {{ f{}(a); f{}(a); }}\n", (k + 1) % n, (k * 7 + 3) % n)), "f0(1);")
    };
    many_branches, "dll.c", 1000, |_| 1..=1, |n| {
        dll("", format!("int a = 0;\n{}{WAIT}", all(n, |k| format!("if (a == {k}) a = Next({k});\n"))))
    };
    many_branches_in_rust, "dll.rs", 800, |_| 1..=2, |n| rust("", all(n, |k| format!("if flag({k}) {{ step({k}); }}\n")));
    many_returns, "dll.c", 1600, |_| 1..=1, |n| dll("", format!("{}{WAIT}", all(n, |k| format!("if (flag{k}) return FALSE;\n"))));
    many_loops, "dll.c", 800, |_| 1..=1, |n| dll("", format!("{}{WAIT}", all(n, |k| format!("while (Get({k})) Step();\n"))));
    many_gotos, "dll.c", 800, |_| 1..=1, |n| {
        dll("", format!("{}{WAIT}", all(n, |k| format!("l{k}: if (Get()) goto l{};\n", (k * 7) % n))))
    };
    huge_switch, "dll.c", 1600, |_| 1..=1, |n| {
        dll("", format!("switch (Get()) {{\n{}}}\n{WAIT}", all(n, |k| format!("case {k}: Step{}(); break;\n", k % 7))))
    };
    huge_match, "dll.rs", 600, |_| 1..=2, |n| {
        rust("", format!("match reason {{ {} _ => {{}} }}", all(n, |k| format!("{k} => step({k}),\n"))))
    };
    long_else_if, "dll.c", 600, |_| 1..=1, |n| {
        let chain = joined(n, " else ", |k| format!("if (a == {k}) Step{}();\n", k % 7));
        dll("", format!("int a = Get();\n{chain}{WAIT}"))
    };
    many_statics, "dll.c", 6000, |_| 1..=1, |n| dll(all(n, |k| format!("static int g_a{k} = {k};\n")), WAIT);
    many_statics_with_destructors, "dll.cpp", 600, |_| 1..=2, |n| {
        let class = format!("struct Worker {{ HANDLE thread; ~Worker() {{ {WAIT} }} }};\n");
        dll(class + &all(n, |k| format!("static Worker g_a{k};\n")), WAIT)
    };
    many_statics_in_rust, "dll.rs", 800, |_| 1..=2, |n| {
        rust(all(n, |k| format!("static G{k}: std::sync::Mutex<u32> = std::sync::Mutex::new({k});\n")), "")
    };
    many_locals, "dll.c", 1200, |_| 1..=1, |n| dll("", format!("{}{WAIT}", all(n, |k| format!("int v{k} = {k};\n"))));
    many_assignments, "dll.c", 1600, |_| 1..=1, |n| {
        dll("static int g_stop;\n", format!("{}{WAIT}", all(n, |k| format!("g_stop = {k};\n"))))
    };
    many_waits, "dll.c", 500, |n| n..=n, |n| dll("", all(n, |k| format!("if (flag{k}) {WAIT}\n")));
    many_exit_functions, "dll.c", 300, |n| n..=n + 2, |n| {
        let functions = all(n, |k| format!("void Bye{k}(void) {{ {WAIT} }}\n"));
        dll(format!("{functions}void Start(void) {{\n{}}}\n", all(n, |k| format!("atexit(Bye{k});\n"))), "Start();")
    };
    many_members, "dll.cpp", 600, |_| 1..=1, |n| {
        let members = all(n, |k| format!("int m_a{k};\nvoid Do{k}() {{ m_a{k} = 1; }}\n"));
        dll(format!("class Big {{\npublic:\n{members}~Big() {{ {WAIT} }}\n}};\nstatic Big g_big;\n"), "g_big.Do0();")
    };
    members_made_with_the_object, "dll.cpp", 300, |_| 128..=128, |n| {
        let classes = all(n, |k| format!("class M{k} {{ public: M{k}() {{ LoadLibraryW(L\"x\"); }} }};\n"));
        let members = all(n, |k| format!("M{k} m{k};\nHMODULE l{k} = LoadLibraryW(L\"y\");\n"));
        dll(format!("{classes}class Big {{\npublic:\n{members}}};\n"), all(n, |_| "new Big;\n"))
    };
    places_behind_their_own_second, "dll.cpp", 100, |_| 1..=1, |n| {
        let steps = all(n, |_| "if (Ask()) n = n->second[0];\n");
        dll(format!("struct Node {{ void Stop(); }};\nvoid Go(Node *root) {{\nNode *n = root;\n{steps}n->second->Stop(); {WAIT}\n}}\n"), "Go(nullptr);")
    };
    many_overriding_classes, "dll.cpp", 300, |_| 0..=0, |n| {
        let classes = all(n, |k| format!("struct B{k} : A {{ void Stop() override {{ {WAIT} }} }};\n"));
        dll(format!("struct A {{ virtual void Stop(); }};\n{classes}static A *g_a;\n"), "g_a->Stop();")
    };
    chain_of_base_classes, "dll.cpp", 500, |_| 1..=1, |n| {
        let classes = all(n, |k| format!("struct B{} : B{k} {{ int x{k}; }};\n", k + 1));
        dll(format!("struct B0 {{ ~B0() {{ {WAIT} }} }};\n{classes}static B{n} g_b;\n"), WAIT)
    };
    callers_of_one_function, "dll.c", 600, |_| 1..=1, |n| {
        let functions = all(n, |k| format!("void f{k}(void) {{ Step(); }}\n"));
        dll(format!("static void Step(void) {{ {WAIT} }}\n{functions}"), all(n, |k| format!("f{k}();\n")))
    };
    one_lock_taken_often, "dll.c", 500, |n| n..=n, |n| {
        let takes = all(n, |k| format!("EnterCriticalSection(&g_lock); Step{k}(); LeaveCriticalSection(&g_lock);\n"));
        dll(format!("static CRITICAL_SECTION g_lock;\nvoid F(void) {{\n{takes}}}\n"), "F();")
    };
    macros_of_macros, "dll.c", 600, |_| 1..=2, |n| {
        let macros = all(n, |k| format!("#define M{k}(x) M{}(x)\n", k + 1));
        dll(format!("{macros}#define M{n}(x) {WAIT}\n"), format!("M0(1);\n{WAIT}"))
    };
    many_conditions_of_the_preprocessor, "dll.c", 1000, |_| 1..=1, |n| {
        dll(all(n, |k| format!("#ifdef A{k}\nstatic int a{k};\n#else\nstatic int b{k};\n#endif\n")), WAIT)
    };
    table_of_functions, "dll.c", 500, |_| 0..=1, |n| {
        let functions = all(n, |k| format!("static void f{k}(void) {{ {WAIT} }}\n"));
        let names = joined(n, ", ", |k| format!("f{k}"));
        dll(format!("{functions}static void (*g_table[])(void) = {{ {names} }};\n"), "g_table[0]();")
    };
    rows_of_data, "dll.c", 8000, |_| 1..=1, |n| {
        let rows = all(n, |k| format!("{{ \"name{k}\", {k}, 0x{:02x} }},\n", k % 256));
        dll(format!("static const struct Row g_rows[] = {{\n{rows}}};\n"), WAIT)
    };
}
