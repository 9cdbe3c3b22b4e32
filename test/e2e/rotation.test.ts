import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agreement } from '../lab/agreement.ts';
import { condition, readEvents } from '../lab/registration.ts';
import { writesTo } from './observations.ts';
import { startEndToEnd, type EndToEnd, type Registration } from './harness.ts';

// Secrets that live for seconds: what takes two years happens several times within a test.

const lifetimeSeconds = 24;

describe("rotation of the Arc service principal's secret", () => {
  let e2e: EndToEnd;
  beforeAll(async () => {
    e2e = await startEndToEnd(['added', 'replaced', 'asked']);
  });
  afterAll(async () => {
    await e2e?.stop();
  });
  const kubectl = (...args: string[]) => e2e.lab.controlPlane.kubectl(...args);
  const set = async (settings: object) => {
    const answer = await fetch(`${e2e.lab.azure.admin}/settings`, { method: 'PUT', body: JSON.stringify(settings) });
    expect(answer.status).toBe(204);
  };

  /** What Azure and the nodes have, at one moment. */
  const seen = (name: string) => {
    const { applications } = e2e.lab.azure.state;
    const application = Object.values(applications).find(({ displayName }) => displayName === `${name}.arc`);
    const keys = application?.passwordCredentials ?? [];
    const text = e2e.lab.nodes.state().clusters[name]?.arc?.secret;
    return { keys, held: keys.find(({ secretText }) => secretText === text) };
  };

  /** Until so many secrets were handed over one after the other; each is looked at when it is the nodes'. */
  async function generations(registration: Registration, wanted: number): Promise<string[]> {
    const { name } = registration;
    const handedOver: string[] = [];
    await registration.eventually(`${wanted} generations`, (status) => {
      const { held } = seen(name);
      const current = status.credentials?.find((one) => one.name === 'ArcServicePrincipal');
      if (held === undefined || current?.keyId !== held.keyId || handedOver.includes(held.keyId)) return false;
      expect(Date.parse(held.endDateTime), 'the nodes hold a secret that works').toBeGreaterThan(Date.now());
      expect(Date.parse(current.notAfter ?? '')).toBe(Math.floor(Date.parse(held.endDateTime) / 1000) * 1000);
      expect(Date.parse(current.renewalTime ?? '')).toBeLessThan(Date.parse(held.endDateTime));
      handedOver.push(held.keyId);
      return handedOver.length === wanted;
    });
    return handedOver;
  }

  it('makes a new one ahead of the expiry, generation after generation, and stays Ready', async () => {
    await set({ secretLifetimeSeconds: lifetimeSeconds });
    const registration = await e2e.given('added');
    await registration.until('Ready', 'True');
    const ready = condition(await registration.status(), 'Ready');
    await generations(registration, 3);
    const now = await registration.status();
    expect(condition(now, 'Ready')).toEqual(ready);
    expect(agreement(e2e.lab, 'added').filter(({ holds }) => !holds)).toEqual([]);
    // Each once: nothing is left of a try that was not needed.
    const writes = writesTo(e2e.lab, 'added');
    const made = writes.filter((write) => write.includes('generatePassword')).length;
    expect(seen('added').keys).toHaveLength(made);
    expect(writes.filter((write) => write.includes('initializeArcIntegration')).length).toBeGreaterThanOrEqual(
      made - 1,
    );
    const alive = seen('added').keys.filter(({ endDateTime }) => Date.parse(endDateTime) > Date.now());
    expect(alive.length, 'at most two that work at once').toBeLessThanOrEqual(2);
    await set({ secretLifetimeSeconds: 730 * 86_400 });
  });

  it('does the same where Azure replaces secrets instead of adding them', async () => {
    await set({ secretLifetimeSeconds: lifetimeSeconds, generatePassword: 'replaces' });
    const registration = await e2e.given('replaced');
    await registration.until('Ready', 'True');
    await generations(registration, 3);
    expect(seen('replaced').keys.length).toBe(1);
    expect(condition(await registration.status(), 'Ready')?.status).toBe('True');
    await set({ secretLifetimeSeconds: 730 * 86_400, generatePassword: 'adds' });
  });

  it('on request also where rotation is Manual, once for each request', async () => {
    const registration = await e2e.given('asked', { patch: { spec: { credentialRotation: { mode: 'Manual' } } } });
    await registration.until('Ready', 'True');
    const [first] = await generations(registration, 1);
    const ask = (value: string) =>
      kubectl(
        'annotate',
        'hciregistration',
        'asked',
        '-n',
        registration.namespace,
        '--overwrite',
        `azurestackhci.io/rotate-requested-at=${value}`,
      );
    await ask('1');
    await registration.eventually('the request answered', ({ lastHandledRotateAt }) => lastHandledRotateAt === '1');
    const [second] = await generations(registration, 1);
    expect(second).not.toBe(first);
    expect(seen('asked').keys.map(({ keyId }) => keyId)).toEqual([first, second]);
    const steps = (await readEvents(e2e.lab.controlPlane, registration.namespace)).map(({ reason }) => reason);
    expect(steps.filter((step) => step === 'GeneratePassword').length).toBeGreaterThanOrEqual(1);
  });

  it('a restart, and a restore that lost the status, rotate nothing', async () => {
    const before = seen('asked').keys;
    await kubectl(
      'patch',
      'hciregistration',
      'asked',
      '-n',
      'ns-asked',
      '--subresource=status',
      '--type=json',
      '-p',
      '[{"op": "remove", "path": "/status"}]',
    );
    await e2e.restart();
    const registration = await e2e.given('asked', { patch: { spec: { credentialRotation: { mode: 'Manual' } } } });
    await registration.until('Ready', 'True');
    expect((await registration.status()).lastHandledRotateAt).toBe('1');
    expect(seen('asked').keys).toEqual(before);
  });

  it('one that expired while no controller ran is made anew as soon as one does', async () => {
    await set({ secretLifetimeSeconds: 1 });
    const registration = await e2e.given('asked', { patch: { spec: { credentialRotation: { mode: 'Auto' } } } });
    await kubectl(
      'annotate',
      'hcireg',
      'asked',
      '-n',
      'ns-asked',
      '--overwrite',
      'azurestackhci.io/rotate-requested-at=2',
    );
    await registration.eventually('a short one', () => seen('asked').keys.length > 2);
    await e2e.controller.stop();
    await set({ secretLifetimeSeconds: 730 * 86_400 });
    await expect
      .poll(() => Date.parse(seen('asked').keys.at(-1)?.endDateTime ?? '') < Date.now(), { timeout: 10_000 })
      .toBe(true);
    await e2e.restart();
    await registration.eventually('a good one', ({ credentials }) => {
      const { held } = seen('asked');
      const current = credentials?.find(({ name }) => name === 'ArcServicePrincipal');
      return held !== undefined && current?.keyId === held.keyId && Date.parse(held.endDateTime) > Date.now() + 60_000;
    });
    await registration.until('CredentialsCurrent', 'True');
    await registration.until('Ready', 'True');
  });
});
