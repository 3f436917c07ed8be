-- A name becomes part of a pattern that questions are searched for, and is read with every question: it has a length
-- (core.db.names). A constraint sees no single element of an array, so this one is of all twenty as they are written:
-- each in quotes, with a comma, and a backslash before each of its signs at the most. What is there is cut first.
do $$
declare
    of_shop int;
    ticks bigint := extract(epoch from clock_timestamp()) * 1000000;
begin
    for of_shop in select id from shop where length(names::text) > 100 loop
        perform set_config('edge.shop_id', of_shop::text, true);
        update shop set version = greatest(version + 1, ticks), names = array(
            select btrim(left(name, 100)) from unnest(names) with ordinality as given (name, place)
            where btrim(left(name, 100)) <> '' order by place
        ) where id = of_shop and exists (select from unnest(names) as name where length(name) > 100);
    end loop;
    perform set_config('edge.shop_id', '', true);
end $$;

alter table shop add constraint names_are_short check (length(names::text) <= 1 + 20 * (2 * 100 + 3));
