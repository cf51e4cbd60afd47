//! A connection to a broker, with one request at a time.

use std::sync::Arc;

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};

use super::{
    broker_failure::{BrokerFailure, FailureClass},
    protocol::{self, RequestKind},
    scram::{ScramClient, ScramHash},
    settings::{BrokerAddress, SaslMechanism},
};

/// Maximum length of an answer in bytes. That of a topic with 100,000 partitions has 4 MB.
const LONGEST: usize = 16 << 20;

/// User and password, and the mechanism that proves them.
#[derive(Clone)]
pub(super) struct BrokerCredentials {
    pub(super) mechanism: SaslMechanism,
    pub(super) user: String,
    pub(super) password: String,
}

/// TLS of a connection: its configuration, and the name in the certificates of all brokers, if it is not that of their
/// addresses.
#[derive(Clone)]
pub(super) struct BrokerTls {
    pub(super) config: Arc<ClientConfig>,
    pub(super) server_name: Option<String>,
}

/// A stream of bytes in both directions.
trait BrokerStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> BrokerStream for T {}

/// A connection.
pub(super) struct BrokerConnection {
    stream: Box<dyn BrokerStream>,
    correlation: i32,
}

impl BrokerConnection {
    /// Connects to a broker and authenticates.
    pub(super) async fn connect(
        address: &BrokerAddress,
        tls: Option<&BrokerTls>,
        credentials: Option<&BrokerCredentials>,
    ) -> Result<Self, BrokerFailure> {
        let failed = |why: String| BrokerFailure::again(format!("{address}: {why}"));
        let tcp = TcpStream::connect((&*address.host, address.port)).await;
        let tcp = tcp.map_err(|error| failed(error.to_string()))?;
        tcp.set_nodelay(true).map_err(|error| failed(error.to_string()))?;
        let stream: Box<dyn BrokerStream> = match tls {
            None => Box::new(tcp),
            Some(tls) => {
                let name = tls.server_name.as_ref().unwrap_or(&address.host).clone();
                let name = ServerName::try_from(name).map_err(|error| failed(error.to_string()))?;
                let stream = TlsConnector::from(Arc::clone(&tls.config)).connect(name, tcp).await;
                Box::new(stream.map_err(|error| failed(format!("TLS: {error}; look at tls")))?)
            }
        };
        let mut connection = Self { stream, correlation: 0 };
        if let Some(credentials) = credentials {
            let done = connection.authenticate(credentials).await;
            done.map_err(|failure| BrokerFailure { why: format!("{address}: {}", failure.why), ..failure })?;
        }
        Ok(connection)
    }

    /// Sends a request. Returns the body of the answer.
    pub(super) async fn ask(&mut self, kind: RequestKind, body: &[u8]) -> Result<Vec<u8>, BrokerFailure> {
        self.correlation = self.correlation.wrapping_add(1);
        let frame = kind.frame(self.correlation, body);
        self.exchange(&frame).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => BrokerFailure::again("the broker closed the connection"),
            std::io::ErrorKind::InvalidData => super::wire::MalformedAnswer.into(),
            _ => BrokerFailure::again(error.to_string()),
        })
    }

    async fn exchange(&mut self, frame: &[u8]) -> std::io::Result<Vec<u8>> {
        self.stream.write_all(frame).await?;
        self.stream.flush().await?;
        let length = self.stream.read_u32().await? as usize;
        let correlation = self.stream.read_i32().await?;
        let length = length.checked_sub(4).filter(|length| *length <= LONGEST);
        let Some(length) = length.filter(|_| correlation == self.correlation) else {
            return Err(std::io::ErrorKind::InvalidData.into());
        };
        let mut answer = Vec::new();
        // Memory grows with what comes, not with what is announced.
        (&mut self.stream).take(length as u64).read_to_end(&mut answer).await?;
        if answer.len() < length {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(answer)
    }

    async fn authenticate(&mut self, credentials: &BrokerCredentials) -> Result<(), BrokerFailure> {
        let mechanism = credentials.mechanism;
        let body = protocol::sasl_handshake(mechanism.name());
        let answer = self.ask(RequestKind::SaslHandshake, &body).await?;
        let (code, known) = protocol::sasl_mechanisms(&answer)?;
        let about = || format!("mechanism {} (the broker has {})", mechanism.name(), known.join(", "));
        if let Some(failure) = BrokerFailure::of(code, &about()) {
            return Err(failure);
        }
        let refused = |why: String| BrokerFailure { class: FailureClass::Credentials, why };
        let hash = match mechanism {
            SaslMechanism::Plain => {
                let message = format!("\0{}\0{}", credentials.user, credentials.password);
                return self.sasl(message.as_bytes()).await.map(drop);
            }
            SaslMechanism::ScramSha256 => ScramHash::sha256(),
            SaslMechanism::ScramSha512 => ScramHash::sha512(),
        };
        let client = ScramClient::new(hash, &credentials.user).map_err(BrokerFailure::again)?;
        let answer = self.sasl(client.first_message().as_bytes()).await?;
        let password = credentials.password.clone();
        // Deriving a key takes milliseconds on purpose; other sinks have their own threads.
        let (message, signature) = client.second_message(&password, &answer).map_err(refused)?;
        let answer = self.sasl(message.as_bytes()).await?;
        signature.check(&answer).map_err(refused)
    }

    /// Sends a message of a mechanism. Returns the broker's.
    async fn sasl(&mut self, message: &[u8]) -> Result<Vec<u8>, BrokerFailure> {
        let answer = self.ask(RequestKind::SaslAuthenticate, &protocol::sasl_authenticate(message)).await?;
        let (code, text, message) = protocol::sasl_message(&answer)?;
        let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
        match BrokerFailure::of(code, "authentication") {
            Some(failure) if text.is_empty() => Err(failure),
            Some(failure) => Err(BrokerFailure { why: format!("{}: {text}", failure.why), ..failure }),
            None => Ok(message.to_vec()),
        }
    }
}
