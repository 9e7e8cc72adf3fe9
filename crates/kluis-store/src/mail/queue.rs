//! The relay's queue and its counts: rows, how they are written in a unit, claimed and read.
//!
//! A row is due at a moment. Who claims it moves that moment by the length of a lease, so a message whose process ended
//! becomes due again by itself, and one index answers every question.

use std::fmt;

use kluis_model::{JobId, ShopId, TimeMs};

use crate::read::{all, count, first};
use crate::sql::Sql;
use crate::value::{Columns, Value};
use crate::{Store, StoreError, Unit};

const INSERT: Sql = Sql::data(
    "-- insert_mail
insert into mail_queue (shop, id, node, stream, at, due, attempts, state, size, lease_by, envelope, message)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict do nothing",
);

// The outer condition repeats the moment: a node that waited for another's claim must not take it too.
const CLAIM: Sql = Sql::data(
    "-- claim_mail
update mail_queue set node = $3, lease_by = $4, due = $5 where shop = $1 and id in
(select id from mail_queue where shop = $1 and state = 'waiting' and stream = $2 and due <= $6 order by due limit $7)
and state = 'waiting' and due <= $6 returning id, node, stream, at, due, attempts, state, size, lease_by",
);

const CLAIM_OLD: Sql = Sql::data(
    "-- claim_old_mail
update mail_queue set node = $3, lease_by = $4, due = $5 where shop = $1 and id in
(select id from mail_queue where shop = $1 and state = 'waiting' and at <= $2
and (due <= $6 or lease_by = '') order by at limit $7)
and state = 'waiting' and (due <= $6 or lease_by = '')
returning id, node, stream, at, due, attempts, state, size, lease_by",
);

const RELEASE: Sql = Sql::data(
    "-- release_mail
update mail_queue set lease_by = '', due = at where shop = $1 and node = $2 and lease_by <> '' and lease_by <> $3
and state = 'waiting'",
);

const FIND: Sql = Sql::data(
    "-- find_mail
select envelope, message from mail_queue where shop = $1 and id = $2 and lease_by = $3",
);

const DELETE: Sql =
    Sql::data("-- delete_mail\ndelete from mail_queue where shop = $1 and id = $2 and lease_by = $3");

const PUT_OFF: Sql = Sql::data(
    "-- put_off_mail
update mail_queue set due = $4, attempts = $5, envelope = $6, lease_by = ''
where shop = $1 and id = $2 and lease_by = $3",
);

const GIVE_BACK: Sql = Sql::data(
    "-- give_back_mail
update mail_queue set due = $4, lease_by = '' where shop = $1 and id = $2 and lease_by = $3",
);

const HOLD: Sql = Sql::data(
    "-- hold_mail
update mail_queue set state = 'held', lease_by = '' where shop = $1 and id = $2 and lease_by = $3",
);

const RETRY: Sql = Sql::data(
    "-- retry_mail
update mail_queue set state = 'waiting', due = $3, lease_by = '' where shop = $1 and id = $2
and (lease_by = '' or due <= $3)",
);

const RETRY_ALL: Sql = Sql::data(
    "-- retry_all_mail
update mail_queue set due = $2 where shop = $1 and state = 'waiting' and lease_by = '' and due > $2",
);

const DROP: Sql = Sql::data(
    "-- drop_mail
delete from mail_queue where shop = $1 and id = $2 and (lease_by = '' or due <= $3)",
);

const LIST: Sql = Sql::data(
    "-- list_mail
select id, node, stream, at, due, attempts, state, size, lease_by, envelope from mail_queue
where shop = $1 order by id limit $2",
);

const DUE: Sql = Sql::data(
    "-- mail_due
select distinct stream from mail_queue where shop = $1 and state = 'waiting' and due <= $2 order by stream",
);

const FIND_HEAD: Sql = Sql::data(
    "-- find_mail_head
select id, node, stream, at, due, attempts, state, size, lease_by from mail_queue where shop = $1 and id = $2",
);

const FIND_ENVELOPE: Sql =
    Sql::data("-- find_mail_envelope\nselect envelope from mail_queue where shop = $1 and id = $2");

const DEPTH: Sql = Sql::data(
    "-- mail_depth
select state, stream, count(*), min(at), cast(sum(size) as bigint) from mail_queue where shop = $1
group by state, stream order by state, stream",
);

const COUNT: Sql = Sql::data("-- count_mail\nselect count(*) from mail_queue where shop = $1");

const ADD_SENT: Sql = Sql::data(
    "-- add_mail_sent
insert into mail_sent (shop, node, day, stream, receiver, outcome, messages) values ($1, $2, $3, $4, $5, $6, $7)
on conflict (shop, node, day, stream, receiver, outcome) do update set messages = mail_sent.messages + excluded.messages",
);

const SENT: Sql = Sql::data(
    "-- mail_sent
select day, stream, receiver, outcome, cast(sum(messages) as bigint) from mail_sent
where shop = $1 and day >= $2 and day <= $3
group by day, stream, receiver, outcome order by day, stream, receiver, outcome",
);

const DELETE_SENT_BEFORE: Sql =
    Sql::data("-- delete_mail_sent_before\ndelete from mail_sent where shop = $1 and day < $2");

/// The statements of this file.
#[cfg(test)]
pub(crate) const ALL: &[Sql] = &[
    INSERT,
    CLAIM,
    CLAIM_OLD,
    RELEASE,
    FIND,
    DELETE,
    PUT_OFF,
    GIVE_BACK,
    HOLD,
    RETRY,
    RETRY_ALL,
    DROP,
    LIST,
    DUE,
    FIND_HEAD,
    FIND_ENVELOPE,
    DEPTH,
    COUNT,
    ADD_SENT,
    SENT,
    DELETE_SENT_BEFORE,
];

/// What the database may know of a message in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailHead {
    /// Its id; later ones are larger.
    pub id: JobId,
    /// The node that has or had it last.
    pub node: String,
    /// The stream.
    pub stream: String,
    /// When it was accepted.
    pub at: TimeMs,
    /// Not before this; while it is claimed: when the lease ends.
    pub due: TimeMs,
    /// How often it was tried.
    pub attempts: u32,
    /// `waiting` or `held`.
    pub state: String,
    /// Bytes of the message.
    pub size: u64,
    /// The process that delivers it now; empty for none.
    pub lease_by: String,
}

/// A message in the queue, its envelope and text sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct MailQueueRow {
    /// The shop.
    pub shop: ShopId,
    /// What is readable.
    pub head: MailHead,
    /// From whom and to whom, sealed.
    pub envelope: Vec<u8>,
    /// The message, sealed.
    pub message: Vec<u8>,
}

impl fmt::Debug for MailQueueRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailQueueRow({} {})", self.head.id, self.head.state)
    }
}

impl MailHead {
    fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        Self::read_from(&mut Columns::of("mail_queue", values))
    }

    fn read_with_envelope(values: Vec<Value>) -> Result<(Self, Vec<u8>), StoreError> {
        let mut row = Columns::of("mail_queue", values);
        let head = Self::read_from(&mut row)?;
        Ok((head, row.bytes("envelope")?))
    }

    fn read_from(row: &mut Columns) -> Result<Self, StoreError> {
        let id = row.id("id")?;
        row.name_row(id);
        Ok(Self {
            id,
            node: row.text("node")?,
            stream: row.text("stream")?,
            at: row.time("at")?,
            due: row.time("due")?,
            attempts: row.number("attempts")?,
            state: row.text("state")?,
            size: row.number("size")?,
            lease_by: row.text("lease_by")?,
        })
    }
}

/// What waits in one state for one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailDepth {
    /// `waiting` or `held`.
    pub state: String,
    /// The stream.
    pub stream: String,
    /// Messages.
    pub messages: u64,
    /// When the oldest was accepted.
    pub oldest: TimeMs,
    /// Bytes of the messages.
    pub bytes: u64,
}

impl MailDepth {
    fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("mail_queue", values);
        Ok(Self {
            state: row.text("state")?,
            stream: row.text("stream")?,
            messages: row.number("count")?,
            oldest: row.time("at")?,
            bytes: row.number("size")?,
        })
    }
}

/// How many messages went which way on a day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MailSentRow {
    /// Days since 1970 in UTC.
    pub day: i64,
    /// The stream.
    pub stream: String,
    /// The mailbox provider.
    pub receiver: String,
    /// `accepted`, `delivered`, `failed`, `expired`, `dropped`.
    pub outcome: String,
    /// Messages.
    pub messages: u64,
}

impl MailSentRow {
    fn read(values: Vec<Value>) -> Result<Self, StoreError> {
        let mut row = Columns::of("mail_sent", values);
        Ok(Self {
            day: row.int("day")?,
            stream: row.text("stream")?,
            receiver: row.text("receiver")?,
            outcome: row.text("outcome")?,
            messages: row.number("messages")?,
        })
    }
}

/// Who claims mail, for how long.
#[derive(Debug, Clone, Copy)]
pub struct MailLease<'a> {
    /// The node.
    pub node: &'a str,
    /// The process of the node.
    pub by: &'a str,
    /// The present moment.
    pub now: TimeMs,
    /// When it is due again if the process says nothing more.
    pub until: TimeMs,
}

impl Unit {
    /// Adds a message to the queue; conflict `mail` when its id is there.
    pub fn insert_mail(&mut self, row: MailQueueRow) {
        let MailQueueRow { shop, head, envelope, message } = row;
        let values = vec![
            shop.into(),
            head.id.into(),
            head.node.into(),
            head.stream.into(),
            head.at.into(),
            head.due.into(),
            head.attempts.into(),
            head.state.into(),
            head.size.into(),
            head.lease_by.into(),
            envelope.into(),
            message.into(),
        ];
        self.one(INSERT, "mail", values);
    }

    /// Takes a message that is done out of the queue, when this process has its lease.
    pub fn delete_mail(&mut self, shop: ShopId, id: JobId, lease_by: &str) {
        self.any(DELETE, vec![shop.into(), id.into(), lease_by.into()]);
    }

    /// Puts a message off that this process tried, with what is left of its envelope.
    pub fn put_off_mail(
        &mut self,
        (shop, id): (ShopId, JobId),
        lease_by: &str,
        due: TimeMs,
        attempts: u32,
        envelope: Vec<u8>,
    ) {
        let values =
            vec![shop.into(), id.into(), lease_by.into(), due.into(), attempts.into(), envelope.into()];
        self.any(PUT_OFF, values);
    }

    /// Gives a message back that this process did not try.
    pub fn give_back_mail(&mut self, shop: ShopId, id: JobId, lease_by: &str, due: TimeMs) {
        self.any(GIVE_BACK, vec![shop.into(), id.into(), lease_by.into(), due.into()]);
    }

    /// Keeps a message back that this process cannot read, for a person to look at.
    pub fn hold_mail(&mut self, shop: ShopId, id: JobId, lease_by: &str) {
        self.any(HOLD, vec![shop.into(), id.into(), lease_by.into()]);
    }

    /// Makes a message due now; conflict `mail` when it is not there or is being delivered.
    pub fn retry_mail(&mut self, shop: ShopId, id: JobId, now: TimeMs) {
        self.one(RETRY, "mail", vec![shop.into(), id.into(), now.into()]);
    }

    /// Makes every message that waits for a later moment due now.
    pub fn retry_all_mail(&mut self, shop: ShopId, now: TimeMs) {
        self.any(RETRY_ALL, vec![shop.into(), now.into()]);
    }

    /// Deletes a message; conflict `mail` when it is not there or is being delivered.
    pub fn drop_mail(&mut self, shop: ShopId, id: JobId, now: TimeMs) {
        self.one(DROP, "mail", vec![shop.into(), id.into(), now.into()]);
    }

    /// Adds to the counts of a day.
    pub fn count_mail_sent(&mut self, shop: ShopId, node: &str, row: &MailSentRow) {
        let values = vec![
            shop.into(),
            node.into(),
            row.day.into(),
            (&row.stream).into(),
            (&row.receiver).into(),
            (&row.outcome).into(),
            row.messages.into(),
        ];
        self.any(ADD_SENT, values);
    }

    /// Forgets the counts of days before one.
    pub fn delete_mail_sent_before(&mut self, shop: ShopId, day: i64) {
        self.any(DELETE_SENT_BEFORE, vec![shop.into(), day.into()]);
    }
}

impl Store {
    /// Claims messages of a stream that are due, the longest due first.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn claim_mail(
        &self,
        shop: ShopId,
        stream: &str,
        lease: MailLease<'_>,
        limit: u32,
    ) -> Result<Vec<MailHead>, StoreError> {
        let values = vec![
            shop.into(),
            stream.into(),
            lease.node.into(),
            lease.by.into(),
            lease.until.into(),
            lease.now.into(),
            limit.into(),
        ];
        self.claimed(CLAIM, values).await
    }

    /// Claims messages that were accepted at a moment or before it, due or not, unless a process delivers them.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn claim_old_mail(
        &self,
        shop: ShopId,
        accepted_until: TimeMs,
        lease: MailLease<'_>,
        limit: u32,
    ) -> Result<Vec<MailHead>, StoreError> {
        let values = vec![
            shop.into(),
            accepted_until.into(),
            lease.node.into(),
            lease.by.into(),
            lease.until.into(),
            lease.now.into(),
            limit.into(),
        ];
        self.claimed(CLAIM_OLD, values).await
    }

    async fn claimed(&self, sql: Sql, values: Vec<Value>) -> Result<Vec<MailHead>, StoreError> {
        let rows = self.change(vec![(sql, values)]).await?.pop().unwrap_or_default();
        let mut heads = all(rows, MailHead::read)?;
        heads.sort_unstable_by_key(|head| head.id);
        Ok(heads)
    }

    /// Makes what earlier processes of a node had claimed due again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn release_mail(&self, shop: ShopId, node: &str, lease_by: &str) -> Result<(), StoreError> {
        self.change(vec![(RELEASE, vec![shop.into(), node.into(), lease_by.into()])]).await.map(|_| ())
    }

    /// Reads envelope and text, sealed, of a message that a process has claimed.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn mail_content(
        &self,
        shop: ShopId,
        id: JobId,
        lease_by: &str,
    ) -> Result<Option<(Vec<u8>, Vec<u8>)>, StoreError> {
        let rows = self.rows(FIND, vec![shop.into(), id.into(), lease_by.into()]).await?;
        first(rows, |values| {
            let mut row = Columns::of("mail_queue", values);
            Ok((row.bytes("envelope")?, row.bytes("message")?))
        })
    }

    /// Finds a message.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn mail_head(&self, shop: ShopId, id: JobId) -> Result<Option<MailHead>, StoreError> {
        first(self.rows(FIND_HEAD, vec![shop.into(), id.into()]).await?, MailHead::read)
    }

    /// Reads the sealed envelope of a message.
    ///
    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn mail_envelope(&self, shop: ShopId, id: JobId) -> Result<Option<Vec<u8>>, StoreError> {
        let rows = self.rows(FIND_ENVELOPE, vec![shop.into(), id.into()]).await?;
        first(rows, |values| Columns::of("mail_queue", values).bytes("envelope"))
    }

    /// Returns messages of the queue, oldest first, each with its sealed envelope.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn mail_list(&self, shop: ShopId, limit: u32) -> Result<Vec<(MailHead, Vec<u8>)>, StoreError> {
        let rows = self.rows(LIST, vec![shop.into(), limit.into()]).await?;
        all(rows, MailHead::read_with_envelope)
    }

    /// Returns the streams that have messages which are due.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn mail_due(&self, shop: ShopId, now: TimeMs) -> Result<Vec<String>, StoreError> {
        let rows = self.rows(DUE, vec![shop.into(), now.into()]).await?;
        all(rows, |values| Columns::of("mail_queue", values).text("stream"))
    }

    /// Returns what is in the queue by state and stream.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn mail_depth(&self, shop: ShopId) -> Result<Vec<MailDepth>, StoreError> {
        all(self.rows(DEPTH, vec![shop.into()]).await?, MailDepth::read)
    }

    /// Counts the messages in the queue.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_mail(&self, shop: ShopId) -> Result<u64, StoreError> {
        count(self.rows(COUNT, vec![shop.into()]).await?)
    }

    /// Returns the counts of some days, both ends included, of all nodes together.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn mail_sent(
        &self,
        shop: ShopId,
        from_day: i64,
        to_day: i64,
    ) -> Result<Vec<MailSentRow>, StoreError> {
        let rows = self.rows(SENT, vec![shop.into(), from_day.into(), to_day.into()]).await?;
        all(rows, MailSentRow::read)
    }
}
