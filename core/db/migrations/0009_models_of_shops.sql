-- Which model a shop's searches use: all of its passages have vectors of it, and a change of model switches the shop at
-- once. url: where a model was last seen, for the questions of shops that still use it when another one is configured.
-- chosen_at: the model that the operator chose last is the one that new shops begin with.
alter table model
    add column url text check (url <> ''),
    add column chosen_at timestamptz;

-- switched_at: vectors of other models are removed a while later, when no search that read the state before is under way.
alter table shop
    add column model_id smallint references model,
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

-- Vectors of a model that no search of the shop uses change no answer: with edge.vectors = 'aside' they are written and
-- removed without a new version, which would make every cached answer of the shop useless again and again.
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
    update shop set model_id = (select min(model_id) from added)
    where id = current_shop() and model_id is null and exists (select from added);
    return null;
end $$;

create trigger adopt_model after insert on passage_vector
referencing new table as added for each statement execute function adopt_model();

-- The model of the shop in hand, which stays so until the transaction ends: its writers wait at its row.
create function hold_shop() returns smallint
language sql security definer set search_path = public, pg_temp
begin atomic
    select model_id from shop where id = current_shop() for no key update;
end;

-- The switch: false, and nothing done, while a passage has no vectors of the new model (ordinal 0 is written together
-- with the others). The shop's index is the new model's from now on, where there is one (core.db.ann).
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
    update shop set model_id = new_model, switched_at = clock_timestamp(), version = greatest(version + 1, ticks),
        ann = exists (
            select from pg_index join pg_class on pg_class.oid = pg_index.indexrelid
            where pg_index.indrelid = 'passage_vector'::regclass and pg_index.indisvalid
                and pg_class.relname = format('passage_vector_ann_%s_%s', current_shop(), new_model)
        )
    where id = current_shop() and model_id is distinct from new_model;
    return true;
end $$;

create function choose_model(new_model int) returns void
language sql security definer set search_path = public, pg_temp
begin atomic
    update model set chosen_at = clock_timestamp() where id = new_model;
end;

-- As the one with five arguments, which releases from before call, and notes where the model was seen.
create function register_model(
    new_digest text, new_name text, new_dimensions int, new_query_prefix text, new_document_prefix text, new_url text
) returns smallint
language sql security definer set search_path = public, pg_temp
begin atomic
    insert into model (digest, name, dimensions, query_prefix, document_prefix, url)
    values (new_digest, new_name, new_dimensions, new_query_prefix, new_document_prefix, new_url)
    on conflict (digest) do update set url = excluded.url, name = excluded.name where excluded.url is not null;
    select id from model where digest = new_digest;
end;

revoke all on function adopt_model(), hold_shop(), switch_model(int), choose_model(int),
    register_model(text, text, int, text, text, text) from public;
grant execute on function hold_shop(), switch_model(int), choose_model(int),
    register_model(text, text, int, text, text, text) to edge_app;
