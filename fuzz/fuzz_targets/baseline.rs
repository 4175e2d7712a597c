//! A baseline: a message, or one that is the same when it is written and read again, and holds against any findings.
#![no_main]

use tplint::baseline::{Baseline, World};
use tplint::config::Base;
use tplint::source::Sources;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(baseline) = Baseline::parse(text) else {
        return;
    };
    let written = baseline.render();
    let again = Baseline::parse(&written).expect("what was written can be read");
    assert_eq!(again, baseline);
    assert_eq!(again.render(), written);
    let (sources, base) = (Sources::default(), Base::default());
    for (gone, judged) in [(true, true), (true, false), (false, true), (false, false)] {
        let world = World {
            sources: &sources,
            base: &base,
            is_gone: &|_| gone,
            is_judged: &|_| judged,
        };
        let verdict = baseline.judge(&[], &world);
        assert!(verdict.accepted.is_empty());
        assert!(verdict.pruned.count() <= baseline.count());
        let kept = baseline.replaced(Baseline::default(), &world);
        assert_eq!(kept.count(), if judged { 0 } else { baseline.count() });
    }
});
