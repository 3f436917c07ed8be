-- Typed facts of a shop (core.facts.types): every version is kept, the newest counts. A version without a document says
-- that there are none. What a document may say is the application's to check: it is read by the code that wrote it.
create table fact (
    shop_id int not null references shop,
    version int not null check (version > 0),
    document jsonb check (jsonb_typeof(document) = 'object' and pg_column_size(document) <= 1048576),
    action text not null check (action in ('put', 'undo')),
    restores int check (restores >= 0 and restores < version),
    key_id uuid,  -- whose key it was; null: the operator's command
    created_at timestamptz not null default now(),
    primary key (shop_id, version),
    check ((action = 'undo') = (restores is not null))
);

-- Facts are knowledge: answers in caches are not to outlive a change of them.
create trigger raise_version before insert on fact
for each statement execute function raise_version();

alter table fact enable row level security;
alter table fact force row level security;
create policy of_shop on fact using (shop_id = (select current_shop()))
with check (shop_id = (select current_shop()));

-- History is not rewritten: nothing is updated or deleted.
grant select, insert on fact to edge_app;
