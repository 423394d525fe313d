//! Replays every corpus and a bounded number of seeded mutations of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use ringward_fuzz::TARGETS;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The mutations of one run; another seed is another search, and CI never draws a fresh one.
const SEED: u64 = 4_711;

/// Panics so far, other than those of str0m that a peer's boundary has contained: that is what the
/// boundary is for. One of str0m's that escapes, and any of the house's own, counts.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Where the last one was, and what it said.
static LAST: Mutex<String> = Mutex::new(String::new());

#[test]
fn no_corpus_file_and_no_mutation_of_one_breaks_its_parser() {
    set_hook(Box::new(|panic| {
        *LAST.lock().unwrap() = panic.to_string();
        let is_ours = panic
            .location()
            .is_none_or(|at| !at.file().contains("/str0m-"));
        PANICS.fetch_add(usize::from(is_ours), Ordering::Relaxed);
    }));
    let mut broken = Vec::new();
    for target in TARGETS {
        let corpus = corpus(target.name);
        assert!(!corpus.is_empty(), "corpus/{} is empty", target.name);
        let mut rng = fastrand::Rng::with_seed(SEED);
        let mutated = (0..target.mutations).map(|_| mutate(&corpus, &mut rng));
        let found = corpus.iter().cloned().chain(mutated).find(|input| {
            let before = PANICS.load(Ordering::Relaxed);
            let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
            outcome.is_err() || PANICS.load(Ordering::Relaxed) != before
        });
        if let Some(input) = found {
            let (name, last) = (target.name, LAST.lock().unwrap());
            broken.push(format!("{name}: \"{}\": {last}", input.escape_ascii()));
        }
    }
    // From here on panics are the test's own.
    drop(take_hook());
    assert!(
        broken.is_empty(),
        "make these corpus files:\n{}",
        broken.join("\n")
    );
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name);
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// One to eight changes of a corpus file: bits, bytes, numbers at their ends, pieces cut, doubled
/// or taken from another file.
fn mutate(corpus: &[Vec<u8>], rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = rng.choice(corpus).unwrap().clone();
    for _ in 0..rng.usize(1..=8) {
        let at = rng.usize(0..=bytes.len());
        let end = at + rng.usize(0..=(bytes.len() - at).min(64));
        match rng.u8(0..7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(0..8),
            1 if at < bytes.len() => bytes[at] = rng.u8(..),
            2 if at < bytes.len() => {
                bytes[at] = *rng.choice(&[0, 0x7f, 0x80, 0xff, b'0', b'9']).unwrap();
            }
            3 => drop(bytes.drain(at..end)),
            4 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece.repeat(rng.usize(1..=4)));
            }
            5 => {
                let other = rng.choice(corpus).unwrap();
                let from = rng.usize(0..=other.len());
                let to = from + rng.usize(0..=(other.len() - from).min(64));
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes
}
