// The contract of the directory: who is here, and with which keys a domain's mail is signed.
import type { AccountId } from '../ports.ts';

export interface Domain {
  readonly name: string;
  /** The domain of a login without one. */
  readonly isDefault: boolean;
}

export interface Account {
  readonly id: AccountId;
  readonly address: string;
  /** Bytes, or null for no limit. */
  readonly quota: number | null;
  readonly enabled: boolean;
  /** Nobody logs in to it: it is there to be shared (F142). */
  readonly shared?: true;
}

export interface Alias {
  /** `sales@example.test`, or `@example.test` for the catch-all of a domain. */
  readonly address: string;
  /** Addresses; a local one may itself be an alias (at most 10 deep), to others it is forwarded. */
  readonly targets: readonly string[];
}

export type Resolution =
  /** Deliver to these accounts; `suffix` is what followed '+' (F137). */
  | {
      readonly kind: 'local';
      readonly accounts: readonly Account[];
      readonly suffix: string;
      /** Only a domain's catch-all takes it. */
      readonly caught: boolean;
      /** Addresses elsewhere that it is forwarded to; absent: none. */
      readonly forwards?: readonly string[];
      /** Those of the accounts that forward it and keep no copy; absent: none. */
      readonly onwards?: readonly AccountId[];
    }
  /** A domain of ours, but nobody there. */
  | { readonly kind: 'unknown' }
  /** Not a domain of ours. */
  | { readonly kind: 'foreign' };

/** A stored password hash (PHC string) and the version that any change of it raises. */
export interface Credential {
  readonly account: Account;
  readonly hash: string;
  readonly version: number;
  /** The SCRAM keys of the same password; null if there are none, or they can't be read. */
  readonly scram: ScramKeys | null;
}

/** The keys of SCRAM-SHA-256 (RFC 5802 3), in base64. */
export interface ScramKeys {
  readonly salt: string;
  readonly iterations: number;
  readonly storedKey: string;
  readonly serverKey: string;
}

/** Who is here: domains, accounts, aliases, credentials. Addresses and domains are compared in lower case, IDNA A-labels
 * and U-labels alike. */
export interface Directory {
  domains(): Promise<Domain[]>;
  addDomain(name: string): Promise<void>;
  /** Refused (`protected`) while accounts or aliases are in it. */
  removeDomain(name: string): Promise<void>;
  accounts(): Promise<Account[]>;
  account(id: AccountId): Promise<Account | undefined>;
  accountByAddress(address: string): Promise<Account | undefined>;
  /** Makes the account's store with its system mailboxes, then the row. */
  addAccount(account: {
    address: string;
    /** Null: nobody logs in to it. */
    passwordHash: string | null;
    /** Absent: they are made at the next login with the password. */
    scram?: ScramKeys;
    quota: number | null;
  }): Promise<Account>;
  removeAccount(id: AccountId): Promise<void>;
  /** Refused (`protected`) for an account that nobody logs in to. */
  setPassword(id: AccountId, hash: string, scram?: ScramKeys): Promise<void>;
  /** Adds the SCRAM keys of a password that is set; nothing if it is no longer this version. */
  setScram(id: AccountId, version: number, scram: ScramKeys): Promise<void>;
  setQuota(id: AccountId, quota: number | null): Promise<void>;
  /** What is set for an account, by name. */
  settings(id: AccountId): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Sets a name to these values, or to nothing. Errors: not-found. */
  setSetting(id: AccountId, name: string, values: readonly string[]): Promise<void>;
  aliases(): Promise<Alias[]>;
  addAlias(address: string, targets: readonly string[]): Promise<void>;
  removeAlias(address: string): Promise<void>;
  /** Where mail for an address goes: account, alias, +suffix, catch-all. `postmaster` alone is the default domain's. */
  resolve(address: string): Promise<Resolution>;
  /** Who a login name means: `user`, `user@domain`, `DOMAIN\user`, `domain/user`, in any case (F170, F205). */
  login(name: string): Promise<Credential | undefined>;
  /**
   * May this account send as this address (F16, F137): its own, its aliases, what its setting `send-as` names (an address,
   * or `@domain` for all of one), with any +suffix?
   */
  maySendAs(id: AccountId, address: string): Promise<boolean>;
}

// --------------------------------------------------------------------------------------------------- signing keys

/** A key that mail of a domain is signed with. */
export interface SigningKey {
  readonly domain: string;
  readonly selector: string;
  /** Keys that are made, used and removed together. */
  readonly set: string;
  readonly algorithm: 'rsa-sha256' | 'ed25519-sha256';
  /** Base64, as it stands in DNS. */
  readonly publicKey: string;
  readonly signs: boolean;
  /** Unix ms. */
  readonly created: number;
}

export interface NewSigningKey extends Pick<SigningKey, 'selector' | 'algorithm' | 'publicKey'> {
  /** PKCS #8, DER; kept sealed. */
  readonly privateKey: Uint8Array;
}

/** What is set for a domain, by name. */
export interface DomainSettings {
  /** Nothing for a domain that is not ours. */
  get(domain: string): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Sets a name to these values, or to nothing. Errors: not-found, limit. */
  set(domain: string, name: string, values: readonly string[]): Promise<void>;
}

export interface SigningKeys {
  list(domain: string): Promise<SigningKey[]>;
  /** Those that sign, with their private halves. Errors: unavailable (they can't be unsealed). */
  signing(domain: string): Promise<{ readonly key: SigningKey; readonly privateKey: Uint8Array }[]>;
  /** The first set of a domain signs, a further one once it is used. Errors: not-found (the domain), exists, limit. */
  add(domain: string, set: string, keys: readonly NewSigningKey[]): Promise<void>;
  /** This set signs from now on, and no other. Errors: not-found. */
  use(domain: string, set: string): Promise<void>;
  remove(domain: string, set: string): Promise<void>;
}

// --------------------------------------------------------------------------------------------- credentials of routes

export type RouteSecretKind = 'password' | 'client-secret' | 'refresh-token';

/** What we log in with at a smarthost or its token service. */
export interface RouteCredential {
  readonly route: string;
  /** The account whose mail it is for; '' is for everybody's. */
  readonly owner: AccountId | '';
  readonly kind: RouteSecretKind;
  /** The user name there; '' where the configuration says it. */
  readonly login: string;
  /** Raised by any change. */
  readonly version: number;
  /** Unix ms. */
  readonly changed: number;
}

/** Sealed in the store: only `secret` opens them. */
export interface RouteCredentials {
  list(): Promise<RouteCredential[]>;
  /** Errors: unavailable (it can't be unsealed). */
  secret(
    route: string,
    owner: AccountId | '',
    kind: RouteSecretKind,
  ): Promise<{ readonly credential: RouteCredential; readonly secret: string } | undefined>;
  /**
   * Sets one, durably. `replaces`: only if this version is what is there, so that who renews a token that was set anew
   * meanwhile changes nothing. False if it was not. Errors: limit.
   */
  set(
    credential: Pick<RouteCredential, 'route' | 'owner' | 'kind' | 'login'>,
    secret: string,
    replaces?: number,
  ): Promise<boolean>;
  /** Removes what there is of a route for an owner. Errors: not-found. */
  remove(route: string, owner: AccountId | ''): Promise<void>;
}

// ----------------------------------------------------------------------------------------------------------- devices

/** A program that used an account, or tried to. */
export interface DeviceContact {
  readonly owner: AccountId;
  readonly protocol: 'imap' | 'pop3' | 'smtp';
  /** What it calls itself; '' when it says nothing. */
  readonly program: string;
  /** The IP address that it came from. */
  readonly address: string;
  /** Unix ms. */
  readonly at: number;
  /** It got in. */
  readonly entered: boolean;
  /** What went wrong, in plain words; '' for nothing. */
  readonly fault: string;
}

export interface Device extends Pick<DeviceContact, 'protocol' | 'program' | 'address'> {
  /** Unix ms. */
  readonly first: number;
  /** Unix ms; null if it has never got in. */
  readonly last: number | null;
  readonly fault: { readonly text: string; readonly at: number } | null;
}

/** The devices and programs of each account. */
export interface Devices {
  /** Those of accounts that are gone are left out; of too many programs of one account the oldest are forgotten. */
  note(contacts: readonly DeviceContact[]): Promise<void>;
  /** The last one first. */
  list(owner: AccountId): Promise<Device[]>;
}
