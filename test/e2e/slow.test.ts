import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agreement } from '../lab/agreement.ts';
import { writesTo } from './observations.ts';
import { startEndToEnd, type EndToEnd } from './harness.ts';

describe('an Azure that is consistent only after a while, and replaces credentials instead of adding them', () => {
  let e2e: EndToEnd;
  beforeAll(async () => {
    e2e = await startEndToEnd(['slow'], {
      azureSettings: {
        latencySeconds: 0.05,
        operationSeconds: 1,
        providerRegistrationSeconds: 1,
        principalPropagationSeconds: 2,
        rolePropagationSeconds: 2,
        secretPropagationSeconds: 2,
        resourceProviderObjectIdSeconds: 2,
        uploadCertificate: 'replaces',
        generatePassword: 'replaces',
      },
      nodeSettings: { arcOnboardingSeconds: 2 },
    });
  });
  afterAll(async () => {
    await e2e?.stop();
  });

  it('is registered all the same, and nothing is made twice', async () => {
    const registration = await e2e.given('slow');
    await registration.until('Ready', 'True');
    expect(agreement(e2e.lab, 'slow').filter(({ holds }) => !holds)).toEqual([]);
    const { counters } = e2e.lab.azure.state;
    expect(counters.clusters.created).toBe(1);
    expect(counters.applications.created).toBe(2);
    expect(counters.passwords.created).toBe(1);
    expect(counters.roleAssignments.created).toBe(3);
    // What waits is looked at, not done again: a role is asked for a few times at most until its principal is known.
    const writes = writesTo(e2e.lab, 'slow');
    expect(writes.filter((write) => write.startsWith('POST'))).toHaveLength(
      new Set(writes.filter((write) => write.startsWith('POST'))).size,
    );
    expect(writes.filter((write) => write.includes('roleAssignments')).length).toBeLessThanOrEqual(9);
  });
});
