import type { OperationArguments } from '../../nodes/operations.ts';
import { onClusterNode } from '../node-state.ts';
import { arcInitialized, arcWanted, members, nonEmpty, unread, waiting, type Step } from '../step.ts';

export interface InitializeArcIntegrationArguments {
  node: string;
  /** All parameters but the secret, which stays in our Secret until the moment it is sent. */
  parameters: Omit<OperationArguments<'initializeArcIntegration'>, 'secret'>;
}

export const initializeArcIntegration: Step<InitializeArcIntegrationArguments> = {
  microsoft: { words: 'Initialize Arc integration on one node', command: 'Initialize-AzureStackHCIArcIntegration' },
  after: ['SetRegistration', 'GeneratePassword'],
  arc: true,
  affects: () => ['probe/'],
  evaluate(input) {
    if (!arcWanted(input)) return [];
    const { target, observed } = input;
    const on = target.resourceName;
    const { arcSettings, arcSignIn } = observed;
    if (arcSettings.state !== 'present') return [unread(on, arcSettings)];
    const all = members(input);
    if (all.some(({ probe }) => probe !== undefined && arcInitialized(probe, arcSettings.value)))
      return [{ state: 'Done', on }];
    const unreadNode = all.find(({ probe }) => probe === undefined);
    if (unreadNode !== undefined) return [unread(on, unreadNode.fact)];
    // A new secret takes seconds to minutes until Microsoft Entra knows it. It is handed over only once it was seen to work.
    if (arcSignIn.state !== 'present')
      return [waiting(on, 'the new secret of the Arc service principal does not sign in yet', ['arcSignIn'], 3)];
    const appId = arcSettings.value.properties.arcApplicationClientId;
    if (!nonEmpty(appId)) return [unread(on, { state: 'absent', at: input.now, via: 'live' })];
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
        },
      })),
    ];
  },
};
