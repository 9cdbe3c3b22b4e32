import * as fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { createKubeClient } from './client.ts';
import { KubeError } from './kube-error.ts';
import { createReflector, type Reflector } from './reflector.ts';
import { createCollection, widgets, type Collection, type Widget } from './testing/collection.ts';
import { answerStatus, reset, startFaultServer, status, send, type Handler } from './testing/fault-server.ts';

const name = fc.constantFrom('a', 'b', 'c', 'd');

type Step = {
  describe: string;
  run: (collection: Collection, faults: Handler[], reflector: Reflector<Widget>) => void;
};
const step = (describe: string, run: Step['run']): Step => ({ describe, run });

const toOpenWatches = (collection: Collection, act: (watch: Parameters<Handler>[1]) => void) => {
  for (const watch of collection.watches) act(watch);
  collection.watches.clear();
};

const steps = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(name, fc.nat(9))
      .map(([key, size]) => step(`put ${key}`, (collection) => void collection.put(key, size))),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(name, fc.nat(9), fc.nat(3)).map(([key, size, late]) =>
      step(`write ${key} and record that ${late} events late`, (collection, _faults, reflector) => {
        const written = collection.put(key, size);
        const answerArrives = (turns: number) => {
          if (turns > 0) return void setImmediate(() => answerArrives(turns - 1));
          reflector.record(written);
          const stored = reflector.store.get(`default/${key}`);
          // Not there: then it was deleted since, or the watch is already further.
          const version = Number(stored?.metadata.resourceVersion ?? Infinity);
          expect(version).toBeGreaterThanOrEqual(Number(written.metadata.resourceVersion));
        };
        answerArrives(late);
      }),
    ),
  },
  { weight: 3, arbitrary: name.map((key) => step(`remove ${key}`, (collection) => collection.remove(key))) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      step('reset', (collection) => toOpenWatches(collection, reset)),
      step('end', (collection) => toOpenWatches(collection, (watch) => watch.end())),
      step('cut a line', (collection) => toOpenWatches(collection, (watch) => watch.end('{"type":"ADDED","obj'))),
      step('error event', (collection) =>
        toOpenWatches(collection, (watch) => send(watch, 'ERROR', status(500, 'InternalError'))),
      ),
      step('compact', (collection) => {
        collection.compact();
        toOpenWatches(collection, (watch) => send(watch, 'ERROR', status(410, 'Expired')));
      }),
      step('refuse the next', (_collection, faults) =>
        faults.push((_request, response) => answerStatus(response, 500, 'InternalError')),
      ),
      step('throttle the next', (_collection, faults) =>
        faults.push((_request, response) => answerStatus(response, 429, 'TooManyRequests', { 'retry-after': '0' })),
      ),
      step('reset the next', (_collection, faults) => faults.push((_request, response) => reset(response))),
    ),
  },
);

const script = fc.array(fc.record({ step: steps, letThingsHappen: fc.boolean() }), { minLength: 1, maxLength: 25 });

const sorted = (objects: Widget[]) => objects.toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name));

it(
  'ends with what the server has, and has told every change, whatever happens in between',
  { timeout: 60_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), script, async (streams, entries) => {
        const collection = createCollection(streams);
        const faults: Handler[] = [];
        const mirror = new Map<string, Widget>();
        const unexpected: unknown[] = [];
        const stop = new AbortController();
        const server = await startFaultServer((request, response) =>
          (faults.shift() ?? collection.handle)(request, response),
        );
        const client = createKubeClient(server.kubeConfig(), { userAgent: 'property', requestTimeoutMs: 10_000 });
        const reflector = createReflector({
          client,
          type: widgets,
          onChange(key, previous, next) {
            expect(mirror.get(key)).toEqual(previous);
            const [before, after] = [previous, next].map((object) => object?.metadata.resourceVersion);
            expect(Number(after ?? Infinity)).toBeGreaterThan(Number(before ?? 0));
            if (next === undefined) mirror.delete(key);
            else mirror.set(key, next);
          },
          onError: (error) => unexpected.push(...(error instanceof KubeError ? [] : [error])),
          backoffMs: { min: 1, max: 3 },
        });
        const running = reflector.run(stop.signal);
        try {
          for (const {
            step: { run },
            letThingsHappen,
          } of entries) {
            run(collection, faults, reflector);
            if (letThingsHappen) await new Promise((resolve) => setImmediate(resolve));
          }
          await vi.waitFor(
            () => {
              expect(reflector.hasSynced()).toBe(true);
              expect(sorted(reflector.store.list())).toEqual(sorted(collection.list()));
            },
            { timeout: 10_000, interval: 5 },
          );
          expect(sorted([...mirror.values()])).toEqual(sorted(collection.list()));
          expect(unexpected).toEqual([]);
        } finally {
          stop.abort();
          await running;
          await client.close();
          await server.stop();
        }
      }),
      { numRuns: 60 },
    );
  },
);
