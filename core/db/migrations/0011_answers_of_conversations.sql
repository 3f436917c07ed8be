-- An answer under an Idempotency-Key that tells of a conversation goes with it, when a person is to be forgotten or the
-- retention ends.
alter table idempotency
    add column conversation_id uuid,
    add foreign key (shop_id, conversation_id) references conversation on delete cascade;
create index idempotency_of_conversation on idempotency (shop_id, conversation_id) where conversation_id is not null;

-- Those of before held the tokens of visitors, which are kept nowhere now. The owner is bound by row-level security too.
alter table idempotency no force row level security;
delete from idempotency where position('visit_'::bytea in response) > 0;
alter table idempotency force row level security;
