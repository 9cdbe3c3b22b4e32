import { inLab, register } from './register.ts';

/** Of each operation on a node, and of each request to Azure, beside what the work itself takes. */
const nodeLatencySeconds = 1;
const azureLatencySeconds = 0.05;
const nodes = (count: number) => Array.from({ length: count }, (_, index) => `NODE${index + 1}`);

/** Registering 16 nodes, beside registering one: with one node everything is its own longest dependent chain. */
export interface FanoutFigures {
  nodeLatencySeconds: number;
  chain: Registration;
  sixteen: Registration;
}

interface Registration {
  seconds: number;
  operations: number;
  /** Operations under way at one moment, at least. */
  atOnce: number;
}

export const fanout = (say: (line: string) => void): Promise<FanoutFigures> =>
  inLab(
    {
      say,
      clusters: [
        { name: 'one', dnsSuffix: 'one.example.com', nodes: nodes(1) },
        { name: 'sixteen', dnsSuffix: 'sixteen.example.com', nodes: nodes(16) },
      ],
      nodeSettings: { latencySeconds: nodeLatencySeconds },
      azureSettings: { latencySeconds: azureLatencySeconds },
    },
    async (lab) => {
      const measure = async (cluster: string): Promise<Registration> => {
        say(`Registering the cluster ${cluster} …`);
        const before = lab.nodes.log.length;
        const seconds = await register(lab, cluster);
        const times = lab.nodes.log
          .slice(before)
          .filter(({ request }) => request.method === 'EXEC')
          .map(({ time }) => Date.parse(time))
          .toSorted((a, b) => a - b);
        return { seconds, operations: times.length, atOnce: mostWithin(times, nodeLatencySeconds * 1000) };
      };
      return { nodeLatencySeconds, chain: await measure('one'), sixteen: await measure('sixteen') };
    },
  );

/** Each takes at least so long, so those that are noted within that time were under way together. */
const mostWithin = (times: readonly number[], ms: number): number =>
  Math.max(0, ...times.map((start, index) => times.slice(index).filter((time) => time - start < ms).length));

export const fanoutReport = ({ nodeLatencySeconds: latency, chain, sixteen }: FanoutFigures): string =>
  [
    `Each operation on a node takes ${latency} s and what its work takes.`,
    '',
    '|                              | 1 node | 16 nodes |',
    '| ---------------------------- | ------ | -------- |',
    ...(
      [
        ['until Ready, s', (each) => each.seconds.toFixed(1)],
        ['operations on nodes', (each) => String(each.operations)],
        ['of them at once, at least', (each) => String(each.atOnce)],
        ['one after the other, s', (each) => (each.operations * latency).toFixed(0)],
      ] satisfies [string, (each: Registration) => string][]
    ).map(([what, of]) => `| ${what.padEnd(28)} | ${of(chain).padEnd(6)} | ${of(sixteen).padEnd(8)} |`),
  ].join('\n');

export const fanoutSummary = ({ chain, sixteen }: FanoutFigures): string =>
  `16 nodes in ${sixteen.seconds.toFixed(1)} s, the longest dependent chain (one node) ${chain.seconds.toFixed(1)} s: ${(sixteen.seconds / chain.seconds).toFixed(2)} times as long; ${sixteen.atOnce} operations at once`;
