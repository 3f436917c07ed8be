-- Codes and numbers are found however they are written. The parser takes the hyphen before a digit for a sign ("GN-5294"
-- was "gn" and "-5294", which "gn 5294" never met) and letters with digits for one word ("gn5294").

-- A text as its words are taken from it. A digit after a letter begins a word of its own, with or without a sign between
-- them, and so does one after a digit's hyphen (555-0182, 9-17); a sign before the first digit stays one (-5 °C), and so
-- does a point between digits (3.14, 1.2.3). A code is one word besides, without its hyphens: the parts alone would take
-- another code of the same number for it. "10am" and "24-hour" are as they were.
create function with_words_of_codes(content text) returns text
language sql immutable parallel safe
begin atomic
    select concat_ws(' ',
        regexp_replace(content, '(?<=[[:alpha:]])[-/._\u2010-\u2013]?(?=[0-9])|(?<=[0-9])-(?=[0-9])', ' ', 'g'),
        string_agg(regexp_replace(code[1], '[- \u2010-\u2013]', '', 'g'), ' ')
    )
    from regexp_matches(
        content,
        '\m(?:[[:alpha:]]+[-\u2010-\u2013]?[0-9]|[[:upper:]]{2,} [0-9]{3}|[0-9]+[[:alpha:]]+[0-9])[[:alnum:]]*'
            '(?:[-\u2010-\u2013][[:alnum:]]*[0-9][[:alnum:]]*)*',
        'g'
    ) as code;
end;

-- The distinct lexemes of a text, a passage's and a question's alike. A tsvector holds at most 1 MiB: long texts go
-- through it in pieces, and a word that a piece ends in is cut, once in 100 000 characters. What codes need is a function
-- of its own, which is not planned with every search.
create or replace function lexemes(config regconfig, content text) returns setof text
language sql immutable parallel safe
begin atomic
    select distinct lexeme
    from generate_series(1, greatest(length(content), 1), 100000) as start,
        substr(content, start, 100000) as piece,
        unnest(tsvector_to_array(to_tsvector(
            config, case when piece ~ '[0-9]' then with_words_of_codes(piece) else piece end
        ))) as lexeme;
end;

-- Whether the shop has a code with the same letters and as many digits: a question that names such a code, known or not,
-- asks about it and nothing else. `code` are letters, then letters and digits.
create function has_code_like(of_shop int, code text) returns boolean
language sql stable parallel safe
begin atomic
    select exists (
        select from term
        where shop_id = of_shop and lexeme ~ ('^' || regexp_replace(code, '[0-9]', '[0-9]', 'g') || '$')
            and lexeme >= substring(code from '^[^0-9]+') || '0' and lexeme <= substring(code from '^[^0-9]+') || '9z'
    );
end;

-- A question that names a code in two words ("gn 5294"), with it in one besides, where the shop has codes like it.
create function with_codes(of_shop int, question text) returns text
language sql stable parallel safe
begin atomic
    select concat_ws(' ', question, string_agg(pair[1] || pair[2], ' '))
    from regexp_matches(lower(question), '\m([[:alpha:]]{1,9}) ([0-9]{1,12})\M', 'g') as pair
    where has_code_like(of_shop, pair[1] || pair[2]);
end;

-- What was written before: the words that a passage gains and loses, and no others. Whoever writes waits for the end,
-- for a passage that is stored meanwhile would be cut by the function of before; whoever searches does not. All writers
-- come by the row of their shop first (raise_version), so that they wait there and hold nothing that is needed here.
lock table shop in exclusive mode;
create temporary table word_now (passage_id uuid, lexeme text, primary key (passage_id, lexeme)) on commit drop;
do $$
declare
    of_shop record;
    ticks bigint := extract(epoch from clock_timestamp()) * 1000000;
begin
    for of_shop in select id, text_config from shop where passages > 0 loop
        perform set_config('edge.shop_id', of_shop.id::text, true);
        delete from word_now;
        insert into word_now
        select passage.id, lexeme
        from passage, lexemes(of_shop.text_config, passage.content) as lexeme
        where shop_id = of_shop.id
            and content ~ '[[:alpha:]][-/._\u2010-\u2013]?[0-9]|[0-9]-[0-9]|[[:upper:]]{2} [0-9]{3}';
        continue when not found;
        delete from posting
        where shop_id = of_shop.id and passage_id in (select passage_id from word_now)
            and not exists (select from word_now where word_now.passage_id = posting.passage_id
                and word_now.lexeme = posting.lexeme);
        insert into posting (shop_id, lexeme, passage_id)
        select of_shop.id, lexeme, passage_id from word_now
        on conflict do nothing;
        update shop set version = greatest(version + 1, ticks) where id = of_shop.id;
    end loop;
    perform set_config('edge.shop_id', '', true);
end $$;
