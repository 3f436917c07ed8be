-- The answer to a write, kept under the caller's Idempotency-Key so that a repeated request gets it again.
create table idempotency (
    shop_id int not null references shop,
    key_hash bytea not null check (octet_length(key_hash) = 32),
    request_hash bytea not null check (octet_length(request_hash) = 32),
    status smallint not null check (status between 200 and 599),
    response bytea not null,
    created_at timestamptz not null default now(),
    primary key (shop_id, key_hash)
);
create index idempotency_age on idempotency (shop_id, created_at);

-- A key's secret is never stored, only its SHA-256: 32 random bytes need no slow hash. No shop: the operator's key.
create table api_key (
    id uuid primary key,
    shop_id int check (shop_id > 0),
    name text not null check (btrim(name) <> '' and length(name) <= 200),
    secret_hash bytea not null unique check (octet_length(secret_hash) = 32),
    created_at timestamptz not null default now(),
    revoked_at timestamptz check (revoked_at >= created_at)
);

create function authenticate_key(hash bytea) returns table (key_id uuid, shop_id int)
language sql stable security definer set search_path = public, pg_temp
begin atomic
    select api_key.id, api_key.shop_id from api_key where api_key.secret_hash = hash and api_key.revoked_at is null;
end;

-- What the application may write of `model`: a new row, and the calibration of a row.
create function register_model(
    new_digest text, new_name text, new_dimensions int, new_query_prefix text, new_document_prefix text
) returns smallint
language sql security definer set search_path = public, pg_temp
begin atomic
    insert into model (digest, name, dimensions, query_prefix, document_prefix)
    values (new_digest, new_name, new_dimensions, new_query_prefix, new_document_prefix)
    on conflict (digest) do nothing;
    select id from model where digest = new_digest;
end;

create function calibrate_model(of_digest text, new_midpoint real, new_scale real) returns boolean
language sql security definer set search_path = public, pg_temp
begin atomic
    with calibrated as (
        update model set midpoint = new_midpoint, scale = new_scale, calibrated_at = now()
        where digest = of_digest
        returning id
    )
    select exists (select from calibrated);
end;
