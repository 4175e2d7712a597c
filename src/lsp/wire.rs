//! Messages on the wire: frames in, frames out, each on a thread of its own.
//!
//! `lsp_server` reads well-formed streams and stops at the first other one; here a message that is no message is told
//! and the next one is read, a length is not believed before the bytes have come, and nothing is read without bound.

use lsp_server::{ErrorCode, Message};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// A message that is longer than this, in bytes, ends the session: the largest source, and as much again.
const LARGEST: u64 = 512 << 20;
/// The longest line of a header, in bytes.
const LONGEST_LINE: u64 = 4096;

/// What comes from the client.
#[derive(Debug)]
pub enum Incoming {
    Message(Message),
    /// Not understood; the answer that the protocol has for it.
    Malformed(Value),
    /// Nothing comes any more.
    End,
}

/// What goes to the client.
pub enum Outgoing {
    Message(Message),
    /// A message that `lsp_server` has no type for.
    Raw(Value),
}

/// Reads frames until the stream ends or can't be followed any more. `forward` says whether anybody still listens.
pub fn read(input: impl Read, forward: impl Fn(Incoming) -> bool) {
    let mut input = BufReader::new(input);
    while let Some(incoming) = next(&mut input) {
        if !forward(incoming) {
            return;
        }
    }
    forward(Incoming::End);
}

/// The next frame; none where the stream has ended or is lost.
fn next(input: &mut impl BufRead) -> Option<Incoming> {
    let length = length(input)?;
    let Some(length) = length else {
        return Some(refused(
            ErrorCode::ParseError,
            Value::Null,
            "a header without Content-Length",
        ));
    };
    if length > LARGEST {
        return None;
    }
    let mut body = Vec::new();
    input.take(length).read_to_end(&mut body).ok()?;
    if (body.len() as u64) < length {
        return None;
    }
    Some(match serde_json::from_slice::<Message>(&body) {
        Ok(message) => Incoming::Message(message),
        Err(_) => unread(&body),
    })
}

/// The `Content-Length` of the next header. The outer none: the stream has ended. Lines that are no part of a header
/// are passed over.
fn length(input: &mut impl BufRead) -> Option<Option<u64>> {
    let mut length = None;
    let mut is_begun = false;
    loop {
        let mut line = Vec::new();
        let count = input.take(LONGEST_LINE).read_until(b'\n', &mut line).ok()?;
        if count == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        if let Some((name, value)) = line.split_once(':') {
            is_begun = true;
            if name.trim().eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok();
            }
        } else if line.is_empty() && (length.is_some() || is_begun) {
            return Some(length);
        }
    }
}

/// The answer to a body that is no message.
fn unread(body: &[u8]) -> Incoming {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => {
            let id = value.get("id").filter(|id| id.is_i64() || id.is_string());
            let id = id.cloned().unwrap_or_default();
            refused(ErrorCode::InvalidRequest, id, "not a message of JSON-RPC")
        }
        Err(error) => refused(ErrorCode::ParseError, Value::Null, &error.to_string()),
    }
}

fn refused(code: ErrorCode, id: Value, message: &str) -> Incoming {
    Incoming::Malformed(json!({
        "jsonrpc": "2.0",
        "id": id,
        "error": { "code": code as i32, "message": message },
    }))
}

/// Starts the thread that writes. It ends when the sender is dropped or the client is gone, and calls `ended` then.
///
/// # Errors
/// No thread can be started.
pub fn write(
    output: impl Write + Send + 'static,
    ended: impl FnOnce() + Send + 'static,
) -> std::io::Result<(Sender<Outgoing>, JoinHandle<()>)> {
    let (sender, receiver) = channel::<Outgoing>();
    let thread = std::thread::Builder::new()
        .name("writer".into())
        .spawn(move || {
            // Who does not listen is told nothing; the reader sees the end.
            let _ = write_all(output, &receiver);
            ended();
        })?;
    Ok((sender, thread))
}

fn write_all(output: impl Write, messages: &Receiver<Outgoing>) -> std::io::Result<()> {
    let mut output = BufWriter::new(output);
    for message in messages {
        match message {
            Outgoing::Message(message) => message.write(&mut output)?,
            Outgoing::Raw(value) => {
                let text = value.to_string();
                write!(output, "Content-Length: {}\r\n\r\n{text}", text.len())?;
            }
        }
        output.flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// The methods, refused codes and the end of a stream.
    fn heard(stream: &[u8]) -> Vec<String> {
        let all = Mutex::new(Vec::new());
        read(stream, |incoming| {
            all.lock().unwrap().push(match incoming {
                Incoming::Message(Message::Request(request)) => request.method,
                Incoming::Message(Message::Notification(notification)) => notification.method,
                Incoming::Message(Message::Response(response)) => response.id.to_string(),
                Incoming::Malformed(answer) => {
                    format!("{} {}", answer["error"]["code"], answer["id"])
                }
                Incoming::End => "end".into(),
            });
            true
        });
        all.into_inner().unwrap()
    }

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn what_is_no_message_is_refused_and_the_next_one_read() {
        let good = framed(r#"{"jsonrpc":"2.0","method":"x"}"#);
        for (bad, expected) in [
            (framed("{"), "-32700 null"),
            (framed("[]"), "-32600 null"),
            (framed(r#"{"id":7,"method":1}"#), "-32600 7"),
            (framed(&"[".repeat(100_000)), "-32700 null"),
            ("Content-Type: text\r\n\r\n".into(), "-32700 null"),
            ("Content-Length: many\r\n\r\n".into(), "-32700 null"),
        ] {
            assert_eq!(
                heard(format!("{bad}{good}").as_bytes()),
                [expected, "x", "end"]
            );
        }
        // Lines before a header, line ends of other systems, names in any case, a byte that is no text.
        for lead in ["garbage\r\n", "\r\n\n", "gar\n\u{FF}bage\n"] {
            assert_eq!(heard(format!("{lead}{good}").as_bytes()), ["x", "end"]);
        }
        let other = good.replace("\r\n", "\n").replace("Content-L", "content-l");
        assert_eq!(heard(other.as_bytes()), ["x", "end"]);
        let not_text = [
            &framed("\"ab\"").into_bytes()[..21],
            b"\"\xFF\xFF\"",
            good.as_bytes(),
        ]
        .concat();
        assert_eq!(heard(&not_text)[1..], ["x", "end"]);
    }

    #[test]
    fn a_stream_that_breaks_off_ends() {
        let good = framed(r#"{"jsonrpc":"2.0","id":1,"result":null}"#);
        for end in 0..good.len() {
            assert_eq!(heard(&good.as_bytes()[..end]), ["end"]);
        }
        assert_eq!(heard(good.as_bytes()), ["1", "end"]);
        // A length is not believed before the bytes are there, and one beyond measure not at all.
        let long = format!("Content-Length: {}\r\n\r\n{{}}", LARGEST);
        assert_eq!(heard(long.as_bytes()), ["end"]);
        let longer = format!("Content-Length: {}\r\n\r\n{{}}", u64::MAX);
        assert_eq!(heard(longer.as_bytes()), ["end"]);
    }
}
