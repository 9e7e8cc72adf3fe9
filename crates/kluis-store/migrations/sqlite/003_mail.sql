-- Mail: signing keys, the queue of the relay, what was sent, what receivers reported, what could not be read.
-- Above the line `-- keys.db` stands what is in data.db.

-- A signing key of DKIM; its private half is sealed.
create table mail_key (
  shop integer not null,
  domain text not null,
  selector text not null,
  created integer not null,
  updated integer not null,
  kind text not null,
  state text not null,
  public text not null,
  sealed blob not null,
  row_mac blob not null,
  primary key (shop, domain, selector)
) strict;
-- A message that waits for its smarthost, sealed with its envelope. Never in a dump: restoring must not send it twice.
-- Until `due` it is left alone: it was tried before, or `lease_by` (a process of `node`) delivers it.
create table mail_queue (
  shop integer not null,
  id blob not null,
  node text not null,
  stream text not null,
  at integer not null,
  due integer not null,
  attempts integer not null,
  state text not null,
  size integer not null,
  lease_by text not null,
  envelope blob not null,
  message blob not null,
  primary key (shop, id)
) strict;
create index mail_queue_due on mail_queue (shop, state, stream, due, at, size);
-- Messages counted by day (days since 1970 in UTC), stream, mailbox provider and outcome.
create table mail_sent (
  shop integer not null,
  node text not null,
  day integer not null,
  stream text not null,
  receiver text not null,
  outcome text not null,
  messages integer not null,
  primary key (shop, node, day, stream, receiver, outcome)
) strict;
-- A report of a receiver: aggregate (RFC 9990) or TLS (RFC 8460); its rows are sealed JSON. `classified` marks by which
-- setup and catalogue its sources were named, `named` when the names of its servers were looked up (0: not yet, less
-- than 0: so many failed tries); `sources_hash` covers its rows in mail_source.
create table mail_report (
  shop integer not null,
  id blob not null,
  key blob not null,
  kind text not null,
  org text not null,
  domain text not null,
  begin_s integer not null,
  end_s integer not null,
  received integer not null,
  messages integer not null,
  classified blob not null,
  named integer not null,
  head text not null,
  rows_hash blob not null,
  sources_hash blob not null,
  row_mac blob not null,
  rows blob not null,
  primary key (shop, id)
) strict;
create unique index mail_report_key on mail_report (shop, key);
create index mail_report_end on mail_report (shop, kind, end_s, id);
create index mail_report_work on mail_report (shop, kind, classified, named);
-- The rows of a report, counted by source.
create table mail_source (
  shop integer not null,
  report blob not null,
  n integer not null,
  day integer not null,
  stream text not null,
  category text not null,
  sender text not null,
  network text not null,
  messages integer not null,
  passed integer not null,
  dkim integer not null,
  spf integer not null,
  quarantined integer not null,
  rejected integer not null,
  overridden integer not null,
  primary key (shop, report, n)
) strict;
create index mail_source_day on mail_source (shop, day);
-- What arrived as a report and could not be read; sealed, for a person to look at.
create table mail_quarantine (
  shop integer not null,
  id blob not null,
  at integer not null,
  source text not null,
  reason text not null,
  size integer not null,
  digest blob not null,
  sealed blob not null,
  primary key (shop, id)
) strict;
create unique index mail_quarantine_digest on mail_quarantine (shop, digest);
-- Small facts that last: key changes under way, yesterday's DNS, policy steps, lookalikes, digests.
create table mail_fact (
  shop integer not null,
  kind text not null,
  name text not null,
  updated integer not null,
  version integer not null,
  value text not null,
  row_mac blob not null,
  primary key (shop, kind, name)
) strict;

-- keys.db
