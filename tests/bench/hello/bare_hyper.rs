//! A name by hand, on hyper-util.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

mod by_hand;

use by_hand::{Answer, Question, TOKEN_URL, Token, user_url};

type Trouble = Box<dyn std::error::Error>;

fn main() -> Result<(), Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let https = HttpsConnectorBuilder::new().with_platform_verifier().https_only();
        #[cfg(feature = "hello-bare-hyper-h2")]
        let https = https.enable_all_versions().build();
        #[cfg(not(feature = "hello-bare-hyper-h2"))]
        let https = https.enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build(https);

        let request = http::Request::get(TOKEN_URL).body(Full::default())?;
        let token: Token = serde_json::from_slice(&send(&client, request).await?)?;
        let question = serde_json::to_vec(&Question { userid: "manager01" })?;
        let request = http::Request::post(user_url(&token.access_token))
            .header("content-type", "application/json")
            .body(Full::from(question))?;
        let answer: Answer = serde_json::from_slice(&send(&client, request).await?)?;
        println!("{} works in {:?}", answer.result.name, answer.result.dept_id_list);
        Ok(())
    })
}

async fn send(
    client: &Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    request: http::Request<Full<Bytes>>,
) -> Result<Bytes, Trouble> {
    Ok(client.request(request).await?.into_body().collect().await?.to_bytes())
}
