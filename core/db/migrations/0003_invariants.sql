-- What holds whoever writes: the version rises, postings follow the content, df and passages are counted.
-- The functions run as the owner with a pinned search_path, so that the application needs no right to write those
-- tables; row-level security is forced on the owner too (0005).

-- The distinct lexemes of a text. A tsvector holds at most 1 MiB: long texts go through it in pieces, and a word that
-- a piece ends in is cut, once in 100 000 characters.
create function lexemes(config regconfig, content text) returns setof text
language sql immutable parallel safe
begin atomic
    select distinct lexeme
    from generate_series(1, greatest(length(content), 1), 100000) as start,
        unnest(tsvector_to_array(to_tsvector(config, substr(content, start, 100000)))) as lexeme;
end;

-- Before any other row is touched, so that the writers of one shop queue here and cannot deadlock further on.
-- A version never comes twice, not even in another database: a restored or exchanged database that counted on from a
-- lower number would be answered for from the caches of the one before. So the clock counts, in microseconds; where
-- it stands still or goes back, one by one.
create function raise_version() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    ticks bigint := extract(epoch from clock_timestamp()) * 1000000;
begin
    if current_shop() is null then
        raise exception 'no shop is set' using errcode = 'insufficient_privilege';
    end if;
    insert into shop (id, version) values (current_shop(), ticks)
    on conflict (id) do update set version = greatest(shop.version + 1, ticks);
    return null;
end $$;

create trigger raise_version before insert or update or delete on passage
for each statement execute function raise_version();
create trigger raise_version before insert or update or delete on passage_vector
for each statement execute function raise_version();

create function add_postings() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if tg_op = 'UPDATE' then
        delete from posting using added where posting.shop_id = added.shop_id and posting.passage_id = added.id;
    else
        update shop set passages = passages + (select count(*) from added) where id = current_shop();
    end if;
    insert into posting (shop_id, lexeme, passage_id)
    select added.shop_id, lexeme, added.id
    from added join shop on shop.id = added.shop_id, lexemes(shop.text_config, added.content) as lexeme;
    return null;
end $$;

create trigger add_postings after insert on passage
referencing new table as added for each statement execute function add_postings();
create trigger replace_postings after update on passage
referencing new table as added for each statement execute function add_postings();

create function remove_postings() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    delete from posting using removed where posting.shop_id = removed.shop_id and posting.passage_id = removed.id;
    update shop set passages = passages - (select count(*) from removed) where id = current_shop();
    return null;
end $$;

create trigger remove_postings after delete on passage
referencing old table as removed for each statement execute function remove_postings();

create function raise_df() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    insert into term (shop_id, lexeme, df)
    select shop_id, lexeme, count(*) from added group by shop_id, lexeme
    on conflict (shop_id, lexeme) do update set df = term.df + excluded.df;
    return null;
end $$;

create trigger raise_df after insert on posting
referencing new table as added for each statement execute function raise_df();

create function lower_df() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    delete from term
    using (select shop_id, lexeme, count(*) as gone from removed group by shop_id, lexeme) as lost
    where term.shop_id = lost.shop_id and term.lexeme = lost.lexeme and term.df <= lost.gone;
    update term set df = df - lost.gone
    from (select shop_id, lexeme, count(*) as gone from removed group by shop_id, lexeme) as lost
    where term.shop_id = lost.shop_id and term.lexeme = lost.lexeme;
    return null;
end $$;

create trigger lower_df after delete on posting
referencing old table as removed for each statement execute function lower_df();
