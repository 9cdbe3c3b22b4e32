import { onClusterNode } from '../node-state.ts';
import { unread, type Step } from '../step.ts';
import { arcUnwanted, nodesAsked, silentNode } from '../removal.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

/** From here on the nodes know that Arc goes: the task that onboards nodes does nothing any more. */
export const startDisablingArc: Step<NodeArguments> = {
  microsoft: {
    words: 'Mark Arc as being disabled on the cluster',
    command: 'Clear-AzureStackHCIArcIntegration -SetDisableInProgress',
    events: [9008],
  },
  after: [],
  arc: true,
  affects: () => ['probe/'],
  evaluate(input) {
    if (!arcUnwanted(input)) return [];
    const on = input.target.resourceName;
    // All that follows waits until it is known whose cluster this is, and what of Arc Azure has.
    for (const fact of [input.observed.resource, input.observed.arcSettings])
      if (fact.state === 'unknown') return [unread(on, fact)];
    const silent = silentNode(input, on);
    if (silent !== undefined) return [silent];
    if (!nodesAsked(input).some(({ probe }) => probe?.arc?.clusterArcStatus === 'Enabled'))
      return [{ state: 'Done', on }];
    // A node that was found from the cluster is known only while the cluster is.
    if (input.observed.cluster.state !== 'present') return [unread(on, input.observed.cluster)];
    return [onClusterNode(input, on, ({ name }) => ({ state: 'Ready', on, arguments: { node: name } }))];
  },
};
