//! A name by our async client.

use dingtalk_async::Client;
use dingtalk_async::core::{App, Error, contact::GetUser};

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        let app = App::internal("your client id", "your client secret");
        let user = Client::new(app)?.call(GetUser::new("manager01")).await?;
        println!("{} works in {:?}", user.name, user.dept_id_list);
        Ok(())
    })
}
