import { setTimeout as delay } from 'node:timers/promises';
import { sampleManifests, sampleNamespace, type Lab } from '../../lab/lab.ts';
import { applyManifests } from '../../lab/registration.ts';
import { startSilentSite, type SilentSite } from '../../simulators/nodes/silence.ts';
import { inLab, register } from './register.ts';

const deadClusters = 50;
const nodes = ['NODE1', 'NODE2', 'NODE3', 'NODE4'];

/** A registration by itself, and the same while the nodes of a site with many clusters take connections and never answer. */
export interface DeadSiteFigures {
  deadClusters: number;
  aloneSeconds: number;
  besideSeconds: number;
  /** Connections to the dead nodes, and how many were open when the other cluster had become Ready. */
  connections: number;
  open: number;
}

export const deadSite = (say: (line: string) => void): Promise<DeadSiteFigures> =>
  inLab(
    {
      say,
      clusters: ['alone', 'beside'].map((name) => ({ name, dnsSuffix: `${name}.example.com`, nodes })),
    },
    async (lab) => {
      say('Registering a cluster by itself …');
      const aloneSeconds = await register(lab, 'alone');
      const site = await startSilentSite(deadClusters, nodes.length);
      try {
        say(`${deadClusters} clusters whose nodes never answer …`);
        await applyManifests(lab.controlPlane, await deadManifests(lab, site), lab.directory);
        while (site.taken() < deadClusters) await delay(100);
        say('Registering another cluster beside them …');
        const besideSeconds = await register(lab, 'beside');
        return { deadClusters, aloneSeconds, besideSeconds, connections: site.taken(), open: site.open() };
      } finally {
        site.close();
      }
    },
  );

async function deadManifests(lab: Lab, { port, clusters }: SilentSite): Promise<string> {
  const hostKeys = [`SHA256:${'A'.repeat(43)}`];
  const each = clusters.map((addresses, index) =>
    sampleManifests(lab, {
      namespace: sampleNamespace,
      cluster: 'alone',
      patch: {
        metadata: { name: `dead${index + 1}` },
        spec: {
          azure: { resourceName: `dead${index + 1}` },
          nodes: {
            discovery: 'None',
            hosts: nodes.map((name, node) => ({ name, address: addresses[node], hostKeys })),
            transport: { ssh: { port } },
          },
        },
      },
    }),
  );
  return (await Promise.all(each)).join('---\n');
}

export const deadSiteReport = ({
  deadClusters: dead,
  aloneSeconds,
  besideSeconds,
  connections,
  open,
}: DeadSiteFigures) =>
  [
    `Registered by itself: ${aloneSeconds.toFixed(1)} s until Ready`,
    `Beside ${dead} clusters with ${nodes.length} nodes each that take connections and never answer: ${besideSeconds.toFixed(1)} s`,
    `Connections to those: ${connections}, of which ${open} were still open then`,
  ].join('\n');

export const deadSiteSummary = ({ deadClusters: dead, aloneSeconds, besideSeconds }: DeadSiteFigures): string =>
  `until Ready: ${aloneSeconds.toFixed(1)} s alone, ${besideSeconds.toFixed(1)} s beside ${dead} clusters whose nodes never answer`;
