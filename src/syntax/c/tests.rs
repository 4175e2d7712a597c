//! Whole files in, dumps out.

use super::lower;
use crate::source::{FileId, Lang};

fn dump(text: &str) -> String {
    lower(FileId(0), Lang::Cpp, text).to_string()
}

fn dump_c(text: &str) -> String {
    lower(FileId(0), Lang::C, text).to_string()
}

/// Each line must occur in the dump, in this order.
#[track_caller]
fn has(dump: &str, lines: &[&str]) {
    let mut rest = dump;
    for line in lines {
        match rest.find(line) {
            Some(at) => rest = &rest[at + line.len()..],
            None => panic!("{line:?} is missing, or comes too early, in\n{dump}"),
        }
    }
}

#[track_caller]
fn lacks(dump: &str, text: &str) {
    assert!(!dump.contains(text), "{text:?} should not be in\n{dump}");
}

#[test]
fn functions_and_their_heads() {
    has(
        &dump(
            "namespace a::b { static int f(const char *s, ...) { return 1; } namespace { void g() {} } }",
        ),
        &[
            "Free a::b::f(s: const char *) -> int internal",
            "return 1",
            "Free a::b::g() -> void internal",
        ],
    );
    has(
        &dump(
            "extern \"C\" __declspec(dllexport) BOOL WINAPI DllMain(HINSTANCE h, DWORD r, LPVOID) { return TRUE; }",
        ),
        &["Free DllMain(h: HINSTANCE, r: DWORD, : LPVOID) -> BOOL exported"],
    );
    has(
        &dump("auto APIENTRY f(int a) -> BOOL { return a; }"),
        &["Free f(a: int) -> BOOL", "return p0"],
    );
    has(
        &dump("template <class T> void ns::Foo<T>::stop() const {} Foo::Foo() {} Foo::~Foo() {}"),
        &[
            "Method ns::Foo::stop()",
            "Ctor Foo::Foo()",
            "Dtor Foo::~Foo()",
        ],
    );
    has(
        &dump(
            "[[noreturn]] void a() {} __attribute__((constructor)) static void b() {} MY_API int c() { return 0; }",
        ),
        &[
            "a() -> void [noreturn]",
            "b() -> void internal [constructor]",
            "c() -> int exported",
        ],
    );
}

#[test]
fn c_functions() {
    has(
        &dump_c(
            "struct s { int a; };\nstatic int f(struct s *p)\n{\n  p->a = g(p);\n  return h(&p->a);\n}\n",
        ),
        &[
            "Free f(p: s *) -> int internal",
            "s0 g(p0)",
            "s1 p0.a = s0",
            "s2 h(&p0.a)",
            "return s2",
        ],
    );
    has(
        &dump_c("int f(a, b) int a; char *b; { return g(b); }"),
        &["Free f(a: int, b: char *) -> int", "g(p1)"],
    );
    lacks(&dump_c("void f(void) { g(); }"), "drop");
}

#[test]
fn classes_know_their_fields() {
    let text = dump(
        "class W : public Base<int> { public: void stop() { m_h = 0; m_x.go(); other = 1; } virtual ~W();
         HANDLE m_h = nullptr; std::thread m_x; static int count; struct { int q; } in; union { int u; }; };",
    );
    has(
        &text,
        &[
            "Class W : Base<int>",
            "m_h: HANDLE",
            "m_x: std::thread",
            "u: int",
            "fn stop",
            "fn virtual ~W",
            "static W::count: int",
            "Method W::stop()",
            "this.m_h = 0",
            "this.m_x.go()",
            "other = 1",
        ],
    );
    lacks(&text, "  count: int");
    has(
        &dump(
            "typedef struct { int a; } Foo, *PFoo; using V = std::vector<int>; typedef void (*CB)(int);",
        ),
        &[
            "Class Foo",
            "a: int",
            "Alias PFoo = Foo *",
            "Alias V = std::vector<int>",
            "Alias CB = void (*)()",
        ],
    );
    has(
        &dump("enum E { A, B = 4, C }; enum class F { X };"),
        &[
            "const A = 0",
            "const B = 4",
            "const C = 5",
            "const F::X = 0",
        ],
    );
}

#[test]
fn constructor_initializers_come_first() {
    has(
        &dump(
            "struct B {}; struct A : B { A(int v) : B(v), m_i(v), m_t(run) { go(); } int m_i; std::thread m_t; };",
        ),
        &[
            "Ctor A::A",
            "construct B(p0)",
            "this.m_i = p0",
            "construct std::thread(run)",
            "this.m_t = s",
            "go()",
        ],
    );
    has(
        &dump("Foo::Foo() : m_a(x), m_b(1, 2) {}"),
        &["this.m_a = x", "construct (1, 2)", "this.m_b = s"],
    );
}

#[test]
fn calls_of_all_kinds() {
    let text = dump(
        "void f(void (*fp)(int), Obj *o) { ::Sleep(1); ns::g<int>(2); o->run(3); (*fp)(4); fp(5); table[1](6);
         o->p->~T(); delete o; new (buf) T(7); [&] { h(); }(); co_await w; (free_)(8); (DWORD)(10); this->m(9); }",
    );
    has(
        &text,
        &[
            "Sleep(1)",
            "ns::g(2)",
            "p1.run(3)",
            "(*p0)(4)",
            "(*p0)(5)",
            "(*table.[])(6)",
            "p1.p.~T()",
            "delete(p1)",
            "new T(7)",
            "#1()",
            "co_await(w)",
            "free_(8)",
            "this.m(9)",
        ],
    );
}

#[test]
fn values_are_peeled() {
    let text = dump(
        "void f(void *p) { g((LPTHREAD_START_ROUTINE)h, &h, &Foo::bar, static_cast<int*>(p), std::move(p), NULL, nullptr,
         0xFFFFFFFF, -1, 1 << 4, A | B | C, 'a', L\"text\", true, sizeof(p), std::ref(p), a[1].b, int(p), (HANDLE)-1, (LPVOID)&a.b, (DWORD)(a)); }",
    );
    has(
        &text,
        &[
            "g(h, &h, &Foo::bar, p0, p0, null, null, 4294967295, -1, 16, A | B | C, 97, \"text\", 1, ?, &p0, a.[].b, p0, -1, &a.b, a)",
        ],
    );
}

#[test]
fn assignments() {
    let text = dump(
        "void f() { int a = 1; a = b = g(); a += 2; ++a; S s = { .x = 1, .y = h() }; int q[2] = {3, 4}; }",
    );
    has(
        &text,
        &[
            "l0 = 1",
            "s1 g()",
            "b = s1",
            "l0 = b",
            "l0 = ?",
            "l0 = ?",
            "l1.x = 1",
            "l2.[] = 3",
            "l2.[] = 4",
        ],
    );
    has(
        &dump("struct P { int a; HANDLE b; }; void f() { P p = { 1, h }; }"),
        &["l0.a = 1", "l0.b = h"],
    );
}

#[test]
fn objects_are_constructed_and_dropped() {
    let text = dump(
        "void f() { std::lock_guard<std::mutex> g(m_lock); Foo a; Foo b{1}; HANDLE h; Foo *p; auto x = make(); if (c) return; }",
    );
    has(
        &text,
        &[
            "construct std::lock_guard<std::mutex>(m_lock)",
            "construct Foo()",
            "construct Foo(1)",
            "make()",
            "drop l5: auto",
            "drop l2: Foo",
            "drop l1: Foo",
            "drop l0: std::lock_guard<std::mutex>",
        ],
    );
    lacks(&text, "drop l3");
    lacks(&text, "drop l4");
    has(
        &dump("void f() { T x(Call(y)); }"),
        &["Call(y)", "construct T(s0)", "l0 = s1", "drop l0: T"],
    );
    has(
        &dump("void f() { std::thread(run).detach(); std::async(run); }"),
        &[
            "s0 std::thread(run)",
            "s0.detach()",
            "drop s0: ",
            "std::async(run)",
            "drop s",
        ],
    );
    lacks(
        &dump("void f() { int g(DWORD); BOOL h(int a); }"),
        "construct",
    );
}

#[test]
fn conditions_are_branches() {
    let text =
        dump("void f(int r, void *p) { if (r == 1 && !p) a(); else if (NULL != p || b()) c(); }");
    has(
        &text,
        &[
            "when p0 == 1",
            "a()",
            "when p1 != null",
            "when p1 != 0",
            "c()",
            "b()",
        ],
    );
    has(
        &dump("void f() { if (flags & BIT) a(); }"),
        &["when flags & BIT", "when not flags & BIT"],
    );
    has(
        &dump("void f() { if (int x = g(); x > 2) h(); }"),
        &["g()", "l0 = s0", "when l0 > 2"],
    );
    has(
        &dump("int f(int a) { return a ? g() : h(); }"),
        &["{choice}", "g()", "h()", "return l0"],
    );
    has(
        &dump("int f(int a) { return a && g(); }"),
        &["{truth}", "when p0 != 0", "return l0", "g()"],
    );
    has(&dump("void f(int a) { g(a == 0); }"), &["g((p0 == 0))"]);
}

#[test]
fn loops() {
    let text = dump(
        "void f() { while (a()) { if (x) break; continue; } do b(); while (y); for (int i = 0; i < 3; i++) c(i); for (auto& t : xs) t.join(); for (;;) d(); }",
    );
    has(
        &text,
        &[
            "a()",
            "when x != 0",
            "b()",
            "l0 = 0",
            "when l0 < 3",
            "c(l0)",
            "l1 = xs.[]",
            "l1.join()",
            "d()",
        ],
    );
    has(
        &dump("void f() { foreach (T *x, xs) x->join(); }"),
        &["l0 = xs.[]", "l0.join()"],
    );
}

#[test]
fn switches_fall_through() {
    let text = dump(
        "void f(int r) { switch (r) { case 1: case 2: a(); case 3: b(); break; default: c(); } d(); }",
    );
    has(
        &text,
        &[
            "when p0 == 1",
            "when p0 == 2",
            "when p0 == 3",
            "when not p0 == 1 when not p0 == 2 when not p0 == 3",
            "a()",
            "b()",
            "c()",
        ],
    );
}

#[test]
fn jumps() {
    has(
        &dump_c("int f(void) { if (a()) goto out; b(); out: c(); return 0; }"),
        &["a()", "b()", "c()", "return 0"],
    );
    has(
        &dump("void f() { try { a(); throw E(); } catch (const E &e) { b(); } c(); }"),
        &["a()", "E()", "c()", "b()"],
    );
    has(
        &dump_c(
            "void f(void) { __try { a(); } __except (EXCEPTION_EXECUTE_HANDLER) { b(); } __try { c(); } __finally { d(); } }",
        ),
        &["a()", "b()", "c()", "d()"],
    );
    has(
        &dump("HRESULT f() try { a(); } catch (...) { b(); }\n"),
        &["Free f()", "a()", "b()"],
    );
}

#[test]
fn lambdas_capture() {
    let text = dump(
        "void f(int a) { int b = 1; auto l = [=, c = g()](int d) { use(a, b, c, d); }; run([&b, this] { stop(b); m(); }); }",
    );
    has(
        &text,
        &[
            "l1 = closure #1",
            "run(closure #2)",
            "#1 Lambda {lambda}(d: int) internal",
            "capture 0 c = s",
            "capture 1 a = p0",
            "capture 2 b = l0",
            "use(c1, c2, c0, p0)",
            "capture 0 &b = l0",
            "stop(c0)",
            "m()",
        ],
    );
}

#[test]
fn statics_of_all_places() {
    let text = dump(
        "static Foo g_foo; static const int k = 5; int g_x = start(); static T g_t{1}; thread_local W w; extern Foo other;
         [[clang::no_destroy]] static V v; int Foo::s = f();
         __declspec(allocate(\".CRT$XLB\")) PIMAGE_TLS_CALLBACK cb = on_tls;
         Foo &inst() { static Foo s_foo(1); s_foo.go(); return s_foo; }",
    );
    has(
        &text,
        &[
            "static g_foo: Foo",
            "static k: const int = 5 [const]",
            "static g_x: int",
            "static w: W thread_local",
            "static v: V [no_destroy]",
            "static Foo::s: int",
            "static cb: PIMAGE_TLS_CALLBACK = on_tls [section:.CRT$XLB]",
            "static inst::s_foo: Foo in #",
            "Initializer {init g_x}",
            "g_x = s0",
            "construct T(1)",
            "g_t = s0",
            "Foo::s = s0",
            "inst::s_foo = s0",
            "inst::s_foo.go()",
            "return inst::s_foo",
        ],
    );
    has(
        &dump(
            "#pragma const_seg(\".CRT$XLB\")\nextern const P tls[] = { on_tls, 0 };\n#pragma const_seg()\nint after = 1;",
        ),
        &[
            "static tls: const P [] = on_tls, 0 [const, section:.CRT$XLB]",
            "static after: int = 1\n",
        ],
    );
}

#[test]
fn preprocessor_conditions() {
    let text = dump(
        "#ifndef X_H\n#define X_H\n#ifdef _WIN32\nvoid win() {}\n#else\nvoid posix() {}\n#endif\n#if defined(FOO)\nvoid open() {}\n#endif\n
         void f() {\n#if 0\n dead();\n#endif\n#ifdef FOO\n a();\n#elif BAR > 2\n b();\n#else\n c();\n#endif\n d();\n}\n#endif\n",
    );
    has(
        &text,
        &[
            "win()",
            "Free open() -> void when #if defined(FOO)",
            "when #if defined(FOO)",
            "when not #if defined(FOO) when #if BAR > 2",
            "when not #if defined(FOO) when not #if BAR > 2",
            "d()",
        ],
    );
    lacks(&text, "posix");
    lacks(&text, "dead");
    has(
        &dump("#ifdef A\nint f(int x)\n#else\nint f(void)\n#endif\n{ g(); return 0; }\n"),
        &["Free f(x: int)", "g()", "opaque"],
    );
    has(
        &dump(
            "void f() {\n  if (a\n#ifdef X\n && b()\n#endif\n  ) g();\n#ifndef Y\n  h();\n#endif\n}\n",
        ),
        &["when not #if defined(Y)", "g()", "b()", "h()"],
    );
}

#[test]
fn macros_with_bodies() {
    has(
        &dump(
            "#define K 0x10\n#define ALIAS ns::real\n#define LOCK(x) \\\n  enter(&(x))\n#define DO(x) do { x; y(); } while (0)\n",
        ),
        &[
            "const K = 16",
            "const ALIAS = ns::real",
            "Macro LOCK(x: )",
            "enter(&p0)",
            "Macro DO(x: )",
            "(*p0)()",
            "y()",
        ],
    );
    has(
        &dump(
            "#define DEF(attach, detach) BOOL WINAPI DllMain(HINSTANCE h, DWORD r, LPVOID v) { if (r) { attach; } else { detach; } return TRUE; }\nDEF(on(); more(), off())\n",
        ),
        &[
            "DllMain",
            "[macro:DEF(attach,detach)]",
            "$attach()",
            "$detach()",
            "invoke DEF(closure #",
            ", closure #",
        ],
    );
    has(
        &dump("void f() { RUN({ a(); }, b); DO(c(); d()); }"),
        &["RUN(closure #1, b)", "DO(closure #2)", "a()", "c()", "d()"],
    );
    has(
        &dump("void f() {\n  CHECK(g())\n  FOR_ALL(x) { h(); }\n}"),
        &["g()", "CHECK(s0)", "FOR_ALL(x)", "h()"],
    );
}

#[test]
fn directives_of_the_file() {
    let text = "#include \"a.h\"\n#include <b/c.h>\n#pragma comment(linker, \"/EXPORT:x\" \"=y\")\nusing namespace std;\nusing a::b;\nnamespace fs = std::filesystem;\n";
    has(
        &dump(text),
        &[
            "Include(\"a.h\")",
            "Include(\"b/c.h\")",
            "Namespace(\"std\")",
            "Alias(\"b\", \"a::b\")",
            "Alias(\"fs\", \"std::filesystem\")",
        ],
    );
    let unit = lower(FileId(0), Lang::Cpp, text);
    assert_eq!(&*unit.linker_options[0].0, "/EXPORT:x=y");
}

#[test]
fn lost_functions_are_found_again() {
    let text = dump(
        "int a = ( ; @ } void lost() { one(); } class C { void m() { two(); } int $ $ ( ; };\nvoid last() { three(); }",
    );
    has(&text, &["two()"]);
    has(&text, &["three()"]);
    has(&text, &["one()"]);
}

#[test]
fn spans_point_into_the_file() {
    let text = "// é\nBOOL WINAPI f(void)\n{\n  /* c */ g(1);\n}\n";
    let unit = lower(FileId(0), Lang::Cpp, text);
    let function = &unit.functions[0];
    assert_eq!(&text[function.name_span.range()], "f");
    assert!(text[function.span.range()].starts_with("BOOL WINAPI f"));
    assert!(text[function.span.range()].ends_with('}'));
    assert_eq!(&text[function.stmts[0].span.range()], "g(1)");
    let text = "#define M(x) a(x); \\\n  bb(x)\n";
    let unit = lower(FileId(0), Lang::Cpp, text);
    assert_eq!(&text[unit.functions[0].stmts[2].span.range()], "bb(x)");
}

/// Nothing that anybody may write makes lowering panic or run for ever.
#[test]
fn no_text_panics() {
    let sample = "#if A\nclass X : Y { X() : a(1), b{2} {} int a = 3; };\n#elif B\n#define M(a) void f() { a; }\n#endif\n\
        M(x(); y())\nHRESULT g(int q) try { switch (q) { case 1: [=] { h(q); }(); default: goto e; } e: for (auto &t : v) t(); }\n\
        catch (...) { throw; }\nstatic T s{1, R\"(x)\", 'c', u8\"é\"}; int k(a) int a; { return a ? b : c && d; }\n\
        struct { int z; } w = { .z = (HANDLE)-1 }; TEST(\"a\") { __try { a->b.c[1](); } __finally { delete p; } }\n";
    for lang in [Lang::C, Lang::Cpp] {
        for cut in 0..sample.len() {
            if sample.is_char_boundary(cut) {
                lower(FileId(0), lang, &sample[..cut]).to_string();
                lower(FileId(0), lang, &sample[cut..]).to_string();
            }
        }
        let signs = [
            "{", "}", "(", ")", "\"", "'", "#", "\\\n", ";", ",", "<", "template", "#if 1\n", "é",
        ];
        for (index, (at, _)) in sample.char_indices().enumerate() {
            let sign = signs[index % signs.len()];
            let mutated = format!("{}{sign}{}", &sample[..at], &sample[at..]);
            lower(FileId(0), lang, &mutated).to_string();
        }
    }
}

#[test]
fn deep_nesting_is_opaque() {
    for (open, close) in [
        ("(", ")"),
        ("{", "}"),
        ("[", "]"),
        ("if (a) ", ""),
        ("!", ""),
        ("a ? b : ", ""),
        ("class A { ", "};"),
        ("namespace a {", "}"),
    ] {
        let text = format!(
            "void f() {{ x = {}1{}; }}",
            open.repeat(5000),
            close.repeat(5000)
        );
        lower(FileId(0), Lang::Cpp, &text);
        let text = format!("{}1{}", open.repeat(5000), close.repeat(5000));
        lower(FileId(0), Lang::Cpp, &text);
    }
    let text = format!("void f() {{ {} x(); }}", "if (a) b(); else ".repeat(3000));
    has(&dump(&text), &["x()"]);
    let sum = vec!["g()"; 3000].join(" + ");
    has(
        &dump(&format!("int f() {{ return {sum}; }}")),
        &["opaque [g]"],
    );
}

#[test]
fn function_pointer_parameters_are_no_arguments() {
    let text = dump(
        "void set_init(Method *method, int (*init) (Context *context));\n\
         int verify(int x, int (*check)(Context *context, size_t length));\n\
         Method method(1, (int)sizeof(x));",
    );
    lacks(&text, "static set_init");
    lacks(&text, "static verify");
    lacks(&text, "init set_init");
    has(&text, &["static method: Method"]);
}
