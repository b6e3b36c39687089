//! A Content-Type that lettre has no constructor for.

use std::error::Error;

use lettre::message::header::{Header, HeaderName, HeaderValue};

/// The value of a Content-Type (RFC 2045 5.1), written as it is.
#[derive(Clone)]
pub(super) struct MediaType(pub String);

impl Header for MediaType {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Type")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}
