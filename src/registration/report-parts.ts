import type { CredentialStatus } from '../api/status.ts';
import { notMember } from './conditions/nodes.ts';
import { bounded, seconds, secondsOf, word, type Draft, type StatusDraft } from './draft.ts';
import { valueOf, type Observed } from './facts.ts';
import { findings, type Finding } from './node-state.ts';
import { arcWanted, members, registeredTo, type PlanInput } from './step.ts';
import { agentTrouble } from './steps/start-arc-registration-task.ts';
import { arcNotShown } from './steps/sync.ts';

type NodesDraft = NonNullable<StatusDraft['nodes']>;
type NodeItem = NodesDraft['items'][number];

const maximumNodes = 16;
const maximumCredentials = 32;

export function reportNodes(input: PlanInput): NodesDraft {
  const { observed, target, spec } = input;
  const notShown = new Set(arcNotShown(input));
  const isKnown = observed.arcSettings.state !== 'unknown';
  const all = members(input);
  const arcConnected = arcWanted(input) ? all.filter(({ name }) => !notShown.has(name)).length : 0;
  const total = all.length;
  return {
    total,
    registered: all.filter(({ probe }) => probe !== undefined && registeredTo(probe, target.resourceId)).length,
    arcConnected,
    arcSummary: spec.arc.state === 'Enabled' ? `${isKnown ? arcConnected : '?'}/${total}` : spec.arc.state,
    items: reportNodeItems(observed).map((item) => ({ ...item, ...trouble(item.name, input, notShown) })),
  };
}

/** Why a node is not as it should be: the worst first, and what its agent says itself. */
function trouble(name: string, input: PlanInput, notShown: Set<string>): Pick<NodeItem, 'reason' | 'message'> {
  const member = members(input).find((one) => one.name === name);
  if (member === undefined) return { reason: 'NodeNotMember', message: bounded(notMember(name)) };
  const { probe } = member;
  const agentSays = probe !== undefined && (probe.agent?.errorCode ?? '') !== '' && notShown.has(name);
  const found: Finding[] = [
    ...findings(input, member),
    ...(agentSays ? [{ reason: 'NodesNotConnected', message: `${name}: ${agentTrouble(probe)}.` } as const] : []),
  ];
  const [worst] = found;
  return worst === undefined
    ? { reason: undefined, message: undefined }
    : { reason: worst.reason, message: bounded(found.map(({ message }) => message).join(' ')) };
}

export function reportNodeItems({ nodes, probes, hostKeys, arcSettings }: Observed): NodesDraft['items'] {
  const details = valueOf(arcSettings)?.properties.perNodeDetails ?? [];
  const arcStatus = new Map(details.map(({ name, state }) => [name.toLowerCase(), state]));
  return nodes.slice(0, maximumNodes).map(({ name, address }) => {
    const fact = probes[name];
    const probe = valueOf(fact);
    const why = fact?.state === 'unknown' ? fact.why : undefined;
    return {
      name,
      address: address === '' ? undefined : address,
      registrationStatus: word(probe?.registration.registrationStatus),
      connectionStatus: word(probe?.registration.connectionStatus),
      arcStatus: word(arcStatus.get(name.toLowerCase())),
      agentVersion: word(probe?.agent?.version),
      hostKey: hostKeys[name],
      lastProbeTime: fact?.state === 'present' ? seconds(fact.at) : undefined,
      reason: why?.reason,
      message: why === undefined ? undefined : bounded(why.message),
    };
  });
}

/** The credentials that the cluster uses, with what is known of their expiry. */
export function reportCredentials(input: PlanInput): Draft<CredentialStatus>[] {
  const secret = valueOf(input.observed.arcSecret);
  const certificates = members(input).flatMap(({ name, probe }): Draft<CredentialStatus>[] => {
    const created = probe?.certificate.created;
    if (created === null || created === undefined || probe?.certificate.set?.thumbprint !== created.thumbprint)
      return [];
    const notAfter = secondsOf(created.notAfter);
    return [{ name: `NodeCertificate/${name}`, notAfter, keyId: created.thumbprint, source: 'Node' }];
  });
  const own = valueOf(input.observed.onboardingSecret);
  if (own !== undefined) {
    const notAfter = own.notAfter === undefined ? undefined : seconds(own.notAfter);
    return [
      ...signInCredential(input),
      { name: 'ArcServicePrincipal', notAfter, source: 'Secret' } as const,
      ...certificates,
    ].slice(0, maximumCredentials);
  }
  const arc: Draft<CredentialStatus>[] =
    secret === undefined
      ? []
      : [
          {
            name: 'ArcServicePrincipal',
            notAfter: secret.notAfter === undefined ? undefined : secondsOf(secret.notAfter),
            keyId: word(secret.keyId),
            source: 'generatePassword',
          },
        ];
  return [...signInCredential(input), ...arc, ...certificates].slice(0, maximumCredentials);
}

/** Federated tokens and managed identities have nothing that expires. */
function signInCredential({ spec, observed }: PlanInput): Draft<CredentialStatus>[] {
  const { type } = spec.azure.identity;
  if (type !== 'ClientSecret' && type !== 'ClientCertificate') return [];
  const notAfter = observed.signInNotAfter;
  return [{ name: 'SignIn', notAfter: notAfter === undefined ? undefined : seconds(notAfter), source: type }];
}
