//! Suppression comments in a text of C++ (an even number of bytes) or Rust: each place that is reported lies in the text.
#![no_main]

use tplint::source::Sources;
use tplint::suppress::Suppressions;
use tplint_fuzz::checks::check_finding;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let name = if bytes.len() % 2 == 0 {
        "a.cpp"
    } else {
        "a.rs"
    };
    let sources = Sources::new(vec![(name.to_string(), bytes.to_vec())]);
    tplint_fuzz::on_deep_stack(|| {
        let reported = Suppressions::find(&sources).findings(&sources, |_, _| false);
        for finding in &reported {
            if let Err(problem) = check_finding(&sources, finding) {
                panic!("{problem}");
            }
        }
        // What is reported of a comment can be covered, or it stands where nothing covers it; neither may panic.
        let mut suppressions = Suppressions::find(&sources);
        for finding in &reported {
            suppressions.cover(finding, &sources);
        }
    });
});
