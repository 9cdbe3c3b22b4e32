import type { HciClusterRegistration } from '../api/registration.ts';
import { authenticated } from './conditions/azure.ts';
import { nodesReachable } from './conditions/nodes.ts';
import { credentialsCurrent } from './conditions/credentials.ts';
import { toConditions, type StatusDraft, type Verdict, type Verdicts } from './draft.ts';
import type { Observed } from './facts.ts';
import { handledPokes } from './pokes.ts';
import { reportNodeItems } from './report-parts.ts';

const passing = new Set(['Reconciling', 'Stalled', 'Suspended']);

/** Status of an object that is not worked on: what was known stays, and the conditions say why. */
export function reportIdle(
  registration: Pick<HciClusterRegistration, 'metadata' | 'status'>,
  verdicts: Verdicts,
  observedGeneration: number | undefined,
  now: Date,
): StatusDraft {
  // Their observedGeneration stays as well: they say nothing of a newer spec.
  const kept = (registration.status?.conditions ?? []).filter(
    ({ type }) => !passing.has(type) && verdicts[type] === undefined,
  );
  return {
    ...registration.status,
    observedGeneration: observedGeneration ?? registration.status?.observedGeneration,
    conditions: [...toConditions(registration, verdicts, now), ...kept],
  };
}

const unknownUntilAnswer = (what: string): Verdict => ({
  status: 'Unknown',
  reason: 'NotYetObserved',
  message: `${what} is not known until a node answers.`,
});

/** Status while the name of the cluster is not known: no node has answered yet. */
export function reportUnresolved(registration: HciClusterRegistration, observed: Observed, now: Date): StatusDraft {
  const nodes = nodesReachable({ observed });
  const verdicts: Verdicts = {
    Ready: { ...nodes, status: 'False' },
    Reconciling: { status: 'True', reason: 'ProgressingWithRetry', message: nodes.message },
    Authenticated: authenticated(observed.signIn),
    PermissionsSatisfied: unknownUntilAnswer('The scope of the permissions'),
    NodesReachable: nodes,
    Registered: unknownUntilAnswer('The registration'),
    Connected: unknownUntilAnswer('The connection'),
    ArcConnected: unknownUntilAnswer('The state of Arc'),
    CredentialsCurrent: credentialsCurrent([], { now, clockSkewMs: observed.clockSkewMs, failure: undefined }),
    InSync: { status: 'Unknown', reason: 'NotObserved', message: nodes.message },
  };
  const total = observed.nodes.length;
  return {
    ...reportIdle(registration, verdicts, registration.metadata.generation, now),
    ...handledPokes(registration),
    nodes: { total, registered: 0, arcConnected: 0, arcSummary: `0/${total}`, items: reportNodeItems(observed) },
  };
}
