//! What to know of a provider whose values go into the form. Made on the server only.

use domain::Field;
use domain::preset::{Detail, DetailProblem, Provider};

use super::field_in_full;
use crate::explanation::{Explanation, Fill, Findings, Link, NextStep};

/// The values for a provider with what is left to do, or why there are none.
#[must_use]
pub fn preset(provider: Provider, values: Result<Vec<(Field, String)>, DetailProblem>) -> Findings {
    let (fills, explanation) = match values {
        Ok(values) => (values.into_iter().map(fill).collect(), left(provider)),
        Err(problem) => (Vec::new(), missing(provider, problem)),
    };
    Findings { facts: Vec::new(), explanations: vec![explanation], fills }
}

fn fill((field, value): (Field, String)) -> Fill {
    Fill { field, value, label: field_in_full(field) }
}

fn left(provider: Provider) -> Explanation {
    let mut steps: Vec<_> = left_to_do(provider).iter().map(words).collect();
    steps.push(own_page(provider));
    Explanation { cause: format!("What is left to do for {}:", provider.name()), steps }
}

fn words(step: &&'static str) -> NextStep {
    NextStep::words(*step)
}

/// The provider's own page about it.
pub(super) fn own_page(provider: Provider) -> NextStep {
    let href = provider.preset().page.to_owned();
    let link = Some(Link { text: format!("{}'s own page", provider.name()), href });
    NextStep { text: "More is on".to_owned(), link, ..NextStep::default() }
}

fn missing(provider: Provider, problem: DetailProblem) -> Explanation {
    let (what, step) = match provider.detail() {
        Some(Detail::Region) => (
            "the region",
            "Enter in Region the region of your account, for example eu-central-1: it stands at the top of the Amazon SES console.",
        ),
        Some(Detail::Tenant) | None => (
            "the tenant",
            "Enter in Tenant your organisation's primary domain or tenant id: both stand on the page Overview of the Microsoft Entra admin center.",
        ),
    };
    let cause = match problem {
        DetailProblem::Missing => format!("{} needs {what}.", provider.name()),
        DetailProblem::Malformed => format!("This cannot be {what}."),
    };
    Explanation { cause, steps: vec![NextStep::words(step)] }
}

/// What no preset can know.
const fn left_to_do(provider: Provider) -> &'static [&'static str] {
    match provider {
        Provider::Microsoft365 => &[
            "Enter Default Sender Email and Display Name: the mailbox that sends.",
            "In the Microsoft Entra admin center, under App registrations, register an application for PPM. Its Application (client) ID goes into Client ID; a new client secret's Value, which is shown once, into Client Secret.",
            "Add this server's address, shown at Redirect URI, to the application as a redirect URI of the kind Web; without it only Client Credentials works.",
            "Turn Authenticated SMTP on for the mailbox: in the Microsoft 365 admin center, the user, then Mail, then Manage email apps.",
            "Know the limits of a mailbox: 3 connections at a time, 30 messages a minute, 10,000 recipients a day. For more, choose Microsoft 365 High Volume Email or Azure Communication Services.",
        ],
        Provider::HighVolumeEmail => &[
            "High Volume Email reaches recipients inside your organisation only. For others, choose Azure Communication Services.",
            "In the Exchange admin center, create an account for High Volume Email. Its address goes into Default Sender Email.",
            "In the Microsoft Entra admin center, register an application for PPM, add the application permission Mail.Send of Office 365 Exchange Online, and grant an administrator's consent. Its Application (client) ID goes into Client ID, a client secret's Value into Client Secret.",
            "In Exchange Online PowerShell, add the application to the account's list with Add-HVEAppAccess. The list takes at most 10 applications.",
        ],
        Provider::AzureCommunicationServices => &[
            "In the Azure portal, connect an email domain to your Communication Services resource. Default Sender Email must be a sender in that domain.",
            "Register an application in the Microsoft Entra admin center, give it a role on the resource, and create an SMTP username for it in the resource. Enter that in Username.",
            "Password is the application's client secret. It expires after at most 730 days: create the next one before then, and enter it here.",
        ],
        Provider::Google => &[
            "Enter Default Sender Email and Display Name: the account that sends.",
            "In the Google Cloud console, make an OAuth client of the type Web application, with this server's address, shown at Redirect URI, among its authorized redirect URIs. Its id goes into Client ID, its secret into Client Secret.",
            "Set the publishing status of the consent screen to In production, or its type to Internal: in Testing, Google ends every consent after seven days.",
            "Know Google's limit for a day: 500 messages for a personal account, 2,000 for Google Workspace.",
            "Without OAuth: set OAuth Flow to None and use an app password in Basic SMTP Settings, which Google makes only for accounts with two-step sign-in.",
        ],
        Provider::Yahoo => &[
            "Yahoo takes no new OAuth applications for mail. Without one of yours, set OAuth Flow to None and use an app password, made in the account's security settings.",
            "With one: its client id and secret go into Client ID and Client Secret.",
        ],
        Provider::Fastmail => &[
            "Fastmail gives OAuth clients on request. Without one of yours, set OAuth Flow to None and use an app password, made under Settings, Privacy and Security.",
            "With one: its client id and secret go into Client ID and Client Secret.",
        ],
        Provider::Yandex => &[
            "Register an application at Yandex OAuth with the right to send mail by SMTP, and with this server's address, shown at Redirect URI, as its redirect URI. Its id and secret go into Client ID and Client Secret.",
            "In the mailbox's settings, allow mail programs.",
        ],
        Provider::Zoho => &[
            "Username is the mailbox's whole address; Password is an app password where the account has two-step sign-in.",
            "An account in Europe or India uses smtp.zoho.eu or smtp.zoho.in: change SMTP Server then.",
        ],
        Provider::AmazonSes => &[
            "Username and Password are SMTP credentials, which the Amazon SES console makes under SMTP settings. An access key of AWS is none.",
            "Verify Default Sender Email, or its domain, as an identity in the same region. In the sandbox, the recipient's too.",
        ],
        Provider::SendGrid => &[
            "Password is an API key with the right Mail Send; Username is the word apikey for everybody.",
            "Verify Default Sender Email as a sender, or authenticate its domain.",
        ],
        Provider::Mailgun => &[
            "Username and Password are the SMTP credentials of your sending domain, shown under Domain settings.",
            "A domain in the region EU uses smtp.eu.mailgun.org: change SMTP Server then.",
        ],
        Provider::Postmark => &[
            "Username and Password are both the server's API token.",
            "Default Sender Email has to be a confirmed sender signature, or of a verified domain.",
        ],
        Provider::Brevo => &[
            "Username is the login, and Password the SMTP key, both shown under SMTP & API. The account's own password is none.",
            "Verify Default Sender Email as a sender.",
        ],
    }
}
