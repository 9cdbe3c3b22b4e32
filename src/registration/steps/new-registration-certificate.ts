import { leftAlone, osUnsupported } from '../node-state.ts';
import { certificateSet, members, unread, type Evaluation, type Step } from '../step.ts';

export interface NodeArguments {
  node: string;
}

const minimumRemainingMs = 60 * 86_400_000; // Register-AzStackHCI refuses a certificate with less (9109)

export const newRegistrationCertificate: Step<NodeArguments> = {
  microsoft: {
    words: 'Create a registration certificate on each node',
    command: 'New-AzureStackHCIRegistrationCertificate',
    events: [9110],
  },
  after: ['CreateClusterIdentity'],
  affects: (node) => [`probe/${node}`],
  evaluate(input) {
    const { resource } = input.observed;
    if (resource.state !== 'present') return [unread('nodes', resource)];
    return members(input).map((member): Evaluation<NodeArguments> => {
      const { name, fact, probe } = member;
      if (probe === undefined) return unread(name, fact);
      if (certificateSet(probe, input, resource.value)) return { state: 'Done', on: name };
      const old = osUnsupported(name, probe);
      if (old !== undefined) return { state: 'Blocked', on: name, ...old };
      const created = probe.certificate.created;
      const usable = created !== null && Date.parse(created.notAfter) - input.now.getTime() > minimumRemainingMs;
      if (usable) return { state: 'Done', on: name };
      // Whether the resource is this cluster's is judged by the cluster's own id.
      if (input.observed.cluster.state !== 'present') return unread(name, input.observed.cluster);
      return leftAlone(input, member) ?? { state: 'Ready', on: name, arguments: { node: name } };
    });
  },
};
