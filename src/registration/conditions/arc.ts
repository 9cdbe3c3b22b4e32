import { minimumAgentVersion, outdated } from '../arc-agent.ts';
import { valueOf, type Unknown } from '../facts.ts';
import { mixedBuilds } from '../node-state.ts';
import type { Pending, Plan } from '../plan.ts';
import { arcDisableBegun, arcWanted, members, stepKey, type PlanInput } from '../step.ts';
import { stepsToDisableArc } from '../steps/index.ts';
import { describeStale, staleMachines } from '../stale-machines.ts';
import { arcNotShown } from '../steps/sync.ts';
import { no, unsure, yes, type Verdict } from './verdict.ts';

export function arcConnected(input: PlanInput, plan: Plan): Verdict {
  const disabling = [...plan.pending, ...plan.left].filter(({ step }) => stepsToDisableArc.has(step));
  if (disabling.length > 0 && (input.spec.arc.state === 'Disabled' || arcDisableBegun(input)))
    return no('ArcDisableInProgress', beingDisabled(input, disabling));
  if (input.spec.arc.state !== 'Enabled') return unsure('NotRequested', `spec.arc.state is ${input.spec.arc.state}.`);
  const mixed = mixedBuilds(input);
  if (mixed !== undefined) return no(mixed.reason, mixed.message);
  if (members(input).some(({ probe }) => probe !== undefined && probe.arc === null))
    return no('ArcUnsupported', 'The operating system has no Arc integration; 21H2 is the first that has.');
  if (plan.arcRefusal !== undefined) return no(plan.arcRefusal.reason, plan.arcRefusal.message);
  const roles = plan.pending.flatMap(({ step, on, unread, reason, message }): Pick<Pending, 'reason' | 'message'>[] => {
    if (step !== 'AssignResourceManagerRole' && step !== 'AssignArcRoles') return [];
    const failed = input.memory.failures.get(stepKey(step, on));
    return failed === undefined ? (unread ? [{ reason, message }] : []) : [failed];
  });
  const [role] = roles;
  const refused = /^(RpRoleMissing|ActionsMissing)$/;
  if (role !== undefined && roles.every(({ reason }) => refused.test(reason)))
    return no(role.reason, [...new Set(roles.map(({ message }) => message))].join('\n'));
  if (input.observed.arcSettings.state === 'unknown')
    return unsure(input.observed.arcSettings.why.reason, input.observed.arcSettings.why.message);
  const elsewhere = plan.pending.filter(({ reason }) => reason === 'ArcAgentConflict');
  if (elsewhere.length > 0) return no('ArcAgentConflict', elsewhere.map(({ message }) => message).join('\n'));
  const old = outdated(input);
  if (old.length > 0)
    return no(
      'AgentOutdated',
      `The Connected Machine agent is older than ${minimumAgentVersion} on: ${old.join(', ')}.`,
    );
  const open = arcNotShown(input);
  const trouble = onboardingTrouble(input);
  if (trouble !== undefined && open.length > 0) return no(trouble.reason, trouble.message);
  if (!arcWanted(input) || input.observed.arcSettings.state === 'absent')
    return no('NodesNotConnected', `Arc is not set up yet.${foreignMachines(input)}`);
  if (open.length === 0)
    return yes(
      `All ${members(input).length} nodes are connected Arc-enabled servers in ${input.target.arcResourceGroup}.${consent(input)}${updates(input)}${foreignMachines(input)}`,
    );
  const onboarding = plan.pending.some(({ step }) => step === 'StartArcRegistrationTask');
  return onboarding
    ? no('NodesNotConnected', `Not Arc-connected yet: ${open.join(', ')}.`)
    : no(
        'ArcSyncPending',
        `All nodes are onboarded; Azure does not show ${open.join(', ')} as connected yet. Nodes tell Azure of their agents when they synchronise, every 12 hours by themselves; the controller lets them synchronise earlier, ever more seldom.`,
      );
}

function beingDisabled({ spec }: PlanInput, open: Pending[]): string {
  const names = [...new Set(open.map(({ step }) => step))].join(', ');
  const then = spec.arc.state === 'Enabled' ? ' It was begun before (9113); then Arc is enabled anew.' : '';
  const [first] = open;
  const now =
    open.find(({ state }) => state === 'Blocked') ?? open.find(({ afterSeconds }) => afterSeconds > 0) ?? first;
  const doing = now === undefined ? '' : ` ${now.step} on ${now.on}: ${now.message}.`;
  return `Arc is being disabled; the cluster stays registered. Left to do: ${names}.${doing}${then}`;
}

/** The user's own Arc service principal cannot be used. */
function onboardingTrouble({ spec, observed }: PlanInput): Unknown | undefined {
  if (spec.arc.onboarding.type !== 'ServicePrincipal') return undefined;
  const { onboardingSecret, arcSignIn } = observed;
  if (onboardingSecret.state === 'unknown') return onboardingSecret.why;
  return arcSignIn.state === 'unknown' ? arcSignIn.why : undefined;
}

/** The roles that are assigned at the Arc group hold for them too. */
function foreignMachines(input: PlanInput): string {
  const { observed, target } = input;
  const nodes = new Set(members(input).map(({ name }) => name.toLowerCase()));
  const stale = staleMachines(input);
  const names = (valueOf(observed.machines) ?? [])
    .filter((machine) => !nodes.has(machine.name.toLowerCase()) && !stale.includes(machine))
    .map(({ name }) => name);
  const left = describeStale(stale)
    .map((message) => ` ${message}`)
    .join('');
  if (names.length === 0) return left;
  const shown = names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ');
  return `${left} ${target.arcResourceGroup} also holds Arc-enabled servers that are no nodes of this cluster: ${shown}. What is granted there for this cluster holds for them too; spec.arc.resourceGroup can name a group of its own before the first registration.`;
}

function updates(input: PlanInput): string {
  const names = members(input).flatMap(({ name, probe }) => (probe?.microsoftUpdate === false ? [name] : []));
  return names.length === 0
    ? ''
    : ` New releases of the agent do not come by themselves where Microsoft Update is off: ${names.join(', ')}.`;
}

const consent = ({ spec }: PlanInput): string =>
  spec.arc.defaultExtensions === undefined
    ? ' Consent to the default extensions was not given (spec.arc.defaultExtensions).'
    : '';
