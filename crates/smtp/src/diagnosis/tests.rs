//! Tests the dictionary with verbatim replies of real servers.

use super::*;

/// The usual context: under TLS, with a user name and a password.
fn by_password() -> Context {
    Context {
        server: "smtp.example.com".to_owned(),
        own_name: "smtp.example.com".to_owned(),
        client_name: "[192.0.2.7]".to_owned(),
        signs_in_with: SignsInWith::Password,
        is_encrypted: true,
        has_greeted: true,
        offers_auth: true,
        sender: Some(EnvelopeAddress::of("noreply@example.com")),
        recipients: vec![EnvelopeAddress::of("ada@example.org")],
    }
}

fn in_clear() -> Context {
    Context { is_encrypted: false, ..by_password() }
}

/// The context without a user name, at a server that offers AUTH.
fn without_account() -> Context {
    Context { signs_in_with: SignsInWith::Nothing, ..by_password() }
}

/// The context without a user name, at a server without AUTH.
fn anonymous() -> Context {
    Context { offers_auth: false, ..without_account() }
}

fn by_token() -> Context {
    Context { signs_in_with: SignsInWith::Token, ..by_password() }
}

fn at_receiving_server() -> Context {
    Context { own_name: "x.mail.protection.outlook.com".to_owned(), ..anonymous() }
}

fn reply(code: u16, words: &str) -> Reply {
    Reply { code, lines: words.lines().map(str::to_owned).collect() }
}

/// Returns a reply that matches a row alone, by one of its signs. A code that the row gives only in
/// part is filled up with nines, which match no other row.
fn reply_of(row: &ReplyRule, sign: &str) -> Reply {
    let is_enhanced = sign.contains('.');
    let class = sign.split_once('.').map_or("5", |(class, _)| class).replace('x', "5");
    let start = if row.code.is_empty() { class.as_str() } else { row.code };
    let code = format!("{start:9<3}").parse().expect("a code");
    let named = match row.when {
        When::SenderIsNamed => " <noreply@example.com>",
        When::RecipientIsNamed => " <ada@example.org>",
        _ => "",
    };
    let sign = if is_enhanced { sign.replace("x.", "5.") } else { sign.replace('…', " ") };
    reply(code, &format!("{sign}{named}\n"))
}

fn context_of(row: &ReplyRule) -> Context {
    match row.when {
        When::Always => anonymous(),
        When::AuthIsLeftOut => without_account(),
        When::WithToken => by_token(),
        When::SignedIn | When::SenderIsNamed | When::RecipientIsNamed => by_password(),
    }
}

/// The code of each reply with an enhanced code has a row, too.
#[test]
fn enhanced_codes_decide_before_codes_and_no_sign_is_hidden_by_an_earlier_one() {
    for expected in [BY_WORDS, BY_ENHANCED_CODE, BY_CODE].into_iter().flatten() {
        for (index, sign) in expected.signs().enumerate() {
            let reply = reply_of(expected, sign);
            for &step in expected.steps {
                let found = row(step, &reply, &context_of(expected)).expect("a row");
                assert!(std::ptr::eq(found, expected), "{step:?} {sign:?} hidden by {found:?}");
            }
            let words = normalised(&reply.words());
            let hidden = expected.signs().take(index).find(|earlier| is_said(earlier, &words));
            assert_eq!(hidden, None, "hides {sign:?}");
        }
    }
}

#[test]
fn signs_are_normalised() {
    for part in BY_WORDS.iter().flat_map(ReplyRule::signs).flat_map(|sign| sign.split('…')) {
        let plain = normalised(part);
        assert!([plain.trim(), plain.trim_start()].contains(&part), "{part:?}");
    }
}

#[test]
fn text_decides_before_enhanced_codes() {
    for words in BY_WORDS.iter().filter(|row| row.code != "334") {
        for sign in words.signs() {
            let Reply { code, lines } = reply_of(words, sign);
            for enhanced in BY_ENHANCED_CODE {
                for enhanced_sign in enhanced.signs() {
                    let class = (code / 100).to_string();
                    let enhanced_code = enhanced_sign.replacen(|_| true, &class, 1);
                    let both = reply(code, &format!("{enhanced_code} {}", lines.concat()));
                    for &step in words.steps.iter().filter(|step| enhanced.steps.contains(step)) {
                        let found = row(step, &both, &context_of(words)).expect("a row");
                        assert!(std::ptr::eq(found, words), "{step:?} {both:?} found {found:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_parts_of_a_sign_match_in_order_from_the_start_of_a_word() {
    for (sign, words, expected) in [
        ("ip …not allowed", "550 This IP is not allowed", true),
        ("ip …not allowed", "550 The recipient is not allowed", false),
        ("ip …not allowed", "550 IPs are not allowed", false),
        ("sender …reject", "550 Sender address rejected", true),
        ("sender …reject", "550 Rejected: the sender", false),
        ("rbl ", "554 See RBL.", true),
        ("rbl ", "554 marble", false),
        ("授权码", "535 Login Fail. 请使用授权码登录", true),
        ("парол…приложени", "535 НЕОБХОДИМ пароль приложения", true),
    ] {
        assert_eq!(is_said(sign, &normalised(words)), expected, "{sign:?} {words:?}");
    }
}

/// Replies of real servers. The file describes its columns.
const REPLIES: &str = include_str!("replies.tsv");

/// The sections with the reply that decides alone.
const SINGLE_REPLIES: [&str; 6] =
    ["microsoft", "google", "other-servers", "documented", "reported", "not-the-client-name"];

/// Returns the rows of a section, each with the number of its line.
fn section(name: &str) -> Vec<(usize, Vec<&'static str>)> {
    let heading = format!("[{name}]");
    let rows: Vec<_> = (1..)
        .zip(REPLIES.lines())
        .skip_while(|(_, line)| *line != heading)
        .skip(1)
        .take_while(|(_, line)| !line.starts_with('['))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| (number, line.split('\t').collect()))
        .collect();
    assert!(!rows.is_empty(), "{heading} has no rows");
    rows
}

/// Returns a value that was read from a line.
fn valid<T, E: std::fmt::Debug>(number: usize, parsed: Result<T, E>) -> T {
    parsed.unwrap_or_else(|error| panic!("line {number}: {error:?}"))
}

fn assert_section(name: &str, diagnose: impl Fn(Step, &Reply, &Context) -> Diagnosis) {
    for (number, columns) in section(name) {
        let [context, step, code, expected, text] = columns[..] else {
            panic!("line {number}: {columns:?}");
        };
        let context = match context {
            "password" => by_password(),
            "in-clear" => in_clear(),
            "without-account" => without_account(),
            "anonymous" => anonymous(),
            "token" => by_token(),
            "token-in-clear" => Context { is_encrypted: false, ..by_token() },
            "receiving-server" => at_receiving_server(),
            _ => panic!("line {number}: {context}"),
        };
        let reply = reply(valid(number, code.parse()), &text.replace("\\n", "\n"));
        let step = valid(number, serde_json::from_value(step.into()));
        let expected: Diagnosis = valid(number, serde_json::from_value(expected.into()));
        assert_eq!(diagnose(step, &reply, &context), expected, "line {number}: {text}");
    }
}

#[test]
fn every_section_of_the_file_is_tested() {
    let in_file: Vec<_> = REPLIES.lines().filter(|line| line.starts_with('[')).collect();
    let others = ["token", "token-after-challenge", "texts"];
    let tested = SINGLE_REPLIES.iter().chain(&others).map(|name| format!("[{name}]"));
    assert_eq!(in_file, tested.collect::<Vec<_>>());
}

#[test]
fn every_reply_of_a_real_server_gets_its_diagnosis() {
    for name in SINGLE_REPLIES {
        assert_section(name, diagnose);
    }
}

#[test]
fn every_documented_diagnosis_has_its_text() {
    let texts = section("texts");
    for (number, columns) in &texts {
        let [diagnosis, cause, next @ ..] = &columns[..] else {
            panic!("line {number}: {columns:?}");
        };
        assert!(!next.is_empty(), "line {number}: no next step");
        let diagnosis = valid(*number, serde_json::from_value((*diagnosis).into()));
        let words = labels::diagnosis_words(diagnosis);
        assert_eq!(words.cause, *cause, "line {number}");
        for next in next {
            let is_next = |step: &&str| step.to_lowercase().contains(&next.to_lowercase());
            assert!(words.steps.iter().any(is_next), "line {number}: {next}");
        }
    }
    for (number, columns) in ["documented", "reported"].into_iter().flat_map(section) {
        assert!(texts.iter().any(|(_, text)| text[0] == columns[3]), "line {number}: no text");
    }
}

#[test]
fn a_refused_token_is_not_explained_as_a_refused_password() {
    assert_section("token", |_, reply, context| diagnose_token(reply, None, context));
}

#[test]
fn a_challenge_decides_unless_the_last_reply_is_more_specific() {
    let challenge = reply(334, r#"{"status":"400","schemes":"Bearer"}"#);
    assert_section("token-after-challenge", |_, last, context| {
        diagnose_token(&challenge, Some(last), context)
    });
}

#[test]
fn the_configuration_decides_the_meaning_of_a_missing_sign_in() {
    let not_offered =
        |context: Context| in_context(Diagnosis::SignInNotOffered, Step::SignIn, &context);
    assert_eq!(not_offered(in_clear()), Diagnosis::SignInNotOffered);
    assert_eq!(not_offered(by_password()), Diagnosis::SignInNotOfferedUnderTls);
    let receiving = Context { signs_in_with: SignsInWith::Password, ..at_receiving_server() };
    assert_eq!(not_offered(receiving), Diagnosis::ReceivingServer);
}

#[test]
fn a_reply_to_ehlo_that_repeats_the_client_name_refuses_it() {
    let context = Context { client_name: "ppm.example.com".to_owned(), ..by_password() };
    let words = "5.7.1 ppm.example.com is not welcome";
    let at = |step| diagnose(step, &reply(550, words), &context);
    assert_eq!(at(Step::Capabilities), Diagnosis::ClientNameRefused);
    assert_eq!(at(Step::Sender), Diagnosis::SenderRefused);
}

fn sent_to(recipient: &str) -> Context {
    Context { recipients: vec![EnvelopeAddress::of(recipient)], ..by_password() }
}

#[test]
fn the_address_of_a_recipient_has_no_meaning_in_a_reply() {
    for recipient in [
        "spamhaus@example.org",
        "too-many-messages@example.org",
        "unpaid@example.org",
        "no-credits@example.org",
        "helo@example.org",
        "bo@blacklist.example",
        "bo@mx.throttled.example",
        "dmarc-reports@example.org",
        "client-host-rejected@example.org",
        "noreply@example.com.evil.example",
        "sendasdenied@bücher.example",
        "not-active@xn--bcher-kva.example",
        r#""relay access denied"@example.org"#,
    ] {
        let context = sent_to(recipient);
        let (local_part, domain) = recipient.rsplit_once('@').expect("an address");
        let domain = net::egress::u_labels(domain);
        for (code, text) in [
            (550, format!("5.1.1 <{recipient}>: Recipient address rejected: User unknown")),
            (550, format!("5.1.1 <{}@{domain}>... User unknown", local_part.to_uppercase())),
            (550, format!("5.1.1 No user {local_part} at mx1.{domain}.")),
            (450, format!("4.1.2 <{recipient}>: Recipient address rejected: Domain not found")),
            (452, format!("<{local_part}+x@other.example> Over there, later")),
        ] {
            let reply = reply(code, &text);
            let expected =
                if code == 550 { Diagnosis::RecipientRefused } else { Diagnosis::TryLater };
            assert_eq!(diagnose(Step::Recipient, &reply, &context), expected, "{text}");
            assert!(concerns_message(Step::Recipient, &reply, &context), "{text}");
        }
    }
}

#[test]
fn a_refusal_of_rcpt_is_about_the_recipient_unless_its_text_says_otherwise() {
    for (code, text) in [
        (550, "5.1.1 Account disabled"),
        (550, "5.7.13 User account disabled"),
        (550, "5.2.1 Mailbox suspended: unpaid"),
        (452, "4.2.2 Quota exceeded"),
        (550, "5.7.1 The recipient is on a blacklist"),
        (550, "5.7.1 Recipient not in whitelist"),
        (550, "5.7.1 <bo@[192.0.2.9]>: on a blacklist"),
        (
            554,
            "5.7.1 Service unavailable; Recipient address [bo@x.example] blocked using dbl.example",
        ),
        (450, "4.1.1 Undeliverable address: host mx.example[192.0.2.9] said: 550 SPF fails"),
        (550, "5.7.1 Sender not allowed to write to this group"),
        (554, "5.7.1 <ada@example.org>: Relay access denied"),
        (450, "4.1.2 <ada@example.org>: Recipient address rejected: Domain not found"),
        (450, "4.7.1 Greylisted"),
    ] {
        let reply = reply(code, text);
        assert!(concerns_message(Step::Recipient, &reply, &by_password()), "{text}");
    }
    for (code, text) in [
        (554, "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"),
        (550, "JunkMail rejected - mail [192.0.2.1] is in a blacklist"),
        (550, "5.7.606 Not from there"),
        (550, "5.4.5 Daily SMTP relay sending limit exceeded for this user."),
        (550, "5.1.8 Access denied, bad outbound sender"),
        (550, "Your account has been suspended"),
        (550, "Not enough credits"),
        (530, "5.7.0 Must authenticate"),
        (550, "5.7.1 Authentication required"),
        (553, "5.7.1 <noreply@example.com>: Sender address rejected: not owned by user ppm"),
        (450, "4.1.8 <noreply@example.com>: Sender address rejected: Domain not found"),
        (550, "5.7.1 <ppm>: Helo command rejected: Host not found"),
        (421, "4.7.0 Closing"),
    ] {
        let reply = reply(code, text);
        assert!(!concerns_message(Step::Recipient, &reply, &by_password()), "{text}");
    }
}

#[test]
fn a_blocklist_at_data_is_about_the_message_unless_the_text_names_the_client() {
    for (text, expected) in [
        ("5.7.1 A link of the message is listed in dbl.spamhaus.org", true),
        ("5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org", false),
        ("5.2.252 SendAsDenied", false),
    ] {
        let reply = reply(554, text);
        assert_eq!(concerns_message(Step::Content, &reply, &by_password()), expected, "{text}");
    }
}

#[test]
fn the_most_specific_reply_to_two_mechanisms_is_the_reason() {
    for (first, second, expected) in [
        ((504, "5.7.4 Unrecognized"), (535, "5.7.8 Wrong"), Diagnosis::CredentialsRefused),
        ((535, "5.7.8 Wrong"), (504, "5.5.4 Unrecognized"), Diagnosis::CredentialsRefused),
        ((535, "5.7.8 Wrong"), (454, "4.7.0 Later"), Diagnosis::CredentialsRefused),
        ((504, "5.7.4 Unrecognized"), (454, "4.7.0 Later"), Diagnosis::TryLater),
        ((504, "5.7.4 Unrecognized"), (504, "5.7.4 Unrecognized"), Diagnosis::NoCommonMechanism),
        (
            (535, "5.7.139 basic authentication is disabled"),
            (535, "5.7.8 Wrong"),
            Diagnosis::BasicAuthDisabled,
        ),
    ] {
        let refusals = [reply(first.0, first.1), reply(second.0, second.1)];
        assert_eq!(diagnose_password(&refusals, &by_password()), expected, "{refusals:?}");
    }
}
