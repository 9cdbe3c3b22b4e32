import { arcRefusal } from '../arc-guards.ts';
import { valueOf } from '../facts.ts';
import { needsRepair } from '../certificates.ts';
import { noSyncYet, onClusterNode, whyOutOfPolicy } from '../node-state.ts';
import {
  arcWanted,
  members,
  registeredTo,
  stepKey,
  unread,
  type Evaluation,
  type PlanInput,
  type Step,
} from '../step.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

/** Nodes that Azure does not show as Arc-connected, although they are onboarded. */
export function arcNotShown(input: PlanInput): string[] {
  if (!arcWanted(input)) return [];
  const details = valueOf(input.observed.arcSettings)?.properties.perNodeDetails ?? [];
  const connected = new Set(details.filter(({ state }) => state === 'Connected').map(({ name }) => name.toLowerCase()));
  return members(input)
    .map(({ name }) => name)
    .filter((name) => !connected.has(name.toLowerCase()));
}

/** A connection ends it where the cluster was offline for too long; where that did not help, only a person can. */
function outOfPolicy(input: PlanInput, on: string): Evaluation<never> | undefined {
  const all = members(input);
  const out = all.filter(({ probe }) => probe?.registration.connectionStatus === 'OutOfPolicy');
  const tried = input.memory.successes.get(stepKey('Sync', on));
  if (out.length === 0 || tried === undefined || out.some(({ fact }) => fact.at <= tried.at)) return undefined;
  const names = out.map(({ name }) => name).join(', ');
  return out.length === all.length
    ? {
        state: 'Blocked',
        on,
        reason: 'OutOfPolicy',
        message: `All nodes are still out of policy after a synchronisation: ${names}`,
      }
    : {
        state: 'Blocked',
        on,
        reason: 'NodeOutOfPolicy',
        message: `Still out of policy after a synchronisation: ${names}. ${out.map(({ name }) => whyOutOfPolicy(input, name)).join(' ')}`,
      };
}

/** Brings Azure's picture up to date when the nodes' own cycle of 12 hours would be too long to wait for. */
export const sync: Step<NodeArguments> = {
  microsoft: { words: 'Synchronise with Azure', command: 'Sync-AzureStackHCI', events: [9123] },
  after: ['SetRegistrationCertificate', 'SetRegistration', 'SyncAfterRegistration', 'StartArcRegistrationTask'],
  // What it is to bring about may legitimately take 12 hours.
  repeat: { firstSeconds: 60, capSeconds: 3600 },
  affects: () => ['probe/', 'resource', 'arcSettings', 'machines'],
  evaluate(input) {
    const { target } = input;
    const on = target.resourceName;
    const all = members(input);
    for (const { name, fact, probe } of all) {
      if (probe === undefined || !registeredTo(probe, target.resourceId)) return [unread(on, fact)];
      if (probe.registration.connectionStatus === 'Connected') continue;
      if (probe.registration.connectionStatus === 'RepairRegistrationRequired' && !needsRepair(input, probe))
        return [
          {
            state: 'Blocked',
            on,
            reason: 'RepairRegistrationRequired',
            message: `${name}: the registration must be repaired, and credentialRotation.mode is ${input.spec.credentialRotation.mode}. Annotate the object with azurestackhci.io/repair-requested-at`,
          },
        ];
    }
    const out = outOfPolicy(input, on);
    if (out !== undefined) return [out];
    const notShown = arcRefusal(input) === undefined ? arcNotShown(input) : [];
    const connected = all.every(({ probe }) => probe?.registration.connectionStatus === 'Connected');
    if (connected && notShown.length === 0) return [{ state: 'Done', on }];

    const message = connected
      ? `Azure does not show ${notShown.join(', ')} as Arc-connected yet`
      : 'the cluster has not synchronised with Azure yet';
    return [
      noSyncYet(input, on) ??
        onClusterNode(input, on, ({ name: node }) => ({
          state: 'Ready',
          on,
          arguments: { node },
          meanwhile: { reason: 'ArcSyncPending', message },
        })),
    ];
  },
};
