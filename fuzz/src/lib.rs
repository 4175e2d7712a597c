//! What the fuzzing targets share: threads with the command's stacks, and what has to hold of every analysis.

#[path = "../../tests/checks/mod.rs"]
pub mod checks;

use std::sync::OnceLock;

/// Runs on a thread with the stack that the command gives to its own. One thread: libFuzzer learns from what is run, and
/// two analyses at once would teach it nothing.
///
/// The stack is four times as deep because fuzzing builds keep all checks, and frames are larger for it.
pub fn on_deep_stack<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    static POOL: OnceLock<rayon::ThreadPool> = OnceLock::new();
    let pool = POOL.get_or_init(|| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .stack_size(checks::STACK * 4)
            .build()
            .expect("a thread")
    });
    pool.install(run)
}

/// Analyses one file, in the way that `tplint` does and in the way that `tplint modules` does.
pub fn analysed(name: &str, bytes: &[u8]) {
    let files = vec![(name.to_string(), bytes.to_vec())];
    // An input stands for one of both, and always for the same.
    let whole = bytes.len() % 2 == 1;
    if let Err(problem) = on_deep_stack(|| checks::analysed(files, whole)) {
        panic!("{problem}");
    }
}
