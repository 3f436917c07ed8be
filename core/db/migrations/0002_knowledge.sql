-- What shops know: passages, their vectors and their words. docs/architecture.md tells how a search uses them.

-- The shop of the transaction in hand; null when none is set. Row-level security is built on it: with no shop set no
-- row is visible and every write is refused.
create function current_shop() returns int
language sql stable parallel safe
return nullif(current_setting('edge.shop_id', true), '')::int;

-- version: the knowledge version, raised in every transaction that changes what the shop knows; part of cache keys.
-- passages: their number, for idf and paging. ann: an approximate index exists (core.db.ann).
create table shop (
    id int primary key check (id > 0),
    version bigint not null default 0 check (version >= 0),
    passages int not null default 0 check (passages >= 0),
    text_config regconfig not null default 'pg_catalog.english',
    ann boolean not null default false,
    created_at timestamptz not null default now()
) with (fillfactor = 50);  -- updated by every write: room for heap-only tuples

-- An embedding model, by the digest of its content. midpoint and scale turn its scores into probabilities.
create table model (
    id smallint generated always as identity primary key,
    digest text not null unique check (digest <> ''),
    name text not null check (name <> ''),
    dimensions smallint not null check (dimensions between 1 and 4000),
    query_prefix text not null default '',
    document_prefix text not null default '',
    midpoint real check (midpoint > '-infinity' and midpoint < 'infinity'),
    scale real check (scale > 0 and scale < 'infinity'),
    calibrated_at timestamptz,
    check ((midpoint is null) = (scale is null) and (midpoint is null) = (calibrated_at is null)),
    unique (id, dimensions)
);

-- The shop comes first in every key: rows of one shop lie together in the index, and an id that another shop uses
-- cannot be found out by colliding with it.
create table passage (
    shop_id int not null references shop,
    id uuid not null,
    content text not null check (btrim(content, E' \t\r\n') <> '' and octet_length(content) <= 8388608),
    category text check (category <> '' and length(category) <= 200),
    source text check (source <> '' and length(source) <= 2000),
    metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now() check (updated_at >= created_at),
    primary key (shop_id, id)
);
create index passage_newest on passage (shop_id, created_at desc, id desc);
create index passage_category on passage (shop_id, category, created_at desc, id desc) where category is not null;

-- Narrow, so that exact search reads few pages; ordinal 0 is the whole passage, 1.. are its chunks. The model's
-- dimension is part of the foreign key: vectors of two models never meet.
create table passage_vector (
    shop_id int not null,
    model_id smallint not null,
    ordinal smallint not null check (ordinal >= 0),
    dimensions smallint not null generated always as (vector_dims(embedding)) stored,
    passage_id uuid not null,
    embedding halfvec not null check (l2_norm(embedding) between 0.99 and 1.01),
    primary key (shop_id, passage_id, model_id, ordinal),
    foreign key (shop_id, passage_id) references passage on delete cascade,
    foreign key (model_id, dimensions) references model (id, dimensions)
);
alter table passage_vector alter column embedding set storage plain;

-- posting and term are written by triggers of `passage` alone (0003), which keep them true at half the cost of the
-- foreign keys they would have.
create table posting (
    shop_id int not null,
    lexeme text not null check (lexeme <> ''),
    passage_id uuid not null,
    primary key (shop_id, lexeme, passage_id)
);
create index posting_passage on posting (shop_id, passage_id);

-- df: in how many of the shop's passages the lexeme stands.
create table term (
    shop_id int not null,
    lexeme text not null,
    df int not null check (df > 0),
    primary key (shop_id, lexeme)
);
