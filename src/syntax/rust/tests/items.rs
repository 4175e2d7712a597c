//! Names, attributes, types, statics.

use super::{dump, holds, lacks};

#[test]
fn scopes_are_modules_and_types() {
    holds(
        "mod imp { pub struct Worker; impl<T> Worker<T> { pub fn stop(&self) {} fn new() {} }
           impl Drop for Worker { fn drop(&mut self) {} }
           impl Run for Worker { fn run(self) {} } }
         trait Run { fn run(self); fn again(&self) { self.run2(); } }
         fn outer() { fn inner() {} inner(); }",
        &[
            "Class imp::Worker : Drop, Run",
            "fn stop;;fn new;;fn drop;;fn virtual run",
            "Method imp::Worker::stop()",
            "Method imp::Worker::new() internal",
            "Drop imp::Worker::drop()",
            "Method imp::Worker::run();;b0:;;s0 drop this: Worker",
            "Trait Run;;fn virtual run;;fn virtual again",
            "Method Run::again();;b0:;;s0 this.run2()",
            "Free outer() internal;;b0:;;s0 inner()",
        ],
    );
    let unit = super::lower(
        crate::source::FileId(0),
        "fn outer() { fn inner() {} } impl A for B { fn f(&self) {} }",
    );
    assert_eq!(
        unit.functions[1].enclosing,
        Some(crate::ir::FunctionIndex(0))
    );
    assert!(unit.functions[2].is_virtual && unit.functions[2].has_this);
}

#[test]
fn exports_are_told_by_attributes() {
    holds(
        "#[no_mangle] pub extern \"system\" fn DllMain() {}
         #[unsafe(no_mangle)] fn a() {}
         #[unsafe(export_name = \"DllMain\")] fn b() {}
         #[export_name = \"c2\"] fn c() {}
         #[cfg_attr(windows, no_mangle)] fn d() {}
         #[cfg_attr(unix, no_mangle)] fn e() {}
         #[ctor::ctor] fn f() {}
         #[tokio::main] async fn main() {}
         #[link_section = \".CRT$XLB\"] fn g() {}
         pub fn h() {}",
        &[
            "Free DllMain() exported",
            "Free a() exported",
            "Free b() exported as DllMain",
            "Free c() exported as c2",
            "Free d() exported",
            "Free e() internal",
            "Free f() internal [ctor, ctor::ctor]",
            "Free main() internal [async, main, tokio::main]",
            "Free g() internal [section:.CRT$XLB]",
            "Free h()\n",
        ],
    );
}

#[test]
fn cfg_is_three_valued() {
    let text = "#[cfg(windows)] fn a() {}
         #[cfg(unix)] fn b() {}
         #[cfg(feature = \"x\")] fn c() {}
         #[cfg(all(windows, not(feature = \"x\")))] fn d() {}
         #[cfg(any(target_os = \"linux\", test))] fn e() {}
         #[cfg(not(target_os = \"linux\"))] fn f() {}
         #[cfg(test)] mod tests { fn g() {} }
         fn h() { #[cfg(unix)] i(); #[cfg(feature = \"y\")] j(); if cfg!(debug_assertions) { k(); }
             if cfg!(windows) { l(); } else { m(); } }
         cfg_if! { if #[cfg(unix)] { fn n() {} } else if #[cfg(feature = \"z\")] { fn o() {} } else { fn p() {} } }";
    holds(
        text,
        &[
            "Free a() internal\n",
            "Free c() internal when #if feature = \"x\"",
            "Free d() internal when not #if feature = \"x\"",
            "Free f() internal\n",
            "-> b2 when #if feature = \"y\";;-> b3 when not #if feature = \"y\"",
            "when #if debug_assertions",
            "s4 l()",
            "Free o() internal when #if feature = \"z\"",
            "Free p() internal when not #if feature = \"z\"",
        ],
    );
    for missing in [
        "Free b()", "Free e()", "Free g()", "i()", " m()", "Free n()",
    ] {
        lacks(text, missing);
    }
}

#[test]
fn the_tail_is_what_cfg_leaves() {
    holds(
        "fn f() -> u8 { #[cfg(windows)] { a() } #[cfg(not(windows))] { b() } }",
        &["b0:;;s0 a();;s1 return s0"],
    );
    holds(
        "fn f() -> u8 { #[cfg(windows)] return c(); #[cfg(unix)] return d(); }",
        &["b0:;;s0 c();;s1 return s0"],
    );
}

#[test]
fn uses_are_followed() {
    holds(
        "use std::thread; use std::{sync::{self, Mutex as M}, io};
         use windows::Win32::System::Threading::{Wait as W, *};
         use thread::spawn;
         mod inner { use super::*; fn g() { thread::sleep(d()); } mod closed { fn x() { thread::sleep(1); } } }
         fn f() { use ffi::go; thread::spawn(run); spawn(run); W(h, 5); M::new(1); sync::f(); crate::a::b(); self::c();
            ::d::e(); go(); Vec::<u8>::with_capacity(3); <T as U>::v(); }
         impl S { fn m() { Self::n(); } }
         mod x; #[path = \"z.rs\"] mod y;",
        &[
            "Alias(\"thread\", \"std::thread\")",
            "Alias(\"sync\", \"std::sync\")",
            "Alias(\"M\", \"std::sync::Mutex\")",
            "Namespace(\"windows::Win32::System::Threading\")",
            "Alias(\"spawn\", \"std::thread::spawn\")",
            "Module(\"x\", None);;Module(\"y\", Some(\"z.rs\"))",
            "std::thread::sleep(s0)",
            " thread::sleep(1)",
            "s0 std::thread::spawn(run)",
            "std::thread::spawn(run)",
            "windows::Win32::System::Threading::Wait(h, 5)",
            "std::sync::f()",
            "a::b()",
            " c()",
            "d::e()",
            "ffi::go()",
            "Vec::with_capacity(3)",
            "T::v()",
            "S::n()",
        ],
    );
}

#[test]
fn types_are_written_in_one_way() {
    holds(
        "use std::thread::JoinHandle as J;
         pub struct S<'a, T> { a: Option < J < ( ) > >, b: &'a mut T, c: *mut c_void, d: [u8 ; 4], e: Box<dyn Fn(u32) -> bool + Send>,
             f: Option<unsafe extern \"system\" fn(HANDLE) -> u32>, g: (u8,) }
         enum E { A(u8, J<u8>), B { x: u16 }, C = 3 }
         type Alias = Vec<J<()>>;",
        &[
            "a: Option<std::thread::JoinHandle<()>>",
            "b: &'a mut T",
            "c: *mut c_void",
            "d: [u8; 4]",
            "e: Box<dyn Fn(u32) -> bool + Send>",
            "f: Option<unsafe extern \"system\" fn(HANDLE) -> u32>",
            "g: (u8,)",
            "Class E;;A_0: u8;;A_1: std::thread::JoinHandle<u8>;;B_x: u16",
            "const E::C = 3",
            "Alias Alias = Vec<std::thread::JoinHandle<()>>",
        ],
    );
}

#[test]
fn statics_and_constants() {
    holds(
        "static mut H: HANDLE = HANDLE(0); pub static M: Mutex<Option<u8>> = Mutex::new(None);
         const A: u32 = 1 << 4; const B: u32 = A | X; impl S { const C: &str = \"c\"; }
         static L: LazyLock<Lib> = LazyLock::new(|| open(\"x\")); static P: Lazy<Lib> = Lazy::new(make);
         static O: OnceLock<u8> = OnceLock::new();
         #[link_section = \".CRT$XLB\"] #[used] static T: [unsafe fn(); 2] = [on_tls, other];
         thread_local! { static W: RefCell<Worker> = RefCell::new(Worker::new()); pub static N: Cell<u8> = const { Cell::new(1) }; }
         lazy_static! { pub static ref Z: Foo = { go(); Foo::new() }; }
         extern \"C\" { static E: u8; fn ext(x: u32, ...) -> i32; }
         fn f() { static INNER: AtomicUsize = AtomicUsize::new(7); }",
        &[
            "static H: HANDLE = 0",
            "static M: Mutex<Option<u8>> = null",
            "const A = 16",
            "const B = A | X",
            "const S::C = \"c\"",
            "static L: LazyLock<Lib> [lazy]",
            "static P: Lazy<Lib> [lazy]",
            "static O: OnceLock<u8>\n",
            "static T: [unsafe fn(); 2] = on_tls, other [section:.CRT$XLB, used]",
            "static W: RefCell<Worker> thread_local [lazy]",
            "static N: Cell<u8> thread_local = 1 [lazy]",
            "static Z: Foo [lazy]",
            "static E: u8",
            "declare ext External",
            "static INNER: AtomicUsize in #",
            "Initializer {init L}() internal;;b0:;;s0 open(\"x\");;s1 return s0",
            "Initializer {init P}() internal;;b0:;;s0 make();;s1 return s0",
            "Initializer {init W}() internal;;b0:;;s0 Worker::new();;s1 return s0",
            "Initializer {init Z}() internal;;b0:;;s0 go();;s1 drop s0:;;s2 Foo::new();;s3 return s2",
        ],
    );
}

#[test]
fn spans_are_bytes_of_the_decoded_text() {
    let text = "#!/usr/bin/env x\n// é😀\nfn grün() { stop(\"ü\"); }";
    let unit = super::lower(crate::source::FileId(0), text);
    let function = &unit.functions[0];
    assert_eq!(&text[function.name_span.range()], "grün");
    assert_eq!(&text[function.span.range()], "fn grün() { stop(\"ü\"); }");
    assert_eq!(&text[function.stmts[0].span.range()], "stop(\"ü\")");
}

#[test]
fn what_syn_rejects_is_taken_item_by_item() {
    let text = "fn a() { x(); } fn b() { let ~ = 3; } mod m { fn c() { y(); } fn d(3) { } } use p::{q, r}; fn e() { q(); }";
    holds(
        text,
        &["Free a()", "Free c()", "Free e()", "s0 p::q()", "opaque"],
    );
    assert_eq!(
        dump("fn a() {} fn b() { \" }"),
        "opaque 0..22",
        "not even tokens"
    );
}
