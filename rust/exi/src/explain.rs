//! A sink that says of every bit of a stream what it is: for people who want to see how a message is coded, and for
//! finding the bit at which a broken one goes wrong.

use std::rc::Rc;

use data_encoding::HEXLOWER;

use crate::decode::{Form, decode};
use crate::error::{Error, ErrorKind};
use crate::lexical::decimal;
use crate::sink::{Place, Sink, Stop, Stretch};
use crate::table::{Complex, Schema};
use crate::value::Datum;
use crate::{HEADER, Limits};

/// A stretch of a stream and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where it begins, in bits from the start of the stream.
    pub offset: usize,
    /// Its width in bits.
    pub width: usize,
    /// What it is, in one stable word: `header`, `start`, `attribute`, `characters`, `length`, `value`, `reference`,
    /// `end`, `undeclared`, `end-fragment`, `padding`, `fault`.
    pub event: &'static str,
    /// The event code, where it is one.
    pub code: Option<u64>,
    /// The elements around it, outermost first, such as `V2G_Message/Body`; an attribute comes last, with `@`.
    pub path: Rc<str>,
    /// The value that ends here, as text (octets in hex); a length as a number; of a fault, what is wrong.
    pub value: Option<String>,
}

/// Say what every bit of a stream is.
///
/// A stream that is no message of the schema set is told up to the fault; the last step is the fault, from the end of
/// what was understood to where the reading stopped.
pub fn explain(data: &[u8], schema: &'static Schema, form: Form, limits: &Limits) -> Vec<Step> {
    let mut sink = Explainer { steps: Vec::new(), path: Vec::new(), told: "".into(), value: None };
    if let Err(error) = decode(data, schema, form, limits, &mut sink) {
        sink.fault(data, &error);
    }
    sink.steps
}

/// The bits of a stretch as text; bits behind the end of the stream are left out.
pub fn bits_as_text(data: &[u8], offset: usize, width: usize) -> String {
    let bit =
        |at: usize| data.get(at / 8).map(|octet| if octet >> (7 - at % 8) & 1 == 1 { '1' } else { '0' });
    (offset..offset.saturating_add(width)).map_while(bit).collect()
}

struct Explainer {
    steps: Vec<Step>,
    path: Vec<String>,
    /// The path as text, shared by the steps that have it.
    told: Rc<str>,
    /// The value that was given last and has not been told yet.
    value: Option<String>,
}

impl Explainer {
    fn step(&mut self, from: usize, to: usize, event: &'static str, code: Option<u64>) {
        let (path, value) = (Rc::clone(&self.told), self.value.take());
        self.steps.push(Step { offset: from, width: to.saturating_sub(from), event, code, path, value });
    }

    fn enter(&mut self, name: String) {
        self.path.push(name);
        self.told = self.path.join("/").into();
    }

    fn leave(&mut self) {
        self.path.pop();
        self.told = self.path.join("/").into();
    }

    fn leave_attribute(&mut self) {
        if self.path.last().is_some_and(|name| name.starts_with('@')) {
            self.leave();
        }
    }

    fn fault(&mut self, data: &[u8], error: &Error) {
        let from = self.steps.last().map_or(0, |step| step.offset + step.width);
        let end = data.len() * 8;
        let to = match error.kind {
            ErrorKind::Truncated | ErrorKind::Trailing => end,
            ErrorKind::Header => 8,
            _ => error.bit_offset.unwrap_or(from).min(end),
        };
        self.value = Some(error.detail.clone());
        self.told = error.path().into();
        self.step(from, to, "fault", None);
    }
}

impl Sink for Explainer {
    const TRACES: bool = true;

    fn trace(&mut self, from: usize, to: usize, stretch: Stretch) {
        match stretch {
            Stretch::Header => {
                self.value = Some(format!("{HEADER:02x}"));
                self.step(from, to, "header", None);
            }
            Stretch::Start(name, code) => {
                self.enter(name.local.to_owned());
                self.step(from, to, "start", Some(code));
            }
            Stretch::Attribute(name, code) => {
                self.enter(format!("@{}", name.local));
                self.step(from, to, "attribute", Some(code));
            }
            Stretch::Characters(code) => self.step(from, to, "characters", Some(code)),
            Stretch::Escape(code) => self.step(from, to, "undeclared", Some(code)),
            Stretch::End(code) => {
                self.step(from, to, "end", Some(code));
                self.leave();
            }
            Stretch::EndFragment(code) => self.step(from, to, "end-fragment", Some(code)),
            Stretch::Length(length) => {
                self.value = Some(length.to_string());
                self.step(from, to, "length", None);
            }
            Stretch::Value => {
                self.step(from, to, "value", None);
                self.leave_attribute();
            }
            Stretch::Reference => {
                self.step(from, to, "reference", None);
                self.leave_attribute();
            }
            Stretch::Padding if from < to => self.step(from, to, "padding", None),
            Stretch::Padding => {}
        }
    }

    fn begin(&mut self, _place: Place, _ty: &'static Complex) -> Result<(), Stop> {
        Ok(())
    }

    fn value(&mut self, _place: Place, datum: Datum<'_>) -> Result<(), Stop> {
        self.value = Some(match datum {
            Datum::Boolean(value) => value.to_string(),
            Datum::Signed(value) => value.to_string(),
            Datum::Unsigned(value) => value.to_string(),
            Datum::Big(value) => decimal(value),
            Datum::Text(text) => text.to_owned(),
            Datum::Octets(octets) => HEXLOWER.encode(&octets.to_slice()),
            Datum::Enumerated(enumeration, index) => {
                enumeration.values.get(index as usize).copied().unwrap_or_default().to_owned()
            }
        });
        Ok(())
    }

    fn end(&mut self, _place: Place, _ty: &'static Complex) -> Result<(), Stop> {
        Ok(())
    }
}
