import { expect, test } from 'vitest';
import { compareAnswers, type Comparison } from './compare.ts';
import { createExplainer, type Explanation } from './explanations.ts';
import { createIds } from './ids.ts';
import { parseRecording, type Answer } from './recordings.ts';

const zeros = '00000000-0000-0000-0000-000000000000';
const subscription = 'aaaaaaaa-0000-4000-8000-000000000001';
const theirs = 'bbbbbbbb-0000-4000-8000-000000000002';
const ours = 'cccccccc-0000-4000-8000-000000000003';

const comparison = (): Comparison => ({
  recorder: 'vcr.py',
  ids: createIds({ [zeros]: [subscription] }),
  recordedHosts: (text) => text.replaceAll('https://azure', '<host>'),
  simulatedHosts: (text) => text.replaceAll('https://simulated', '<host>'),
});

const recorded: Answer = {
  status: 202,
  headers: {
    'content-type': 'application/json; charset=utf-8',
    'azure-asyncoperation': `https://azure/operations/${theirs}?t=1&s=abc`,
    location: `https://azure/operations/${theirs}?t=1&s=abc`,
    etag: '"330575d8-0000-0100-0000-657a65580000"',
    'x-cache': 'CONFIG_NOCACHE',
  },
  body: {
    id: `/subscriptions/${zeros}/things/${theirs}`,
    at: '2023-12-14T02:15:50.5620248Z',
    secret: '****************************************',
    nothing: null,
    empty: [],
    days: 60,
    nested: { state: 'Succeeded' },
  },
};
const body = {
  id: `/subscriptions/${subscription}/things/${ours}`,
  at: '2026-01-01T00:00:00.000Z',
  secret: 'a real one',
  nothing: null,
  empty: [],
  days: 60,
  nested: { state: 'Succeeded' },
};
const simulated: Answer = {
  status: 202,
  headers: {
    'content-type': 'application/json; charset=utf-8',
    'azure-asyncoperation': `https://simulated/operations/${ours}?t=2&s=xyz`,
    location: `https://simulated/operations/${ours}?t=2&s=xyz`,
    etag: '"0a0a0a0a-0000-0100-0000-0b0b0b0b0000"',
    'x-ms-request-id': ours,
  },
  body,
};
const withoutEtag = Object.fromEntries(Object.entries(simulated.headers).filter(([name]) => name !== 'etag'));

test('what only the run makes different is no difference', () => {
  expect(compareAnswers(recorded, simulated, comparison())).toEqual([]);
});

test('the case of a GUID is no difference', () => {
  const id = `/subscriptions/${subscription.toUpperCase()}/things/${ours.toUpperCase()}`;
  expect(compareAnswers(recorded, { ...simulated, body: { ...body, id } }, comparison())).toEqual([]);
});

test.each<[string, Answer, string]>([
  ['another status', { ...simulated, status: 200 }, 'status'],
  ['a value', { ...simulated, body: { ...body, days: 59 } }, 'body.days'],
  ['a word', { ...simulated, body: { ...body, nested: { state: 'Failed' } } }, 'body.nested.state'],
  ['a word in another case', { ...simulated, body: { ...body, nested: { state: 'succeeded' } } }, 'body.nested.state'],
  [
    'a segment of an id in another case',
    { ...simulated, body: { ...body, id: `/subscriptions/${subscription}/Things/${ours}` } },
    'body.id',
  ],
  ['a missing member', { ...simulated, body: { ...body, nothing: undefined } }, 'body.nothing'],
  ['null for an empty list', { ...simulated, body: { ...body, empty: null } }, 'body.empty'],
  ['an empty object for a full one', { ...simulated, body: { ...body, nested: {} } }, 'body.nested'],
  ['a further member', { ...simulated, body: { ...body, more: 1 } }, 'body.more'],
  ['an instant in another form', { ...simulated, body: { ...body, at: '2026-01-01' } }, 'body.at'],
  [
    'another id than before',
    { ...simulated, body: { ...body, id: `/subscriptions/${ours}/things/${ours}` } },
    'body.id',
  ],
  ['JSON null for nothing', { ...simulated, body: null }, 'body'],
  ['a missing header', { ...simulated, headers: withoutEtag }, 'header etag'],
  ['a further header', { ...simulated, headers: { ...simulated.headers, 'x-new': '1' } }, 'header x-new'],
  [
    'a relative address',
    { ...simulated, headers: { ...simulated.headers, location: `/operations/${ours}?t=2&s=xyz` } },
    'header location',
  ],
])('%s is a difference', (_, changed, at) => {
  expect(compareAnswers(recorded, changed, comparison()).map((difference) => difference.at)).toContain(at);
});

test('an explanation is for one place, and is missed when it explains nothing', () => {
  const explanation: Explanation = { recording: /a/, exchange: /GET \/x/, at: /body\.days/, reason: 'r' };
  const other: Explanation = { ...explanation, exchange: /GET \/y/ };
  const explainer = createExplainer([explanation, other]);
  const differences = ['body.days', 'body.daysLeft', 'status'].map((at) => ({ at, recorded: '', simulated: '' }));
  expect(explainer.unexplained('a', 'GET /x', differences).map(({ at }) => at)).toEqual(['body.daysLeft', 'status']);
  expect(explainer.unused()).toEqual([other]);
});

test.each([
  ['text', 'body: \'{"a":1}\''],
  ['under string', 'body: {string: \'{"a":1}\'}'],
  ['base64', `body: {base64_string: ${Buffer.from('{"a":1}').toString('base64')}}`],
  ['binary', `body: !!binary ${Buffer.from('{"a":1}').toString('base64')}`],
])('a recorded body as %s', (_, line) => {
  const yaml = `interactions:
- request: {method: GET, uri: 'https://azure/x', body: null}
  response:
    ${line}
    headers: {Content-Type: [application/json]}
    status: {code: 200, message: OK}
`;
  expect(parseRecording('x', yaml).exchanges[0]).toEqual({
    method: 'GET',
    url: 'https://azure/x',
    body: '',
    answer: { status: 200, headers: { 'content-type': 'application/json' }, body: { a: 1 } },
  });
});

test('a file that no recorder wrote is refused', () => {
  expect(() => parseRecording('x', 'interactions: []')).toThrow('no recording');
});
