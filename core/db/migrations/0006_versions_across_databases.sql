-- A version never comes twice, not even in another database: a restored or exchanged database that counted on from a
-- lower number would be answered for from the caches of the one before. So the clock counts, in microseconds; where
-- it stands still or goes back, one by one.
create or replace function raise_version() returns trigger
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
