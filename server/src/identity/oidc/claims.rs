//! Maps the claims of an ID token (`OpenID` Connect Core 1.0, 5.1) to a principal and a role. The
//! caller must have validated the token.

use openidconnect::{AdditionalClaims, IdTokenClaims, core::CoreGenderClaim};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::config::RoleNames;
use crate::identity::claims::{address, claim, shown, words};
use crate::identity::{Email, Principal, Role};
use crate::time_zones;

/// The claims that the standard does not name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct OtherClaims(Map<String, Value>);

impl AdditionalClaims for OtherClaims {}

/// Returns the user of these claims, or an error if they have no role here.
pub(super) fn principal(
    claims: &IdTokenClaims<OtherClaims, CoreGenderClaim>,
    roles_claim: &str,
    roles: &RoleNames,
) -> Result<Principal, UnverifiedUser> {
    let issuer = claims.issuer().as_str();
    let subject = claims.subject().as_str();
    let email = email(claims);
    let named = claims.name().and_then(|name| name.get(None)).map(|name| name.as_str());
    let known_as = claims.preferred_username().map(|name| name.as_str());
    let mail = email.as_ref().map(|email| email.address.as_str());
    let candidates = [named, known_as, mail, Some(subject)].into_iter().flatten();
    let name = candidates.into_iter().find_map(shown).unwrap_or_default();
    let Some(role) = role(claims.additional_claims(), roles_claim, roles) else {
        return Err(UnverifiedUser { id: Principal::external_id(issuer, subject), name, email });
    };
    let zone = claims.zoneinfo().and_then(|zone| time_zones::exact(zone.as_str()));
    Ok(Principal {
        email,
        language: claims.locale().map(|tag| tag.as_ref().to_owned()),
        zone: zone.map(str::to_owned),
        ..Principal::external(issuer, subject, &name, role)
    })
}

/// An authenticated user who has no role here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnverifiedUser {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) email: Option<Email>,
}

fn email(claims: &IdTokenClaims<OtherClaims, CoreGenderClaim>) -> Option<Email> {
    let is_verified = claims.email_verified() == Some(true);
    address(claims.email()?.as_str()).map(|address| Email { address, is_verified })
}

/// Returns the most privileged of the user's roles.
fn role(OtherClaims(claims): &OtherClaims, path: &str, roles: &RoleNames) -> Option<Role> {
    roles.role(words(claim(claims, path)?)).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_most_privileged_role_is_read_by_its_exact_name_from_a_string_or_an_array() {
        for (claims, path, expected) in [
            (json!({"roles": ["x", "ppm-reader"]}), "roles", Some(Role::Reader)),
            (json!({"roles": "ppm-reader"}), "roles", Some(Role::Reader)),
            (
                json!({"roles": ["ppm-reader", "ppm-administrator"]}),
                "roles",
                Some(Role::Administrator),
            ),
            // A dot separates a path, or is part of a name.
            (json!({"a": {"roles": ["ppm-reader"]}}), "a.roles", Some(Role::Reader)),
            (
                json!({"https://x.example/r": ["ppm-reader"]}),
                "https://x.example/r",
                Some(Role::Reader),
            ),
            (json!({"roles": "ppm-reader2"}), "roles", None),
            (json!({"roles": ["PPM-Reader"]}), "roles", None),
            (json!({"roles": {"ppm-reader": true}}), "roles", None),
            (json!({"roles": 1}), "roles", None),
            (json!({}), "roles", None),
        ] {
            let told: OtherClaims = serde_json::from_value(claims.clone()).expect("an object");
            assert_eq!(role(&told, path, &RoleNames::default()), expected, "{claims}");
        }
    }
}
