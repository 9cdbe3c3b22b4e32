import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agreement } from '../lab/agreement.ts';
import { condition } from '../lab/registration.ts';
import { writesTo } from './observations.ts';
import { startEndToEnd, type EndToEnd } from './harness.ts';

// Registration certificates: those that live for seconds, and those that are refused.

const put = async (admin: string, settings: object) => {
  const answer = await fetch(`${admin}/settings`, { method: 'PUT', body: JSON.stringify(settings) });
  expect(answer.status).toBe(204);
};

describe('registration certificates, where an upload replaces what was there', () => {
  let e2e: EndToEnd;
  beforeAll(async () => {
    e2e = await startEndToEnd(['renewed', 'refused', 'asking'], { azureSettings: { uploadCertificate: 'replaces' } });
  });
  afterAll(async () => {
    await e2e?.stop();
  });
  const nodesOf = (name: string) => Object.values(e2e.lab.nodes.state().clusters[name]?.nodes ?? {});
  const applicationOf = (name: string) => {
    const found = Object.values(e2e.lab.azure.state.applications).find(({ displayName }) => displayName === name);
    if (found === undefined) throw new Error(`there is no application ${name}`);
    return found;
  };
  /** Of each node whose certificate is in use: it is with the application, and has not expired. */
  const lockedOut = (name: string) => {
    const keys = applicationOf(name).keyCredentials;
    return nodesOf(name).filter(({ registrationCertificate, certificateStore }) => {
      if (registrationCertificate === undefined) return false;
      const { thumbprint } = registrationCertificate;
      const isKnown = keys.some(({ customKeyIdentifier }) => customKeyIdentifier === thumbprint);
      return !isKnown || Date.parse(certificateStore[thumbprint]?.notAfter ?? '') <= Date.now();
    });
  };
  const inUse = (name: string) =>
    nodesOf(name).map(({ registrationCertificate }) => registrationCertificate?.thumbprint ?? '');

  it(
    'are renewed ahead of their end, generation after generation, and no node is ever locked out',
    { timeout: 180_000 },
    async () => {
      await put(e2e.lab.nodes.admin, { certificateLifetimeSeconds: 45 });
      const registration = await e2e.given('renewed');
      await registration.until('Ready', 'True');
      const ready = condition(await registration.status(), 'Ready');
      for (const generation of [1, 2]) {
        const before = inUse('renewed');
        await registration.eventually(`generation ${generation}`, ({ credentials }) => {
          expect(lockedOut('renewed')).toEqual([]);
          const now = inUse('renewed');
          const shown = (credentials ?? []).flatMap(({ name, keyId }) =>
            name.startsWith('NodeCertificate/') ? keyId : [],
          );
          return now.every((thumbprint) => !before.includes(thumbprint)) && now.every((one) => shown.includes(one));
        });
      }
      expect(condition(await registration.status(), 'Ready')).toEqual(ready);
      expect(agreement(e2e.lab, 'renewed').filter(({ holds }) => !holds)).toEqual([]);
      await put(e2e.lab.nodes.admin, { certificateLifetimeSeconds: 730 * 86_400 });
    },
  );

  it('that the application has lost are uploaded again', async () => {
    const registration = await e2e.given('refused');
    await registration.until('Ready', 'True');
    const certificates = inUse('refused');
    applicationOf('refused').keyCredentials = [];
    await e2e.lab.controlPlane.kubectl(
      'annotate',
      'hcireg',
      'refused',
      '-n',
      registration.namespace,
      'azurestackhci.io/sync-requested-at=1',
    );
    await registration.eventually('the upload', () => lockedOut('refused').length === 0);
    await registration.until('Connected', 'True');
    await registration.until('Ready', 'True');
    expect(inUse('refused')).toEqual(certificates);
  });

  it('a node that asks for a repair is registered again; a certificate that is minutes old is not made anew', async () => {
    const registration = await e2e.given('asking');
    await registration.until('Ready', 'True');
    const certificates = inUse('asking');
    const before = writesTo(e2e.lab, 'asking').length;
    const node = e2e.lab.nodes.state().clusters['asking']?.nodes['NODE2'];
    if (node === undefined) throw new Error('there is no NODE2');
    node.connectionStatus = 'RepairRegistrationRequired';
    await e2e.lab.controlPlane.kubectl(
      'annotate',
      'hcireg',
      'asking',
      '-n',
      registration.namespace,
      'azurestackhci.io/reconcile-requested-at=1',
    );
    await registration.eventually('the repair', () => node.connectionStatus === 'Connected');
    await registration.until('Ready', 'True');
    expect(inUse('asking')).toEqual(certificates);
    expect(lockedOut('asking')).toEqual([]);
    const writes = writesTo(e2e.lab, 'asking').slice(before);
    expect(writes.map((write) => write.split('/').at(-1))).toEqual(['setRegistration', 'sync']);
  });
});
