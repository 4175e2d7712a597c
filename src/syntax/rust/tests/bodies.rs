//! Statements, drops, closures, branches.

use super::{holds, lacks};

#[test]
fn calls_in_evaluation_order() {
    holds(
        "fn f(p: HANDLE, cb: fn()) -> u32 { let x = a(b(), c.d(e())); (self_.f)(x); cb(); (|| g())(); make()(1); h(Some(run), &p, p.0 as usize, std::ptr::null_mut(), BOOL(1), transmute::<A, B>(run), -1, 0xFFFF_FFFFu32, u32::MAX) }",
        &[
            "s0 b()",
            "s1 e()",
            "s2 c.d(s1)",
            "s3 a(s0, s2)",
            "s4 l0 = s3",
            "(*self_.f)(l0)",
            "(*p1)()",
            "#1()",
            "make()",
            "(1)",
            "h(run, &p0, p0, null, 1, run, -1, 4294967295, 4294967295)",
        ],
    );
}

#[test]
fn wrappers_and_casts_are_peeled() {
    holds(
        "fn f() { let x = Box::new(Arc::new(g().unwrap())) as *const _; h(x.cast::<u8>().as_ref().expect(\"x\")); k(v.clone(), Ok(w)); }",
        &["s1 l0 = s0", "h(l0)", "v.clone()", "k(s4, w)"],
    );
}

#[test]
fn locals_are_dropped_last_first() {
    holds(
        "fn f() { let a = open(); let b: Lib = open(); let c = 3; let d = &a; let e: u32 = g(); }",
        &["drop l1: Lib;;s9 drop l0:"],
    );
    holds(
        "fn f(lib: Lib, n: u32) { g(n); }",
        &["s1 drop s0:;;s2 drop p0: Lib"],
    );
}

#[test]
fn moved_values_are_not_dropped() {
    let text = "fn f() -> Lib { let a = x(); let b = x(); let c = x(); let d = x(); let e = x(); g(a); drop(b); std::mem::forget(c); let k = move || h(d); e }";
    for local in ["l0", "l2", "l3", "l4"] {
        lacks(text, &format!("drop {local}:"));
    }
    holds(text, &["drop l1:", "return l4"]);
    holds(
        "fn f(x: Lib) { if c { g(x); return; } h(); }",
        &["s3 h();;s4 drop s3:;;s5 drop p0: Lib"],
    );
    lacks("fn f(x: Lib) { if c { g(x); } h(); }", "drop p0");
    holds(
        "fn f() { let h = s(); h.join(); let i = s(); i.stop(); }",
        &["drop l1:"],
    );
    lacks("fn f() { let h = s(); h.join(); }", "drop l0");
}

#[test]
fn results_and_guards_end_where_rust_ends_them() {
    holds(
        "fn f() { a(); let _ = b(); let _c = d(); e(); }",
        &[
            "s0 a();;s1 drop s0:",
            "s2 b();;s3 drop s2:",
            "s5 l0 = s4;;s6 e();;s7 drop s6:;;s8 drop l0:",
        ],
    );
    // The guard ends with the statement.
    holds(
        "fn f() { m.lock().unwrap().take(); g(); }",
        &["s0 m.lock();;s1 s0.take();;s2 drop s1:;;s3 drop s0:;;s4 g()"],
    );
    holds(
        "fn f() { let x = m.lock().unwrap().take(); g(); }",
        &["s0 m.lock();;s1 s0.take();;s2 l0 = s1;;s3 drop s0:;;s4 g()"],
    );
    holds(
        "fn f() { *m.lock().unwrap() = 5; g(); }",
        &["s0 m.lock();;s1 s0 = 5;;s2 drop s0:;;s3 g()"],
    );
    // It lives as long as a match or an if let, and ends before the block of a plain if.
    holds(
        "fn f() { match m.lock().unwrap().x { 1 => a(), _ => b() } g(); }",
        &["drop s0:;;s6 g()"],
    );
    holds(
        "fn f() { if let Some(x) = m.lock().unwrap().take() { a(x); } g(); }",
        &["drop s0:;;s6 g()"],
    );
    holds(
        "fn f() { if m.lock().unwrap().flag { a(); } }",
        &["s0 m.lock();;s1 drop s0:;;-> b1 when s0.flag != 0"],
    );
    holds(
        "fn f() { if let Ok(_) = m.lock() { a(); } g(); }",
        &["drop s0:;;s4 g()"],
    );
    holds(
        "fn f() { let g = m.lock().unwrap(); drop(g); h(); }",
        &["s1 l0 = s0;;s2 drop l0:;;s3 h()"],
    );
}

#[test]
fn a_reference_is_no_owner() {
    lacks(
        "impl W { fn f(&self) { let h = self.handle.as_ref().unwrap(); g(h); } }",
        "drop l0",
    );
    lacks(
        "fn f(o: &O) { if let Some(h) = &o.h { g(h.x()); } }",
        "drop l0",
    );
    holds(
        "impl W { fn f(&mut self) { if let Some(h) = self.h.take() { g(); } } }",
        &["s1 l0 = s0", "drop l0:"],
    );
}

#[test]
fn a_result_behind_a_reference_lives_on() {
    holds(
        "fn f() { let x = &lock(); g(x); h(); }",
        &[
            "s0 lock();;s1 l0 = &s0;;s2 g(l0)",
            "h();;s5 drop s4:;;s6 drop s0:",
        ],
    );
}

#[test]
fn what_is_taken_apart_is_not_dropped_whole() {
    let text = "struct W { h: Thread, k: HANDLE } impl W { fn a(self) -> Thread { self.h } fn b(self) { close(self.k); } }";
    holds(
        text,
        &[
            "W::a() -> Thread internal;;b0:;;s0 return this.h",
            "close(this.k)",
            "drop this: W",
        ],
    );
}

#[test]
fn blocks_around_one_expression_are_transparent() {
    holds(
        "fn f() -> u32 { match unsafe { g() } { 1 => {} _ => {} } unsafe { h() } }",
        &["s0 g();;-> b2 when s0 == 1", "s2 h();;s3 return s2"],
    );
}

#[test]
fn assignments_drop_what_was_there() {
    holds(
        "struct W { h: Option<Lib> } impl W { fn f(&mut self) { self.h = None; self.n = 3; } }",
        &["s0 drop this.h: Option<Lib>;;s1 this.h = null;;s2 this.n = 3"],
    );
}

#[test]
fn branches_have_guards() {
    holds(
        "fn f(r: u32, p: *mut c_void) { if r == ATTACH && !p.is_null() || 0 == g() { a(); } else { b(); } }",
        &[
            "-> b4 when p0 == ATTACH;;-> b3 when not p0 == ATTACH",
            "when p1 == null",
            "when s0 == 0",
        ],
    );
    holds(
        "fn f(o: Option<u8>) { if o.is_some() { a(); } if x & FLAG != 0 { b(); } if r.is_ok() { c(); } }",
        &["when p0 != null", "when x & FLAG", "r.is_ok()", "!= 0"],
    );
    holds(
        "fn f(v: V) { if let Some(x) = v { g(x); } else { h(); } while let Ok(y) = rx.recv() { k(y); } }",
        &[
            "when p0 != null;;-> b2 when not p0 != null",
            "l0 = p0",
            "rx.recv();;-> b",
            "when ?",
        ],
    );
    holds(
        "fn f(v: V) { let Some(x) = v else { return; }; g(x); }",
        &["-> b1 when p0 != null;;-> b2 when not p0 != null", "g(l0)"],
    );
    holds(
        "fn f() -> bool { let b = a == 1; matches!(r, 1 | 2 if c()) }",
        &["l0 = (a == 1)", "when r == 1", "when r == 2"],
    );
    for name in ["std::matches", "core::matches", "r#matches"] {
        holds(
            &format!("fn f() -> bool {{ {name}!(r, 1 | 2) }}"),
            &["when r == 1", "when r == 2"],
        );
    }
}

#[test]
fn matches_test_in_order() {
    holds(
        "fn f(r: u32) -> i32 { match r { DLL_PROCESS_ATTACH => a(), x::DETACH | 7 => b(), 9 if c() => 3, 10..=20 => d(), other => e(other) } }",
        &[
            "-> b2 when p0 == DLL_PROCESS_ATTACH",
            "when p0 == x::DETACH",
            "when p0 == 7",
            "when not p0 == DLL_PROCESS_ATTACH when not p0 == x::DETACH when not p0 == 7",
            "when p0 >= 10 when p0 <= 20",
            "e(l1)",
        ],
    );
    holds(
        "fn f(r: u32, q: bool) { match (r, q) { (1, true) => a(), (_, false) => b(), _ => c() } }",
        &["when p0 == 1 when p1 != 0", "when p1 == 0"],
    );
    // Two unknown conditions are two, and the last arm takes the rest.
    holds(
        "fn f() { match g() { Ok(x) => a(x), Err(e) => b(e) } }",
        &["-> b2 when ?;;-> b3 when not ?\n"],
    );
    holds(
        "fn f(v: V) { match v { V::A { x, .. } => a(x), V::B(y, z) => b(y, z), V::C => {} } }",
        &[
            "l0 = p0.x",
            "l1 = p0.0;;s",
            "= p0.1",
            "-> b2 when ?;;-> b3 when ?",
        ],
    );
}

#[test]
fn values_of_blocks_meet_in_a_place() {
    holds(
        "fn f(c: bool) -> u32 { let x = if c { a() } else { 5 }; let y = loop { break g(); }; match x { 1 => 2, _ => y } }",
        &[
            "l1 = s0",
            "l1 = 5",
            "l2 = s",
            "l0 = 2",
            "l0 = l2",
            "return l0",
        ],
    );
    holds(
        "fn f() { let x = match g() { Ok(v) => v, Err(_) => return }; h(x); }",
        &["l1 = s0", "l0 = l1", "h(l0)"],
    );
    holds(
        "fn f() { let s = Foo { a: g(), b: 3 }; h(Foo { a: 1, ..s }); k((x, 2)); w(&[p, q]); }",
        &[
            "local 0 s: Foo",
            "l0.a = s0;;s2 l0.b = 3",
            "l1 = l0;;s4 l1.a = 1",
            "l2.0 = x",
            "l3.[] = p",
            "l3.[] = q",
            "w(&l3)",
        ],
    );
}

#[test]
fn tuple_structs_of_the_file_are_literals() {
    holds(
        "struct Send(*mut c_void); enum E { A(u8) } fn f(p: *mut c_void) { let s = Send(p); spawn(move || g(s.0)); h(E::A(1)); CloseIt(p); }",
        &[
            "local 0 s: Send",
            "l0.0 = p0",
            "g(c0.0)",
            "l1.0 = 1",
            "CloseIt(p0)",
        ],
    );
}

#[test]
fn loops_and_labels() {
    holds(
        "fn f() { 'a: loop { for x in list.drain(..) { if c() { continue 'a; } break 'a; } } done(); let v = 'b: { if d() { break 'b 1; } 2 }; }",
        &[
            "list.drain(?)",
            ".next()",
            "l0 = s",
            "done()",
            "l1 = 1",
            "l1 = 2",
        ],
    );
    holds(
        "fn f() { while run() { let g = lock(); if x { break; } } after(); }",
        &["drop l0:;;-> b"],
    );
}

#[test]
fn question_marks_return_early() {
    holds(
        "fn f() -> R { let g = lock(); a()?; b() }",
        &["when ?;;-> b1 when not ?", "drop l0:;;s", "return ?"],
    );
}

#[test]
fn panics_end_the_path() {
    holds(
        "fn f(x: Lib) { if c { panic!(\"{}\", g()); } h(); }",
        &["g()", "drop p0: Lib\n"],
    );
}

#[test]
fn closures_capture_what_they_use() {
    holds(
        "impl W { fn f(&self, n: u32) { let a = x(); let b = x(); go(|| use_(&a, n)); go(move |k: Lib| { use_(b, self.m); let c = || n; }); } }",
        &[
            "capture 0 &a = l0;;capture 1 &n = p0",
            "Lambda W::{lambda}(k: Lib)",
            "capture 0 b = l1;;capture 1 n = p0",
            "use_(c0, this.m)",
            "capture 0 &n = c1",
            "drop p0: Lib",
        ],
    );
}

#[test]
fn a_closure_that_gives_a_variable_away_has_taken_it() {
    let text = "fn f() { let a = x(); go(|| { spawn(|| drop(a)) }); }";
    holds(text, &["capture 0 a = l0", "capture 0 a = c0", "drop c0:"]);
    lacks(text, "drop l0");
}

#[test]
fn async_bodies_do_not_run_when_called() {
    holds(
        "async fn a(x: Lib) -> u8 { b(x).await?; 0 } fn c() { spawn(async move { d().await }); }",
        &[
            "Free a(x: Lib) -> u8 internal [async];;b0:;;s0 return closure #1",
            "capture 0 x = p0",
            "s0 b(c0);;s1 await(s0)",
            "spawn(closure #3)",
            "s0 d();;s1 await(s0);;s2 return s1",
        ],
    );
}

#[test]
fn fields_of_handles_are_the_handle() {
    holds(
        "struct W { h: HANDLE } impl W { fn f(&self, m: HMODULE, w: Other) { a(self.h.0, m.0, w.0); } }",
        &["a(this.h, p0, p1.0)"],
    );
}
