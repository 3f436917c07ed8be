-- worth: how often a model finds an answer and its score says so, on the invented shops that it was calibrated with; null
-- of a model that was calibrated before this was kept.
alter table model
    add column worth real check (worth between 0 and 1);

-- The one of three arguments stays for the workers of a release before.
create function calibrate_model(of_digest text, new_midpoint real, new_scale real, new_worth real) returns boolean
language sql security definer set search_path = public, pg_temp
begin atomic
    with calibrated as (
        update model set midpoint = new_midpoint, scale = new_scale, worth = new_worth, calibrated_at = now()
        where digest = of_digest
        returning id
    )
    select exists (select from calibrated);
end;

revoke all on function calibrate_model(text, real, real, real) from public;
grant execute on function calibrate_model(text, real, real, real) to edge_app;
