//! The syntax of the values that controls hold: addresses, dates, hosts, ports, URLs and
//! certificates as text. It knows no form.

pub mod address;
pub mod certificate;
pub mod date;
pub mod host;
pub mod port;
pub mod text;
pub mod url;
