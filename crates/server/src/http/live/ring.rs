//! The newest calls, bounded by count and by bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use super::call::Call;

/// How much a ring holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub calls_max: usize,
    pub bytes_max: usize,
}

/// Calls in the order of their sequences; the oldest go when there are too many. A call's *place* counts from the first
/// that was ever pushed, so that a reader knows how many have gone since it last looked.
#[derive(Debug)]
pub(super) struct Ring {
    bounds: Bounds,
    calls: VecDeque<Arc<Call>>,
    bytes: usize,
    gone: u64,
    /// The sequence of the newest call that has gone.
    gone_through: u64,
}

impl Ring {
    pub(super) fn new(bounds: Bounds) -> Self {
        Ring { bounds, calls: VecDeque::new(), bytes: 0, gone: 0, gone_through: 0 }
    }

    pub(super) fn push(&mut self, call: Arc<Call>) {
        self.bytes += call.bytes();
        self.calls.push_back(call);
        while self.calls.len() > self.bounds.calls_max || self.bytes > self.bounds.bytes_max {
            let Some(oldest) = self.calls.pop_front() else { return };
            self.bytes -= oldest.bytes();
            self.gone += 1;
            self.gone_through = oldest.sequence;
        }
    }

    /// Puts a shorter call in the place of each that `change` gives one for.
    pub(super) fn replace(&mut self, change: impl Fn(&Call) -> Option<Call>) {
        for call in &mut self.calls {
            if let Some(shorter) = change(call) {
                self.bytes = (self.bytes + shorter.bytes()).saturating_sub(call.bytes());
                *call = Arc::new(shorter);
            }
        }
    }

    /// How many calls have gone; also the place of the oldest that is held.
    pub(super) fn gone(&self) -> u64 {
        self.gone
    }

    /// The place that the next call will have.
    pub(super) fn end(&self) -> u64 {
        self.gone + self.calls.len() as u64
    }

    /// The place of the first call with a sequence larger than this. Of those that have gone, the sequences are not
    /// remembered: the place may then be too small, so that a reader is told of at least as many as it missed.
    pub(super) fn after(&self, sequence: u64) -> u64 {
        if let Some(between) = self.gone_through.checked_sub(sequence).filter(|between| *between > 0) {
            return self.gone.saturating_sub(between);
        }
        self.gone + self.calls.partition_point(|call| call.sequence <= sequence) as u64
    }

    /// The call at a place, unless it has gone or is yet to come.
    pub(super) fn at(&self, place: u64) -> Option<&Arc<Call>> {
        self.calls.get(usize::try_from(place.checked_sub(self.gone)?).ok()?)
    }

    /// The call with this sequence.
    pub(super) fn of(&self, sequence: u64) -> Option<&Arc<Call>> {
        let call = self.at(self.after(sequence.checked_sub(1)?))?;
        (call.sequence == sequence).then_some(call)
    }
}

#[cfg(test)]
mod tests {
    use super::super::recorder::tests::call;
    use super::*;

    fn filled(calls_max: usize, bytes_max: usize, sequences: &[u64]) -> Ring {
        let mut ring = Ring::new(Bounds { calls_max, bytes_max });
        for sequence in sequences {
            ring.push(Arc::new(call(*sequence)));
        }
        ring
    }

    #[test]
    fn the_oldest_go_and_places_stay() {
        let ring = filled(3, usize::MAX, &[10, 20, 30, 40, 50]);
        assert_eq!((ring.gone(), ring.end()), (2, 5));
        let at = |place| ring.at(place).map(|call| call.sequence);
        assert_eq!([at(1), at(2), at(4), at(5)], [None, Some(30), Some(50), None]);
        assert_eq!([ring.after(20), ring.after(30), ring.after(35), ring.after(90)], [2, 3, 3, 5]);
        assert_eq!([ring.after(0), ring.after(19)], [0, 1], "behind calls that have gone");
        let of = |sequence| ring.of(sequence).map(|call| call.sequence);
        assert_eq!([of(0), of(20), of(30), of(31), of(50)], [None, None, Some(30), None, Some(50)]);
    }

    #[test]
    fn bytes_bound_it_as_well() {
        let one = call(1).bytes();
        assert_eq!(filled(100, 2 * one, &[1, 2, 3]).gone(), 1);
        let small = filled(100, one - 1, &[1, 2, 3]);
        assert_eq!((small.gone(), small.bytes), (3, 0), "a call that does not fit at all is not held");
    }
}
