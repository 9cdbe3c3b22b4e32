import { noSyncYet, onClusterNode } from '../node-state.ts';
import { members, nonEmpty, registeredTo, unread, type Step } from '../step.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

/** A registered cluster counts as connected whether or not Arc can be set up: the first synchronisation does not wait for it. */
export const syncAfterRegistration: Step<NodeArguments> = {
  microsoft: { words: 'Synchronise with Azure for the first time', command: 'Sync-AzureStackHCI' },
  after: ['SetRegistration', 'StartCloudManagement'],
  repeat: { firstSeconds: 60, capSeconds: 3600 },
  affects: () => ['probe/', 'resource', 'arcSettings', 'machines'],
  evaluate(input) {
    const on = input.target.resourceName;
    const all = members(input);
    for (const { fact, probe } of all)
      if (probe === undefined || !registeredTo(probe, input.target.resourceId)) return [unread(on, fact)];
    if (all.some(({ probe }) => nonEmpty(probe?.registration.lastConnected))) return [{ state: 'Done', on }];
    return [
      noSyncYet(input, on) ??
        onClusterNode(input, on, ({ name: node }) => ({ state: 'Ready', on, arguments: { node } })),
    ];
  },
};
