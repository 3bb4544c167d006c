//! A name by our blocking client.

use dingtalk_blocking::Client;
use dingtalk_blocking::core::{App, Error, contact::GetUser};

fn main() -> Result<(), Error> {
    let app = App::internal("your client id", "your client secret");
    let user = Client::new(app)?.call(GetUser::new("manager01"))?;
    println!("{} works in {:?}", user.name, user.dept_id_list);
    Ok(())
}
