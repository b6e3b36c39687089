//! Validates a TCP port: digits only. `str::parse` alone would also accept a plus sign.

use serde::{Deserialize, Serialize};

/// Why a port is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortProblem {
    /// The text is empty or has characters other than 0 to 9.
    NotDigits,
    /// The number exceeds 65,535.
    OutOfRange,
}

/// Parses a port from 0 to 65,535; leading zeros are accepted.
///
/// # Errors
/// Returns the first rule that the text breaks.
pub fn port(text: &str) -> Result<u16, PortProblem> {
    if text.is_empty() || !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(PortProblem::NotDigits);
    }
    text.parse().map_err(|_| PortProblem::OutOfRange)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cases::assert_cases;

    #[test]
    fn a_port_is_digits_from_0_to_65535() {
        assert_cases(include_str!("../../tests/cases/ports.json"), port);
    }

    proptest! {
        #[test]
        fn every_port_parses_with_leading_zeros(number: u16, zeros in "0{0,300}") {
            prop_assert_eq!(port(&format!("{zeros}{number}")), Ok(number));
        }

        #[test]
        fn any_text_is_parsed_without_a_panic(text in "(?s).*|[0-9]{0,400}") {
            let _ = port(&text);
        }
    }
}
