//! Requests to the webhook, signed as Standard Webhooks 1.0 says: HMAC-SHA256 over
//! `id.timestamp.body` (<https://github.com/standard-webhooks/standard-webhooks>).

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use http::{Method, Request, header};
use ring::hmac;

/// The prefix of a secret.
const PREFIX: &str = "whsec_";
/// The lengths of a secret, in octets.
const OCTETS: std::ops::RangeInclusive<usize> = 24..=64;

/// The secret that signs requests.
#[derive(Clone)]
pub struct WebhookSecret(hmac::Key);

/// Why a text is not a secret.
#[derive(Debug, thiserror::Error)]
#[error("it must be whsec_ and 24 to 64 octets in base64")]
pub struct SecretError;

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("WebhookSecret")
    }
}

impl WebhookSecret {
    /// Parses a secret with its prefix.
    ///
    /// # Errors
    /// The prefix is missing, or what follows is not base64 or has another length.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(SecretError)?;
        let octets = STANDARD.decode(encoded).map_err(|_| SecretError)?;
        let is_long_enough = OCTETS.contains(&octets.len());
        is_long_enough.then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, &octets))).ok_or(SecretError)
    }

    fn signature(&self, id: &str, timestamp: i64, body: &str) -> String {
        let signed = format!("{id}.{timestamp}.{body}");
        format!("v1,{}", STANDARD.encode(hmac::sign(&self.0, signed.as_bytes())))
    }
}

/// Makes the request of one attempt. The ID is the same for every attempt, the timestamp is not.
///
/// # Errors
/// The URL cannot be the target of a request.
pub fn request(
    url: &str,
    secret: Option<&WebhookSecret>,
    id: &str,
    at: DateTime<Utc>,
    body: String,
) -> http::Result<Request<Vec<u8>>> {
    let timestamp = at.timestamp();
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(url)
        .header(header::CONTENT_TYPE, "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", timestamp);
    if let Some(secret) = secret {
        request = request.header("webhook-signature", secret.signature(id, timestamp, &body));
    }
    request.body(body.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_signed_as_the_example_of_standard_webhooks() {
        let secret =
            WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let at = DateTime::from_timestamp(1_614_265_330, 0).expect("a time");
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", r#"{"test": 2432232314}"#.to_owned());
        let request =
            request("https://a.example/", Some(&secret), id, at, body).expect("a request");
        assert_eq!(
            request.headers()["webhook-signature"],
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_secret_has_its_prefix_and_24_to_64_octets() {
        for text in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_!"]
        {
            assert!(WebhookSecret::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_does_not_print() {
        let secret =
            WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        assert_eq!(format!("{secret:?}"), "WebhookSecret");
    }
}
