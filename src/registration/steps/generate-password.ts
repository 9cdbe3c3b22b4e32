import { sameId } from '../../azure/resource-ids.ts';
import { arcSecretRotation, heldSecretIsDead, openRequests, renewsArcSecret } from '../arc-secret-rotation.ts';
import type { RenewalRequests } from '../facts.ts';
import { holdsArcApplication } from '../arc-application.ts';
import { arcWanted, members, nonEmpty, underWay, unread, waiting, type Renews, type Step } from '../step.ts';

export interface GeneratePasswordArguments {
  resourceGroup: string;
  resourceName: string;
  appId: string;
  /** What it is an answer to. */
  requests: RenewalRequests;
}

/**
 * The secret of the Arc service principal can be read in this answer only; it is kept in our own Secret until the nodes hold it. Made
 * once for the registration, and again ahead of its expiry or on request: then the one that the nodes hold goes on working beside it.
 */
export const generatePassword: Step<GeneratePasswordArguments> = {
  microsoft: {
    words: "Create the Arc service principal's secret",
    command: 'Invoke-AzResourceAction generatePassword',
  },
  after: ['AssignArcRoles'],
  arc: true,
  // As long as a request may take: where Azure replaces secrets, one that arrives late would make the next one invalid.
  submits: { waitSeconds: 60 },
  makesAnew: true,
  affects: () => ['arcSecret', 'arcSignIn'],
  evaluate(input) {
    if (!arcWanted(input) || input.spec.arc.onboarding.type !== 'ResourceProvider') return [];
    const { target, observed } = input;
    const on = 'default';
    if (observed.arcSettings.state !== 'present') return [unread(on, observed.arcSettings)];
    const appId = observed.arcSettings.value.properties.arcApplicationClientId;
    if (!nonEmpty(appId)) return [unread(on, { state: 'absent', at: input.now, via: 'live' })];
    const all = members(input);
    const nodesHoldOne = all.some(({ probe }) => probe !== undefined && holdsArcApplication(probe, appId));
    const silent = all.find(({ probe }) => probe === undefined);
    if (!nodesHoldOne && silent !== undefined) return [unread(on, silent.fact)];
    const renews: Renews | undefined = nodesHoldOne ? renewsArcSecret(input) : undefined;
    if (observed.arcSecret.state === 'unknown') return [{ ...unread(on, observed.arcSecret), renews }];

    const secret = observed.arcSecret.state === 'present' ? observed.arcSecret.value : undefined;
    const isHeld = secret?.held !== undefined && sameId(secret.appId, appId) && !heldSecretIsDead(input);
    const rotation = nodesHoldOne ? arcSecretRotation(input) : 'due';
    if (isHeld || rotation === 'none') return [{ state: 'Done', on }];
    if (rotation === 'held') {
      const message = "the controller's clock and Azure's differ";
      return [{ ...waiting(on, message, [], 60, 'ClockSkew'), renews }];
    }
    const started = underWay(input, 'GeneratePassword', on, []);
    if (started !== undefined) return [{ ...started, renews }];
    const { resourceGroup, resourceName } = target;
    return [
      {
        state: 'Ready',
        on,
        renews,
        arguments: { resourceGroup, resourceName, appId, requests: openRequests(input) },
      },
    ];
  },
};
