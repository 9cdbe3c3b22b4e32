import { unread, waiting, type Evaluation, type Step } from '../step.ts';

export interface RegisterResourceProviderArguments {
  namespace: string;
}

export const registerResourceProvider: Step<RegisterResourceProviderArguments> = {
  microsoft: { words: 'Register the resource providers', command: 'Register-AzResourceProvider' },
  after: [],
  affects: (namespace) => [`provider/${namespace}`],
  evaluate({ spec, target, observed }) {
    const needed = target.endpoints.resourceProviders.filter(
      (namespace) => spec.arc.state === 'Enabled' || namespace === 'Microsoft.AzureStackHCI',
    );
    return needed.map((namespace): Evaluation<RegisterResourceProviderArguments> => {
      const fact = observed.providers[namespace];
      if (fact?.state !== 'present')
        return fact === undefined
          ? waiting(namespace, 'not read yet', [], 0, 'NotYetObserved')
          : unread(namespace, fact);
      if (fact.value.registrationState === 'Registered') return { state: 'Done', on: namespace };
      if (fact.value.registrationState === 'Registering')
        return waiting(namespace, 'Azure is registering the provider', [`provider/${namespace}`], 2);
      return { state: 'Ready', on: namespace, arguments: { namespace } };
    });
  },
};
