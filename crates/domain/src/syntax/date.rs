//! Dates as a date control has them (RFC 3339 full-date).

use chrono::NaiveDate;

/// The text is not a date of the years 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotADate;

/// Parses `YYYY-MM-DD`, without chrono's parser, which would make the Wasm bundle larger.
///
/// # Errors
/// The text has another form, the date does not exist, or its year is before 1970.
pub fn date(text: &str) -> Result<NaiveDate, NotADate> {
    let has_form = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let number = |from, to| text.get(from..to).and_then(|digits: &str| digits.parse::<u32>().ok());
    let parsed = || {
        let year = i32::try_from(number(0, 4)?).ok()?;
        NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?).filter(|_| year >= 1970)
    };
    has_form.then(parsed).flatten().ok_or(NotADate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_exists_and_is_of_the_years_1970_to_9999() {
        for (text, is_date) in [
            ("1970-01-01", true),
            ("2028-02-29", true),
            ("9999-12-31", true),
            ("1969-12-31", false),
            ("0000-01-01", false),
            ("10000-01-01", false),
            ("2027-02-29", false),
            ("2027-13-01", false),
            ("2027-00-10", false),
            ("2027-1-1", false),
            ("2027-01-1 ", false),
            ("+027-01-01", false),
            ("2027/01/01", false),
            ("２027-01-", false),
            ("01.01.2027", false),
            ("", false),
        ] {
            let parsed = date(text);
            assert_eq!(parsed.is_ok(), is_date, "{text:?}");
            if let Ok(parsed) = parsed {
                assert_eq!(parsed.to_string(), text);
            }
        }
    }
}
