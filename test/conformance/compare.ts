import type { Ids } from './ids.ts';
import type { Answer, Recorder } from './recordings.ts';

// Two answers to the same request, one recorded, one simulated: where they differ in what a client can see.

export interface Difference {
  /** `status`, `code`, `header <name>`, or `body` with a path (`body.value[0].tags`). */
  readonly at: string;
  /** Words of a sentence: `recorded X, simulated Y`. */
  readonly recorded: string;
  readonly simulated: string;
}

/** Replaces base addresses, so that those of Azure and of the simulator are the same: `<resourceManager>`. */
export type Hosts = (text: string) => string;

export interface Comparison {
  readonly recorder: Recorder;
  readonly ids: Ids;
  readonly recordedHosts: Hosts;
  readonly simulatedHosts: Hosts;
}

/** How one connection carried the answer; the length follows from the body, which is compared. */
const ofTheConnection = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length']);

/** Header names that say nothing to a client of this product, with why. One that no recording has fails `npm run conformance`. */
export const headersOfNoMeaning: Readonly<Record<string, string>> = {
  vary: 'for caches between; no-cache stands beside it',
  server: 'which web server the recorded provider runs on',
  'set-cookie': 'of the front end that the recorded request came by',
  'x-cache': 'of the front end (Azure Front Door) that the recorded request came by',
  'x-msedge-ref': 'of the front end (Azure Front Door) that the recorded request came by',
  'mise-correlation-id': "of the provider's sign-in library",
  'x-ms-ags-diagnostic': 'names the machine of Graph that answered',
  'x-ms-messaging-activity-id': 'of Event Hubs only',
  'x-ms-messaging-routing-id': 'of Event Hubs only',
  'x-ms-operation-identifier': 'of Front Door only',
};

/** Response headers that a recorder leaves out of its files: that they are not in a recording says nothing (azure-simulator.md 2). */
const leftOut: Readonly<Record<Recorder, RegExp>> = {
  'vcr.py':
    /^(date|retry-after|client-request-id|x-ms-(request-id|correlation-request-id|routing-request-id|client-request-id|ratelimit-remaining-.*))$/,
  'go-vcr': /^(date|x-ms-(request-id|correlation-request-id|routing-request-id|ratelimit-remaining-.*))$/,
};

export function compareAnswers(recorded: Answer, simulated: Answer, comparison: Comparison): Difference[] {
  const differences: Difference[] = [];
  if (recorded.status !== simulated.status) {
    differences.push({ at: 'status', recorded: String(recorded.status), simulated: String(simulated.status) });
  }
  compareBodies('body', recorded.body, simulated.body, comparison, differences);
  compareHeaders(recorded, simulated, comparison, differences);
  return differences;
}

function compareHeaders(recorded: Answer, simulated: Answer, comparison: Comparison, differences: Difference[]): void {
  const names = new Set([...Object.keys(recorded.headers), ...Object.keys(simulated.headers)]);
  for (const name of [...names].toSorted()) {
    if (ofTheConnection.has(name) || name in headersOfNoMeaning) continue;
    const theirs = recorded.headers[name];
    const ours = simulated.headers[name];
    const at = `header ${name}`;
    if (theirs === undefined && leftOut[comparison.recorder].test(name)) continue;
    if (theirs === undefined || ours === undefined) {
      differences.push({
        at,
        recorded: theirs === undefined ? 'no' : 'yes',
        simulated: ours === undefined ? 'no' : 'yes',
      });
    } else if (name.startsWith('x-ms-ratelimit-')) {
      if (!/^\d+$/.test(ours)) differences.push({ at, recorded: 'a number', simulated: ours });
    } else {
      compareTexts(at, theirs, ours, comparison, differences);
    }
  }
  const theirs = operationUrls(recorded);
  const ours = operationUrls(simulated);
  if (theirs.both && theirs.same && ours.both && !ours.same) {
    differences.push({ at: 'header location', recorded: 'as Azure-AsyncOperation', simulated: 'another one' });
  }
}

/** Of a long-running operation: whether it has both addresses, and whether they are one. */
function operationUrls({ headers }: Answer): { both: boolean; same: boolean } {
  const [first, second] = [headers['azure-asyncoperation'], headers['location']];
  return { both: first !== undefined && second !== undefined, same: first === second };
}

const kindOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? '[]' : 'array';
  if (typeof value === 'object') return Object.keys(value).length === 0 ? '{}' : 'object';
  if (value === '') return "''";
  return typeof value;
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function compareBodies(
  at: string,
  recorded: unknown,
  simulated: unknown,
  comparison: Comparison,
  differences: Difference[],
): void {
  const kinds = { recorded: kindOf(recorded), simulated: kindOf(simulated) };
  if (kinds.recorded !== kinds.simulated) {
    differences.push({ at, ...kinds });
  } else if (Array.isArray(recorded) && Array.isArray(simulated)) {
    if (recorded.length !== simulated.length) {
      differences.push({ at, recorded: `${recorded.length} items`, simulated: `${simulated.length} items` });
    }
    for (const [index, item] of recorded.entries()) {
      if (index < simulated.length) compareBodies(`${at}[${index}]`, item, simulated[index], comparison, differences);
    }
  } else if (isObject(recorded) && isObject(simulated)) {
    for (const name of new Set([...Object.keys(recorded), ...Object.keys(simulated)])) {
      const path = `${at}.${name}`;
      if (!(name in simulated)) differences.push({ at: path, recorded: kindOf(recorded[name]), simulated: 'absent' });
      else if (!(name in recorded))
        differences.push({ at: path, recorded: 'absent', simulated: kindOf(simulated[name]) });
      else compareBodies(path, recorded[name], simulated[name], comparison, differences);
    }
  } else if (typeof recorded === 'string' && typeof simulated === 'string') {
    compareTexts(at === 'body.error.code' ? 'code' : at, recorded, simulated, comparison, differences);
  } else if (recorded !== simulated) {
    differences.push({ at, recorded: String(recorded), simulated: String(simulated) });
  }
}

function compareTexts(
  at: string,
  recorded: string,
  simulated: string,
  { ids, recordedHosts, simulatedHosts }: Comparison,
  differences: Difference[],
): void {
  const theirs = withoutMoment(recordedHosts(recorded));
  const ours = withoutMoment(simulatedHosts(simulated));
  // Recorders mask secrets; that there is one can still be seen.
  if (/^(\*{8,}|replaced-microsoft-graph-password)$/.test(theirs)) return;
  ids.learn(theirs, ours);
  if (!ids.same(theirs, ours)) differences.push({ at, ...shortened(theirs, ours) });
}

/** Instants, ETags, and what is in a signed URL differ from one run to the next: only their form is compared. */
function withoutMoment(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(Z|\+00:00)/g, '<instant>$1')
    .replace(/^"[0-9a-f]{8}-0000-0[0-9a-f]00-0000-[0-9a-f]{12}"$/, '<etag>')
    .replace(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/, '<date>')
    .replaceAll(/([?&][tcsh]=)[^&]+/g, '$1<signed>')
    .replaceAll(/\*[0-9A-F]{64}/g, '*<hash>');
}

/** Two long texts from a little before where they part. */
function shortened(recorded: string, simulated: string): { recorded: string; simulated: string } {
  const part = Array.from(recorded).findIndex((character, index) => character !== simulated[index]);
  const from = Math.max(0, part - 20);
  const cut = (text: string) =>
    `${from === 0 ? '' : '…'}${text.slice(from, from + 100)}${text.length > from + 100 ? '…' : ''}`;
  return { recorded: cut(recorded), simulated: cut(simulated) };
}
