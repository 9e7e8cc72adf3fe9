//! Looks into a mailbox for reports every few minutes; a message is marked read once what it holds is durable.

use std::time::Duration;

use kluis_app::{App, AppError, ReportSource};
use kluis_net::{ImapAccount, ImapMailbox};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::{ImapOptions, post_actor};

/// Bytes of one message: reports of large receivers have a few MiB at most.
const MESSAGE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How long one visit may take.
const VISIT: Duration = Duration::from_secs(1_800);
/// How long the first visit waits, so that the start is not slowed.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause between two visits that fail.
const PAUSE_MAX: Duration = Duration::from_secs(3_600);

/// Visits the mailbox until told to stop.
pub(crate) fn start(app: App, options: ImapOptions, stopped: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(poll(app, options, stopped))
}

async fn poll(app: App, options: ImapOptions, mut stopped: watch::Receiver<bool>) {
    let every = options.every;
    let account = ImapAccount {
        host: options.server.host,
        port: options.server.port,
        user: options.user,
        password: options.password,
        folder: options.folder,
        roots: options.roots,
        message_bytes_max: MESSAGE_BYTES_MAX,
    };
    let (mut pause, mut failures) = (FIRST, 0_u32);
    loop {
        tokio::select! {
            _ = stopped.wait_for(|is| *is) => return,
            () = tokio::time::sleep(pause) => {}
        }
        let visited = tokio::select! {
            // Cut off wherever it is: what was not marked read comes again, and is known then.
            _ = stopped.wait_for(|is| *is) => return,
            visited = timeout(VISIT, visit(&app, &account)) => visited,
        };
        let problem = match visited {
            Ok(Ok(())) => None,
            Ok(Err(why)) => Some(why),
            Err(_) => Some("the visit took too long".to_owned()),
        };
        failures = if problem.is_some() { failures.saturating_add(1) } else { 0 };
        // Once until it works again: a mailbox that is away for a day is one line.
        if let Some(why) = problem.filter(|_| failures == 1) {
            tracing::warn!(why, "the mailbox with reports could not be read; it is tried again");
        }
        pause = every.saturating_mul(1 << failures.min(5)).min(PAUSE_MAX.max(every));
    }
}

/// Takes in every message that nobody read yet.
async fn visit(app: &App, account: &ImapAccount) -> Result<(), String> {
    if !app.is_unsealed() {
        return Ok(());
    }
    let mut mailbox = ImapMailbox::open(account).await.map_err(|error| error.to_string())?;
    let (mut taken, mut refused, mut no_room) = (0_u32, 0_u32, None);
    while let Some(message) = mailbox.next().await.map_err(|error| error.to_string())? {
        let actor = post_actor(app);
        match app.mail_ingest(&actor, ReportSource::Imap, "bericht.eml", message.bytes).await {
            Ok(_) => taken += 1,
            // It will never be taken in; fetching it again and again helps nobody.
            Err(AppError::Invalid(_)) => refused += 1,
            // It stays unread, and holds up no other.
            Err(error) if error.is_no_room_for_reports() => {
                no_room = Some(error.to_string());
                continue;
            }
            Err(error) => return Err(error.to_string()),
        }
        mailbox.mark_read(message.uid).await.map_err(|error| error.to_string())?;
    }
    if mailbox.too_large > 0 {
        tracing::warn!(messages = mailbox.too_large, "messages in the mailbox with reports are too large");
    }
    if taken + refused > 0 {
        tracing::info!(taken, refused, "messages of the mailbox with reports were read");
    }
    mailbox.close().await;
    no_room.map_or(Ok(()), Err)
}
