//! A thread that puts very many connections in order while keys are heard.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

use super::order::{Order, Ordered};

/// Makes rows, one order after the other.
pub struct Beside {
    orders: Sender<(usize, Order)>,
    made: Receiver<(usize, Ordered, Duration)>,
    busy: bool,
}

impl Beside {
    /// Starts the thread, which ends when this is dropped.
    #[must_use]
    pub fn start() -> Beside {
        let (orders, waiting) = channel::<(usize, Order)>();
        let (makes, made) = channel();
        std::thread::spawn(move || {
            for (capture, order) in waiting {
                let began = Instant::now();
                let ordered = order.fill();
                if makes.send((capture, ordered, began.elapsed())).is_err() {
                    return;
                }
            }
        });
        Beside { orders, made, busy: false }
    }

    /// Whether rows are being made.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// Asks for rows of a capture. One order at a time: what is asked meanwhile is another one by then.
    pub fn ask(&mut self, capture: usize, order: Order) {
        self.busy = self.orders.send((capture, order)).is_ok();
    }

    /// Rows that were made, of which capture, and how long it took.
    pub fn take(&mut self) -> Option<(usize, Ordered, Duration)> {
        let made = self.made.try_recv();
        if !matches!(made, Err(TryRecvError::Empty)) {
            self.busy = false;
        }
        made.ok()
    }
}
