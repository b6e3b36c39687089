//! The JSON codec between browser and server. The server deserializes with `serde_json`. The browser
//! uses its built-in `JSON.parse` and `from_js`, so that no second JSON parser, compiled once for each
//! type, has to be downloaded.

#[cfg(feature = "hydrate")]
mod from_js;
mod later;

use codee::{Decoder, Encoder};
use leptos::server_fn::{Bytes, ContentType, Decodes, Encodes, Format, FormatType};
use serde::{Serialize, de::DeserializeOwned};

pub use later::Later;

/// The codec for server functions and resources.
pub struct JsonCodec;

pub fn to_json<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    serde_json::to_string(value)
}

#[cfg(feature = "hydrate")]
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, from_js::Unreadable> {
    from_js::read(std::str::from_utf8(text).map_err(|_| from_js::Unreadable)?)
}

#[cfg(not(feature = "hydrate"))]
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(text)
}

impl ContentType for JsonCodec {
    const CONTENT_TYPE: &'static str = "application/json";
}

impl FormatType for JsonCodec {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for JsonCodec {
    type Error = serde_json::Error;

    fn encode(value: &T) -> Result<Bytes, serde_json::Error> {
        serde_json::to_vec(value).map(Bytes::from)
    }
}

impl<T: DeserializeOwned> Decodes<T> for JsonCodec {
    #[cfg(feature = "hydrate")]
    type Error = from_js::Unreadable;
    #[cfg(not(feature = "hydrate"))]
    type Error = serde_json::Error;

    fn decode(text: Bytes) -> Result<T, Self::Error> {
        read(&text)
    }
}

impl<T: Serialize> Encoder<T> for JsonCodec {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(value: &T) -> Result<String, serde_json::Error> {
        to_json(value)
    }
}

impl<T: DeserializeOwned> Decoder<T> for JsonCodec {
    type Error = <Self as Decodes<T>>::Error;
    type Encoded = str;

    fn decode(text: &str) -> Result<T, Self::Error> {
        read(text.as_bytes())
    }
}
