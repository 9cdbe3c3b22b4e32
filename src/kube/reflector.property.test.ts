import * as fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { createKubeClient } from './client.ts';
import { createReflector } from './reflector.ts';
import { createCollection, widgets, type Collection, type Widget } from './testing/collection.ts';
import { answerStatus, reset, startFaultServer, status, send, type Handler } from './testing/fault-server.ts';

const name = fc.constantFrom('a', 'b', 'c', 'd');

type Step = { describe: string; run: (collection: Collection, faults: Handler[]) => void };
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
      fc.asyncProperty(script, async (entries) => {
        const collection = createCollection();
        const faults: Handler[] = [];
        const mirror = new Map<string, Widget>();
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
            if (next === undefined) mirror.delete(key);
            else mirror.set(key, next);
          },
          onError: (error) => expect(error).toMatchObject({ name: 'KubeError' }),
          backoffMs: { min: 1, max: 3 },
        });
        const running = reflector.run(stop.signal);
        try {
          for (const {
            step: { run },
            letThingsHappen,
          } of entries) {
            run(collection, faults);
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
