-- What was said to visitors, what came of it, and who was asked to take over. docs/decisions/ tells why turns and
-- ratings come here through a local outbox: whatever is written below may therefore come twice, and is keyed by ids
-- that were made before.

-- A conversation may be of a shop that nobody has taught anything yet. The lock makes writers under an Idempotency-Key
-- queue here, as writers of passages do.
create function lock_shop() returns void
language sql security definer set search_path = public, pg_temp
begin atomic
    insert into shop (id) values (current_shop()) on conflict (id) do nothing;
    select from shop where id = current_shop() for no key update;
end;

-- user_id: whoever the chatbot says it is. updated_at: the last message; from then on retention counts.
create table conversation (
    shop_id int not null references shop,
    id uuid not null,
    user_id text check (user_id <> '' and length(user_id) <= 200),
    channel text not null default 'chat' check (channel <> ''),
    summary text,
    metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
    needs_review boolean not null default false,
    review_reason text,
    review_priority text not null default 'normal' check (review_priority in ('low', 'normal', 'high', 'urgent')),
    created_at timestamptz not null,
    updated_at timestamptz not null check (updated_at >= created_at),
    primary key (shop_id, id)
);
create index conversation_of_user on conversation (shop_id, user_id, created_at desc) where user_id is not null;
create index conversation_to_review on conversation (shop_id, created_at desc) where needs_review;
create index conversation_age on conversation (shop_id, updated_at);

-- ordinal: the question (0) and its answer (1) are of one moment. answered: whether the assistant knew.
create table message (
    shop_id int not null,
    conversation_id uuid not null,
    id uuid not null,
    role text not null check (role in ('user', 'assistant', 'human')),
    ordinal smallint not null default 0,
    content text not null,
    sources jsonb not null default '[]' check (jsonb_typeof(sources) = 'array'),
    answered boolean check ((answered is not null) = (role = 'assistant')),
    created_at timestamptz not null,
    primary key (shop_id, conversation_id, id),
    foreign key (shop_id, conversation_id) references conversation on delete cascade
);
create index message_in_order on message (shop_id, conversation_id, created_at, ordinal);

create table feedback (
    shop_id int not null,
    id uuid not null,
    conversation_id uuid not null,
    feedback_type text not null check (feedback_type in ('thumbs_up', 'thumbs_down', 'star_rating', 'emoji')),
    rating smallint check (rating between 1 and 5),
    reason text,
    metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
    created_at timestamptz not null,
    primary key (shop_id, id),
    foreign key (shop_id, conversation_id) references conversation on delete cascade
);
create index feedback_of_conversation on feedback (shop_id, conversation_id);

create table correction (
    shop_id int not null,
    id uuid not null,
    conversation_id uuid not null,
    original_response text not null,
    corrected_answer text not null,
    priority text not null check (priority in ('low', 'normal', 'high', 'urgent')),
    context text,
    metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
    created_at timestamptz not null default now(),
    primary key (shop_id, id),
    foreign key (shop_id, conversation_id) references conversation on delete cascade
);
create index correction_of_conversation on correction (shop_id, conversation_id);

create table voice_transcript (
    shop_id int not null references shop,
    id uuid not null,
    conversation_id uuid,
    transcript text not null,
    metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
    created_at timestamptz not null default now(),
    primary key (shop_id, id),
    foreign key (shop_id, conversation_id) references conversation on delete cascade
);
create index voice_transcript_age on voice_transcript (shop_id, created_at);
create index voice_transcript_of_conversation on voice_transcript (shop_id, conversation_id);

-- What the owner is asked to approve. It goes with the conversation that it came from; what was approved stays as
-- knowledge.
create table learning_queue (
    shop_id int not null references shop,
    id uuid not null,
    status text not null default 'pending' check (status in ('pending', 'approved', 'rejected')),
    source_type text not null check (source_type in ('feedback', 'correction', 'voice')),
    source_id uuid not null,
    conversation_id uuid,
    proposed_content text not null,
    category text check (category <> '' and length(category) <= 200),
    confidence_score real check (confidence_score between 0 and 1),
    priority text not null default 'normal' check (priority in ('low', 'normal', 'high', 'urgent')),
    metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
    created_at timestamptz not null default now(),
    reviewed_by text,
    reviewed_at timestamptz,
    passage_id uuid,  -- what the approval made or replaced; no key, since the owner may delete it
    primary key (shop_id, id),
    unique (shop_id, source_id),
    foreign key (shop_id, conversation_id) references conversation on delete cascade,
    check ((status = 'pending') = (reviewed_at is null) and (status = 'approved') = (passage_id is not null))
);
create index learning_queue_newest on learning_queue (shop_id, created_at desc, id desc);
create index learning_queue_of_conversation on learning_queue (shop_id, conversation_id);

-- What a passage was before an approval replaced it; without content where the approval made it. `applied` is what the
-- approval wrote: what was changed again since is not undone.
create table passage_history (
    shop_id int not null references shop,
    id uuid not null,
    passage_id uuid not null,
    learning_queue_id uuid not null,
    content text,
    category text,
    source text,
    metadata jsonb,
    applied text not null,
    changed_by text not null,
    changed_at timestamptz not null default now(),
    undone_by text,
    undone_at timestamptz,
    primary key (shop_id, id),
    check ((undone_by is null) = (undone_at is null))
);
create index passage_history_of_item on passage_history (shop_id, learning_queue_id, changed_at desc);

-- One hand-off at a time has a conversation. The visitor's token is kept as its SHA-256.
create table handoff (
    shop_id int not null,
    id uuid not null,
    conversation_id uuid not null,
    status text not null default 'waiting' check (status in ('waiting', 'active', 'closed')),
    token_hash bytea not null check (octet_length(token_hash) = 32),
    contact text check (contact <> '' and length(contact) <= 320),
    created_at timestamptz not null default now(),
    replied_at timestamptz,
    overdue_at timestamptz,
    closed_at timestamptz,
    primary key (shop_id, id),
    foreign key (shop_id, conversation_id) references conversation on delete cascade,
    check ((status = 'closed') = (closed_at is not null) and (status <> 'active' or replied_at is not null))
);
create unique index handoff_open on handoff (shop_id, conversation_id) where status <> 'closed';
create index handoff_newest on handoff (shop_id, created_at desc);

-- What happened in a hand-off, in the order in which its visitor and its owner are told: number is the id of the event
-- in their streams.
create table handoff_event (
    shop_id int not null,
    handoff_id uuid not null,
    number int not null check (number > 0),
    kind text not null check (kind in ('message', 'state')),
    author text not null check (author in ('visitor', 'owner', 'system')),
    status text not null check (status in ('waiting', 'overdue', 'active', 'closed')),
    content text not null,
    created_at timestamptz not null default now(),
    primary key (shop_id, handoff_id, number),
    foreign key (shop_id, handoff_id) references handoff on delete cascade
);

-- Whom to tell of a hand-off, set by the operator alone: a key of a shop must not make us call addresses.
create table shop_contact (
    shop_id int primary key references shop,
    email text check (email <> '' and length(email) <= 320),
    webhook_url text check (webhook_url ~ '^https?://'),
    webhook_secret text check (octet_length(webhook_secret) >= 16),
    check ((webhook_url is null) = (webhook_secret is null))
);

-- Whose an id is, for callers that name no shop: a visitor who rates, an operator's key. It says nothing but that.
create table place (
    kind text not null check (kind in ('conversation', 'learning', 'handoff')),
    id uuid not null,
    shop_id int not null references shop,
    created_at timestamptz not null default now(),
    primary key (kind, id, shop_id)
);

create function keep_place() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        insert into place (kind, id, shop_id) values (tg_argv[0], new.id, new.shop_id);
    else
        delete from place where kind = tg_argv[0] and id = old.id and shop_id = old.shop_id;
    end if;
    return null;
end $$;

create trigger keep_place after insert or delete on conversation
for each row execute function keep_place('conversation');
create trigger keep_place after insert or delete on learning_queue
for each row execute function keep_place('learning');
create trigger keep_place after insert or delete on handoff
for each row execute function keep_place('handoff');

-- The first that had the id: a conversation's id may be the caller's own, and another shop's caller may repeat it.
create function shop_of(of_kind text, of_id uuid) returns int
language sql stable security definer set search_path = public, pg_temp
begin atomic
    select shop_id from place where kind = of_kind and id = of_id order by created_at, shop_id limit 1;
end;

do $$
declare
    name text;
begin
    foreach name in array array[
        'conversation', 'message', 'feedback', 'correction', 'voice_transcript', 'learning_queue', 'passage_history',
        'handoff', 'handoff_event', 'shop_contact'
    ] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy of_shop on %I using (shop_id = (select current_shop()))'
            ' with check (shop_id = (select current_shop()))',
            name
        );
    end loop;
end $$;

revoke all on function lock_shop(), keep_place(), shop_of(text, uuid) from public;
grant execute on function lock_shop(), shop_of(text, uuid) to edge_app;

-- Functions delete nothing here: erasure and retention are the owner's.
grant select, insert on conversation, message, feedback, correction, voice_transcript, learning_queue, passage_history,
    handoff, handoff_event to edge_app;
grant select on shop_contact to edge_app;
grant update (user_id, updated_at, needs_review, review_reason, review_priority) on conversation to edge_app;
grant update (status, reviewed_by, reviewed_at, passage_id) on learning_queue to edge_app;
grant update (undone_by, undone_at) on passage_history to edge_app;
grant update (status, replied_at, overdue_at, closed_at) on handoff to edge_app;
