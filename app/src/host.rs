//! What holds the tab: a page of this server's, or a custom element on anybody's page. They differ
//! in where an element of the tab is found, how its calls travel, where the provider's page opens,
//! and in who wants to know how things are going. The tab itself knows no more of it than this.

#[cfg(feature = "embed")]
pub mod element;
#[cfg(not(feature = "embed"))]
mod page;

#[cfg(feature = "embed")]
pub use element::{Call, Host};
#[cfg(not(feature = "embed"))]
pub use page::{Call, Host};
