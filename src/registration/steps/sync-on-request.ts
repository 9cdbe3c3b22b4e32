import { noSyncYet, onClusterNode } from '../node-state.ts';
import { members, registeredTo, unread, type Step } from '../step.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

/** Asked for by an annotation, although nothing says that it is needed: it holds nothing, and the cluster stays Ready meanwhile. */
export const syncOnRequest: Step<NodeArguments> = {
  microsoft: { words: 'Synchronise with Azure now', command: 'Sync-AzureStackHCI' },
  after: ['Sync'],
  optional: true,
  affects: () => ['probe/', 'resource', 'arcSettings', 'machines'],
  evaluate(input) {
    if (!input.memory.syncRequested) return [];
    const on = input.target.resourceName;
    for (const { fact, probe } of members(input))
      if (probe === undefined || !registeredTo(probe, input.target.resourceId)) return [unread(on, fact)];
    return [
      noSyncYet(input, on) ??
        onClusterNode(input, on, ({ name: node }) => ({ state: 'Ready', on, arguments: { node } })),
    ];
  },
};
