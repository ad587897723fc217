//! A server that does what the test says, also what no web framework would: it cuts answers and resets connections.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Answers.
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    },
    /// Answers with a body that ends after some bytes of it.
    Cut { body: String, after: usize },
    /// Reads the request, and closes the connection with a reset.
    Reset,
    /// Reads the request, and never answers.
    Silence,
}

impl Act {
    pub(crate) fn answer(status: u16, body: impl Into<String>) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    pub(crate) fn ok(body: impl Into<String>) -> Self {
        Self::answer(200, body)
    }

    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_string()));
        }
        self
    }
}

/// A request that the server read whole.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Method and target, such as `GET /v1/test`.
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

type Script = Box<dyn FnMut(&Seen) -> Act + Send>;

#[derive(Clone)]
pub(crate) struct Server {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Does each of these in turn, and the last again and again.
    pub(crate) async fn doing(acts: impl IntoIterator<Item = Act>) -> Self {
        let mut acts: VecDeque<Act> = acts.into_iter().collect();
        Self::running(move |_| match acts.len() {
            0 => panic!("there is nothing to do"),
            1 => acts[0].clone(),
            _ => acts.pop_front().unwrap(),
        })
        .await
    }

    /// Does what the script says of each request.
    pub(crate) async fn running(script: impl FnMut(&Seen) -> Act + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            seen: Arc::default(),
        };
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(script)));
        let seen = server.seen.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, script.clone(), seen.clone()));
            }
        });
        server
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Method and target of each request.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

async fn serve(stream: TcpStream, script: Arc<Mutex<Script>>, seen: Arc<Mutex<Vec<Seen>>>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        seen.lock().unwrap().push(request.clone());
        let act = script.lock().unwrap()(&request);
        match act {
            Act::Answer {
                status,
                headers,
                body,
            } => {
                let mut answer = format!(
                    "HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n",
                    body.len()
                );
                if !headers.iter().any(|(name, _)| name == "content-type") {
                    answer.push_str("content-type: application/json\r\n");
                }
                for (name, value) in headers {
                    answer.push_str(&format!("{name}: {value}\r\n"));
                }
                answer.push_str("\r\n");
                answer.push_str(&body);
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            Act::Cut { body, after } => {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(&body.as_bytes()[..after]).await;
                let _ = stream.shutdown().await;
                return;
            }
            Act::Reset => {
                // With nothing to linger for, closing sends a reset.
                #[expect(
                    deprecated,
                    reason = "a linger of zero does not block, which the deprecation warns of"
                )]
                let _ = stream.get_ref().set_linger(Some(std::time::Duration::ZERO));
                return;
            }
            Act::Silence => std::future::pending().await,
        }
    }
}

/// The next request of a connection, if there is one.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut line = String::new();
    if stream.read_line(&mut line).await.ok()? == 0 {
        return None;
    }
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Seen {
        line,
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}
