//! How the program is told to end.

use std::io;

/// Ctrl-C, or the signal by which a service is ended; listened to from the moment this is made.
pub(crate) struct End {
    runtime: tokio::runtime::Runtime,
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
}

impl End {
    pub(crate) fn listen() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        #[cfg(unix)]
        let signals = {
            use tokio::signal::unix::{SignalKind, signal};
            let _inside = runtime.enter();
            [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?]
        };
        Ok(Self {
            runtime,
            #[cfg(unix)]
            signals,
        })
    }

    #[cfg(unix)]
    pub(crate) fn wait(self) -> io::Result<()> {
        let [mut pressed, mut ended] = self.signals;
        self.runtime.block_on(async {
            tokio::select! {
                _ = pressed.recv() => {}
                _ = ended.recv() => {}
            }
        });
        Ok(())
    }

    #[cfg(not(unix))]
    pub(crate) fn wait(self) -> io::Result<()> {
        self.runtime.block_on(tokio::signal::ctrl_c())
    }
}
