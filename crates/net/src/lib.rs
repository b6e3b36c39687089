//! How this process calls out: which addresses, with which trust, within which limits, and how a
//! peer's text is redacted. Knows neither SMTP nor OAuth, and no database.

pub mod certificate;
pub mod egress;
mod encoding;
pub mod http;
pub mod origin;
pub mod redact;
pub mod tls;
mod transport_error;
