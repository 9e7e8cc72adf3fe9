//! Tokens that stand for one value outside the vault: random, or pairwise so that two partners cannot join their data.

use kluis_crypto::{ShopKeys, Token};
use kluis_model::audit::Operation;
use kluis_model::{Actor, FieldName, PiiText, PurposeId, SubjectId};
use kluis_store::{StoreError, TokenRow, Unit};

use crate::guard::{Ask, Done};
use crate::subject::Loaded;
use crate::{App, AppError};

/// The name under which rows of tokens are MACed.
const TABLE: &str = "tokens";
/// Longest name of a destination in bytes.
const DESTINATION_BYTES_MAX: usize = 64;

impl App {
    /// A token for one field of a customer. For a destination it is always the same one, and
    /// unlike that of any other destination.
    ///
    /// # Errors
    /// Denied, `NotFound` when customer or value are not there, `Invalid`.
    pub async fn token_create(
        &self,
        actor: &Actor,
        id: SubjectId,
        field: &FieldName,
        destination: Option<&str>,
    ) -> Result<String, AppError> {
        let fields = [field.clone()];
        let ask = Ask::new(Operation::TokenCreate).about(id).fields(&fields);
        self.allow(actor, &ask).await?;
        let fits = |name: &str| {
            !name.is_empty() && name.len() <= DESTINATION_BYTES_MAX && !name.contains(char::is_control)
        };
        if !destination.is_none_or(fits) {
            return Err(AppError::invalid(
                "destination",
                "Geef een bestemming van 1 tot 64 tekens.",
                "Give a destination of 1 to 64 characters.",
            ));
        }
        let Loaded { keys, stored } = self.load(actor, &ask, id).await?;
        if stored.is_erased() || !stored.cells()?.iter().any(|cell| cell.field == field.as_str()) {
            return Err(self.failed(actor, &ask, "not_found", AppError::NotFound).await);
        }
        let token = match destination {
            Some(destination) => keys.pairwise_token(id, field, destination),
            None => Token::random(self.random()),
        };
        let mut row = TokenRow {
            shop: actor.shop,
            hash: keys.token_hash(&token),
            subject: id,
            field: field.clone(),
            destination: destination.map(str::to_owned),
            created: self.now(),
            revoked: None,
            row_mac: [0; 32],
        };
        row.row_mac = with_parts(&row, |parts| keys.row_mac(TABLE, parts));
        let mut unit = Unit::new();
        unit.insert_token(&row);
        self.add_ok(&mut unit, actor, &ask, &Done::one());
        match self.store().commit(unit).await {
            Ok(_) => Ok(token.to_string()),
            // A pairwise token that is there already is the same one.
            Err(StoreError::Conflict { .. }) if destination.is_some() => {
                let done = Done { reason: Some("existing"), ..Done::one() };
                self.write_leaf(actor, &ask, kluis_model::Outcome::Ok, &done).await?;
                Ok(token.to_string())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The value that a token stands for, read for a purpose like any other.
    ///
    /// # Errors
    /// Denied; `NotFound` when the token is unknown, revoked, or its value is gone.
    pub async fn token_resolve(
        &self,
        actor: &Actor,
        token: &str,
        purpose: &PurposeId,
    ) -> Result<(SubjectId, FieldName, PiiText), AppError> {
        let ask = Ask::new(Operation::TokenResolve).purpose(purpose);
        self.allow(actor, &ask).await?;
        let row = self.find_token(actor, &ask, token).await?;
        let fields = [row.field.clone()];
        let ask = ask.about(row.subject);
        let shown = self.read_as(actor, ask, Some(&fields)).await?;
        let (field, value) = shown.fields.into_iter().next().ok_or(AppError::NotFound)?;
        Ok((row.subject, field, value))
    }

    /// Makes a token worthless.
    ///
    /// # Errors
    /// Denied, or `NotFound`.
    pub async fn token_revoke(&self, actor: &Actor, token: &str) -> Result<(), AppError> {
        let ask = Ask::new(Operation::TokenRevoke);
        self.allow(actor, &ask).await?;
        let row = self.find_token(actor, &ask, token).await?;
        let fields = [row.field.clone()];
        let ask = ask.about(row.subject).fields(&fields);
        let mut unit = Unit::new();
        unit.revoke_token(actor.shop, row.hash);
        self.add_ok(&mut unit, actor, &ask, &Done::one());
        match self.store().commit(unit).await {
            Ok(_) => Ok(()),
            Err(StoreError::Conflict { .. }) => Err(AppError::NotFound),
            Err(error) => Err(error.into()),
        }
    }

    async fn find_token(&self, actor: &Actor, ask: &Ask<'_>, text: &str) -> Result<TokenRow, AppError> {
        let keys = self.keys(actor.shop)?;
        let found = match text.trim().parse::<Token>() {
            Ok(token) => self.store().token_by_hash(actor.shop, keys.token_hash(&token)).await?,
            Err(_) => None,
        };
        match found.filter(|row| row.revoked.is_none()) {
            Some(row) if token_row_matches(&keys, &row) => Ok(row),
            Some(row) => {
                let error = AppError::integrity(format!("tokens {}", row.subject));
                Err(self.audited(actor, ask, error).await)
            }
            None => Err(self.failed(actor, ask, "not_found", AppError::NotFound).await),
        }
    }
}

/// Whether nobody changed the row outside this program.
pub(crate) fn token_row_matches(keys: &ShopKeys, row: &TokenRow) -> bool {
    with_parts(row, |parts| keys.row_mac_matches(TABLE, parts, &row.row_mac))
}

fn with_parts<T>(row: &TokenRow, take: impl FnOnce(&[&[u8]]) -> T) -> T {
    let destination = row.destination.as_deref();
    take(&[
        &row.shop.0.to_be_bytes(),
        &row.hash,
        row.subject.as_bytes(),
        row.field.as_str().as_bytes(),
        &[u8::from(destination.is_some())],
        destination.unwrap_or_default().as_bytes(),
        &row.created.0.to_be_bytes(),
    ])
}
