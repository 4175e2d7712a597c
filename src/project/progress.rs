//! What a person sees while waiting: a bar on standard error, from the second second on and only on a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// How far a run is. Dropped, it takes the bar away.
pub struct Progress {
    state: Arc<State>,
    /// Closed to end the thread that draws; both are absent where nobody looks.
    drawing: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

#[derive(Default)]
struct State {
    stage: Mutex<&'static str>,
    done: AtomicUsize,
    /// 0: not known.
    total: AtomicUsize,
}

impl Progress {
    pub fn start() -> Progress {
        let state = Arc::new(State::default());
        let drawing = std::io::stderr().is_terminal().then(|| {
            let (sender, receiver) = mpsc::channel::<()>();
            let shared = Arc::clone(&state);
            (sender, std::thread::spawn(move || draw(&shared, &receiver)))
        });
        Progress { state, drawing }
    }

    /// One that nobody sees.
    pub fn quiet() -> Progress {
        Progress {
            state: Arc::default(),
            drawing: None,
        }
    }

    /// Enters a stage of so many steps; 0 where their number is not known.
    pub fn stage(&self, name: &'static str, total: usize) {
        self.state.done.store(0, Relaxed);
        self.state.total.store(total, Relaxed);
        if let Ok(mut stage) = self.state.stage.lock() {
            *stage = name;
        }
    }

    /// One more step is done.
    pub fn step(&self) {
        self.state.done.fetch_add(1, Relaxed);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.drawing.take() {
            drop(sender);
            // A bar that failed to draw is no reason to fail.
            let _ = thread.join();
        }
    }
}

fn draw(state: &State, ended: &mpsc::Receiver<()>) {
    let waits = |time| ended.recv_timeout(time) == Err(mpsc::RecvTimeoutError::Timeout);
    if !waits(Duration::from_secs(1)) {
        return;
    }
    let bar = ProgressBar::no_length();
    let style = |template| {
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
    };
    let counted = style("{msg} {wide_bar} {pos}/{len}");
    let open = style("{msg} {spinner} {elapsed}");
    while waits(Duration::from_millis(100)) {
        let total = state.total.load(Relaxed);
        bar.set_style(if total > 0 {
            counted.clone()
        } else {
            open.clone()
        });
        bar.set_message(state.stage.lock().map_or("", |stage| *stage));
        if total > 0 {
            bar.set_length(total as u64);
        }
        bar.set_position(state.done.load(Relaxed) as u64);
        bar.tick();
    }
    bar.finish_and_clear();
}
