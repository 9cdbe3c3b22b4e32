import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import type { Policy } from '../../test/simulators/azure/settings.ts';
import { fixture } from '../../test/simulators/azure/testing.ts';
import { addPassword, readApplication, removePassword } from './applications.ts';
import { AzureError } from './errors.ts';
import { controllerSecret, graphFor } from './testing/clients.ts';

const lab = fixture();
const { signal } = new AbortController();
afterEach(async () => {
  await lab().admin('PUT', '/faults', []);
});

/** An application that the controller owns, unless another owner is named. */
function given(changes: { owners?: string[]; signInAudience?: string; secrets?: number } = {}) {
  const { state, principals } = lab().azure;
  const [id, appId] = [randomUUID(), randomUUID()];
  const past = '2020-01-01T00:00:00.000Z';
  state.applications[id] = {
    id,
    appId,
    createdDateTime: past,
    displayName: 'arc',
    owners: changes.owners ?? [principals.controller.objectId],
    passwordCredentials: Array.from({ length: changes.secrets ?? 1 }, () => ({
      keyId: randomUUID(),
      displayName: null,
      hint: 'abc',
      secretText: 'abcdefgh',
      startDateTime: past,
      endDateTime: '2099-12-31T00:00:00.000Z',
      effectiveAt: past,
    })),
    keyCredentials: [],
    federatedIdentityCredentials: {},
    other: { signInAudience: changes.signInAudience ?? 'AzureADMyOrg' },
  };
  return { id, appId, secrets: () => state.applications[id]?.passwordCredentials ?? [] };
}
const password = { displayName: 'mark', endDateTime: '2028-01-01T00:00:00Z' };
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'it succeeded',
    (error) => error,
  );
const sent = (path: RegExp) => lab().azure.log.filter(({ request }) => path.test(request.url)).length;

describe('client secrets through Microsoft Graph', () => {
  test('reads the client secrets of an application, and never their text', async () => {
    const { appId, id } = given();
    const read = await readApplication(graphFor(lab().azure), appId, signal);
    expect(read).toMatchObject({ found: true, value: { id, appId, passwordCredentials: [{ hint: 'abc' }] } });
    expect(JSON.stringify(read)).not.toContain('abcdefgh');
    expect(await readApplication(graphFor(lab().azure), randomUUID(), signal)).toEqual({ found: false });
  });

  test('adds one, whose text stands in the answer, and removes it; a second time does no harm', async () => {
    const { id, secrets } = given();
    const graph = graphFor(lab().azure);
    const { keyId, secretText, endDateTime } = await addPassword(graph, { id }, password, signal);
    expect(secrets()[0]).toMatchObject({ keyId, secretText, displayName: 'mark' });
    expect(Date.parse(endDateTime)).toBe(Date.parse(password.endDateTime));
    await removePassword(graph, { id }, keyId, signal);
    await removePassword(graph, { id }, keyId, signal);
    expect(secrets()).toHaveLength(1);
  });

  test.each<[string, () => Promise<unknown>, object]>([
    [
      'an application of somebody else',
      () => addPassword(graphFor(lab().azure), given({ owners: [] }), password, signal),
      { status: 403, code: 'Authorization_RequestDenied', errorClass: 'RetrySlowly' },
    ],
    [
      'an identity without any permission',
      () => {
        const { clientId, clientSecret } = lab().azure.principals.reader;
        return readApplication(
          graphFor(lab().azure, { type: 'ClientSecret', clientId, clientSecret }),
          given().appId,
          signal,
        );
      },
      { status: 403, code: 'Authorization_RequestDenied' },
    ],
    [
      'a third one where personal accounts may sign in',
      () =>
        addPassword(
          graphFor(lab().azure),
          given({ signInAudience: 'AzureADandPersonalMicrosoftAccount', secrets: 2 }),
          password,
          signal,
        ),
      { status: 400, code: 'TooManyAppPasswords', errorClass: 'NeedsPerson' },
    ],
  ])('is refused: %s', async (_, ask, expected) => {
    const error = await failure(ask());
    expect(error).toBeInstanceOf(AzureError);
    expect(error).toMatchObject(expected);
  });

  test.each<[Policy, string]>([
    [{ kind: 'passwordLifetime', maximumSeconds: 86_400 }, 'CredentialInvalidLifetimeAsPerAppPolicy'],
    [{ kind: 'passwordAddition' }, 'CredentialTypeNotAllowedAsPerAppPolicy'],
  ])('is refused by the policy %j', async (policy, code) => {
    await lab().settings({ policies: [policy] });
    const { id, secrets } = given();
    const error = await failure(addPassword(graphFor(lab().azure), { id }, password, signal));
    expect(error).toMatchObject({ code, errorClass: 'NeedsPerson' });
    expect(secrets()).toHaveLength(1);
    await lab().settings({ policies: [] });
  });

  test('writes to one application wait for each other, and one that is not brought together yet passes', async () => {
    const { id, secrets } = given();
    const graph = graphFor(lab().azure);
    await lab().admin('PUT', '/faults', [
      { host: 'graph', path: 'addPassword', effect: { delaySeconds: 0.2 }, times: 1 },
    ]);
    const order: string[] = [];
    await Promise.all([
      addPassword(graph, { id }, password, signal).then(() => order.push('first')),
      addPassword(graph, { id }, password, signal).then(() => order.push('second')),
    ]);
    expect(order).toEqual(['first', 'second']);
    expect(secrets()).toHaveLength(3);
    await lab().settings({ graphConvergenceSeconds: 1000 });
    const error = await failure(addPassword(graph, { id }, password, signal));
    expect(error).toMatchObject({ code: 'Directory_ConcurrencyViolation', errorClass: 'RetrySoon' });
    await lab().settings({ graphConvergenceSeconds: 0 });
  });

  test('a new secret is not shown by every replica at once', async () => {
    await lab().settings({ graphPropagationSeconds: 100 });
    const { id, appId } = given();
    const graph = graphFor(lab().azure);
    await addPassword(graph, { id }, password, signal);
    const counts = [];
    for (let turn = 0; turn < 2; turn += 1) {
      const read = await readApplication(graph, appId, signal);
      counts.push(read.found ? read.value.passwordCredentials.length : undefined);
    }
    expect(new Set(counts)).toEqual(new Set([1, 2]));
    await lab().settings({ graphPropagationSeconds: 0 });
  });

  test('is sent once, whatever the answer, and not at all by one that may not write', async () => {
    const { id } = given();
    await lab().admin('PUT', '/faults', [
      { host: 'graph', path: `${id}/addPassword`, effect: { dropResponse: true }, times: 1 },
    ]);
    const error = await failure(addPassword(graphFor(lab().azure), { id }, password, signal));
    expect(error).toMatchObject({ code: 'NoAnswer', outcomeUnknown: true });
    expect(sent(new RegExp(`${id}/addPassword`))).toBe(1);
    const frozen = graphFor(lab().azure, controllerSecret(lab().azure), () => {
      throw new Error('no longer the leader');
    });
    await expect(addPassword(frozen, { id }, password, signal)).rejects.toThrow('no longer the leader');
    expect(sent(new RegExp(`${id}/addPassword`))).toBe(1);
  });

  test('what does not fit is not told', async () => {
    const { id } = given();
    await lab().admin('PUT', '/faults', [
      { host: 'graph', path: 'addPassword', effect: { respond: { status: 200, body: { secretText: 'hidden' } } } },
    ]);
    const error = await failure(addPassword(graphFor(lab().azure), { id }, password, signal));
    expect(error).toMatchObject({ code: 'UnexpectedAnswer', outcomeUnknown: true });
    expect(String(error)).not.toContain('hidden');
  });
});
