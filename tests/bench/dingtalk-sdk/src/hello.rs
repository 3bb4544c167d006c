//! A name by the crate `dingtalk-sdk`, async.

use dingtalk_sdk::{Client, ContactGetUserRequest};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let service = Client::new()?.enterprise("your client id", "your client secret", "robot");
        let user = service.contact_get_user(ContactGetUserRequest::new("manager01")).await?;
        println!("{:?} works in {:?}", user.name, user.extra.get("dept_id_list"));
        Ok(())
    })
}
