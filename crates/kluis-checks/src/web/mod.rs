//! Readers of what a shop's web server sends: pages, style sheets, headers, cookies, security.txt, open files.
//!
//! Every reader takes text that was written by somebody else: it is bounded, takes linear time and never panics.
//! Values of parameters, fields and cookies do not leave this module.

pub mod cookies;
pub mod csp;
pub mod exposed;
mod forms;
pub mod headers;
pub mod hsts;
mod links;
mod page;
mod personal;
pub mod platform;
pub mod security_txt;
mod style;
mod tokens;
pub mod trackers;

pub use self::cookies::read_cookie;
pub use self::exposed::looks_like_soft_404;
pub use self::links::links;
pub use self::page::read_page;
pub use self::personal::{is_third_party, mask_url, personal_in};
pub use self::platform::{platform, server};
pub use self::security_txt::read_security_txt;
pub use self::style::read_style;
