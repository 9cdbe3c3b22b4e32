import { sampleCluster, type Outside } from './lab.ts';

export interface Check {
  what: string;
  holds: boolean;
}

const all = <T>(values: T[], test: (value: T) => boolean) => values.length > 0 && values.every(test);

/** What the simulators themselves say of a cluster that is registered and Arc-enabled: nothing here is taken from the controller. */
export function agreement({ azure, nodes }: Outside, name: string = sampleCluster.name): Check[] {
  const { state } = azure;
  const cluster = nodes.state().clusters[name];
  const nodeStates = Object.entries(cluster?.nodes ?? {});
  const resources = Object.values(state.clusters).filter(
    (candidate) => candidate.properties.reportedProperties?.clusterId === cluster?.id,
  );
  const [resource] = resources;
  const settings = Object.values(state.arcSettings).find(({ id }) =>
    id.toLowerCase().startsWith(`${resource?.id.toLowerCase()}/`),
  );
  const machines = Object.values(state.machines).filter(
    ({ properties }) => String(properties['parentClusterResourceId']).toLowerCase() === resource?.id.toLowerCase(),
  );
  const application = Object.values(state.applications).find(({ appId }) => appId === resource?.properties.aadClientId);
  const thumbprints = new Set(application?.keyCredentials.map(({ customKeyIdentifier }) => customKeyIdentifier));
  const applications = Object.values(state.applications).filter(({ displayName }) =>
    [name, `${name}.arc`].includes(displayName),
  );
  return [
    { what: 'Azure: there is one application of the cluster and one for Arc', holds: applications.length === 2 },
    {
      what: `Azure: the cluster resource exists once and shows ${resource?.properties.connectivityStatus ?? 'nothing'}`,
      holds: resources.length === 1 && resource?.properties.connectivityStatus === 'Connected',
    },
    {
      what: 'Azure: arcSettings shows every node as Connected',
      holds:
        settings?.properties.perNodeDetails.length === nodeStates.length &&
        all(settings.properties.perNodeDetails, ({ state: connected }) => connected === 'Connected'),
    },
    {
      what: `Azure: ${machines.length} Arc-enabled servers belong to the cluster`,
      holds:
        machines.length === nodeStates.length &&
        all(machines, ({ properties }) => properties['status'] === 'Connected'),
    },
    {
      what: 'Azure: the application holds the certificate that each node uses',
      holds: all(
        nodeStates,
        ([, node]) =>
          node.registrationCertificate !== undefined && thumbprints.has(node.registrationCertificate.thumbprint),
      ),
    },
    {
      what: 'Nodes: every node is registered and Connected',
      holds: all(nodeStates, ([, node]) => node.registered && node.connectionStatus === 'Connected'),
    },
    {
      what: 'Nodes: every Connected Machine agent is Connected',
      holds: all(nodeStates, ([, node]) => node.agent?.status === 'Connected'),
    },
    { what: 'Nodes: Cloud Management is online', holds: cluster?.cloudManagement?.state === 0 },
    {
      what: 'Nodes and Azure name the same resource',
      holds: resource !== undefined && cluster?.registration?.resourceUri.toLowerCase() === resource.id.toLowerCase(),
    },
  ];
}
