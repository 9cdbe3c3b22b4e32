import { expect, test } from 'vitest';
import type { Observed } from '../facts.ts';
import { createMemory } from '../memory.ts';
import { after, before, buildInput, buildObserved, buildProbe, now, probes, unknown } from '../testing/builders.ts';
import { registerResourceProvider } from './register-resource-provider.ts';

const namespace = 'Microsoft.AzureStackHCI';
const unreadable = unknown('ActionsMissing', 'Microsoft.Resources/subscriptions/providers/read is missing');
const missing = `PUT /x: The subscription is not registered to use namespace '${namespace}'. (MissingSubscriptionRegistration)`;
const registering = (changes: Partial<Observed>, memory = createMemory()) =>
  registerResourceProvider
    .evaluate(
      buildInput({
        observed: buildObserved({ providers: { ...buildObserved().providers, [namespace]: unreadable }, ...changes }),
        memory,
      }),
    )
    .map(({ on, state }) => `${on} ${state}`);
const failed = (at: Date) => {
  const memory = createMemory();
  const rest = { reason: 'WaitingForAzure', needsPerson: false } as const;
  memory.failures.set('CreateCluster/hci001', { count: 1, at, nextTry: after(2), message: missing, ...rest });
  return memory;
};

test('providers that may not be read count as registered', () => {
  expect(registering({})).toContain(`${namespace} Done`);
  expect(registering({}).filter((each) => !each.endsWith(' Done'))).toEqual([]);
});
test('providers that could not be read for another reason hold what needs them', () => {
  expect(registering({ providers: { [namespace]: unknown('EndpointUnreachable') } })).toContain(`${namespace} Unknown`);
});
test('they are registered once something fails for want of them, and once for each such failure', () => {
  expect(registering({}, failed(before(5)))).toContain(`${namespace} Ready`);
  expect(registering({ resource: unknown('WaitingForAzure', missing) })).toContain(`${namespace} Ready`);
  const { agent } = buildProbe('NODE1');
  const errorDetails = missing.replace(namespace, 'Microsoft.HybridCompute');
  expect(
    registering({
      probes: probes({ agent: agent === null ? null : { ...agent, errorDetails } }),
      providers: { ...buildObserved().providers, 'Microsoft.HybridCompute': unreadable },
    }),
  ).toContain('Microsoft.HybridCompute Ready');
  const memory = failed(before(5));
  memory.successes.set(`RegisterResourceProvider/${namespace}`, { count: 1, at: before(1), nextTry: now });
  expect(registering({}, memory)).toContain(`${namespace} Done`);
});
