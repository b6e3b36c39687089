//! What a host says of somebody, made a [`Principal`]: which claims are read is configured. What
//! is there and makes no sense (a zone that nobody knows, a name full of control characters) is as
//! good as not there; only who it is and what they may do must be clear.

use domain::check::address::email_address;
use domain::check::text::is_unsafe_in_one_line;
use domain::time_format::{ClockStyle, DatePattern, TimePreference};
use serde_json::{Map, Value};

use super::refused::Refused;
use super::{Email, Principal, Role};
use crate::zones;

/// The claims of a token, by name.
pub type Claims = Map<String, Value>;

/// The longest subject, name or address that is kept, in characters.
const LONGEST: usize = 254;
/// The longest language tag that is looked at, in octets (RFC 5646 4.4.1).
const LONGEST_TAG: usize = 35;

/// Which claims are read. A name that is no claim's leads, at each dot, into an object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named for what its claim says")]
pub struct ClaimNames {
    pub subject: String,
    pub name: String,
    pub email: String,
    pub email_is_verified: String,
    pub roles: String,
    pub language: String,
    pub zone: String,
    pub date_pattern: String,
    /// The first of these that is there.
    pub clock: Vec<String>,
}

/// What the roles are called by whoever says who has them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named for the role that it stands for")]
pub struct RoleNames {
    pub administrator: String,
    pub reader: String,
}

impl Default for RoleNames {
    fn default() -> Self {
        Self { administrator: "ppm-administrator".to_owned(), reader: "ppm-reader".to_owned() }
    }
}

impl RoleNames {
    /// The role of somebody who has these, the one that may more.
    ///
    /// # Errors
    /// [`Refused::RoleMissing`]: none of them is for here.
    pub fn role<'r>(&self, roles: impl IntoIterator<Item = &'r str>) -> Result<Role, Refused> {
        let mut found = Err(Refused::RoleMissing);
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
    /// Whoever these claims are about, as `issuer` says; `trusts_email` takes an address for
    /// theirs without being told so.
    ///
    /// # Errors
    /// They do not say who it is, or none of the roles is for here.
    pub fn principal(
        &self,
        claims: &Claims,
        issuer: &str,
        roles: &RoleNames,
        trusts_email: bool,
    ) -> Result<Principal, Refused> {
        let text = |name: &str| claim(claims, name).and_then(Value::as_str);
        let subject = text(&self.subject).and_then(subject).ok_or(Refused::Malformed)?;
        let role = roles.role(claim(claims, &self.roles).into_iter().flat_map(words))?;
        let is_verified =
            trusts_email || claim(claims, &self.email_is_verified).is_some_and(is_yes);
        let name = text(&self.name).and_then(shown).unwrap_or_else(|| subject.to_owned());
        Ok(Principal {
            email: text(&self.email)
                .and_then(address)
                .map(|address| Email { address, is_verified }),
            language: text(&self.language).filter(|tag| is_tag(tag)).map(str::to_owned),
            times: self.times(claims),
            ..Principal::foreign(issuer, subject, &name, role)
        })
    }

    /// How they like times, where zone or pattern is said.
    fn times(&self, claims: &Claims) -> Option<TimePreference> {
        let text = |name: &str| claim(claims, name).and_then(Value::as_str);
        let zone = text(&self.zone).and_then(zones::exact);
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

/// A claim by its name, or else by the path that the name's dots make.
pub(super) fn claim<'c>(claims: &'c Claims, name: &str) -> Option<&'c Value> {
    claims.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        claim(claims.get(first)?.as_object()?, rest)
    })
}

/// The words of a text, or the texts of an array.
pub(super) fn words(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => text.split_whitespace().collect(),
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Some issuers write truth as a text.
fn is_yes(value: &Value) -> bool {
    matches!(value, Value::Bool(true)) || value == "true"
}

fn clock(value: &Value) -> Option<ClockStyle> {
    match value.as_u64().map(|hours| hours.to_string()).as_deref().or(value.as_str())? {
        "12" | "h11" | "h12" => Some(ClockStyle::TwelveHours),
        "24" | "h23" | "h24" => Some(ClockStyle::TwentyFourHours),
        _ => None,
    }
}

fn is_tag(tag: &str) -> bool {
    let is_part = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    tag.len() <= LONGEST_TAG && tag.split('-').all(is_part)
}

/// What somebody is known by, if it can be stored and told from others.
pub(super) fn subject(text: &str) -> Option<&str> {
    let fits = text.chars().count() <= LONGEST && !text.contains(is_unsafe_in_one_line);
    (fits && !text.trim().is_empty()).then_some(text)
}

/// A name as others may see it: in one line, and in the order in which it reads.
pub(super) fn shown(text: &str) -> Option<String> {
    let words: Vec<_> = text.split_whitespace().collect();
    let line = words.join(" ");
    let shown: String = line.chars().filter(|&c| !is_unsafe_in_one_line(c)).take(LONGEST).collect();
    (!shown.is_empty()).then_some(shown)
}

/// An address that mail can go to.
pub(super) fn address(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = text.chars().count() <= LONGEST && email_address(text).is_ok();
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
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
    fn a_name_is_one_line_in_the_order_in_which_it_reads() {
        assert_eq!(shown(" Ada\n\u{202E}Okafor\u{7} ").as_deref(), Some("Ada Okafor"));
        assert_eq!(shown("\u{202E}\n"), None);
    }

    #[test]
    fn a_subject_that_could_pass_for_another_is_none() {
        for text in ["", "  ", "ada\n", "ada\u{202E}"] {
            assert_eq!(subject(text), None, "{text:?}");
        }
        assert_eq!(subject("https://id.example/ada"), Some("https://id.example/ada"));
    }

    #[test]
    fn the_role_that_may_more_counts() {
        let names = RoleNames::default();
        let role = |text: &str| names.role(text.split_whitespace());
        assert_eq!(role("ppm-reader ppm-administrator"), Ok(Role::Administrator));
        assert_eq!(role("other ppm-reader"), Ok(Role::Reader));
        assert_eq!(role("PPM-Administrator ppm-administrators"), Err(Refused::RoleMissing));
        assert_eq!(role(""), Err(Refused::RoleMissing));
    }

    #[test]
    fn a_clock_is_known_by_its_hours_and_by_its_cycle() {
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
