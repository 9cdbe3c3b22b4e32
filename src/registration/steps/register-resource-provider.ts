import { valueOf } from '../facts.ts';
import { stepKey, unread, waiting, type Evaluation, type PlanInput, type Step } from '../step.ts';

export interface RegisterResourceProviderArguments {
  namespace: string;
}

/** When something was last refused because the subscription is not registered for this namespace. */
function lastMissed({ observed, memory }: PlanInput, namespace: string): Date | undefined {
  const { resource, arcSettings, probes } = observed;
  const names = (text: string | null | undefined) =>
    text?.includes('MissingSubscriptionRegistration') === true && text.includes(`'${namespace}'`);
  const times = [
    ...[resource, arcSettings].flatMap((fact) =>
      fact.state === 'unknown' && names(fact.why.message) ? [fact.at.getTime()] : [],
    ),
    ...[...memory.failures.values()].flatMap(({ message, at }) => (names(message) ? [at.getTime()] : [])),
    // The agent of a node makes its own resource.
    ...Object.values(probes).flatMap((fact) => (names(valueOf(fact)?.agent?.errorDetails) ? [fact.at.getTime()] : [])),
  ];
  return times.length === 0 ? undefined : new Date(Math.max(...times));
}

/** The role that Microsoft's page lists does not let providers be read: they count as registered until something fails for want of it. */
function evaluateUnreadable(input: PlanInput, namespace: string): Evaluation<RegisterResourceProviderArguments> {
  const missed = lastMissed(input, namespace);
  const registered = input.memory.successes.get(stepKey('RegisterResourceProvider', namespace))?.at;
  return missed === undefined || (registered !== undefined && registered >= missed)
    ? { state: 'Done', on: namespace }
    : { state: 'Ready', on: namespace, arguments: { namespace } };
}

export const registerResourceProvider: Step<RegisterResourceProviderArguments> = {
  microsoft: { words: 'Register the resource providers', command: 'Register-AzResourceProvider' },
  after: [],
  // What was refused for want of the provider is looked at again.
  affects: (namespace) => [`provider/${namespace}`, 'resource', 'arcSettings'],
  evaluate(input) {
    const { spec, target, observed } = input;
    const needed = target.endpoints.resourceProviders.filter(
      (namespace) => spec.arc.state === 'Enabled' || namespace === 'Microsoft.AzureStackHCI',
    );
    return needed.map((namespace): Evaluation<RegisterResourceProviderArguments> => {
      const fact = observed.providers[namespace];
      if (fact === undefined) return waiting(namespace, 'not read yet', [], 0, 'NotYetObserved');
      if (fact.state === 'unknown' && fact.why.reason === 'ActionsMissing') return evaluateUnreadable(input, namespace);
      if (fact.state !== 'present') return unread(namespace, fact);
      if (fact.value.registrationState === 'Registered') return { state: 'Done', on: namespace };
      if (fact.value.registrationState === 'Registering')
        return waiting(namespace, 'Azure is registering the provider', [`provider/${namespace}`], 2);
      return { state: 'Ready', on: namespace, arguments: { namespace } };
    });
  },
};
