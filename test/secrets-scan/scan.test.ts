import { describe, expect, test } from 'vitest';
import { scan } from './scan.ts';

const secret = 'Xk8~Q+planted/secret=of.this-test_0123456789';
const planted = [{ what: 'a client secret', text: secret }];
const key = [
  '-----BEGIN OPENSSH PRIVATE KEY-----',
  'b3BlbnNzaC1rZXktdjEAAAAA',
  'c2Vjb25kLWxpbmUtb2YtYS1rZXk',
  '-----END OPENSSH PRIVATE KEY-----',
].join('\n');

describe('a secret is found', () => {
  test.each([
    ['as it is', `before ${secret} after`],
    ['cut off', `before ${secret.slice(0, 20)}`],
    ['its end', `…${secret.slice(-20)}`],
    ['in a URL', `client_secret=${encodeURIComponent(secret)}&scope=x`],
    ['in base64', `data: ${Buffer.from(secret).toString('base64')}`],
    ['within JSON', JSON.stringify({ message: secret })],
  ])('%s', (_, text) => {
    const [found] = scan(planted, [{ name: 'log', text: `a line\n${text}\nanother` }]);
    expect(found).toMatchObject({ what: 'a client secret', sink: 'log' });
    expect(found?.line).not.toContain(secret);
  });
  test('a line of a private key', () => {
    const finds = scan([{ what: 'a key', text: key }], [{ name: 'status', text: 'x c2Vjb25kLWxpbmUtb2YtYS1rZXk' }]);
    expect(finds).toHaveLength(1);
  });
});

test('what is no secret is not one', () => {
  const text = `${secret.slice(0, 3)} and b3BlbnNzaC1rZXktdjEAAAAA and -----BEGIN OPENSSH PRIVATE KEY-----`;
  expect(scan([...planted, { what: 'a key', text: key }], [{ name: 'log', text }])).toEqual([]);
});
