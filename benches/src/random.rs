//! Messages made from the tables alone: the smallest, the fullest, and random ones between them.

use plugcharge_exi::Place;
use plugcharge_exi::table::{Complex, Content, Particle, Schema, Simple, Slot};

use crate::recorded::{Event, Owned, Recorded};

/// How much of what may be left out is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// Nothing that may be left out.
    Least,
    /// Everything, and lists with as many items as they may have, up to [`LONGEST`].
    Most,
    /// Each part by chance.
    Chance,
}

/// No list and no value without a limit gets longer than this.
pub const LONGEST: u32 = 20;

/// Makes messages; the same seed makes the same ones.
#[derive(Debug)]
pub struct Random {
    state: u64,
    fill: Fill,
    /// Elements that are never used.
    without: &'static [&'static str],
}

impl Random {
    /// Begin anew. What is in `without` is never put into a message.
    pub fn new(seed: u64, fill: Fill, without: &'static [&'static str]) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, fill, without }
    }

    /// A message with the root element of this index; `None` for an abstract root.
    pub fn message(&mut self, schema: &'static Schema, root: usize) -> Option<Recorded> {
        let particle = &schema.document.elements.get(root)?.particle;
        let mut events = Vec::new();
        self.part(Place { particle, slot: 0, alternative: 0 }, &mut events)?;
        Some(Recorded::from_events(schema, root, events))
    }

    /// `None` where nothing can stand: the part is abstract, or of another vocabulary.
    fn part(&mut self, place: Place, out: &mut Vec<Event>) -> Option<()> {
        match &place.particle.content {
            Content::Simple(simple) => out.push(Event::Value(place, self.value(simple))),
            Content::Complex(ty) => {
                out.push(Event::Begin(place, ty));
                if ty.states.is_some() {
                    self.states(ty, out)?;
                } else {
                    for (index, slot) in ty.slots.iter().enumerate() {
                        self.slot(index, slot, out)?;
                    }
                }
                out.push(Event::End(place, ty));
            }
            Content::Abstract | Content::Wildcard => return None,
        }
        Some(())
    }

    fn usable(&self, particle: &Particle) -> bool {
        let stands = !matches!(particle.content, Content::Abstract | Content::Wildcard);
        stands && !self.without.contains(&particle.name.local)
    }

    fn slot(&mut self, index: usize, slot: &'static Slot, out: &mut Vec<Event>) -> Option<()> {
        let usable: Vec<usize> = (0..slot.alternatives.len())
            .filter(|at| slot.alternatives.get(*at).is_some_and(|particle| self.usable(particle)))
            .collect();
        if usable.is_empty() {
            return (slot.min == 0).then_some(());
        }
        for _ in 0..self.count(slot.min, slot.max) {
            let chosen = self.below(u64::try_from(usable.len()).ok()?);
            let alternative = *usable.get(usize::try_from(chosen).ok()?)?;
            let particle = slot.alternatives.get(alternative)?;
            self.part(Place { particle, slot: index, alternative }, out)?;
        }
        Some(())
    }

    /// Walk a content model that is no plain run of slots, until an end is allowed and chance (or the fill) wants it.
    fn states(&mut self, ty: &'static Complex, out: &mut Vec<Event>) -> Option<()> {
        let (states, mut at) = (ty.states?, 0);
        for step in 0.. {
            let state = states.get(at)?;
            let moves: Vec<(&'static Particle, usize, usize)> = state
                .moves
                .iter()
                .filter_map(|(slot, next)| {
                    let particle = ty.slots.get(usize::from(*slot))?.alternatives.first()?;
                    self.usable(particle).then_some((particle, usize::from(*slot), usize::from(*next)))
                })
                .collect();
            let enough = match self.fill {
                Fill::Least => true,
                Fill::Most => step > LONGEST,
                Fill::Chance => self.below(2) == 0,
            };
            if moves.is_empty() || (state.end && enough) {
                return state.end.then_some(());
            }
            let chosen = self.below(u64::try_from(moves.len()).ok()?);
            let (particle, slot, next) = *moves.get(usize::try_from(chosen).ok()?)?;
            self.part(Place { particle, slot, alternative: 0 }, out)?;
            at = next;
        }
        None
    }

    /// A number of items or a length between two limits.
    fn count(&mut self, min: u32, max: u32) -> u32 {
        let most = max.min(min.saturating_add(LONGEST));
        match self.fill {
            Fill::Least => min,
            Fill::Most => most,
            // Mostly small: lists in lists would get out of hand.
            Fill::Chance => {
                let span = if self.below(8) == 0 { most - min } else { (most - min).min(2) };
                min + u32::try_from(self.below(u64::from(span) + 1)).unwrap_or_default()
            }
        }
    }

    fn value(&mut self, simple: &Simple) -> Owned {
        match *simple {
            Simple::Boolean => Owned::Boolean(self.below(2) == 1),
            Simple::Bits { min, max, .. } => Owned::Signed(self.signed(min.into(), max.into())),
            Simple::Signed { min, max } => Owned::Signed(self.signed(min, max)),
            Simple::Integer => Owned::Signed(self.signed(i64::MIN, i64::MAX)),
            Simple::Unsigned { max } => Owned::Unsigned(self.unsigned(max)),
            Simple::Text { min, max } => {
                // Printable ASCII: the codings of other characters have tests of their own.
                let length = self.count(min, max);
                Owned::Text((0..length).map(|_| char::from(b' ' + self.octet() % 95)).collect())
            }
            Simple::Octets { min, max, .. } => {
                let length = self.count(min, max);
                Owned::Octets((0..length).map(|_| self.octet()).collect())
            }
            Simple::Enumeration(enumeration) => {
                let chosen = self.below(u64::try_from(enumeration.values.len()).unwrap_or(1));
                Owned::Enumerated(enumeration, u32::try_from(chosen).unwrap_or_default())
            }
        }
    }

    /// Ends and small numbers come up often, for it is there that codings break.
    fn signed(&mut self, min: i64, max: i64) -> i64 {
        match self.below(8) {
            0 => min,
            1 => max,
            2 => 0.clamp(min, max),
            3 => (-1).clamp(min, max),
            _ => {
                let span = max.abs_diff(min);
                min.wrapping_add_unsigned(self.unsigned(span))
            }
        }
    }

    fn unsigned(&mut self, max: u64) -> u64 {
        let bits = self.below(65);
        let drawn = if bits == 0 { 0 } else { self.next() >> (64 - bits) };
        if drawn <= max { drawn } else { drawn % max.saturating_add(1).max(1) }
    }

    fn octet(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn next(&mut self) -> u64 {
        // xorshift64*
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
