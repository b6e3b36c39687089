//! Texts of the help page, for an administrator who has not set up outgoing mail before.

/// The page's title.
pub const TITLE: &str = "Help";
/// The page's purpose.
pub const LEAD: &str = "How to connect your organisation's outgoing mail, in four steps.";

/// The steps.
pub const STEPS: [&str; 4] = [
    "Choose your mail provider under Provider and press Fill in. It enters the server, the port, the endpoints and the scope, and lists what to prepare at the provider.",
    "Enter what only you know: the sender's address, and Username and Password, or the Client ID and Client Secret of the application that you registered at the provider.",
    "Press Save. With an OAuth flow, press Get Auth Token next, and sign in at the provider as the mailbox that sends.",
    "Press Send Test Email. The message goes to your own address. If it fails, PPM shows at which step, what the server said, and what to do.",
];

/// The heading of the explained terms.
pub const TERMS: &str = "The terms on the page";

/// Each term with its explanation.
pub const TERM_LIST: [(&str, &str); 9] = [
    (
        "OAuth Flow",
        "How PPM signs in to the mail server. None is a user name and a password. Microsoft and Google switch passwords off for mail; the other flows use a token instead.",
    ),
    (
        "Token",
        "A permission to send mail from one mailbox, which the provider issues and can take back. PPM renews it automatically where the provider allows that.",
    ),
    (
        "Client ID and Client Secret",
        "The name and the password of PPM at your provider. You get both when you register PPM there as an application.",
    ),
    (
        "Redirect URI",
        "The address of this server to which the provider sends your browser back after you signed in there. It must be registered at the provider exactly as it is written here.",
    ),
    (
        "Authorization Endpoint and Token Endpoint",
        "The provider's sign-in page, and the address where PPM requests tokens. Fill in and Fill from discovery enter both.",
    ),
    ("Scope", "The permission that PPM asks for: sending mail by SMTP."),
    (
        "App password",
        "A password that a provider creates for one program, where the account's own password is not accepted.",
    ),
    (
        "STARTTLS and Implicit TLS",
        "Two ways to encrypt the connection to the mail server. Automatic picks the right one from the port.",
    ),
    (
        "Trusted CA certificate",
        "The certificate of your organisation's own certificate authority. Only a mail server with a certificate from it needs this.",
    ),
];

/// The heading of the advice for mail that has stopped.
pub const MAIL_STOPPED: &str = "Mail has stopped";

/// The advice for mail that has stopped.
pub const MAIL_STOPPED_STEPS: [&str; 3] = [
    "Open Email and press Send Test Email: the failed step says what has changed.",
    "If the provider no longer accepts passwords, choose an OAuth Flow. Fill in enters what is known about your provider.",
    "If Token Status is Expired, press Get Auth Token and sign in at the provider again.",
];

/// Where to get more help.
pub const MORE: &str = "The operator of this server has the full documentation (README.md and the folder docs) and the log. Copy as text, below a test message, makes a report without secrets for a support request.";
