//! One order from the account to the certificate: taken up again when it was left half-way, proved, finalised, fetched.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, CertificateIdentifier, ChallengeType, Error,
    ExternalAccountKey, Identifier, KeyAuthorization, NewAccount, NewOrder, Order, OrderStatus, Problem,
    RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::client::{Directory, Https};
use super::files::{Files, Pending, read_account_key};
use super::hook::{self, Task};
use super::{AcmeError, AcmeOptions, Challenges, OrderFate, Proof};

/// How long the authority may take to look at the proofs, and again to make the certificate.
const POLL: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(500))
    .backoff(1.5)
    .timeout(Duration::from_secs(300));

/// What an order needs.
pub(crate) struct Ordering<'a> {
    pub(crate) options: &'a AcmeOptions,
    pub(crate) files: &'a Files,
    pub(crate) https: &'a Https,
    pub(crate) challenges: &'a Challenges,
}

/// A TXT record to take away again.
struct Record {
    name: String,
    value: String,
}

impl Ordering<'_> {
    /// Orders a certificate, or goes on with the order that is on its way; gives key and chain in PEM.
    ///
    /// `replaced` is the certificate that this one comes in the place of (RFC 9773 §5).
    pub(crate) async fn obtain(
        &self,
        replaced: Option<&CertificateDer<'_>>,
    ) -> Result<Zeroizing<String>, AcmeError> {
        let directory = self.https.directory(&self.options.directory).await?;
        self.check_profile(&directory)?;
        let account = self.account(&directory).await?;
        let replaced = replaced.filter(|_| directory.renewal_info.is_some());
        let obtained = self.obtain_with(&account, replaced).await;
        if let Err(error) = &obtained {
            if error.order != OrderFate::Open {
                self.files.forget_pending();
            }
            if error.order == OrderFate::NoAccount {
                self.files.forget_account(&self.options.directory);
            }
        }
        obtained
    }

    async fn obtain_with(
        &self,
        account: &Account,
        replaced: Option<&CertificateDer<'_>>,
    ) -> Result<Zeroizing<String>, AcmeError> {
        let (mut order, key_pem) = match self.resume(account).await? {
            Some(resumed) => resumed,
            None => self.place(account, replaced).await?,
        };
        let mut records = Vec::new();
        let chain = self.drive(&mut order, &key_pem, &mut records).await;
        self.challenges.clear();
        for record in &records {
            if let Err(error) = self.call_hook(Task::Remove, record).await {
                tracing::warn!(%error, "a record of a proof stays in the DNS");
            }
        }
        Ok(Zeroizing::new(format!("{}{}", key_pem.as_str(), chain?)))
    }

    /// The account at this directory; registers one on the first use.
    async fn account(&self, directory: &Directory) -> Result<Account, AcmeError> {
        let url = &self.options.directory;
        let builder = || Account::builder_with_http(Box::new(self.https.clone()));
        if let Some(credentials) = self.files.account::<AccountCredentials>(url) {
            return builder().from_credentials(credentials).await.map_err(|error| self.explain(error));
        }
        let external = match &self.options.external_account {
            Some(known) => {
                let key = read_account_key(&known.key_file)?;
                Some(ExternalAccountKey::new(known.kid.clone(), &key))
            }
            None if directory.meta.external_account_required => {
                return Err(AcmeError::new(
                    "this certificate authority wants a known account: set acme.eab_kid and acme.eab_key_file",
                ));
            }
            None => None,
        };
        let contact: Vec<&str> = self.options.contact.iter().map(String::as_str).collect();
        let new =
            NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let (account, credentials) = builder()
            .create(&new, url.clone(), external.as_ref())
            .await
            .map_err(|error| self.explain(error))?;
        self.files.save_account(url, &credentials)?;
        Ok(account)
    }

    fn check_profile(&self, directory: &Directory) -> Result<(), AcmeError> {
        let Some(profile) = &self.options.profile else { return Ok(()) };
        if directory.meta.profiles.contains_key(profile) {
            return Ok(());
        }
        let known: Vec<&str> = directory.meta.profiles.keys().map(String::as_str).take(20).collect();
        Err(AcmeError::new(format_args!(
            "the certificate authority has no profile {profile}; it has: {}",
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        )))
    }

    /// The order that was on its way when the program ended, when it can still succeed.
    async fn resume(&self, account: &Account) -> Result<Option<(Order, Zeroizing<String>)>, AcmeError> {
        let options = self.options;
        let Some(pending) =
            self.files.pending(&options.directory, &options.names, options.profile.as_deref())
        else {
            return Ok(None);
        };
        let found = match account.order(pending.url).await {
            Ok(order) => Some(order),
            // The authority knows it no more.
            Err(Error::Api(problem)) if !is_limit(&problem) && !is_no_account(&problem) => None,
            Err(error) => return Err(self.explain(error)),
        };
        if let Some(mut order) = found
            && order.state().status != OrderStatus::Invalid
        {
            tracing::info!("going on with the certificate order that was on its way");
            return Ok(Some((order, pending.key_pem)));
        }
        self.files.forget_pending();
        Ok(None)
    }

    /// Places a new order and remembers it with its key, before anything is proved.
    async fn place(
        &self,
        account: &Account,
        replaced: Option<&CertificateDer<'_>>,
    ) -> Result<(Order, Zeroizing<String>), AcmeError> {
        let identifiers: Vec<Identifier> = self.options.names.iter().map(|name| identifier(name)).collect();
        let plain = || {
            let order = NewOrder::new(&identifiers);
            match &self.options.profile {
                Some(profile) => order.profile(profile),
                None => order,
            }
        };
        let id = replaced.and_then(|der| CertificateIdentifier::try_from(der).ok());
        let placed = match id {
            Some(id) => match account.new_order(&plain().replaces(id)).await {
                // Replaced already, or the authority does not say that it took the hint: without it then.
                Err(Error::Api(problem)) if !is_limit(&problem) && !is_no_account(&problem) => {
                    account.new_order(&plain()).await
                }
                Err(Error::Other(_)) => account.new_order(&plain()).await,
                other => other,
            },
            None => account.new_order(&plain()).await,
        };
        let order = placed.map_err(|error| self.explain(error))?;
        let key = KeyPair::generate().map_err(AcmeError::new)?;
        let pending = Pending {
            directory: self.options.directory.clone(),
            names: self.options.names.clone(),
            profile: self.options.profile.clone(),
            url: order.url().to_owned(),
            key_pem: Zeroizing::new(key.serialize_pem()),
        };
        self.files.save_pending(&pending)?;
        Ok((order, pending.key_pem))
    }

    /// Proves, finalises and fetches; each step only when the order is not past it.
    async fn drive(
        &self,
        order: &mut Order,
        key_pem: &str,
        records: &mut Vec<Record>,
    ) -> Result<String, AcmeError> {
        if order.state().status == OrderStatus::Pending {
            self.prepare(order, records).await?;
            if let (Proof::Dns01 { wait, .. }, false) = (&self.options.proof, records.is_empty()) {
                tokio::time::sleep(*wait).await;
            }
            self.announce(order).await?;
            match order.poll_ready(&POLL).await {
                Ok(OrderStatus::Invalid) => return Err(self.refusal(order).await),
                Ok(_) => {}
                Err(error) => return Err(self.explain(error)),
            }
        }
        if order.state().status == OrderStatus::Ready {
            let csr = self.signing_request(key_pem)?;
            order.finalize_csr(&csr).await.map_err(|error| self.explain(error))?;
        }
        if order.state().status == OrderStatus::Invalid {
            return Err(self.refusal(order).await);
        }
        order.poll_certificate(&POLL).await.map_err(|error| self.explain(error))
    }

    /// Makes the proofs of all names ready to be looked at.
    async fn prepare(&self, order: &mut Order, records: &mut Vec<Record>) -> Result<(), AcmeError> {
        let mut authorizations = order.authorizations();
        while let Some(next) = authorizations.next().await {
            let mut authorization = next.map_err(|error| self.explain(error))?;
            match authorization.status {
                AuthorizationStatus::Pending => {}
                AuthorizationStatus::Valid => continue,
                other => return Err(AcmeError::dead(format_args!("a proof is {other:?} already"))),
            }
            let name = plain_name(authorization.identifier().identifier)
                .filter(|name| is_ordered(&self.options.names, name))
                .ok_or_else(|| AcmeError::dead("the order is for a name that was not asked for"))?;
            let Some(challenge) = authorization.challenge(self.challenge_type()) else {
                return Err(AcmeError::dead(format_args!(
                    "the certificate authority does not take the proof acme.challenge for {name}; a wildcard takes \
                     dns-01 only"
                )));
            };
            let expected = challenge.key_authorization();
            match &self.options.proof {
                Proof::Http01 => self.challenges.expect_token(&challenge.token, expected.as_str()),
                Proof::TlsAlpn01 => {
                    let certificate = proof_certificate(&name, &expected)?;
                    self.challenges.expect_handshake(&asked_name(&name), certificate);
                }
                Proof::Dns01 { .. } => {
                    let record =
                        Record { name: format!("_acme-challenge.{name}"), value: expected.dns_value() };
                    let called = self.call_hook(Task::Add, &record).await;
                    records.push(record);
                    called?;
                }
            }
        }
        Ok(())
    }

    /// Tells the authority that it may look.
    async fn announce(&self, order: &mut Order) -> Result<(), AcmeError> {
        let mut authorizations = order.authorizations();
        while let Some(next) = authorizations.next().await {
            let mut authorization = next.map_err(|error| self.explain(error))?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            if let Some(mut challenge) = authorization.challenge(self.challenge_type()) {
                challenge.set_ready().await.map_err(|error| self.explain(error))?;
            }
        }
        Ok(())
    }

    fn challenge_type(&self) -> ChallengeType {
        match self.options.proof {
            Proof::Http01 => ChallengeType::Http01,
            Proof::TlsAlpn01 => ChallengeType::TlsAlpn01,
            Proof::Dns01 { .. } => ChallengeType::Dns01,
        }
    }

    async fn call_hook(&self, task: Task, record: &Record) -> Result<(), AcmeError> {
        let Proof::Dns01 { hook, .. } = &self.options.proof else { return Ok(()) };
        hook::run(Path::new(hook), task, &record.name, &record.value).await
    }

    fn signing_request(&self, key_pem: &str) -> Result<Vec<u8>, AcmeError> {
        let key = KeyPair::from_pem(key_pem).map_err(AcmeError::dead)?;
        let mut params = CertificateParams::new(self.options.names.clone()).map_err(AcmeError::dead)?;
        params.distinguished_name = DistinguishedName::new();
        let request = params.serialize_request(&key).map_err(AcmeError::dead)?;
        Ok(request.der().to_vec())
    }

    /// Why an order was refused, in the authority's words about each proof.
    async fn refusal(&self, order: &mut Order) -> AcmeError {
        let mut reasons: Vec<String> = order.state().error.iter().map(ToString::to_string).collect();
        let mut authorizations = order.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            if authorization.refresh().await.is_err() {
                continue;
            }
            let name = authorization.identifier().to_string();
            let errors = authorization.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
            reasons.extend(errors.map(|error| format!("{name}: {error}")));
        }
        AcmeError::dead(format_args!("the order was refused: {}", reasons.join("; ")))
    }

    /// An error of the library in our words, with the pause that the authority asked for.
    fn explain(&self, error: Error) -> AcmeError {
        let asked = self.https.take_retry_after();
        match error {
            Error::Api(problem) => {
                let order = match () {
                    () if is_no_account(&problem) => OrderFate::NoAccount,
                    // What is limited or out of order may go on later.
                    () if is_limit(&problem) || problem.status.is_some_and(|status| status >= 500) => {
                        OrderFate::Open
                    }
                    () => OrderFate::Dead,
                };
                AcmeError { order, retry_after: asked, ..AcmeError::new(problem) }
            }
            Error::Timeout(at) => AcmeError {
                retry_after: at.map(|at| at.saturating_duration_since(std::time::Instant::now())),
                ..AcmeError::new("the certificate authority did not finish the order in time")
            },
            other => AcmeError { retry_after: asked, ..AcmeError::new(other) },
        }
    }
}

fn is_limit(problem: &Problem) -> bool {
    problem.status == Some(429)
        || problem.r#type.as_deref().is_some_and(|kind| kind.ends_with(":rateLimited"))
}

fn is_no_account(problem: &Problem) -> bool {
    problem.r#type.as_deref().is_some_and(|kind| kind.ends_with(":accountDoesNotExist"))
}

fn identifier(name: &str) -> Identifier {
    match name.parse::<IpAddr>() {
        Ok(address) => Identifier::Ip(address),
        Err(_) => Identifier::Dns(name.to_owned()),
    }
}

/// The name of an identifier, without the star of a wildcard.
fn plain_name(identifier: &Identifier) -> Option<String> {
    match identifier {
        Identifier::Dns(name) => Some(name.trim_start_matches("*.").to_owned()),
        Identifier::Ip(address) => Some(address.to_string()),
        _ => None,
    }
}

/// Whether a name that an authority wants proved is one of those that were ordered: it gives no proof, and no record in
/// the DNS, of another.
fn is_ordered(names: &[String], name: &str) -> bool {
    let plain = names.iter().filter_map(|own| plain_name(&identifier(own)));
    plain.into_iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// The server name that a TLS-ALPN-01 handshake asks for: an address in its reverse form (RFC 8738 §6).
fn asked_name(name: &str) -> String {
    name.parse::<IpAddr>().map_or_else(|_| name.to_owned(), kluis_mail::dns::reverse_name)
}

/// The certificate that proves a name in a handshake (RFC 8737 §3).
fn proof_certificate(name: &str, expected: &KeyAuthorization) -> Result<Arc<CertifiedKey>, AcmeError> {
    let key = KeyPair::generate().map_err(AcmeError::new)?;
    let mut params = CertificateParams::new([name.to_owned()]).map_err(AcmeError::dead)?;
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(expected.digest().as_ref())];
    let certificate = params.self_signed(&key).map_err(AcmeError::new)?;
    let private = PrivateKeyDer::try_from(key.serialize_der()).map_err(AcmeError::new)?;
    let signer = rustls::crypto::aws_lc_rs::sign::any_supported_type(&private).map_err(AcmeError::new)?;
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signer)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn addresses_are_asked_for_in_reverse() {
        assert_eq!(asked_name("winkel.example"), "winkel.example");
        assert_eq!(asked_name("192.0.2.7"), "7.2.0.192.in-addr.arpa");
        let v6 = asked_name("2001:db8::1");
        assert!(v6.starts_with("1.0.0.0.") && v6.ends_with(".8.b.d.0.1.0.0.2.ip6.arpa"), "{v6}");
    }

    #[test]
    fn names_and_addresses_are_told_apart() {
        assert_eq!(identifier("192.0.2.7"), Identifier::Ip("192.0.2.7".parse().unwrap()));
        assert_eq!(identifier("*.a.example"), Identifier::Dns("*.a.example".into()));
        assert_eq!(plain_name(&Identifier::Dns("*.a.example".into())).as_deref(), Some("a.example"));
        assert_eq!(plain_name(&Identifier::PermanentIdentifier("x".into())), None);
    }

    #[test]
    fn only_names_that_were_ordered_are_proved() {
        let names = ["A.example", "*.b.example", "192.0.2.7", "2001:DB8::1"].map(str::to_owned);
        for name in ["a.example", "b.example", "192.0.2.7", "2001:db8::1"] {
            assert!(is_ordered(&names, name), "{name}");
        }
        for name in ["", "c.example", "x.b.example", "*.b.example", "a.example.", "a.example x", "192.0.2.8"]
        {
            assert!(!is_ordered(&names, name), "{name}");
        }
    }

    #[test]
    fn problems_are_sorted_by_what_they_mean() {
        let problem = |kind: &str, status| Problem {
            r#type: Some(format!("urn:ietf:params:acme:error:{kind}")),
            detail: None,
            status,
            subproblems: Vec::new(),
        };
        assert!(is_limit(&problem("rateLimited", None)) && is_limit(&problem("other", Some(429))));
        assert!(!is_limit(&problem("unauthorized", Some(403))));
        assert!(is_no_account(&problem("accountDoesNotExist", Some(400))));
        assert!(!is_no_account(&problem("malformed", Some(400))));
    }
}
