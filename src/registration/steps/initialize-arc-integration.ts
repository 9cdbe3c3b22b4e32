import type { OperationArguments } from '../../nodes/operations.ts';
import { arcApplicationId, holdsArcApplication, onboardingSecretHeld } from '../arc-application.ts';
import { renewsArcSecret } from '../arc-secret-rotation.ts';
import { onClusterNode } from '../node-state.ts';
import { arcWanted, members, ownArcSecret, unread, waiting, wasGiven, type PlanInput, type Step } from '../step.ts';

export interface InitializeArcIntegrationArguments {
  node: string;
  /** All parameters but the secret, which stays in its Secret until the moment it is sent. */
  parameters: Omit<OperationArguments<'initializeArcIntegration'>, 'secret'>;
  /** Which secret of the user's own service principal is meant; undefined: the provider's, which we hold. */
  fingerprint: string | undefined;
  /** The request for a repair that is open. */
  repair: string | undefined;
}

export const initializeArcIntegration: Step<InitializeArcIntegrationArguments> = {
  microsoft: { words: 'Initialize Arc integration on one node', command: 'Initialize-AzureStackHCIArcIntegration' },
  after: ['SetRegistration', 'AssignArcRoles', 'GeneratePassword'],
  arc: true,
  affects: () => ['probe/', 'onboardingRecord'],
  evaluate(input) {
    if (!arcWanted(input)) return [];
    const { target, observed, spec } = input;
    const on = target.resourceName;
    const { arcSettings, arcSignIn, onboardingSecret, onboardingRecord, arcSecret } = observed;
    if (arcSettings.state !== 'present') return [unread(on, arcSettings)];
    const all = members(input);
    const isOwn = spec.arc.onboarding.type === 'ServicePrincipal';
    if (isOwn && onboardingSecret.state !== 'present') return [unread(on, onboardingSecret)];
    if (isOwn && onboardingRecord.state === 'unknown') return [unread(on, onboardingRecord)];
    const appId = arcApplicationId(input);
    if (appId === undefined) return [unread(on, { state: 'absent', at: input.now, via: 'live' })];
    const nodesHoldOne = all.some(({ probe }) => probe !== undefined && holdsArcApplication(probe, appId));
    const renews = nodesHoldOne && !isOwn ? renewsArcSecret(input) : undefined;
    if (!isOwn && arcSecret.state === 'unknown') return [{ ...unread(on, arcSecret), renews }];
    if (isOwn ? onboardingSecretHeld(input) !== 'other' : providersSecretHeld(input, nodesHoldOne))
      return [{ state: 'Done', on }];
    const unreadNode = all.find(({ probe }) => probe === undefined);
    // One that has been registered can be given another secret through any of its nodes.
    if (unreadNode !== undefined && !nodesHoldOne) return [unread(on, unreadNode.fact)];
    // What Microsoft Entra refuses to a secret of the user's own is for the user to know.
    if (isOwn && arcSignIn.state === 'unknown') return [unread(on, arcSignIn)];
    // A new secret takes seconds to minutes until Microsoft Entra knows it. It is handed over only once it was seen to work.
    if (arcSignIn.state !== 'present') {
      const message = 'the new secret of the Arc service principal does not sign in yet';
      return [{ ...waiting(on, message, ['arcSignIn'], 3), renews }];
    }
    const fingerprint = onboardingSecret.state === 'present' ? onboardingSecret.value.fingerprint : undefined;
    const given = onClusterNode(input, on, ({ name: node }) => ({
      state: 'Ready' as const,
      on,
      arguments: {
        node,
        parameters: {
          appId,
          keyId: fingerprint ?? ownArcSecret(input)?.held?.keyId ?? '',
          tenantId: target.tenantId,
          subscriptionId: target.subscriptionId,
          region: target.region,
          resourceGroup: target.arcResourceGroup,
          cloud: target.endpoints.arcEnvironment,
        },
        fingerprint,
        repair: input.memory.renewalRequests.repair,
      },
    }));
    return [{ ...given, renews }];
  },
};

/** None is waiting to be handed over, or a node was given the one that is. */
function providersSecretHeld(input: PlanInput, nodesHoldOne: boolean): boolean {
  const secret = ownArcSecret(input);
  if (secret?.held === undefined) return nodesHoldOne;
  return members(input).some(({ probe }) => probe !== undefined && wasGiven(probe, secret));
}
