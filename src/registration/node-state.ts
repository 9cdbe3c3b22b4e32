import type { Reason } from '../api/reasons.ts';
import type { ClusterProbe, Probe } from '../nodes/operations.ts';
import { valueOf } from './facts.ts';
import { clocksDiffer } from './renewal.ts';
import { members, nonEmpty, unread, waiting, type Evaluation, type Member, type PlanInput } from './step.ts';

// How the nodes are, as the cluster and they themselves say, and what may be done on them meanwhile.

type Seen = Pick<PlanInput, 'observed'>;
type SeenNow = Pick<PlanInput, 'observed' | 'now'>;

/** Something about a node that a person should know. */
export interface Finding {
  reason: Reason;
  message: string;
}

/** Microsoft documents that a synchronisation deletes the Arc resource of a node that has just booted; and its services still start. */
const freshBootMs = 10 * 60_000;
/** How long a node that somebody works on is left before it is looked at again. */
const graceSeconds = 120;

const inCluster = ({ observed }: Seen, name: string): ClusterProbe['nodes'][number] | undefined =>
  valueOf(observed.cluster)?.nodes.find((node) => node.name.toUpperCase() === name.toUpperCase());

/** What the cluster says of a node that is not simply up. */
export function clusterState(input: Seen, name: string): Finding | undefined {
  const node = inCluster(input, name);
  if (node === undefined) return undefined;
  const { state, statusInformation, drainStatus } = node;
  if (drainStatus === 'InProgress')
    return { reason: 'NodeDraining', message: `${name} is being drained: its virtual machines are moving away.` };
  if (state === 'Paused') return { reason: 'NodePaused', message: `${name} is paused in the cluster.` };
  const information = nonEmpty(statusInformation) && statusInformation !== 'Normal' ? ` (${statusInformation})` : '';
  if (state === 'Down') return { reason: 'NodeDown', message: `The cluster says that ${name} is down${information}.` };
  if (state === 'Up' && information === '') return undefined;
  return { reason: 'NodeNotUp', message: `The cluster says that ${name} is ${state}${information}.` };
}

/** How long ago the node booted, in milliseconds. NaN where what it says is no time. */
const upForMs = ({ fact, probe }: Member, now: Date): number =>
  probe === undefined
    ? Number.NaN
    : Date.parse(probe.os.currentTime) - Date.parse(probe.os.bootTime) + now.getTime() - fact.at.getTime();

function freshBoot({ now }: SeenNow, member: Member): (Finding & { leftSeconds: number }) | undefined {
  const leftMs = freshBootMs - upForMs(member, now);
  if (!(leftMs > 0)) return undefined;
  const until = new Date(now.getTime() + leftMs).toISOString();
  const message = `${member.name} has just booted; it is left alone until ${until}.`;
  return { reason: 'NodeFreshlyBooted', message, leftSeconds: leftMs / 1000 };
}

/** Why nothing is to be changed on a node for now. */
export function hold(input: SeenNow, member: Member): Finding | undefined {
  const found = clusterState(input, member.name) ?? freshBoot(input, member);
  return found && { reason: found.reason, message: found.message };
}

/** A step that would change something on this node waits: for what the cluster says of it, and while somebody works on it. */
export function leftAlone(input: PlanInput, member: Member, on = member.name): Evaluation<never> | undefined {
  if (input.observed.cluster.state !== 'present') return unread(on, input.observed.cluster);
  const state = clusterState(input, member.name);
  if (state !== undefined) return waiting(on, state.message, ['cluster'], graceSeconds, state.reason);
  const fresh = freshBoot(input, member);
  if (fresh === undefined) return undefined;
  return waiting(on, fresh.message, ['cluster'], Math.min(graceSeconds, fresh.leftSeconds), fresh.reason);
}

/** Sync-AzureStackHCI is for all nodes at once: it waits while any of them is not up, or has just booted. */
export function noSyncYet(input: PlanInput, on: string): Evaluation<never> | undefined {
  for (const member of members(input)) {
    const held = leftAlone(input, member, on);
    if (held?.state === 'Waiting')
      return { ...held, message: `${held.message} Synchronising now could delete the Arc resource of that node.` };
    if (held !== undefined) return held;
  }
  return undefined;
}

/** Runs an operation for the whole cluster on a node that answers and is not left alone; waits where there is none. */
export function onClusterNode<A>(
  input: PlanInput,
  on: string,
  ready: (member: Member & { probe: Probe }) => Extract<Evaluation<A>, { state: 'Ready' }>,
): Evaluation<A> {
  let held: Evaluation<never> | undefined;
  for (const member of members(input)) {
    const { probe } = member;
    if (probe === undefined) continue;
    const waits = leftAlone(input, member, on);
    if (waits === undefined) return ready({ ...member, probe });
    held ??= waits;
  }
  return held ?? waiting(on, 'no node answers', [], 0, 'NodeUnreachable');
}

const firstBuild = { build: 17784, ubr: 1374 }; // 20H2 with KB4586852: what Register-AzStackHCI asks for (9111)

/** Judged by the cmdlets that are there, and only then by the build. */
export function osUnsupported(name: string, { os, commands }: Probe): Finding | undefined {
  const lacks = ['New-AzureStackHCIRegistrationCertificate', 'Set-AzureStackHCIRegistration'].find(
    (command) => !commands.includes(command),
  );
  const isOlder = os.build < firstBuild.build || (os.build === firstBuild.build && os.ubr < firstBuild.ubr);
  if (lacks === undefined && !isOlder) return undefined;
  const version = `${os.displayVersion} (${os.build}.${os.ubr})`;
  const why = lacks === undefined ? `older than 20H2 (17784.1374)` : `has no ${lacks}`;
  return { reason: 'OsUnsupported', message: `${name} runs ${version}, which is ${why} (9111): update it.` };
}

/** Some nodes have Arc integration and some do not: an upgrade is under way, node by node. */
export function mixedBuilds(input: Seen): Finding | undefined {
  const answering = members(input).flatMap(({ name, probe }) => (probe === undefined ? [] : [{ name, probe }]));
  const without = answering.filter(({ probe }) => probe.arc === null);
  if (without.length === 0 || without.length === answering.length) return undefined;
  const list = answering.map(({ name, probe: { os } }) => `${name} ${os.displayVersion} (${os.build}.${os.ubr})`);
  return {
    reason: 'MixedBuilds',
    message: `Not all nodes run a release with Arc integration (9112): ${list.join(', ')}. Arc waits until the upgrade of ${without.map(({ name }) => name).join(', ')} is done.`,
  };
}

const firmwareOf = ({ bios }: Probe): string => `${bios.manufacturer} ${bios.version}`;

/** The firmware that most of the other nodes have, where this one has another. */
function otherFirmware(input: Seen, name: string, probe: Probe): string | undefined {
  const others = members(input).flatMap((member) =>
    member.name === name || member.probe === undefined ? [] : [firmwareOf(member.probe)],
  );
  const usual = others.find((each) => others.filter((other) => other === each).length * 2 > others.length);
  return usual === firmwareOf(probe) ? undefined : usual;
}

function firmware(input: Seen, name: string, probe: Probe): Finding | undefined {
  const usual = otherFirmware(input, name, probe);
  if (usual === undefined) return undefined;
  const message = `${name} has the firmware ${firmwareOf(probe)}, most of the other nodes have ${usual}.`;
  return { reason: 'FirmwareDiffers', message };
}

function secureBoot(name: string, { bios }: Probe): Finding | undefined {
  return bios.secureBoot === false ? { reason: 'SecureBootOff', message: `Secure Boot is off on ${name}.` } : undefined;
}

/** Against Azure's clock where that is known, else against ours. */
function clock({ observed }: Seen, { name, fact, probe }: Member): Finding | undefined {
  if (probe === undefined) return undefined;
  const skewMs = Date.parse(probe.os.currentTime) - fact.at.getTime() - (observed.clockSkewMs ?? 0);
  if (!clocksDiffer(skewMs)) return undefined;
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  const message = `The clock of ${name} is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} Azure's: correct it, or its sign-in is refused.`;
  return { reason: 'NodeClockSkew', message };
}

/** Nodes with this ConnectionStatus. Without an AzureResourceUri it says nothing. */
export const withConnectionStatus = (input: Seen, status: string): string[] =>
  members(input)
    .filter(({ probe }) => nonEmpty(probe?.registration.azureResourceUri))
    .filter(({ probe }) => probe?.registration.connectionStatus === status)
    .map(({ name }) => name);

/** What is known of a node that can put it out of policy. */
export function whyOutOfPolicy(input: Seen, name: string): string {
  const member = members(input).find((one) => one.name === name);
  if (member?.probe === undefined) return '';
  const { probe } = member;
  const found = [secureBoot(name, probe), firmware(input, name, probe), clock(input, member)];
  const known = found.flatMap((finding) => finding?.message ?? []);
  return known.length > 0
    ? known.join(' ')
    : `Secure Boot, clock and firmware (${firmwareOf(probe)}) of ${name} are as those of the others: look at its TPM and at event 594.`;
}

function policy(input: Seen, { name, probe }: Member): Finding | undefined {
  if (!nonEmpty(probe?.registration.azureResourceUri)) return undefined;
  const status = probe?.registration.connectionStatus;
  if (status === 'OutOfPolicy')
    return { reason: 'NodeOutOfPolicy', message: `${name} is out of policy. ${whyOutOfPolicy(input, name)}` };
  if (status === 'RepairRegistrationRequired')
    return { reason: 'RepairRegistrationRequired', message: `${name} asks for a repair of the registration.` };
  return undefined;
}

/** Why a node does not answer, with what the cluster says of it. */
export function silence(input: Seen, name: string, { reason, message }: Finding): Finding {
  if (reason !== 'NodeUnreachable' && reason !== 'NodeNotAnswering') return { reason, message };
  const state = clusterState(input, name);
  // That it hangs says more than that the others miss it.
  if (state !== undefined)
    return { reason: reason === 'NodeNotAnswering' ? reason : state.reason, message: `${state.message} ${message}` };
  return inCluster(input, name) === undefined
    ? { reason, message }
    : { reason, message: `The cluster says that ${name} is up. ${message}` };
}

/** All that is to be told of a node, the worst first. */
export function findings(input: SeenNow, member: Member): Finding[] {
  const { name, fact, probe } = member;
  if (fact.state === 'unknown') return [silence(input, name, fact.why)];
  if (probe === undefined) return [];
  const outOfPolicy = policy(input, member);
  const parts = [
    hold(input, member),
    osUnsupported(name, probe),
    outOfPolicy,
    clock(input, member),
    secureBoot(name, probe),
    firmware(input, name, probe),
  ].flatMap((finding) => finding ?? []);
  // These it names itself.
  return outOfPolicy?.reason === 'NodeOutOfPolicy'
    ? parts.filter(({ reason }) => !['NodeClockSkew', 'SecureBootOff', 'FirmwareDiffers'].includes(reason))
    : parts;
}
