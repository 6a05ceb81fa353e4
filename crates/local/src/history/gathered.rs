//! Events of a range of users, gathered part by part and put in each user's order: nothing is looked up, and only what one
//! user did is sorted.

use std::ops::Range;

use super::lane::to_signed;

/// So many events are sorted by insertion.
const FEW: usize = 24;

/// An event.
#[derive(Clone, Copy, Default)]
pub struct Seen {
    /// When it happened.
    pub time: i64,
    /// Which row it is of its run.
    pub row: u32,
    /// Which run of rows of a part it is in.
    pub run: u32,
}

/// The events of a range; one serves all ranges of a thread.
#[derive(Default)]
pub struct Gathered {
    users: Vec<u32>,
    seen: Vec<Seen>,
    sorted: Vec<Seen>,
    ends: Vec<u32>,
}

impl Gathered {
    /// For the next range.
    pub fn clear(&mut self) {
        self.users.clear();
        self.seen.clear();
    }

    /// One more event of a user, counted from the range's first. Those of one run come in the order of rows.
    #[inline]
    pub fn add(&mut self, user: u32, seen: Seen) {
        self.users.push(user);
        self.seen.push(seen);
    }

    /// As [`Gathered::add`], of rows one behind the other, with users and times as lanes hold them.
    #[inline]
    pub fn extend(&mut self, first: u32, run: u32, first_row: usize, users: &[u64], times: &[u64]) {
        let user = |user: &u64| u32::try_from(*user).unwrap_or_default().wrapping_sub(first);
        self.users.extend(users.iter().map(user));
        let row = u32::try_from(first_row).unwrap_or(u32::MAX);
        let seen = |(row, time): (u32, &u64)| Seen { time: to_signed(*time), row, run };
        self.seen.extend((row..).zip(times).map(seen));
    }

    /// How many events there are.
    pub fn count(&self) -> usize {
        self.seen.len()
    }

    /// Some of the events in the order in which they were gathered, and the users of each.
    pub fn some(&self, places: Range<usize>) -> (&[u32], &[Seen]) {
        (&self.users[places.clone()], &self.seen[places])
    }

    /// Moves those of some events that count to `into`, which is not behind them, and on; answers where they end. What stood there before
    /// them is lost.
    #[inline]
    pub fn keep(
        &mut self,
        places: Range<usize>,
        mut into: usize,
        counts: impl Fn(u32, &Seen) -> bool,
    ) -> usize {
        // Without a branch: which of them count cannot be foretold.
        for place in places {
            let (user, seen) = (self.users[place], self.seen[place]);
            (self.users[into], self.seen[into]) = (user, seen);
            into += usize::from(counts(user, &seen));
        }
        into
    }

    /// Leaves the first so many events.
    pub fn truncate(&mut self, count: usize) {
        self.users.truncate(count);
        self.seen.truncate(count);
    }

    /// The events in the order in which they were gathered.
    pub fn all(&self) -> &[Seen] {
        &self.seen
    }

    /// Puts what was gathered in the order of users, and those of one user in the order in which they came.
    pub fn sort(&mut self, (first, last): (u32, u32)) {
        self.ends.clear();
        self.ends.resize((last - first) as usize + 2, 0);
        // Counted one place on: added up, each place says where its user begins, and once all have come, where they end.
        for user in &self.users {
            self.ends[*user as usize + 1] += 1;
        }
        let mut before = 0;
        for end in &mut self.ends {
            before += *end;
            *end = before;
        }
        self.sorted.clear();
        self.sorted.resize(self.seen.len(), Seen::default());
        for (user, seen) in self.users.iter().zip(&self.seen) {
            let place = &mut self.ends[*user as usize];
            self.sorted[*place as usize] = *seen;
            *place += 1;
        }
    }

    /// The events of a user, counted from the range's first, by time and at the same time by position. To be asked once for
    /// each user, behind [`Gathered::sort`].
    #[inline]
    pub fn in_order(&mut self, user: usize, position: impl Fn(&Seen) -> u64) -> &[Seen] {
        let start = user.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        let seen = &mut self.sorted[start..self.ends[user] as usize];
        let order = |a: &Seen, b: &Seen| {
            a.time.cmp(&b.time).then_with(|| match a.run == b.run {
                true => a.row.cmp(&b.row),
                false => position(a).cmp(&position(b)),
            })
        };
        match seen.len() {
            0..=FEW => insert_each(seen, |a, b| order(a, b).is_lt()),
            _ => seen.sort_by(order),
        }
        seen
    }
}

/// Insertion sort: most users have few events, and each run of theirs is in order already.
#[inline]
fn insert_each(seen: &mut [Seen], is_before: impl Fn(&Seen, &Seen) -> bool) {
    for index in 1..seen.len() {
        let one = seen[index];
        let mut place = index;
        while place > 0 && is_before(&one, &seen[place - 1]) {
            seen[place] = seen[place - 1];
            place -= 1;
        }
        seen[place] = one;
    }
}
