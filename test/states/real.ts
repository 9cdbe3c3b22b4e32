import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { reasons } from '../../src/api/reasons.ts';
import { RegistrationStatus } from '../../src/api/status.ts';
import { markTag } from '../../src/registration/target.ts';
import { writesTo } from '../e2e/observations.ts';
import { lastLines, startController, type RunningController } from '../lab/controller.ts';
import { controllerAccount, sampleManifests, startLab, type Lab } from '../lab/lab.ts';
import { applyManifests, condition } from '../lab/registration.ts';
import { expectedEnd, type StateCase } from './cases.ts';
import { applyCase } from './seed.ts';
import { commonIds, copyTemplate, takeTemplate } from './template.ts';

// The shipped controller in the lab: one cluster is registered from nothing, copied for every case with what the case lacks taken away,
// and then all cases are worked on at once.

const templateName = 'seedling';
const pollMs = 1000;
const templateMs = 120_000;
const millisecondsPerCase = 3000;
const restingPolls = 5;
const nodeNames = ['NODE1', 'NODE2'];

export interface RealResult {
  given: StateCase;
  end: string;
  writes: number;
  problem: string | undefined;
}

interface Running {
  name: string;
  given: StateCase;
  ends: string[];
  untouched: boolean;
}

/** What ends otherwise than in the pure world, because the simulated nodes know more. */
function realEnds(given: StateCase): Running['ends'] {
  const { uri, cloud, identity, certificates, nodes } = given;
  const { ends } = expectedEnd(given);
  // Registering takes a simulated node back into policy.
  const healed = uri === 'empty' && nodes.includes('firmware') && !nodes.includes('20H2') ? ['Ready'] : [];
  // The application is gone, and nobody knows which certificates the cmdlet made: to renew them all is a repair of credentials.
  const lost = uri === 'same' && cloud === 'present' && !identity && !certificates;
  return [...ends, ...healed, ...(lost ? ['NodeOperationFailed', 'NotConnectedRecently', 'Progressing'] : [])];
}

export async function runReal(cases: StateCase[], say: (line: string) => void): Promise<RealResult[]> {
  const running = cases.map((given, index): Running => {
    const name = `case${String(index + 1).padStart(4, '0')}`;
    return { name, given, ends: realEnds(given), untouched: expectedEnd(given).untouched };
  });
  const names = [templateName, ...running.map(({ name }) => name)];
  const lab = await startLab({
    clusters: names.map((name) => ({ name, dnsSuffix: 'corp.example.com', nodes: nodeNames })),
  });
  let controller: RunningController | undefined;
  try {
    const kubeconfig = await lab.controlPlane.kubeconfigFor(controllerAccount);
    const start = () =>
      startController({ kubeconfig, config: lab.controllerConfig, logFile: join(lab.directory, 'controller.log') });
    controller = start();
    await apply(lab, [templateName], () => ({}));
    await lab.controlPlane.kubectl(
      'wait',
      `hciregistration/${templateName}`,
      '-n',
      namespaceOf(templateName),
      '--for=condition=Ready',
      `--timeout=${templateMs / 1000}s`,
    );
    await controller.stop();

    await seed(lab, running);
    const before = new Map(running.map(({ name }) => [name, writesTo(lab, name).length]));
    say(`${running.length} clusters of two nodes are seeded; the controller starts …`);
    controller = start();
    await apply(
      lab,
      running.map(({ name }) => name),
      (name) => ({
        // Named, so that what the nodes are registered as is not simply taken over.
        spec: {
          azure: { resourceName: name, resourceGroup: `${name}-rg` },
          adoptionPolicy: running.find((one) => one.name === name)?.given.adoptionPolicy,
          arc: { defaultExtensions: null },
        },
      }),
    );
    const problems = await settle(lab, running, say);
    const resting = new Map(running.map(({ name }) => [name, effective(writesTo(lab, name))]));
    await lab.controlPlane.kubectl(
      'annotate',
      'hciregistration',
      '-A',
      '--all',
      'azurestackhci.io/reconcile-requested-at=again',
    );
    await until(
      lab,
      running,
      (_, status) => status.lastHandledReconcileAt === 'again',
      millisecondsPerCase * cases.length + 60_000,
    );
    const after = await settle(lab, running, say);

    const statuses = await readStatuses(lab);
    const results = running.map(({ name, given, untouched }): RealResult => {
      const ready = condition(statuses.get(name) ?? {}, 'Ready');
      const end = ready?.status === 'True' ? 'Ready' : (ready?.reason ?? 'no condition');
      const all = writesTo(lab, name);
      const writes = all.length - (before.get(name) ?? 0);
      const more = effective(all).length - (resting.get(name)?.length ?? 0);
      const problem =
        problems.get(name) ??
        after.get(name) ??
        (end !== 'Ready' && !(end in reasons) ? `${end} is not documented` : undefined) ??
        (untouched && writes > 0
          ? `${writes} writes where none is right: ${all.slice(-writes).join(', ')}`
          : undefined) ??
        (more > 0 ? `wrote again when asked to look again: ${effective(all).slice(-more).join(', ')}` : undefined);
      return { given, end, writes, problem };
    });
    if (results.some(({ problem }) => problem !== undefined)) say(await lastLines(controller.logFile, 10));
    return results;
  } finally {
    controller?.kill();
    await lab.close();
  }
}

/** A synchronisation that fails is tried again, ever more seldom, for as long as it fails. */
const effective = (writes: string[]): string[] => writes.filter((write) => !write.endsWith('/sync'));

const namespaceOf = (name: string) => `ns-${name}`;

async function apply(lab: Lab, names: string[], patch: (name: string) => unknown): Promise<void> {
  const manifests = await Promise.all(
    names.map(async (name) => {
      const namespace = namespaceOf(name);
      const objects = await sampleManifests(lab, { namespace, cluster: name, patch: patch(name) });
      return `apiVersion: v1\nkind: Namespace\nmetadata: { name: ${namespace} }\n---\n${objects}`;
    }),
  );
  await applyManifests(lab.controlPlane, manifests.join('---\n'), lab.directory);
}

async function seed({ azure, nodes }: Lab, running: Running[]): Promise<void> {
  const azureState = structuredClone(azure.state);
  const nodesState = structuredClone(nodes.state());
  const template = takeTemplate(azureState, nodesState, templateName);
  const marks = Object.values(template.azure.clusters).map(({ tags }) => tags?.[markTag]?.split('/')[0] ?? '');
  const common = new Set([...commonIds(azure), ...marks]);
  for (const { name, given } of running) {
    const own = nodesState.clusters[name];
    if (own === undefined) throw new Error(`there is no simulated cluster ${name}`);
    const complete = copyTemplate(template, { from: templateName, to: name }, common, own);
    const seeded = applyCase(complete, own, given, azureState.resourceProviderObjectId);
    nodesState.clusters[name] = seeded.cluster;
    Object.assign(azureState.resourceGroups, seeded.azure.resourceGroups);
    Object.assign(azureState.clusters, seeded.azure.clusters);
    Object.assign(azureState.arcSettings, seeded.azure.arcSettings);
    Object.assign(azureState.machines, seeded.azure.machines);
    Object.assign(azureState.roleAssignments, seeded.azure.roleAssignments);
    Object.assign(azureState.applications, seeded.azure.applications);
    Object.assign(azureState.servicePrincipals, seeded.azure.servicePrincipals);
  }
  await put(`${azure.admin}/state`, azureState);
  await put(`${nodes.admin}/state`, nodesState);
}

async function put(url: string, body: unknown): Promise<void> {
  const response = await fetch(url, { method: 'PUT', body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`PUT ${url}: ${response.status} ${(await response.text()).slice(0, 500)}`);
}

const Listed = Type.Object({
  items: Type.Array(
    Type.Object({ metadata: Type.Object({ name: Type.String() }), status: Type.Optional(RegistrationStatus) }),
  ),
});

async function readStatuses({ controlPlane }: Lab): Promise<Map<string, RegistrationStatus>> {
  const answer: unknown = JSON.parse(await controlPlane.kubectl('get', 'hciregistration', '-A', '-o', 'json'));
  return new Map(Value.Parse(Listed, answer).items.map(({ metadata, status }) => [metadata.name, status ?? {}]));
}

/** Waits until the condition holds for all; which it does not hold for in time. */
async function until(
  lab: Lab,
  running: Running[],
  holds: (one: Running, status: RegistrationStatus) => boolean,
  limitMs: number,
): Promise<Running[]> {
  for (const deadline = performance.now() + limitMs; ; await delay(pollMs)) {
    const statuses = await readStatuses(lab);
    const open = running.filter((one) => !holds(one, statuses.get(one.name) ?? {}));
    if (open.length === 0 || performance.now() > deadline) return open;
  }
}

const hasEnded = ({ ends }: Running, status: RegistrationStatus): boolean => {
  const ready = condition(status, 'Ready');
  return ready !== undefined && ends.includes(ready.status === 'True' ? 'Ready' : ready.reason);
};

/** Waits until each has ended as it should and nothing is written any more; why one has not. */
async function settle(lab: Lab, running: Running[], say: (line: string) => void): Promise<Map<string, string>> {
  const limitMs = 30_000 + millisecondsPerCase * running.length;
  const begun = performance.now();
  const open = await until(lab, running, hasEnded, limitMs);
  let resting = 0;
  let last = -1;
  for (const deadline = performance.now() + limitMs; resting < restingPolls && performance.now() < deadline;) {
    await delay(pollMs);
    const writes = running.reduce((sum, { name }) => sum + effective(writesTo(lab, name)).length, 0);
    resting = writes === last ? resting + 1 : 0;
    last = writes;
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  say(
    `${running.length - open.length} of ${running.length} ended as they should, after ${seconds} s and ${last} writes in all.`,
  );
  const statuses = await readStatuses(lab);
  return new Map(
    running
      .filter((one) => !hasEnded(one, statuses.get(one.name) ?? {}))
      .map(({ name, ends }) => {
        const ready = condition(statuses.get(name) ?? {}, 'Ready');
        return [name, `${ready?.status} ${ready?.reason}, not ${ends.join(' or ')}: ${ready?.message}`];
      }),
  );
}
