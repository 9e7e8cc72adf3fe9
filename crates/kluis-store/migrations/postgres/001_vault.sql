-- The first schema.

-- One row a customer.
create table subject (
  shop bigint not null,
  id bytea not null,
  version bigint not null,
  created bigint not null,
  updated bigint not null,
  facts bytea not null,
  cells bytea not null,
  terms bytea not null,
  row_mac bytea not null,
  primary key (shop, id)
);
-- Ciphertext does not compress.
alter table subject alter column cells set storage external;
create index subject_updated on subject (shop, updated);

-- Not indexed by customer: the customer's row lists its terms.
create table unique_term (
  shop bigint not null,
  kind bigint not null,
  version bigint not null,
  term bytea not null,
  subject bytea not null,
  primary key (shop, kind, version, term)
);

create table bucket_term (
  shop bigint not null,
  kind bigint not null,
  version bigint not null,
  bucket bigint not null,
  subject bytea not null,
  primary key (shop, kind, version, bucket, subject)
);

create table consent (
  shop bigint not null,
  subject bytea not null,
  number bigint not null,
  purpose text not null,
  given bigint not null,
  at bigint not null,
  source text not null,
  text_version text not null,
  proof bytea not null,
  row_mac bytea not null,
  primary key (shop, subject, purpose, number)
);

create table erasure (
  shop bigint not null,
  subject bytea not null,
  at bigint not null,
  classes bigint not null,
  receipt text not null,
  backups_until bigint not null,
  epoch bigint not null,
  complete bigint not null,
  primary key (shop, subject)
);
create index erasure_incomplete on erasure (complete) where complete = 0;
create index erasure_at on erasure (shop, at);

create table credential (
  shop bigint not null,
  id bytea not null primary key,
  kind text not null,
  name text not null,
  secret_hash bytea not null,
  grants text not null,
  created bigint not null,
  expires bigint,
  revoked bigint,
  last_used bigint,
  row_mac bytea not null,
  unique (shop, secret_hash)
);

create table token (
  shop bigint not null,
  hash bytea not null,
  subject bytea not null,
  field text not null,
  destination text,
  created bigint not null,
  revoked bigint,
  row_mac bytea not null,
  primary key (shop, hash)
);
create index token_subject on token (shop, subject);

create table job (
  id bytea not null primary key,
  shop bigint not null,
  kind text not null,
  state text not null,
  created_by text not null,
  created bigint not null,
  updated bigint not null,
  params bytea not null,
  progress text not null,
  row_mac bytea not null
);
create index job_kind on job (shop, kind, id);

create table idempotency (
  shop bigint not null,
  credential text not null,
  key_hash bytea not null,
  request_digest bytea not null,
  status bigint not null,
  response bytea not null,
  at bigint not null,
  primary key (shop, credential, key_hash)
);
create index idempotency_at on idempotency (at);

create table outbox (
  id bytea not null primary key,
  shop bigint not null,
  kind text not null,
  payload bytea not null,
  due bigint not null,
  lease_by text not null,
  lease_until bigint not null
);
create index outbox_due on outbox (kind, due);

create table meta (
  key text not null primary key,
  value bytea not null
);

create table usage (
  shop bigint not null,
  field text not null,
  purpose text not null,
  actor text not null,
  day bigint not null,
  count bigint not null,
  primary key (shop, day, field, purpose, actor)
);

-- Period 0 is an hour, 1 a day; `started` is its first millisecond.
create table budget (
  credential bytea not null,
  period bigint not null,
  started bigint not null,
  used bigint not null,
  primary key (credential, period, started)
);

create table budget_subject (
  credential bytea not null,
  started bigint not null,
  subject bytea not null,
  primary key (credential, started, subject)
);

-- One row a log, advanced in the transaction that appends the leaves.
create table log_head (
  log text not null primary key,
  number bigint not null unique,
  size bigint not null,
  frontier bytea not null
);

-- place = number of the log * 2^48 + sequence number in the log.
create table leaf (
  place bigint not null primary key,
  shop bigint not null,
  time bigint not null,
  subject bytea,
  actor text not null,
  operation bigint not null,
  outcome bigint not null,
  bytes bytea not null,
  detail bytea
);
create index leaf_time on leaf (shop, time, place);
create index leaf_subject on leaf (subject, time, place) where subject is not null;
create index leaf_actor on leaf (actor, time, place);

create table log_node (
  log bigint not null,
  level bigint not null,
  idx bigint not null,
  hash bytea not null,
  primary key (log, level, idx)
);

create table checkpoint (
  log text not null,
  size bigint not null,
  time bigint not null,
  note text not null,
  primary key (log, size)
);

-- Which batch a process committed last, to learn the outcome of a commit whose answer was lost.
create table writer (
  id bytea not null primary key,
  batch bigint not null,
  time bigint not null
);

create table dek (
  shop bigint not null,
  subject bytea not null,
  class bigint not null,
  dek_gen bigint not null,
  epoch bigint not null,
  wrapped bytea not null,
  primary key (shop, subject, class)
);
create index dek_epoch on dek (shop, epoch);
