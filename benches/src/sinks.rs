//! The receiver for measuring the decoder alone.

use std::hint::black_box;

use plugcharge_exi::table::Complex;
use plugcharge_exi::{Datum, Place, Sink, Stop};

/// Takes delivery of every value: octets and text are copied, numbers are looked at, nothing is built.
#[derive(Debug, Default)]
pub struct Delivery {
    buffer: Vec<u8>,
    /// As long as the longest octets so far: what is overwritten anyway need not be cleared.
    octets: Vec<u8>,
}

impl Sink for Delivery {
    fn begin(&mut self, place: Place, _ty: &'static Complex) -> Result<(), Stop> {
        black_box(place.particle.name.id);
        Ok(())
    }

    fn value(&mut self, place: Place, datum: Datum<'_>) -> Result<(), Stop> {
        black_box(place.particle.name.id);
        match datum {
            Datum::Text(text) => {
                self.buffer.clear();
                self.buffer.extend_from_slice(text.as_bytes());
                black_box(self.buffer.as_slice());
            }
            Datum::Octets(octets) => {
                if self.octets.len() < octets.len() {
                    self.octets.resize(octets.len(), 0);
                }
                if let Some(target) = self.octets.get_mut(..octets.len()) {
                    octets.copy_to(target);
                    black_box(&*target);
                }
            }
            Datum::Big(number) => {
                self.buffer.clear();
                self.buffer.extend_from_slice(number.magnitude);
                black_box((number.negative, self.buffer.as_slice()));
            }
            Datum::Boolean(value) => {
                black_box(value);
            }
            Datum::Signed(value) => {
                black_box(value);
            }
            Datum::Unsigned(value) => {
                black_box(value);
            }
            Datum::Enumerated(enumeration, index) => {
                black_box((enumeration, index));
            }
        }
        Ok(())
    }

    fn end(&mut self, _place: Place, _ty: &'static Complex) -> Result<(), Stop> {
        Ok(())
    }
}
