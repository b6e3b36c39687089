//! What to do about a failure at a provider that is known, with the administrator's own values in
//! lines that are ready to be copied. Made on the server only.

use domain::delivery::{Advice, Run};
use domain::draft::Form;
use domain::preset::{self, Provider};
use domain::token::Fault;
use domain::{OauthFlow, microsoft};

use super::explained::{is_token_fresh, wanted_scope};
use super::preset::own_page;
use super::setback;
use super::xray::{SCOPE_OF_A_PERSON, SCOPE_OF_AN_APPLICATION};
use crate::explanation::{Fill, Link, NextStep};

/// The steps of the provider whose mail server was tested, and its own page about it; nothing where
/// it has none of its own.
pub(super) fn steps_for(
    code: Advice,
    tested: &Form<()>,
    run: &Run,
) -> Option<(Vec<NextStep>, Link)> {
    let provider = provider(code, &tested.sending().server)?;
    let steps = match provider {
        Provider::Microsoft365 | Provider::HighVolumeEmail => microsoft(code, tested, run)?,
        Provider::Google => google(code, tested, run)?,
        Provider::AmazonSes => amazon(code)?,
        _ => return None,
    };
    Some((steps, own_page(provider)))
}

/// Whose mail server it is: some replies only one provider gives, by whatever name it was called.
fn provider(code: Advice, server: &str) -> Option<Provider> {
    match code {
        Advice::SmtpAuthDisabled
        | Advice::BasicAuthDisabled
        | Advice::ConditionalAccess
        | Advice::MailboxPermissionMissing => Some(Provider::Microsoft365),
        Advice::GoogleSignInRefused => Some(Provider::Google),
        _ => Provider::of_server(server),
    }
}

fn microsoft(code: Advice, tested: &Form<()>, run: &Run) -> Option<Vec<NextStep>> {
    let is_application = tested.flow == OauthFlow::ClientCredentials;
    Some(match code {
        Advice::SmtpAuthDisabled => vec![
            smtp_auth(tested),
            NextStep::words(
                "If the reply mentions the Tenant, Authenticated SMTP is off for the whole organisation. The command above turns it on for this mailbox only, which overrides the organisation's setting.",
            ),
            NextStep::words(
                "OAuth needs it too. A change needs a few minutes to take effect: test again after that.",
            ),
        ],
        Advice::BasicAuthDisabled => vec![NextStep::words(
            "Choose an OAuth flow above, then Microsoft 365 under Provider: Fill in enters everything that is known about Microsoft 365. Until Microsoft ends password sign-in for good, an administrator of your organisation may be able to turn it on again.",
        )],
        Advice::ExchangeSignInRefused if tested.flow == OauthFlow::None => vec![
            NextStep::words("Enter the Password again. Username is the mailbox's whole address."),
            smtp_auth(tested),
            NextStep::words(
                "Exchange Online is phasing out passwords for mail, so choose an OAuth flow above, then Microsoft 365 under Provider.",
            ),
        ],
        Advice::ExchangeSignInRefused | Advice::TokenRefused
            if is_application && preset::is_high_volume(&tested.oauth.server) =>
        {
            vec![scope_at_microsoft(tested), high_volume(tested), spreads()]
        }
        Advice::ExchangeSignInRefused | Advice::TokenRefused if is_application => {
            let endpoints = old_endpoints(tested);
            let ways = [
                scope_at_microsoft(tested),
                scoped_role(tested),
                scoped_role_check(tested),
                object_id_trap(),
                mailbox_permission(tested),
                smtp_auth(tested),
            ];
            endpoints.into_iter().chain(ways).collect()
        }
        Advice::ExchangeSignInRefused | Advice::TokenRefused if tested.flow != OauthFlow::None => {
            let owner = &tested.oauth.sender;
            vec![
                NextStep::words(if is_token_fresh(run) {
                    format!(
                        "The account that signed in for the token must be {owner}: Exchange accepts a token for its own mailbox only."
                    )
                } else {
                    format!(
                        "Get a new token, and sign in as {owner}: the account that signs in when you press Get Auth Token must be that mailbox."
                    )
                }),
                scope_at_microsoft(tested),
                smtp_auth(tested),
                spreads(),
            ]
        }
        Advice::MailboxPermissionMissing if is_application => vec![
            NextStep::words(
                "With a scoped role: remove every API permission of the application in Microsoft Entra. With one of them, Exchange looks at mailbox permissions too.",
            ),
            scoped_role(tested),
            scoped_role_check(tested),
            object_id_trap(),
            mailbox_permission(tested),
        ],
        // Microsoft Learn, "Exchange Online limits", read on 28 November 2026.
        Advice::SendingLimit => vec![
            NextStep::words(
                "A mailbox of Exchange Online sends to 10,000 recipients a day: sending works again within 24 hours.",
            ),
            NextStep::words(
                "For more, Microsoft has High Volume Email, inside the organisation, and Azure Communication Services.",
            ),
        ],
        Advice::SendingRate | Advice::TooManyConnections => vec![
            NextStep::words(
                "Exchange Online allows a mailbox three connections at a time and 30 messages a minute. Try again in a minute.",
            ),
            NextStep::words(
                "If the problem continues, check what else sends with this account, and spread the messages. For more, Microsoft has High Volume Email, inside the organisation, and Azure Communication Services.",
            ),
        ],
        Advice::SendAsDenied => vec![
            NextStep::words(format!(
                "Send as the mailbox that signs in, or let it send as {}:",
                tested.sending().sender
            )),
            copied(
                "In Exchange Online PowerShell, replace SIGNED-IN with the mailbox that signs in:",
                &[
                    CONNECT.to_owned(),
                    format!(
                        "Add-RecipientPermission -Identity {} -Trustee 'SIGNED-IN' -AccessRights SendAs",
                        quoted(&tested.sending().sender)
                    ),
                ],
            ),
            spreads(),
        ],
        Advice::ConditionalAccess => {
            let other_flow = "Choose the Client Credentials flow: security defaults and most conditional access rules do not apply to it.";
            let other_flow = (!is_application).then(|| NextStep::words(other_flow));
            let exclude = NextStep {
                text: "Check in the sign-in log which rule blocked the sign-in, and ask the administrator of Microsoft Entra to exclude the account or application:".to_owned(),
                link: Some(Link {
                    text: "sign-in logs".to_owned(),
                    href: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/SignInEventsV3Blade".to_owned(),
                }),
                ..NextStep::default()
            };
            other_flow.into_iter().chain([exclude]).collect()
        }
        _ => return None,
    })
}

fn google(code: Advice, tested: &Form<()>, run: &Run) -> Option<Vec<NextStep>> {
    let has_token = tested.flow != OauthFlow::None;
    Some(match code {
        Advice::GoogleSignInRefused | Advice::CredentialsRefused | Advice::AppPasswordNeeded
            if !has_token =>
        {
            vec![
                NextStep {
                    text: format!(
                        "Google does not accept account passwords here. Sign in as {}, turn two-step verification on, create an app password and enter its sixteen letters, without spaces, in Password:",
                        tested.sign_in.username
                    ),
                    link: Some(Link {
                        text: "app passwords".to_owned(),
                        href: "https://myaccount.google.com/apppasswords".to_owned(),
                    }),
                    ..NextStep::default()
                },
                NextStep::words(
                    "If the organisation does not allow app passwords, choose an OAuth flow.",
                ),
            ]
        }
        Advice::TokenRefused | Advice::GoogleSignInRefused => vec![
            match wanted_scope(run).filter(|wanted| *wanted != GOOGLE_SCOPE) {
                Some(wanted) => NextStep::words(format!(
                    "The server asks for the scope {wanted}: check that Scope contains it."
                )),
                None => scope(tested, GOOGLE_SCOPE),
            },
            NextStep::words(if is_token_fresh(run) {
                format!(
                    "The account that signed in for the token must be {}: Google accepts a token only for the account that it belongs to.",
                    tested.oauth.sender
                )
            } else {
                format!(
                    "Get a new token, and sign in as {}: Google accepts a token only for the account that it belongs to.",
                    tested.oauth.sender
                )
            }),
            publishing_state(),
        ],
        // support.google.com/a/answer/166852 and support.google.com/mail/answer/22839.
        Advice::SendingLimit => vec![
            NextStep::words(
                "Google limits a personal account to 500 messages a day, and a Google Workspace account to 2,000. Sending works again within 24 hours.",
            ),
            NextStep {
                text: "For more, a Workspace administrator can set up the SMTP relay service, which has limits of its own:".to_owned(),
                link: Some(Link {
                    text: "sending limits".to_owned(),
                    href: "https://support.google.com/a/answer/166852".to_owned(),
                }),
                ..NextStep::default()
            },
        ],
        Advice::TokenNotRenewed(Fault::InvalidGrant) => vec![
            NextStep::words("Press Get Auth Token and sign in again: Google has ended this consent."),
            publishing_state(),
        ],
        Advice::TokenExpired => vec![
            NextStep::words("Press Get Auth Token."),
            NextStep {
                text: "To let PPM renew the token automatically, end Authorization Endpoint with ?access_type=offline&prompt=consent: only then does Google give a refresh token.".to_owned(),
                fill: Some(Fill {
                    field: domain::Field::AuthorizationEndpoint,
                    value: "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent".to_owned(),
                    label: "Request offline access".to_owned(),
                }),
                ..NextStep::default()
            },
        ],
        _ => return None,
    })
}

/// Amazon SES, "Managing your sending limits" and "Request production access".
fn amazon(code: Advice) -> Option<Vec<NextStep>> {
    let quotas = |text: &str| NextStep {
        text: text.to_owned(),
        link: Some(Link {
            text: "sending quotas".to_owned(),
            href: "https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas.html".to_owned(),
        }),
        ..NextStep::default()
    };
    Some(match code {
        Advice::SendingLimit => vec![
            NextStep::words(
                "Amazon counts the messages of the last 24 hours: sending works again as the oldest of them leave that time.",
            ),
            quotas("To raise the daily quota, ask for it in the console, under Service Quotas:"),
        ],
        Advice::SendingRate => vec![
            NextStep::words(
                "Try again in some seconds: the maximum is one of messages per second.",
            ),
            quotas("To raise it, ask for it in the console, under Service Quotas:"),
        ],
        _ => return None,
    })
}

/// The scope for Gmail's mail server (Google Developers, "OAuth 2.0 Mechanism").
const GOOGLE_SCOPE: &str = "https://mail.google.com/";

const CONNECT: &str = "Connect-ExchangeOnline";

/// Turns Authenticated SMTP on for the mailbox that sends.
fn smtp_auth(tested: &Form<()>) -> NextStep {
    let mailbox = if tested.flow == OauthFlow::None && !tested.sign_in.username.is_empty() {
        &tested.sign_in.username
    } else {
        &tested.sending().sender
    };
    let line = format!(
        "Set-CASMailbox -Identity {} -SmtpClientAuthenticationDisabled $false",
        quoted(mailbox)
    );
    copied(
        "Turn Authenticated SMTP on for the mailbox, in Exchange Online PowerShell:",
        &[CONNECT.to_owned(), line],
    )
}

/// Client ID, or what stands for it in lines.
fn client_id(tested: &Form<()>) -> &str {
    match tested.authentication.client_id.trim() {
        "" => "YOUR-CLIENT-ID",
        client_id => client_id,
    }
}

/// Makes the application known to Exchange, in lines that leave it in `$app`.
fn registered(tested: &Form<()>) -> Vec<String> {
    vec![
        "Connect-MgGraph -Scopes 'Application.Read.All'".to_owned(),
        format!("$app = Get-MgServicePrincipalByAppId -AppId {}", quoted(client_id(tested))),
        CONNECT.to_owned(),
        "New-ServicePrincipal -AppId $app.AppId -ObjectId $app.Id -DisplayName 'PPM'".to_owned(),
    ]
}

/// The way that Microsoft prefers (MicrosoftDocs/office-developer-exchange-docs,
/// smtp-app-rbac-onboarding.md, 17 October 2025): a role in Exchange, for some mailboxes. How long it
/// takes is from two relays' documents, not Microsoft's.
fn scoped_role(tested: &Form<()>) -> NextStep {
    let mut lines = registered(tested);
    lines.extend([
        format!(
            "New-DistributionGroup -Name 'PPM senders' -Type Security -Members {}",
            quoted(&tested.oauth.sender)
        ),
        "$group = (Get-DistributionGroup 'PPM senders').DistinguishedName".to_owned(),
        "New-ManagementScope -Name 'PPM senders' -RecipientRestrictionFilter \"MemberOfGroup -eq '$group'\"".to_owned(),
        "New-ManagementRoleAssignment -Name 'PPM senders' -Role 'Application SMTP.SendAsApp' -App $app.Id -CustomResourceScope 'PPM senders'".to_owned(),
    ]);
    copied(
        "Give the application the scoped role, which Microsoft prefers: it may then send as the mailboxes of one group, but not read them. Leave the API permissions of the application in Microsoft Entra empty: the token then has no roles, and that is right. In PowerShell with the modules Microsoft.Graph and ExchangeOnlineManagement:",
        &lines,
    )
}

/// How to see whether the role holds.
fn scoped_role_check(tested: &Form<()>) -> NextStep {
    let line = format!(
        "Test-ServicePrincipalAuthorization -Identity $app.Id -Resource {}",
        quoted(&tested.oauth.sender)
    );
    copied(
        "Check the role: Application SMTP.SendAsApp must be listed with InScope True. A new role takes up to two hours, as others have seen. Then test again.",
        &[line],
    )
}

/// The older way, which gives the application more than it needs.
fn mailbox_permission(tested: &Form<()>) -> NextStep {
    let mut lines = registered(tested);
    lines.push(format!(
        "Add-MailboxPermission -Identity {} -User $app.Id -AccessRights FullAccess",
        quoted(&tested.oauth.sender)
    ));
    copied(
        "Or use the older way, a mailbox permission, instead of the scoped role and never together with it: add the application permission SMTP.SendAsApp of Office 365 Exchange Online under API permissions in Microsoft Entra, let an administrator grant it there, and give the application the mailbox. FullAccess lets the application read the mailbox too. A new permission takes 15 to 30 minutes to spread. In PowerShell:",
        &lines,
    )
}

/// What High Volume Email takes an application's token with.
fn high_volume(tested: &Form<()>) -> NextStep {
    NextStep::words(format!(
        "High Volume Email requires the application permission Mail.Send of Office 365 Exchange Online, and the application must be on the list of the account {}. Add it with Add-HVEAppAccess in Exchange Online PowerShell. The list holds at most 10 applications.",
        tested.oauth.sender
    ))
}

/// The correction of endpoints of Microsoft's first version, whose tokens are not for mail.
fn old_endpoints(tested: &Form<()>) -> Vec<NextStep> {
    let endpoint = &tested.authentication.token_endpoint;
    if microsoft::is_endpoint(endpoint) && microsoft::second_version(endpoint).is_some() {
        setback::old_endpoint(tested).steps
    } else {
        Vec::new()
    }
}

fn object_id_trap() -> NextStep {
    NextStep::words(
        "If the application is already registered: ObjectId must be the Object ID on the application's page under Enterprise applications. The Object ID under App registrations is a different one, and Exchange accepts the wrong one without an error. Get-ServicePrincipal shows what is registered; Remove-ServicePrincipal removes a wrong one.",
    )
}

fn spreads() -> NextStep {
    NextStep::words(
        "A new permission needs 15 to 30 minutes to take effect: test again after that.",
    )
}

fn publishing_state() -> NextStep {
    NextStep {
        text: "Check the publishing status of the consent screen: in Testing, Google ends every consent after seven days. Publish it, or make it Internal:".to_owned(),
        link: Some(Link {
            text: "Google Auth Platform, Audience".to_owned(),
            href: "https://console.cloud.google.com/auth/audience".to_owned(),
        }),
        ..NextStep::default()
    }
}

/// The scope that Exchange Online wants of a person or of an application.
pub(super) fn scope_at_microsoft(tested: &Form<()>) -> NextStep {
    let wanted = match tested.flow {
        OauthFlow::ClientCredentials => SCOPE_OF_AN_APPLICATION,
        _ => SCOPE_OF_A_PERSON,
    };
    scope(tested, wanted)
}

/// The scope that the provider's mail server wants, with a button where another one is set.
fn scope(tested: &Form<()>, wanted: &str) -> NextStep {
    if tested.authentication.scope == wanted {
        return NextStep::words(format!("Scope is correct: {wanted}."));
    }
    NextStep {
        text: format!("Scope must be {wanted}. Save it, then get a new token."),
        fill: Some(Fill {
            field: domain::Field::Scope,
            value: wanted.to_owned(),
            label: "Use this scope".to_owned(),
        }),
        ..NextStep::default()
    }
}

fn copied(text: &str, lines: &[String]) -> NextStep {
    NextStep { text: text.to_owned(), copy: Some(lines.join("\n")), ..NextStep::default() }
}

/// A value as PowerShell takes it word for word. Four other characters count as a quotation mark
/// there too (`about_Quoting_Rules`).
fn quoted(value: &str) -> String {
    let mut quoted = String::from("'");
    for character in value.chars() {
        if matches!(character, '\'' | '\u{2018}'..='\u{201B}') {
            quoted.push(character);
        }
        quoted.push(character);
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::delivery::{Fact, FactName, Step, StepEnd, StepReport, Tested};

    use domain::draft::Smtp;

    use super::*;

    fn at(server: &str, flow: OauthFlow) -> Form<()> {
        let oauth = Smtp {
            sender: "o'neil@contoso.com".to_owned(),
            server: server.to_owned(),
            ..Smtp::default()
        };
        let mut form = Form { flow, basic: oauth.clone(), oauth, ..Form::default() };
        form.authentication.client_id = "11111111-2222-3333-4444-555555555555".to_owned();
        form
    }

    /// A run whose token step found these out.
    fn run(facts: &[(FactName, &str)]) -> Run {
        let facts = facts.iter().map(|&(name, value)| Fact { name, value: value.to_owned() });
        let token = StepReport {
            step: Step::Token,
            ended: StepEnd::Done,
            millis: 1,
            facts: facts.collect(),
            said: None,
            found: None,
        };
        Run {
            id: String::new(),
            recipient: String::new(),
            tested: Tested::default(),
            started_at: DateTime::UNIX_EPOCH,
            steps: vec![token],
            outcome: None,
        }
    }

    fn href(step: &NextStep) -> &str {
        step.link.as_ref().map_or("", |link| link.href.as_str())
    }

    fn all(steps: &[NextStep]) -> String {
        let copies = steps.iter().filter_map(|step| step.copy.clone());
        copies.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn an_application_that_exchange_does_not_know_is_registered_with_its_own_values() {
        let form = at("smtp.office365.com", OauthFlow::ClientCredentials);
        let (steps, page) =
            steps_for(Advice::ExchangeSignInRefused, &form, &run(&[])).expect("steps");
        let lines = all(&steps);
        let at = |part: &str| steps.iter().position(|step| step.text.contains(part));
        assert!(
            at("Leave the API permissions") < at("FullAccess lets the application read"),
            "{steps:?}"
        );
        assert!(at("up to two hours, as others have seen").is_some(), "{steps:?}");
        let trap = steps.iter().find(|step| step.text.contains("Enterprise applications"));
        assert!(trap.is_some_and(|trap| trap.text.contains("App registrations")), "{steps:?}");
        assert!(page.href.starts_with("https://learn.microsoft.com/"), "{page:?}");
        for expected in [
            "Get-MgServicePrincipalByAppId -AppId '11111111-2222-3333-4444-555555555555'",
            "New-ServicePrincipal -AppId $app.AppId -ObjectId $app.Id",
            "New-ManagementRoleAssignment -Name 'PPM senders' -Role 'Application SMTP.SendAsApp' -App $app.Id -CustomResourceScope 'PPM senders'",
            "-RecipientRestrictionFilter \"MemberOfGroup -eq '$group'\"",
            "Test-ServicePrincipalAuthorization -Identity $app.Id -Resource 'o''neil@contoso.com'",
            "Add-MailboxPermission -Identity 'o''neil@contoso.com' -User $app.Id",
            "Set-CASMailbox -Identity 'o''neil@contoso.com' -SmtpClientAuthenticationDisabled $false",
        ] {
            assert!(lines.contains(expected), "{expected}: {lines}");
        }
    }

    #[test]
    fn the_two_ways_for_an_application_are_never_mixed_in_one_step() {
        let form = at("smtp.office365.com", OauthFlow::ClientCredentials);
        for advice in [Advice::ExchangeSignInRefused, Advice::MailboxPermissionMissing] {
            for step in steps_for(advice, &form, &run(&[])).expect("steps").0 {
                let lines = step.copy.unwrap_or_default();
                let is_mixed = lines.contains("Add-MailboxPermission")
                    && lines.contains("New-ManagementRoleAssignment");
                assert!(!is_mixed, "{lines}");
            }
        }
    }

    #[test]
    fn a_blocked_application_is_not_told_to_choose_the_flow_that_it_has() {
        for (flow, expected) in
            [(OauthFlow::ClientCredentials, false), (OauthFlow::AuthorizationCodePkce, true)]
        {
            let form = at("smtp.office365.com", flow);
            let (steps, _) = steps_for(Advice::ConditionalAccess, &form, &run(&[])).expect("steps");
            let is_told =
                steps.iter().any(|step| step.text.contains("Choose the Client Credentials"));
            assert_eq!(is_told, expected, "{flow:?}");
        }
    }

    #[test]
    fn high_volume_email_has_a_way_of_its_own() {
        let form = at("smtp-hve.office365.com", OauthFlow::ClientCredentials);
        let (steps, _) = steps_for(Advice::TokenRefused, &form, &run(&[])).expect("steps");
        assert!(steps.iter().any(|step| step.text.contains("Add-HVEAppAccess")), "{steps:?}");
        assert_eq!(all(&steps), "");
    }

    #[test]
    fn a_token_of_microsofts_first_version_that_is_refused_leads_to_the_second() {
        let mut form = at("smtp.office365.com", OauthFlow::ClientCredentials);
        form.authentication.token_endpoint =
            "https://login.microsoftonline.com/contoso.com/oauth2/token".to_owned();
        let (steps, _) = steps_for(Advice::TokenRefused, &form, &run(&[])).expect("steps");
        let fill = steps[0].fill.clone().expect("a button");
        let expected = "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token";
        assert_eq!((fill.field, fill.value.as_str()), (domain::Field::TokenEndpoint, expected));
    }

    #[test]
    fn an_applications_token_that_microsoft_refuses_has_an_applications_scope() {
        let form = at("smtp.office365.com", OauthFlow::ClientCredentials);
        let (steps, _) = steps_for(Advice::TokenRefused, &form, &run(&[])).expect("steps");
        let fills: Vec<_> = steps.into_iter().filter_map(|step| step.fill).collect();
        assert_eq!(fills.len(), 1);
        assert_eq!(fills[0].value, "https://outlook.office365.com/.default");
    }

    #[test]
    fn a_password_that_google_refuses_is_to_be_an_app_password_of_that_account() {
        let mut form = at("smtp.gmail.com", OauthFlow::None);
        form.sign_in.username = "post@example.com".to_owned();
        let (steps, _) = steps_for(Advice::CredentialsRefused, &form, &run(&[])).expect("steps");
        assert!(steps[0].text.contains("Sign in as post@example.com"), "{steps:?}");
        assert_eq!(href(&steps[0]), "https://myaccount.google.com/apppasswords");
    }

    #[test]
    fn a_consent_that_google_ended_leads_to_the_publishing_status() {
        let form = at("smtp.gmail.com", OauthFlow::AuthorizationCodePkce);
        for advice in [Advice::TokenNotRenewed(Fault::InvalidGrant), Advice::TokenRefused] {
            let (steps, _) = steps_for(advice, &form, &run(&[])).expect("steps");
            let status = steps.iter().find(|step| step.text.contains("in Testing"));
            let status = status.expect("a step about the publishing status");
            assert_eq!(href(status), "https://console.cloud.google.com/auth/audience");
        }
    }

    #[test]
    fn a_password_that_exchange_refuses_has_no_steps_for_tokens() {
        let mut form = at("smtp.office365.com", OauthFlow::None);
        form.sign_in.username = "post@contoso.com".to_owned();
        let (steps, _) = steps_for(Advice::ExchangeSignInRefused, &form, &run(&[])).expect("steps");
        assert!(all(&steps).contains("-Identity 'post@contoso.com'"), "{steps:?}");
        assert!(steps.iter().all(|step| !step.text.contains("Scope")), "{steps:?}");
    }

    #[test]
    fn nobody_is_told_to_get_a_new_token_right_after_ppm_did() {
        for (server, flow) in [
            ("smtp.gmail.com", OauthFlow::AuthorizationCodePkce),
            ("smtp.office365.com", OauthFlow::AuthorizationCode),
        ] {
            let mut form = at(server, flow);
            form.authentication.scope = match flow {
                OauthFlow::AuthorizationCode => {
                    "https://outlook.office.com/SMTP.Send offline_access"
                }
                _ => GOOGLE_SCOPE,
            }
            .to_owned();
            for (facts, expected) in [
                (&[(FactName::Age, "3600"), (FactName::Renewed, "no")][..], true),
                (&[(FactName::Age, "3600"), (FactName::Renewed, "yes")][..], false),
                (&[(FactName::Age, "2"), (FactName::Renewed, "no")][..], false),
            ] {
                let (steps, _) =
                    steps_for(Advice::TokenRefused, &form, &run(facts)).expect("steps");
                let is_told =
                    |step: &NextStep| step.text.to_lowercase().contains("get a new token");
                assert_eq!(steps.iter().any(is_told), expected, "{server} {facts:?}: {steps:?}");
            }
        }
    }

    #[test]
    fn a_sending_limit_says_when_it_ends_and_how_to_raise_it() {
        for (server, ends, raise) in [
            ("smtp.gmail.com", "within 24 hours", "SMTP relay service"),
            ("smtp.office365.com", "within 24 hours", "High Volume Email"),
            ("email-smtp.eu-west-1.amazonaws.com", "last 24 hours", "Service Quotas"),
        ] {
            let form = at(server, OauthFlow::None);
            let (steps, _) = steps_for(Advice::SendingLimit, &form, &run(&[])).expect("steps");
            let says = |words: &str| steps.iter().any(|step| step.text.contains(words));
            assert!(says(ends) && says(raise), "{server}: {steps:?}");
        }
    }

    #[test]
    fn a_wrong_scope_is_a_press_of_a_button() {
        let form = at("smtp.gmail.com", OauthFlow::AuthorizationCodePkce);
        let (steps, _) = steps_for(Advice::TokenRefused, &form, &run(&[])).expect("steps");
        let fill = steps.iter().find_map(|step| step.fill.clone()).expect("a button");
        assert_eq!(
            (fill.field, fill.value.as_str()),
            (domain::Field::Scope, "https://mail.google.com/")
        );
    }

    #[test]
    fn a_server_of_nobody_known_has_no_steps_of_its_own() {
        let form = at("mail.example.com", OauthFlow::None);
        assert_eq!(steps_for(Advice::CredentialsRefused, &form, &run(&[])), None);
    }

    #[test]
    fn what_only_exchange_online_says_is_known_by_any_name_of_the_server() {
        let form = at("mail.example.com", OauthFlow::None);
        let (steps, _) = steps_for(Advice::SmtpAuthDisabled, &form, &run(&[])).expect("steps");
        assert!(all(&steps).contains("Set-CASMailbox"), "{steps:?}");
    }

    #[test]
    fn no_value_ends_its_quotation() {
        for (value, expected) in [
            ("plain", "'plain'"),
            ("o'neil", "'o''neil'"),
            ("$(calc)", "'$(calc)'"),
            ("a\u{2019}; calc", "'a\u{2019}\u{2019}; calc'"),
        ] {
            assert_eq!(quoted(value), expected);
        }
    }
}
