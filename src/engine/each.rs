//! Several inputs at once, each read by one thread.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::Options;

/// Inputs that may be read before an earlier one is done with: their results wait in memory, those of large captures with a temporary file
/// for each shard of the flow table, of which there may be about a thousand.
const MOST_AHEAD: usize = 12;

/// Analyses several inputs at once, one thread each, and hands the results over in the order of the inputs. The calling thread is one of
/// them and hands over between its own: nobody is woken up for a small capture.
pub fn analyse_each<T: Sync, R: Send>(inputs: &[T], options: Options, one: impl Fn(&T, Options) -> R + Sync, mut each: impl FnMut(&T, R)) {
    let threads = options.workers.min(inputs.len()).max(1);
    if threads == 1 {
        for input in inputs {
            each(input, one(input, options));
        }
        return;
    }
    let single = Options { workers: 1, ..options };
    let desk = Desk::of(inputs);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| {
                let _leaving = Leaving(&desk);
                while let Some((at, input)) = desk.take_or_wait() {
                    desk.put(at, one(input, single));
                }
            });
        }
        let _leaving = Leaving(&desk);
        loop {
            for (input, result) in desk.due() {
                each(input, result);
                desk.done();
            }
            match desk.next() {
                Next::Read(at, input) => desk.put(at, one(input, single)),
                Next::HandOver => {}
                Next::Nothing => return,
            }
        }
    });
}

/// Where inputs are taken from, and results wait until it is their turn.
struct Desk<'i, T, R> {
    inputs: &'i [T],
    places: Mutex<Places<R>>,
    moved: Condvar,
}

struct Places<R> {
    /// The next input that nobody reads yet.
    next: usize,
    /// Those before it are done with.
    due: usize,
    /// Those before it were handed over.
    handed: usize,
    /// What came of the inputs from there on.
    results: VecDeque<Option<R>>,
    /// A thread has panicked: what it read will not come.
    broken: bool,
}

/// What the thread does next that hands results over.
enum Next<'i, T> {
    /// It reads this input.
    Read(usize, &'i T),
    /// A result is due.
    HandOver,
    /// All is done, or will never be.
    Nothing,
}

impl<'i, T, R> Desk<'i, T, R> {
    fn of(inputs: &'i [T]) -> Desk<'i, T, R> {
        let places = Places { next: 0, due: 0, handed: 0, results: VecDeque::new(), broken: false };
        Desk { inputs, places: Mutex::new(places), moved: Condvar::new() }
    }

    fn places(&self) -> MutexGuard<'_, Places<R>> {
        // No thread panics while it holds the lock.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next input, when there is one and it is not too far ahead.
    fn take(&self, places: &mut Places<R>) -> Option<(usize, &'i T)> {
        let at = places.next;
        let input = self.inputs.get(at).filter(|_| at - places.due < MOST_AHEAD && !places.broken)?;
        places.next += 1;
        Some((at, input))
    }

    /// The next input; waits while it is too far ahead.
    fn take_or_wait(&self) -> Option<(usize, &'i T)> {
        let mut places = self.places();
        loop {
            let taken = self.take(&mut places);
            if taken.is_some() || places.broken || places.next >= self.inputs.len() {
                return taken;
            }
            places = self.moved.wait(places).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What came of an input.
    fn put(&self, at: usize, result: R) {
        let mut places = self.places();
        let slot = at - places.handed;
        if places.results.len() <= slot {
            places.results.resize_with(slot + 1, || None);
        }
        if let Some(place) = places.results.get_mut(slot) {
            *place = Some(result);
        }
        self.moved.notify_all();
    }

    /// The results whose turn it is.
    fn due(&self) -> Vec<(&'i T, R)> {
        let mut places = self.places();
        let mut due = Vec::new();
        while let Some(result) = places.results.front_mut().and_then(Option::take) {
            places.results.pop_front();
            due.extend(self.inputs.get(places.handed).map(|input| (input, result)));
            places.handed += 1;
        }
        due
    }

    /// One of those was handed over, and takes no room any more.
    fn done(&self) {
        self.places().due += 1;
        self.moved.notify_all();
    }

    /// What is to be done by the thread that hands over; waits while there is nothing.
    fn next(&self) -> Next<'i, T> {
        let mut places = self.places();
        loop {
            if places.results.front().is_some_and(Option::is_some) {
                return Next::HandOver;
            }
            if places.broken || places.handed >= self.inputs.len() {
                return Next::Nothing;
            }
            if let Some((at, input)) = self.take(&mut places) {
                return Next::Read(at, input);
            }
            places = self.moved.wait(places).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A thread that panics keeps nobody waiting.
struct Leaving<'d, 'i, T, R>(&'d Desk<'i, T, R>);

impl<T, R> Drop for Leaving<'_, '_, T, R> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.places().broken = true;
            self.0.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::assess::Catalogue;
    use crate::flow::Limits;

    fn options(workers: usize) -> Options {
        Options { workers, limits: Limits::default(), catalogue: Catalogue::own() }
    }

    #[test]
    fn results_come_in_the_order_of_the_inputs_whoever_is_done_first() {
        let inputs: Vec<u64> = (0..500).collect();
        let mut told = Vec::new();
        let one = |n: &u64, _| {
            std::thread::sleep(Duration::from_micros(n % 7 * 50));
            n * 2
        };
        analyse_each(&inputs, options(3), one, |n, twice| told.push((*n, twice)));
        assert_eq!(told, inputs.iter().map(|n| (*n, n * 2)).collect::<Vec<_>>());
    }

    #[test]
    fn while_the_first_input_takes_long_only_so_many_others_are_read() {
        let inputs: Vec<usize> = (0..1000).collect();
        let begun = AtomicUsize::new(0);
        let most = AtomicUsize::new(0);
        let one = |n: &usize, _| {
            begun.fetch_add(1, Ordering::SeqCst);
            if *n == 0 {
                let patience = Instant::now() + Duration::from_secs(20);
                while begun.load(Ordering::SeqCst) < MOST_AHEAD && Instant::now() < patience {
                    std::thread::sleep(Duration::from_millis(1));
                }
                // Long enough for others to go on, if anything let them.
                std::thread::sleep(Duration::from_millis(100));
                most.store(begun.load(Ordering::SeqCst), Ordering::SeqCst);
            }
        };
        let mut told = 0;
        analyse_each(&inputs, options(4), one, |_, ()| told += 1);
        assert_eq!((most.load(Ordering::SeqCst), told), (MOST_AHEAD, 1000));
    }

    #[test]
    fn a_fault_in_one_input_ends_all_and_keeps_nobody_waiting() {
        let inputs: Vec<usize> = (0..1000).collect();
        for faulty in [0, 1, 500] {
            let all = || analyse_each(&inputs, options(2), |n: &usize, _| assert_ne!(*n, faulty, "a fault"), |_, ()| {});
            assert!(std::panic::catch_unwind(all).is_err());
        }
        let handing_over = || analyse_each(&inputs, options(2), |_: &usize, _| {}, |n, ()| assert_ne!(*n, 3, "a fault"));
        assert!(std::panic::catch_unwind(handing_over).is_err());
    }
}
