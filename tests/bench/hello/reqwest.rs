//! A name by hand, on reqwest.

mod by_hand;

use by_hand::{Answer, Question, TOKEN_URL, Token, user_url};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = reqwest::Client::new();
        let token: Token = client.get(TOKEN_URL).send().await?.json().await?;
        let request = client.post(user_url(&token.access_token));
        let request = request.json(&Question { userid: "manager01" });
        let answer: Answer = request.send().await?.json().await?;
        println!("{} works in {:?}", answer.result.name, answer.result.dept_id_list);
        Ok(())
    })
}
