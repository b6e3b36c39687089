//! JSON inside of JSON that is read later, by code in the deferred chunk: reading a type takes code.

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::{read, to_json};

/// The name by which the browser's deserializer knows that a value stays JSON.
pub(super) const NAME: &str = "Later";

/// A value as JSON.
#[derive(Debug, Clone)]
pub struct Later(String);

impl Later {
    /// A value whose serialization cannot fail.
    pub fn of<T: Serialize>(value: &T) -> Self {
        Self(to_json(value).unwrap_or_default())
    }

    /// Reads the value; `None` if it does not match the type.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        read(self.0.as_bytes()).ok()
    }
}

/// On the server, as the value itself. The browser only receives it.
impl Serialize for Later {
    #[cfg(not(feature = "hydrate"))]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error as _;
        use serde_json::value::RawValue;

        RawValue::from_string(self.0.clone()).map_err(S::Error::custom)?.serialize(serializer)
    }

    #[cfg(feature = "hydrate")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Later {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NAME, Text).map(Self)
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E: Error>(self, json: &str) -> Result<String, E> {
        Ok(json.to_owned())
    }
}
