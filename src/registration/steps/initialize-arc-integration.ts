import type { OperationArguments } from '../../nodes/operations.ts';
import { sameId } from '../../azure/resource-ids.ts';
import { renewsArcSecret } from '../arc-secret-rotation.ts';
import { valueOf } from '../facts.ts';
import {
  arcInitialized,
  arcWanted,
  clusterNode,
  members,
  nonEmpty,
  unread,
  waiting,
  wasGiven,
  type Step,
} from '../step.ts';

export interface InitializeArcIntegrationArguments {
  node: string;
  /** All parameters but the secret, which stays in our Secret until the moment it is sent. */
  parameters: Omit<OperationArguments<'initializeArcIntegration'>, 'secret'>;
}

export const initializeArcIntegration: Step<InitializeArcIntegrationArguments> = {
  microsoft: { words: 'Initialize Arc integration on one node', command: 'Initialize-AzureStackHCIArcIntegration' },
  after: ['SetRegistration', 'GeneratePassword'],
  affects: () => ['probe/'],
  evaluate(input) {
    if (!arcWanted(input)) return [];
    const { target, observed } = input;
    const on = target.resourceName;
    const { arcSettings, arcSignIn, arcSecret } = observed;
    if (arcSettings.state !== 'present') return [unread(on, arcSettings)];
    const all = members(input);
    const initialized = all.some(({ probe }) => probe !== undefined && arcInitialized(probe, arcSettings.value));
    const unreadNode = all.find(({ probe }) => probe === undefined);
    if (!initialized && unreadNode !== undefined) return [unread(on, unreadNode.fact)];
    const appId = arcSettings.value.properties.arcApplicationClientId;
    const secret = valueOf(arcSecret);
    const isHeld = secret?.held !== undefined && sameId(secret.appId, appId);
    if (initialized && arcSecret.state === 'unknown')
      return [{ ...unread(on, arcSecret), renews: { until: undefined } }];
    if (initialized && !isHeld) return [{ state: 'Done', on }];
    if (isHeld && all.some(({ probe }) => probe !== undefined && wasGiven(probe, secret)))
      return [{ state: 'Done', on }];
    const renews = initialized ? renewsArcSecret(input) : undefined;
    // A new secret takes seconds to minutes until Microsoft Entra knows it. It is handed over only once it was seen to work.
    if (arcSignIn.state !== 'present') {
      const message = 'the new secret of the Arc service principal does not sign in yet';
      return [{ ...waiting(on, message, ['arcSignIn'], 3), renews }];
    }
    const node = clusterNode(input);
    if (node === undefined || !nonEmpty(appId))
      return [{ ...unread(on, { state: 'absent', at: input.now, via: 'live' }), renews }];
    return [
      {
        state: 'Ready',
        on,
        renews,
        arguments: {
          node,
          parameters: {
            appId,
            keyId: secret?.held?.keyId ?? '',
            tenantId: target.tenantId,
            subscriptionId: target.subscriptionId,
            region: target.region,
            resourceGroup: target.arcResourceGroup,
            cloud: target.endpoints.arcEnvironment,
          },
        },
      },
    ];
  },
};
