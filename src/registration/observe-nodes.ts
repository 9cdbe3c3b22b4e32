import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { durationMilliseconds } from '../api/schema.ts';
import type { HciClusterRegistration } from '../api/registration.ts';
import type { Lend } from '../kube/controller.ts';
import { keyOf } from '../kube/resource.ts';
import { discoveredAddress } from '../nodes/address.ts';
import {
  KnownHostsError,
  noPins,
  parseKnownHosts,
  pinsOf,
  type HostPins,
  type KnownHosts,
} from '../nodes/known-hosts.ts';
import type { ClusterProbe, Probe } from '../nodes/operations.ts';
import type { Run } from './clients.ts';
import type { NodePool } from '../nodes/pool.ts';
import type { NodeEndpoint } from '../nodes/transport.ts';
import { NodeError } from './failures.ts';
import { SecretProblem } from '../sign-in/problems.ts';
import { valueOf, type Fact, type NodeAddress, type Observed } from './facts.ts';
import { expire, forgetAnswersOfNodes, rememberedKeys, type Memory } from './memory.ts';
import { found, type Reader } from './reader.ts';
import { readSecret, type SecretReader } from '../sign-in/sessions.ts';

export interface NodeAccess {
  nodes: NodeAddress[];
  /** @throws NodeError */
  run: Run;
}

export type ObservedNodes = Pick<Observed, 'nodes' | 'probes' | 'hostKeys' | 'cluster'>;

const secretGoodForMs = 60_000;

/** Probes the listed nodes, asks the cluster for the others, and probes those. */
export async function observeNodes(
  registration: HciClusterRegistration,
  dependencies: {
    secrets: SecretReader;
    pool: NodePool;
    lend: Lend;
    memory: Memory;
    correlationId: string;
  },
  reader: Reader,
  signal: AbortSignal,
): Promise<{ observed: ObservedNodes; access: NodeAccess }> {
  const { spec, metadata } = registration;
  const { secrets, pool, lend, memory, correlationId } = dependencies;
  const { hostKeys } = memory;
  const ssh = spec.nodes.transport.ssh;
  const goodForMs = durationMilliseconds(spec.nodeProbeInterval);

  const keys = await reader.read('sshKeys', secretGoodForMs, async () => {
    if (ssh === undefined) throw new SecretProblem('spec.nodes.transport.ssh is not set');
    const secret = await readSecret(secrets, metadata.namespace, ssh.secretRef.name, signal);
    const next = secret.optional('ssh-privatekey.next');
    return found([secret.required('ssh-privatekey'), ...(next === undefined ? [] : [next])]);
  });

  const knownHostsRef = ssh?.knownHostsRef;
  const known =
    knownHostsRef === undefined
      ? undefined
      : await reader.read('knownHosts', secretGoodForMs, async () => {
          const secret = await readSecret(secrets, metadata.namespace, knownHostsRef.name, signal);
          return found(parsed(secret.required('known_hosts'), knownHostsRef.name));
        });

  const isAnother =
    (keys.state === 'present' && !isDeepStrictEqual(keys.value, memory.sshKeys)) ||
    (known?.state !== 'unknown' && !isDeepStrictEqual(valueOf(known), memory.knownHosts));
  if (isAnother) {
    forgetAnswersOfNodes(memory);
    pool.reset(keyOf(metadata));
    memory.sshKeys = valueOf(keys) ?? memory.sshKeys;
    memory.knownHosts = valueOf(known);
  }

  const listed = spec.nodes.hosts.map(({ name, address }): NodeAddress => ({ name, address, source: 'spec' }));
  let nodes = listed;

  const run: NodeAccess['run'] = async (name, operation, operationArguments) => {
    if (keys.state !== 'present' || ssh === undefined)
      throw new SecretProblem(keys.state === 'unknown' ? keys.why.message : 'there is no SSH key');
    // It may hold a key that must not be accepted.
    if (known?.state === 'unknown') throw new SecretProblem(known.why.message);
    const node = nodes.find((candidate) => candidate.name === name);
    if (node === undefined) throw new Error(`${name} is not a node of this registration`);
    const told = valueOf(known);
    const ofHost = told === undefined ? noPins : pinsOf(told, node.address, ssh.port);
    const listedPins = spec.nodes.hosts.find((host) => host.name === name)?.hostKeys ?? [];
    const pins = [...new Set([...listedPins, ...ofHost.pins])].filter((pin) => !ofHost.revoked.includes(pin));
    const endpoint: NodeEndpoint = {
      name,
      address: node.address,
      port: ssh.port,
      user: ssh.user,
      execution: ssh.execution,
      privateKeys: keys.value,
      hostKeys: pins,
    };
    const outcome = await lend(() =>
      pool.run(keyOf(metadata), endpoint, operation, operationArguments, { signal, correlationId }),
    );
    if (outcome.kind === 'ok') {
      if (outcome.hostKey !== undefined) hostKeys[name] = outcome.hostKey;
      return outcome.value;
    }
    const seen = outcome.kind === 'unreachable' ? outcome.seenHostKey : undefined;
    if (seen !== undefined) hostKeys[name] = seen;
    signal.throwIfAborted();
    const isRevoked = seen !== undefined && ofHost.revoked.includes(seen);
    throw new NodeError(name, operation, outcome, pins.length > 0 || isRevoked, hintOf(ofHost, isRevoked));
  };
  const access: NodeAccess = { nodes, run };

  const probe = async ({ name }: NodeAddress): Promise<[string, Fact<Probe>]> => {
    const fact = await reader.read(`probe/${name}`, goodForMs, async () => found(await run(name, 'probe', {})));
    return [name, fact];
  };
  const probes = Object.fromEntries(await Promise.all(listed.map(probe)));

  const reachable = listed.filter(({ name }) => probes[name]?.state === 'present');
  // Whether a node that fell silent is down, paused or evicted the others know, and what they said before was before.
  if (reachable.length > 0 && isOvertaken(memory)) expire(memory, ['cluster']);
  const cluster = await reader.read('cluster', goodForMs, async () => {
    let failed: unknown = new Error('no listed node answers');
    // The cluster service of one node may be down while the others know the answer.
    for (const { name } of reachable) {
      try {
        return found(await run(name, 'clusterProbe', {}));
      } catch (error) {
        signal.throwIfAborted();
        failed = error;
      }
    }
    throw failed;
  });
  if (cluster.state === 'unknown') {
    const why = Object.values(probes).find((fact) => fact.state === 'unknown');
    const observed = {
      nodes,
      probes,
      hostKeys,
      cluster: why?.state === 'unknown' ? { ...cluster, why: why.why } : cluster,
    };
    return { observed, access };
  }

  if (cluster.state === 'present' && spec.nodes.discovery === 'Cluster') {
    const { allowed, refused } = discover(cluster.value, listed);
    nodes = [...listed, ...allowed];
    access.nodes = nodes;
    Object.assign(probes, Object.fromEntries(await Promise.all(allowed.map(probe))));
    for (const { node, why } of refused) {
      nodes = [...nodes, node];
      probes[node.name] = { state: 'unknown', why: { reason: 'AddressNotAllowed', message: why }, at: cluster.at };
    }
  }
  return { observed: { nodes, probes, hostKeys, cluster }, access };
}

/** Since the cluster told of its nodes one of them was asked in vain, or one that it calls down has answered. */
function isOvertaken(memory: Memory): boolean {
  const told = memory.facts.cluster?.fact;
  if (told === undefined) return false;
  const down = valueOf(told)?.nodes.filter(({ state }) => state === 'Down') ?? [];
  return rememberedKeys(memory).some((key) => {
    const fact = key.startsWith('probe/') ? memory.facts[key]?.fact : undefined;
    if (fact === undefined || fact.at <= told.at) return false;
    return fact.state === 'unknown'
      ? /^Node(Unreachable|NotAnswering)$/.test(fact.why.reason)
      : down.some(({ name }) => `probe/${name}`.toUpperCase() === key.toUpperCase());
  });
}

/** @throws SecretProblem when the text cannot be read */
function parsed(text: string, secretName: string): KnownHosts {
  try {
    return parseKnownHosts(text);
  } catch (error) {
    if (!(error instanceof KnownHostsError)) throw error;
    throw new SecretProblem(
      `Secret ${secretName}: known_hosts, ${error.message}. No node is connected to until it is.`,
    );
  }
}

function hintOf({ pins, hasCertificateAuthority }: HostPins, isRevoked: boolean): string {
  if (isRevoked) return 'known_hosts revokes this key: do not pin it, and find out why the node still shows it.';
  return hasCertificateAuthority && pins.length === 0
    ? 'known_hosts trusts an authority for it (@cert-authority), which is not supported: pin the key itself.'
    : '';
}

/** Nodes that the cluster names and the spec does not list. Their addresses must lie within the DNS suffix of a listed one. */
function discover(
  cluster: ClusterProbe,
  listed: NodeAddress[],
): { allowed: NodeAddress[]; refused: { node: NodeAddress; why: string }[] } {
  const known = new Set(listed.map(({ name }) => name.toUpperCase()));
  const named = listed.find(({ address }) => isIP(address) === 0 && address.includes('.'))?.address;
  const trustedSuffix = named?.slice(named.indexOf('.') + 1);
  const allowed: NodeAddress[] = [];
  const refused: { node: NodeAddress; why: string }[] = [];
  for (const { name } of cluster.nodes) {
    if (known.has(name.toUpperCase())) continue;
    const verdict =
      trustedSuffix === undefined
        ? { ok: false as const, reason: 'no listed host has a DNS name whose suffix could be trusted' }
        : discoveredAddress(name, cluster.dnsSuffix, trustedSuffix);
    if (verdict.ok) allowed.push({ name, address: verdict.address, source: 'cluster' });
    else
      refused.push({
        node: { name, address: '', source: 'cluster' },
        why: `${name} was found from the cluster, and ${verdict.reason}. Add it to spec.nodes.hosts.`,
      });
  }
  return { allowed, refused };
}
