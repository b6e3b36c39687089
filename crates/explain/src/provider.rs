//! Steps for failures at known providers, with values of the settings in commands to copy. Server
//! only.

use contract::{Link, NextStep};
use domain::delivery::{Diagnosis, Run};
use domain::preset::{self, Provider};
use domain::token::OauthDiagnosis;
use domain::{Field, Form, OauthFlow, microsoft};

use crate::delivery::{is_token_fresh, wanted_scope};
use crate::steps::{with_copy, with_fill, with_link, words};
use crate::token_inspection::{SCOPE_OF_A_PERSON, SCOPE_OF_AN_APPLICATION};
use crate::{oauth_failure, preset::own_page};

/// Returns the steps of the tested mail server's provider, and its documentation; `None` if it has
/// no steps for this diagnosis.
pub(super) fn steps_for(
    code: Diagnosis,
    tested: &Form<()>,
    run: &Run,
) -> Option<(Vec<NextStep>, Link)> {
    let provider = provider(code, &tested.active_smtp().server)?;
    let steps = match provider {
        Provider::Microsoft365 | Provider::HighVolumeEmail => microsoft(code, tested, run)?,
        Provider::Google => google(code, tested, run)?,
        Provider::AmazonSes => amazon(code)?,
        _ => return None,
    };
    Some((steps, own_page(provider)))
}

/// Returns the provider of a mail server. Some replies identify it regardless of the server's name.
fn provider(code: Diagnosis, server: &str) -> Option<Provider> {
    match code {
        Diagnosis::SmtpAuthDisabled
        | Diagnosis::BasicAuthDisabled
        | Diagnosis::ConditionalAccess
        | Diagnosis::MailboxPermissionMissing => Some(Provider::Microsoft365),
        Diagnosis::GoogleSignInRefused => Some(Provider::Google),
        _ => Provider::of_server(server),
    }
}

fn microsoft(code: Diagnosis, tested: &Form<()>, run: &Run) -> Option<Vec<NextStep>> {
    let is_application = tested.flow == OauthFlow::ClientCredentials;
    Some(match code {
        Diagnosis::SmtpAuthDisabled => vec![
            enable_smtp_auth(tested),
            NextStep::words(
                "If the reply mentions the Tenant, Authenticated SMTP is off for the whole organisation. The command above turns it on for this mailbox only, which overrides the organisation's setting.",
            ),
            NextStep::words(
                "OAuth needs it too. A change needs a few minutes to take effect: test again after that.",
            ),
        ],
        Diagnosis::BasicAuthDisabled => words(&[
            "Choose an OAuth flow above, then Microsoft 365 under Provider: Fill in enters everything that is known about Microsoft 365. Until Microsoft ends password sign-in for good, an administrator of your organisation may be able to turn it on again.",
        ]),
        Diagnosis::ExchangeSignInRefused if tested.flow == OauthFlow::None => vec![
            NextStep::words("Enter the Password again. Username is the mailbox's whole address."),
            enable_smtp_auth(tested),
            NextStep::words(
                "Exchange Online is phasing out passwords for mail, so choose an OAuth flow above, then Microsoft 365 under Provider.",
            ),
        ],
        Diagnosis::ExchangeSignInRefused | Diagnosis::TokenRefused
            if is_application && preset::is_high_volume(&tested.oauth.server) =>
        {
            vec![scope_at_microsoft(tested), high_volume_permissions(tested), PROPAGATION.into()]
        }
        Diagnosis::ExchangeSignInRefused | Diagnosis::TokenRefused if is_application => {
            let endpoints = endpoint_corrections(tested);
            let ways = [
                scope_at_microsoft(tested),
                scoped_role(tested),
                scoped_role_check(tested),
                OBJECT_ID.into(),
                mailbox_permission(tested),
                enable_smtp_auth(tested),
            ];
            endpoints.into_iter().chain(ways).collect()
        }
        Diagnosis::ExchangeSignInRefused | Diagnosis::TokenRefused
            if tested.flow != OauthFlow::None =>
        {
            let owner = &tested.oauth.sender;
            let sign_in = if is_token_fresh(run) {
                format!(
                    "The account that signed in for the token must be {owner}: Exchange accepts a token for its own mailbox only."
                )
            } else {
                format!(
                    "Get a new token, and sign in as {owner}: the account that signs in when you press Get Auth Token must be that mailbox."
                )
            };
            let scope = scope_at_microsoft(tested);
            vec![sign_in.into(), scope, enable_smtp_auth(tested), PROPAGATION.into()]
        }
        Diagnosis::MailboxPermissionMissing if is_application => vec![
            NextStep::words(
                "With a scoped role: remove every API permission of the application in Microsoft Entra. With one of them, Exchange looks at mailbox permissions too.",
            ),
            scoped_role(tested),
            scoped_role_check(tested),
            OBJECT_ID.into(),
            mailbox_permission(tested),
        ],
        // Microsoft Learn, "Exchange Online limits", read on 28 November 2026.
        Diagnosis::SendingLimit => words(&[
            "A mailbox of Exchange Online sends to 10,000 recipients a day: sending works again within 24 hours.",
            "For more, Microsoft has High Volume Email, inside the organisation, and Azure Communication Services.",
        ]),
        Diagnosis::SendingRate | Diagnosis::TooManyConnections => words(&[
            "Exchange Online allows a mailbox three connections at a time and 30 messages a minute. Try again in a minute.",
            "If the problem continues, check what else sends with this account, and spread the messages. For more, Microsoft has High Volume Email, inside the organisation, and Azure Communication Services.",
        ]),
        Diagnosis::SendAsDenied => {
            let sender = &tested.active_smtp().sender;
            let identity = powershell_quoted(sender);
            vec![
                NextStep::words(format!(
                    "Send as the mailbox that signs in, or let it send as {sender}:"
                )),
                with_copy(
                    "In Exchange Online PowerShell, replace SIGNED-IN with the mailbox that signs in:",
                    format!(
                        "{CONNECT}\nAdd-RecipientPermission -Identity {identity} -Trustee 'SIGNED-IN' -AccessRights SendAs"
                    ),
                ),
                PROPAGATION.into(),
            ]
        }
        Diagnosis::ConditionalAccess => {
            let other_flow = "Choose the Client Credentials flow: security defaults and most conditional access rules do not apply to it.";
            let other_flow = (!is_application).then(|| NextStep::words(other_flow));
            let exclude = with_link(
                "Check in the sign-in log which rule blocked the sign-in, and ask the administrator of Microsoft Entra to exclude the account or application:",
                "sign-in logs",
                "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/SignInEventsV3Blade",
            );
            other_flow.into_iter().chain([exclude]).collect()
        }
        _ => return None,
    })
}

fn google(code: Diagnosis, tested: &Form<()>, run: &Run) -> Option<Vec<NextStep>> {
    let has_token = tested.flow != OauthFlow::None;
    Some(match code {
        Diagnosis::GoogleSignInRefused
        | Diagnosis::CredentialsRefused
        | Diagnosis::AppPasswordNeeded
            if !has_token =>
        {
            vec![
                with_link(
                    format!(
                        "Google does not accept account passwords here. Sign in as {}, turn two-step verification on, create an app password and enter its sixteen letters, without spaces, in Password:",
                        tested.sign_in.username
                    ),
                    "app passwords",
                    "https://myaccount.google.com/apppasswords",
                ),
                "If the organisation does not allow app passwords, choose an OAuth flow.".into(),
            ]
        }
        Diagnosis::TokenRefused | Diagnosis::GoogleSignInRefused => vec![
            match wanted_scope(run).filter(|wanted| *wanted != GOOGLE_SCOPE) {
                Some(wanted) => NextStep::words(format!(
                    "The server asks for the scope {wanted}: check that Scope contains it."
                )),
                None => required_scope(tested, GOOGLE_SCOPE),
            },
            NextStep::words(format!(
                "{} {}: Google accepts a token only for the account that it belongs to.",
                if is_token_fresh(run) {
                    "The account that signed in for the token must be"
                } else {
                    "Get a new token, and sign in as"
                },
                tested.oauth.sender
            )),
            publishing_state(),
        ],
        // support.google.com/a/answer/166852 and support.google.com/mail/answer/22839.
        Diagnosis::SendingLimit => vec![
            NextStep::words(
                "Google limits a personal account to 500 messages a day, and a Google Workspace account to 2,000. Sending works again within 24 hours.",
            ),
            with_link(
                "For more, a Workspace administrator can set up the SMTP relay service, which has other limits:",
                "sending limits",
                "https://support.google.com/a/answer/166852",
            ),
        ],
        Diagnosis::TokenNotRenewed(OauthDiagnosis::InvalidGrant) => vec![
            NextStep::words(
                "Press Get Auth Token and sign in again: Google has ended this consent.",
            ),
            publishing_state(),
        ],
        Diagnosis::TokenExpired => vec![
            NextStep::words("Press Get Auth Token."),
            with_fill(
                "To let PPM renew the token automatically, end Authorization Endpoint with ?access_type=offline&prompt=consent: only then does Google give a refresh token.",
                Field::AuthorizationEndpoint,
                "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent",
                "Request offline access",
            ),
        ],
        _ => return None,
    })
}

/// Steps from Amazon SES, "Managing your sending limits" and "Request production access".
fn amazon(code: Diagnosis) -> Option<Vec<NextStep>> {
    let quotas = |text| {
        let href = "https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas.html";
        with_link(text, "sending quotas", href)
    };
    Some(match code {
        Diagnosis::SendingLimit => vec![
            NextStep::words(
                "Amazon counts the messages of the last 24 hours: sending works again as the oldest of them leave that time.",
            ),
            quotas("To raise the daily quota, ask for it in the console, under Service Quotas:"),
        ],
        Diagnosis::SendingRate => vec![
            "Try again in some seconds: the maximum is one of messages per second.".into(),
            quotas("To raise it, ask for it in the console, under Service Quotas:"),
        ],
        _ => return None,
    })
}

/// The scope for Gmail's mail server (Google Developers, "OAuth 2.0 Mechanism").
const GOOGLE_SCOPE: &str = "https://mail.google.com/";

const CONNECT: &str = "Connect-ExchangeOnline";

/// Enables Authenticated SMTP for the sending mailbox.
fn enable_smtp_auth(tested: &Form<()>) -> NextStep {
    let mailbox = if tested.flow == OauthFlow::None && !tested.sign_in.username.is_empty() {
        &tested.sign_in.username
    } else {
        &tested.active_smtp().sender
    };
    let mailbox = powershell_quoted(mailbox);
    with_copy(
        "Turn Authenticated SMTP on for the mailbox, in Exchange Online PowerShell:",
        format!(
            "{CONNECT}\nSet-CASMailbox -Identity {mailbox} -SmtpClientAuthenticationDisabled $false"
        ),
    )
}

/// Client ID, or a placeholder for commands.
fn client_id(tested: &Form<()>) -> &str {
    match tested.authentication.client_id.trim() {
        "" => "YOUR-CLIENT-ID",
        client_id => client_id,
    }
}

/// Commands that register the application in Exchange and assign it to `$app`.
fn registration_commands(tested: &Form<()>) -> String {
    let client_id = powershell_quoted(client_id(tested));
    format!(
        "Connect-MgGraph -Scopes 'Application.Read.All'
$app = Get-MgServicePrincipalByAppId -AppId {client_id}
{CONNECT}
New-ServicePrincipal -AppId $app.AppId -ObjectId $app.Id -DisplayName 'PPM'"
    )
}

/// Microsoft's preferred method (MicrosoftDocs/office-developer-exchange-docs,
/// smtp-app-rbac-onboarding.md, 17 October 2025): a scoped Exchange role for some mailboxes. The
/// propagation time is from the documentation of two relays, not from Microsoft's.
fn scoped_role(tested: &Form<()>) -> NextStep {
    let register = registration_commands(tested);
    let sender = powershell_quoted(&tested.oauth.sender);
    with_copy(
        "Give the application the scoped role, which Microsoft prefers: it may then send as the mailboxes of one group, but not read them. Leave the API permissions of the application in Microsoft Entra empty: the token then has no roles, and that is right. In PowerShell with the modules Microsoft.Graph and ExchangeOnlineManagement:",
        format!(
            "{register}
New-DistributionGroup -Name 'PPM senders' -Type Security -Members {sender}
$group = (Get-DistributionGroup 'PPM senders').DistinguishedName
New-ManagementScope -Name 'PPM senders' -RecipientRestrictionFilter \"MemberOfGroup -eq '$group'\"
New-ManagementRoleAssignment -Name 'PPM senders' -Role 'Application SMTP.SendAsApp' -App $app.Id -CustomResourceScope 'PPM senders'"
        ),
    )
}

/// Checks whether the role is effective.
fn scoped_role_check(tested: &Form<()>) -> NextStep {
    let sender = powershell_quoted(&tested.oauth.sender);
    with_copy(
        "Check the role: Application SMTP.SendAsApp must be listed with InScope True. A new role takes up to two hours, as others have seen. Then test again.",
        format!("Test-ServicePrincipalAuthorization -Identity $app.Id -Resource {sender}"),
    )
}

/// The older method, which grants more than the application needs.
fn mailbox_permission(tested: &Form<()>) -> NextStep {
    let register = registration_commands(tested);
    let sender = powershell_quoted(&tested.oauth.sender);
    with_copy(
        "Or use the older way, a mailbox permission, instead of the scoped role and never together with it: add the application permission SMTP.SendAsApp of Office 365 Exchange Online under API permissions in Microsoft Entra, let an administrator grant it there, and give the application the mailbox. FullAccess lets the application read the mailbox too. A new permission takes 15 to 30 minutes to spread. In PowerShell:",
        format!(
            "{register}
Add-MailboxPermission -Identity {sender} -User $app.Id -AccessRights FullAccess"
        ),
    )
}

/// The permissions that High Volume Email requires for an application token.
fn high_volume_permissions(tested: &Form<()>) -> NextStep {
    NextStep::words(format!(
        "High Volume Email requires the application permission Mail.Send of Office 365 Exchange Online, and the application must be on the list of the account {}. Add it with Add-HVEAppAccess in Exchange Online PowerShell. The list holds at most 10 applications.",
        tested.oauth.sender
    ))
}

/// Steps that replace Microsoft v1 endpoints, whose tokens are not valid for mail.
fn endpoint_corrections(tested: &Form<()>) -> Vec<NextStep> {
    let endpoint = &tested.authentication.token_endpoint;
    if microsoft::is_endpoint(endpoint) && microsoft::v2_endpoint(endpoint).is_some() {
        oauth_failure::old_endpoint(tested).steps
    } else {
        Vec::new()
    }
}

const OBJECT_ID: &str = "If the application is already registered: ObjectId must be the Object ID on the application's page under Enterprise applications. The Object ID under App registrations is a different one, and Exchange accepts the wrong one without an error. Get-ServicePrincipal shows what is registered; Remove-ServicePrincipal removes a wrong one.";

const PROPAGATION: &str =
    "A new permission needs 15 to 30 minutes to take effect: test again after that.";

fn publishing_state() -> NextStep {
    with_link(
        "Check the publishing status of the consent screen: in Testing, Google ends every consent after seven days. Publish it, or make it Internal:",
        "Google Auth Platform, Audience",
        "https://console.cloud.google.com/auth/audience",
    )
}

/// The scope that Exchange Online requires for the flow.
pub(super) fn scope_at_microsoft(tested: &Form<()>) -> NextStep {
    let wanted = match tested.flow {
        OauthFlow::ClientCredentials => SCOPE_OF_AN_APPLICATION,
        _ => SCOPE_OF_A_PERSON,
    };
    required_scope(tested, wanted)
}

/// The scope that the provider requires, with a button if another one is set.
fn required_scope(tested: &Form<()>, wanted: &str) -> NextStep {
    if tested.authentication.scope == wanted {
        return NextStep::words(format!("Scope is correct: {wanted}."));
    }
    let text = format!("Scope must be {wanted}. Save it, then get a new token.");
    with_fill(text, Field::Scope, wanted, "Use this scope")
}

/// Quotes a value literally for PowerShell, which also treats four Unicode characters as single
/// quotation marks (`about_Quoting_Rules`).
fn powershell_quoted(value: &str) -> String {
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
    use domain::delivery::{Fact, FactName, Step, StepReport, StepStatus, Tested};
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

    /// A run whose token step has these facts.
    fn run(facts: &[(FactName, &str)]) -> Run {
        let facts = facts.iter().map(|&(name, value)| Fact { name, value: value.to_owned() });
        let token = StepReport {
            step: Step::Token,
            ended: StepStatus::Done,
            millis: 1,
            facts: facts.collect(),
            peer_text: None,
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

    /// The steps after a run without facts.
    fn steps(diagnosis: Diagnosis, form: &Form<()>) -> Vec<NextStep> {
        steps_for(diagnosis, form, &run(&[])).expect("steps").0
    }

    fn href(step: &NextStep) -> &str {
        step.link.as_ref().map_or("", |link| link.href.as_str())
    }

    fn commands(steps: &[NextStep]) -> String {
        let copies = steps.iter().filter_map(|step| step.copy.clone());
        copies.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn an_unregistered_application_gets_commands_with_its_own_values() {
        let form = at("smtp.office365.com", OauthFlow::ClientCredentials);
        let (steps, page) =
            steps_for(Diagnosis::ExchangeSignInRefused, &form, &run(&[])).expect("steps");
        let lines = commands(&steps);
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
    fn scoped_role_and_mailbox_permission_are_never_mixed_in_one_step() {
        let form = at("smtp.office365.com", OauthFlow::ClientCredentials);
        for diagnosis in [Diagnosis::ExchangeSignInRefused, Diagnosis::MailboxPermissionMissing] {
            for step in steps(diagnosis, &form) {
                let lines = step.copy.unwrap_or_default();
                let is_mixed = lines.contains("Add-MailboxPermission")
                    && lines.contains("New-ManagementRoleAssignment");
                assert!(!is_mixed, "{lines}");
            }
        }
    }

    #[test]
    fn conditional_access_does_not_suggest_the_current_flow() {
        for (flow, expected) in
            [(OauthFlow::ClientCredentials, false), (OauthFlow::AuthorizationCodePkce, true)]
        {
            let form = at("smtp.office365.com", flow);
            let steps = steps(Diagnosis::ConditionalAccess, &form);
            let has_step =
                steps.iter().any(|step| step.text.contains("Choose the Client Credentials"));
            assert_eq!(has_step, expected, "{flow:?}");
        }
    }

    #[test]
    fn high_volume_email_has_its_own_steps() {
        let form = at("smtp-hve.office365.com", OauthFlow::ClientCredentials);
        let steps = steps(Diagnosis::TokenRefused, &form);
        assert!(steps.iter().any(|step| step.text.contains("Add-HVEAppAccess")), "{steps:?}");
        assert_eq!(commands(&steps), "");
    }

    #[test]
    fn a_rejected_token_of_a_microsoft_v1_endpoint_suggests_v2() {
        let mut form = at("smtp.office365.com", OauthFlow::ClientCredentials);
        form.authentication.token_endpoint =
            "https://login.microsoftonline.com/contoso.com/oauth2/token".to_owned();
        let steps = steps(Diagnosis::TokenRefused, &form);
        let fill = steps[0].fill.clone().expect("a button");
        let expected = "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token";
        assert_eq!((fill.field, fill.value.as_str()), (Field::TokenEndpoint, expected));
    }

    #[test]
    fn a_rejected_microsoft_application_token_suggests_the_application_scope() {
        let form = at("smtp.office365.com", OauthFlow::ClientCredentials);
        let steps = steps(Diagnosis::TokenRefused, &form);
        let fills: Vec<_> = steps.into_iter().filter_map(|step| step.fill).collect();
        assert_eq!(fills.len(), 1);
        assert_eq!(fills[0].value, "https://outlook.office365.com/.default");
    }

    #[test]
    fn a_rejected_google_password_suggests_an_app_password_of_that_account() {
        let mut form = at("smtp.gmail.com", OauthFlow::None);
        form.sign_in.username = "post@example.com".to_owned();
        let steps = steps(Diagnosis::CredentialsRefused, &form);
        assert!(steps[0].text.contains("Sign in as post@example.com"), "{steps:?}");
        assert_eq!(href(&steps[0]), "https://myaccount.google.com/apppasswords");
    }

    #[test]
    fn an_ended_google_consent_links_to_the_publishing_status() {
        let form = at("smtp.gmail.com", OauthFlow::AuthorizationCodePkce);
        for diagnosis in
            [Diagnosis::TokenNotRenewed(OauthDiagnosis::InvalidGrant), Diagnosis::TokenRefused]
        {
            let steps = steps(diagnosis, &form);
            let status = steps.iter().find(|step| step.text.contains("in Testing"));
            let status = status.expect("a step about the publishing status");
            assert_eq!(href(status), "https://console.cloud.google.com/auth/audience");
        }
    }

    #[test]
    fn a_rejected_exchange_password_has_no_steps_for_tokens() {
        let mut form = at("smtp.office365.com", OauthFlow::None);
        form.sign_in.username = "post@contoso.com".to_owned();
        let steps = steps(Diagnosis::ExchangeSignInRefused, &form);
        assert!(commands(&steps).contains("-Identity 'post@contoso.com'"), "{steps:?}");
        assert!(steps.iter().all(|step| !step.text.contains("Scope")), "{steps:?}");
    }

    #[test]
    fn a_fresh_token_has_no_step_to_get_a_new_one() {
        for (server, flow, scope) in [
            ("smtp.gmail.com", OauthFlow::AuthorizationCodePkce, GOOGLE_SCOPE),
            ("smtp.office365.com", OauthFlow::AuthorizationCode, SCOPE_OF_A_PERSON),
        ] {
            let mut form = at(server, flow);
            form.authentication.scope = scope.to_owned();
            for (facts, expected) in [
                (&[(FactName::Age, "3600"), (FactName::Renewed, "no")][..], true),
                (&[(FactName::Age, "3600"), (FactName::Renewed, "yes")][..], false),
                (&[(FactName::Age, "2"), (FactName::Renewed, "no")][..], false),
            ] {
                let (steps, _) =
                    steps_for(Diagnosis::TokenRefused, &form, &run(facts)).expect("steps");
                let has_step =
                    |step: &NextStep| step.text.to_lowercase().contains("get a new token");
                assert_eq!(steps.iter().any(has_step), expected, "{server} {facts:?}: {steps:?}");
            }
        }
    }

    #[test]
    fn a_sending_limit_explains_its_end_and_how_to_raise_it() {
        for (server, ends, raise) in [
            ("smtp.gmail.com", "within 24 hours", "SMTP relay service"),
            ("smtp.office365.com", "within 24 hours", "High Volume Email"),
            ("email-smtp.eu-west-1.amazonaws.com", "last 24 hours", "Service Quotas"),
        ] {
            let form = at(server, OauthFlow::None);
            let steps = steps(Diagnosis::SendingLimit, &form);
            let says = |words: &str| steps.iter().any(|step| step.text.contains(words));
            assert!(says(ends) && says(raise), "{server}: {steps:?}");
        }
    }

    #[test]
    fn a_wrong_scope_is_corrected_by_a_button() {
        let form = at("smtp.gmail.com", OauthFlow::AuthorizationCodePkce);
        let steps = steps(Diagnosis::TokenRefused, &form);
        let fill = steps.iter().find_map(|step| step.fill.clone()).expect("a button");
        assert_eq!((fill.field, fill.value.as_str()), (Field::Scope, "https://mail.google.com/"));
    }

    #[test]
    fn a_server_of_an_unknown_provider_has_no_provider_steps() {
        let form = at("mail.example.com", OauthFlow::None);
        assert_eq!(steps_for(Diagnosis::CredentialsRefused, &form, &run(&[])), None);
    }

    #[test]
    fn replies_unique_to_exchange_online_identify_it_by_any_server_name() {
        let form = at("mail.example.com", OauthFlow::None);
        let steps = steps(Diagnosis::SmtpAuthDisabled, &form);
        assert!(commands(&steps).contains("Set-CASMailbox"), "{steps:?}");
    }

    #[test]
    fn powershell_values_cannot_end_their_quotation() {
        for (value, expected) in [
            ("plain", "'plain'"),
            ("o'neil", "'o''neil'"),
            ("$(calc)", "'$(calc)'"),
            ("a\u{2019}; calc", "'a\u{2019}\u{2019}; calc'"),
        ] {
            assert_eq!(powershell_quoted(value), expected);
        }
    }
}
