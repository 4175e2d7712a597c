//! No shape of code costs much more than its length: each is analysed at one size and at four times that size, and what
//! takes the square of its length (sixteen times as much) fails.
//!
//! The sizes are such that a build that is not optimised takes seconds. `TPLINT_GROWTH=10 cargo test --release --test growth`
//! takes ten times as long shapes: 20,000 functions in a chain, 240,000 statics.
//!
//! What is measured is the processor time of the one thread that all runs on, so a busy machine does no harm.

#[path = "growth/shapes.rs"]
mod shapes;

use cpu_time::ThreadTime;
use std::time::Duration;
use tplint::source::Sources;
use tplint::{Options, analyze};

/// That of the command's threads.
const STACK: usize = 16 << 20;
/// What four times the size may cost.
const MOST: f64 = 9.0;
/// Less is not told apart from noise.
const LEAST: Duration = Duration::from_millis(10);
/// The best of so many tries counts.
const TRIES: usize = 3;

/// A shape of code.
#[derive(Clone, Copy)]
pub struct Shape {
    /// The name of the file that it is.
    pub file: &'static str,
    /// The smaller size.
    pub size: usize,
    /// The text of a size.
    pub text: fn(usize) -> String,
    /// How many findings it must have at a size: what nothing is found in may not have been looked at.
    pub findings: fn(usize) -> std::ops::RangeInclusive<usize>,
}

const MANIFEST: &str = "[package]\nname = \"shape\"\nversion = \"0.1.0\"\n[lib]\npath = \"dll.rs\"\ncrate-type = [\"cdylib\"]\n";

/// What a shape costs at a size, and what is found in it.
fn measure(shape: Shape, size: usize) -> (Duration, usize) {
    let text = (shape.text)(size).into_bytes();
    let mut files = vec![(shape.file.to_string(), text)];
    if shape.file.ends_with(".rs") {
        files.push(("Cargo.toml".to_string(), MANIFEST.into()));
    }
    let sources = Sources::new(files);
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .stack_size(STACK)
        .build()
        .unwrap();
    threads.install(|| {
        let start = ThreadTime::now();
        let analysis = analyze(&sources, &Options::default()).unwrap();
        (start.elapsed(), analysis.diagnostics.len())
    })
}

pub fn check(shape: Shape) {
    let factor: usize = std::env::var("TPLINT_GROWTH")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let size = shape.size * factor;
    let mut best = f64::INFINITY;
    let mut told = Vec::new();
    // What a run costs that finds hardly anything to look at: the table of API facts is read.
    let (fixed, _) = measure(shape, 1);
    for _ in 0..TRIES {
        let (once, few) = measure(shape, size);
        let (four_times, many) = measure(shape, 4 * size);
        for (size, found) in [(size, few), (4 * size, many)] {
            let expected = (shape.findings)(size);
            assert!(
                expected.contains(&found),
                "{found} findings at {size}, not {expected:?}"
            );
        }
        let cost = |taken: Duration| taken.saturating_sub(fixed).max(LEAST).as_secs_f64();
        let ratio = cost(four_times) / cost(once);
        told.push(format!(
            "{once:.2?} at {size}, {four_times:.2?} at {}",
            4 * size
        ));
        best = best.min(ratio);
        if best < MOST {
            println!("{} ({ratio:.1} times)", told.join("; "));
            return;
        }
    }
    panic!(
        "four times the size takes {best:.1} times as long: {}",
        told.join("; ")
    );
}
