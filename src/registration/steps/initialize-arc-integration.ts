import type { OperationArguments } from '../../nodes/operations.ts';
import { arcApplicationId, holdsArcApplication, onboardingSecretHeld } from '../arc-application.ts';
import { onClusterNode } from '../node-state.ts';
import { arcWanted, members, unread, waiting, type Step } from '../step.ts';

export interface InitializeArcIntegrationArguments {
  node: string;
  /** All parameters but the secret, which stays in its Secret until the moment it is sent. */
  parameters: Omit<OperationArguments<'initializeArcIntegration'>, 'secret'>;
  /** Which secret of the user's own service principal is meant; undefined: the provider's, which we hold. */
  fingerprint: string | undefined;
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
    const { arcSettings, arcSignIn, onboardingSecret, onboardingRecord } = observed;
    if (arcSettings.state !== 'present') return [unread(on, arcSettings)];
    const all = members(input);
    const isOwn = spec.arc.onboarding.type === 'ServicePrincipal';
    if (isOwn && onboardingSecret.state !== 'present') return [unread(on, onboardingSecret)];
    if (isOwn && onboardingRecord.state === 'unknown') return [unread(on, onboardingRecord)];
    const appId = arcApplicationId(input);
    if (appId === undefined) return [unread(on, { state: 'absent', at: input.now, via: 'live' })];
    const isDone = isOwn
      ? onboardingSecretHeld(input) !== 'other'
      : all.some(({ probe }) => probe !== undefined && holdsArcApplication(probe, appId));
    if (isDone) return [{ state: 'Done', on }];
    const unreadNode = all.find(({ probe }) => probe === undefined);
    if (unreadNode !== undefined) return [unread(on, unreadNode.fact)];
    // What Microsoft Entra refuses to a secret of the user's own is for the user to know.
    if (isOwn && arcSignIn.state === 'unknown') return [unread(on, arcSignIn)];
    // A new secret takes seconds to minutes until Microsoft Entra knows it. It is handed over only once it was seen to work.
    if (arcSignIn.state !== 'present')
      return [waiting(on, 'the new secret of the Arc service principal does not sign in yet', ['arcSignIn'], 3)];
    return [
      onClusterNode(input, on, ({ name: node }) => ({
        state: 'Ready',
        on,
        arguments: {
          node,
          parameters: {
            appId,
            tenantId: target.tenantId,
            subscriptionId: target.subscriptionId,
            region: target.region,
            resourceGroup: target.arcResourceGroup,
            cloud: target.endpoints.arcEnvironment,
          },
          fingerprint: onboardingSecret.state === 'present' ? onboardingSecret.value.fingerprint : undefined,
        },
      })),
    ];
  },
};
