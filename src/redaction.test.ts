import { describe, expect, test } from 'vitest';
import type { KubeClient, KubeRequest } from './kube/client.ts';
import { createRedaction, describeCrash, redactingKubeClient } from './redaction.ts';

const secret = 'Xk8~Q+test/secret=with.all-kinds_of';
const knowing = (...secrets: string[]) => {
  const redaction = createRedaction();
  for (const one of secrets) redaction.learn(one);
  return redaction;
};

describe('a secret that is known', () => {
  test.each([
    ['as it is', `you sent ${secret}, and`, 'you sent [hidden], and'],
    ['twice', `${secret}${secret}`, '[hidden][hidden]'],
    ['cut off', `you sent ${secret.slice(0, 14)}`, 'you sent [hidden]'],
    ['in a URL', `?a=${encodeURIComponent(secret)}&b`, '?a=[hidden]&b'],
    ['in base64', Buffer.from(secret).toString('base64'), '[hidden]'],
    ['within JSON', JSON.stringify({ secret }), '{"secret":"[hidden]"}'],
  ])('is taken out %s', (_, text, cleaned) => {
    expect(knowing(secret).clean(text)).toBe(cleaned);
  });
  test('is taken out line by line where it is a private key', () => {
    const key = '-----BEGIN PRIVATE KEY-----\nbGluZS1vbmU\nbGluZS10d28\n-----END PRIVATE KEY-----\n';
    expect(knowing(key).clean('x bGluZS10d28 -----END PRIVATE KEY-----')).toBe('x [hidden] -----END PRIVATE KEY-----');
  });
  test('is the longest of those that begin alike', () => {
    expect(knowing('same-beginning', 'same-beginning-and-more').clean('same-beginning-and-more.')).toBe('[hidden].');
  });
});

test('nothing else is taken out, and short words are not learnt', () => {
  const text = 'Xk8~Q is its hint; admin of eastus';
  expect(knowing(secret, 'admin', '').clean(text)).toBe(text);
});

test('tokens are told by their form', () => {
  const token = `eyJ${'a'.repeat(30)}.eyJ${'b'.repeat(30)}.${'c'.repeat(40)}`;
  expect(createRedaction().clean(`Bearer ${token} was refused`)).toBe('Bearer [hidden] was refused');
});

function recording(answer: unknown) {
  const sent: KubeRequest[] = [];
  const client: KubeClient = {
    async request(request) {
      sent.push(request);
      return answer;
    },
    stream: () => Promise.reject(new Error('not expected')),
    close: async () => {},
  };
  return { client, sent };
}
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('what is written to Kubernetes', () => {
  const status = { method: 'PATCH', path: '/apis/x/namespaces/edge/things/a/status' } as const;
  test('is cleaned of what was read from a Secret, but for what is no secret', async () => {
    const redaction = createRedaction();
    const clientId = '11111111-2222-3333-4444-555555555555';
    const { client, sent } = recording({ data: { clientSecret: base64(secret), clientId: base64(clientId) } });
    const kube = redactingKubeClient(client, redaction);
    await kube.request({ method: 'GET', path: '/api/v1/namespaces/edge/secrets/own' });
    await kube.request({ ...status, body: { conditions: [{ message: `${clientId} sent ${secret}` }], count: 3 } });
    expect(sent[1]?.body).toEqual({ conditions: [{ message: `${clientId} sent [hidden]` }], count: 3 });
  });
  test('and of what was written to one, which stays as it is', async () => {
    const redaction = createRedaction();
    const { client, sent } = recording({});
    const kube = redactingKubeClient(client, redaction);
    const body = { data: { clientSecret: base64(secret) } };
    await kube.request({ method: 'PATCH', path: '/api/v1/namespaces/edge/secrets/ours', body });
    expect(sent[0]?.body).toEqual(body);
    expect(redaction.clean(secret)).toBe('[hidden]');
  });
});

test('an error that nobody caught is told with its causes', () => {
  const text = describeCrash(new Error('outer', { cause: new Error('inner') }));
  expect(text).toMatch(/^Error: outer[^]*\ncaused by: Error: inner/);
});
