//! Reads rows into structs, and converts values for columns. [`columns!`] names the columns of a struct once, for its queries and for
//! its `FromRow`.
//!
//! sqlx's own derive is not used. It compiles both drivers a second time, for the macro, and needs
//! an attribute at each instant, flag and role, because the `Any` driver reads only numbers, texts
//! and octets.

use chrono::{DateTime, Utc};
use domain::delivery::{Outcome, StepReport, Tested};
use domain::health::{AlertSubject, Reach, Trouble};
use domain::outbox::{MessageState, RecipientTrouble};
use domain::time_format::{ClockStyle, DatePattern};
use domain::token::{AttemptOutcome, OauthFailure};
use domain::{Role, application::Refusal};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Any, Decode, Row, Type, any::AnyRow};

use crate::error::StoreError::{self, Unknown};

/// A type that is read from one column.
pub(crate) trait Column: Sized {
    /// The type as the driver reads it.
    type Stored: for<'row> Decode<'row, Any> + Type<Any>;

    /// Converts a stored value.
    fn read(stored: Self::Stored) -> Result<Self, StoreError>;
}

/// Reads a column of a row.
pub(crate) fn column<T: Column>(row: &AnyRow, name: &str) -> sqlx::Result<T> {
    T::read(row.try_get(name)?).map_err(|unknown| sqlx::Error::ColumnDecode {
        index: name.to_owned(),
        source: unknown.into(),
    })
}

/// Implements `FromRow` for a struct, and `columns()` for the queries. Each field is read from the
/// column of its name, or from another one (`field = "column"`), or is a struct of several columns
/// (`field: Type`).
macro_rules! columns {
    ($row:ident { $($field:ident $(: $nested:ident)? $(= $column:literal)?),+ $(,)? }) => {
        impl $row {
            /// Returns the columns, separated by commas.
            pub(crate) fn columns() -> String {
                [$($crate::columns::columns!(@names $field $(: $nested)? $(= $column)?)),+].join(", ")
            }
        }

        impl sqlx::FromRow<'_, sqlx::any::AnyRow> for $row {
            fn from_row(row: &sqlx::any::AnyRow) -> sqlx::Result<Self> {
                Ok(Self {
                    $($field: $crate::columns::columns!(
                        @value row $field $(: $nested)? $(= $column)?
                    )?),+
                })
            }
        }
    };
    (@names $field:ident) => { String::from(stringify!($field)) };
    (@names $field:ident = $column:literal) => { String::from($column) };
    (@names $field:ident: $nested:ident) => { $nested::columns() };
    (@value $row:ident $field:ident) => { $crate::columns::column($row, stringify!($field)) };
    (@value $row:ident $field:ident = $column:literal) => { $crate::columns::column($row, $column) };
    (@value $row:ident $field:ident: $nested:ident) => { $nested::from_row($row) };
}
pub(crate) use columns;

macro_rules! read_as {
    ($($type:ty: $stored:ty => |$value:ident| $read:expr),+ $(,)?) => { $(
        impl Column for $type {
            type Stored = $stored;

            fn read($value: $stored) -> Result<Self, StoreError> {
                $read
            }
        }
    )+ };
}
read_as! {
    i64: i64 => |number| Ok(number),
    String: String => |text| Ok(text),
    Vec<u8>: Vec<u8> => |octets| Ok(octets),
    bool: i64 => |flag| Ok(flag != 0),
    DateTime<Utc>: i64 => |millis| Self::from_timestamp_millis(millis).ok_or(Unknown("time")),
    Vec<String>: String => |words| Ok(words.split_whitespace().map(str::to_owned).collect()),
    Role: String => |name| Self::from_wire_name(&name).ok_or(Unknown("role")),
    DatePattern: String => |name| Self::from_wire_name(&name).ok_or(Unknown("date pattern")),
    ClockStyle: String => |name| Self::from_wire_name(&name).ok_or(Unknown("clock style")),
    Refusal: String => |name| Self::from_wire_name(&name).ok_or(Unknown("refusal")),
    MessageState: String => |name| Self::from_wire_name(&name).ok_or(Unknown("state of a message")),
    RecipientTrouble: String => |json| parsed(&json, "trouble of a recipient"),
    Vec<StepReport>: String => |json| parsed(&json, "steps of an attempt"),
    Reach: String => |name| Self::from_wire_name(&name).ok_or(Unknown("reach")),
    AttemptOutcome: String => |json| parsed(&json, "end of an attempt"),
    OauthFailure: String => |json| parsed(&json, "setback of a token"),
    Outcome: String => |json| parsed(&json, "report of a test message"),
    StepReport: String => |json| parsed(&json, "report of a test message"),
    Tested: String => |json| parsed(&json, "report of a test message"),
    Trouble: String => |json| parsed(&json, "trouble"),
    AlertSubject: String => |json| parsed(&json, "subject of an alert"),
}

impl<T: Column> Column for Option<T> {
    type Stored = Option<T::Stored>;

    fn read(stored: Self::Stored) -> Result<Self, StoreError> {
        stored.map(T::read).transpose()
    }
}

fn parsed<T: DeserializeOwned>(json: &str, what: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|_| Unknown(what))
}

/// Returns an instant in epoch milliseconds.
pub(crate) fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

/// Returns a value as JSON for a column.
pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value)
        .expect("what is kept as JSON has text keys only, and no way to fail")
}

/// Returns a text to look for: `PostgreSQL` rejects U+0000, which no stored text contains.
pub(crate) fn sought(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}
