//! Build files of every kind: the analysis ends without a panic, and every place that it names lies in the text.
//! The first byte says the kind, the rest is the file, up to a NUL byte another file of the same kind in a folder below.
#![no_main]

const KINDS: [&str; 12] = [
    "CMakeLists.txt",
    "plugin.vcxproj",
    "plugin.sln",
    "plugin.def",
    "Cargo.toml",
    "meson.build",
    "plugin.pro",
    "BUILD.gn",
    "BUILD.bazel",
    "Makefile",
    "premake5.lua",
    "plugin.props",
];

const DLL: &[u8] = b"int work(void);\nBOOL WINAPI DllMain(HINSTANCE module, DWORD reason, LPVOID reserved) {\n    if (reason == DLL_PROCESS_DETACH) WaitForSingleObject(done, INFINITE);\n    return TRUE;\n}\n";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((kind, text)) = bytes.split_first() else {
        return;
    };
    let name = KINDS[*kind as usize % KINDS.len()];
    let mut parts = text.splitn(2, |byte| *byte == 0);
    let mut files = vec![
        ("main.c".to_string(), DLL.to_vec()),
        ("sub/main.cpp".to_string(), DLL.to_vec()),
        ("src/lib.rs".to_string(), b"mod a;\n".to_vec()),
        ("src/a.rs".to_string(), b"fn a() {}\n".to_vec()),
    ];
    for folder in ["", "sub/"] {
        if let Some(part) = parts.next() {
            files.push((format!("{folder}{name}"), part.to_vec()));
        }
    }
    if let Err(problem) = tplint_fuzz::on_deep_stack(|| tplint_fuzz::checks::analysed(files, true))
    {
        panic!("{problem}");
    }
});
