//! The durable queue of messages that products send, and its worker.
//!
//! - [`MessageRequest`] is a message as JSON; [`compose()`] makes octets of it (RFC 5322, MIME).
//! - [`Message`] is a message as octets, from [`compose()`] or from a product. It has the sender
//!   and the recipients, and [`Message::prepared`] edits the header for delivery.
//! - [`notice()`] composes the delivery status notification (RFC 3464) about recipients that failed.

mod address_list;
mod compose;
mod display_name;
mod identifier;
mod media_type;
mod message;
mod notice;
mod request;
mod slots;
mod worker;
mod writer;

pub use compose::{Composed, compose};
pub use identifier::new_id;
pub use message::{Message, MessageError, Protocol, RECIPIENT_LIMIT, Received, is_only_sender};
pub use notice::{FailedRecipient, Notice, notice};
pub use request::{Attachment, InvalidRequest, MessageRequest, Problem};
pub use slots::{Slot, Slots};
pub use worker::{Gate, Opened, Outlet, PROBE_EVERY, Passing, Worker};
pub use writer::{WriteError, Writer};
