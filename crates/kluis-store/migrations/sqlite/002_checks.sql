-- Audits of shops' HTTPS: each run with its report. Above the line `-- keys.db` stands what is in data.db.

create table check_run (
  shop integer not null,
  id blob not null,
  domain text not null,
  at integer not null,
  updated integer not null,
  state text not null,
  created_by text not null,
  node text not null,
  options text not null,
  summary text not null,
  report blob not null,
  report_hash blob not null,
  row_mac blob not null,
  primary key (shop, id)
) strict;
create index check_run_domain on check_run (shop, domain, id);
-- One at a time for each domain, over all nodes.
create unique index check_run_busy on check_run (shop, domain) where state in ('queued', 'running');

-- keys.db
