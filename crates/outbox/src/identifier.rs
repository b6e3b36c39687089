//! IDs of messages. They begin with the time, so that new rows are at the end of the index.

use vault::clock::{Clock, Randomness, random_id};

/// Returns a new ID: the time in milliseconds as 12 hexadecimal digits, and a random ID.
pub fn new_id(clock: &dyn Clock, randomness: &dyn Randomness) -> String {
    format!("{:012x}{}", clock.now().timestamp_millis(), random_id(randomness))
}
