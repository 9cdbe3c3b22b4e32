import { randomBytes, randomUUID } from 'node:crypto';
import type { Settings } from './settings.ts';
import type { Counted, State } from './state.ts';

/** Base addresses, without a trailing slash. */
export interface Urls {
  readonly resourceManager: string;
  readonly login: string;
  readonly graph: string;
  readonly dataPlane: string;
}

/** What every part of the simulator works on. `state` is replaced by `PUT /state`: never keep a reference to it over an await. */
export interface World {
  state: State;
  settings: Settings;
  readonly urls: Urls;
  readonly now: () => Date;
}

/** Azure's clock plus so many seconds, as an ISO instant. */
export function instant(world: World, plusSeconds = 0): string {
  return new Date(world.now().getTime() + plusSeconds * 1000).toISOString();
}

/** An instant so long after another one: both of one moment, however long the lines between them take. */
export const after = (start: string, seconds: number): string =>
  new Date(Date.parse(start) + seconds * 1000).toISOString();

/** With seven digits, as Resource Manager writes instants. */
export function longInstant(world: World): string {
  return world.now().toISOString().replace('Z', '0000Z');
}

export function count(world: World, kind: Counted, change: 'created' | 'deleted'): void {
  world.state.counters[kind][change] += 1;
}

export function newEtag(): string {
  const digits = randomBytes(8).toString('hex');
  return `"${digits.slice(0, 8)}-0000-0100-0000-${digits.slice(8)}0000"`;
}

/** A secret in the manner of Entra: 40 characters, the first three are its hint. */
export function newSecret(): string {
  return randomBytes(30).toString('base64url');
}

export const newId = (): string => randomUUID();

/** `Microsoft.X/clusters/c` → lower case, without doubled or trailing slashes: how ids are compared. */
export function idKey(id: string): string {
  return id
    .toLowerCase()
    .replaceAll(/\/{2,}/g, '/')
    .replace(/\/$/, '');
}

export function isWithin(scope: string, id: string): boolean {
  const outer = idKey(scope);
  const inner = idKey(id);
  return outer === '' || inner === outer || inner.startsWith(`${outer}/`);
}
