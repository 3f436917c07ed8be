-- names: what visitors call the shop. A question that names it ("is there parking at The Copper Comb?") is asked about
-- "it" instead (core.retrieval.naming). Another name is another answer: whoever sets it raises the version.
alter table shop add column names text[] not null default '{}' check (cardinality(names) <= 20);
