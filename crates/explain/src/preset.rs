//! Texts of provider presets: the next steps after filling in the form. Server only.

use contract::{Explanation, Link, LookupResult, Suggestion};
use domain::Field;
use domain::preset::{Detail, DetailProblem, Provider};
use labels::field_in_full;

/// Returns a preset's values with the next steps, or the problem with its detail.
pub fn preset(
    provider: Provider,
    values: Result<Vec<(Field, String)>, DetailProblem>,
) -> LookupResult {
    match values {
        Ok(values) => LookupResult {
            verdict: Some(next_steps(provider)),
            fills: values.into_iter().map(fill).collect(),
            ..LookupResult::default()
        },
        Err(problem) => LookupResult {
            explanations: vec![detail_explanation(provider, problem)],
            ..LookupResult::default()
        },
    }
}

fn fill((field, value): (Field, String)) -> Suggestion {
    Suggestion { field, value, label: field_in_full(field) }
}

fn next_steps(provider: Provider) -> Explanation {
    let flow = if provider.has_oauth() { "" } else { ", with OAuth Flow None" };
    let next = format!("Filled in{flow}. Next steps for {}", provider.name());
    let steps = remaining_steps(provider).iter().copied();
    Explanation { see_also: Some(own_page(provider)), ..Explanation::new(next, steps) }
}

/// A link to the provider's documentation.
pub(super) fn own_page(provider: Provider) -> Link {
    let href = provider.preset().page.to_owned();
    Link { text: format!("{}'s documentation", provider.name()), href }
}

fn detail_explanation(provider: Provider, problem: DetailProblem) -> Explanation {
    let (noun, step) = match provider.detail() {
        Some(Detail::Region) => (
            "region",
            "In Region, enter the region of your account, for example eu-central-1. It is shown at the top of the Amazon SES console.",
        ),
        Some(Detail::Tenant) | None => (
            "tenant",
            "Enter your organisation's primary domain or tenant ID in Tenant. Both are on the Overview page of the Microsoft Entra admin center.",
        ),
    };
    let cause = match problem {
        DetailProblem::Missing => format!("{} needs the {noun}.", provider.name()),
        DetailProblem::Malformed => format!("This is not a valid {noun}."),
    };
    Explanation::new(cause, [step])
}

/// The steps that no preset can do.
const fn remaining_steps(provider: Provider) -> &'static [&'static str] {
    match provider {
        Provider::Microsoft365 => &[
            "Enter Default Sender Email and Display Name of the mailbox that sends.",
            "In the Microsoft Entra admin center, under App registrations, register an application for PPM. Enter its Application (client) ID in Client ID. Create a client secret there and enter its Value, which is shown only once, in Client Secret.",
            "Add this server's address, shown at Redirect URI, to the application as a redirect URI of the type Web. Without it, only Client Credentials works. With Client Credentials, the application also needs a role in Exchange: if a test email is refused, PPM shows the PowerShell commands for it.",
            "Turn Authenticated SMTP on for the mailbox: in the Microsoft 365 admin center, open the user, then Mail, then Manage email apps.",
            "A mailbox is limited to 3 connections at a time, 30 messages a minute and 10,000 recipients a day. For more, choose Microsoft 365 High Volume Email or Azure Communication Services.",
        ],
        Provider::HighVolumeEmail => &[
            "High Volume Email reaches recipients inside your organisation only. For others, choose Azure Communication Services.",
            "In the Exchange admin center, create an account for High Volume Email. Enter its address in Default Sender Email.",
            "In the Microsoft Entra admin center, register an application for PPM, add the application permission Mail.Send of Office 365 Exchange Online, and grant an administrator's consent. Enter its Application (client) ID in Client ID and a client secret's Value in Client Secret.",
            "In Exchange Online PowerShell, add the application to the account's list with Add-HVEAppAccess. The list holds at most 10 applications.",
        ],
        Provider::AzureCommunicationServices => &[
            "In the Azure portal, connect an email domain to your Communication Services resource. Default Sender Email must be a sender in that domain.",
            "Register an application in the Microsoft Entra admin center, give it a role on the resource, and create an SMTP username for it in the resource. Enter that in Username.",
            "Password is the application's client secret. It expires after at most 730 days: create the next one before then, and enter it here.",
        ],
        Provider::Google => &[
            "Enter Default Sender Email and Display Name of the account that sends.",
            "In the Google Cloud console, create an OAuth client of the type Web application, with this server's address, shown at Redirect URI, as an authorized redirect URI. Enter its ID in Client ID and its secret in Client Secret.",
            "Set the publishing status of the consent screen to In production, or its type to Internal: in Testing, Google ends every consent after seven days.",
            "Google limits a personal account to 500 messages a day, and Google Workspace to 2,000.",
            "Without OAuth: set OAuth Flow to None and use an app password in Basic SMTP Settings. Google offers app passwords only to accounts with two-step sign-in.",
        ],
        Provider::Yahoo => &[
            "Yahoo accepts no new OAuth applications for mail. If you have none, set OAuth Flow to None and use an app password, created in the account's security settings.",
            "If you have one, enter its client ID and secret in Client ID and Client Secret.",
        ],
        Provider::Fastmail => &[
            "Fastmail provides OAuth clients on request. If you have none, set OAuth Flow to None and use an app password, created under Settings, Privacy and Security.",
            "If you have one, enter its client ID and secret in Client ID and Client Secret.",
        ],
        Provider::Yandex => &[
            "Register an application at Yandex OAuth with permission to send mail by SMTP, and with this server's address, shown at Redirect URI, as its redirect URI. Enter its ID and secret in Client ID and Client Secret.",
            "In the mailbox's settings, allow mail programs.",
        ],
        Provider::Zoho => &[
            "Username is the mailbox's whole address. Password is an app password if the account has two-step sign-in.",
            "If the account is in Europe or India, change SMTP Server to smtp.zoho.eu or smtp.zoho.in.",
        ],
        Provider::AmazonSes => &[
            "Username and Password are SMTP credentials, created in the Amazon SES console under SMTP settings. An AWS access key does not work.",
            "Verify Default Sender Email, or its domain, as an identity in the same region. In the sandbox, verify the recipient's address too.",
        ],
        Provider::SendGrid => &[
            "Username is always the word apikey. Password is an API key with Mail Send permission.",
            "Verify Default Sender Email as a sender, or authenticate its domain.",
        ],
        Provider::Mailgun => &[
            "Username and Password are the SMTP credentials of your sending domain, shown under Domain settings.",
            "If the domain is in the EU region, change SMTP Server to smtp.eu.mailgun.org.",
        ],
        Provider::Postmark => &[
            "Username and Password are both the server's API token.",
            "Default Sender Email must be a confirmed sender signature, or an address of a verified domain.",
        ],
        Provider::Brevo => &[
            "Username is the login, and Password the SMTP key, both shown under SMTP & API. The account password does not work.",
            "Verify Default Sender Email as a sender.",
        ],
    }
}
