//! The submission relay: takes mail of the shop's own streams from the shop's own programs, signs it, and keeps it until
//! the smarthost has it. Nobody else's mail, and nothing from anybody else.

use std::net::IpAddr;
use std::time::Duration;

use kluis_app::limiter::Limiter;
use kluis_app::{App, AppError, Denial, Outgoing, OutgoingRecipient, ReportWish, SHOP, SigningProblem};
use kluis_crypto::{CredentialSecret, PiiBytes, SecretText, SystemRandom};
use kluis_mail::smtp::{
    Event, LoginRule, Protection, Recipient, Reply, Sender, Session, SessionOptions, SignIn, Stamp,
    SubmitProblem, check_envelope_domain, submission,
};
use kluis_model::audit::{ActorKind, Operation};
use kluis_model::{Actor, Grant, PiiText, Random, RequestId};

use crate::listen::Bounds;
use crate::receive::is_loopback;
use crate::{RelayOptions, request_id};

/// Bytes of a line of a message (RFC 5321 §4.5.3.1.6): longer ones are changed on the way, and the signature breaks.
const LINE_BYTES_MAX: usize = 1000;
/// Recipients of one message.
const RECIPIENTS_MAX: usize = 100;

/// The desk for mail of the shop.
pub(crate) struct Relay {
    app: App,
    hostname: String,
    message_bytes_max: usize,
    limiter: Limiter,
}

/// What is remembered of one client.
pub(crate) struct Client {
    peer: IpAddr,
    /// Who signed in, and with what: it is looked at again for each message, since it may be revoked meanwhile.
    signed_in: Option<(Actor, SecretText)>,
}

impl Client {
    pub(crate) fn new(peer: IpAddr) -> Self {
        Self { peer, signed_in: None }
    }
}

impl Relay {
    pub(crate) fn new(app: App, hostname: String, options: &RelayOptions) -> Self {
        // Requests of a credential are not counted here: a shop's mail comes in waves.
        let limiter = Limiter::new(u32::MAX);
        Self { app, hostname, message_bytes_max: options.message_bytes_max, limiter }
    }

    pub(crate) fn bounds(options: &RelayOptions) -> Bounds {
        Bounds {
            connections_max: options.connections_max,
            // The shop's programs are few addresses with many connections, but they sign in at once.
            per_address_max: (options.connections_max / 2).max(1),
            memory_bytes_max: (128 * 1024 * 1024).max(options.message_bytes_max.saturating_mul(4)),
            // RFC 5321 §4.5.3.2.7.
            idle: Duration::from_secs(300),
            total: Duration::from_secs(3600),
        }
    }

    /// Only what cannot leave this machine needs neither TLS nor a sign-in.
    pub(crate) fn offer(&self, peer: IpAddr, has_tls: bool) -> SessionOptions {
        let is_local = is_loopback(peer);
        SessionOptions {
            hostname: self.hostname.clone(),
            protection: match (is_local, has_tls) {
                (true, offers_tls) => Protection::Loopback { offers_tls },
                (false, true) => Protection::StartTls,
                (false, false) => Protection::None,
            },
            login: if is_local { LoginRule::May } else { LoginRule::Must },
            message_bytes_max: self.message_bytes_max,
            line_bytes_max: LINE_BYTES_MAX,
            recipients_max: RECIPIENTS_MAX,
            errors_max: 20,
            offers_dsn: true,
        }
    }

    pub(crate) async fn answer(&self, client: &mut Client, event: Event, session: &Session) -> Reply {
        match event {
            Event::SignIn(sign_in) => self.sign_in(client, sign_in).await,
            Event::Sender(sender) => self.sender(client, &sender).await,
            Event::Recipient(Recipient { address: None, .. }) => {
                Reply::new(550, (5, 1, 1), "Write the postmaster's whole address.")
            }
            Event::Recipient(_) => Reply::new(250, (2, 1, 5), "Ok."),
            Event::Data => Reply::plain(354, "End with a dot on a line of its own."),
            Event::Message(message) => self.take(client, message, session).await,
            // Invariant: TLS is done before anybody is asked.
            Event::StartTls => Reply::new(502, (5, 5, 1), "Not offered."),
        }
    }

    async fn sign_in(&self, client: &mut Client, sign_in: SignIn) -> Reply {
        let request = request_id(&self.app);
        match self.app.authenticate(sign_in.secret.expose(), request).await {
            Ok(actor) => match self.app.authorise(&actor, Operation::MailSend, None).await {
                Ok(()) => {
                    client.signed_in = Some((actor, sign_in.secret));
                    Reply::new(235, (2, 7, 0), "Signed in.")
                }
                Err(AppError::Denied { .. }) => {
                    Reply::new(535, (5, 7, 8), "This credential lacks the operation mail_send.")
                }
                Err(error) => unavailable(&error),
            },
            Err(AppError::Denied { reason }) => {
                self.failed(client.peer, &sign_in.secret, reason, request).await
            }
            Err(error) => unavailable(&error),
        }
    }

    /// Counts a failed sign-in and puts it on the record, as the web server does.
    async fn failed(&self, peer: IpAddr, secret: &SecretText, reason: Denial, request: RequestId) -> Reply {
        let refused = Reply::new(535, (5, 7, 8), "The secret is not right, or it was revoked.");
        // A text that cannot be a credential guesses nothing; it is neither counted nor put on the record.
        if secret.expose().parse::<CredentialSecret>().is_err() {
            return refused;
        }
        let now = self.app.now();
        if self.limiter.may_try(peer, now).is_err() {
            return Reply::new(454, (4, 7, 0), "Too many failed sign-ins; try again in a minute.");
        }
        if self.limiter.failed(peer, now) {
            let noted = match reason {
                Denial::CertificateNeeded => self.app.certificate_missing(secret.expose(), request).await,
                _ => self.app.sign_in_failed(request).await,
            };
            if let Err(error) = noted {
                return unavailable(&error);
            }
        }
        refused
    }

    /// Whoever sends must still be allowed to, and bounces must come to the shop.
    async fn sender(&self, client: &mut Client, sender: &Sender) -> Reply {
        if let Some((_, secret)) = &client.signed_in {
            match self.app.authenticate(secret.expose(), request_id(&self.app)).await {
                Ok(actor) => {
                    if let Some((known, _)) = &mut client.signed_in {
                        *known = actor;
                    }
                }
                Err(AppError::Denied { .. }) => {
                    return Reply::new(530, (5, 7, 0), "This credential was revoked or has ended.");
                }
                Err(error) => return unavailable(&error),
            }
        } else if !is_loopback(client.peer) {
            // Invariant: the session asks for a sign-in before MAIL.
            return Reply::new(530, (5, 7, 0), "Sign in first.");
        }
        let Some(setup) = self.app.mail_settings().setup.clone() else { return no_streams() };
        match &sender.address {
            Some(address) => match check_envelope_domain(&setup, address.domain()) {
                Ok(()) => Reply::new(250, (2, 1, 0), "Ok."),
                Err(problem) => not_ours(&problem),
            },
            None => Reply::new(250, (2, 1, 0), "Ok."),
        }
    }

    /// Signs the message and puts it into the queue; 250 means that it is durable there.
    async fn take(&self, client: &Client, message: Vec<u8>, session: &Session) -> Reply {
        let message = PiiBytes::new(message);
        let Some(setup) = self.app.mail_settings().setup.clone() else { return no_streams() };
        let now = self.app.now();
        let protocol = match (session.is_protected(), client.signed_in.is_some()) {
            (true, true) => "ESMTPSA",
            (true, false) => "ESMTPS",
            (false, true) => "ESMTPA",
            (false, false) => "ESMTP",
        };
        let id = unique();
        let stamp = Stamp { hostname: &self.hostname, protocol, id: &id, now };
        let made = match submission(message.expose(), &setup, &stamp) {
            Ok(made) => made,
            Err(problem) => return not_ours(&problem),
        };
        drop(message);
        let unsigned = PiiBytes::new(made.message);
        let signed = match self.app.mail_signer().await {
            Ok(keys) => keys.sign(unsigned.expose(), now),
            Err(error) => return unavailable(&error),
        };
        let signed = match signed {
            Ok(signed) => signed,
            Err(problem) => return not_signed(&problem),
        };
        let mut whole = Vec::with_capacity(signed.fields.len() + unsigned.expose().len());
        whole.extend_from_slice(&signed.fields);
        whole.extend_from_slice(unsigned.expose());
        drop(unsigned);
        let mail = outgoing(made.stream, session, PiiBytes::new(whole), now);
        let actor = match &client.signed_in {
            Some((actor, _)) => actor.clone(),
            None => self.local_actor(),
        };
        match self.app.mail_enqueue(&actor, mail).await {
            Ok(id) => Reply::new(250, (2, 0, 0), format!("Kept as {id}.")),
            Err(error) => refusal(&error),
        }
    }

    /// A program on this machine, which may hand in mail and nothing else.
    fn local_actor(&self) -> Actor {
        let operations = [Operation::MailSend].into_iter().collect();
        let mut actor = Actor::local("relay", SHOP, request_id(&self.app));
        actor.kind = ActorKind::Local;
        actor.grant = std::sync::Arc::new(Grant { operations, ..Grant::all() });
        actor
    }
}

fn outgoing(stream: String, session: &Session, message: PiiBytes, at: kluis_model::TimeMs) -> Outgoing {
    let sender = session.sender();
    let text = |address: &kluis_mail::smtp::Address| PiiText::from(address.expose());
    let recipients = session.recipients().iter().filter_map(|to| {
        Some(OutgoingRecipient {
            address: to.address.as_ref().map(text)?,
            notify: to.notify.clone(),
            original: to.original.clone(),
        })
    });
    Outgoing {
        stream,
        mail_from: sender.and_then(|sender| sender.address.as_ref()).map_or_else(PiiText::default, text),
        recipients: recipients.collect(),
        message,
        at,
        reports: ReportWish {
            is_header_only: sender.is_some_and(|sender| sender.is_header_only),
            envelope_id: sender.and_then(|sender| sender.envelope_id.clone()),
        },
    }
}

/// Sixteen random bytes in hex.
fn unique() -> String {
    let mut bytes = [0_u8; 16];
    SystemRandom.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn no_streams() -> Reply {
    Reply::new(
        451,
        (4, 3, 5),
        "No mail streams are declared here yet; make mail.toml with: klantkluis mail plan",
    )
}

fn not_ours(problem: &SubmitProblem) -> Reply {
    match problem {
        SubmitProblem::NotDeclared { domain } => Reply::new(
            550,
            (5, 7, 1),
            format!(
                "{domain} belongs to no mail stream of this shop; declare it in mail.toml (klantkluis mail plan)."
            ),
        ),
        SubmitProblem::NotRelayed { stream } => Reply::new(
            550,
            (5, 7, 1),
            format!("The stream {stream} is not sent from here; set relay = true for it in mail.toml."),
        ),
        SubmitProblem::Header => {
            Reply::new(554, (5, 6, 0), "The header cannot be read, or it has not exactly one From.")
        }
        SubmitProblem::Loop => Reply::new(554, (5, 4, 6), "This message goes round in circles."),
    }
}

fn not_signed(problem: &SigningProblem) -> Reply {
    match problem {
        // It can be made at any moment; the client keeps its mail until then.
        SigningProblem::NoKey { domain } => Reply::new(
            451,
            (4, 7, 0),
            format!("No key signs for {domain} yet; make one with: klantkluis mail dkim keygen {domain}"),
        ),
        SigningProblem::Key => Reply::new(451, (4, 7, 0), "The message could not be signed."),
        SigningProblem::NotOneFrom | SigningProblem::Header | SigningProblem::LoneLineEnd => {
            Reply::new(554, (5, 6, 0), format!("Not signed: {problem}."))
        }
    }
}

/// What the client hears when the queue does not take a message.
fn refusal(error: &AppError) -> Reply {
    match error {
        AppError::Exhausted { .. } => Reply::new(452, (4, 3, 1), "The queue is full; try again later."),
        AppError::Denied { .. } => Reply::new(550, (5, 7, 1), "This credential may not hand in mail."),
        AppError::Invalid(_) => Reply::new(554, (5, 6, 0), "This message cannot be sent."),
        error => unavailable(error),
    }
}

fn unavailable(error: &AppError) -> Reply {
    tracing::warn!(%error, "the relay puts its clients off");
    Reply::new(451, (4, 3, 0), "Not now; please try again.")
}
