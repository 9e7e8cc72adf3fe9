-- The first schema. Above the line `-- keys.db` stands what is in data.db.

-- One row a customer; the rowid keeps rows of a kilobyte out of the search tree.
create table subject (
  shop integer not null,
  id blob not null,
  version integer not null,
  created integer not null,
  updated integer not null,
  facts blob not null,
  cells blob not null,
  terms blob not null,
  row_mac blob not null,
  primary key (shop, id)
) strict;
create index subject_updated on subject (shop, updated);

-- Not indexed by customer: the customer's row lists its terms.
create table unique_term (
  shop integer not null,
  kind integer not null,
  version integer not null,
  term blob not null,
  subject blob not null,
  primary key (shop, kind, version, term)
) strict, without rowid;

create table bucket_term (
  shop integer not null,
  kind integer not null,
  version integer not null,
  bucket integer not null,
  subject blob not null,
  primary key (shop, kind, version, bucket, subject)
) strict, without rowid;

create table consent (
  shop integer not null,
  subject blob not null,
  number integer not null,
  purpose text not null,
  given integer not null,
  at integer not null,
  source text not null,
  text_version text not null,
  proof blob not null,
  row_mac blob not null,
  primary key (shop, subject, purpose, number)
) strict, without rowid;

create table erasure (
  shop integer not null,
  subject blob not null,
  at integer not null,
  classes integer not null,
  receipt text not null,
  backups_until integer not null,
  epoch integer not null,
  complete integer not null,
  primary key (shop, subject)
) strict;
create index erasure_incomplete on erasure (complete) where complete = 0;
create index erasure_at on erasure (shop, at);

create table credential (
  shop integer not null,
  id blob not null primary key,
  kind text not null,
  name text not null,
  secret_hash blob not null,
  grants text not null,
  created integer not null,
  expires integer,
  revoked integer,
  last_used integer,
  row_mac blob not null,
  unique (shop, secret_hash)
) strict;

create table token (
  shop integer not null,
  hash blob not null,
  subject blob not null,
  field text not null,
  destination text,
  created integer not null,
  revoked integer,
  row_mac blob not null,
  primary key (shop, hash)
) strict, without rowid;
create index token_subject on token (shop, subject);

create table job (
  id blob not null primary key,
  shop integer not null,
  kind text not null,
  state text not null,
  created_by text not null,
  created integer not null,
  updated integer not null,
  params blob not null,
  progress text not null,
  row_mac blob not null
) strict;
create index job_kind on job (shop, kind, id);

create table idempotency (
  shop integer not null,
  credential text not null,
  key_hash blob not null,
  request_digest blob not null,
  status integer not null,
  response blob not null,
  at integer not null,
  primary key (shop, credential, key_hash)
) strict, without rowid;
create index idempotency_at on idempotency (at);

create table outbox (
  id blob not null primary key,
  shop integer not null,
  kind text not null,
  payload blob not null,
  due integer not null,
  lease_by text not null,
  lease_until integer not null
) strict, without rowid;
create index outbox_due on outbox (kind, due);

create table meta (
  key text not null primary key,
  value blob not null
) strict, without rowid;

create table usage (
  shop integer not null,
  field text not null,
  purpose text not null,
  actor text not null,
  day integer not null,
  count integer not null,
  primary key (shop, day, field, purpose, actor)
) strict, without rowid;

-- Period 0 is an hour, 1 a day; `started` is its first millisecond.
create table budget (
  credential blob not null,
  period integer not null,
  started integer not null,
  used integer not null,
  primary key (credential, period, started)
) strict, without rowid;

create table budget_subject (
  credential blob not null,
  started integer not null,
  subject blob not null,
  primary key (credential, started, subject)
) strict, without rowid;

-- One row a log, advanced in the transaction that appends the leaves.
create table log_head (
  log text not null primary key,
  number integer not null unique,
  size integer not null,
  frontier blob not null
) strict, without rowid;

-- place = number of the log * 2^48 + sequence number in the log.
create table leaf (
  place integer not null primary key,
  shop integer not null,
  time integer not null,
  subject blob,
  actor text not null,
  operation integer not null,
  outcome integer not null,
  bytes blob not null,
  detail blob
) strict;
create index leaf_time on leaf (shop, time);
create index leaf_subject on leaf (subject, time) where subject is not null;
create index leaf_actor on leaf (actor, time);

create table log_node (
  log integer not null,
  level integer not null,
  idx integer not null,
  hash blob not null,
  primary key (log, level, idx)
) strict, without rowid;

create table checkpoint (
  log text not null,
  size integer not null,
  time integer not null,
  note text not null,
  primary key (log, size)
) strict, without rowid;

-- Which batch a process committed last, to learn the outcome of a commit whose answer was lost.
create table writer (
  id blob not null primary key,
  batch integer not null,
  time integer not null
) strict, without rowid;

-- keys.db

create table dek (
  shop integer not null,
  subject blob not null,
  class integer not null,
  dek_gen integer not null,
  epoch integer not null,
  wrapped blob not null,
  primary key (shop, subject, class)
) strict, without rowid;
create index dek_epoch on dek (shop, epoch);
