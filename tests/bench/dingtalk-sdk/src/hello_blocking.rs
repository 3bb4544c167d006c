//! A name by the crate `dingtalk-sdk`, blocking.

use dingtalk_sdk::{BlockingClient, ContactGetUserRequest};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = BlockingClient::new()?;
    let service = client.enterprise("your client id", "your client secret", "robot");
    let user = service.contact_get_user(ContactGetUserRequest::new("manager01"))?;
    println!("{:?} works in {:?}", user.name, user.extra.get("dept_id_list"));
    Ok(())
}
