//! Maps the claims of a host's token to a [`Principal`]; the names of the claims are configured. An
//! invalid optional value (an unknown time zone, a name of control characters) is ignored. Only the
//! subject and the role must be valid.

use contract::ApiCode;
use domain::syntax::{address::email_address, text::is_unsafe_in_one_line};
use domain::time_format::{ClockStyle, DatePattern, TimePreference};
use serde_json::{Map, Value};

use super::{Email, Principal, Role};
use crate::config::{ClaimNames, RoleNames};
use crate::time_zones;

/// The claims of a token, by name.
pub type HostClaims = Map<String, Value>;

/// The longest subject, name or address, in characters.
pub(super) const LONGEST: usize = 254;
/// The longest language tag that is accepted, in octets (RFC 5646 4.4.1).
const LONGEST_TAG: usize = 35;

impl RoleNames {
    /// Returns the most privileged of these roles.
    ///
    /// # Errors
    /// [`ApiCode::RoleMissing`]: none of them is a role of this server.
    pub fn role<'r>(&self, roles: impl IntoIterator<Item = &'r str>) -> Result<Role, ApiCode> {
        let mut found = Err(ApiCode::RoleMissing);
        for role in roles {
            match role {
                _ if role == self.administrator => return Ok(Role::Administrator),
                _ if role == self.reader => found = Ok(Role::Reader),
                _ => {}
            }
        }
        found
    }
}

impl ClaimNames {
    /// Returns the user that `issuer` describes by these claims; `trusts_email` takes the address
    /// as verified without a claim that says so.
    ///
    /// # Errors
    /// The subject is missing or invalid, or none of the roles is one of this server.
    pub fn principal(
        &self,
        claims: &HostClaims,
        issuer: &str,
        roles: &RoleNames,
        trusts_email: bool,
    ) -> Result<Principal, ApiCode> {
        let text = |name: &str| claim(claims, name).and_then(Value::as_str);
        let subject = text(&self.subject).and_then(subject).ok_or(ApiCode::HostTokenMalformed)?;
        let role = roles.role(claim(claims, &self.roles).into_iter().flat_map(words))?;
        let is_verified =
            trusts_email || claim(claims, &self.email_is_verified).is_some_and(is_true);
        let name = text(&self.name).and_then(shown).unwrap_or_else(|| subject.to_owned());
        let email = text(&self.email).and_then(address);
        Ok(Principal {
            email: email.map(|address| Email { address, is_verified }),
            language: text(&self.language).filter(|tag| is_language_tag(tag)).map(str::to_owned),
            times: self.times(claims),
            ..Principal::external(issuer, subject, &name, role)
        })
    }

    /// Returns the user's time format, if a zone or a date pattern is given.
    fn times(&self, claims: &HostClaims) -> Option<TimePreference> {
        let text = |name: &str| claim(claims, name).and_then(Value::as_str);
        let zone = text(&self.zone).and_then(time_zones::exact);
        let pattern = text(&self.date_pattern).and_then(DatePattern::from_wire_name);
        if zone.is_none() && pattern.is_none() {
            return None;
        }
        let clock = self.clock.iter().find_map(|name| claim(claims, name)).and_then(clock);
        let usual = TimePreference::default();
        Some(TimePreference {
            pattern: pattern.unwrap_or(usual.pattern),
            clock: clock.unwrap_or(usual.clock),
            zone: zone.map_or(usual.zone, str::to_owned),
        })
    }
}

/// Returns a claim by its name, or else by its dotted path.
pub(super) fn claim<'c>(claims: &'c HostClaims, name: &str) -> Option<&'c Value> {
    claims.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        claim(claims.get(first)?.as_object()?, rest)
    })
}

/// Returns the words of a string, or the strings of an array.
pub(super) fn words(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => text.split_whitespace().collect(),
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether a claim is true. Some issuers write it as a string.
fn is_true(value: &Value) -> bool {
    matches!(value, Value::Bool(true)) || value == "true"
}

fn clock(value: &Value) -> Option<ClockStyle> {
    match value.as_u64().map(|hours| hours.to_string()).as_deref().or(value.as_str())? {
        "12" | "h11" | "h12" => Some(ClockStyle::TwelveHours),
        "24" | "h23" | "h24" => Some(ClockStyle::TwentyFourHours),
        _ => None,
    }
}

fn is_language_tag(tag: &str) -> bool {
    let is_part = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    tag.len() <= LONGEST_TAG && tag.split('-').all(is_part)
}

/// Returns a subject, if it is not blank, not too long, and free of deceptive characters.
pub(super) fn subject(text: &str) -> Option<&str> {
    let fits = text.chars().count() <= LONGEST && !text.contains(is_unsafe_in_one_line);
    (fits && !text.trim().is_empty()).then_some(text)
}

/// Returns a display name in one line, without control and bidirectional characters.
pub(super) fn shown(text: &str) -> Option<String> {
    let words: Vec<_> = text.split_whitespace().collect();
    let line = words.join(" ");
    let shown: String = line.chars().filter(|&c| !is_unsafe_in_one_line(c)).take(LONGEST).collect();
    (!shown.is_empty()).then_some(shown)
}

/// Returns the trimmed text, if it is a valid email address.
pub(super) fn address(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = text.chars().count() <= LONGEST && email_address(text).is_ok();
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> HostClaims {
        match value {
            Value::Object(claims) => claims,
            other => panic!("no claims: {other}"),
        }
    }

    #[test]
    fn a_claim_with_dots_in_its_name_comes_before_a_path() {
        let claims = claims(json!({
            "https://host.example/roles": "a",
            "realm_access": { "roles": ["b"], "deep.er": 1 },
        }));
        assert_eq!(claim(&claims, "https://host.example/roles"), Some(&json!("a")));
        assert_eq!(claim(&claims, "realm_access.roles"), Some(&json!(["b"])));
        assert_eq!(claim(&claims, "realm_access.deep.er"), Some(&json!(1)));
        assert_eq!(claim(&claims, "realm_access.nothing"), None);
    }

    #[test]
    fn a_display_name_loses_line_breaks_and_bidirectional_characters() {
        assert_eq!(shown(" Ada\n\u{202E}Okafor\u{7} ").as_deref(), Some("Ada Okafor"));
        assert_eq!(shown("\u{202E}\n"), None);
    }

    #[test]
    fn a_blank_or_deceptive_subject_is_rejected() {
        for text in ["", "  ", "ada\n", "ada\u{202E}"] {
            assert_eq!(subject(text), None, "{text:?}");
        }
        assert_eq!(subject("https://id.example/ada"), Some("https://id.example/ada"));
    }

    #[test]
    fn the_most_privileged_role_counts() {
        let names = RoleNames::default();
        let role = |text: &str| names.role(text.split_whitespace());
        assert_eq!(role("ppm-reader ppm-administrator"), Ok(Role::Administrator));
        assert_eq!(role("other ppm-reader"), Ok(Role::Reader));
        assert_eq!(role("PPM-Administrator ppm-administrators"), Err(ApiCode::RoleMissing));
        assert_eq!(role(""), Err(ApiCode::RoleMissing));
    }

    #[test]
    fn a_clock_style_is_read_from_hours_or_an_hour_cycle() {
        for (value, style) in [
            (json!(12), Some(ClockStyle::TwelveHours)),
            (json!("h12"), Some(ClockStyle::TwelveHours)),
            (json!("24"), Some(ClockStyle::TwentyFourHours)),
            (json!("h23"), Some(ClockStyle::TwentyFourHours)),
            (json!("noon"), None),
            (json!(null), None),
        ] {
            assert_eq!(clock(&value), style, "{value}");
        }
    }
}
