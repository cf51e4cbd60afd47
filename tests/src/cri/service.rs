//! Calls of the Container Runtime Interface, over the socket of a runtime.

use std::{path::Path, time::Duration};

use prost::Message;
use tokio::runtime::{self, Runtime};
use tonic::{
    Request, Status,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

/// Longest time of a call: it copies the files of an image.
const CALL: Duration = Duration::from_secs(30);

/// A connection to a runtime.
pub(super) struct CriService {
    runtime: Runtime,
    channel: Channel,
}

impl CriService {
    /// Makes a connection that is opened by the first call.
    pub(super) fn new(socket: &Path) -> Result<Self, String> {
        let said = |error: &dyn std::error::Error| format!("{}: {error}", socket.display());
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| said(&error))?;
        let endpoint = Endpoint::from_shared(format!("unix:{}", socket.display()));
        let endpoint = endpoint.map_err(|error| said(&error))?.timeout(CALL);
        let channel = {
            let _entered = runtime.enter();
            endpoint.connect_lazy()
        };
        Ok(Self { runtime, channel })
    }

    /// Calls a method, such as `RuntimeService/Version`.
    pub(super) fn call<Q, A>(&self, method: &str, request: Q) -> Result<A, String>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        let path = PathAndQuery::try_from(format!("/runtime.v1.{method}"));
        let path = path.map_err(|error| format!("{method}: {error}"))?;
        let said = |status: &Status| format!("{method}: {} ({:?})", status.message(), status.code());
        let mut grpc = Grpc::new(self.channel.clone());
        self.runtime.block_on(async {
            grpc.ready().await.map_err(|error| format!("{method}: {error}"))?;
            let answer = grpc.unary(Request::new(request), path, ProstCodec::<Q, A>::default()).await;
            answer.map(tonic::Response::into_inner).map_err(|status| said(&status))
        })
    }
}
