//! What a failed delivery usually means and what to do about it, in words for an administrator who
//! does not know SMTP: one sentence for the cause, then the steps in the order to try them. Which
//! reply leads to which advice is decided on the server.

use domain::delivery::Advice;

/// An explanation of a failed delivery.
pub struct Explanation {
    /// What it usually means, as a headline.
    pub cause: &'static str,
    /// What to do, in the order to try it.
    pub steps: &'static [&'static str],
}

/// What a message that was not followed to its end may have come to.
pub const INTERRUPTED: Explanation = Explanation {
    cause: "PPM stopped before the message was through. It may have been delivered.",
    steps: &["Look into your inbox before you try again."],
};

/// What a failure usually means, and what to do.
#[must_use]
pub const fn advice(advice: Advice) -> Explanation {
    match advice {
        Advice::NameNotFound => Explanation {
            cause: "There is no server of this name.",
            steps: &[
                "Look for a typing mistake in SMTP Server.",
                "If the name is right, ask whoever runs your network whether this machine can look it up.",
            ],
        },
        Advice::NameServiceFailed => Explanation {
            cause: "The name could not be looked up at all.",
            steps: &[
                "Try again in a minute.",
                "If it stays so, this machine's name service (DNS) needs attention.",
            ],
        },
        Advice::AddressForbidden => Explanation {
            cause: "The name leads to an address that PPM never calls.",
            steps: &[
                "Link-local and cloud metadata addresses are refused for safety: use the mail server's own name or address.",
            ],
        },
        Advice::PortZero => Explanation {
            cause: "No server can be reached on port 0.",
            steps: &["Enter the port that your mail provider names, usually 587."],
        },
        Advice::NothingListens => Explanation {
            cause: "The machine answers, but no mail server listens on this port.",
            steps: &[
                "Check Port: 587 with STARTTLS, 465 with TLS from the first byte, 25 without encryption.",
                "Check that SMTP Server is the server for outgoing mail.",
            ],
        },
        Advice::Unreachable => Explanation {
            cause: "Nothing answers at this address and port.",
            steps: &[
                "Check SMTP Server and Port.",
                "A firewall may be in the way: many networks block port 25. Ask whether this machine may connect to this port.",
            ],
        },
        Advice::PlainPort => Explanation {
            cause: "This port begins unencrypted, but TLS from the first byte was tried.",
            steps: &[
                "Set TLS mode to Automatic or STARTTLS.",
                "Or use the port for TLS from the first byte, usually 465.",
            ],
        },
        Advice::TlsPort => Explanation {
            cause: "This port seems to wait for TLS from the first byte.",
            steps: &[
                "Turn Use TLS on and set TLS mode to TLS from the first byte.",
                "Or use the port for STARTTLS, usually 587.",
            ],
        },
        Advice::StartTlsNotOffered => Explanation {
            cause: "The server offers no encryption on this port, so nothing was sent.",
            steps: &[
                "Use the server's port for encrypted mail, usually 587 or 465.",
                "Only for a server in your own network that cannot encrypt: turn Use TLS off.",
            ],
        },
        Advice::StartTlsRefused => Explanation {
            cause: "The server offered encryption, and then refused to begin it.",
            steps: &[
                "Try again later.",
                "If it stays so, the server's own TLS set-up needs attention, often its certificate.",
            ],
        },
        Advice::StartTlsInjected => Explanation {
            cause: "Something put bytes of its own into the connection before it was encrypted.",
            steps: &[
                "Nothing was sent. Do not turn Use TLS off: somebody between this machine and the server may be tampering.",
                "Tell whoever runs your network, or use TLS from the first byte.",
            ],
        },
        Advice::CertificateUnknownIssuer => Explanation {
            cause: "The server's certificate is signed by an authority that this machine does not know.",
            steps: &[
                "If your organisation has a certificate authority of its own, start the product with its certificate (--extra-ca).",
                "Otherwise the server's certificate chain is incomplete: tell whoever runs it.",
            ],
        },
        Advice::CertificateSelfSigned => Explanation {
            cause: "The server's certificate is signed by itself, not by an authority.",
            steps: &[
                "Get a certificate from an authority for the server.",
                "Or start the product with this certificate as a trusted one (--extra-ca).",
            ],
        },
        Advice::CertificateExpired => Explanation {
            cause: "The server's certificate has expired.",
            steps: &[
                "Whoever runs the mail server has to renew it.",
                "If it was renewed lately, check this machine's clock.",
            ],
        },
        Advice::CertificateNotYetValid => Explanation {
            cause: "The server's certificate is not valid yet.",
            steps: &[
                "Check this machine's clock.",
                "If it is right, whoever runs the mail server has to replace the certificate.",
            ],
        },
        Advice::CertificateWrongName => Explanation {
            cause: "The server's certificate is for another name.",
            steps: &[
                "Enter in SMTP Server the name that the certificate is for, as your provider writes it.",
                "An IP address rarely stands in a certificate: use the name.",
            ],
        },
        Advice::TlsFailed => Explanation {
            cause: "Encryption could not be agreed on.",
            steps: &[
                "The server may speak only outdated versions of TLS: it has to offer TLS 1.2 or 1.3.",
                "Check Port and TLS mode.",
            ],
        },
        Advice::NotSmtp => Explanation {
            cause: "What answers on this port is no mail server.",
            steps: &["Check SMTP Server and Port."],
        },
        Advice::Unwelcome => Explanation {
            cause: "The server does not accept mail from this machine.",
            steps: &[
                "Use your provider's server for submission by users, usually on port 587.",
                "Ask whoever runs it to admit this machine's address.",
            ],
        },
        Advice::SignInNotOffered => Explanation {
            cause: "The server offers no sign-in on this connection.",
            steps: &[
                "Many servers offer it only when encrypted: turn Use TLS on.",
                "If the server asks for no sign-in, empty Username.",
            ],
        },
        Advice::NoCommonMechanism => Explanation {
            cause: "The server offers no way of signing in with a password that PPM can use.",
            steps: &[
                "It may want OAuth: choose an OAuth flow.",
                "Or ask whoever runs it to offer PLAIN or LOGIN over TLS.",
            ],
        },
        Advice::CredentialsRefused => Explanation {
            cause: "The server does not accept this user name and password.",
            steps: &[
                "Type the Password again; check Username, often the whole e-mail address.",
                "With two-step sign-in, the provider wants an app password made for PPM.",
                "Microsoft and Google have switched passwords off for many accounts: choose an OAuth flow.",
            ],
        },
        Advice::SignInRequired => Explanation {
            cause: "The server wants a sign-in, or encryption, first.",
            steps: &["Enter Username and Password.", "Turn Use TLS on."],
        },
        Advice::SenderRefused => Explanation {
            cause: "The server does not accept mail from this sender.",
            steps: &[
                "Many servers let an account send only from its own address: enter it in Default Sender Email.",
                "Or let the provider grant the account the right to send as this address.",
            ],
        },
        Advice::RecipientRefused => Explanation {
            cause: "The server does not accept mail for your address.",
            steps: &[
                "Check that your own address, shown beside the button, is right.",
                "If it belongs to another organisation, the server may want a sign-in before it passes mail on.",
            ],
        },
        Advice::ContentRefused => Explanation {
            cause: "The server took sender and recipient, and then refused the message.",
            steps: &[
                "Its own words usually say which filter refused it.",
                "Ask whoever runs it to accept mail from PPM.",
            ],
        },
        Advice::TryLater => Explanation {
            cause: "The server cannot do it at the moment.",
            steps: &[
                "Try again in a few minutes: the refusal is a temporary one.",
                "If it stays so, its own words say what it waits for.",
            ],
        },
        Advice::ConnectionLost => Explanation {
            cause: "The server ended the connection in the middle.",
            steps: &[
                "Try again.",
                "If it stays so, check Port and TLS mode, and ask whoever runs the server what its log says.",
            ],
        },
        Advice::Silent => Explanation {
            cause: "The server took the connection and then said nothing.",
            steps: &[
                "Check Port and TLS mode: a port that waits for TLS is silent otherwise.",
                "A firewall that inspects mail can also be the reason.",
            ],
        },
        Advice::TooSlow => Explanation {
            cause: "The server was too slow, so PPM gave up.",
            steps: &[
                "Try again in a few minutes.",
                "If it stays so, ask whoever runs the server, or choose another one.",
            ],
        },
        Advice::ReplyTooLong => Explanation {
            cause: "The server's answer was longer than a mail server's can be.",
            steps: &["Check SMTP Server and Port: this is hardly a mail server."],
        },
        Advice::UnexpectedReply => Explanation {
            cause: "The server answered something that does not belong here.",
            steps: &["Its own words may say why.", "Check SMTP Server and Port."],
        },
        Advice::MaybeDelivered => Explanation {
            cause: "The connection ended before the server confirmed: the message may have been delivered.",
            steps: &["Look into your inbox before you try again."],
        },
        Advice::SecretUnreadable => Explanation {
            cause: "The stored password cannot be opened for these settings.",
            steps: &["Type the Password again and save."],
        },
    }
}
