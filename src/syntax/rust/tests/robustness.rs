//! Inputs that are cut, changed or nested: a unit, never a panic.

use super::super::lower;
use crate::source::FileId;

const SNIPPET: &str = r###"
#![cfg(windows)]
use std::{sync::{Arc, Mutex as M}, thread::*};
macro_rules! m { ($($x:expr),* $(,)?) => { $( f($x); )* }; (@ $b:block) => { fn g() { $b } } }
thread_local! { static A: std::cell::RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) }; }
struct S<'a, T: 'a + Fn(u8) -> u8 = fn(u8) -> u8>(&'a T, [u8; 4], r#type) where T: Clone;
impl<'a> Drop for S<'a> { fn drop(&mut self) { while let Some(Ok((ref a, _))) | None = self.0.take() { 'x: loop { break 'x; } } } }
#[unsafe(no_mangle)] pub unsafe extern "system" fn DllMain(h: HMODULE, (a, b): (u32, &mut [u8; 2]), _: ...) -> i32 {
    let x = match a { 1..=5 | b'x' if !h.is_null() => { &raw const *h }, ref y @ 7 => y?.await, S { a, .. } => return 0, [p, .., q] => p + q, _ => unreachable!() } as isize;
    let c = async move |z: u8| -> Result<(), ()> { x += z; Ok(()) };
    let Some(v) = c(5).await else { panic!("{}", r#"a"b"#) };
    *self.0.lock().unwrap() = Foo { a, b: 'c', ..Default::default() };
    for i in (0..10).rev() { if let Some(k) = i && k > 3 || matches!(i, 3) { continue } }
    tokio::select! { a = f() => {}, else => {} }
    #[cfg(feature = "q")] let w = "é😀";
    (|| unsafe { v.0.1[3](&mut w) })();
    -1
}
"###;

fn on_a_big_stack(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new()
        .stack_size(16 << 20)
        .spawn(test)
        .expect("a thread")
        .join()
        .expect("no panic");
}

#[test]
fn cut_texts() {
    on_a_big_stack(|| {
        for (at, _) in SNIPPET.char_indices() {
            lower(FileId(0), &SNIPPET[..at]);
        }
        for (at, _) in SNIPPET.char_indices().step_by(3) {
            lower(FileId(0), &SNIPPET[at..]);
        }
    });
}

#[test]
fn changed_texts() {
    on_a_big_stack(|| {
        let pieces = [
            "",
            "(",
            ")",
            "{",
            "}",
            "[",
            ";",
            ",",
            "'",
            "\"",
            "!",
            "$",
            "#",
            "=>",
            "..",
            "self",
            "_",
            "é",
            "r#",
            "match x {}",
            "|",
            "0",
            "::",
            "\0",
            "\u{feff}",
            "break 'x",
            "__dollar_",
        ];
        let mut state = 12345_u64;
        let mut next = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % below
        };
        let boundaries: Vec<usize> = SNIPPET.char_indices().map(|(at, _)| at).collect();
        for _ in 0..1500 {
            let mut text = SNIPPET.to_string();
            for _ in 0..1 + next(3) {
                let from = boundaries[next(boundaries.len())];
                let to = (from + next(6)).min(text.len());
                if text.is_char_boundary(from) && text.is_char_boundary(to) {
                    text.replace_range(from..to, pieces[next(pieces.len())]);
                }
            }
            lower(FileId(0), &text);
        }
    });
}

/// Each shape as deep as the scan lets it through, and deeper.
#[test]
fn nested_texts() {
    on_a_big_stack(|| {
        let shapes = [
            ("(", "x", ")"),
            ("[", "x", "]"),
            ("{", "x", "}"),
            ("f(", "x", ")"),
            ("if a {", "b()", "} else { c() }"),
            ("match a { _ => {", "b()", "} }"),
            ("move || {", "b()", "}"),
            ("async {", "b()", "}"),
            ("loop {", "b()", "}"),
            ("m!(", "b()", ")"),
            ("S { a: ", "b()", "}"),
            ("{ fn f() {", "b()", "} }"),
            ("!", "x", ""),
            ("*", "x", ""),
            ("&", "x", ""),
            ("&mut ", "x", ""),
            ("return ", "x", ""),
            ("break ", "x", ""),
            ("|| ", "x", ""),
            ("a = ", "x", ""),
            ("a + ", "x", ""),
            ("a && ", "x", ""),
            ("S {} + ", "x", ""),
            ("", "x", "{}()"),
            ("if a {} else ", "{}", ""),
            ("", "x", ".f()"),
            ("", "x", ".f"),
            ("", "x", "?"),
            ("", "x", "()"),
            ("", "x", "[0]"),
            ("", "x", " as u8"),
            ("", "x", " as *const u8"),
            ("let Some(", "x", ") = y"),
            ("a::<", "T", ">()"),
            ("let x: &", "T", ""),
        ];
        for depth in [100, 250, 600, 1400, 100_000] {
            for (open, inner, close) in &shapes {
                let nested = format!(
                    "fn f() {{ {}{inner}{}; }}",
                    open.repeat(depth),
                    close.repeat(depth)
                );
                lower(FileId(0), &nested);
            }
            lower(FileId(0), &"mod a {".repeat(depth));
            lower(
                FileId(0),
                &format!("use {}b{};", "a::{".repeat(depth), "}".repeat(depth)),
            );
            lower(FileId(0), &format!("use {}b;", "a::".repeat(depth)));
            lower(
                FileId(0),
                &format!("type A = {}u8{};", "Box<".repeat(depth), ">".repeat(depth)),
            );
            lower(
                FileId(0),
                &format!("type A = {}u8;", "fn() -> ".repeat(depth)),
            );
        }
    });
}

#[test]
fn a_deep_item_leaves_the_others() {
    on_a_big_stack(|| {
        let deep = format!("fn b() {{ {}x{} }}", "(".repeat(5000), ")".repeat(5000));
        let unit = lower(FileId(0), &format!("fn a() {{}} {deep} fn c() {{}}"));
        assert_eq!(unit.functions.len(), 2);
        assert_eq!(unit.opaque.len(), 1);
        assert_eq!(unit.opaque[0].range().len(), deep.len());
    });
}

#[test]
fn no_text_at_all() {
    for text in ["", "\u{feff}", "#!x", "\0", "#!", "#![allow(x)]", "}"] {
        lower(FileId(0), text);
    }
}
