//! The string table as a reader needs it: which strings have occurred, and where in the stream they stand.
//!
//! Our encoder writes every string in full, and so does the profile of the standards ([V2G2-099]). Peers with
//! another encoder refer to strings that occurred before; nothing is stored for them but positions.

use std::collections::HashMap;

/// A string that occurred: the name it belongs to, its first character's bit, its length in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) name: u16,
    pub(crate) at: usize,
    pub(crate) characters: usize,
}

/// Most messages carry few strings; those need no allocation.
const INLINE: usize = 4;

/// The strings of one stream, in the order in which they occurred.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    few: [Seen; INLINE],
    more: Vec<Seen>,
    count: usize,
    /// The strings of each name; made when the first reference within a name comes, as it hardly ever does.
    by_name: Option<HashMap<u16, Vec<Seen>>>,
}

impl Strings {
    #[inline]
    pub(crate) fn add(&mut self, seen: Seen) {
        match self.few.get_mut(self.count) {
            Some(place) => *place = seen,
            None => self.more.push(seen),
        }
        self.count += 1;
        if let Some(by_name) = &mut self.by_name {
            by_name.entry(seen.name).or_default().push(seen);
        }
    }

    /// Width of a reference among all strings.
    pub(crate) fn global_width(&self) -> u32 {
        width(self.count)
    }

    /// The string with this number among all.
    pub(crate) fn global(&self, number: u64) -> Option<Seen> {
        let number = usize::try_from(number).ok()?;
        match number.checked_sub(INLINE) {
            None => self.few.get(number).filter(|_| number < self.count).copied(),
            Some(further) => self.more.get(further).copied(),
        }
    }

    /// Width of a reference among the strings of one name.
    pub(crate) fn local_width(&mut self, name: u16) -> u32 {
        width(self.of_name(name).len())
    }

    /// The string with this number among those of one name.
    pub(crate) fn local(&mut self, name: u16, number: u64) -> Option<Seen> {
        self.of_name(name).get(usize::try_from(number).ok()?).copied()
    }

    fn of_name(&mut self, name: u16) -> &[Seen] {
        let (few, more, count) = (&self.few, &self.more, self.count);
        let by_name = self.by_name.get_or_insert_with(|| {
            let mut by_name: HashMap<u16, Vec<Seen>> = HashMap::new();
            for seen in few.iter().take(count).chain(more) {
                by_name.entry(seen.name).or_default().push(*seen);
            }
            by_name
        });
        by_name.get(&name).map_or(&[], Vec::as_slice)
    }
}

/// Bits that tell `count` things apart.
fn width(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}
