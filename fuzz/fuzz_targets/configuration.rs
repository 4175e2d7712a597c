//! A `tplint.toml`: a message with a place in the text, or a configuration whose written-out form says the same again.
#![no_main]

use tplint::config::{Base, Config, Policy};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let config = match Config::parse(text, Base::default()) {
        Ok(config) => config,
        Err(message) => {
            let mut parts = message.splitn(3, ':');
            let mut number = || parts.next().and_then(|part| part.parse::<usize>().ok());
            let (line, column) = (number(), number());
            // An empty text has a line, and so has what stands behind the last line end.
            let lines = text.split('\n').count();
            assert!(
                line.is_some_and(|line| (1..=lines).contains(&line)),
                "{message}"
            );
            assert!(column.is_some_and(|column| column >= 1), "{message}");
            return;
        }
    };
    for path in [
        "",
        "a.c",
        "src/a.cpp",
        "../a.rs",
        "third_party/x/y.h",
        "/a/b.c",
    ] {
        config.excludes(path, false);
        config.excludes(path, true);
        config.is_quiet(path);
    }
    let policy = |config| Policy {
        config,
        flags: &[],
        notes: false,
    };
    let resolved = policy(&config).resolved();
    match Config::parse(&resolved, Base::default()) {
        Ok(again) => assert_eq!(policy(&again).resolved(), resolved),
        Err(message) => panic!("{message} in what was written out:\n{resolved}"),
    }
});
