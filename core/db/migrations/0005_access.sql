-- Who may do what. Row-level security is enabled and forced on every table of a shop; the sub-select makes the shop of
-- the transaction an InitPlan, read once a statement and not once a row.
do $$
declare
    name text;
begin
    foreach name in array array['passage', 'passage_vector', 'posting', 'term', 'idempotency'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy of_shop on %I using (shop_id = (select current_shop()))'
            ' with check (shop_id = (select current_shop()))',
            name
        );
    end loop;
end $$;

-- The state of a shop is no secret: one statement reads the versions that the requests of many shops wait for.
alter table shop enable row level security;
alter table shop force row level security;
create policy readable on shop for select using (true);
create policy own_added on shop for insert with check (id = (select current_shop()));
create policy own_changed on shop for update using (id = (select current_shop()));

revoke all on function raise_version(), add_postings(), remove_postings(), raise_df(), lower_df(),
    authenticate_key(bytea), register_model(text, text, int, text, text), calibrate_model(text, real, real) from public;

grant select on shop, model, posting, term to edge_app;
grant select, insert, delete on passage, passage_vector to edge_app;
-- Not its shop, id and birth: to what vectors and postings belong is nobody's to change.
grant update (content, category, source, metadata, updated_at) on passage to edge_app;
grant select, insert, delete on idempotency to edge_app;
grant execute on function
    authenticate_key(bytea), register_model(text, text, int, text, text), calibrate_model(text, real, real)
to edge_app;
