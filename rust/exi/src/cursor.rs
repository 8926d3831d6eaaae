//! Where in the content of a type a reader or a writer stands, and what each event code means there.

use crate::table::{Complex, Content, Kind, Name, Particle, Simple, Slot};

/// What an event code stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    /// One of the alternatives of a slot.
    Take { index: usize, alternative: usize, slot: &'static Slot, particle: &'static Particle },
    /// The element ends.
    End,
    /// Text between elements (mixed content).
    MixedText,
    /// An event that the schema does not declare follows in a second code.
    Escape,
    /// Nothing has this code.
    Invalid,
}

/// Why an event cannot be written here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// This has to come first.
    Missing(Name),
    /// It may not come here.
    Unexpected,
}

/// A position in the content of a type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor {
    pub(crate) ty: &'static Complex,
    /// The slot that may occur next (or again); behind all slots where a state table decides.
    at: usize,
    /// The state, where a state table decides.
    state: usize,
    /// How often that slot has occurred.
    repeat: u32,
    width: u32,
}

impl Cursor {
    #[inline]
    pub(crate) fn new(ty: &'static Complex) -> Self {
        let at = if ty.states.is_some() { usize::MAX } else { 0 };
        Self { ty, at, state: 0, repeat: 0, width: u32::from(ty.first) }
    }

    /// Width of the next event code.
    #[inline]
    pub(crate) fn width(&self) -> u32 {
        self.width
    }

    /// The first alternative of the slot at which the cursor stands, if it is an element with a simple value.
    #[inline(always)]
    pub(crate) fn simple_here(&self) -> Option<(&'static Slot, &'static Particle, &'static Simple)> {
        let slot = self.ty.slots.get(self.at)?;
        if !slot.simple_first {
            return None;
        }
        let particle = slot.alternatives.first()?;
        match &particle.content {
            Content::Simple(simple) => Some((slot, particle, simple)),
            _ => None,
        }
    }

    /// The slot and the alternative that an event code means, when it is the slot at which the cursor stands; nearly
    /// always it is.
    #[inline(always)]
    pub(crate) fn here(&self, code: u64) -> Option<(usize, &'static Slot, &'static Particle)> {
        let slot = self.ty.slots.get(self.at)?;
        let alternative = usize::try_from(code).ok()?;
        slot.alternatives.get(alternative).map(|particle| (alternative, slot, particle))
    }

    /// All slots are used up: nothing but the end is declared.
    #[inline(always)]
    pub(crate) fn only_end_left(&self) -> bool {
        self.at == self.ty.slots.len()
    }

    /// Index of the slot at which the cursor stands.
    #[inline(always)]
    pub(crate) fn index(&self) -> usize {
        self.at
    }

    /// What an event code means here.
    pub(crate) fn locate(&self, code: u64) -> Event {
        let Ok(code) = usize::try_from(code) else { return Event::Invalid };
        self.locate_further(code)
    }

    fn locate_further(&self, mut code: usize) -> Event {
        if self.ty.states.is_some() {
            return self.locate_in_states(code);
        }
        let mut repeat = self.repeat;
        for (index, slot) in self.ty.slots.iter().enumerate().skip(self.at) {
            if let Some(particle) = slot.alternatives.get(code) {
                return Event::Take { index, alternative: code, slot, particle };
            }
            code -= slot.alternatives.len();
            if repeat < slot.min {
                return after_required(self.ty, slot, code);
            }
            repeat = 0;
        }
        after_all(self.ty, code)
    }

    fn locate_in_states(&self, code: usize) -> Event {
        let Some(state) = self.ty.states.and_then(|states| states.get(self.state)) else {
            return Event::Invalid;
        };
        let Some((slot, _)) = state.moves.get(code) else {
            let rest = code - state.moves.len();
            return match (state.end, rest) {
                (true, 0) => Event::End,
                (true, 1) | (false, 0) => Event::Escape,
                _ => Event::Invalid,
            };
        };
        let index = usize::from(*slot);
        match self.ty.slots.get(index).and_then(|slot| slot.alternatives.first().map(|first| (slot, first))) {
            Some((slot, particle)) => Event::Take { index, alternative: 0, slot, particle },
            None => Event::Invalid,
        }
    }

    /// Move on after a slot was taken. Gives how often it has occurred in a row.
    #[inline(always)]
    pub(crate) fn take(&mut self, index: usize, slot: &'static Slot) -> u32 {
        if self.ty.states.is_some() {
            return self.take_in_states(index);
        }
        if slot.max == 1 {
            self.at = index + 1;
            self.repeat = 0;
            self.width = u32::from(slot.done);
            return 1;
        }
        let count = if index == self.at { self.repeat + 1 } else { 1 };
        if count < slot.max {
            self.at = index;
            self.repeat = count;
            self.width = u32::from(if count < slot.min { slot.must } else { slot.again });
        } else {
            self.at = index + 1;
            self.repeat = 0;
            self.width = u32::from(slot.done);
        }
        count
    }

    #[inline(never)]
    fn take_in_states(&mut self, index: usize) -> u32 {
        let states = self.ty.states.unwrap_or_default();
        let next = states
            .get(self.state)
            .and_then(|state| state.moves.iter().find(|(slot, _)| usize::from(*slot) == index))
            .map(|(_, next)| usize::from(*next));
        if let Some(next) = next {
            self.state = next;
        }
        self.width = states.get(self.state).map_or(0, |state| u32::from(state.width));
        self.repeat += 1;
        self.repeat
    }

    /// The event code with which an alternative is written here.
    #[inline(always)]
    pub(crate) fn code(&self, index: usize, alternative: usize) -> Result<u64, Refusal> {
        if index == self.at { Ok(alternative as u64) } else { self.code_further(index, alternative) }
    }

    fn code_further(&self, index: usize, alternative: usize) -> Result<u64, Refusal> {
        if let Some(states) = self.ty.states {
            let moves = states.get(self.state).map_or(&[][..], |state| state.moves);
            let found = moves.iter().position(|(slot, _)| usize::from(*slot) == index);
            return found.map(|code| code as u64).ok_or(Refusal::Unexpected);
        }
        if index < self.at {
            return Err(Refusal::Unexpected);
        }
        Ok(self.skip_to(index)? + alternative as u64)
    }

    /// The event code with which the element ends here.
    #[inline(always)]
    pub(crate) fn end_code(&self) -> Result<u64, Refusal> {
        if self.only_end_left() { Ok(0) } else { self.end_code_further() }
    }

    fn end_code_further(&self) -> Result<u64, Refusal> {
        if let Some(states) = self.ty.states {
            return match states.get(self.state) {
                Some(state) if state.end => Ok(state.moves.len() as u64),
                Some(state) => Err(self.first_move(state.moves)),
                None => Err(Refusal::Unexpected),
            };
        }
        self.skip_to(self.ty.slots.len())
    }

    fn first_move(&self, moves: &[(u8, u8)]) -> Refusal {
        let first = moves.first().and_then(|(slot, _)| self.ty.slots.get(usize::from(*slot)));
        first
            .and_then(|slot| slot.alternatives.first())
            .map_or(Refusal::Unexpected, |p| Refusal::Missing(p.name))
    }

    /// Number of event codes before those of slot `index`.
    fn skip_to(&self, index: usize) -> Result<u64, Refusal> {
        let mut code = 0;
        let mut repeat = self.repeat;
        for slot in self.ty.slots.get(self.at..index).unwrap_or_default() {
            if repeat < slot.min {
                let name = slot.alternatives.first().map(|particle| particle.name);
                return Err(name.map_or(Refusal::Unexpected, Refusal::Missing));
            }
            code += slot.alternatives.len() as u64;
            repeat = 0;
        }
        Ok(code)
    }

    /// Nothing at all has occurred.
    pub(crate) fn is_fresh(&self) -> bool {
        self.repeat == 0 && if self.ty.states.is_some() { self.state == 0 } else { self.at == 0 }
    }

    /// Nothing but attributes has occurred.
    pub(crate) fn is_before_content(&self) -> bool {
        if self.ty.states.is_some() {
            // Such a type has no attributes.
            return self.is_fresh();
        }
        let passed = self.at + usize::from(self.repeat > 0);
        self.is_fresh() || self.ty.slots.iter().take(passed).all(|slot| slot.kind == Kind::Attribute)
    }

    /// The element may end here.
    pub(crate) fn may_end(&self) -> bool {
        self.end_code().is_ok()
    }
}

fn after_required(ty: &Complex, slot: &Slot, code: usize) -> Event {
    match (ty.mixed && slot.kind == Kind::Element, code) {
        (true, 0) => Event::MixedText,
        (true, 1) | (false, 0) => Event::Escape,
        _ => Event::Invalid,
    }
}

fn after_all(ty: &Complex, code: usize) -> Event {
    match (ty.mixed, code) {
        (_, 0) => Event::End,
        (true, 1) => Event::MixedText,
        (true, 2) | (false, 1) => Event::Escape,
        _ => Event::Invalid,
    }
}
