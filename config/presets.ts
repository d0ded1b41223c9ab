// Providers that mail is handed to: what a route needs to know of each (F202, F225). All of it can be set otherwise, since
// providers change it. Each says which page of the provider it is by, and when that was looked up; what is marked as
// unverified is by what is commonly known of the page, which was not at hand.

import type { OAuthConfig, RouteConfig, RouteLimits } from './routes.ts';

export interface Preset extends Partial<Omit<RouteConfig, 'name' | 'limits' | 'oauth'>> {
  readonly limits?: Partial<RouteLimits>;
  readonly oauth?: Partial<OAuthConfig> & Pick<OAuthConfig, 'provider'>;
}

const MB = 1024 ** 2;
const SUBMISSION = { port: 587, tls: 'starttls', auth: 'central' } as const;

export const PRESETS: Readonly<Record<string, Preset>> = {
  // learn.microsoft.com, "Message storage and concurrent connection throttling for SMTP Authenticated Submission" and
  // "Exchange Online limits" (11/2026): 3 connections, 30 messages a minute, 10,000 recipients a day, 35 MB unless the
  // administrator allows more (the 35 MB unverified). Passwords end with 2026 (MC786329), so it is OAuth 2.
  microsoft365: {
    ...{ ...SUBMISSION, hosts: ['smtp.office365.com'] },
    oauth: { provider: 'microsoft', scope: 'https://outlook.office.com/SMTP.Send offline_access' },
    limits: {
      ...{ messageSize: 35 * MB, messagesAMinute: 30, recipientsADay: 10_000 },
      ...{ recipientsAMessage: 500, connections: 3 },
    },
  },
  // learn.microsoft.com, "attachment: createUploadSession" (11/2026): 35 MB unless the administrator allows more;
  // "Microsoft Graph throttling limits", Outlook service: 4 requests at once for a mailbox (unverified).
  'microsoft365-graph': {
    ...{ driver: 'graph', auth: 'central', graphUrl: 'https://graph.microsoft.com/v1.0' },
    oauth: { provider: 'microsoft', grant: 'client_credentials', scope: 'https://graph.microsoft.com/.default' },
    limits: {
      ...{ messageSize: 35 * MB, messagesAMinute: 30, recipientsADay: 10_000 },
      ...{ recipientsAMessage: 500, connections: 4 },
    },
  },
  // support.microsoft.com, "POP, IMAP, and SMTP settings for Outlook.com" (unverified): personal accounts, OAuth 2 only.
  outlook: {
    ...{ ...SUBMISSION, hosts: ['smtp-mail.outlook.com'] },
    oauth: {
      ...{ provider: 'microsoft', scope: 'https://outlook.office.com/SMTP.Send offline_access' },
      tokenUrl: 'https://login.microsoftonline.com/consumers/oauth2/v2.0/token',
    },
    limits: { messageSize: 25 * MB, messagesAMinute: 30, recipientsADay: 300, recipientsAMessage: 100, connections: 2 },
  },
  // support.google.com/mail/answer/22839 and developers.google.com/workspace/gmail/imap/xoauth2-protocol (11/2026).
  gmail: {
    ...{ ...SUBMISSION, hosts: ['smtp.gmail.com'] },
    oauth: { provider: 'google' },
    limits: { messageSize: 25 * MB, recipientsADay: 500, recipientsAMessage: 100, connections: 5 },
  },
  // support.google.com/a/answer/166852 (11/2026): 2,000 messages and 10,000 recipients a day, of which 100 by SMTP at once.
  'google-workspace': {
    ...{ ...SUBMISSION, hosts: ['smtp.gmail.com'] },
    oauth: { provider: 'google' },
    limits: {
      ...{ messageSize: 25 * MB, messagesADay: 2_000, recipientsADay: 10_000 },
      ...{ recipientsAMessage: 100, connections: 5 },
    },
  },
  // support.google.com/a/answer/2956491 (limits unverified): by the address that it comes from, or with a login.
  'google-relay': {
    ...{ ...SUBMISSION, hosts: ['smtp-relay.gmail.com'], auth: 'none' },
    limits: { messageSize: 25 * MB, messagesADay: 10_000, recipientsAMessage: 100, connections: 5 },
  },
  // support.apple.com/102525 (11/2026): an app-specific password. Limits: /102198 (unverified).
  icloud: {
    ...{ ...SUBMISSION, hosts: ['smtp.mail.me.com'] },
    limits: { messageSize: 20 * MB, messagesADay: 1_000, recipientsADay: 1_000, recipientsAMessage: 500 },
  },
  // docs.robaws.be, "E-mail instellingen" (11/2026), for the Belgian ones and one.com.
  combell: { ...SUBMISSION, hosts: ['smtp-auth.mailprotect.be'], port: 2525 },
  telenet: { ...SUBMISSION, hosts: ['smtp.telenet.be'] },
  proximus: { ...SUBMISSION, hosts: ['relay.proximus.be'] },
  plenso: { ...SUBMISSION, hosts: ['mail.plenso.net'] },
  'one.com': { ...SUBMISSION, hosts: ['send.one.com'] },
};
