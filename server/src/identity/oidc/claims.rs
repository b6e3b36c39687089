//! Who somebody is by the claims of an ID token (`OpenID` Connect Core 1.0, 5.1), and what they may
//! do by one more. Believes what it is given: whether a token is genuine is decided before.

use openidconnect::core::CoreGenderClaim;
use openidconnect::{AdditionalClaims, IdTokenClaims};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::identity::claims::{RoleNames, address, claim, shown, words};
use crate::identity::{Email, Principal, Role};
use crate::zones;

/// The claims that no standard names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct OtherClaims(Map<String, Value>);

impl AdditionalClaims for OtherClaims {}

/// Whoever these claims are about; nothing where they have no role here.
pub(super) fn principal(
    claims: &IdTokenClaims<OtherClaims, CoreGenderClaim>,
    roles_claim: &str,
    roles: &RoleNames,
) -> Result<Principal, Stranger> {
    let issuer = claims.issuer().as_str();
    let subject = claims.subject().as_str();
    let email = email(claims);
    let named = claims.name().and_then(|name| name.get(None)).map(|name| name.as_str());
    let known_as = claims.preferred_username().map(|name| name.as_str());
    let mail = email.as_ref().map(|email| email.address.as_str());
    let candidates = [named, known_as, mail, Some(subject)].into_iter().flatten();
    let name = candidates.into_iter().find_map(shown).unwrap_or_default();
    let Some(role) = role(claims.additional_claims(), roles_claim, roles) else {
        return Err(Stranger { id: Principal::foreign_id(issuer, subject), name, email });
    };
    Ok(Principal {
        email,
        language: claims.locale().map(|tag| tag.as_ref().to_owned()),
        zone: claims.zoneinfo().and_then(|zone| zones::exact(zone.as_str())).map(str::to_owned),
        ..Principal::foreign(issuer, subject, &name, role)
    })
}

/// Somebody who has no role here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stranger {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) email: Option<Email>,
}

fn email(claims: &IdTokenClaims<OtherClaims, CoreGenderClaim>) -> Option<Email> {
    let is_verified = claims.email_verified() == Some(true);
    address(claims.email()?.as_str()).map(|address| Email { address, is_verified })
}

/// The higher of the roles that somebody has.
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
    fn a_role_is_one_of_many_or_the_only_one() {
        for claims in [json!({"roles": ["x", "ppm-reader"]}), json!({"roles": "ppm-reader"})] {
            assert_eq!(role_by(claims, "roles"), Some(Role::Reader));
        }
    }

    #[test]
    fn of_two_roles_the_higher_one_counts() {
        let claims = json!({"roles": ["ppm-reader", "ppm-administrator"]});
        assert_eq!(role_by(claims, "roles"), Some(Role::Administrator));
    }

    #[test]
    fn a_dot_leads_into_an_object_or_stands_in_a_name() {
        for (claims, path) in [
            (json!({"realm_access": {"roles": ["ppm-reader"]}}), "realm_access.roles"),
            (json!({"https://x.example/roles": ["ppm-reader"]}), "https://x.example/roles"),
        ] {
            assert_eq!(role_by(claims, path), Some(Role::Reader), "{path}");
        }
    }

    #[test]
    fn a_role_that_is_only_alike_is_none() {
        for roles in
            [json!("ppm-reader2"), json!(["PPM-Reader"]), json!({"ppm-reader": true}), json!(1)]
        {
            assert_eq!(role_by(json!({"roles": roles}), "roles"), None, "{roles}");
        }
        assert_eq!(role_by(json!({}), "roles"), None);
    }
}
