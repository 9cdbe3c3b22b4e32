import type { Reason } from '../api/reasons.ts';
import type { Submission } from '../api/status.ts';
import type { Fact, FactKey, FactValues, RenewalRequests } from './facts.ts';
import type { KnownHosts } from '../nodes/known-hosts.ts';
import type { Session } from '../sign-in/sessions.ts';

/** A failed try of a step. */
export interface StepFailure {
  count: number;
  at: Date;
  nextTry: Date;
  message: string;
  reason: Reason;
  needsPerson: boolean;
}

/** A long-running operation that was started. Its URL only serves to read why it failed; losing it loses nothing. */
export interface Operation {
  url: string | undefined;
  waitUntil: Date;
  /** What exactly was submitted, for steps whose effect cannot be read back (the thumbprints of an upload). */
  detail: string | undefined;
}

export interface Remembered<T> {
  fact: Fact<T>;
  readAgainAt: Date;
  /** How often in a row it could not be read. */
  failures: number;
}

/**
 * What one registration's passes remember from one to the next. All of it may be lost at any time: a restart starts with an empty
 * memory and with the submissions that status holds.
 */
export interface Memory {
  facts: { [K in FactKey]?: Remembered<FactValues[K]> };
  /** All was well at the end of the last pass: what is due may be confirmed by what is read for all at once. */
  atRest: boolean;
  failures: Map<string, StepFailure>;
  operations: Map<string, Operation>;
  submissions: Submission[];
  /** Writes that were accepted and whose effect does not show yet. */
  successes: Map<string, { count: number; at: Date; nextTry: Date }>;
  /** With which the facts about Azure were read. */
  session: Session | undefined;
  /** Of which resource, and of which Arc scope, the facts about Azure were read. */
  resourceId: string | undefined;
  arcScope: string | undefined;
  /** The values of requests that were taken up, by the field of status that will answer them. */
  heard: Record<string, string>;
  /** A synchronisation was asked for, and was not tried yet. */
  syncRequested: boolean;
  /** New credentials were asked for, and are not in use yet. */
  renewalRequests: RenewalRequests;
  /** Notices that were told as events, and still hold. */
  told: Set<string>;
  /** With which nodes were connected to. Secret. */
  sshKeys: readonly string[] | undefined;
  /** Fingerprint of the secret of the user's own Arc service principal that the facts about it were read with. */
  onboardingSecret: string | undefined;
  /** By which nodes were known. */
  knownHosts: KnownHosts | undefined;
  /** Fingerprints that nodes showed when they were connected to. */
  hostKeys: Record<string, string>;
}

export const createMemory = (submissions: Submission[] = []): Memory => ({
  facts: {},
  atRest: false,
  failures: new Map(),
  operations: new Map(),
  submissions,
  successes: new Map(),
  hostKeys: {},
  session: undefined,
  resourceId: undefined,
  arcScope: undefined,
  heard: {},
  syncRequested: false,
  renewalRequests: {},
  told: new Set(),
  sshKeys: undefined,
  onboardingSecret: undefined,
  knownHosts: undefined,
});

export const rememberedKeys = (memory: Memory): FactKey[] =>
  Object.keys(memory.facts).filter((key): key is FactKey => key in memory.facts);

/** Forgets facts. `probe/` stands for the probes of all nodes. */
export function expire(memory: Memory, keys: readonly (FactKey | 'probe/')[]): void {
  for (const key of keys) {
    if (key !== 'probe/') delete memory.facts[key];
    else for (const known of rememberedKeys(memory)) if (known.startsWith(key)) delete memory.facts[known];
  }
}

/** From now on everything is read live, at first what rows had told and what they hint at. */
export function leaveRest(memory: Memory): void {
  memory.atRest = false;
  expire(memory, ['resource', 'arcSettings', 'machines']);
  for (const key of rememberedKeys(memory)) if (isBulk(memory.facts[key]?.fact)) delete memory.facts[key];
}

export const isBulk = (fact: Fact<unknown> | undefined): boolean => fact?.state === 'present' && fact.via === 'bulk';

/** Makes a fact be read again at this time, or earlier if it is due earlier. */
export function readAgain(memory: Memory, keys: readonly FactKey[], at: Date): void {
  for (const key of keys) {
    const remembered = memory.facts[key];
    if (remembered !== undefined && remembered.readAgainAt > at) remembered.readAgainAt = at;
  }
}

/** Azure is signed in to with another credential: what the last one was refused says nothing of it. */
export function forgetRefusalsOfAzure(memory: Memory): void {
  for (const key of rememberedKeys(memory))
    if (memory.facts[key]?.fact.state === 'unknown' && !isAboutNodes(key)) delete memory.facts[key];
  expire(memory, ['signIn', 'permissions', 'groupPermissions/resourceGroup', 'groupPermissions/arcResourceGroup']);
  memory.failures.clear();
}

/** Nodes are connected to with other keys, or are known by others. */
export function forgetAnswersOfNodes(memory: Memory): void {
  expire(memory, ['probe/', 'cluster']);
  memory.failures.clear();
}

const isAboutNodes = (key: FactKey): boolean =>
  key === 'sshKeys' || key === 'knownHosts' || key === 'cluster' || key.startsWith('probe/');
