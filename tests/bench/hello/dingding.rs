//! A name by the crate `dingding`, through its general call: it has none for a person's record.

use dingding::DingTalk;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Question {
    userid: &'static str,
}

#[derive(Deserialize)]
struct User {
    name: String,
    dept_id_list: Vec<i64>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = DingTalk::builder()
            .app_key_and_secret("your client id", "your client secret")
            .openapi_base_url("https://oapi.dingtalk.com")
            .build()?;
        let question = Question { userid: "manager01" };
        let path = ["topapi", "v2", "user", "get"];
        let user: User = client.openapi().post_json_result(&path, &question).await?;
        println!("{} works in {:?}", user.name, user.dept_id_list);
        Ok(())
    })
}
