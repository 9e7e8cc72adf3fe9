-- Mail: signing keys, the queue of the relay, what was sent, what receivers reported, what could not be read.

-- A signing key of DKIM; its private half is sealed.
create table mail_key (
  shop bigint not null,
  domain text not null,
  selector text not null,
  created bigint not null,
  updated bigint not null,
  kind text not null,
  state text not null,
  public text not null,
  sealed bytea not null,
  row_mac bytea not null,
  primary key (shop, domain, selector)
);
-- A message that waits for its smarthost, sealed with its envelope. Never in a dump: restoring must not send it twice.
-- Until `due` it is left alone: it was tried before, or `lease_by` (a process of `node`) delivers it.
create table mail_queue (
  shop bigint not null,
  id bytea not null,
  node text not null,
  stream text not null,
  at bigint not null,
  due bigint not null,
  attempts bigint not null,
  state text not null,
  size bigint not null,
  lease_by text not null,
  envelope bytea not null,
  message bytea not null,
  primary key (shop, id)
);
create index mail_queue_due on mail_queue (shop, state, stream, due, at, size);
-- Messages counted by day (days since 1970 in UTC), stream, mailbox provider and outcome.
create table mail_sent (
  shop bigint not null,
  node text not null,
  day bigint not null,
  stream text not null,
  receiver text not null,
  outcome text not null,
  messages bigint not null,
  primary key (shop, node, day, stream, receiver, outcome)
);
-- A report of a receiver: aggregate (RFC 9990) or TLS (RFC 8460); its rows are sealed JSON. `classified` marks by which
-- setup and catalogue its sources were named, `named` when the names of its servers were looked up (0: not yet, less
-- than 0: so many failed tries); `sources_hash` covers its rows in mail_source.
create table mail_report (
  shop bigint not null,
  id bytea not null,
  key bytea not null,
  kind text not null,
  org text not null,
  domain text not null,
  begin_s bigint not null,
  end_s bigint not null,
  received bigint not null,
  messages bigint not null,
  classified bytea not null,
  named bigint not null,
  head text not null,
  rows_hash bytea not null,
  sources_hash bytea not null,
  row_mac bytea not null,
  rows bytea not null,
  primary key (shop, id)
);
create unique index mail_report_key on mail_report (shop, key);
create index mail_report_end on mail_report (shop, kind, end_s, id);
create index mail_report_work on mail_report (shop, kind, classified, named);
-- The rows of a report, counted by source.
create table mail_source (
  shop bigint not null,
  report bytea not null,
  n bigint not null,
  day bigint not null,
  stream text not null,
  category text not null,
  sender text not null,
  network text not null,
  messages bigint not null,
  passed bigint not null,
  dkim bigint not null,
  spf bigint not null,
  quarantined bigint not null,
  rejected bigint not null,
  overridden bigint not null,
  primary key (shop, report, n)
);
create index mail_source_day on mail_source (shop, day);
-- What arrived as a report and could not be read; sealed, for a person to look at.
create table mail_quarantine (
  shop bigint not null,
  id bytea not null,
  at bigint not null,
  source text not null,
  reason text not null,
  size bigint not null,
  digest bytea not null,
  sealed bytea not null,
  primary key (shop, id)
);
create unique index mail_quarantine_digest on mail_quarantine (shop, digest);
-- Small facts that last: key changes under way, yesterday's DNS, policy steps, lookalikes, digests.
create table mail_fact (
  shop bigint not null,
  kind text not null,
  name text not null,
  updated bigint not null,
  version bigint not null,
  value text not null,
  row_mac bytea not null,
  primary key (shop, kind, name)
);
