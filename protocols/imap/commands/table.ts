// The commands by name. Those that most sessions never give are loaded by the first that does: an idle server is mostly code.

import { append } from './append.ts';
import { authenticate } from './authenticate.ts';
import { capability } from './capability.ts';
import { check } from './check.ts';
import { close } from './close.ts';
import { copy, move, uidCopy, uidMove } from './copy.ts';
import { create } from './create.ts';
import { remove } from './delete.ts';
import { enable } from './enable.ts';
import { expunge, uidExpunge } from './expunge.ts';
import { fetch, uidFetch } from './fetch.ts';
import { id } from './id.ts';
import { idle } from './idle.ts';
import { list } from './list.ts';
import { login } from './login.ts';
import { logout } from './logout.ts';
import { lsub } from './lsub.ts';
import { namespace } from './namespace.ts';
import { noop } from './noop.ts';
import { rename } from './rename.ts';
import { replace, uidReplace } from './replace.ts';
import { search, sort, uidSearch, uidSort } from './search.ts';
import { examine, select } from './select.ts';
import { starttls } from './starttls.ts';
import { status } from './status.ts';
import { store, uidStore } from './store.ts';
import { subscribe, unsubscribe } from './subscribe.ts';
import { unselect } from './unselect.ts';
import type { LateVerb, Verb } from './verb.ts';

export const VERBS: ReadonlyMap<string, Verb | LateVerb> = new Map<string, Verb | LateVerb>([
  ['APPEND', append],
  ['AUTHENTICATE', authenticate],
  ['CANCELUPDATE', async () => (await import('./cancel-update.ts')).cancelUpdate],
  ['CAPABILITY', capability],
  ['CHECK', check],
  ['CLOSE', close],
  ['COMPRESS', async () => (await import('./compress.ts')).compress],
  ['COPY', copy],
  ['CREATE', create],
  ['DELETE', remove],
  ['DELETEACL', async () => (await import('./acl.ts')).deleteAcl],
  ['ENABLE', enable],
  ['ESEARCH', async () => (await import('./esearch.ts')).esearch],
  ['EXAMINE', examine],
  ['EXPUNGE', expunge],
  ['FETCH', fetch],
  ['GETACL', async () => (await import('./acl.ts')).getAcl],
  ['GENURLAUTH', async () => (await import('./url-auth.ts')).genUrlAuth],
  ['GETMETADATA', async () => (await import('./metadata.ts')).getMetadata],
  ['GETQUOTA', async () => (await import('./quota.ts')).getQuota],
  ['GETQUOTAROOT', async () => (await import('./quota.ts')).getQuotaRoot],
  ['ID', id],
  ['IDLE', idle],
  ['LIST', list],
  ['LISTRIGHTS', async () => (await import('./acl.ts')).listRights],
  ['LOGIN', login],
  ['LOGOUT', logout],
  ['LSUB', lsub],
  ['MOVE', move],
  ['MYRIGHTS', async () => (await import('./acl.ts')).myRights],
  ['NAMESPACE', namespace],
  ['NOOP', noop],
  ['NOTIFY', async () => (await import('./notify.ts')).notify],
  ['RENAME', rename],
  ['REPLACE', replace],
  ['RESETKEY', async () => (await import('./url-auth.ts')).resetKeys],
  ['SEARCH', search],
  ['SELECT', select],
  ['SETACL', async () => (await import('./acl.ts')).setAcl],
  ['SETMETADATA', async () => (await import('./metadata.ts')).setMetadata],
  ['SETQUOTA', async () => (await import('./quota.ts')).setQuota],
  ['SORT', sort],
  ['STARTTLS', starttls],
  ['STATUS', status],
  ['STORE', store],
  ['SUBSCRIBE', subscribe],
  ['THREAD', async () => (await import('./thread.ts')).thread],
  ['UID COPY', uidCopy],
  ['UID EXPUNGE', uidExpunge],
  ['UID FETCH', uidFetch],
  ['UID MOVE', uidMove],
  ['UID REPLACE', uidReplace],
  ['UID SEARCH', uidSearch],
  ['UID SORT', uidSort],
  ['UID STORE', uidStore],
  ['UID THREAD', async () => (await import('./thread.ts')).uidThread],
  ['UIDBATCHES', async () => (await import('./uid-batches.ts')).uidBatches],
  ['UNAUTHENTICATE', async () => (await import('./unauthenticate.ts')).unauthenticate],
  ['UNSELECT', unselect],
  ['UNSUBSCRIBE', unsubscribe],
  ['URLFETCH', async () => (await import('./url-fetch.ts')).urlFetch],
  ['XLIST', async () => (await import('./xlist.ts')).xlist],
]);
