import { sameId } from '../../azure/resource-ids.ts';
import { leftAlone } from '../node-state.ts';
import { nodesAsked, silentNode } from '../removal.ts';
import { waiting, type Step } from '../step.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

/** On one node, for the cluster: one that is registered itself. */
export const removeRegistration: Step<NodeArguments> = {
  microsoft: {
    words: 'Remove the registration from the cluster',
    command: 'Remove-AzureStackHCIRegistration',
    events: [9118],
  },
  after: ['StartDisablingArc', 'ClearArcIntegration', 'RemoveCloudManagement'],
  affects: () => ['probe/', 'cluster'],
  evaluate(input) {
    const on = input.target.resourceName;
    const silent = silentNode(input, on);
    if (silent !== undefined) return [silent];
    const registered = nodesAsked(input).filter(({ probe }) =>
      sameId(probe?.registration.azureResourceUri, input.target.resourceId),
    );
    if (registered.length === 0) return [{ state: 'Done', on }];
    const free = registered.find((member) => leftAlone(input, member, on) === undefined);
    if (free !== undefined) return [{ state: 'Ready', on, arguments: { node: free.name } }];
    const [first] = registered;
    const held = first && leftAlone(input, first, on);
    return [held ?? waiting(on, 'no node is up', [], 60, 'NodeUnreachable')];
  },
};
