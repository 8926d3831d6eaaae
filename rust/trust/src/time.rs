//! The two time types of certificates, as seconds since 1970-01-01 00:00:00 UTC.

use crate::der::{DerError, tag};

const SECONDS_PER_DAY: i64 = 86_400;
/// From here on certificates use GeneralizedTime, before it UTCTime (RFC 5280, 4.1.2.5).
const YEAR_2050: i64 = 2_524_608_000;

/// A time of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CertificateTime {
    pub(crate) seconds: i64,
    /// A GeneralizedTime where RFC 5280 wants a UTCTime.
    pub(crate) early_generalized: bool,
}

/// Reads `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`; no other form is allowed in a certificate.
pub(crate) fn certificate_time(kind: u8, value: &[u8]) -> Result<CertificateTime, DerError> {
    let digits = value.strip_suffix(b"Z").ok_or(DerError("a time that does not end in Z"))?;
    let (year, rest) = match (kind, digits.len()) {
        (tag::UTC_TIME, 12) => {
            let year = number(digits.get(..2))?;
            (if year >= 50 { 1900 + year } else { 2000 + year }, digits.get(2..))
        }
        (tag::GENERALIZED_TIME, 14) => (number(digits.get(..4))?, digits.get(4..)),
        _ => return Err(DerError("a time of the wrong length or type")),
    };
    let mut fields = [0_i64; 5];
    for (field, pair) in fields.iter_mut().zip(rest.unwrap_or_default().chunks(2)) {
        *field = number(Some(pair))?;
    }
    let [month, day, hour, minute, second] = fields;
    if year < 1 || !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return Err(DerError("a time with an impossible date"));
    }
    if hour > 23 || minute > 59 || second > 59 {
        return Err(DerError("a time with an impossible hour, minute or second"));
    }
    let seconds = days_since_1970(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    Ok(CertificateTime { seconds, early_generalized: kind == tag::GENERALIZED_TIME && seconds < YEAR_2050 })
}

fn number(digits: Option<&[u8]>) -> Result<i64, DerError> {
    let digits = digits.ok_or(DerError("a time of the wrong length or type"))?;
    digits.iter().try_fold(0_i64, |value, digit| match digit {
        b'0'..=b'9' => Ok(value * 10 + i64::from(digit - b'0')),
        _ => Err(DerError("a time with something other than digits")),
    })
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the Gregorian calendar, counted in years that start in March so that leap days come last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

/// Text such as `2026-11-22 17:25:11 UTC` for a time in seconds since 1970; meant for messages to people.
pub fn format_utc(seconds: i64) -> String {
    let (days, second_of_day) = (seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms() {
        for (kind, text, seconds) in [
            (tag::UTC_TIME, "700101000000Z", 0),
            (tag::UTC_TIME, "000229235959Z", 951_868_799),
            (tag::UTC_TIME, "491231235959Z", 2_524_607_999),
            (tag::UTC_TIME, "500101000000Z", -631_152_000),
            (tag::GENERALIZED_TIME, "20590109190000Z", 2_809_364_400),
            (tag::GENERALIZED_TIME, "99991231235900Z", 253_402_300_740),
        ] {
            assert_eq!(
                certificate_time(kind, text.as_bytes()).map(|time| time.seconds),
                Ok(seconds),
                "{text}"
            );
        }
        assert!(
            certificate_time(tag::GENERALIZED_TIME, b"20260101000000Z").is_ok_and(|t| t.early_generalized)
        );
    }

    #[test]
    fn refuses_other_forms() {
        for (kind, text) in [
            (tag::UTC_TIME, "7001010000Z"),
            (tag::UTC_TIME, "700101000000+0000"),
            (tag::UTC_TIME, "700101000000"),
            (tag::UTC_TIME, "20590109190000Z"),
            (tag::GENERALIZED_TIME, "20590109190000.5Z"),
            (tag::UTC_TIME, "701301000000Z"),
            (tag::UTC_TIME, "700230000000Z"),
            (tag::UTC_TIME, "700101240000Z"),
            (tag::UTC_TIME, "70010100000aZ"),
            (tag::GENERALIZED_TIME, "00000101000000Z"),
            (tag::UTC_TIME, ""),
        ] {
            assert!(certificate_time(kind, text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn writes_what_people_read() {
        assert_eq!(format_utc(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(format_utc(951_868_799), "2000-02-29 23:59:59 UTC");
        assert_eq!(format_utc(-1), "1969-12-31 23:59:59 UTC");
        assert_eq!(format_utc(253_402_300_740), "9999-12-31 23:59:00 UTC");
        for extreme in [i64::MIN, i64::MAX] {
            assert!(format_utc(extreme).ends_with("UTC"));
        }
    }
}
