//! Every statement of the store, in the subset that SQLite and PostgreSQL share: `$n` values, bigint, text, bytes.

/// A statement, the file it belongs to on SQLite, and whether it fills one table with its values in column order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sql {
    /// The text; starts with `-- name`.
    pub(crate) text: &'static str,
    /// On SQLite: in keys.db instead of data.db.
    pub(crate) keys: bool,
    /// The table whose rows can be added many at a time.
    pub(crate) fills: Option<&'static str>,
}

impl Sql {
    pub(crate) const fn data(text: &'static str) -> Self {
        Self { text, keys: false, fills: None }
    }

    pub(crate) const fn keys(text: &'static str) -> Self {
        Self { text, keys: true, fills: None }
    }

    pub(crate) const fn filling(self, table: &'static str) -> Self {
        Self { fills: Some(table), ..self }
    }

    /// Returns the word after `--`.
    pub(crate) fn name(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches("-- ")
    }
}

pub(crate) const PING: Sql = Sql::data("-- ping\nselect cast(1 as bigint)");

pub(crate) const BEGIN: Sql = Sql::data("-- begin\nbegin");

pub(crate) const INSERT_SUBJECT: Sql = Sql::data(
    "-- insert_subject
insert into subject (shop, id, version, created, updated, facts, cells, terms, row_mac)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing",
)
.filling("subject");

pub(crate) const UPDATE_SUBJECT: Sql = Sql::data(
    "-- update_subject
update subject set version = $4, updated = $5, facts = $6, cells = $7, terms = $8, row_mac = $9
where shop = $1 and id = $2 and version = $3",
);

pub(crate) const DELETE_SUBJECT: Sql =
    Sql::data("-- delete_subject\ndelete from subject where shop = $1 and id = $2 and version = $3");

pub(crate) const FIND_SUBJECT: Sql = Sql::data(
    "-- find_subject
select shop, id, version, created, updated, facts, cells, terms, row_mac from subject where shop = $1 and id = $2",
);

pub(crate) const PAGE_SUBJECTS: Sql = Sql::data(
    "-- page_subjects
select shop, id, version, created, updated, facts, cells, terms, row_mac from subject
where shop = $1 and id > $2 order by id limit $3",
);

pub(crate) const CHANGED_SUBJECTS: Sql = Sql::data(
    "-- changed_subjects
select id, version, updated from (
  select * from (
    select id, version, updated from subject where shop = $1 and updated >= $2 order by updated limit $3
  ) as written
  union all
  select * from (
    select subject, 0, at from erasure where shop = $1 and at >= $2 order by at limit $3
  ) as erased
) as changed order by updated limit $3",
);

pub(crate) const COUNT_SUBJECTS: Sql =
    Sql::data("-- count_subjects\nselect count(*) from subject where shop = $1");

pub(crate) const INSERT_UNIQUE_TERM: Sql = Sql::data(
    "-- insert_unique_term
insert into unique_term (shop, kind, version, term, subject) values ($1, $2, $3, $4, $5) on conflict do nothing",
)
.filling("unique_term");

pub(crate) const DELETE_UNIQUE_TERM: Sql = Sql::data(
    "-- delete_unique_term
delete from unique_term where shop = $1 and kind = $2 and version = $3 and term = $4 and subject = $5",
);

// Reads the whole table: there is no index by customer.
pub(crate) const DELETE_UNIQUE_TERMS: Sql =
    Sql::data("-- delete_unique_terms\ndelete from unique_term where shop = $1 and subject = $2");

pub(crate) const DELETE_UNIQUE_VERSION: Sql =
    Sql::data("-- delete_unique_version\ndelete from unique_term where shop = $1 and version = $2");

pub(crate) const FIND_UNIQUE: Sql = Sql::data(
    "-- find_unique
select subject from unique_term where shop = $1 and kind = $2 and version = $3 and term = $4",
);

pub(crate) const PAGE_UNIQUE_TERMS: Sql = Sql::data(
    "-- page_unique_terms
select kind, version, term, subject from unique_term
where shop = $1 and (kind, version, term) > ($2, $3, $4) order by kind, version, term limit $5",
);

pub(crate) const INSERT_BUCKET_TERM: Sql = Sql::data(
    "-- insert_bucket_term
insert into bucket_term (shop, kind, version, bucket, subject) values ($1, $2, $3, $4, $5) on conflict do nothing",
)
.filling("bucket_term");

pub(crate) const DELETE_BUCKET_TERM: Sql = Sql::data(
    "-- delete_bucket_term
delete from bucket_term where shop = $1 and kind = $2 and version = $3 and bucket = $4 and subject = $5",
);

// Reads the whole table: there is no index by customer.
pub(crate) const DELETE_BUCKET_TERMS: Sql =
    Sql::data("-- delete_bucket_terms\ndelete from bucket_term where shop = $1 and subject = $2");

pub(crate) const DELETE_BUCKET_VERSION: Sql =
    Sql::data("-- delete_bucket_version\ndelete from bucket_term where shop = $1 and version = $2");

pub(crate) const FIND_BUCKET: Sql = Sql::data(
    "-- find_bucket
select subject from bucket_term where shop = $1 and kind = $2 and version = $3 and bucket = $4
order by subject limit $5",
);

pub(crate) const FIND_BUCKET_TERM: Sql = Sql::data(
    "-- find_bucket_term
select subject from bucket_term where shop = $1 and kind = $2 and version = $3 and bucket = $4 and subject = $5",
);

pub(crate) const PAGE_BUCKET_TERMS: Sql = Sql::data(
    "-- page_bucket_terms
select kind, version, bucket, subject from bucket_term
where shop = $1 and (kind, version, bucket, subject) > ($2, $3, $4, $5)
order by kind, version, bucket, subject limit $6",
);

pub(crate) const INSERT_DEK: Sql = Sql::keys(
    "-- insert_dek
insert into dek (shop, subject, class, dek_gen, epoch, wrapped) values ($1, $2, $3, $4, $5, $6)
on conflict do nothing",
)
.filling("dek");

pub(crate) const REPLACE_DEK: Sql = Sql::keys(
    "-- replace_dek
update dek set epoch = $5, wrapped = $6 where shop = $1 and subject = $2 and class = $3 and dek_gen = $4",
);

pub(crate) const DESTROY_DEK: Sql =
    Sql::keys("-- destroy_dek\ndelete from dek where shop = $1 and subject = $2 and class = $3");

pub(crate) const FIND_DEKS: Sql = Sql::keys(
    "-- find_deks
select shop, subject, class, dek_gen, epoch, wrapped from dek where shop = $1 and subject = $2 order by class",
);

pub(crate) const DEKS_BETWEEN: Sql = Sql::keys(
    "-- deks_between
select shop, subject, class, dek_gen, epoch, wrapped from dek
where shop = $1 and subject > $2 and subject <= $3 order by subject, class",
);

pub(crate) const DEKS_OF_EPOCH: Sql = Sql::keys(
    "-- deks_of_epoch
select shop, subject, class, dek_gen, epoch, wrapped from dek where shop = $1 and epoch = $2 limit $3",
);

pub(crate) const COUNT_DEKS_OF_EPOCH: Sql =
    Sql::keys("-- count_deks_of_epoch\nselect count(*) from dek where shop = $1 and epoch = $2");

pub(crate) const PAGE_DEKS: Sql = Sql::keys(
    "-- page_deks
select shop, subject, class, dek_gen, epoch, wrapped from dek where shop = $1 and subject in
(select distinct subject from dek where shop = $1 and subject > $2 order by subject limit $3)
order by subject, class",
);

pub(crate) const NEWEST_DEK_SUBJECTS: Sql = Sql::keys(
    "-- newest_dek_subjects\nselect shop, subject, class from dek order by shop desc, subject desc limit $1",
);

pub(crate) const INSERT_CONSENT: Sql = Sql::data(
    "-- insert_consent
insert into consent (shop, subject, number, purpose, given, at, source, text_version, proof, row_mac)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing",
)
.filling("consent");

pub(crate) const DELETE_CONSENTS: Sql =
    Sql::data("-- delete_consents\ndelete from consent where shop = $1 and subject = $2");

pub(crate) const CONSENTS: Sql = Sql::data(
    "-- consents
select shop, subject, number, purpose, given, at, source, text_version, proof, row_mac from consent
where shop = $1 and subject = $2 order by purpose, number",
);

pub(crate) const PUT_ERASURE: Sql = Sql::data(
    "-- put_erasure
insert into erasure (shop, subject, at, classes, receipt, backups_until, epoch, complete)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (shop, subject) do update set at = excluded.at, classes = excluded.classes,
receipt = excluded.receipt, backups_until = excluded.backups_until, epoch = excluded.epoch,
complete = excluded.complete",
);

pub(crate) const FIND_ERASURE: Sql = Sql::data(
    "-- find_erasure
select shop, subject, at, classes, receipt, backups_until, epoch, complete from erasure
where shop = $1 and subject = $2",
);

pub(crate) const INCOMPLETE_ERASURES: Sql = Sql::data(
    "-- incomplete_erasures
select shop, subject, at, classes, receipt, backups_until, epoch, complete from erasure
where complete = 0 order by shop, subject",
);

pub(crate) const PAGE_ERASURES: Sql = Sql::data(
    "-- page_erasures
select shop, subject, at, classes, receipt, backups_until, epoch, complete from erasure
where shop = $1 and subject > $2 order by subject limit $3",
);

pub(crate) const COUNT_ERASURES: Sql =
    Sql::data("-- count_erasures\nselect count(*) from erasure where shop = $1");

pub(crate) const INSERT_CREDENTIAL: Sql = Sql::data(
    "-- insert_credential
insert into credential (shop, id, kind, name, secret_hash, grants, created, expires, revoked, last_used, row_mac)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing",
);

pub(crate) const REVOKE_CREDENTIAL: Sql = Sql::data(
    "-- revoke_credential
update credential set revoked = $3, row_mac = $4
where shop = $1 and id = $2 and row_mac = $5 and revoked is null",
);

pub(crate) const SET_CREDENTIAL_GRANT: Sql = Sql::data(
    "-- set_credential_grant
update credential set grants = $3, row_mac = $4 where shop = $1 and id = $2 and row_mac = $5 and revoked is null",
);

pub(crate) const TOUCH_CREDENTIAL: Sql =
    Sql::data("-- touch_credential\nupdate credential set last_used = $2 where id = $1");

pub(crate) const FIND_CREDENTIAL: Sql = Sql::data(
    "-- find_credential
select shop, id, kind, name, secret_hash, grants, created, expires, revoked, last_used, row_mac from credential
where shop = $1 and id = $2",
);

pub(crate) const CREDENTIAL_BY_HASH: Sql = Sql::data(
    "-- credential_by_hash
select shop, id, kind, name, secret_hash, grants, created, expires, revoked, last_used, row_mac from credential
where shop = $1 and secret_hash = $2",
);

pub(crate) const CREDENTIALS: Sql = Sql::data(
    "-- credentials
select shop, id, kind, name, secret_hash, grants, created, expires, revoked, last_used, row_mac from credential
where shop = $1 order by id",
);

pub(crate) const COUNT_CREDENTIALS: Sql =
    Sql::data("-- count_credentials\nselect count(*) from credential where shop = $1 and revoked is null");

pub(crate) const INSERT_TOKEN: Sql = Sql::data(
    "-- insert_token
insert into token (shop, hash, subject, field, destination, created, revoked, row_mac)
values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing",
);

pub(crate) const DELETE_TOKEN: Sql =
    Sql::data("-- delete_token\ndelete from token where shop = $1 and hash = $2");

pub(crate) const DELETE_TOKENS: Sql =
    Sql::data("-- delete_tokens\ndelete from token where shop = $1 and subject = $2");

pub(crate) const TOKEN_BY_HASH: Sql = Sql::data(
    "-- token_by_hash
select shop, hash, subject, field, destination, created, revoked, row_mac from token where shop = $1 and hash = $2",
);

pub(crate) const TOKENS_OF: Sql = Sql::data(
    "-- tokens_of
select shop, hash, subject, field, destination, created, revoked, row_mac from token
where shop = $1 and subject = $2 order by created, hash",
);

pub(crate) const INSERT_IDEMPOTENCY: Sql = Sql::data(
    "-- insert_idempotency
insert into idempotency (shop, credential, key_hash, request_digest, status, response, at)
values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
)
.filling("idempotency");

pub(crate) const FIND_IDEMPOTENCY: Sql = Sql::data(
    "-- find_idempotency
select shop, credential, key_hash, request_digest, status, response, at from idempotency
where shop = $1 and credential = $2 and key_hash = $3",
);

pub(crate) const DELETE_IDEMPOTENCY_BEFORE: Sql =
    Sql::data("-- delete_idempotency_before\ndelete from idempotency where at < $1");

pub(crate) const INSERT_JOB: Sql = Sql::data(
    "-- insert_job
insert into job (id, shop, kind, state, created_by, created, updated, params, progress, row_mac)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing",
);

pub(crate) const UPDATE_JOB: Sql = Sql::data(
    "-- update_job
update job set state = $3, updated = $4, params = $5, progress = $6, row_mac = $7 where id = $1 and state = $2",
);

pub(crate) const DELETE_JOB: Sql = Sql::data("-- delete_job\ndelete from job where id = $1");

pub(crate) const FIND_JOB: Sql = Sql::data(
    "-- find_job
select id, shop, kind, state, created_by, created, updated, params, progress, row_mac from job
where shop = $1 and id = $2",
);

pub(crate) const JOBS: Sql = Sql::data(
    "-- jobs
select id, shop, kind, state, created_by, created, updated, params, progress, row_mac from job
where shop = $1 and kind = $2 order by id desc limit $3",
);

pub(crate) const INSERT_OUTBOX: Sql = Sql::data(
    "-- insert_outbox
insert into outbox (id, shop, kind, payload, due, lease_by, lease_until) values ($1, $2, $3, $4, $5, '', 0)
on conflict do nothing",
);

// The outer condition repeats the lease: a node that waited for another's lease must not take it too.
pub(crate) const CLAIM_OUTBOX: Sql = Sql::data(
    "-- claim_outbox
update outbox set lease_by = $3, lease_until = $4 where id in
(select id from outbox where kind = $1 and due <= $2 and lease_until <= $2 order by due limit $5)
and lease_until <= $2 returning id, shop, kind, payload, due",
);

pub(crate) const DELETE_OUTBOX: Sql =
    Sql::data("-- delete_outbox\ndelete from outbox where id = $1 and lease_by = $2");

pub(crate) const COUNT_OUTBOX: Sql = Sql::data("-- count_outbox\nselect count(*) from outbox");

pub(crate) const PUT_META: Sql = Sql::data(
    "-- put_meta
insert into meta (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value",
);

pub(crate) const FIND_META: Sql = Sql::data("-- find_meta\nselect value from meta where key = $1");

pub(crate) const DELETE_META: Sql = Sql::data("-- delete_meta\ndelete from meta where key = $1");

pub(crate) const ADD_USAGE: Sql = Sql::data(
    "-- add_usage
insert into usage (shop, field, purpose, actor, day, count) values ($1, $2, $3, $4, $5, $6)
on conflict (shop, day, field, purpose, actor) do update set count = usage.count + excluded.count",
);

pub(crate) const USAGE: Sql = Sql::data(
    "-- usage
select field, purpose, actor, day, count from usage where shop = $1 and day >= $2
order by day, field, purpose, actor",
);

// Makes the row if need be, locks it and reads it.
pub(crate) const LOCK_BUDGET: Sql = Sql::data(
    "-- lock_budget
insert into budget (credential, period, started, used) values ($1, $2, $3, 0)
on conflict (credential, period, started) do update set used = budget.used returning used",
);

pub(crate) const SET_BUDGET: Sql = Sql::data(
    "-- set_budget\nupdate budget set used = $4 where credential = $1 and period = $2 and started = $3",
);

pub(crate) const FIND_BUDGET_SUBJECT: Sql = Sql::data(
    "-- find_budget_subject
select subject from budget_subject where credential = $1 and started = $2 and subject = $3",
);

pub(crate) const INSERT_BUDGET_SUBJECT: Sql = Sql::data(
    "-- insert_budget_subject
insert into budget_subject (credential, started, subject) values ($1, $2, $3) on conflict do nothing",
);

pub(crate) const DELETE_BUDGETS_BEFORE: Sql =
    Sql::data("-- delete_budgets_before\ndelete from budget where started < $1");

pub(crate) const DELETE_BUDGET_SUBJECTS_BEFORE: Sql =
    Sql::data("-- delete_budget_subjects_before\ndelete from budget_subject where started < $1");

// Locks the row and reads it.
pub(crate) const LOCK_LOG_HEAD: Sql = Sql::data(
    "-- lock_log_head\nupdate log_head set size = log_head.size where log = $1 returning number, size, frontier",
);

pub(crate) const FIND_LOG_TIP: Sql =
    Sql::data("-- find_log_tip\nselect number, size, frontier from log_head where log = $1");

pub(crate) const INSERT_LOG_HEAD: Sql = Sql::data(
    "-- insert_log_head
insert into log_head (log, number, size, frontier)
select $1, coalesce(max(number), 0) + 1, 0, $2 from log_head where true on conflict do nothing",
);

pub(crate) const ADVANCE_LOG_HEAD: Sql =
    Sql::data("-- advance_log_head\nupdate log_head set size = $2, frontier = $3 where log = $1");

pub(crate) const FIND_LOG_HEAD: Sql =
    Sql::data("-- find_log_head\nselect size, frontier from log_head where log = $1");

pub(crate) const LOG_NAMES: Sql = Sql::data("-- log_names\nselect log from log_head order by log");

pub(crate) const COUNT_LEAVES: Sql =
    Sql::data("-- count_leaves\nselect cast(coalesce(sum(size), 0) as bigint) from log_head");

pub(crate) const INSERT_LEAF: Sql = Sql::data(
    "-- insert_leaf
insert into leaf (place, shop, time, subject, actor, operation, outcome, bytes, detail)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
)
.filling("leaf");

pub(crate) const LEAVES: Sql = Sql::data(
    "-- leaves
select h.log, l.place, l.shop, l.time, l.subject, l.actor, l.operation, l.outcome, l.bytes, l.detail
from log_head h join leaf l on l.place >= h.number * 281474976710656 + $2
and l.place < (h.number + 1) * 281474976710656 where h.log = $1 order by l.place limit $3",
);

pub(crate) const COUNT_LEAVES_BEYOND: Sql = Sql::data(
    "-- count_leaves_beyond
select count(*) from log_head h join leaf l on l.place >= h.number * 281474976710656 + h.size
and l.place < (h.number + 1) * 281474976710656 where h.log = $1",
);

pub(crate) const NEWEST_LEAVES: Sql = Sql::data(
    "-- newest_leaves
select (select h.log from log_head h where h.number = l.place / 281474976710656), l.place, l.shop, l.time, l.subject,
l.actor, l.operation, l.outcome, l.bytes, l.detail from leaf l
where l.shop = $1 and (l.time, l.place) < ($2, $3) and (l.operation = $4 or $4 = -1) and (l.outcome = $5 or $5 = -1)
order by l.time desc, l.place desc limit $6",
);

pub(crate) const LEAVES_OF_SUBJECT: Sql = Sql::data(
    "-- leaves_of_subject
select (select h.log from log_head h where h.number = l.place / 281474976710656), l.place, l.shop, l.time, l.subject,
l.actor, l.operation, l.outcome, l.bytes, l.detail from leaf l
where l.shop = $1 and (l.time, l.place) < ($2, $3) and (l.operation = $4 or $4 = -1) and (l.outcome = $5 or $5 = -1)
and l.subject = $7 order by l.time desc, l.place desc limit $6",
);

pub(crate) const LEAVES_OF_ACTOR: Sql = Sql::data(
    "-- leaves_of_actor
select (select h.log from log_head h where h.number = l.place / 281474976710656), l.place, l.shop, l.time, l.subject,
l.actor, l.operation, l.outcome, l.bytes, l.detail from leaf l
where l.shop = $1 and (l.time, l.place) < ($2, $3) and (l.operation = $4 or $4 = -1) and (l.outcome = $5 or $5 = -1)
and l.actor = $7 order by l.time desc, l.place desc limit $6",
);

pub(crate) const LEAVES_OF_SUBJECT_AND_ACTOR: Sql = Sql::data(
    "-- leaves_of_subject_and_actor
select (select h.log from log_head h where h.number = l.place / 281474976710656), l.place, l.shop, l.time, l.subject,
l.actor, l.operation, l.outcome, l.bytes, l.detail from leaf l
where l.shop = $1 and (l.time, l.place) < ($2, $3) and (l.operation = $4 or $4 = -1) and (l.outcome = $5 or $5 = -1)
and l.subject = $7 and l.actor = $8 order by l.time desc, l.place desc limit $6",
);

pub(crate) const INSERT_LOG_NODE: Sql =
    Sql::data("-- insert_log_node\ninsert into log_node (log, level, idx, hash) values ($1, $2, $3, $4)");

pub(crate) const LOG_NODES: Sql = Sql::data(
    "-- log_nodes
select n.idx, n.hash from log_node n where n.log = (select h.number from log_head h where h.log = $1)
and n.level = $2 and n.idx >= $3 order by n.idx limit $4",
);

pub(crate) const INSERT_CHECKPOINT: Sql = Sql::data(
    "-- insert_checkpoint\ninsert into checkpoint (log, size, time, note) values ($1, $2, $3, $4) on conflict do nothing",
);

pub(crate) const LATEST_CHECKPOINT: Sql = Sql::data(
    "-- latest_checkpoint\nselect log, size, time, note from checkpoint where log = $1 order by size desc limit 1",
);

pub(crate) const CHECKPOINTS: Sql =
    Sql::data("-- checkpoints\nselect log, size, time, note from checkpoint where log = $1 order by size");

// Locks the row; the batch number is seen by others only when the batch is committed.
pub(crate) const MARK_WRITER: Sql = Sql::data(
    "-- mark_writer
insert into writer (id, batch, time) values ($1, $2, $3)
on conflict (id) do update set batch = excluded.batch, time = excluded.time",
);

// Waits for whoever holds the row, so that the answer is final.
pub(crate) const SETTLED_WRITER: Sql =
    Sql::data("-- settled_writer\nupdate writer set batch = writer.batch where id = $1 returning batch");

pub(crate) const DELETE_WRITERS_BEFORE: Sql =
    Sql::data("-- delete_writers_before\ndelete from writer where time < $1");

pub(crate) const INSERT_CHECK_RUN: Sql = Sql::data(
    "-- insert_check_run
insert into check_run (shop, id, domain, at, updated, state, created_by, node, options, summary, report, report_hash,
row_mac) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict do nothing",
);

pub(crate) const UPDATE_CHECK_RUN: Sql = Sql::data(
    "-- update_check_run
update check_run set updated = $4, state = $5, summary = $6, report = $7, report_hash = $8, row_mac = $9
where shop = $1 and id = $2 and state = $3",
);

pub(crate) const TRIM_CHECK_RUNS_OF: Sql = Sql::data(
    "-- trim_check_runs_of
delete from check_run where shop = $1 and domain = $2 and id not in
(select id from check_run where shop = $1 and domain = $2 order by id desc limit $3)",
);

pub(crate) const TRIM_CHECK_RUNS: Sql = Sql::data(
    "-- trim_check_runs
delete from check_run where shop = $1 and id not in
(select id from check_run where shop = $1 order by id desc limit $2)",
);

pub(crate) const FIND_CHECK_RUN: Sql = Sql::data(
    "-- find_check_run
select shop, id, domain, at, updated, state, created_by, node, options, summary, report_hash, row_mac,
report from check_run where shop = $1 and id = $2",
);

pub(crate) const CHECK_RUN_BEFORE: Sql = Sql::data(
    "-- check_run_before
select shop, id, domain, at, updated, state, created_by, node, options, summary, report_hash, row_mac,
report from check_run where shop = $1 and domain = $2 and id < $3 and state = 'done' order by id desc limit 1",
);

pub(crate) const CHECK_RUNS: Sql = Sql::data(
    "-- check_runs
select shop, id, domain, at, updated, state, created_by, node, options, summary, report_hash, row_mac
from check_run where shop = $1 order by id desc limit $2",
);

pub(crate) const CHECK_RUNS_OF: Sql = Sql::data(
    "-- check_runs_of
select shop, id, domain, at, updated, state, created_by, node, options, summary, report_hash, row_mac
from check_run where shop = $1 and domain = $2 order by id desc limit $3",
);

pub(crate) const BUSY_CHECK_RUNS: Sql = Sql::data(
    "-- busy_check_runs
select shop, id, domain, at, updated, state, created_by, node, options, summary, report_hash, row_mac
from check_run where shop = $1 and state in ('queued', 'running') order by id",
);

pub(crate) const PAGE_CHECK_RUNS: Sql = Sql::data(
    "-- page_check_runs
select shop, id, domain, at, updated, state, created_by, node, options, summary, report_hash, row_mac,
report from check_run where shop = $1 and id > $2 order by id limit $3",
);

/// Every statement, for the test that prepares each on both databases.
#[cfg(test)]
/// The statements of this file; [`all`] has those of the other files too.
pub(crate) const ALL: &[Sql] = &[
    PING,
    BEGIN,
    INSERT_SUBJECT,
    UPDATE_SUBJECT,
    DELETE_SUBJECT,
    FIND_SUBJECT,
    PAGE_SUBJECTS,
    CHANGED_SUBJECTS,
    COUNT_SUBJECTS,
    INSERT_UNIQUE_TERM,
    DELETE_UNIQUE_TERM,
    DELETE_UNIQUE_TERMS,
    DELETE_UNIQUE_VERSION,
    FIND_UNIQUE,
    PAGE_UNIQUE_TERMS,
    INSERT_BUCKET_TERM,
    FIND_BUCKET_TERM,
    PAGE_BUCKET_TERMS,
    DELETE_BUCKET_TERM,
    DELETE_BUCKET_TERMS,
    DELETE_BUCKET_VERSION,
    FIND_BUCKET,
    INSERT_DEK,
    REPLACE_DEK,
    DESTROY_DEK,
    FIND_DEKS,
    DEKS_BETWEEN,
    DEKS_OF_EPOCH,
    COUNT_DEKS_OF_EPOCH,
    PAGE_DEKS,
    NEWEST_DEK_SUBJECTS,
    INSERT_CONSENT,
    DELETE_CONSENTS,
    CONSENTS,
    PUT_ERASURE,
    FIND_ERASURE,
    INCOMPLETE_ERASURES,
    PAGE_ERASURES,
    COUNT_ERASURES,
    INSERT_CREDENTIAL,
    REVOKE_CREDENTIAL,
    SET_CREDENTIAL_GRANT,
    TOUCH_CREDENTIAL,
    FIND_CREDENTIAL,
    CREDENTIAL_BY_HASH,
    CREDENTIALS,
    COUNT_CREDENTIALS,
    INSERT_TOKEN,
    DELETE_TOKEN,
    DELETE_TOKENS,
    TOKEN_BY_HASH,
    TOKENS_OF,
    INSERT_IDEMPOTENCY,
    FIND_IDEMPOTENCY,
    DELETE_IDEMPOTENCY_BEFORE,
    INSERT_JOB,
    UPDATE_JOB,
    DELETE_JOB,
    FIND_JOB,
    JOBS,
    INSERT_OUTBOX,
    CLAIM_OUTBOX,
    DELETE_OUTBOX,
    COUNT_OUTBOX,
    PUT_META,
    FIND_META,
    DELETE_META,
    ADD_USAGE,
    USAGE,
    LOCK_BUDGET,
    SET_BUDGET,
    FIND_BUDGET_SUBJECT,
    INSERT_BUDGET_SUBJECT,
    DELETE_BUDGETS_BEFORE,
    DELETE_BUDGET_SUBJECTS_BEFORE,
    LOCK_LOG_HEAD,
    FIND_LOG_TIP,
    INSERT_LOG_HEAD,
    ADVANCE_LOG_HEAD,
    FIND_LOG_HEAD,
    LOG_NAMES,
    COUNT_LEAVES,
    INSERT_LEAF,
    LEAVES,
    COUNT_LEAVES_BEYOND,
    NEWEST_LEAVES,
    LEAVES_OF_SUBJECT,
    LEAVES_OF_ACTOR,
    LEAVES_OF_SUBJECT_AND_ACTOR,
    INSERT_LOG_NODE,
    LOG_NODES,
    INSERT_CHECKPOINT,
    LATEST_CHECKPOINT,
    CHECKPOINTS,
    MARK_WRITER,
    SETTLED_WRITER,
    DELETE_WRITERS_BEFORE,
    INSERT_CHECK_RUN,
    UPDATE_CHECK_RUN,
    TRIM_CHECK_RUNS_OF,
    TRIM_CHECK_RUNS,
    FIND_CHECK_RUN,
    CHECK_RUN_BEFORE,
    CHECK_RUNS,
    CHECK_RUNS_OF,
    BUSY_CHECK_RUNS,
    PAGE_CHECK_RUNS,
];

/// Every statement of the store.
#[cfg(test)]
pub(crate) fn all() -> Vec<Sql> {
    use crate::mail::{facts, keys, quarantine, queue, reports};
    [ALL, facts::ALL, keys::ALL, quarantine::ALL, queue::ALL, reports::ALL].concat()
}
