import { onClusterNode } from '../node-state.ts';
import { members, type Step } from '../step.ts';
import { arcUnwanted, holdsArc, nodesAsked, silentNode } from '../removal.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

export const clearArcIntegration: Step<NodeArguments> = {
  microsoft: { words: 'Clear Arc integration on the cluster', command: 'Clear-AzureStackHCIArcIntegration' },
  after: ['StartDisablingArc', 'DisableArcIntegration', 'DeleteArcSettings'],
  arc: true,
  affects: () => ['probe/'],
  evaluate(input) {
    if (!arcUnwanted(input)) return [];
    const on = input.target.resourceName;
    // The cluster refuses it while it counts a node as Arc-enabled, and one that is left as it is stays counted.
    if (nodesAsked(input).length < members(input).length) return [];
    const silent = silentNode(input, on);
    if (silent !== undefined) return [silent];
    if (!nodesAsked(input).some(holdsArc)) return [{ state: 'Done', on }];
    return [onClusterNode(input, on, ({ name }) => ({ state: 'Ready', on, arguments: { node: name } }))];
  },
};
