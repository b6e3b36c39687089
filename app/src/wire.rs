//! How values travel between browser and server: as JSON. The server reads it with `serde_json`. The
//! browser has a reader of JSON of its own; what that makes is turned into values by `from_js`, and
//! a second reader, which would be compiled once more for each type, need not be downloaded.

#[cfg(feature = "hydrate")]
mod from_js;

use codee::{Decoder, Encoder};
use leptos::server_fn::{Bytes, ContentType, Decodes, Encodes, Format, FormatType};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// JSON.
pub struct Text;

/// Writes a value.
pub fn written<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    serde_json::to_string(value)
}

/// Reads a value.
#[cfg(feature = "hydrate")]
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, from_js::Unreadable> {
    from_js::read(std::str::from_utf8(text).map_err(|_| from_js::Unreadable)?)
}

/// Reads a value.
#[cfg(not(feature = "hydrate"))]
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(text)
}

impl ContentType for Text {
    const CONTENT_TYPE: &'static str = "application/json";
}

impl FormatType for Text {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for Text {
    type Error = serde_json::Error;

    fn encode(value: &T) -> Result<Bytes, serde_json::Error> {
        serde_json::to_vec(value).map(Bytes::from)
    }
}

impl<T: DeserializeOwned> Decodes<T> for Text {
    #[cfg(feature = "hydrate")]
    type Error = from_js::Unreadable;
    #[cfg(not(feature = "hydrate"))]
    type Error = serde_json::Error;

    fn decode(text: Bytes) -> Result<T, Self::Error> {
        read(&text)
    }
}

impl<T: Serialize> Encoder<T> for Text {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(value: &T) -> Result<String, serde_json::Error> {
        written(value)
    }
}

impl<T: DeserializeOwned> Decoder<T> for Text {
    type Error = <Self as Decodes<T>>::Error;
    type Encoded = str;

    fn decode(text: &str) -> Result<T, Self::Error> {
        read(text.as_bytes())
    }
}
