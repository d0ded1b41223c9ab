// Providers that mail is handed to: what a route needs to know of each (F202, F225). All of it can be set otherwise, since
// providers change it. Each says by what it was checked on 22 November 2026: a page of the provider; where there was none to
// be had, what others publish about it; and what is only commonly known is marked as unverified.

import type { OAuthConfig, RouteConfig, RouteLimits } from './routes.ts';

export interface Preset extends Partial<Omit<RouteConfig, 'name' | 'limits' | 'oauth'>> {
  readonly limits?: Partial<RouteLimits>;
  readonly oauth?: Partial<OAuthConfig> & Pick<OAuthConfig, 'provider'>;
}

const MB = 1024 ** 2;
const SUBMISSION = { port: 587, tls: 'starttls', auth: 'central' } as const;

export const PRESETS: Readonly<Record<string, Preset>> = {
  // learn.microsoft.com, "Message storage and concurrent connection throttling for SMTP Authenticated Submission" and
  // "Exchange Online limits": 3 connections, 30 messages a minute, 10,000 recipients a day, 35 MB unless the administrator
  // allows more (the 35 MB and the recipients a message unverified). Passwords end with 2026 (MC786329), so it is OAuth 2.
  microsoft365: {
    ...{ ...SUBMISSION, hosts: ['smtp.office365.com'] },
    oauth: { provider: 'microsoft', scope: 'https://outlook.office.com/SMTP.Send offline_access' },
    limits: {
      ...{ messageSize: 35 * MB, messagesAMinute: 30, recipientsADay: 10_000 },
      ...{ recipientsAMessage: 500, connections: 3 },
    },
  },
  // learn.microsoft.com, "attachment: createUploadSession": 35 MB unless the administrator allows more; "Microsoft Graph
  // throttling limits", Outlook service, as its own answers quote it (2258712): 4 requests at once for a mailbox, 10,000 in
  // ten minutes, and Exchange Online's 30 messages a minute beside them.
  'microsoft365-graph': {
    ...{ driver: 'graph', auth: 'central', graphUrl: 'https://graph.microsoft.com/v1.0' },
    oauth: { provider: 'microsoft', grant: 'client_credentials', scope: 'https://graph.microsoft.com/.default' },
    limits: {
      ...{ messageSize: 35 * MB, messagesAMinute: 30, recipientsADay: 10_000 },
      ...{ recipientsAMessage: 500, connections: 4 },
    },
  },
  // Personal accounts, OAuth 2 only. Host, port and STARTTLS by developer.nylas.com, "Outlook SMTP settings", and
  // scaledmail.com (5/2026), which agree; support.microsoft.com, "Sending limits in Outlook.com" (limits unverified).
  outlook: {
    ...{ ...SUBMISSION, hosts: ['smtp-mail.outlook.com'] },
    oauth: {
      ...{ provider: 'microsoft', scope: 'https://outlook.office.com/SMTP.Send offline_access' },
      tokenUrl: 'https://login.microsoftonline.com/consumers/oauth2/v2.0/token',
    },
    limits: { messageSize: 25 * MB, messagesAMinute: 30, recipientsADay: 300, recipientsAMessage: 100, connections: 2 },
  },
  // support.google.com/mail/answer/22839 and developers.google.com/workspace/gmail/imap/xoauth2-protocol; developer.nylas.com,
  // "Gmail SMTP settings", agrees. Connections unverified.
  gmail: {
    ...{ ...SUBMISSION, hosts: ['smtp.gmail.com'] },
    oauth: { provider: 'google' },
    limits: { messageSize: 25 * MB, recipientsADay: 500, recipientsAMessage: 100, connections: 5 },
  },
  // support.google.com/a/answer/166852: 2,000 messages and 10,000 recipients a day, of which 100 by SMTP at once.
  'google-workspace': {
    ...{ ...SUBMISSION, hosts: ['smtp.gmail.com'] },
    oauth: { provider: 'google' },
    limits: {
      ...{ messageSize: 25 * MB, messagesADay: 2_000, recipientsADay: 10_000 },
      ...{ recipientsAMessage: 100, connections: 5 },
    },
  },
  // support.google.com/a/answer/2956491: by the address that it comes from, or with a login; 10,000 messages and recipients a
  // day of each user. That it takes more than 100 recipients at once is said there without a number. Size unverified.
  'google-relay': {
    ...{ ...SUBMISSION, hosts: ['smtp-relay.gmail.com'], auth: 'none' },
    limits: {
      ...{ messageSize: 25 * MB, messagesADay: 10_000, recipientsADay: 10_000 },
      ...{ recipientsAMessage: 100, connections: 5 },
    },
  },
  // support.apple.com/102525: an app-specific password. 20 MB and 1,000 recipients a day by HT4863, the older form of
  // /102198, which had 200 messages a day and 100 recipients each; that these are more now is unverified.
  icloud: {
    ...{ ...SUBMISSION, hosts: ['smtp.mail.me.com'] },
    limits: { messageSize: 20 * MB, messagesADay: 1_000, recipientsADay: 1_000, recipientsAMessage: 500 },
  },
  // Hosts and ports of the rest: docs.robaws.be, "E-mail instellingen", and support.robaws.com, and of all but Plenso programs
  // that use them so in public. No page of theirs was to be had, and no limits but those below.
  // Combell takes STARTTLS on 587 and TLS on 465; robaws names 2525, for networks that let neither through.
  combell: { ...SUBMISSION, hosts: ['smtp-auth.mailprotect.be'] },
  telenet: { ...SUBMISSION, hosts: ['smtp.telenet.be'] },
  // proximus.be, "E-mail guidelines": 10 recipients a message from other networks, 100 from its own.
  proximus: { ...SUBMISSION, hosts: ['relay.proximus.be'], limits: { recipientsAMessage: 10 } },
  // Unverified beyond robaws.
  plenso: { ...SUBMISSION, hosts: ['mail.plenso.net'] },
  // Its control panel names 465, by programs that quote it; 587 works too.
  'one.com': { ...SUBMISSION, hosts: ['send.one.com'], port: 465, tls: 'implicit' },
};
