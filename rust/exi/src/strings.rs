//! The string table as a reader needs it: which strings have occurred, and where in the stream they stand.
//!
//! Our encoder writes every string in full, and so does the profile of the standards ([V2G2-099]). Peers with
//! another encoder refer to strings that occurred before; nothing is stored for them but positions.

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
}

impl Strings {
    #[inline]
    pub(crate) fn add(&mut self, seen: Seen) {
        match self.few.get_mut(self.count) {
            Some(place) => *place = seen,
            None => self.more.push(seen),
        }
        self.count += 1;
    }

    fn iter(&self) -> impl Iterator<Item = &Seen> {
        self.few.iter().take(self.count).chain(&self.more)
    }

    /// Width of a reference among all strings.
    pub(crate) fn global_width(&self) -> u32 {
        width(self.count)
    }

    /// Width of a reference among the strings of one name.
    pub(crate) fn local_width(&self, name: u16) -> u32 {
        width(self.iter().filter(|seen| seen.name == name).count())
    }

    /// The string with this number among all.
    pub(crate) fn global(&self, number: u64) -> Option<Seen> {
        self.iter().nth(usize::try_from(number).ok()?).copied()
    }

    /// The string with this number among those of one name.
    pub(crate) fn local(&self, name: u16, number: u64) -> Option<Seen> {
        self.iter().filter(|seen| seen.name == name).nth(usize::try_from(number).ok()?).copied()
    }
}

/// Bits that tell `count` things apart.
fn width(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}
