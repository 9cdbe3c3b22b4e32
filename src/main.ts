import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { rootCertificates } from 'node:tls';
import { parseArgs } from 'node:util';
import { Registry } from '@prometheus-io/client';
import pino from 'pino';
import { fieldManager, group } from './api/group.ts';
import { kind } from './api/registration.ts';
import { readConfiguration } from './configuration.ts';
import { createBackoff } from './kube/backoff.ts';
import { createKubeClient } from './kube/client.ts';
import { runWorkers } from './kube/controller.ts';
import { namespaces } from './kube/core.ts';
import { createEventRecorder } from './kube/events.ts';
import { runLeaderElection, type Leadership } from './kube/leader-election.ts';
import { KubeError } from './kube/kube-error.ts';
import { loadKubeConfig } from './kube/kubeconfig.ts';
import { createControllerMetrics } from './kube/metrics.ts';
import { createReflector } from './kube/reflector.ts';
import { get, keyOf } from './kube/resource.ts';
import type { KubeObject } from './kube/schema.ts';
import { startServer } from './kube/server.ts';
import { createWorkQueue } from './kube/workqueue.ts';
import { createNodePool } from './nodes/pool.ts';
import { createSshTransport } from './nodes/ssh.ts';
import { createSweepController } from './orphans/controller.ts';
import { createRegistrationMetrics } from './registration/metrics.ts';
import { requestedChange } from './registration/pokes.ts';
import { createRedaction, describeCrash, redactingKubeClient } from './redaction.ts';
import { createReconciler } from './registration/reconcile.ts';
import { createReferencedSecrets, namedSecrets } from './registration/referenced-secrets.ts';
import { createSessions } from './sign-in/sessions.ts';
import { registrations } from './registration/status-writer.ts';

const help = `hci-registration-controller: keeps Azure Stack HCI clusters registered with Azure

Usage: controller [--config FILE] [--namespace NAMESPACE] [--help]

  --config FILE          configuration (YAML); see docs/configuration.md
  --namespace NAMESPACE  only the objects of this namespace; orphan sweeps delete nothing then
  --help                 this text

The Kubernetes API server is found as by kubectl: KUBECONFIG, else the pod's ServiceAccount.
`;

const userAgent = 'hci-registration-controller/0.1.0';
const requestTimeoutMs = 30_000;
/** A pass may wait for an operation on a node, and those take up to 3 minutes. */
const reconcileDeadlineMs = 5 * 60_000;
/** Once to end by itself, and once to notice that it was cut: both within the 30 s that Kubernetes grants by default. */
const graceMs = 10_000;
/** The watch gives up its connection after 3 minutes of silence, and tries again and again: later than that something is stuck. */
const staleWatchMs = 10 * 60_000;
const eventRepeatMs = 10 * 60_000;
/** client-go's. */
const leaseTimes = { leaseDurationSeconds: 15, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };

const redaction = createRedaction();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { config: { type: 'string' }, namespace: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help === true) {
    process.stdout.write(help);
    return;
  }
  const configuration = await readConfiguration(values.config);
  const output = pino.destination(1);
  const log = pino(
    {
      level: configuration.logLevel,
      base: { controller: fieldManager },
      formatters: { level: (level) => ({ level }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    { write: (line: string) => output.write(redaction.clean(line)) },
  );
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(1); // asked twice: at once
      log.info({ signal }, 'stopping');
      stop.abort(new DOMException('the controller is stopping', 'AbortError'));
    });
  }

  const registry = new Registry();
  const leaseName = values.namespace === undefined ? fieldManager : `${fieldManager}-${values.namespace}`;
  const metrics = createControllerMetrics(registry, {
    controller: kind.toLowerCase(),
    workers: configuration.workers,
    depth: () => queue.size,
    leaseName,
  });
  const onExchange: typeof metrics.onExchange = (exchange) => metrics.onExchange(exchange);
  const kubeConfig = await loadKubeConfig();
  const kube = redactingKubeClient(
    createKubeClient(kubeConfig, { userAgent, requestTimeoutMs, onExchange }),
    redaction,
  );
  const certificateAuthorities =
    configuration.certificateAuthorityFile === undefined
      ? undefined
      : [...rootCertificates, await readFile(configuration.certificateAuthorityFile, 'utf8')];

  const queue = createWorkQueue({ baseDelayMs: 500, maxDelayMs: 300_000, observer: metrics.queue });
  const scope = values.namespace === undefined ? {} : { namespace: values.namespace };
  const reflector = createReflector<KubeObject, 'secret'>({
    client: kube,
    type: registrations,
    ...scope,
    indexes: { secret: namedSecrets },
    onChange: (key, previous, next) => {
      if (requestedChange(previous, next)) queue.add(key, reflector.hasSynced() ? 'change' : 'resync');
    },
    onError: (error) => log.warn({ err: error }, 'watching registrations'),
  });
  /** While this process leads. */
  let leading: ReturnType<typeof createReconciler> | undefined;
  const secrets = createReferencedSecrets({
    client: kube,
    ...scope,
    log,
    onChange: (secret) => {
      for (const { metadata } of reflector.store.byIndex('secret', secret)) {
        const key = keyOf(metadata);
        leading?.secretChanged(key);
        queue.add(key);
      }
    },
  });
  const registrationMetrics = createRegistrationMetrics(registry, {
    registrations: () => (leading === undefined ? [] : reflector.store.list()),
    lastHeardAt: () => reflector.lastHeardAt(),
  });

  const sweeps = createSweepController({
    client: kube,
    namespace: values.namespace,
    registry,
    log,
    graceMs,
  });

  const server = await startServer({
    ...configuration.server,
    metrics: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
    healthz: {
      watch: () => {
        const silentMs = performance.now() - (reflector.lastHeardAt() ?? 0);
        if (silentMs < staleWatchMs) return undefined;
        return `nothing was heard from the API server for ${Math.floor(silentMs / 60_000)} minutes`;
      },
    },
    readyz: { synced: () => (reflector.hasSynced() ? undefined : 'the registrations are not read yet') },
    onError: (error) => log.warn({ err: error }, 'serving metrics and probes'),
  });
  log.info({ port: server.port }, 'serving metrics and probes');

  /** Works while it leads. What was remembered of an earlier time of leading is another leader's past by now. */
  async function lead(instanceId: string, { signal: lost, check }: Leadership): Promise<void> {
    const writing = redactingKubeClient(
      createKubeClient(kubeConfig, { userAgent, requestTimeoutMs, onExchange, beforeWrite: check }),
      redaction,
    );
    const transport = createSshTransport({
      allowLoopback: configuration.allowLoopbackNodeAddresses,
      beforeMutation: check,
    });
    const events = createEventRecorder(writing, {
      reportingController: `${group}/${fieldManager}`,
      reportingInstance: hostname(),
      repeatAfterMs: eventRepeatMs,
      onError: (error) => log.warn({ err: error }, 'an event was not written'),
    });
    const sessions = createSessions({
      kube: writing,
      secrets,
      configuration,
      certificateAuthorities,
      userAgent,
      beforeWrite: check,
      onExchange: registrationMetrics.onAzureExchange,
    });
    const reconciler = createReconciler({
      kube: writing,
      secrets,
      nodes: createNodePool(registrationMetrics.counted(transport)),
      sessions,
      instanceId,
      now: () => new Date(),
      onStep: (step, result) => registrationMetrics.onStep(step, result),
      events,
      log,
      clean: (text) => redaction.clean(text),
      read: (key) => reflector.store.get(key),
      record: (written) => reflector.record(written),
      lookAt: (key) => queue.add(key, 'resync'),
    });
    leading = reconciler;
    for (const key of reflector.store.keys()) queue.add(key, 'resync');
    log.info({ registrations: reflector.store.size, instanceId }, 'started');
    const signal = AbortSignal.any([stop.signal, lost]);
    const sweeping = sweeps.work(
      { kube: writing, sessions, instanceId, events, now: () => new Date() },
      { signal, lost },
    );
    await runWorkers({
      queue,
      workers: configuration.workers,
      deadlineMs: reconcileDeadlineMs,
      graceMs,
      // Told to stop, a pass may end; after a loss it must not.
      reconcile: metrics.measured((key, passSignal, lend) =>
        reconciler.reconcile(key, AbortSignal.any([passSignal, lost]), lend),
      ),
      onError: (key, error) => log.error({ err: error, registration: key }, 'a pass failed and is repeated'),
      signal,
    });
    await sweeping;
    leading = undefined;
    await transport.close();
    await writing.close();
    log.info('no longer working on registrations');
  }

  async function work(whileLeading: (leadership: Leadership) => Promise<void>): Promise<void> {
    const whileLeadingIsShown = async (leadership: Leadership) => {
      metrics.setLeader(true);
      try {
        await whileLeading(leadership);
      } finally {
        metrics.setLeader(false);
      }
    };
    if (!configuration.leaderElection.enabled) {
      return whileLeadingIsShown({ signal: new AbortController().signal, check: () => {} });
    }
    const lease = { namespace: configuration.leaderElection.namespace ?? kubeConfig.namespace, name: leaseName };
    const identity = `${hostname()}_${randomUUID()}`;
    log.info({ lease, identity }, 'standing by');
    await runLeaderElection({
      client: kube,
      lease,
      identity,
      ...leaseTimes,
      lead: whileLeadingIsShown,
      onHolder: (holder) => log.info({ lease, holder, leads: holder === identity }, 'the lease has another holder'),
      onError: (error) => log.warn({ err: error, lease }, 'the lease was not read or renewed'),
      signal: stop.signal,
    });
  }

  const watching = Promise.all([reflector.run(stop.signal), secrets.run(stop.signal), sweeps.run(stop.signal)]);
  await Promise.race([reflector.synced, watching]);
  if (!stop.signal.aborted) {
    const instanceId = configuration.instanceId ?? (await kubeSystemUid(kube, log, stop.signal));
    if (instanceId !== undefined) await work((leadership) => lead(instanceId, leadership));
  }
  queue.shutDown();
  sweeps.shutDown();
  await watching;
  await Promise.all([kube.close(), server.close()]);
  log.info('stopped');
}

/** @returns undefined when the signal fired */
async function kubeSystemUid(
  kube: ReturnType<typeof createKubeClient>,
  log: pino.Logger,
  signal: AbortSignal,
): Promise<string | undefined> {
  const backoff = createBackoff({ min: 800, max: 30_000 });
  while (!signal.aborted) {
    try {
      const namespace = await get(kube, namespaces, { name: 'kube-system' }, { signal });
      if (namespace === undefined)
        throw new Error('the namespace kube-system does not exist: set instanceId in the configuration');
      return namespace.metadata.uid;
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof KubeError) || !error.retryable) throw error;
      log.warn({ err: error }, 'the namespace kube-system was not read: it is tried again');
      await sleep(backoff.next(), undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}

function crash(error: unknown): never {
  process.stderr.write(`${redaction.clean(describeCrash(error))}\n`);
  process.exit(1);
}
// Node.js would print all that the error holds.
process.on('uncaughtException', crash);
process.on('unhandledRejection', crash);

try {
  await main();
  // Idle connections to Azure would keep the process for as long as they are kept alive.
  process.exit();
} catch (error) {
  process.stderr.write(`${redaction.clean(error instanceof Error ? error.message : String(error))}\n`);
  process.exit(1);
}
