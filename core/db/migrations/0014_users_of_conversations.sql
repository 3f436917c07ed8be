-- Everybody whom the chatbot named in a conversation: a guest who logs in within it is two users. conversation.user_id
-- stays the first; who is to be forgotten is found here.
create table conversation_user (
    shop_id int not null,
    conversation_id uuid not null,
    user_id text not null check (user_id <> '' and length(user_id) <= 200),
    primary key (shop_id, conversation_id, user_id),
    foreign key (shop_id, conversation_id) references conversation on delete cascade
);
create index conversation_user_of_user on conversation_user (shop_id, user_id);

-- The owner is bound by row-level security too.
alter table conversation no force row level security;
insert into conversation_user (shop_id, conversation_id, user_id)
select shop_id, id, user_id from conversation where user_id is not null;
alter table conversation force row level security;

alter table conversation_user enable row level security;
alter table conversation_user force row level security;
create policy of_shop on conversation_user using (shop_id = (select current_shop()))
with check (shop_id = (select current_shop()));
grant select, insert on conversation_user to edge_app;
