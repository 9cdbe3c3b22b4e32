import { parseArgs } from 'node:util';
import { Type, type Static } from 'typebox';
import { createKubeClient } from '../../../src/kube/client.ts';
import { runWorkers } from '../../../src/kube/controller.ts';
import { addFinalizer, removeFinalizer } from '../../../src/kube/finalizers.ts';
import { loadKubeConfig } from '../../../src/kube/kubeconfig.ts';
import { createReflector } from '../../../src/kube/reflector.ts';
import { apply, type ResourceType } from '../../../src/kube/resource.ts';
import { ObjectMeta, parser } from '../../../src/kube/schema.ts';
import { createWorkQueue } from '../../../src/kube/workqueue.ts';

// The controller of `npm run bench -- runtime`: src/kube and nothing else. Every object of one kind gets a finalizer, by patch, and three
// conditions, by server-side apply. It prints `synced` when its cache is, and `idle` each time nothing is left to do.

const { values } = parseArgs({
  options: {
    group: { type: 'string', default: '' },
    version: { type: 'string', default: 'v1' },
    plural: { type: 'string', default: '' },
    kind: { type: 'string', default: '' },
  },
});

const Condition = Type.Object({ type: Type.String(), observedGeneration: Type.Optional(Type.Integer()) });
const Subject = Type.Object({
  metadata: ObjectMeta,
  status: Type.Optional(Type.Object({ conditions: Type.Optional(Type.Array(Condition)) })),
});
type Subject = Static<typeof Subject>;

const subjects: ResourceType<Subject> = { ...values, namespaced: true, parse: parser(values.kind, Subject) };
const fieldManager = 'runtime-bench';
const finalizer = `${values.group}/runtime-bench`;
const workers = 16;
const conditionTypes = ['Ready', 'Available', 'Progressing'];

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());

const client = createKubeClient(await loadKubeConfig(), { userAgent: fieldManager, requestTimeoutMs: 30_000 });
const queue = createWorkQueue();
const reflector = createReflector({
  client,
  type: subjects,
  onChange(key, previous, next) {
    const before = previous?.metadata;
    const after = next?.metadata;
    if (before?.generation === after?.generation && before?.deletionTimestamp === after?.deletionTimestamp) return;
    if (next !== undefined) queue.add(key, reflector.hasSynced() ? 'change' : 'resync');
  },
  onError: (error) => process.stderr.write(`${String(error)}\n`),
});

const isCurrent = ({ metadata, status }: Subject) =>
  conditionTypes.every((type) =>
    status?.conditions?.some(
      (condition) => condition.type === type && condition.observedGeneration === metadata.generation,
    ),
  );

async function reconcileObject(key: string, signal: AbortSignal): Promise<void> {
  let subject = reflector.store.get(key);
  if (subject === undefined) return;
  const options = { fieldManager, signal };
  if (subject.metadata.deletionTimestamp !== undefined) {
    await removeFinalizer(client, subjects, subject, finalizer, options);
    return;
  }
  if (subject.metadata.finalizers?.includes(finalizer) !== true) {
    const added = await addFinalizer(client, subjects, subject, finalizer, options);
    if (added.outcome === 'absent') return;
    if (added.outcome === 'conflict') throw new Error('changed meanwhile');
    subject = added.object;
    reflector.record(subject);
  }
  if (isCurrent(subject)) return;
  const { namespace, name, generation, uid } = subject.metadata;
  const conditions = conditionTypes.map((type) => ({
    type,
    status: 'True',
    reason: 'Reconciled',
    message: `generation ${generation} is as it should be`,
    lastTransitionTime: '2026-01-01T00:00:00Z',
    observedGeneration: generation,
  }));
  const body = { metadata: { namespace, name, uid }, status: { conditions } };
  reflector.record(await apply(client, subjects, body, { ...options, force: true, subresource: 'status' }));
}

let active = 0;
const watching = reflector.run(stop.signal);
await Promise.race([reflector.synced, watching]);
process.stdout.write(`synced ${reflector.store.size}\n`);
if (queue.size === 0) process.stdout.write('idle\n');
await runWorkers({
  queue,
  workers,
  deadlineMs: 60_000,
  graceMs: 10_000,
  async reconcile(key, signal) {
    active++;
    try {
      await reconcileObject(key, signal);
      return {};
    } finally {
      active--;
      if (active === 0 && queue.size === 0) process.stdout.write('idle\n');
    }
  },
  onError: (key, error) => process.stderr.write(`${key}: ${String(error)}\n`),
  signal: stop.signal,
});
await watching;
queue.shutDown();
await client.close();
