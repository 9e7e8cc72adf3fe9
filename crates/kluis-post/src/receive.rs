//! Reports by SMTP: mail for the report addresses and no others; 250 only when what came in is durable.

use std::net::IpAddr;
use std::time::Duration;

use kluis_app::{App, AppError, ReportSource};
use kluis_mail::smtp::{Event, LoginRule, Protection, Reply, SessionOptions};

use crate::listen::Bounds;
use crate::{ReportListener, post_actor};

/// Lines of mail from the internet that are longer than allowed are common; nothing of ours is hurt by them.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// Recipients of one message: there are few addresses.
const RECIPIENTS_MAX: usize = 100;

/// The desk for reports.
pub(crate) struct Reception {
    app: App,
    hostname: String,
    addresses: Vec<String>,
    message_bytes_max: usize,
}

impl Reception {
    pub(crate) fn new(app: App, hostname: String, options: &ReportListener) -> Self {
        let ReportListener { addresses, message_bytes_max, .. } = options;
        Self { app, hostname, addresses: addresses.clone(), message_bytes_max: *message_bytes_max }
    }

    /// Strangers get little time and no more than a few connections each.
    pub(crate) fn bounds(options: &ReportListener) -> Bounds {
        Bounds {
            connections_max: options.connections_max,
            per_address_max: options.connections_per_address_max,
            memory_bytes_max: (64 * 1024 * 1024).max(options.message_bytes_max.saturating_mul(4)),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(600),
        }
    }

    pub(crate) fn offer(&self, has_tls: bool) -> SessionOptions {
        SessionOptions {
            hostname: self.hostname.clone(),
            protection: if has_tls { Protection::StartTls } else { Protection::None },
            login: LoginRule::Never,
            message_bytes_max: self.message_bytes_max,
            line_bytes_max: LINE_BYTES_MAX,
            recipients_max: RECIPIENTS_MAX,
            errors_max: 10,
            offers_dsn: false,
        }
    }

    pub(crate) async fn answer(&self, event: Event) -> Reply {
        match event {
            // Anybody may send, and receivers report under many names.
            Event::Sender(_) => Reply::new(250, (2, 1, 0), "Ok."),
            Event::Recipient(recipient) => {
                let is_ours = |ours: &String| recipient.address.as_ref().is_some_and(|to| to.is(ours));
                match self.addresses.iter().any(is_ours) {
                    true => Reply::new(250, (2, 1, 5), "Ok."),
                    false => Reply::new(
                        550,
                        (5, 1, 1),
                        "Only reports about mail are taken here, at their address.",
                    ),
                }
            }
            Event::Data => Reply::plain(354, "End with a dot on a line of its own."),
            Event::Message(message) => self.take(message).await,
            // Invariant: neither is offered without being asked for; TLS is done before.
            Event::StartTls | Event::SignIn(_) => Reply::new(502, (5, 5, 1), "Not offered."),
        }
    }

    async fn take(&self, message: Vec<u8>) -> Reply {
        let actor = post_actor(&self.app);
        match self.app.mail_ingest(&actor, ReportSource::Smtp, "bericht.eml", message).await {
            Ok(found) if crate::is_only_failures(&found) => Reply::new(
                550,
                (5, 7, 1),
                "Failure reports hold personal data and are not taken; see ruf= in our DMARC record.",
            ),
            Ok(_) => Reply::new(250, (2, 0, 0), "Kept."),
            Err(error) => refusal(&error),
        }
    }
}

/// What the sender hears; everything that can become better is put off, so that it keeps the report.
fn refusal(error: &AppError) -> Reply {
    match error {
        AppError::Invalid(_) => Reply::new(554, (5, 6, 0), "This cannot be taken in."),
        _ => {
            tracing::warn!(%error, "a report by mail was put off");
            Reply::new(451, (4, 3, 0), "Not now; please keep it and try again.")
        }
    }
}

/// Whether an address is this machine itself.
pub(crate) fn is_loopback(peer: IpAddr) -> bool {
    peer.to_canonical().is_loopback()
}
