use serde::{Deserialize, Serialize};
/// When a protected connection turns to TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// From the first byte on ports 465 and 2465, by STARTTLS on any other.
    #[default]
    Automatic,
    /// In clear until STARTTLS, which is demanded (RFC 3207).
    StartTls,
    /// From the first byte (RFC 8314 3.3).
    Implicit,
}
