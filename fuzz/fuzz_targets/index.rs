//! The index against the lowering of everything: what no name leads to is not parsed, and not one finding is lost by it.
//! The first byte says the language (`c`, `+`, everything else: Rust), the rest is the file.
#![no_main]

use tplint::source::Sources;
use tplint::{Options, analyze};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((language, text)) = bytes.split_first() else {
        return;
    };
    let name = match language {
        b'c' => "a.c",
        b'+' => "a.cpp",
        _ => "a.rs",
    };
    let sources = Sources::new(vec![(name.to_string(), text.to_vec())]);
    let found = |whole: bool| {
        let options = Options {
            whole,
            ..Options::default()
        };
        let analysis = tplint_fuzz::on_deep_stack(|| analyze(&sources, &options));
        let mut findings = analysis.expect("the table can be read").diagnostics;
        findings
            .drain(..)
            .map(|finding| format!("{finding:?}"))
            .collect::<Vec<String>>()
    };
    assert_eq!(found(false), found(true));
});
