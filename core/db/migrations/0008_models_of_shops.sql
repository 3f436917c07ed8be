-- Which model a shop's searches use, so that a change of model switches each shop at once, when all its vectors are
-- there. `url` is where a model was last seen: while shops still use it, their questions are embedded there.
alter table model add column url text check (url <> '');

-- model_before: whose vectors are to be removed a while after the switch, when no search that read the state before
-- can be under way any more.
alter table shop
    add column model_id smallint references model,
    add column model_before smallint references model,
    add column switched_at timestamptz;

do $$
declare
    of_shop int;
begin
    for of_shop in select id from shop loop
        perform set_config('edge.shop_id', of_shop::text, true);
        update shop set model_id = (
            select model_id from passage_vector where shop_id = of_shop
            group by model_id order by count(*) desc, model_id desc limit 1
        ) where id = of_shop;
    end loop;
    perform set_config('edge.shop_id', '', true);
end $$;

-- Vectors of a model that no search of the shop uses change no answer: with edge.vectors = 'aside' they are written
-- and removed without a new version, which would make every cached answer of the shop useless again and again.
create or replace function raise_version() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    ticks bigint := extract(epoch from clock_timestamp()) * 1000000;
begin
    if current_shop() is null then
        raise exception 'no shop is set' using errcode = 'insufficient_privilege';
    end if;
    if tg_table_name = 'passage_vector' and current_setting('edge.vectors', true) = 'aside' then
        perform from shop where id = current_shop() for no key update;  -- writers of one shop still queue here
        return null;
    end if;
    insert into shop (id, version) values (current_shop(), ticks)
    on conflict (id) do update set version = greatest(shop.version + 1, ticks);
    return null;
end $$;

-- A shop uses the model of its first vectors.
create function adopt_model() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update shop set model_id = (select min(model_id) from added) where id = current_shop() and model_id is null;
    if current_setting('edge.vectors', true) = 'aside' and exists (
        select from added join shop on shop.id = added.shop_id and shop.model_id = added.model_id
    ) then
        raise exception 'vectors that searches use were written aside';
    end if;
    return null;
end $$;

create trigger adopt_model after insert on passage_vector
referencing new table as added for each statement execute function adopt_model();

-- The switch: false, and nothing done, while a passage has no vectors of the new model. Writers of the shop wait at its
-- row, so that none can come between the look and the switch.
create function switch_model(new_model int) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    ticks bigint := extract(epoch from clock_timestamp()) * 1000000;
begin
    perform from shop where id = current_shop() for no key update;
    if exists (
        select from passage where passage.shop_id = current_shop() and not exists (
            select from passage_vector
            where passage_vector.shop_id = passage.shop_id and passage_vector.passage_id = passage.id
                and passage_vector.model_id = new_model and passage_vector.ordinal = 0
        )
    ) then
        return false;
    end if;
    update shop set model_before = model_id, model_id = new_model, switched_at = clock_timestamp(),
        version = greatest(version + 1, ticks)
    where id = current_shop() and model_id is distinct from new_model;
    return true;
end $$;

-- Removes vectors of the model before, at most `most`; the number of those removed.
create function forget_old_vectors(most int) returns int
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    old_model smallint;
    removed int;
begin
    select model_before into old_model from shop
    where id = current_shop() and switched_at < clock_timestamp() - interval '1 minute' for no key update;
    if old_model is null then
        return 0;
    end if;
    perform set_config('edge.vectors', 'aside', true);
    delete from passage_vector where shop_id = current_shop() and (passage_id, model_id, ordinal) in (
        select passage_id, model_id, ordinal from passage_vector join shop on shop.id = passage_vector.shop_id
        where passage_vector.shop_id = current_shop() and passage_vector.model_id = old_model
            and shop.model_id <> old_model
        limit most
    );
    get diagnostics removed = row_count;
    perform set_config('edge.vectors', '', true);
    if removed = 0 then
        update shop set model_before = null where id = current_shop();
    end if;
    return removed;
end $$;

-- As the one with five arguments, which the release before calls, and notes where the model was seen.
create function register_model(
    new_digest text, new_name text, new_dimensions int, new_query_prefix text, new_document_prefix text, new_url text
) returns smallint
language sql security definer set search_path = public, pg_temp
begin atomic
    insert into model (digest, name, dimensions, query_prefix, document_prefix, url)
    values (new_digest, new_name, new_dimensions, new_query_prefix, new_document_prefix, new_url)
    on conflict (digest) do update set url = coalesce(excluded.url, model.url), name = excluded.name
    where model.url is distinct from coalesce(excluded.url, model.url) or model.name <> excluded.name;
    select id from model where digest = new_digest;
end;

revoke all on function adopt_model(), switch_model(int), forget_old_vectors(int),
    register_model(text, text, int, text, text, text) from public;
grant execute on function switch_model(int), forget_old_vectors(int),
    register_model(text, text, int, text, text, text) to edge_app;
