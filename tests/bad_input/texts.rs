//! Bad texts: each lies beside a good source, whose finding must be told all the same.

use super::{Case, DLL, Run, run};
use libtest_mimic::Failed;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// How deep "deep" is.
const DEEP: usize = 10_000;
/// What stands before what is nested in C and C++, so that the function in it is one that matters: as `DLL`, and in the
/// same line.
const DEEP_DLL: &str = "#include <windows.h>
static HANDLE g_thread; int f(void);
BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved)
{
    if (reason == DLL_PROCESS_DETACH) {
        WaitForSingleObject(g_thread, INFINITE);
    }
    return f();
}
static void g(void) { WaitForSingleObject(g_thread, 5); }
";
/// The same in Rust.
const DEEP_RUST: &str = "use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::Threading::{INFINITE, WaitForSingleObject};
static mut THREAD: HANDLE = 0 as HANDLE;
#[no_mangle]
unsafe extern \"system\" fn DllMain(_: HANDLE, reason: u32, _: *mut u8) -> i32 {
    WaitForSingleObject(THREAD, INFINITE);
    f(); 1
}
unsafe fn g() { WaitForSingleObject(THREAD, 5); }
";

/// What has to come of a text, beside what has to come of each.
#[derive(Clone, Copy)]
enum Expected {
    /// It is read like any other.
    Read,
    /// The finding of `DLL` is in it, too.
    Found,
    /// What is nested is understood, too: the wait of `g` is found through it.
    Whole(usize),
    /// The same, and the braces do not close: the file counts as read in part.
    Torn(usize),
    /// A part of it is left out, and counted; the finding is told all the same.
    Partly,
    /// It cannot be understood, and is counted.
    Lost,
    /// It is left out, and this is said of it.
    Unread(&'static str),
}

fn text(
    name: &str,
    file: &'static str,
    expected: Expected,
    bytes: impl Fn() -> Vec<u8> + Send + Sync + 'static,
) -> Case {
    Case::new(name, move |folder| {
        fs::write(folder.join("dll.c"), DLL)?;
        fs::create_dir_all(folder.join("bad"))?;
        fs::write(folder.join("bad").join(file), bytes())?;
        let told = run(folder, &["--format", "concise", "--notes", "."])?;
        told.must_find("dll.c")?;
        check(&told, file, expected)?;
        // What can be said of one can be said in each format.
        let sarif = run(folder, &["--format", "sarif", "."])?;
        sarif.must(1, &[])?;
        check_notifications(&serde_json::from_str(&sarif.out)?, file, expected)?;
        Ok(told.told())
    })
}

/// What was not read, or not all of it, is notified in SARIF, and nothing else is.
fn check_notifications(log: &Value, file: &str, expected: Expected) -> Result<(), Failed> {
    let notifications = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"];
    let notifications = notifications.as_array().map_or(&[][..], |all| all);
    let place = "/locations/0/physicalLocation/artifactLocation/uri";
    let told: Vec<&str> = notifications
        .iter()
        .filter_map(|notification| notification.pointer(place)?.as_str())
        .collect();
    let is_cut = matches!(
        expected,
        Expected::Partly | Expected::Lost | Expected::Torn(_) | Expected::Unread(_)
    );
    let bad = format!("bad/{file}");
    let wanted: &[&str] = if is_cut { &[&bad] } else { &[] };
    if told != wanted {
        return Err(format!("SARIF notifies of {told:?} in place of {wanted:?}").into());
    }
    Ok(())
}

fn check(told: &Run, file: &str, expected: Expected) -> Result<(), Failed> {
    match expected {
        Expected::Read => told.must(1, &["2 files read,"]),
        Expected::Found => {
            told.must(1, &["2 files read,"])?;
            told.must_find(&format!("bad/{file}"))
        }
        Expected::Whole(line) | Expected::Torn(line) => {
            let is_whole = matches!(expected, Expected::Whole(_));
            let read = ["2 files read (1 in part)", "2 files read,"][usize::from(is_whole)];
            told.must(1, &[read])?;
            let place = format!("bad/{file}:{line}:");
            match told.out.lines().any(|line| line.starts_with(&place)) {
                true => told.must_find(&format!("bad/{file}")),
                false => Err(format!("no note at {place} in: {}", told.out).into()),
            }
        }
        Expected::Partly => {
            told.must(1, &["2 files read (1 in part)"])?;
            told.must_find(&format!("bad/{file}"))
        }
        Expected::Lost => told.must(1, &["2 files read (1 in part)"]),
        Expected::Unread(why) => {
            let line = format!("cannot read `bad/{file}`: ");
            told.must(1, &["1 file read, 1 unreadable", &line, why])
        }
    }
}

/// UTF-16 bytes of a text.
fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

/// `DLL` with a comment of other bytes above the wait, in the place of a line.
fn with_comment(bytes: &[u8]) -> Vec<u8> {
    let (before, behind) = DLL.split_once("static HANDLE g_thread;\n").unwrap();
    [
        before.as_bytes(),
        b"static HANDLE g_thread; // ",
        bytes,
        b"\n",
        behind.as_bytes(),
    ]
    .concat()
}

fn nested(before: &str, open: &str, inner: &str, close: &str, behind: &str) -> Vec<u8> {
    format!(
        "{before}{}{inner}{}{behind}",
        open.repeat(DEEP),
        close.repeat(DEEP)
    )
    .into_bytes()
}

pub fn cases() -> Vec<Case> {
    use Expected::{Found, Lost, Partly, Read, Torn, Unread, Whole};
    const NUL: &str = "it holds NUL bytes: no text";
    const LARGE: &str = "larger than 32 MiB";
    let mut cases = vec![
        text("empty file", "a.c", Read, Vec::new),
        text("binary file", "a.c", Unread(NUL), || {
            (0..100_000_u32)
                .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
                .collect()
        }),
        text("NUL in a text", "a.c", Unread(NUL), || {
            b"int a;\0int b;".to_vec()
        }),
        text("UTF-16 LE with BOM", "a.c", Found, || {
            utf16(&format!("\u{FEFF}{DLL}"), u16::to_le_bytes)
        }),
        text("UTF-16 BE with BOM", "a.c", Found, || {
            utf16(&format!("\u{FEFF}{DLL}"), u16::to_be_bytes)
        }),
        text("UTF-16 LE without BOM", "a.c", Found, || {
            utf16(DLL, u16::to_le_bytes)
        }),
        text("UTF-16 BE without BOM", "a.c", Found, || {
            utf16(DLL, u16::to_be_bytes)
        }),
        text(
            "UTF-16 with half a character at its end",
            "a.c",
            Found,
            || {
                let mut bytes = utf16(&format!("\u{FEFF}{DLL}"), u16::to_le_bytes);
                bytes.push(b'/');
                bytes
            },
        ),
        text("UTF-8 with BOM", "a.c", Found, || {
            format!("\u{FEFF}{DLL}").into_bytes()
        }),
        text("Shift-JIS", "a.c", Found, || {
            with_comment(b"\x83\x58\x83\x8c\x83\x62\x83\x68\x82\xf0\x91\xd2\x82\xc2")
        }),
        text(
            "Shift-JIS, a comment that ends in the byte of a backslash",
            "a.c",
            Found,
            || with_comment(b"\x95\x5c"),
        ),
        text("GBK", "a.c", Found, || {
            with_comment(b"\xb5\xc8\xb4\xfd\xcf\xdf\xb3\xcc")
        }),
        text("invalid UTF-8", "a.c", Found, || {
            with_comment(b"\xff\xfe \xc3( \xed\xa0\x80")
        }),
        text(
            "a dash of Windows' code page in a macro",
            "a.c",
            Found,
            || [DLL.as_bytes(), b"\n#define START int \x96 main() {\n"].concat(),
        ),
        text("a dash of UTF-8 in a macro", "a.c", Found, || {
            format!("{DLL}\n#define START int \u{2013} DllMain() {{\n").into_bytes()
        }),
        text("line ends that are CR only", "a.c", Found, || {
            DLL.replace('\n', "\r").into_bytes()
        }),
        text("unterminated string", "a.c", Read, || {
            b"const char *a = \"abc\nint b".to_vec()
        }),
        text("unterminated raw string", "a.cpp", Lost, || {
            b"auto a = R\"x(abc\nint b;".to_vec()
        }),
        text("unterminated raw string of Rust", "a.rs", Lost, || {
            b"static A: &str = r#\"abc\nfn f() {}".to_vec()
        }),
        text("unterminated comment", "a.c", Read, || {
            b"int a; /* int b;\n".to_vec()
        }),
        text("unterminated comment of Rust", "a.rs", Lost, || {
            b"fn a() {} /* /* */\n".to_vec()
        }),
        text("function that nothing closes", "a.c", Partly, || {
            format!("{DLL}\nstatic void work(void)\n{{\n    if (g_thread) {{\n").into_bytes()
        }),
        text("unterminated character", "a.c", Read, || {
            b"char a = '\\\nint b;\n".to_vec()
        }),
        text("billion laughs of #define", "a.c", Read, || {
            {
                let mut text = String::from("#define L0() WaitForSingleObject(h, INFINITE)\n");
                for n in 1..40 {
                    let of = format!("L{}(); ", n - 1);
                    text.push_str(&format!("#define L{n}() {}\n", of.repeat(10)));
                    text.push_str(&format!("#define C{n} C{0} C{0} C{0} C{0}\n", n - 1));
                }
                text + "#if C39\n#endif\nvoid f(HANDLE h) { L39(); }\n"
            }
            .into_bytes()
        }),
        text("a macro that is itself", "a.c", Read, || {
            b"#define A B\n#define B A\n#define F(x) G(x)\n#define G(x) F(x)\n#if A\nint f() { F(A); return B; }\n#endif\n".to_vec()
        }),
        text("a single line of 100 MB", "a.c", Unread(LARGE), || {
            b"int a[] = {0};".repeat(100_000_000 / 14)
        }),
        text("a single line of 2 MB", "a.c", Found, || {
            [DLL.as_bytes(), &b"int a[] = {0};".repeat(2_000_000 / 14)].concat()
        }),
        text("a single string of 30 MB", "a.c", Found, || {
            let string = vec![b'x'; 30_000_000];
            [DLL.as_bytes(), b"const char *a = \"", &string, b"\";"].concat()
        }),
        text(
            "a single line of 30 MB within a function",
            "a.c",
            Found,
            || {
                let calls = b"g(h);".repeat(30_000_000 / 5);
                [DLL.as_bytes(), b"void f(int h) {", &calls, b"}"].concat()
            },
        ),
        text(
            "a number of 200,000 digits with separators",
            "a.c",
            Whole(10),
            || {
                format!(
                    "{DEEP_DLL}int f(void) {{ g(); return {}1; }}\n",
                    "1'".repeat(200_000)
                )
                .into_bytes()
            },
        ),
        text("an #if with 10,000 arms", "a.c", Partly, || {
            let arms: String = (0..DEEP)
                .map(|n| format!("#elif A{n}\nint a{n};\n"))
                .collect();
            format!("{DEEP_DLL}int f(void) {{ g(); }}\n#if A\n{arms}#endif\n").into_bytes()
        }),
        text("a function of 100,000 statements", "a.c", Read, || {
            format!(
                "void f(HANDLE h) {{\n{}}}\n",
                "if (h) WaitForSingleObject(h, 5);\n".repeat(100_000)
            )
            .into_bytes()
        }),
    ];
    for (name, file, expected, before, open, inner, close, behind) in [
        (
            "braces in C",
            "a.c",
            Partly,
            "void f() {",
            "{",
            "g();",
            "}",
            "}",
        ),
        (
            "braces that nothing closes",
            "a.c",
            Torn(10),
            "void f() {",
            "{",
            "g();",
            "",
            "",
        ),
        (
            "braces that nothing opens",
            "a.c",
            Whole(10),
            "void f() {",
            "",
            "g();",
            "}",
            "}",
        ),
        (
            "parentheses in C",
            "a.c",
            Partly,
            "int f() { return ",
            "(",
            "g()",
            ")",
            "; }",
        ),
        (
            "parentheses that nothing closes",
            "a.c",
            Partly,
            "int f() { return ",
            "(",
            "g()",
            "",
            "",
        ),
        (
            "calls in C",
            "a.c",
            Partly,
            "int f() { return ",
            "g(",
            "g()",
            ")",
            "; }",
        ),
        (
            "conditions in C",
            "a.c",
            Partly,
            "void f() { ",
            "if (a) {",
            "g();",
            "}",
            "}",
        ),
        (
            "else-ifs in C",
            "a.c",
            Whole(10),
            "void f() { ",
            "if (a) g(); else ",
            "c();",
            "",
            "}",
        ),
        (
            "operators in C",
            "a.c",
            Partly,
            "int f() { return ",
            "!",
            "g()",
            "",
            "; }",
        ),
        (
            "sums in C",
            "a.c",
            Partly,
            "int f() { return ",
            "g() + ",
            "g()",
            "",
            "; }",
        ),
        (
            "members in C++",
            "a.cpp",
            Partly,
            "int f() { return g()",
            "",
            "",
            ".b()",
            "; }",
        ),
        (
            "lambdas in C++",
            "a.cpp",
            Partly,
            "void f() { ",
            "[&] {",
            "g();",
            "}();",
            "}",
        ),
        (
            "namespaces in C++",
            "a.cpp",
            Partly,
            "",
            "namespace a {",
            "void f() { g(); }",
            "}",
            "",
        ),
        (
            "classes in C++",
            "a.cpp",
            Partly,
            "",
            "class A {",
            "void f() { g(); }",
            "};",
            "",
        ),
        (
            "templates in C++",
            "a.cpp",
            Partly,
            "",
            "A<",
            "int",
            ">",
            " a;",
        ),
        ("pointers in C", "a.c", Found, "int ", "*", "a", "", ";"),
        // Nothing asks for it.
        ("arrays in C", "a.c", Found, "int a = ", "{", "1", "}", ";"),
        (
            "arrays in C++",
            "a.cpp",
            Partly,
            "int a = ",
            "{",
            "1",
            "}",
            ";",
        ),
        (
            "#if",
            "a.c",
            Partly,
            "",
            "#if A\n",
            "int f(void) { g(); }\n",
            "#endif\n",
            "",
        ),
        (
            "#if that nothing closes",
            "a.c",
            Partly,
            "",
            "#if A\n",
            "int f(void) { g(); }\n",
            "",
            "",
        ),
        (
            "parentheses in #if",
            "a.c",
            Whole(10),
            "#if ",
            "(",
            "1",
            ")",
            "\nint f(void) { g(); }\n#endif\n",
        ),
        (
            "operators in #if",
            "a.c",
            Whole(10),
            "#if ",
            "!",
            "1",
            "",
            "\nint f(void) { g(); }\n#endif\n",
        ),
        (
            "braces in Rust",
            "a.rs",
            Partly,
            "fn f() ",
            "{",
            "g();",
            "}",
            "",
        ),
        (
            "braces that nothing closes in Rust",
            "a.rs",
            Lost,
            "fn f() ",
            "{",
            "g();",
            "",
            "",
        ),
        (
            "parentheses in Rust",
            "a.rs",
            Partly,
            "fn f() -> i32 {",
            "(",
            "g()",
            ")",
            "}",
        ),
        (
            "closures in Rust",
            "a.rs",
            Partly,
            "fn f() { g(",
            "|| ",
            "g()",
            "",
            ") }",
        ),
        (
            "closures with blocks in Rust",
            "a.rs",
            Partly,
            "fn f() { g(",
            "|| {",
            "g()",
            "}",
            ") }",
        ),
        (
            "conditions in Rust",
            "a.rs",
            Partly,
            "fn f() { ",
            "if a {",
            "g();",
            "}",
            "}",
        ),
        (
            "else-ifs in Rust",
            "a.rs",
            Partly,
            "fn f() { ",
            "if a {} else ",
            "{}",
            "",
            "}",
        ),
        (
            "operators in Rust",
            "a.rs",
            Partly,
            "fn f() -> i32 { ",
            "!",
            "g()",
            "",
            "}",
        ),
        (
            "types in Rust",
            "a.rs",
            Partly,
            "fn f() { g() } fn h(a: ",
            "A<",
            "u8",
            ">",
            ") {}",
        ),
        (
            "references in Rust",
            "a.rs",
            Partly,
            "fn f() { g() } fn h(a: ",
            "&",
            "u8",
            "",
            ") {}",
        ),
        (
            "modules in Rust",
            "a.rs",
            Whole(9),
            "",
            "mod a {",
            "fn f() { g() }",
            "}",
            "",
        ),
        (
            "patterns in Rust",
            "a.rs",
            Partly,
            "fn f() { let a = 1; match a { ",
            "1 | ",
            "2",
            "",
            " => g(), _ => {} } }",
        ),
        (
            "comments in Rust",
            "a.rs",
            Whole(9),
            "",
            "/*",
            "",
            "*/",
            "fn f() { g() }",
        ),
        (
            "a CMake list",
            "CMakeLists.txt",
            Unread(""),
            "add_library(a SHARED ",
            "(",
            "a.c",
            ")",
            ")",
        ),
        (
            "CMake variables",
            "CMakeLists.txt",
            Unread(""),
            "add_library(a SHARED ",
            "${",
            "a",
            "}",
            ")",
        ),
        (
            "CMake conditions",
            "CMakeLists.txt",
            Unread(""),
            "",
            "if(A)\n",
            "add_library(a a.c)\n",
            "endif()\n",
            "",
        ),
        (
            "elements of a project",
            "a.vcxproj",
            Unread(""),
            "<Project>",
            "<a>",
            "",
            "</a>",
            "</Project>",
        ),
        (
            "arrays in Cargo.toml",
            "Cargo.toml",
            Unread(""),
            "a = ",
            "[",
            "",
            "]",
            "\n",
        ),
    ] {
        let name = format!("10,000 nested: {name}");
        if matches!(expected, Unread(_)) {
            cases.push(build_file(
                &name,
                file,
                nested(before, open, inner, close, behind),
            ));
            continue;
        }
        cases.push(text(&name, file, expected, move || {
            let first = if file == "a.rs" { DEEP_RUST } else { DEEP_DLL };
            let rest = nested(before, open, inner, close, behind);
            [first.as_bytes(), &rest].concat()
        }));
    }
    cases.push(build_file(
        "a project with a billion laughs of entities",
        "a.vcxproj",
        {
            let mut text = String::from("<!DOCTYPE p [<!ENTITY a0 \"lol\">");
            for n in 1..30 {
                text.push_str(&format!(
                    "<!ENTITY a{n} \"{}\">",
                    format!("&a{};", n - 1).repeat(10)
                ));
            }
            (text + "]><Project><a>&a29;</a></Project>").into_bytes()
        },
    ));
    for (name, bytes) in [
        ("that is binary", b"\0\x01\xff".to_vec()),
        ("that is not UTF-8", b"# \xff\n".to_vec()),
        ("that is no TOML", b"[[".to_vec()),
        (
            "that nests 10,000 deep",
            nested("exclude = ", "[", "", "]", "\n"),
        ),
        ("of 100 MB", vec![b'#'; 100_000_000]),
    ] {
        cases.push(configuration(name, bytes));
    }
    cases.push(Case::new("a baseline that nests 10,000 deep", |folder| {
        fs::write(folder.join("dll.c"), DLL)?;
        fs::write(
            folder.join("tplint-baseline.json"),
            nested("", "[", "", "]", ""),
        )?;
        let told = run(folder, &["."])?;
        told.must(2, &["error: tplint-baseline.json:"])?;
        Ok(told.told())
    }));
    cases.push(Case::new("a folder with nothing in it", |folder| {
        let told = run(folder, &["."])?;
        told.must(0, &["nothing was checked", "0 files read"])?;
        Ok(told.told())
    }));
    cases
}

/// A build file that says nothing is as good as none.
fn build_file(name: &str, file: &'static str, bytes: Vec<u8>) -> Case {
    Case::new(name, move |folder: &Path| {
        fs::write(folder.join("dll.c"), DLL)?;
        fs::write(folder.join(file), &bytes)?;
        let told = run(folder, &["--format", "concise", "."])?;
        told.must_find("dll.c")?;
        told.must(1, &["1 file read"])?;
        Ok(told.told())
    })
}

fn configuration(name: &str, bytes: Vec<u8>) -> Case {
    Case::new(&format!("a tplint.toml {name}"), move |folder: &Path| {
        fs::write(folder.join("dll.c"), DLL)?;
        fs::write(folder.join("tplint.toml"), &bytes)?;
        let told = run(folder, &["."])?;
        told.must(2, &["error: ", "tplint.toml"])?;
        Ok(told.told())
    })
}
