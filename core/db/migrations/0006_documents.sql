-- What passages come from: a document is what one unit of an import (a file, a line of a JSONL file, a row of a table)
-- says. Its passages are swapped whole; its hash is committed with them, so that an import knows what to skip.

-- file and key: the document's identity within the shop, a path and what stands for the record within it ('' for the
-- whole file); together they fit a B-tree's row (2 704 bytes). hash: of all that its passages were made of, whatever
-- became of them since; null when nobody can say, so that the next import writes the document anew.
create table document (
    shop_id int not null references shop,
    id uuid not null,
    file text not null check (file <> '' and octet_length(file) <= 2000),
    key text not null default '' check (octet_length(key) <= 500),
    hash bytea check (octet_length(hash) = 32),
    created_at timestamptz not null default now(),
    primary key (shop_id, id),
    unique (shop_id, file, key)
);

-- Passages that were written one by one have none.
alter table passage add column document_id uuid;
alter table passage add foreign key (shop_id, document_id) references document on delete cascade;
create index passage_document on passage (shop_id, document_id) where document_id is not null;

-- First of all the shop's row, as for every other writer (0003).
create trigger raise_version before insert or update or delete on document
for each statement execute function raise_version();

-- Which shop the tenants of imported files are, by the name that the files use: the owner's to write, no function's.
create table tenant (
    name text primary key check (name <> '' and octet_length(name) <= 500),
    shop_id int not null unique check (shop_id > 0),
    created_at timestamptz not null default now()
);

alter table document enable row level security;
alter table document force row level security;
create policy of_shop on document using (shop_id = (select current_shop()))
with check (shop_id = (select current_shop()));

grant select, insert, delete on document to edge_app;
