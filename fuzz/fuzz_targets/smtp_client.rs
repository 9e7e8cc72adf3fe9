//! Answers of a mail server: a reply is read or refused, and the client's side never panics or sends half a command.
#![no_main]
use kluis_crypto::SecretText;
use kluis_mail::smtp::Reply;
use kluis_mail::smtp::client::{
    Client, ClientLogin, ClientOptions, ClientRecipient, Event, TlsWish, Transaction, dotted,
};

libfuzzer_sys::fuzz_target!(|input: (&[u8], u8)| {
    let (bytes, mood) = input;
    if let Ok(Some((reply, length))) = Reply::read(bytes) {
        assert!(length <= bytes.len() && (200..600).contains(&reply.code));
        let mut written = Vec::new();
        reply.write(&mut written);
        assert_eq!(Reply::read(&written).unwrap().unwrap().0.code, reply.code);
    }
    let login = ClientLogin { user: "shop".to_owned(), password: SecretText::new("secret".to_owned()) };
    let mut client = Client::new(ClientOptions {
        hello: "mx.example".to_owned(),
        tls: if mood % 2 == 0 { TlsWish::Never } else { TlsWish::Required },
        login: (mood % 3 == 0).then_some(login),
    });
    let recipients = [ClientRecipient { address: "a@b.example", notify: None, original: None }; 3];
    let mail = Transaction {
        from: "c@d.example",
        recipients: &recipients,
        size: 10,
        is_8bit: mood % 5 == 0,
        is_header_only: false,
        envelope_id: None,
    };
    for piece in bytes.chunks(usize::from(mood) + 1) {
        if client.feed(piece).is_err() {
            return;
        }
        while let Some(event) = client.event() {
            match event {
                Event::StartTls => client.tls_started(),
                Event::Ready => {
                    let _ = client.begin(&mail);
                }
                Event::Data => {
                    let message: Vec<u8> = dotted(b".x\r\n").flatten().copied().collect();
                    assert_eq!(message, b"..x\r\n.\r\n");
                    client.data_sent();
                }
                Event::Done(replies) => assert_eq!(replies.len(), recipients.len()),
                Event::Closed => return,
            }
        }
        let output = client.take_output();
        assert!(output.expose().is_empty() || output.expose().ends_with(b"\r\n"));
    }
});
