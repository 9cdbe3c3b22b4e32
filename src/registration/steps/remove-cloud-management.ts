import { onClusterNode } from '../node-state.ts';
import { clusterIsLeft } from '../removal.ts';
import { unread, type Step } from '../step.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

export const removeCloudManagement: Step<NodeArguments> = {
  microsoft: { words: 'Remove Cloud Management', command: "Remove-ClusterGroup 'Cloud Management'", events: [9005] },
  after: ['StartDisablingArc', 'ClearArcIntegration'],
  affects: () => ['cluster'],
  evaluate(input) {
    const on = 'Cloud Management';
    const { cluster } = input.observed;
    if (clusterIsLeft(input)) return [];
    if (cluster.state !== 'present') return [unread(on, cluster)];
    if (cluster.value.cloudManagement === null) return [{ state: 'Done', on }];
    return [onClusterNode(input, on, ({ name }) => ({ state: 'Ready', on, arguments: { node: name } }))];
  },
};
