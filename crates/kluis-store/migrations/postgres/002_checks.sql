-- Audits of shops' HTTPS: each run with its report.

create table check_run (
  shop bigint not null,
  id bytea not null,
  domain text not null,
  at bigint not null,
  updated bigint not null,
  state text not null,
  created_by text not null,
  node text not null,
  options text not null,
  summary text not null,
  report bytea not null,
  report_hash bytea not null,
  row_mac bytea not null,
  primary key (shop, id)
);
create index check_run_domain on check_run (shop, domain, id);
-- One at a time for each domain, over all nodes.
create unique index check_run_busy on check_run (shop, domain) where state in ('queued', 'running');
