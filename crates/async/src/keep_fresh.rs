//! Replacing a token ahead of time, in a task that the program owns.

use std::time::Duration;

use dingtalk_core::auth::{HeldToken, ObtainToken};
use dingtalk_core::{ActsAs, AnyToken, Error, Upkeep};
use tokio::time::sleep;

use crate::Client;

/// However odd the answers are, the platform is asked at most this often.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

impl<C: ActsAs<AnyToken>> Client<C> {
    /// Keeps the credential's token fresh for as long as the future is polled: replaces it ten
    /// minutes before its end, so that no call waits for one, and tells `report` of every new
    /// token and every failure. After a failure it tries again every half minute.
    ///
    /// A token that could not be replaced yet goes on serving; `report` hears why.
    ///
    /// It never ends by itself, and nothing runs unless the program spawns it:
    ///
    /// ```
    /// use dingtalk_async::Client;
    /// use dingtalk_async::core::{App, Request, Response, from_fn};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let transport = from_fn(|_: Request| async {
    /// #     Ok(Response::new(200, Default::default(), r#"{"accessToken":"t","expireIn":7200}"#))
    /// # });
    /// let client = Client::with_transport(App::internal("id", "secret"), transport);
    /// let task = tokio::spawn({
    ///     let client = client.clone();
    ///     async move {
    ///         client
    ///             .keep_fresh(|outcome| match outcome {
    ///                 Ok(token) => println!("token good until {}", token.expires_at),
    ///                 Err(error) => eprintln!("token not replaced: {error}"),
    ///             })
    ///             .await
    ///     }
    /// });
    /// task.abort();
    /// # });
    /// ```
    pub async fn keep_fresh(&self, mut report: impl FnMut(Result<HeldToken, Error>) + Send) {
        let mut upkeep = Upkeep::new();
        loop {
            let source = self.caller().source();
            let pause = match upkeep.wait(source, self.now()) {
                Some(pause) => pause,
                None => {
                    let outcome = self.call(ObtainToken::new()).await;
                    report(upkeep.settle(source, outcome, self.now()));
                    LEAST_PAUSE
                }
            };
            sleep(pause).await;
        }
    }
}
