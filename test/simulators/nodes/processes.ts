import { instant, keyOf, nodeOf, type NodeContext } from './world.ts';

// What runs on the nodes. A machine that stops takes its processes with it, wherever they are.

/** The machine stopped under the process, or the simulator closed. */
export class ProcessEnded extends Error {
  override name = 'ProcessEnded';
}

export interface Process {
  readonly id: number;
  /** Aborts when the process ends before its time. */
  readonly signal: AbortSignal;
}

export interface Processes {
  /** Rejects with ProcessEnded when the machine stops first. */
  readonly run: <T>(context: NodeContext, name: string, body: (process: Process) => Promise<T>) => Promise<T>;
  /** How many run on a node. */
  readonly count: (context: NodeContext) => number;
  /** Resolves when no process is left. */
  readonly settled: () => Promise<void>;
  /** The machine stopped. */
  readonly kill: (context: NodeContext) => void;
}

/** Windows numbers its processes so. */
const step = 4;

const start = (context: NodeContext, name: string): number => {
  const node = nodeOf(context);
  node.lastProcessId += step;
  node.processes[String(node.lastProcessId)] = { name, startTime: instant(context.world) };
  return node.lastProcessId;
};

export const createProcesses = (closing: AbortSignal): Processes => {
  const running = new Map<AbortController, { readonly node: string; readonly done: Promise<unknown> }>();

  return {
    run: async (context, name, body) => {
      const stop = new AbortController();
      const signal = AbortSignal.any([closing, stop.signal]);
      const id = start(context, name);
      const done = body({ id, signal });
      running.set(stop, { node: keyOf(context), done: done.catch(() => undefined) });
      try {
        return await done;
      } catch (error) {
        if (signal.aborted) throw new ProcessEnded(`process ${id} of ${context.nodeName} was ended`);
        throw error;
      } finally {
        running.delete(stop);
        if (!signal.aborted) Reflect.deleteProperty(nodeOf(context).processes, String(id));
      }
    },
    count: (context) => [...running.values()].filter(({ node }) => node === keyOf(context)).length,
    settled: async () => {
      while (running.size > 0) await Promise.all([...running.values()].map(({ done }) => done));
    },
    kill: (context) => {
      for (const [stop, { node }] of running) if (node === keyOf(context)) stop.abort();
      nodeOf(context).processes = {};
    },
  };
};
