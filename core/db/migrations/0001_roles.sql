-- The application role: what functions run as. It owns nothing and cannot bypass row-level security.
-- A role belongs to the whole server: another database, or an operator, may have made it before.
do $$
begin
    if not exists (select from pg_roles where rolname = 'edge_app') then
        create role edge_app nologin;
    end if;
exception when duplicate_object or unique_violation then
    null;  -- a migration of another database on this server was quicker
end $$;

-- The owner becomes edge_app where no DSN of the application's own is set (core.db.dsn). Since PostgreSQL 16 whoever
-- made a role is a member of it that may not become it.
do $$
begin
    if not pg_has_role(
        current_user, 'edge_app', case when current_setting('server_version_num')::int < 160000 then 'member' else 'set' end
    ) then
        execute format('grant edge_app to %I', current_user);
    end if;
end $$;

grant usage on schema public to edge_app;
