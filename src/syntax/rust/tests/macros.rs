//! Uses and definitions of macros.

use super::{holds, lacks};

#[test]
fn arguments_are_lowered() {
    holds(
        "fn f() { println!(\"{} {x}\", a(), x = b()); assert!(c() > 0, \"no\"); info!(target: \"t\", field = %d(), \"msg\"); win_call!(FreeIt, h); }",
        &[
            "println!(s0, s1)",
            "c();;",
            "assert!((s",
            "d()",
            "info!(\"t\", s",
            "win_call!(FreeIt, h)",
        ],
    );
}

#[test]
fn statements_are_inline() {
    holds(
        "fn f() { tri! { let x = a(); b(x); }; let y = ok!({ c() }); }",
        &["a();;s1 l0 = s0;;s2 b(l0)", "c()", "ok!("],
    );
}

#[test]
fn what_is_not_understood_is_opaque() {
    holds("fn f() { m!(a b() => c(x) !! d); }", &["opaque [b, c]"]);
    lacks("fn f() { q(quote! { DllMain(); x() }); }", "DllMain");
    lacks("fn f() { t(Token![,]); }", "opaque");
}

#[test]
fn arms_are_alternatives() {
    holds(
        "fn f() { loop { select! { Some(x) = rx.recv() => { a(x); } _ = stop() => return, } } }",
        &[
            "s0 rx.recv();;s1 stop();;s2 select!(s0, s1)",
            "when ?",
            "a(l0)",
        ],
    );
}

#[test]
fn macro_rules_with_statements_are_functions() {
    holds(
        "macro_rules! guarded { ($lock:expr, $body:block) => {{ let g = $lock.lock(); $body; $crate::done($lock); }}; }",
        &[
            "Macro guarded(lock: , body: )",
            "p0.lock()",
            "(*p1)()",
            "done(p0)",
            "drop l0:",
        ],
    );
    holds(
        "macro_rules! all { ($($x:expr),*) => { $( stop($x); )* }; }",
        &["Macro all(x: )", "stop(p0)"],
    );
    holds(
        "macro_rules! cast { ($address:expr, $type:ident) => { $address as *const $type }; }",
        &["Macro cast(address: , type: )", "return p0"],
    );
}

#[test]
fn macro_rules_with_items_define_functions() {
    holds(
        "macro_rules! entry { ($attach:path, $name:ident, $body:block) => {
            #[no_mangle] extern \"system\" fn DllMain(h: HMODULE) -> BOOL { $attach(h); spawn($attach); $body; 1 }
            fn $name() {} }; }
         entry!(on_attach, helper, { go(); });
         entry!(|h| go(h), 3);",
        &[
            "Free DllMain(h: HMODULE) -> BOOL exported [macro:entry(attach,name,body)]",
            "s0 $attach(p0)",
            "spawn($attach)",
            "$body()",
            "Free $name() internal [macro:entry(attach,name,body)]",
            "invoke entry(on_attach, helper, closure #",
            "invoke entry(closure #",
        ],
    );
}

#[test]
fn items_in_macros_are_items() {
    holds(
        "cfg_rt! { pub fn f() { g(); } } const _: () = { #[no_mangle] fn x() {} };",
        &["Free f()", "Free x() exported"],
    );
}
