//! Maps the claims of an ID token (`OpenID` Connect Core 1.0, 5.1) to a principal and a role. The
//! caller must have validated the token.

use openidconnect::core::CoreGenderClaim;
use openidconnect::{AdditionalClaims, IdTokenClaims};
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
        return Err(UnverifiedUser { id: Principal::foreign_id(issuer, subject), name, email });
    };
    Ok(Principal {
        email,
        language: claims.locale().map(|tag| tag.as_ref().to_owned()),
        zone: claims
            .zoneinfo()
            .and_then(|zone| time_zones::exact(zone.as_str()))
            .map(str::to_owned),
        ..Principal::foreign(issuer, subject, &name, role)
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

    fn role_by(claims: Value, path: &str) -> Option<Role> {
        let claims: OtherClaims = serde_json::from_value(claims).expect("claims are an object");
        role(&claims, path, &RoleNames::default())
    }

    #[test]
    fn a_role_is_read_from_an_array_or_a_string() {
        for claims in [json!({"roles": ["x", "ppm-reader"]}), json!({"roles": "ppm-reader"})] {
            assert_eq!(role_by(claims, "roles"), Some(Role::Reader));
        }
    }

    #[test]
    fn the_most_privileged_role_counts() {
        let claims = json!({"roles": ["ppm-reader", "ppm-administrator"]});
        assert_eq!(role_by(claims, "roles"), Some(Role::Administrator));
    }

    #[test]
    fn a_dot_separates_a_path_or_is_part_of_a_name() {
        for (claims, path) in [
            (json!({"realm_access": {"roles": ["ppm-reader"]}}), "realm_access.roles"),
            (json!({"https://x.example/roles": ["ppm-reader"]}), "https://x.example/roles"),
        ] {
            assert_eq!(role_by(claims, path), Some(Role::Reader), "{path}");
        }
    }

    #[test]
    fn a_similar_role_name_is_rejected() {
        for roles in
            [json!("ppm-reader2"), json!(["PPM-Reader"]), json!({"ppm-reader": true}), json!(1)]
        {
            assert_eq!(role_by(json!({"roles": roles}), "roles"), None, "{roles}");
        }
        assert_eq!(role_by(json!({}), "roles"), None);
    }
}
