// The contract suite: what every engine must do, through the ports alone. A file per engine runs it.
import { afterAll, beforeAll, describe } from 'vitest';
import type { SqlStore } from '#test/support/sql-store.ts';
import { annotationContracts } from './annotations.ts';
import { changeContracts } from './changes.ts';
import { deviceContracts } from './devices.ts';
import { directoryContracts } from './directory.ts';
import type { OpenStore } from './fixture.ts';
import { flagContracts } from './flags.ts';
import { mailboxContracts } from './mailboxes.ts';
import { messageContracts } from './messages.ts';
import { modelContracts } from './model/contracts.ts';
import { owedFlagContracts } from './owed-flags.ts';
import { queueContracts } from './queue.ts';
import { queueRouteContracts } from './queue-routes.ts';
import { queueSenderContracts } from './queue-senders.ts';
import { readerSeenContracts } from './reader-seen.ts';
import { routeCredentialContracts } from './route-credentials.ts';
import { sharingContracts } from './sharing.ts';
import { signingKeyContracts } from './signing-keys.ts';
import { singleInstanceContracts } from './single-instance.ts';
import { threadContracts } from './threads.ts';

/** What differs between engines in how the suite is run. */
export interface ContractOptions {
  /** Operations of the model test; the full number unless an engine needs a network for each statement. */
  readonly operations?: number;
  /** Changes of mail that must leave other classes alone; likewise. */
  readonly changes?: number;
}

/** Runs the whole suite against the stores that `open` makes. */
export function contracts(name: string, open: OpenStore, options: ContractOptions = {}): void {
  describe(name, () => {
    let store: SqlStore;
    beforeAll(async () => {
      store = await open();
    });
    afterAll(() => store[Symbol.asyncDispose]());
    const current = () => store;
    mailboxContracts(current);
    messageContracts(current);
    singleInstanceContracts(current);
    flagContracts(current);
    owedFlagContracts(current);
    annotationContracts(current);
    readerSeenContracts(current);
    threadContracts(current);
    changeContracts(current, options.changes ?? 1_000_000);
    directoryContracts(open);
    queueContracts(open);
    queueRouteContracts(open);
    queueSenderContracts(open);
    sharingContracts(open);
    signingKeyContracts(open);
    routeCredentialContracts(open);
    deviceContracts(open);
    modelContracts(current, options.operations ?? 20_000);
  });
}
