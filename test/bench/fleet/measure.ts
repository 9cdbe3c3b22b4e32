import { azureCalls, tally, type Calls } from '../calls.ts';
import { clustersPerSubscription, nodeNames } from './azure.ts';
import { startFleet, type Fleet } from './fleet.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** In which everything falls due that is read seldom. */
const hours = 6;

/** What a fleet of registered clusters costs while nothing happens. */
export interface CallsFigures {
  clusters: number;
  subscriptions: number;
  hours: number;
  azure: Calls;
  apiServer: Calls;
  nodes: Calls;
}

/** What a controller asks Azure right after a restart, beside what it asks anyway. */
export interface RestartFigures {
  clusters: number;
  subscriptions: number;
  /** Calls to Azure in each minute of the hour before, and of the hour after. */
  before: number[];
  after: number[];
  /** Clusters whose sync was due in the first minute, and clusters that were then asked about by themselves. */
  due: number;
  asked: number;
}

/** @throws an Error when a cluster is not Ready at the beginning or at the end */
async function withFleet<T>(
  clusters: number,
  say: (line: string) => void,
  measure: (fleet: Fleet) => Promise<T>,
): Promise<T> {
  const fleet = await startFleet(clusters, hourMs);
  try {
    say(`${clusters} clusters of ${nodeNames.length} nodes, ${clustersPerSubscription} in a subscription …`);
    await fleet.run(hourMs);
    assertReady(fleet);
    drain(fleet);
    const figures = await measure(fleet);
    assertReady(fleet);
    return figures;
  } finally {
    await fleet.close();
  }
}

function assertReady(fleet: Fleet): void {
  const [first] = fleet.notReady();
  if (first !== undefined) throw new Error(`of the clusters, ${fleet.notReady().length} are not Ready. ${first}`);
}

function drain({ azure, calls }: Fleet): Pick<CallsFigures, 'azure' | 'apiServer' | 'nodes'> {
  const counted = {
    azure: azureCalls(calls.azure, azure),
    apiServer: tally(calls.apiServer),
    nodes: tally(calls.nodes),
  };
  for (const list of Object.values(calls)) list.length = 0;
  return counted;
}

const total = (calls: Calls): number => Object.values(calls).reduce((sum, count) => sum + count, 0);

export const measureCalls = (clusters: number, say: (line: string) => void): Promise<CallsFigures> =>
  withFleet(clusters, say, async (fleet) => {
    const figures: CallsFigures = {
      clusters,
      subscriptions: fleet.subscriptions,
      hours,
      azure: {},
      apiServer: {},
      nodes: {},
    };
    for (let hour = 0; hour < hours; hour += 1) {
      await fleet.run(hourMs);
      const counted = drain(fleet);
      for (const kind of ['azure', 'apiServer', 'nodes'] as const) {
        for (const [what, count] of Object.entries(counted[kind])) {
          figures[kind][what] = (figures[kind][what] ?? 0) + count;
        }
      }
    }
    return figures;
  });

export const measureRestart = (clusters: number, say: (line: string) => void): Promise<RestartFigures> =>
  withFleet(clusters, say, async (fleet) => {
    const minutes = async (): Promise<number[]> => {
      const counts: number[] = [];
      for (let minute = 0; minute < 60; minute += 1) {
        await fleet.run(minuteMs);
        counts.push(total(drain(fleet).azure));
      }
      return counts;
    };
    const before = await minutes();
    const due = fleet.dueWithin(minuteMs);
    fleet.restart();
    await fleet.run(minuteMs);
    const asked = new Set(
      fleet.calls.azure.flatMap(({ request }) => /\/resourceGroups\/([^/?]+)/i.exec(request.url)?.[1] ?? []),
    ).size;
    const first = total(drain(fleet).azure);
    const after = [first, ...(await minutes()).slice(0, -1)];
    return { clusters, subscriptions: fleet.subscriptions, before, after, due, asked };
  });
