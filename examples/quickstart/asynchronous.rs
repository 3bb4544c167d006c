//! The walk with the async client.

use std::time::{Duration, Instant, SystemTime};

use dingtalk_async::Client;
use dingtalk_async::core::auth::{GetScopes, ObtainToken};
use dingtalk_async::core::contact::{GetContactUser, GetUser, GetUserByCode};
use dingtalk_async::core::jsapi::{DdConfig, Nonce, ObtainTicket};
use dingtalk_async::core::todo::CreateTask;
use dingtalk_async::core::{Error, Timestamp, User};
use dingtalk_examples::{Stage, hidden, random, step};

pub(crate) async fn walk(stage: &Stage) -> Result<(), Box<dyn std::error::Error>> {
    let app = stage.app();
    let client = Client::new(app.clone())?;

    let token = client.call(ObtainToken::new()).await?;
    step(1, "app token", hidden(token.value.expose()));

    match stage.user_id() {
        Ok(user_id) => {
            let user = client.call(GetUser::new(user_id)).await?;
            step(2, "user details", format!("{} ({})", user.name, user.userid));
        }
        Err(missing) => step(2, "user details", missing),
    }

    match stage.silent_code() {
        Ok(code) => {
            let user = client.call(GetUserByCode::new(code)).await?;
            step(3, "silent login", format!("the code is {}'s", user.userid));
        }
        Err(missing) => step(3, "silent login", missing),
    }

    let ticket = client.call(ObtainTicket::new()).await?;
    step(4, "page ticket", hidden(ticket.value.expose()));
    match stage.page() {
        Ok((agent_id, corp_id, page_url)) => {
            let now = Timestamp::at(SystemTime::now(), Instant::now());
            let config = DdConfig::for_page(agent_id, corp_id, page_url)
                .api("biz.contact.choose")
                .sign(&ticket.value, &Nonce::from_entropy(random()?), now)?;
            step(5, "dd.config", stage.verify(&config)?);
        }
        Err(missing) => step(5, "dd.config", missing),
    }

    match stage.consent() {
        Ok(code) => {
            step(6, "openAuth consent", "given");
            person(&client.on_behalf_of(&app.user_from_code(code))).await?;
        }
        Err(missing) => step(6, "openAuth consent", missing),
    }

    if !stage.kill_tokens() {
        let now = Timestamp::at(SystemTime::now(), Instant::now());
        app.seed("a token that the platform does not know", now + HOUR, now);
    }
    let again = client.call(GetScopes::new()).await?;
    step(
        10,
        "killed token",
        format!("recovered; {} departments in scope", again.auth_org_scopes.authed_dept.len()),
    );
    Ok(())
}

async fn person(client: &Client<User>) -> Result<(), Error> {
    let me = client.call(GetContactUser::me()).await?;
    let mobile = me.mobile.as_deref().map_or("not granted".to_owned(), hidden);
    step(7, "profile", format!("{}, mobile {mobile}", me.nick));

    if let Some(union_id) = me.union_id {
        let task = CreateTask::new(&union_id, "Read the quick start", "https://example.com/todo")
            .creator_id(&union_id)
            .executor_ids([&union_id]);
        let task = client.call(task).await?;
        step(8, "to-do", format!("created as {}", task.id));
    }

    client.caller().forget_token();
    let token = client.call(ObtainToken::new()).await?;
    step(9, "user token refreshed", hidden(token.value.expose()));
    Ok(())
}

const HOUR: Duration = Duration::from_secs(3_600);
