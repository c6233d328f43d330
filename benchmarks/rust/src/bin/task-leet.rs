//! Leet worker: tasks.> -> leet-speak.
use std::{env, error::Error, str};

use async_nats::{Client, ConnectOptions, HeaderMap, Message};
use futures_util::StreamExt;
use tokio::signal::unix;

async fn handle(nats: &Client, message: Message) {
    let Some(reply_to) = message.reply else {
        return eprintln!("missing reply_to");
    };
    let sent = match str::from_utf8(&message.payload) {
        Ok(text) => nats.publish(reply_to, text.chars().map(leet).collect::<String>().into()).await,
        Err(_) => {
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Service-Error", "failed to decode body: not valid UTF-8");
            headers.insert("Nats-Service-Error-Code", "400");
            nats.publish_with_headers(reply_to, headers, "".into()).await
        }
    };
    sent.unwrap_or_else(|e| eprintln!("{e}"));
}

fn leet(c: char) -> char {
    match c.to_ascii_lowercase() {
        'a' => '4',
        'e' => '3',
        'i' | 'l' => '1',
        'o' => '0',
        's' => '5',
        't' => '7',
        _ => c,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let nats = ConnectOptions::new().name("task-leet").connect(env::var("NATS_URL")?).await?;
    let mut tasks = nats.queue_subscribe("tasks.>", "task-leet".into()).await?;
    let mut end = unix::signal(unix::SignalKind::terminate())?;
    loop {
        tokio::select! {
            Some(message) = tasks.next() => handle(&nats, message).await,
            _ = end.recv() => return Ok(nats.drain().await?),
        }
    }
}
