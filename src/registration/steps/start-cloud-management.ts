import { onClusterNode } from '../node-state.ts';
import { members, nonEmpty, unread, waiting, type Step } from '../step.ts';

type ServiceName = 'HciClusterAgentSvc' | 'HciCloudManagementSvc';

export interface StartCloudManagementArguments {
  node: string;
  serviceName: ServiceName;
}

/** From 22H2 on. Its failure is told and holds nothing, as in Register-AzStackHCI. */
export const startCloudManagement: Step<StartCloudManagementArguments> = {
  microsoft: {
    words: 'Start Cloud Management',
    command: "Add-ClusterGroup 'Cloud Management'",
    events: [9119, 9120, 9121],
  },
  after: ['SetRegistration'],
  optional: true,
  affects: () => ['cluster'],
  evaluate(input) {
    const on = 'Cloud Management';
    const answering = members(input).flatMap(({ probe }) => probe ?? []);
    const [probe] = answering;
    if (probe === undefined) return [waiting(on, 'no node answers', [], 0, 'NodeUnreachable')];
    const serviceName = (['HciCloudManagementSvc', 'HciClusterAgentSvc'] as const).find((service) =>
      // The group may move to any node: in an upgrade only the service that all of them have.
      answering.every(({ cloudManagementServices }) => cloudManagementServices.includes(service)),
    );
    if (serviceName === undefined || !nonEmpty(probe.registration.nextSync)) return [];
    if (input.observed.cluster.state !== 'present') return [unread(on, input.observed.cluster)];
    if (input.observed.cluster.value.cloudManagement?.state === 'Online') return [{ state: 'Done', on }];
    return [onClusterNode(input, on, ({ name: node }) => ({ state: 'Ready', on, arguments: { node, serviceName } }))];
  },
};
