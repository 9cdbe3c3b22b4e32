import { leftAlone, osUnsupported } from '../node-state.ts';
import { certificateNeed } from '../certificates.ts';
import { members, unread, type Evaluation, type Step } from '../step.ts';

export interface NodeArguments {
  node: string;
}

export const newRegistrationCertificate: Step<NodeArguments> = {
  microsoft: {
    words: 'Create a registration certificate on each node',
    command: 'New-AzureStackHCIRegistrationCertificate',
    events: [9110],
  },
  after: ['CreateClusterIdentity'],
  makesAnew: true,
  affects: (node) => [`probe/${node}`],
  evaluate(input) {
    const { resource } = input.observed;
    if (resource.state !== 'present') return [unread('nodes', resource)];
    return members(input).map((member): Evaluation<NodeArguments> => {
      const { name, fact, probe } = member;
      if (probe === undefined) return unread(name, fact);
      const { need, renews } = certificateNeed(input, probe, resource.value);
      if (need !== 'create') return { state: 'Done', on: name };
      const old = osUnsupported(name, probe);
      if (old !== undefined) return { state: 'Blocked', on: name, ...old };
      // Whether the resource is this cluster's is judged by the cluster's own id.
      if (input.observed.cluster.state !== 'present') return unread(name, input.observed.cluster);
      return { ...(leftAlone(input, member) ?? { state: 'Ready', on: name, arguments: { node: name } }), renews };
    });
  },
};
